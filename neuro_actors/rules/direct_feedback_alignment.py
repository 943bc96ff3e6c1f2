"""Direct feedback alignment: every neuron receives the whole error, and weighs it at random."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..network.network import Network
from ..neuron.local_rule import InputRule, LocalRule, NeuronRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step
from ..neuron.sums import Sums
from ..support.arrays import Array, freeze
from ..support.scalars import as_whole_number
from .rule import Answer, Round, Rule, own, stream

BROADCAST = "broadcast"  # the round of a step


@dataclass(frozen=True)
class DirectFeedbackAlignment(Rule):
    """Direct feedback alignment: a hidden neuron's urgency is B · e, with B random and fixed.

    e is the urgency of all outputs, shape (n_outputs, batch). Each hidden neuron draws its B once,
    from N(0, 1 / n_outputs), and uses u = B · e where backpropagation sums the urgencies of the
    followers. An output's u is its own row of e.

    The rule is not local. No route leads from the loss node to a hidden neuron, so every neuron
    relays e unchanged, in rows with n_outputs numbers an example. It is a broadcast: every neuron
    receives the errors of all outputs. The urgencies of its followers are not sent. In a step
    `wrt_inputs` an input receives B · e too.

    Source: Nøkland 2016.

    Attributes:
        seed: The seed of B.
    """

    needs_plain: ClassVar[str] = (
        "each neuron relays the errors of all outputs, and only neurons can"
    )

    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "seed", as_whole_number("DirectFeedbackAlignment: seed", self.seed, 0)
        )

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.neuron`."""
        return DirectNeuron(self._feedback(network, k), *own(network, k), sums)

    def input(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.input`."""
        return DirectInput(self._feedback(network, k), network.ids[k], sums)

    def loss_node(self, network: Network) -> LossNode:
        """See `Rule.loss_node`."""
        return Broadcast(network.is_input[network.output_positions])

    def rounds(self, network: Network, x: Array) -> Generator[Round, Answer, None]:
        """See `Rule.rounds`."""
        padding = np.zeros((len(x), x.shape[1] * (len(network.outputs) - 1)))
        yield Round(freeze(np.concatenate([x, padding], axis=1)), BROADCAST)

    def _feedback(self, network: Network, k: int) -> Array:
        """Return a neuron's row of B, shape (n_outputs,); an output's picks its own error."""
        mine = network.output_positions == k
        if mine.any():
            return freeze(mine.astype(np.float64))
        return freeze(stream(self.seed, k).standard_normal(len(mine)) / len(mine) ** 0.5)


class DirectNeuron(LocalRule):
    """A neuron that weighs the error of all outputs, and relays it.

    Args:
        feedback: The neuron's row of B. Shape (n_outputs,).
        own: As `LocalRule`.
    """

    __slots__ = ("feedback",)

    def __init__(self, feedback: Array, *own: Any) -> None:
        super().__init__(*own)
        self.feedback = feedback

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """See `NeuronRule.fire`."""
        batch = activations_in.shape[1] // (len(self.feedback) if step.round == BROADCAST else 1)
        super().fire(step, np.ascontiguousarray(activations_in[:, :batch]), activation_out[:batch])
        activation_out[batch:] = 0.0

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """See `LocalRule.respond`."""
        error = urgencies_in[0]  # all followers relay the same
        asked = _asked(self.feedback, error, self.sums)
        super().respond(step, asked[None, :], urgencies_out[:0], commit_out)
        urgencies_out[...] = error


class DirectInput(InputRule):
    """The same for an input, which has nothing to learn.

    Args:
        feedback: The input's row of B. Shape (n_outputs,).
        own: As `InputRule`.
    """

    __slots__ = ("feedback",)

    def __init__(self, feedback: Array, *own: Any) -> None:
        super().__init__(*own)
        self.feedback = feedback

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """See `LocalRule.respond`."""
        asked = _asked(self.feedback, urgencies_in[0], self.sums)
        urgencies_out[...] = 0.0
        super().respond(step, asked[None, :], urgencies_out[:, : len(asked)], commit_out)


class Broadcast(LossNode):
    """A loss node that sends to each output the urgencies of all outputs.

    Args:
        from_input: Whether each output is an input. Shape (n_outputs,).
    """

    def __init__(self, from_input: NDArray[np.bool_]) -> None:
        super().__init__(np.zeros_like(from_input))  # an input too relays what concerns the others

    def evaluate(
        self, step: Step, predictions: Array, targets: Array, urgencies_out: Array
    ) -> Array:
        """See `LossNode.evaluate`."""
        error = np.empty(targets.shape)
        losses = super().evaluate(step, predictions[:, : targets.shape[1]], targets, error)
        urgencies_out[...] = error.ravel()
        return losses


def _asked(feedback: Array, error: Array, sums: Sums) -> Array:
    """Return B · e, shape (batch,)."""
    return sums.weighted_sum(feedback, error.reshape(len(feedback), -1))
