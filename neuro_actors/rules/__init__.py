"""Local rules: what a society's members do with their mail. A rule is a plug; channels and simulation know none of them.

A rule is a description, compared by value, such as `na.rules.Backpropagation()`. It makes the members of a society, each of
which sees its own mail alone, and it says of which rounds a step of learning consists. To write one, derive from `Rule`
and override what differs; `neuron.NeuronRule` says what a neuron's must do.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from .. import functions
from ..arrays import Array
from ..judge import LossRule
from ..network import Network
from ..neuron import InputRule, LocalRule, NeuronRule
from ..sums import Sums


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """One of the society's steps, forward and back.

    told: what the world tells each input, (n_inputs, columns); the first columns are the examples.
    name: which round it is; every message's step says it.
    wrt_inputs: whether urgencies reach the inputs, and so the world.
    learns: whether the neurons are handed the optimiser, where there is one.
    """

    told: Array
    name: str = ""
    wrt_inputs: bool = False
    learns: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """All that the world hears of a round, but what neurons commit.

    predictions: (n_outputs, columns).  losses: (batch,).  felt: (n_inputs, columns), of a round `wrt_inputs`.
    """

    predictions: Array
    losses: Array
    felt: Array


class Rule:
    """Backpropagation, unless something is overridden. What the members keep from step to step, they keep themselves."""

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """The rule of the network's k-th neuron, with the network's parameters."""
        return LocalRule(*own(network, k), sums)

    def input(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """The rule of the network's k-th neuron, an input."""
        return InputRule(network.ids[k], sums)

    def judge(self, network: Network) -> LossRule:
        """The loss's rule."""
        return LossRule(network.is_input[network.output_positions])

    def rounds(self, x: Array) -> Generator[Round, Answer, None]:
        """The rounds of one step with a loss: each is yielded, and its answer sent back. x: (n_inputs, batch)."""
        yield Round(x)

    def member(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """The rule of the network's k-th neuron, whichever it is."""
        return (self.input if network.is_input[k] else self.neuron)(network, k, sums)


@dataclass(frozen=True, slots=True)
class Backpropagation(Rule):
    """The local rule of `neuron.py`, from which the exact gradient emerges (Rumelhart, Hinton, Williams 1986)."""


def own(network: Network, k: int) -> tuple[str, functions.Activation, Array, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """What the k-th neuron knows of itself, as `LocalRule` takes it: its id, its activation function, its parameters
    (fan_in + 1,), and which of its sources are inputs, (fan_in,)."""
    incoming = network.incoming.of(k)
    parameters = np.append(network.weights[incoming], network.biases[k])
    return network.ids[k], functions.activation(network.activations[k]), parameters, network.is_input[network.sources[incoming]]


from .newton import NewtonCG as NewtonCG  # noqa: E402 (it derives from what stands above)
