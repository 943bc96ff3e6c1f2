"""Feedback alignment: fixed random numbers replace the synapses' weights on the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..network.network import Network
from ..neuron.local_rule import LocalRule
from ..neuron.messages import Step
from ..neuron.sums import Sums
from ..support.arrays import Array, freeze
from ..support.scalars import as_whole_number
from .rule import Rule, own, stream


@dataclass(frozen=True)
class FeedbackAlignment(Rule):
    """Feedback alignment: Wᵀ e of backpropagation is replaced by B e, with B random and fixed.

    The signal's urgency v is as in backpropagation. Along synapse i the neuron sends B_i · v
    instead of w_i · v. Each neuron draws its own B once, from N(0, 1 / fan-in). The rule is local,
    and no weight is needed in two places. The weights learn to agree with B, so that the urgencies
    become useful.

    Source: Lillicrap, Cownden, Tweed, Akerman 2016.

    Attributes:
        seed: The seed of B.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", as_whole_number("FeedbackAlignment: seed", self.seed, 0))

    def neuron(self, network: Network, k: int, sums: Sums) -> LocalRule:
        """See `Rule.neuron`."""
        fan_in = int(network.incoming.sizes[k])
        feedback = stream(self.seed, k).standard_normal(fan_in + 1) / fan_in**0.5
        return FeedbackNeuron(freeze(feedback), *own(network, k), sums)


class FeedbackNeuron(LocalRule):
    """A neuron that sends urgencies back by fixed random numbers.

    Args:
        feedback: B, in the order of the parameters; the last entry, the bias's, is not used. Shape
            (fan_in + 1,).
        own: As `LocalRule`.
    """

    __slots__ = ("feedback",)

    def __init__(self, feedback: Array, *own: Any) -> None:
        super().__init__(*own)
        self.feedback = feedback

    def listener_weights(self, parameters: Array, step: Step) -> Array:
        """See `LocalRule.listener_weights`."""
        return super().listener_weights(self.feedback, step)
