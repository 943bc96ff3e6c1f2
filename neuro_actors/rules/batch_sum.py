"""The sum over the micro-batches of a batch, for a neuron, a worker and its replicas alike.

A batch of B examples goes through as micro-batches of B_m examples. In each of them the mean
urgencies u_m over its examples are found, and the mean over the batch is

    (Σ B_m · u_m) / B

The sum is by the fixed binary tree of `tree_sum.py` over the numbers of the micro-batches. So it
has the same bits in whatever order they come, and however they are divided between those that add.
Only the sums of some blocks of the tree are held, about log2 of the number of micro-batches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..neuron.tree_sum import EMPTY, TreeSum
from ..support.arrays import Array, freeze


@dataclass(slots=True, eq=False)  # not frozen: each step makes several for each neuron
class BatchSum:
    """The sum over some micro-batches of one batch. It is never changed in place.

    Attributes:
        count: How many micro-batches are in it.
        weight: The sum of their weights: how many examples they have.
        tree: Their weighted means.
    """

    count: int = 0
    weight: int = 0
    tree: TreeSum = EMPTY

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
        return BatchSum(self.count + other.count, self.weight + other.weight, tree)

    def contains(self, index: int) -> bool:
        """Return whether this micro-batch is in the sum."""
        return self.tree.contains(0, index)

    def mean(self) -> Array:
        """Return the mean over all examples, where nothing is missing. Shape (numbers,)."""
        return self.tree.total() / self.weight


class MicroBatchResult(NamedTuple):
    """What a neuron has found in one micro-batch.

    Attributes:
        base: The batch: number of the step before its first micro-batch.
        number: Number of the micro-batch in its batch, from 1 on.
        of: How many micro-batches the batch has. In the last one the neuron has learned.
        term: Its sum.
        rule_state: State of the neuron's rule after it.
    """

    base: int
    number: int
    of: int
    term: BatchSum
    rule_state: tuple[Any, ...]


class NeuronBatch:
    """What all lanes of one neuron share: its sum over the batch in progress, and its state.

    Attributes:
        base: The batch: number of the step before its first micro-batch. None if that is unknown,
            because a state was set.
        sum: Over the micro-batches that are done.
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

    def sum_before(self, base: int, number: int) -> BatchSum:
        """Return the sum over what is done of a batch.

        A batch that was broken off is forgotten as soon as another one begins.

        Args:
            base: The batch.
            number: The micro-batch that is to be added, from 1 on.
        """
        known = base == self.base or (self.base is None and number > 1)
        return self.sum if known else BatchSum()

    def add(self, result: MicroBatchResult) -> None:
        """Add a micro-batch. One that is in the sum already is not added again."""
        base, number, of, term, rule_state = result
        done = self.sum_before(base, number)
        if not done.contains(number - 1):
            done = done.merge(term)
        if number == of:
            done, self.rule_state = BatchSum(), rule_state
        self.base, self.sum = base, done
        if self.wake is not None and done.count == of - 1:
            wake, self.wake = self.wake, None
            wake()
