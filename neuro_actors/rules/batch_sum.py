"""What a neuron finds in the micro-batches of one batch, in whatever lanes: one book, which its rules in all of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..neuron.tree_sum import Blocks, added, holds, total
from ..support.validation import Array


@dataclass(frozen=True, slots=True, eq=False)
class BatchSum:
    """The sum over some micro-batches of one batch; it is never changed in place.

    Attributes:
        count: How many micro-batches are in it.
        weight: The sum of their weights.
        blocks: Their weighted means, added up by the tree.
    """

    count: int = 0
    weight: int = 0
    blocks: Blocks = ()

    def add(self, index: int, weight: int, mean: Array) -> BatchSum:
        """Return the sum with one more micro-batch.

        Args:
            index: Number of the micro-batch in its batch, from 0 on.
            weight: Its weight: how many examples it has.
            mean: The mean over its examples (numbers,).
        """
        return BatchSum(
            self.count + 1, self.weight + weight, added(self.blocks, 0, index, weight * mean)
        )

    def merge(self, other: BatchSum) -> BatchSum:
        """Return the sum over the micro-batches of both, none of which is in both."""
        blocks = self.blocks
        for block in other.blocks:
            blocks = added(blocks, *block)
        return BatchSum(self.count + other.count, self.weight + other.weight, blocks)

    def contains(self, index: int) -> bool:
        """Return whether that micro-batch is in the sum."""
        return holds(self.blocks, 0, index)

    def mean(self) -> Array:
        """Return the mean over all examples (numbers,), where all micro-batches are in the sum."""
        return total(self.blocks) / self.weight


class Found(NamedTuple):
    """In one micro-batch, the `place`th `of` so many. values: the sum over its examples.  kept: by the rule, after the last."""

    base: int
    place: int
    of: int
    examples: int
    values: Array
    kept: tuple[Any, ...] | None


class Book:
    """What a neuron has found so far in one batch: `done` micro-batches of so many examples, and the blocks of the tree.

    base: the number of the step before the batch's first micro-batch, by which another batch is told from it; None where
    that is not known, after what was kept has been restored.
    shared: whether several lanes write it, so that `kept`, once something has been learnt, is all that any rule keeps.
    """

    __slots__ = ("base", "blocks", "done", "examples", "kept", "shared", "wake")

    def __init__(self, shared: bool = False) -> None:
        self.base: int | None = None
        self.done = self.examples = 0
        self.blocks: Blocks = ()
        self.shared = shared
        self.kept: tuple[Any, ...] | None = None
        self.wake: Callable[[], object] | None = None  # who waits for all others

    def of(self, base: int, place: int) -> tuple[int, int, Blocks]:
        """What is found of the batch of that base: of another one nothing, whatever became of what was found."""
        if base == self.base or (self.base is None and place > 1):
            return self.done, self.examples, self.blocks
        return 0, 0, ()

    def write(self, found: Found) -> None:
        """Add what was found in a micro-batch; what stands there already is not added again."""
        base, place, count, examples, values, kept = found
        done, size, blocks = self.of(base, place)
        if not holds(blocks, 0, place - 1):
            done, size, blocks = done + 1, size + examples, added(blocks, 0, place - 1, values)
        if place == count:
            done, size, blocks = 0, 0, ()
            if self.shared:
                self.kept = kept
        self.base, self.done, self.examples, self.blocks = base, done, size, blocks
        if self.wake is not None and done == count - 1:
            wake, self.wake = self.wake, None
            wake()
