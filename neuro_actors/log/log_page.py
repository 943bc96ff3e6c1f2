"""A buffer for steps of one kind and batch size on their way to the file.

All columns of a page's rows but three are known beforehand and are made once: the template gives
kind, sender, receiver and time. Each step adds its number, its values and its notes. A record batch
refers to these arrays, so values are copied once and nothing else is copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..support.arrays import Array, Indices
from .row_template import NOBODY, RowTemplate
from .schema import CODE

MOST_VALUES = 2**27  # in one record batch: one gigabyte; Arrow counts up to 2^31


class Page:
    """Room for some steps; each has a begin row, the rows of the template, and a seal.

    Args:
        template: The rows of each step.
        width: How many examples a step has, and how many numbers a message has.
        schema: The Arrow schema of the log.
        names: Arrow array of the members' names.
        kinds: Arrow array of the kinds' names.
        outputs: The ids of the outputs; they are the notes of targets.
        rows: About how many rows a page holds. It holds one step at least.

    Attributes:
        template: The rows of each step.
        starts: Where each row's values begin in a step's values. Shape (template rows + 1,).
        n_rows: The number of rows of a step.
        n_values: The number of values of a step.
        room: How many steps the page holds.
        values: The values of its steps. Shape (room, n_values).
        numbers: The numbers of the steps that are on it.
        sealed: Which of a step's values go into its digest.
    """

    def __init__(
        self,
        template: RowTemplate,
        width: tuple[int, int],
        schema: Any,
        names: Any,
        kinds: Any,
        outputs: Any,
        rows: int,
    ) -> None:
        self.template = template
        self._schema = schema
        lengths = template.lengths(*width)
        self.starts: Indices = np.concatenate([[0], np.cumsum(lengths)])
        self.n_rows, self.n_values = len(lengths) + 2, int(self.starts[-1])
        self.room = max(1, min(-(-rows // self.n_rows), MOST_VALUES // 16 // max(1, self.n_values)))
        self.values = np.empty((self.room, self.n_values))
        self.numbers: list[int] = []
        self._notes: list[tuple[bytes, bytes]] = []  # the notes of each step's begin row and seal
        padded = np.concatenate([[0], lengths, [0]])
        self._offsets = np.concatenate([[0], np.cumsum(np.tile(padded, self.room))])
        # The first record batch has as many rows as the page, unless these have too many values.
        end = int(np.searchsorted(self._offsets, MOST_VALUES, side="right"))
        self._first_offsets = pa.array(self._offsets[: max(end, 2)].astype(np.int32))
        # The rows that the environment sends are the first of a step.
        self.sealed = template.sealed_numbers(lengths)
        self._columns = [
            pa.DictionaryArray.from_arrays(
                self._tiled(template.kind, CODE["begin"], CODE["seal"], pa.int8()), kinds
            ),
            pa.DictionaryArray.from_arrays(
                self._tiled(template.sender, NOBODY, NOBODY, pa.int32()), names
            ),
            pa.DictionaryArray.from_arrays(
                self._tiled(template.receiver, NOBODY, NOBODY, pa.int32()), names
            ),
            self._tiled(template.time, 0, 0, pa.int32()),
        ]
        targets = template.kind == CODE["target"]
        wanted = template.slot[targets] - (template.slot[targets].min() if targets.any() else 0)
        self._targets = [outputs[k].encode() for k in wanted.tolist()]
        noted = np.concatenate([[True], targets, [True]])
        self._note_bits = pa.py_buffer(
            np.packbits(np.tile(noted, self.room), bitorder="little").tobytes()
        )
        self._note_lengths: list[int] = []
        self._note_rows = (
            np.arange(self.room)[:, None] * self.n_rows + np.flatnonzero(noted)
        ).ravel()

    def _tiled(self, column: NDArray[Any], first: int, last: int, kind: Any) -> Any:
        tiled = np.tile(np.concatenate([[first], column, [last]]), self.room)
        is_null = tiled < 0
        if not is_null.any():
            return pa.array(tiled, kind)
        # 0 under each null, because some readers look there
        return pa.array(np.where(is_null, 0, tiled), kind, mask=is_null)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another step."""
        return len(self.numbers) == self.room

    @property
    def next_values(self) -> Array:
        """The values of the next step, to be filled in before `add`. Shape (n_values,)."""
        values: Array = self.values[len(self.numbers)]
        return values

    def add(self, number: int, begin: str, seal: str) -> None:
        """Add the step whose values are in `next_values`.

        Args:
            number: The step's number.
            begin: The note of its begin row.
            seal: The note of its seal.
        """
        self.numbers.append(number)
        self._notes.append((begin.encode(), seal.encode()))

    def take_batches(self) -> Iterator[Any]:
        """Yield the steps on the page as record batches; after the last one the page is empty."""
        count = len(self.numbers)
        rows = count * self.n_rows
        numbers = pa.array(np.repeat(np.array(self.numbers, dtype=np.int64), self.n_rows))
        columns = [numbers, *self._columns, self._note_column(count)]
        start = 0
        while start < rows:
            stop = rows
            if self._offsets[rows] - self._offsets[start] > MOST_VALUES:
                most = self._offsets[start] + MOST_VALUES
                stop = max(start + 1, int(np.searchsorted(self._offsets, most, side="right")) - 1)
            yield pa.record_batch(list(self._cut(columns, start, stop)), schema=self._schema)
            start = stop
        self.numbers, self._notes = [], []

    def _cut(self, columns: list[Any], start: int, stop: int) -> Iterator[Any]:
        """Rows start to stop of all columns, including the values."""
        first, last = int(self._offsets[start]), int(self._offsets[stop])
        offsets = (
            pa.array((self._offsets[start : stop + 1] - first).astype(np.int32))
            if start
            else self._first_offsets
        )
        value = pa.ListArray.from_arrays(
            offsets.slice(0, stop - start + 1), pa.array(self.values.reshape(-1)[first:last])
        )
        *others, note = (
            column if len(column) == stop - start else column.slice(start, stop - start)
            for column in columns
        )
        yield from (*others, value, note)

    def _note_column(self, count: int) -> Any:
        texts = [text for begin, seal in self._notes for text in (begin, *self._targets, seal)]
        lengths = [len(text) for text in texts]
        if lengths != self._note_lengths:  # mostly they are the same as before
            offsets = np.zeros(count * self.n_rows + 1, dtype=np.int32)
            offsets[1 + self._note_rows[: len(texts)]] = lengths
            self._note_lengths = lengths
            self._note_offsets = pa.py_buffer(np.cumsum(offsets, dtype=np.int32))
        buffers = self._note_offsets, pa.py_buffer(b"".join(texts)), self._note_bits
        return pa.StringArray.from_buffers(count * self.n_rows, *buffers)
