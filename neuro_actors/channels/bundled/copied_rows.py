"""Rows that are read in another place than the one where they are written."""

from __future__ import annotations

import numpy as np

from ...support.arrays import Array
from .row_layout import Copies


class CopiedRows:
    """Copies the rows of one group of readers after another. See `CarriedRows`.

    Args:
        copies: Where the rows lie.

    Attributes:
        values: All rows, those that are written and those that are read. Shape (n_rows, columns).
    """

    def __init__(self, copies: Copies) -> None:
        self.values: Array = np.empty((0, 0))
        self._written, self._scattered = copies.written, copies.scattered
        # a number is read faster from an array's memory than from the array
        self._start, self._read = copies.start.data, copies.read.data

    def copy(self, group: int) -> None:
        """Copy the rows of a group, all of which have been written.

        Args:
            group: The number of the group among those that have rows copied.
        """
        start, end, first = self._start[group], self._start[group + 1], self._read[group]
        rows = self.values.take(self._written[start:end], 0)
        if first < 0:
            self.values[self._scattered[group]] = rows
        else:
            self.values[first : first + end - start] = rows

    def copy_all(self) -> None:
        """Copy the rows of all groups."""
        for group in range(len(self._read)):
            self.copy(group)
