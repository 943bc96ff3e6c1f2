"""Which numbers of a message are those of the examples.

In a product step, and in rounds of some rules, messages carry more than one number per example:
first those of the examples, then derivatives or others. A mean over the examples leaves these out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .reader import LogReader, Rows
from .schema import CODE
from .steps import StepInfo


class WiderSteps(NamedTuple):
    """The steps whose messages have another number of values than their batch has examples.

    Attributes:
        steps: Their numbers, in rising order. Shape (n,).
        examples: How many of a message's first numbers are those of examples; 0 for a round whose
            messages have no number of any example. Shape (n,).
    """

    steps: NDArray[np.int64]
    examples: NDArray[np.int64]


def find_wider_steps(reader: LogReader) -> WiderSteps:
    """Find the wider steps of a log, by the notes of their begin rows.

    Args:
        reader: The log.

    Raises:
        LogError: The log is damaged.
    """
    found: dict[int, int] = {}
    for batch in reader.batches():
        begins = reader.codes(batch, "kind") == CODE["begin"]
        if begins.any():
            picked = batch.filter(pa.array(begins))
            numbers, notes = (picked.column(name).to_pylist() for name in ("step", "note"))
            for number, note in zip(numbers, notes, strict=True):
                if note is not None and '"columns"' in note:
                    info = StepInfo.from_note(number, note, whole=True)
                    found[number] = info.batch if info.batch <= info.columns else 0
    steps = sorted(found)
    return WiderSteps(
        np.array(steps, dtype=np.int64),
        np.array([found[step] for step in steps], dtype=np.int64),
    )


def keep_examples(rows: Rows, wider: WiderSteps) -> Rows:
    """Return the rows with the numbers of the examples alone, in activations and urgencies.

    Args:
        rows: The rows.
        wider: The wider steps of the log.
    """
    if not len(wider.steps):
        return rows
    place = np.minimum(np.searchsorted(wider.steps, rows.step), len(wider.steps) - 1)
    cut = (wider.steps[place] == rows.step) & np.isin(
        rows.kind, [CODE["activation"], CODE["urgency"]]
    )
    if not cut.any():
        return rows
    sizes = np.diff(rows.starts)
    lengths = np.where(cut, np.minimum(sizes, wider.examples[place]), sizes)
    within = np.arange(len(rows.values)) - np.repeat(rows.starts[:-1], sizes)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)
    return replace(rows, starts=starts, values=rows.values[within < np.repeat(lengths, sizes)])
