"""Feedback alignment: what goes back along a synapse is weighted by a fixed random number, not by the synapse's weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..network.network import Network
from ..neuron.local_rule import LocalRule
from ..neuron.messages import Step
from ..neuron.sums import Sums
from ..support.validation import Array, as_whole_number, frozen
from .rule import Rule, own, stream


@dataclass(frozen=True)
class FeedbackAlignment(Rule):
    """Lillicrap, Cownden, Tweed, Akerman 2016, where Wᵀ e of backpropagation is replaced by B e, B random and fixed.

    The signal's urgency v is as in backpropagation; told back along synapse i is B_i · v instead of w_i · v. Each neuron
    draws its own B, N(0, 1 / fan-in), once, from `seed`. It remains local: nobody needs to know a weight that somebody
    else uses too. The weights learn to agree with B, so that what comes back becomes useful.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", as_whole_number("FeedbackAlignment: seed", self.seed, 0))

    def neuron(self, network: Network, k: int, sums: Sums) -> LocalRule:
        fan_in = int(network.incoming.sizes[k])
        feedback = stream(self.seed, k).standard_normal(fan_in + 1) / fan_in**0.5
        return FeedbackNeuron(frozen(feedback), *own(network, k), sums)


class FeedbackNeuron(LocalRule):
    """feedback: (fan_in + 1,), as parameters lie; the last, where the bias stands, goes nowhere."""

    __slots__ = ("feedback",)

    def __init__(self, feedback: Array, *own: Any) -> None:
        super().__init__(*own)
        self.feedback = feedback

    def listener_weights(self, parameters: Array, step: Step) -> Array:
        return super().listener_weights(self.feedback, step)
