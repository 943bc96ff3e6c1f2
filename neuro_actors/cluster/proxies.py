"""Proxies: rules without parameters for members of other shards, and a shard's loss node.

No proxy knows where its mail comes from. The proxy of a source repeats the source's activation, and
answers with the rows that are to go back. A proxy of followers sends zeros, and answers with the
urgencies that have come.
"""

from __future__ import annotations

from collections.abc import Generator
from copy import copy
from typing import Any

import numpy as np

from ..network.network import Network
from ..neuron.local_rule import NeuronRule, StatefulRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step
from ..neuron.sums import Sums
from ..rules import Answer, Round, Rule
from ..rules.through_time import TimeLossNode
from ..support.arrays import Array, freeze
from .shard import Shard


class _Proxy(StatefulRule):
    """What all proxies have in common: nothing to learn, and no state."""

    __slots__ = ("id",)

    def __init__(self, id: str) -> None:
        self.id = id

    def is_answered(self, step: Step) -> bool:
        """See `NeuronRule.is_answered`."""
        return step.loss is not None


class SourceProxy(_Proxy):
    """The proxy of a source of another shard."""

    __slots__ = ("added", "sums")

    def __init__(self, id: str, added: int, sums: Sums) -> None:
        """Make the rule.

        Args:
            id: Its id.
            added: How many of its followers, the first of them, are added in its first row.
            sums: By which calls it adds.
        """
        super().__init__(id)
        self.added, self.sums = added, sums

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """See `NeuronRule.fire`.

        Args:
            step: The step.
            activations_in: The activation of the source. Shape (1, columns).
            activation_out: Receives it. Shape (columns,).
        """
        activation_out[...] = activations_in[0]

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """See `NeuronRule.respond`.

        Args:
            step: The step.
            urgencies_in: A row from each follower. Shape (fan_out, columns).
            urgencies_out: Receives the rows that go back. Shape (n_rows, columns), or (0, columns)
                if none are wanted.
            commit_out: Empty. Shape (0,).
        """
        if len(urgencies_out):
            urgencies_out[0] = (
                self.sums.sum_of_rows(urgencies_in[: self.added])
                if self.added > 1
                else urgencies_in[0]
            )
            urgencies_out[1:] = urgencies_in[self.added :]


class InputProxy(SourceProxy):
    """The proxy of an input of another shard."""

    __slots__ = ()

    def is_answered(self, step: Step) -> bool:
        """See `NeuronRule.is_answered`."""
        return step.loss is not None and step.wrt_inputs


class FollowerProxy(_Proxy):
    """A proxy of followers in another shard."""

    __slots__ = ()

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """See `NeuronRule.fire`: its activation goes nowhere.

        Args:
            step: The step.
            activations_in: The activations of the sources, which its port sends away.
                Shape (fan_in + 1, columns).
            activation_out: Receives zeros. Shape (columns,).
        """
        activation_out[...] = 0.0

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """See `NeuronRule.respond`.

        Args:
            step: The step.
            urgencies_in: The rows of one turn, one for each listening source. Shape (sources,
                columns).
            urgencies_out: Receives them. Shape (sources, columns).
            commit_out: Empty. Shape (0,).
        """
        urgencies_out[...] = urgencies_in


class ShardLossNode(LossNode):
    """The loss node of a shard's network. Its last outputs, proxies of followers, receive zeros."""

    __slots__ = ("n_outputs", "rule")

    def __init__(self, rule: LossNode, n_outputs: int, handed: int = 0) -> None:
        """Make the rule.

        Args:
            rule: The loss node of all outputs of the shard's network. It is not changed.
            n_outputs: How many of these are the whole network's; 0 where the loss node lives
                elsewhere.
            handed: How many of these, the last ones, are heard by delays.
        """
        super().__init__(rule.from_input, rule.positions)
        self.rule, self.n_outputs = copy(rule), n_outputs
        self.rule.from_input = rule.from_input[:n_outputs]
        if isinstance(self.rule, TimeLossNode):
            self.rule.handed = handed

    def get_state(self) -> Any:
        """Return the state of the loss node, which has none."""
        return self.rule.get_state()

    def set_state(self, state: Any) -> None:
        """Go on from a state of the loss node."""
        self.rule.set_state(state)

    def evaluate(
        self, step: Step, predictions: Array, targets: Array, urgencies_out: Array
    ) -> Array:
        """Compare predictions with targets, if the loss node lives here.

        Args:
            step: The step.
            predictions: Shape (outputs, columns).
            targets: Shape (outputs, batch).
            urgencies_out: Receives the urgencies. Shape (listening outputs, columns).

        Returns:
            The losses, or zeros where the loss node lives elsewhere. Shape (batch,).
        """
        n = self.n_outputs
        if not n:
            urgencies_out[...] = 0.0
            return freeze(np.zeros(targets.shape[1] // self.positions))
        listening = n if step.wrt_inputs else n - int(np.count_nonzero(self.rule.from_input))
        urgencies_out[listening:] = 0.0
        return self.rule.evaluate(step, predictions[:n], targets[:n], urgencies_out[:listening])


class ShardRule(Rule):
    """The rule of a shard's network: another rule for its own neurons, and proxies.

    The other rule's neurons must depend on nothing but their own parameters: it does not learn
    which of the whole network's neurons they are.
    """

    def __init__(self, rule: Rule, shard: Shard) -> None:
        """Make the rule.

        Args:
            rule: The other rule.
            shard: The shard.
        """
        self.rule = rule
        self._n_own = len(shard.members)
        self._outputs = shard.n_outputs, shard.n_handed
        self._added: dict[int, int] = {}  # of each proxy of a source
        for bundle in shard.bundles_in:
            self._added.update(enumerate(bundle.added.tolist(), bundle.first))

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.neuron`."""
        return self.rule.neuron(network, k, sums)

    def interneuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.interneuron`: a proxy is one, or an interneuron of the shard's own."""
        if k < self._n_own:
            return self.rule.interneuron(network, k, sums)
        id, added = network.ids[k], self._added.get(k)
        return FollowerProxy(id) if added is None else SourceProxy(id, added, sums)

    def input(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.input`."""
        added = self._added.get(k)
        return (
            self.rule.input(network, k, sums)
            if added is None
            else InputProxy(network.ids[k], added, sums)
        )

    def loss_node(self, network: Network) -> LossNode:
        """See `Rule.loss_node`."""
        return ShardLossNode(self.rule.loss_node(network), *self._outputs)

    def check(self, network: Network, loss: str) -> None:
        """See `Rule.check`."""
        self.rule.check(network, loss)

    def rounds(self, network: Network, x: Array) -> Generator[Round, Answer, None]:
        """Yield the rounds of the other rule.

        Args:
            network: The network of the shard.
            x: Activations of its inputs. Shape (n_inputs, batch).
        """
        return self.rule.rounds(network, x)

    def member(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.member`."""
        return (
            self.rule.member(network, k, sums)
            if k < self._n_own
            else super().member(network, k, sums)
        )

    def members(self, network: Network, k: int, sums: Sums, lanes: int) -> tuple[NeuronRule, ...]:
        """See `Rule.members`. The rules of a neuron share its state; proxies have none."""
        if k < self._n_own:
            return self.rule.members(network, k, sums, lanes)
        return tuple(self.member(network, k, sums) for _ in range(lanes))
