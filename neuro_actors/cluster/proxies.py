"""Who stands in for what is elsewhere: rules without a parameter, and a loss that lives here or does not.

None of them knows where its mail comes from. One who stands in for a source says what it was told,
and answers with the rows that are to go back; one who stands in for followers says nothing, and
answers with what it was told.
"""

from __future__ import annotations

from collections.abc import Generator
from copy import copy
from typing import Any, cast

import numpy as np

from ..network.network import Network
from ..neuron.local_rule import NeuronRule, StatefulRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step
from ..neuron.sums import Sums
from ..rules import Answer, Round, Rule
from ..support.validation import Array, frozen
from .shard import Shard


class _Proxy(StatefulRule):
    """What both have: nothing to learn, and no state."""

    __slots__ = ("id",)

    def __init__(self, id: str) -> None:
        self.id = id

    def is_answered(self, step: Step) -> bool:
        return step.loss is not None


class SourceProxy(_Proxy):
    """In the stead of a source elsewhere. added: how many of its followers, the first of them, speak in its first row."""

    __slots__ = ("added", "sums")

    def __init__(self, id: str, added: int, sums: Sums) -> None:
        super().__init__(id)
        self.added, self.sums = added, sums

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """heard: (1, columns), what the source said."""
        activation_out[...] = activations_in[0]

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """back: (n_rows, columns), or (0, columns) where nobody awaits them."""
        if len(commit_out):
            commit_out[...] = 0.0
        if len(urgencies_out):
            urgencies_out[0] = (
                self.sums.sum_of_rows(urgencies_in[: self.added])
                if self.added > 1
                else urgencies_in[0]
            )
            urgencies_out[1:] = urgencies_in[self.added :]


class InputProxy(SourceProxy):
    """In the stead of an input elsewhere."""

    __slots__ = ()

    def is_answered(self, step: Step) -> bool:
        return step.loss is not None and step.wrt_inputs


class FollowerProxy(_Proxy):
    """In the stead of followers elsewhere. urgencies: (listening sources, columns), a row for each."""

    __slots__ = ()

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        activation_out[...] = 0.0

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        commit_out[...] = 0.0
        urgencies_out[...] = urgencies_in


class ShardLossNode(LossNode):
    """The loss, which also hears those who stand in for followers, and has nothing to tell them; rule: the loss's own where
    it lives in this shard, which hears the first `n_outputs`."""

    __slots__ = ("n_outputs", "rule")

    def __init__(self, rule: LossNode, n_outputs: int) -> None:
        super().__init__(rule.from_input)
        self.rule, self.n_outputs = copy(rule), n_outputs
        self.rule.from_input = rule.from_input[:n_outputs]

    def get_state(self) -> Any:
        return self.rule.get_state()

    def set_state(self, state: Any) -> None:
        self.rule.set_state(state)

    def evaluate(
        self, step: Step, predictions: Array, targets: Array, urgencies_out: Array
    ) -> Array:
        n = self.n_outputs
        if not n:
            urgencies_out[...] = 0.0
            return frozen(np.zeros(targets.shape[1]))
        listening = n if step.wrt_inputs else n - int(np.count_nonzero(self.rule.from_input))
        urgencies_out[listening:] = 0.0
        return self.rule.evaluate(step, predictions[:n], targets[:n], urgencies_out[:listening])


class ShardRule(Rule):
    """Another rule's members, and those who stand in. Its neurons must depend on nothing but their own parameters: which of
    the whole network's they are, they are not told."""

    def __init__(self, rule: Rule, shard: Shard) -> None:
        self.rule = rule
        self._n_own, self._n_outputs = len(shard.members), shard.n_outputs
        self._added: dict[int, int] = {}  # of each that stands in for a source
        for bundle in shard.bundles_in:
            self._added.update(enumerate(bundle.added.tolist(), bundle.first))

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        if k < self._n_own:
            return self.rule.neuron(network, k, sums)
        id, added = network.ids[k], self._added.get(k)
        return FollowerProxy(id) if added is None else SourceProxy(id, added, sums)

    def input(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        added = self._added.get(k)
        return (
            self.rule.input(network, k, sums)
            if added is None
            else InputProxy(network.ids[k], added, sums)
        )

    def loss_node(self, network: Network) -> LossNode:
        return ShardLossNode(self.rule.loss_node(network), self._n_outputs)

    def check(self, network: Network, loss: str) -> None:
        self.rule.check(network, loss)

    def rounds(self, network: Network, x: Array) -> Generator[Round, Answer, None]:
        return self.rule.rounds(network, x)

    def member(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        return (
            self.rule.member(network, k, sums)
            if k < self._n_own
            else super().member(network, k, sums)
        )

    def members(self, network: Network, k: int, sums: Sums, count: int) -> tuple[NeuronRule, ...]:
        """One a lane: of a neuron they share what it keeps; of those who stand in, who keep nothing, each is its own."""
        together = getattr(self.rule, "members", None)
        if k < self._n_own and together is not None:
            return cast("tuple[NeuronRule, ...]", together(network, k, sums, count))
        return tuple(self.member(network, k, sums) for _ in range(count))
