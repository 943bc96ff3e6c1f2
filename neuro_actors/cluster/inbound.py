"""The rows that arrive from another shard, held until the proxies have taken them."""

from __future__ import annotations

import numpy as np
import trio

from ..neuron.messages import MessageKind
from ..support.arrays import Array
from ..support.errors import MessageError


class InboundBuffer:
    """The blocks of one bundle in one direction, step after step.

    The law:

    1. A block is held until each of its readers has taken it once; then it is dropped.
    2. A block may arrive before its step begins, and before that of earlier steps.
    3. A block that arrives twice, belongs to a step that is over, or has another shape raises
       `MessageError` and changes nothing. As in one process, the neuron that receives numbers that
       are not finite refuses them, under its name.
    4. A reader is woken once: when the block of the step in progress is there, or when it is known
       that none will come.

    Attributes:
        name: For errors.
        kind: The kind of the messages.
        n_rows: How many rows a block has.
        readers: How many proxies take each block.
        begun: How many steps have begun.
    """

    def __init__(self, name: str, kind: MessageKind, n_rows: int, readers: int) -> None:
        """Begin with no step.

        Args:
            name: For errors.
            kind: The kind of the messages.
            n_rows: How many rows a block has.
            readers: How many proxies take each block.
        """
        self.name, self.kind, self.n_rows, self.readers = name, kind, n_rows, readers
        self.begun = 0
        self._number = 0  # of the step in progress
        self._comes, self._columns = False, 0  # whether it has a block, and of how many columns
        self._held: dict[int, Array] = {}  # blocks, by the number of their step
        self._left = readers  # how many have not taken the block yet
        self._taken = 0  # the last step whose block all have taken
        self._asleep: trio.Event | None = None
        self._closed = False

    def begin(self, number: int, comes: bool, columns: int) -> None:
        """Begin a step. Blocks of earlier steps that no proxy has asked for are dropped.

        Args:
            number: Number of the step.
            comes: Whether the step has a block.
            columns: How many columns that block has.
        """
        self.begun += 1
        self._number, self._comes, self._columns = number, comes, columns
        self._taken, self._left = max(self._taken, number - 1), self.readers
        for old in [held for held in self._held if held < number]:
            del self._held[old]
        self._wake()

    def accept(self, number: int, values: Array) -> None:
        """Take a block that has arrived.

        Args:
            number: Number of its step.
            values: The block. Shape (n_rows, columns).

        Raises:
            MessageError: It must not be accepted; see law 3.
        """
        problem = self._problem(number, values)
        if problem is not None:
            raise MessageError(self._refusal(number, problem))
        if not self._closed:
            self._held[number] = values
            self._wake()

    def _refusal(self, number: int, problem: str) -> str:
        return f"{self.name}: the {self.kind} rows of step {number} cannot be accepted: {problem}"

    def _problem(self, number: int, values: Array) -> str | None:
        if number <= self._taken:
            return f"step {self._taken} is over"
        if number in self._held:
            return "they have come already"
        if values.dtype != np.float64 or values.ndim != 2 or len(values) != self.n_rows:
            expected = f"float64 of shape ({self.n_rows}, columns) was expected"
            return f"{expected}, got {values.dtype} of shape {values.shape}"
        if number == self._number:
            return self._column_problem(values)
        return None

    def _column_problem(self, values: Array) -> str | None:
        if values.shape[1] == self._columns:
            return None
        return f"{self._columns} columns were expected, got {values.shape[1]}"

    @property
    def _settled(self) -> bool:
        return self._closed or not self._comes or self._number in self._held

    def _wake(self) -> None:
        if self._asleep is not None and self._settled:
            self._asleep.set()
            self._asleep = None

    async def wait_ready(self, count: int) -> None:
        """Wait until so many steps have begun, and the last one's block is there or none will come.

        Args:
            count: How many steps. A reader does not know the number of its next step, but how many
                it has taken part in.
        """
        while not (self._closed or (self.begun >= count and self._settled)):
            if self._asleep is None:
                self._asleep = trio.Event()
            await self._asleep.wait()

    def take(self, number: int) -> Array | None:
        """Return the block of the step in progress, which must be ready. Shape (n_rows, columns).

        Args:
            number: Number of the step.

        Returns:
            The block, or None if no more mail will come.

        Raises:
            MessageError: The block arrived before its step, and has another number of columns.
        """
        if self._closed:
            return None
        values = self._held[number]
        problem = self._column_problem(values)
        if problem is not None:
            raise MessageError(self._refusal(number, problem))
        self._left -= 1
        if not self._left:
            del self._held[number]
            self._taken, self._left = number, self.readers
        return values

    @property
    def awaited(self) -> int | None:
        """Number of the step whose block a reader waits for; None if none waits."""
        waits = self._asleep is not None and not self._settled and self._taken < self._number
        return self._number if waits else None

    def close(self) -> None:
        """Let all readers go on: no more blocks will be taken."""
        self._closed = True
        self._held.clear()
        self._wake()
