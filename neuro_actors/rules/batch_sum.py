"""The sum over the micro-batches of a batch, for a neuron, a worker and its replicas alike.

A batch of B examples goes through as micro-batches of B_m examples. In each of them the mean
urgencies u_m over its examples are found, and the mean over the batch is

    (Σ B_m · u_m) / B

The sum is by the fixed binary tree of `tree_sum.py` over the numbers of the micro-batches. So it
has the same bits in whatever order they come, and however they are divided between those that add.
Only the sums of some blocks of the tree are held, about log2 of the number of micro-batches.

Through time a micro-batch has a round back for each tick. u_m is the sum over them, the last tick
first. So between rounds one more sum is held for each micro-batch: that over the ticks that are
done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..neuron.tree_sum import EMPTY, TreeSum
from ..support.arrays import Array, freeze
from .batch_round import BatchRound


class TickSum(NamedTuple):
    """The sum over the ticks of one micro-batch that are done.

    Attributes:
        part: Number of the micro-batch in its batch, from 1 on.
        place: See `BatchRound`: that of the last round that was added.
        values: The sum. Shape (numbers,).
    """

    part: int
    place: int
    values: Array


@dataclass(slots=True, eq=False)  # not frozen: each step makes several for each neuron
class BatchSum:
    """The sum over some micro-batches of one batch. It is never changed in place.

    Attributes:
        count: How many micro-batches are in it.
        weight: The sum of their weights: how many examples they have.
        tree: Their weighted means.
        ticks: What is to be added for micro-batches of which some ticks are done.
    """

    count: int = 0
    weight: int = 0
    tree: TreeSum = EMPTY
    ticks: tuple[TickSum, ...] = ()

    @classmethod
    def of(cls, index: int, weight: int, mean: Array) -> BatchSum:
        """Return the sum of one micro-batch.

        Args:
            index: Number of the micro-batch in its batch, from 0 on.
            weight: Its weight: how many examples it has.
            mean: The mean over its examples. Shape (numbers,). It may change afterwards.
        """
        return cls(1, weight, TreeSum(((0, index, freeze(weight * mean)),)))

    def merge(self, other: BatchSum) -> BatchSum:
        """Return the sum over the micro-batches of both. No micro-batch may be in both."""
        tree = self.tree
        for block in other.tree.blocks:
            tree = tree.add(*block)
        ticks = self.ticks + other.ticks
        return BatchSum(self.count + other.count, self.weight + other.weight, tree, ticks)

    def add(self, at: BatchRound, weight: int, mean: Array) -> BatchSum:
        """Return the sum with one more round. One that is in it already is not added again.

        Args:
            at: The round.
            weight: Its weight: how many examples it has.
            mean: The mean over its examples. Shape (numbers,). It may change afterwards.
        """
        before = self.before(at)
        if self.contains(at.part - 1) or (before is not None and before.place >= at.place):
            return self
        if before is not None and not at.begins:
            mean = before.values + mean
        others = tuple(one for one in self.ticks if one is not before)
        if not at.ends:
            others = (*others, TickSum(at.part, at.place, freeze(np.array(mean))))
        done = BatchSum(self.count, self.weight, self.tree, others)
        return done.merge(BatchSum.of(at.part - 1, weight, mean)) if at.ends else done

    def before(self, at: BatchRound) -> TickSum | None:
        """Return the sum over the ticks of a round's micro-batch that are done; None before it."""
        return next((one for one in self.ticks if one.part == at.part), None)

    def contains(self, index: int) -> bool:
        """Return whether this micro-batch is in the sum."""
        return self.tree.contains(0, index)

    def mean(self) -> Array:
        """Return the mean over all examples, where nothing is missing. Shape (numbers,)."""
        return self.tree.total() / self.weight


class MicroBatchResult(NamedTuple):
    """What a neuron has found in one round.

    Attributes:
        at: The round. In the last one of the batch the neuron has learned.
        weight: How many examples the round has.
        mean: The mean over these. Shape (fan_in + 1,).
        rule_state: State of the neuron's rule after the last round.
    """

    at: BatchRound
    weight: int
    mean: Array
    rule_state: tuple[Any, ...]


class NeuronBatch:
    """What all lanes of one neuron share: its sum over the batch in progress, and its state.

    Attributes:
        base: The batch: number of the step before its first round. None if that is unknown,
            because a state was set.
        sum: Over the rounds that are done.
        rule_state: State of the neuron's rule.
        wake: Called once all micro-batches are done but the last; None if no lane waits for that.
    """

    __slots__ = ("base", "rule_state", "sum", "wake")

    def __init__(self, rule_state: tuple[Any, ...]) -> None:
        """Begin with no batch.

        Args:
            rule_state: State of the neuron's rule.
        """
        self.base: int | None = None
        self.sum = BatchSum()
        self.rule_state = rule_state
        self.wake: Callable[[], object] | None = None

    def sum_before(self, at: BatchRound) -> BatchSum:
        """Return the sum over what is done of a round's batch.

        A batch that was broken off is forgotten as soon as another one begins.

        Args:
            at: The round that is to be added.
        """
        known = at.base == self.base or (self.base is None and not at.is_first)
        return self.sum if known else BatchSum()

    def add(self, result: MicroBatchResult) -> None:
        """Add a round. One that is in the sum already is not added again."""
        at = result.at
        done = self.sum_before(at).add(at, result.weight, result.mean)
        if at.is_last:
            done, self.rule_state = BatchSum(), result.rule_state
        self.base, self.sum = at.base, done
        if self.wake is not None and done.count == at.parts - 1:
            wake, self.wake = self.wake, None
            wake()
