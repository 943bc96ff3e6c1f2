"""Numbers of members that live at several positions: a row for each member and position.

The rows of a member lie together, in the order of its positions; a column is an example. Where all
members live at one position, the rows are the members.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..support.arrays import Array, Indices

Value = TypeVar("Value", np.float64, np.bool_)


class PositionRows:
    """Where the rows of each member are.

    Args:
        n_positions: How many positions each member lives at. Shape (n,).

    Attributes:
        count: The same.
        start: The first row of each member, then the number of all rows. Shape (n + 1,).
    """

    def __init__(self, n_positions: Indices) -> None:
        self.count = n_positions
        self.start: Indices = np.append(0, np.cumsum(n_positions)).astype(np.intp)

    @property
    def total(self) -> int:
        """The number of all rows."""
        return int(self.start[-1])

    def of(self, k: int) -> slice:
        """Return the rows of a member."""
        return slice(int(self.start[k]), int(self.start[k + 1]))

    def index(self, members: ArrayLike) -> Indices:
        """Return the rows of some members, one member after another. Shape (rows,).

        Args:
            members: Their numbers, shape (some,), or a truth value for each, shape (n,).
        """
        some = np.asarray(members)
        if some.dtype == bool:
            some = np.flatnonzero(some)
        if self.total == len(self.count):
            return some.astype(np.intp)
        parts = [np.arange(self.start[k], self.start[k + 1]) for k in some.tolist()]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.intp)

    def each(self, values: NDArray[Value]) -> NDArray[Value]:
        """Repeat what belongs to each member in its rows. Shape (rows,).

        Args:
            values: One for each member. Shape (n,).
        """
        return values if self.total == len(self.count) else np.repeat(values, self.count)

    def from_columns(self, values: Array, batch: int) -> Array:
        """Return the numbers of messages as rows.

        Args:
            values: A row for each member: a number for each position of each example, example
                after example, as in `RecordedStep`. Shape (n, batch · the most positions).
            batch: The number of examples.

        Returns:
            Shape (rows, batch).
        """
        if self.total == len(self.count):
            return values[:, :batch]
        found = np.empty((self.total, batch))
        for k, positions in enumerate(self.count.tolist()):
            own = values[k, : batch * positions]
            found[self.of(k)] = own.reshape(batch, positions).T
        return found

    def to_columns(self, rows: Array, k: int) -> Array:
        """Return a member's rows as its messages have them. Shape (batch · positions,).

        Args:
            rows: The rows of all members. Shape (rows, batch).
            k: The member.
        """
        return rows[self.of(k)].T.ravel()
