"""Weight perturbation: neurons try a little noise, and learn it if the loss fell."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..network.network import Network
from ..neuron.local_rule import LocalRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step
from ..neuron.sums import Sums
from ..support.arrays import Array, freeze
from ..support.errors import MessageError
from ..support.scalars import as_whole_number
from .rule import Answer, Round, Rule, own, positive, stream

TRIAL = "trial"  # the round of a step
NOBODY = np.empty(0, dtype=bool)


@dataclass(frozen=True)
class WeightPerturbation(Rule):
    """Weight perturbation: with all parameters perturbed, Δp = −rate · (L(p + π) − L(p)) · π.

    Here π = σ ξ with ξ from N(0, 1), which each neuron draws for itself, anew in each step. Divided
    by σ², the step is the gradient's in the mean over ξ and for small σ; with n parameters its
    square is n + 2 times as large. Rows have two numbers an example: the result of the parameters,
    and the result of the perturbed parameters.

    Noise and learning are a neuron's own, but the reward L(p) − L(p + π) is not local. It is one
    number an example for all, which every neuron relays unchanged: a broadcast. Inputs are not
    perturbed, so a step `wrt_inputs` is refused.

    Source: Cauwenberghs 1993.

    Attributes:
        sigma: σ, the size of the noise.
        seed: The seed of the noise.
    """

    feels_inputs: ClassVar[bool] = False
    needs_plain: ClassVar[str] = "each neuron relays the reward, and only neurons can"

    sigma: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma", positive("WeightPerturbation: sigma", self.sigma))
        object.__setattr__(self, "seed", as_whole_number("WeightPerturbation: seed", self.seed, 0))

    def neuron(self, network: Network, k: int, sums: Sums) -> LocalRule:
        """See `Rule.neuron`."""
        return PerturbedNeuron(self, k, *own(network, k), sums)

    def loss_node(self, network: Network) -> LossNode:
        """See `Rule.loss_node`."""
        return Reward(network.is_input[network.output_positions])

    def rounds(self, network: Network, x: Array) -> Generator[Round, Answer, None]:
        """See `Rule.rounds`."""
        yield Round(freeze(np.concatenate([x, x], axis=1)), TRIAL)


class PerturbedNeuron(LocalRule):
    """A neuron that tries noise on its parameters.

    Args:
        rule: The rule, with σ and the seed.
        k: The position of the neuron in the network, which selects its noise.
        own: As `LocalRule`.
    """

    __slots__ = ("k", "noise", "rule")

    def __init__(self, rule: WeightPerturbation, k: int, *own: Any) -> None:
        super().__init__(*own)
        self.rule, self.k = rule, k
        self.noise = self.state.parameters

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """See `NeuronRule.fire`."""
        if step.round != TRIAL:
            super().fire(step, activations_in, activation_out)
            return
        batch = activations_in.shape[1] // 2
        clean, perturbed = (
            np.ascontiguousarray(half)
            for half in (activations_in[:, :batch], activations_in[:, batch:])
        )
        parameters = self.state.parameters
        self.noise = stream(self.rule.seed, self.k, step.number).standard_normal(len(parameters))
        other = LocalRule(
            self.id, self.function, parameters + self.rule.sigma * self.noise, NOBODY, self.sums
        )
        other.fire(step, perturbed, activation_out[batch:])
        super().fire(step, clean, activation_out[:batch])

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """See `LocalRule.respond`."""
        if self.fired is not step:
            raise MessageError(
                f"{self.id!r} cannot respond in step {step.number}: it has not fired in that step"
            )
        relayed = urgencies_in[0]  # all followers relay the same
        urgencies_out[...] = relayed
        reward = np.empty(1)
        self.sums.mean_products(np.ones((1, len(self.signal))), relayed[: len(self.signal)], reward)
        wanted = commit_out if step.optimizer is None else np.empty(len(commit_out))
        np.multiply(self.noise, reward / self.rule.sigma, wanted)
        self.conclude(step, wanted, commit_out)


class Reward(LossNode):
    """A loss node that sends by how much the loss fell with perturbed parameters.

    Its losses are those of the parameters themselves.

    Args:
        from_input: Whether each output is an input. Shape (n_outputs,).
    """

    def __init__(self, from_input: NDArray[np.bool_]) -> None:
        super().__init__(np.zeros_like(from_input))

    def evaluate(
        self, step: Step, predictions: Array, targets: Array, urgencies_out: Array
    ) -> Array:
        """See `LossNode.evaluate`."""
        batch = targets.shape[1]
        unsaid = np.empty(targets.shape)
        losses = super().evaluate(step, predictions[:, :batch], targets, unsaid)
        urgencies_out[:, :batch] = losses - super().evaluate(
            step, predictions[:, batch:], targets, unsaid
        )
        urgencies_out[:, batch:] = 0.0
        return losses
