"""Which numbers of a message are those of the examples.

In a product step, and in rounds of some rules, messages carry more than one number per example:
first those of the examples, then derivatives or others. A mean over the examples leaves these out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from .reader import LogReader, Rows
from .schema import CODE
from .steps import StepInfo


class WiderSteps:
    """The steps whose messages have another number of values than their batch has examples.

    Their begin rows say so, and come before their messages.
    """

    def __init__(self) -> None:
        # for each: how many of a message's first numbers are those of examples; 0 for a round whose
        # messages have no number of any example
        self._examples: dict[int, int] = {}

    def note(self, reader: LogReader, batch: Any) -> None:
        """Find such steps among the begin rows of a record batch.

        Args:
            reader: The log.
            batch: The record batch.

        Raises:
            LogError: The log is damaged.
        """
        begins = reader.codes(batch, "kind") == CODE["begin"]
        if not begins.any():
            return
        picked = batch.filter(pa.array(begins))
        numbers, notes = (picked.column(name).to_pylist() for name in ("step", "note"))
        for number, note in zip(numbers, notes, strict=True):
            if note is not None and '"columns"' in note:
                info = StepInfo.from_note(number, note, whole=True)
                self._examples[number] = info.batch if info.batch <= info.columns else 0

    def keep_examples(self, rows: Rows) -> Rows:
        """Return the rows with the numbers of the examples alone, in activations and urgencies.

        Args:
            rows: Rows whose begin rows were noted.
        """
        if not self._examples:
            return rows
        numbers, which = np.unique(rows.step, return_inverse=True)
        limits = np.array([self._examples.get(number, -1) for number in numbers.tolist()])[which]
        cut = (limits >= 0) & np.isin(rows.kind, [CODE["activation"], CODE["urgency"]])
        if not cut.any():
            return rows
        sizes = np.diff(rows.starts)
        lengths = np.where(cut, np.minimum(sizes, limits), sizes)
        within = np.arange(len(rows.values)) - np.repeat(rows.starts[:-1], sizes)
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)
        values = rows.values[within < np.repeat(lengths, sizes)]
        return replace(rows, starts=starts, values=values)


def find_wider_steps(reader: LogReader) -> WiderSteps:
    """Find all such steps of a log.

    Args:
        reader: The log.

    Raises:
        LogError: The log is damaged.
    """
    wider = WiderSteps()
    for batch in reader.batches():
        wider.note(reader, batch)
    return wider
