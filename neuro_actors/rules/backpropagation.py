"""Backpropagation, the rule that all others are compared with."""

from __future__ import annotations

from dataclasses import dataclass

from ..network.network import Network
from ..neuron.kernel_rule import FASTEST_RULE
from ..neuron.local_rule import NeuronRule
from ..neuron.sums import Sums
from .rule import Rule, own


@dataclass(frozen=True)
class Backpropagation(Rule):
    """The rule of `neuron/local_rule.py`, from which the exact gradient emerges.

    Source: Rumelhart, Hinton, Williams, Nature 323, 1986.
    """

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.neuron`. These neurons take part in tangent steps too."""
        return FASTEST_RULE(*own(network, k), sums)
