"""What comes in from another shard, held until those who await it have read it."""

from __future__ import annotations

import numpy as np
import trio

from ..arrays import Array
from ..errors import MessageError
from ..messages import Kind


class Arrival:
    """One way of a bundle, step after step. The law:

    1. A block is held until each of its `readers` has taken it once; then it is forgotten.
    2. It may come before the step in which it is read begins, and before that of the steps before.
    3. One that comes twice, or for a step that is over, or is of another shape, or holds a value that is not finite, raises
       `MessageError` and changes nothing.
    """

    def __init__(self, name: str, kind: Kind, n_rows: int, readers: int) -> None:
        self.name, self.kind, self.n_rows, self.readers = name, kind, n_rows, readers
        self.awaited: int | None = None  # the step whose block somebody is asleep for
        self._held: dict[int, Array] = {}
        self._left, self._read = readers, 0  # who have not taken the block yet; of which step the last was read by all
        self._arrived: trio.Event | None = None
        self._closed = False

    def begin(self, number: int) -> None:
        """A step begins: what is held for those before, which nobody has asked for, is of no more use."""
        self._read, self._left = max(self._read, number - 1), self.readers
        for old in [held for held in self._held if held < number]:
            del self._held[old]

    def accept(self, number: int, values: Array, columns: int | None) -> None:
        """columns: how many there must be, where that is known."""
        complaint = self._complaint(number, values, columns)
        if complaint is not None:
            raise MessageError(f"{self.name}: the {self.kind} rows of step {number} cannot be accepted: {complaint}")
        if self._closed:
            return
        self._held[number] = values
        if self._arrived is not None and self.awaited == number:
            self.awaited = None
            self._arrived.set()
            self._arrived = None

    def _complaint(self, number: int, values: Array, columns: int | None) -> str | None:
        if number <= self._read:
            return f"step {self._read} is over"
        if number in self._held:
            return "they have come already"
        if values.dtype != np.float64 or values.ndim != 2 or len(values) != self.n_rows:
            return f"float64 of shape ({self.n_rows}, columns) was expected, got {values.dtype} of shape {values.shape}"
        if columns is not None and values.shape[1] != columns:
            return f"{columns} columns were expected, got {values.shape[1]}"
        if not np.isfinite(values).all():
            return "they hold a value that is not finite; a smaller learning rate often helps"
        return None

    async def take(self, number: int, columns: int) -> Array | None:
        """The block of that step; None if no more mail will come."""
        while number not in self._held and not self._closed:
            if self._arrived is None:
                self._arrived, self.awaited = trio.Event(), number
            await self._arrived.wait()
        if self._closed:
            return None
        values = self._held[number]
        complaint = None if values.shape[1] == columns else f"{columns} columns were expected, got {values.shape[1]}"
        if complaint is not None:
            raise MessageError(f"{self.name}: the {self.kind} rows of step {number} cannot be accepted: {complaint}")
        self._left -= 1
        if not self._left:
            del self._held[number]
            self._read, self._left = number, self.readers
        return values

    def close(self) -> None:
        """Nothing more will be read."""
        self._closed, self.awaited = True, None
        self._held.clear()
        if self._arrived is not None:
            self._arrived.set()
