"""Collects the messages of a step, one by one, into the record that a recorder is called with."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network.network import Network
from ..neuron.messages import Step
from ..support.arrays import Array
from .interface import Recorder
from .routes import RowBlock, Size, row_blocks
from .step_record import RecordedRows, StepRecord


class Collector:
    """Collects one step after another, for an engine that sends message by message.

    Args:
        network: The network.
        recorder: Receives each record, when its step has ended.
    """

    def __init__(self, network: Network, recorder: Recorder) -> None:
        self._recorder = recorder
        self._blocks = row_blocks(network)
        self._ends = np.cumsum([0, *map(len, self._blocks)]).tolist()
        self._step: Step | None = None

    def begin(self, step: Step, batch: int, columns: int) -> None:
        """Begin to collect a step. See `StepRecord` for the arguments."""
        self._step, self._batch, self._columns = step, batch, columns
        self._rows: list[Array | None] = [None] * self._ends[-1]

    def add(self, row: int, values: Array) -> None:
        """Collect a message, or another message of the same row.

        Args:
            row: Number of its row, see `Routes.row`.
            values: What it holds. Shape (numbers,). It must not be changed afterwards.
        """
        self._rows[row] = values

    def finish(self) -> None:
        """Record the step, as far as it came, if one has begun that was not recorded."""
        step, self._step = self._step, None
        if step is None:
            return
        blocks, sent = {}, {}
        for block, (start, end) in zip(self._blocks, pairwise(self._ends), strict=True):
            rows = self._rows[start:end]
            there = sent[block.name] = np.array([values is not None for values in rows], bool)
            if there.any():
                blocks[block.name] = RecordedRows(_join(block, rows, there))
        self._rows = []
        self._recorder.record(step, StepRecord(self._batch, self._columns, blocks, sent))


def _join(block: RowBlock, rows: list[Array | None], sent: NDArray[np.bool_]) -> Array:
    """Return the rows in one array, zeros for those that are missing."""
    parts: list[Any] = rows
    if not sent.all():
        first = int(sent.argmax())
        size = len(parts[first]) // int(block.n_positions[first])
        sizes = (
            block.n_parameters if block.spec.size is Size.PARAMETERS else size * block.n_positions
        )
        parts = [
            np.zeros(n) if part is None else part
            for part, n in zip(rows, sizes.tolist(), strict=True)
        ]
    joined: Array = np.concatenate(parts)
    is_ragged = block.spec.size is Size.PARAMETERS or block.positions is None
    return joined if is_ragged else joined.reshape(len(rows), -1)
