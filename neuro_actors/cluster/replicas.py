"""Replicas: the same neuron in several workers. They receive other examples, and learn the same.

In a worker the steps of a batch go through without learning, and each neuron commits the mean
urgencies of its parameters. The worker adds these up over the batch, for all of its neurons in one
array; then the replicas of a shard add up their sums, by the tree of `rules/batch_sum.py`. So all
of them have the same mean, bit by bit, and each neuron learns from its part of it what it would
learn in one process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar, cast

import numpy as np

from ..network.network import Network
from ..neuron.local_rule import LocalRule, NeuronRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step
from ..neuron.neuron_state import NeuronState
from ..neuron.sums import ORDERED, Sums
from ..neuron.tree_sum import TreeSum
from ..rules import Rule
from ..rules.batch_sum import BatchSum
from ..rules.micro_batches import whole_rule
from ..rules.rule import settle
from ..rules.through_time import ThroughTime, TimeNeuron
from ..support.arrays import Array, freeze
from ..support.errors import InputError
from ..support.text import quote
from .worker_messages import BatchMean, PartialSum


class ReplicatedRule(Rule):
    """Another rule, whose neurons learn between steps, when `learn` is called.

    All lanes of a neuron have the same state. Through time, of a batch that is not cut, there is
    one lane: in each step the neuron adds to its sum over the ticks (`TimeNeuron.total`), and
    learns after the last one. Of one that is cut the worker adds up the ticks, too.
    """

    def __init__(
        self, rule: Rule, states: Mapping[int, NeuronState], totals: Mapping[int, Array]
    ) -> None:
        """Make the rule.

        Args:
            rule: The rule of the run; see `check`.
            states: The state of each neuron to go on from, by its position in the network. A neuron
                that has none begins with the network's parameters.
            totals: The sum of each neuron over the ticks that are done of a sequence in progress,
                by its position. Shape (fan_in + 1,) each.
        """
        self.rule, self._states, self._totals = whole_rule(rule), states, totals
        self._make = self.rule.neuron if rule is self.rule else self.rule.neuron_of_round
        self.lanes: dict[int, tuple[LocalRule, ...]] = {}  # of each neuron, by position

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.neuron`."""
        return self.members(network, k, sums, 1)[0]

    def input(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.input`."""
        return self.rule.input(network, k, sums)

    def interneuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """See `Rule.interneuron`."""
        return self.rule.interneuron(network, k, sums)

    def loss_node(self, network: Network) -> LossNode:
        """See `Rule.loss_node`."""
        return self.rule.loss_node(network)

    def members(self, network: Network, k: int, sums: Sums, count: int) -> tuple[NeuronRule, ...]:
        """See `Rule.members`."""
        if network.is_input[k] or k in network.interneurons:
            return tuple(self.member(network, k, sums) for _ in range(count))
        lanes = self.lanes[k] = tuple(
            cast(LocalRule, settle(self._make(network, k, sums), network, k)) for _ in range(count)
        )
        for lane in lanes:
            lane.state = self._states.get(k, lane.state)
            if isinstance(lane, TimeNeuron):
                lane.total = freeze(np.array(self._totals.get(k, lane.total)))
        return lanes

    def learn(self, k: int, step: Step, mean: Array, commit_out: Array) -> None:
        """Let one neuron conclude a batch, between two steps.

        Args:
            k: The neuron's position in the network.
            step: The batch's last step. Without an optimizer the neuron does not learn.
            mean: The mean urgencies of its parameters over the batch (fan_in + 1,).
            commit_out: Receives what the neuron commits (fan_in + 1,): its new parameters, or
                without an optimizer the mean. It holds the mean already.

        Raises:
            MessageError: The mean or the new parameters are not finite.
        """
        first, *others = self.lanes[k]
        LocalRule.conclude(first, step, mean, commit_out)  # a sum over ticks is in the mean already
        for lane in others:
            lane.state = first.state

    def total_of(self, k: int) -> Array | None:
        """Return the sum of one neuron over the ticks that are done; None if there is none.

        Args:
            k: The neuron's position in the network.

        Returns:
            Shape (fan_in + 1,).
        """
        (first, *_) = self.lanes[k]
        return first.total if isinstance(first, TimeNeuron) and len(first.total) else None


def check(rule: Rule, network: Network) -> None:
    """Check that replicas can learn the same under a rule.

    Raises:
        InputError: They cannot.
    """
    if type(rule) is ThroughTime:
        return
    some = rule.neuron(network, int(np.argmax(~network.is_input)), ORDERED)
    if (
        type(rule).rounds is not Rule.rounds
        or not isinstance(some, LocalRule)
        or some.STATE != LocalRule.STATE
    ):
        advice = "it needs a rule of one round, whose neurons have no state but their parameters"
        raise InputError(
            f"a cluster cannot share out {quote(rule)}: {advice}, such as Backpropagation"
        )


M = TypeVar("M", PartialSum, BatchMean)


class ReplicaLinks(Protocol):
    """Connections to the other replicas of a shard."""

    def send_to_replica(self, replica: int, message: PartialSum | BatchMean) -> None:
        """Send a message. Never waits."""

    async def receive_from_replica(self, replica: int, kind: type[M], batch: int) -> M:
        """Wait for the message of that kind about that batch."""


async def mean_over_replicas(
    part: BatchSum, batch: int, replica: int, replicas: int, links: ReplicaLinks
) -> Array:
    """Add up the sums of all replicas, and return the mean over the batch (n_parameters,).

    The replicas form a binary tree: each adds the sums of those below it, and sends the sum to the
    one above it. The lowest replica divides, and the mean goes the same way back. So it takes as
    many messages one after another as the logarithm of `replicas`. No bit depends on who adds.

    Args:
        part: The sum over this replica's micro-batches.
        batch: The batch; see `RunStep`.
        replica: Number of this replica.
        replicas: How many replicas there are.
        links: Connections to the others.
    """
    distance = 1
    while distance < replicas and not replica & distance:
        if replica + distance < replicas:
            other = await links.receive_from_replica(replica + distance, PartialSum, batch)
            part = part.merge(_from_message(other))
        distance *= 2
    if replica:
        links.send_to_replica(replica - distance, _to_message(part, batch))
        mean = (await links.receive_from_replica(replica - distance, BatchMean, batch)).values
    else:
        mean = part.mean()
    while distance > 1:
        distance //= 2
        if replica + distance < replicas:
            links.send_to_replica(replica + distance, BatchMean(batch, mean))
    return mean


def _to_message(part: BatchSum, batch: int) -> PartialSum:
    blocks = tuple((height, index) for height, index, _ in part.tree.blocks)
    values = tuple(values for _, _, values in part.tree.blocks)
    return PartialSum(batch, part.count, part.weight, blocks, values)


def _from_message(message: PartialSum) -> BatchSum:
    blocks = zip(message.blocks, message.values, strict=True)
    tree = TreeSum(tuple((height, index, values) for (height, index), values in blocks))
    return BatchSum(message.count, message.weight, tree)
