"""What a rule is: it makes the members of a society, and says of which rounds a step of learning consists."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from ..network import functions
from ..network.network import Network
from ..neuron.local_rule import InputRule, LocalRule, NeuronRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step
from ..neuron.sums import Sums
from ..support.errors import InputError
from ..support.text import shown
from ..support.validation import Array, number


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """One of the society's steps, forward and back.

    told: what the world tells each input, (n_inputs, columns); the first columns are its examples.
    name: which round it is; every message's step says it.
    wrt_inputs: whether urgencies reach the inputs, and so the world.
    learns: whether the neurons are handed the optimiser, where there is one.
    examples: which of the step's it is about; their targets are told to the loss. None: all of them.
    micro_batch: see `Step`.
    """

    told: Array
    name: str = ""
    wrt_inputs: bool = False
    learns: bool = True
    examples: slice | None = None
    micro_batch: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """All that the world hears of a round, but what neurons commit.

    predictions: (n_outputs, columns).  losses: (batch,).  felt: (n_inputs, columns), of a round `wrt_inputs`.
    """

    predictions: Array
    losses: Array
    felt: Array


class Rule:
    """Backpropagation, unless something is overridden. What the members keep from step to step, they keep themselves.

    feels_inputs: whether it finds what the inputs should be told; else `gradient(wrt_inputs=True)` is refused.
    """

    feels_inputs: ClassVar[bool] = True

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """The rule of the network's k-th neuron, with the network's parameters."""
        return LocalRule(*own(network, k), sums)

    def input(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """The rule of the network's k-th neuron, an input."""
        return InputRule(network.ids[k], sums)

    def loss_node(self, network: Network) -> LossNode:
        """The loss's rule."""
        return LossNode(network.is_input[network.output_positions])

    def check(self, network: Network, loss: str) -> None:
        """Raise `InputError` before a step that this rule cannot go through with this network and loss."""

    def rounds(self, network: Network, x: Array) -> Generator[Round, Answer, None]:
        """The rounds of one step with a loss: each is yielded, and its answer sent back. x: (n_inputs, batch)."""
        yield Round(x)

    def member(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """The rule of the network's k-th neuron, whichever it is."""
        return (self.input if network.is_input[k] else self.neuron)(network, k, sums)

    def members(self, network: Network, k: int, sums: Sums, lanes: int) -> tuple[NeuronRule, ...]:
        """One for each lane, along which as many steps may be under way at once: they share what the neuron keeps. Whoever
        has one alone, as most rules do, has one lane."""
        if lanes != 1:
            raise InputError(f"{self!r} goes through one step at a time: leave in_flight out")
        return (self.member(network, k, sums),)


class MemberFactory(Protocol):
    """What makes the members of a society: a rule, or a registry that remembers them."""

    def member(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """Return a new rule for the network's k-th neuron."""

    def members(self, network: Network, k: int, sums: Sums, lanes: int) -> tuple[NeuronRule, ...]:
        """Return a new rule for each lane of the network's k-th neuron. They share their state."""

    def loss_node(self, network: Network) -> LossNode:
        """Return a new rule for the loss node."""


@runtime_checkable
class LaneRule(NeuronRule, Protocol):
    """A rule in one of several lanes of a neuron, which may have to respond after those in others.

    What it has found in a step becomes known to the rules in the other lanes in `publish` alone.
    """

    def must_wait(self, step: Step, wake: Callable[[], object]) -> bool:
        """Return whether the lane must not respond yet.

        Args:
            step: The lane's step.
            wake: Called once, as soon as the lane may respond, if it must wait.
        """

    def join(self, other: LaneRule) -> None:
        """Share what another rule of the same neuron shares, and from now on publish when told."""

    def publish(self) -> None:
        """Let the rules in the other lanes know what was found in the last step."""


def own(
    network: Network, k: int
) -> tuple[str, functions.Activation, Array, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """What the k-th neuron knows of itself, as `LocalRule` takes it: its id, its activation function, its parameters
    (fan_in + 1,), and which of its sources are inputs, (fan_in,)."""
    incoming = network.incoming.of(k)
    parameters = np.append(network.weights[incoming], network.biases[k])
    return (
        network.ids[k],
        functions.activation(network.activations[k]),
        parameters,
        network.is_input[network.sources[incoming]],
    )


def stream(seed: int, k: int, *step: int) -> np.random.Generator:
    """The k-th neuron's own stream of the seed, or its stream for one step; none depends on who else there is. From
    `spawn_key=(k,)` alone come its first weights: this is another one, or equal seeds would make feedback equal to them."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k, 1, *step)))


def positive(what: str, value: float, most: float = inf) -> float:
    """`value` as a float; raises `InputError` unless it is a number above 0, finite, and at most `most`."""
    if not 0 < number(value) <= most or value == inf:
        limit = "" if most == inf else f" and at most {most:g}"
        raise InputError(f"{what} must be a number above 0{limit}, got {shown(value)}")
    return float(value)
