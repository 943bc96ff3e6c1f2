"""A sum of arrays whose order is fixed by a binary tree over the terms' numbers.

    ((0 + 1) + (2 + 3)) + ((4 + 5) + 6)

The law of the tree:

1. The block of height h and index k is the sum of the terms k · 2^h to (k + 1) · 2^h - 1, as far as
   these exist. A term is the block of height 0 and its own number.
2. A block is its left half plus its right half: the blocks 2k and 2k + 1 of height h - 1. If its
   right half has no terms, it is its left half.
3. The sum of all terms is the lowest block that has all terms.

So the terms can be divided: each part adds what lies in one block, and hands on the block alone.
The sum has the same bits in whatever order the terms come, and however they are divided. A sum of n
terms takes at most log2(n) additions one after another, rounded up. Of terms that come in order at
most log2(n) + 1 blocks are ever held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ..support.arrays import Array, freeze

Block: TypeAlias = tuple[int, int, Array]  # height, index, sum
Blocks: TypeAlias = tuple[Block, ...]


@dataclass(slots=True, eq=False)  # not frozen: each step makes several for each neuron
class TreeSum:
    """The sum of some of the terms. It is never changed in place.

    Attributes:
        blocks: Height, index and sum of each block. No block is within another one, or the other
            half of another one's.
    """

    blocks: Blocks = ()

    def add(self, height: int, index: int, values: Array) -> TreeSum:
        """Return the sum with one more block. Two halves become the block that they are halves of.

        Args:
            height: Height of the block; 0 for a term.
            index: Index of the block; the term's number.
            values: Its sum. Shape (numbers,). It becomes read-only.
        """
        blocks = self.blocks
        freeze(values)
        while True:
            half, sibling = None, index ^ 1
            for block in blocks:
                if block[0] == height and block[1] == sibling:
                    half = block
            if half is None:
                return TreeSum((*blocks, (height, index, values)))
            blocks = tuple([block for block in blocks if block is not half])
            values = freeze(half[2] + values)
            height, index = height + 1, index // 2

    def contains(self, height: int, index: int) -> bool:
        """Return whether this block is in the sum."""
        return any(index >> (h - height) == k for h, k, _ in self.blocks if h >= height)

    def total(self) -> Array:
        """Return the sum of all terms, where no term is missing. Shape (numbers,).

        The blocks that are left lack a right half.
        """
        *others, last = sorted(self.blocks, key=lambda block: block[1] << block[0])
        values = last[2]
        for _, _, left in reversed(others):
            values = left + values
        return values


EMPTY = TreeSum()
