"""What comes in from another shard, held until those who await it have read it."""

from __future__ import annotations

import numpy as np
import trio

from ..neuron.messages import MessageKind
from ..support.errors import MessageError
from ..support.validation import Array


class InboundBuffer:
    """One way of a bundle, step after step. The law:

    1. A block is held until each of its `readers` has taken it once; then it is forgotten.
    2. It may come before the step in which it is read begins, and before that of the steps before.
    3. One that comes twice, or for a step that is over, or is of another shape, raises `MessageError` and changes nothing.
       What is not finite is refused, as in one process, by the neuron that hears it, under its name.
    4. Whoever reads is woken once: when the block of the step under way is there, or it is known that none will come.
    """

    def __init__(self, name: str, kind: MessageKind, n_rows: int, readers: int) -> None:
        self.name, self.kind, self.n_rows, self.readers = name, kind, n_rows, readers
        self.begun = 0  # steps
        self._number = (
            0  # of the one under way; whether a block comes in it, and of how many columns
        )
        self._comes, self._columns = False, 0
        self._held: dict[int, Array] = {}
        self._left, self._read = (
            readers,
            0,
        )  # who have not taken the block yet; of which step the last was read by all
        self._asleep: trio.Event | None = None
        self._closed = False

    def begin(self, number: int, comes: bool, columns: int) -> None:
        """A step begins: what is held for those before, which nobody has asked for, is of no more use."""
        self.begun += 1
        self._number, self._comes, self._columns = number, comes, columns
        self._read, self._left = max(self._read, number - 1), self.readers
        for old in [held for held in self._held if held < number]:
            del self._held[old]
        self._wake()

    def accept(self, number: int, values: Array) -> None:
        """A block of that step."""
        complaint = self._complaint(number, values)
        if complaint is not None:
            raise MessageError(self._refusal(number, complaint))
        if not self._closed:
            self._held[number] = values
            self._wake()

    def _refusal(self, number: int, complaint: str) -> str:
        return f"{self.name}: the {self.kind} rows of step {number} cannot be accepted: {complaint}"

    def _complaint(self, number: int, values: Array) -> str | None:
        if number <= self._read:
            return f"step {self._read} is over"
        if number in self._held:
            return "they have come already"
        if values.dtype != np.float64 or values.ndim != 2 or len(values) != self.n_rows:
            return f"float64 of shape ({self.n_rows}, columns) was expected, got {values.dtype} of shape {values.shape}"
        if number == self._number and values.shape[1] != self._columns:
            return f"{self._columns} columns were expected, got {values.shape[1]}"
        return None

    @property
    def _settled(self) -> bool:
        return self._closed or not self._comes or self._number in self._held

    def _wake(self) -> None:
        if self._asleep is not None and self._settled:
            self._asleep.set()
            self._asleep = None

    async def wait_ready(self, count: int) -> None:
        """Sleep until so many steps have begun, and the last one's block is there, or none will come, or all is over."""
        while not (self._closed or (self.begun >= count and self._settled)):
            if self._asleep is None:
                self._asleep = trio.Event()
            await self._asleep.wait()

    def take(self, number: int) -> Array | None:
        """The block of the step under way, which is ready; None if no more mail will come."""
        if self._closed:
            return None
        values = self._held[number]
        if values.shape[1] != self._columns:  # it came before the step began
            raise MessageError(
                self._refusal(
                    number, f"{self._columns} columns were expected, got {values.shape[1]}"
                )
            )
        self._left -= 1
        if not self._left:
            del self._held[number]
            self._read, self._left = number, self.readers
        return values

    @property
    def awaited(self) -> int | None:
        """The step whose block somebody waits for."""
        return (
            self._number
            if self._asleep is not None and not self._settled and self._read < self._number
            else None
        )

    def close(self) -> None:
        """Nothing more will be read."""
        self._closed = True
        self._held.clear()
        self._wake()
