"""Predictive coding: hidden neurons have a value beside their prediction, and relax."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..network.network import Network
from ..neuron.local_rule import NOTHING, LocalRule
from ..neuron.messages import Step
from ..neuron.neuron_state import check_finite_state
from ..neuron.sums import Sums, spread
from ..support.arrays import Array
from ..support.scalars import as_whole_number
from ..support.validation import as_flag
from .rule import Answer, Round, Rule, own, positive

FIRST = "relaxation 1"  # the round in which a neuron starts anew


@dataclass(frozen=True)
class PredictiveCoding(Rule):
    """Predictive coding: values of hidden neurons relax until errors balance; then neurons learn.

    For a neuron, μ = f(w·x + b) is its prediction, made from its sources, a its value, and
    ε = a − μ its error. In each of the rounds, the relaxations, neurons send their values forward,
    and w_i · ε f'(z) back along each synapse; a source sums these to s. Then all values move at
    once, by what was sent before:

        a += rate · (s − ε)        so that ε = (1 − rate) · ε + rate · s

    An output has no value of its own: ε is the urgency that it receives, and it sends μ. So all
    values descend the energy: the loss, and half of Σ ε² over hidden neurons. In the last round
    each neuron learns: weight urgency_i = ε f'(z) · x_i.

    With `fixed` predictions and rate 1, the errors of all hidden layers are those of
    backpropagation, bit for bit, after as many relaxations as there are layers; with fewer, those
    of the first layers are still 0. On any graph at most depth − 1 relaxations are needed.

    The rule is local, except that all neurons must know which round it is. In a step `wrt_inputs`,
    the urgency of an input is one relaxation behind. A prediction without learning is an ordinary
    forward pass.

    Source: Whittington, Bogacz 2017; with fixed predictions Song, Lukasiewicz, Xu, Bogacz 2020.

    Attributes:
        relaxations: The number of rounds of a step.
        rate: How far a value moves in each round, above 0 and at most 1.
        fixed: Whether predictions stay where they were: neurons send μ instead of a.
    """

    needs_plain: ClassVar[str] = "each hidden neuron holds a value and an error, and they do not"

    relaxations: int = 20
    rate: float = 0.2
    fixed: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            "relaxations",
            as_whole_number("PredictiveCoding: relaxations", self.relaxations, 1),
        )
        object.__setattr__(self, "rate", positive("PredictiveCoding: rate", self.rate, most=1))
        object.__setattr__(self, "fixed", as_flag("PredictiveCoding: fixed", self.fixed))

    def neuron(self, network: Network, k: int, sums: Sums) -> LocalRule:
        """See `Rule.neuron`."""
        if network.is_output[k]:
            return LocalRule(*own(network, k), sums)
        return ValueNode(self, *own(network, k), sums)

    def rounds(self, network: Network, x: Array) -> Generator[Round, Answer, None]:
        """See `Rule.rounds`."""
        for number in range(1, self.relaxations + 1):
            yield Round(x, f"relaxation {number}", learns=number == self.relaxations)


class ValueNode(LocalRule):
    """A hidden neuron. Its value and its error, shape (batch,), survive from round to round.

    Args:
        rule: The rule, with its settings.
        own: As `LocalRule`.
    """

    __slots__ = ("error", "rule", "value")
    STATE = ("state", "error", "value")

    def __init__(self, rule: PredictiveCoding, *own: Any) -> None:
        super().__init__(*own)
        self.rule = rule
        self.error = self.value = NOTHING

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """See `NeuronRule.fire`."""
        super().fire(step, activations_in, activation_out)  # which is what was predicted
        if step.loss is None:
            return
        if step.round == FIRST:
            self.error = np.zeros(len(activation_out))
        elif not self.rule.fixed:
            self.error = self.value - activation_out
            activation_out[...] = self.value

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """See `LocalRule.respond`."""
        weights, signal, predicted = (
            self.listener_weights(self.state.parameters, step),
            self.signal,
            self.activation,
        )
        rate, before = self.rule.rate, self.error
        error = (1.0 - rate) * before + rate * self.sums.sum_of_rows(urgencies_in)
        super().respond(step, error[None, :], urgencies_out[:0], commit_out)
        if len(urgencies_out):
            spread(weights, before * self.function.slope(signal, predicted), urgencies_out)
        self.error, self.value = error, predicted + error
        check_finite_state(self.id, "its state", self.get_state(), step)
