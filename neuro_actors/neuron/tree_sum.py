"""A sum of arrays whose order a binary tree over the terms' places fixes, so that several can share it out.

    ((0 + 1) + (2 + 3)) + ((4 + 5) + 6)

The law of the tree:

1. A block of height h and place k is the sum of the terms k · 2^h to (k + 1) · 2^h - 1, of those that there are. A term is
   the block of height 0 in its place.
2. A block is its left half plus its right half, the blocks 2k and 2k + 1 one lower; where there are no terms in its right
   half, it is its left half.
3. The sum of all terms is the lowest block that holds all.

So whoever has some of the terms can add what lies in one block, and hand on the block alone: all come to the same bits, in
whatever order terms come and whoever adds them. A sum of n terms goes through at most log2(n), rounded up, additions; and
of terms that come one after another no more than log2(n) + 1 blocks are ever kept.
"""

from __future__ import annotations

from typing import TypeAlias

from ..support.validation import Array, frozen

Block: TypeAlias = tuple[int, int, Array]  # height, place, sum
Blocks: TypeAlias = tuple[
    Block, ...
]  # none of which is within another, or the other half of another's


def added(blocks: Blocks, height: int, place: int, values: Array) -> Blocks:
    """These blocks and one more: two halves become the block that they are halves of. Nothing is changed in place."""
    frozen(values)
    while True:
        half = next((block for block in blocks if block[:2] == (height, place ^ 1)), None)
        if half is None:
            return (*blocks, (height, place, values))
        blocks = tuple(block for block in blocks if block is not half)
        values = frozen(half[2] + values)
        height, place = height + 1, place // 2


def holds(blocks: Blocks, height: int, place: int) -> bool:
    """Whether that block is in one of these."""
    return any(place >> (h - height) == k for h, k, _ in blocks if h >= height)


def total(blocks: Blocks) -> Array:
    """The sum of all terms, where no more will come: what is left are blocks that lack a right half."""
    *others, last = sorted(blocks, key=lambda block: block[1] << block[0])
    values = last[2]
    for _, _, left in reversed(others):
        values = left + values
    return values
