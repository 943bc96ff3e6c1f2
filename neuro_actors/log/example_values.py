"""Which numbers of a message are those of the examples.

In a product step, and in rounds of some rules, messages carry more than one number per example:
first those of the examples, position after position, then derivatives or others. A mean over the
examples leaves these out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from ..support.arrays import Indices
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
        self._positions = np.empty(0, dtype=np.intp)  # of each member

    def note(self, reader: LogReader, batch: Any) -> None:
        """Find such steps among the begin rows of a record batch.

        Args:
            reader: The log.
            batch: The record batch.

        Raises:
            LogError: The log is damaged.
        """
        if not len(self._positions):
            self._positions = np.append(reader.network.n_positions, [1, 1])
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
        most = limits * count_positions_of(rows, self._positions)
        lengths = np.where(cut, np.minimum(sizes, most), sizes)
        within = np.arange(len(rows.values)) - np.repeat(rows.starts[:-1], sizes)
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)
        values = rows.values[within < np.repeat(lengths, sizes)]
        return replace(rows, starts=starts, values=values)


def count_positions_of(rows: Rows, positions: Indices) -> Indices:
    """Return how many positions each activation and urgency is about; of other rows 1.

    It is about the neuron that says it or, of an urgency, that receives it.

    Args:
        rows: The rows.
        positions: How many positions each member lives at. Shape (n_members,).

    Returns:
        Shape (n_rows,).
    """
    n = len(positions) - 2  # neurons
    is_activation, is_urgency = (rows.kind == CODE[kind] for kind in ("activation", "urgency"))
    first = np.where(is_activation, rows.sender, rows.receiver)
    second = np.where(is_activation, rows.receiver, rows.sender)
    about = np.where((first >= 0) & (first < n), first, second)
    is_neuron = (is_activation | is_urgency) & (about >= 0) & (about < n)
    return np.where(is_neuron, positions[about], 1)


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
