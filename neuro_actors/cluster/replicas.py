"""Replicas: the same neuron in several replicas, each of which hears of other examples, and all of which learn the same.

In a worker a batch's micro-batches go through without learning: the neuron commits what each of them wants of its parameters.
`BatchSum` adds that up by the fixed tree of `tree.py`, first in each worker and then between the twins, and at the end there is
one more round, named "learn": the world tells each neuron the sum of all, as it tells a direction, and the neuron learns from
it what it would have learnt alone. Nothing is said in that round but this: activations and urgencies are zeros, which nobody
hears, and nothing crosses from worker to worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ..network.network import Network
from ..neuron.local_rule import LocalRule, NeuronRule, NeuronState
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step
from ..neuron.sums import ORDERED, Sums
from ..neuron.tree_sum import Blocks, added, total
from ..rules import Rule
from ..support.errors import InputError
from ..support.text import shown
from ..support.validation import Array

LEARN = "learn"


class ReplicatedRule(Rule):
    """Another rule, of one round, whose neurons learn in a round of their own, from what they are told there.

    memories: of each neuron, where a run goes on; else it begins with the network's parameters.  states: of each, by its place.
    """

    def __init__(self, rule: Rule, memories: Mapping[int, NeuronState] | None = None) -> None:
        self.rule, self._memories = rule, memories or {}
        self.states: dict[int, SharedState] = {}

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        return self.members(network, k, sums, 1)[0]

    def input(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        return self.rule.input(network, k, sums)

    def loss_node(self, network: Network) -> LossNode:
        return ReplicatedLossNode(self.rule.loss_node(network))

    def members(self, network: Network, k: int, sums: Sums, count: int) -> tuple[NeuronRule, ...]:
        """One for each lane; what one of them learns all know."""
        if network.is_input[k]:
            return tuple(self.rule.input(network, k, sums) for _ in range(count))
        rules = [cast(LocalRule, self.rule.neuron(network, k, sums)) for _ in range(count)]
        state = self.states[k] = SharedState(
            (self._memories[k],) if k in self._memories else rules[0].get_state()
        )
        return tuple(ReplicatedNeuron(rule, state) for rule in rules)


def check(rule: Rule, network: Network) -> None:
    """Raise `InputError` where twins could not learn the same under this rule."""
    some = rule.neuron(network, int(np.argmin(network.is_input)), ORDERED)
    if (
        type(rule).rounds is not Rule.rounds
        or not isinstance(some, LocalRule)
        or some.STATE != LocalRule.STATE
    ):
        advice = "it needs one whose neurons are of one round and keep their parameters alone, such as Backpropagation"
        raise InputError(f"an engine of many machines cannot share out {shown(rule)}: {advice}")


@dataclass(slots=True)
class SharedState:
    """What one neuron keeps, in all of its lanes: its memory alone."""

    kept: tuple[Any, ...]

    @property
    def state(self) -> NeuronState:
        """See `neuron.py`."""
        return self.kept[0]  # type: ignore[no-any-return]


class ReplicatedNeuron:
    """A neuron's rule in one lane. In the round in which it learns its direction is what it is to learn, (fan_in + 1,)."""

    __slots__ = ("id", "rule", "state")

    def __init__(self, rule: LocalRule, state: SharedState) -> None:
        self.rule, self.state, self.id = rule, state, rule.id

    @property
    def direction(self) -> Array:
        """See `LocalRule`."""
        return self.rule.direction

    @direction.setter
    def direction(self, direction: Array) -> None:
        self.rule.direction = direction

    def is_answered(self, step: Step) -> bool:
        return self.rule.is_answered(step)

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        self.rule.set_state(self.state.kept)
        if step.round == LEARN:
            activation_out[...] = 0.0
        else:
            self.rule.fire(step, activations_in, activation_out)

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        if step.round == LEARN:
            urgencies_out[...] = 0.0
            commit_out[...] = self.direction
            self.rule.conclude(step, self.direction, commit_out)
            self.state.kept = self.rule.get_state()
        else:
            self.rule.respond(step, urgencies_in, urgencies_out, commit_out)

    def get_state(self) -> tuple[Any, ...]:
        """See `NeuronRule`."""
        return self.state.kept

    def set_state(self, state: tuple[Any, ...]) -> None:
        """See `NeuronRule`."""
        self.state.kept = state


class ReplicatedLossNode(LossNode):
    """Another rule of the loss, which has nothing to judge where neurons learn."""

    def __init__(self, rule: LossNode) -> None:
        super().__init__(rule.from_input)
        self.rule = rule

    def evaluate(
        self, step: Step, predictions: Array, targets: Array, urgencies_out: Array
    ) -> Array:
        if step.round != LEARN:
            return self.rule.evaluate(step, predictions, targets, urgencies_out)
        urgencies_out[...] = 0.0
        return np.zeros(targets.shape[1])


class BatchSum:
    """The sum over the micro-batches of a batch, in one worker, of what all of its neurons committed, in one flat array."""

    def __init__(self) -> None:
        self.blocks: Blocks = ()

    def add(self, place: int, size: int, commits: Array, *, plain: bool) -> None:
        """What the micro-batch in that place, of so many examples, wants on the mean. plain: it is the batch, whole."""
        self.blocks = added(self.blocks, 0, place, commits.copy() if plain else size * commits)

    def merge(self, blocks: Blocks) -> None:
        """What another worker has added up, of other places."""
        for block in blocks:
            self.blocks = added(self.blocks, *block)

    def mean(self, examples: int, *, plain: bool) -> Array:
        """Of all examples; see `rules/micro_batches.py`."""
        return total(self.blocks) if plain else total(self.blocks) / examples
