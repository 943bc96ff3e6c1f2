"""Some steps of one kind and batch size, on their way to the file: their values, and all columns beside them.

Of a page's rows all but the values, the steps' numbers and the notes are known beforehand, and are made once. A record
batch of it refers to these arrays: nothing is copied but the values, and they once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..support.validation import Array, Indices
from .row_template import NOBODY, RowTemplate
from .schema import CODE

MOST_VALUES = 2**27  # in one record batch: a gigabyte; Arrow counts up to 2^31


class Page:
    """Room for some steps, `rows` rows in all or one step; each is a begin row, those of the template, and a seal.

    width: examples, and columns of a message.  notes: of the template's targets, (n_outputs,).
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
        self.starts: Indices = np.concatenate([[0], np.cumsum(lengths)])  # of each row's values
        self.n_rows, self.n_values = len(lengths) + 2, int(self.starts[-1])
        self.room = max(1, min(-(-rows // self.n_rows), MOST_VALUES // 16 // max(1, self.n_values)))
        self.values = np.empty((self.room, self.n_values))
        self.numbers: list[int] = []  # of the steps on it
        self._notes: list[tuple[bytes, bytes]] = []  # begin and seal of each
        padded = np.concatenate([[0], lengths, [0]])
        self._offsets = np.concatenate([[0], np.cumsum(np.tile(padded, self.room))])
        # of the first record batch; it has as many rows as the page, unless there are too many values for one
        end = int(np.searchsorted(self._offsets, MOST_VALUES, side="right"))
        self._first_offsets = pa.array(self._offsets[: max(end, 2)].astype(np.int32))
        self.sealed = slice(int(lengths[template.sealed].sum()))  # what the world says stands first
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
        self._noted_lengths: list[int] = []
        self._noted = (np.arange(self.room)[:, None] * self.n_rows + np.flatnonzero(noted)).ravel()

    def _tiled(self, column: NDArray[Any], first: int, last: int, kind: Any) -> Any:
        tiled = np.tile(np.concatenate([[first], column, [last]]), self.room)
        nobody = tiled < 0
        if not nobody.any():
            return pa.array(tiled, kind)
        return pa.array(
            np.where(nobody, 0, tiled), kind, mask=nobody
        )  # 0 under a null: some readers look there

    @property
    def full(self) -> bool:
        return len(self.numbers) == self.room

    @property
    def next_values(self) -> Array:
        """The values of the next step, (n_values,), to be filled in before `add`."""
        sheet: Array = self.values[len(self.numbers)]
        return sheet

    def add(self, number: int, begin: str, seal: str) -> None:
        """The sheet holds this step."""
        self.numbers.append(number)
        self._notes.append((begin.encode(), seal.encode()))

    def batches(self) -> Iterator[Any]:
        """What stands on the page as record batches; the page is empty then."""
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
        """Rows start to stop of all columns, the values among them."""
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
        if lengths != self._noted_lengths:  # they are mostly those of the page before
            offsets = np.zeros(count * self.n_rows + 1, dtype=np.int32)
            offsets[1 + self._noted[: len(texts)]] = lengths
            self._noted_lengths, self._note_offsets = (
                lengths,
                pa.py_buffer(np.cumsum(offsets, dtype=np.int32)),
            )
        buffers = self._note_offsets, pa.py_buffer(b"".join(texts)), self._note_bits
        return pa.StringArray.from_buffers(count * self.n_rows, *buffers)
