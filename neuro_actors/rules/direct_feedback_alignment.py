"""Direct feedback alignment: every neuron hears the whole error, and weighs it by fixed random numbers of its own."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network.network import Network
from ..neuron.local_rule import InputRule, LocalRule, NeuronRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step
from ..neuron.sums import Sums
from ..support.validation import Array, as_whole_number, frozen
from .rule import Answer, Round, Rule, own, stream

BROADCAST = "broadcast"  # the round of a step


@dataclass(frozen=True)
class DirectFeedbackAlignment(Rule):
    """Nøkland 2016: a hidden neuron's urgency is B · e, with e the error at the outputs and B random and fixed.

    e is what the loss has to say to all outputs, (n_outputs, batch). Each hidden neuron draws its B, N(0, 1 / n_outputs),
    once, from `seed`, and takes u = B · e where backpropagation sums what its followers ask for. An output's u is its
    own row of e.

    This is not local. There is no line from the loss to a hidden neuron, so everybody relays e as it came, in rows that
    hold n_outputs numbers an example: a broadcast, by which every neuron learns of every output, and how many there
    are. What its followers would ask for, nobody says. An input, in a step `wrt_inputs`, is told B · e too.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "seed", as_whole_number("DirectFeedbackAlignment: seed", self.seed, 0)
        )

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        return DirectNeuron(self._feedback(network, k), *own(network, k), sums)

    def input(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        return DirectInput(self._feedback(network, k), network.ids[k], sums)

    def loss_node(self, network: Network) -> LossNode:
        return Broadcast(network.is_input[network.output_positions])

    def rounds(self, network: Network, x: Array) -> Generator[Round, Answer, None]:
        padding = np.zeros((len(x), x.shape[1] * (len(network.outputs) - 1)))
        yield Round(frozen(np.concatenate([x, padding], axis=1)), BROADCAST)

    def _feedback(self, network: Network, k: int) -> Array:
        """(n_outputs,); an output's picks its own row."""
        mine = network.output_positions == k
        if mine.any():
            return frozen(mine.astype(np.float64))
        return frozen(stream(self.seed, k).standard_normal(len(mine)) / len(mine) ** 0.5)


class DirectNeuron(LocalRule):
    """feedback: (n_outputs,), the neuron's row of B."""

    __slots__ = ("feedback",)

    def __init__(self, feedback: Array, *own: Any) -> None:
        super().__init__(*own)
        self.feedback = feedback

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        batch = activations_in.shape[1] // (len(self.feedback) if step.round == BROADCAST else 1)
        super().fire(step, np.ascontiguousarray(activations_in[:, :batch]), activation_out[:batch])
        activation_out[batch:] = 0.0

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        error = urgencies_in[0]  # all followers relay the same
        asked = _asked(self.feedback, error, self.sums)
        super().respond(step, asked[None, :], urgencies_out[:0], commit_out)
        urgencies_out[...] = error


class DirectInput(InputRule):
    """The same for an input, which has nothing to learn."""

    __slots__ = ("feedback",)

    def __init__(self, feedback: Array, *own: Any) -> None:
        super().__init__(*own)
        self.feedback = feedback

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        asked = _asked(self.feedback, urgencies_in[0], self.sums)
        urgencies_out[...] = 0.0
        super().respond(step, asked[None, :], urgencies_out[:, : len(asked)], commit_out)


class Broadcast(LossNode):
    """The loss tells each output what it has to say to all of them."""

    def __init__(self, from_input: NDArray[np.bool_]) -> None:
        super().__init__(
            np.zeros_like(from_input)
        )  # what it has to say to an input concerns all others too

    def evaluate(
        self, step: Step, predictions: Array, targets: Array, urgencies_out: Array
    ) -> Array:
        error = np.empty(targets.shape)
        losses = super().evaluate(step, predictions[:, : targets.shape[1]], targets, error)
        urgencies_out[...] = error.ravel()
        return losses


def _asked(feedback: Array, error: Array, sums: Sums) -> Array:
    """B · e, (batch,)."""
    return sums.weighted_sum(feedback, error.reshape(len(feedback), -1))
