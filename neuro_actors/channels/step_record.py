"""All messages of one step in arrays: how an engine holds them, and how a recorder reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Array, Indices


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step came that was broken off.

    Attributes:
        sent_activation: Which neurons have sent their activation. Shape (n_neurons,).
        finished: Which neurons have sent their last message. Shape (n_neurons,).
        loss_done: Whether the loss node has sent its messages.
    """

    sent_activation: NDArray[np.bool_]
    finished: NDArray[np.bool_]
    loss_done: bool


@dataclass(frozen=True, slots=True)
class RecordedRows:
    """The messages of one block of rows (see `routes.RowBlock`).

    Attributes:
        values: One message per row, shape (at least n_rows, numbers of a message). Where messages
            differ in length, because they hold parameters, or are about different numbers of
            positions: one after another, shape (numbers,).
        places: Row k of the block is `values[places[k]]`. Shape (n_rows,); what stands for a row
            that the step does not use means nothing. None: row k is `values[k]`.
    """

    values: Array
    places: Indices | None = None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """All messages of a step, or of the part of it that there was.

    The arrays are the engine's. They hold the step until the next one begins.

    Attributes:
        batch: How many examples the step has. In a step without a loss, as many as columns.
        columns: How many numbers an activation or an urgency has for each position: one per
            example, and those that the rule adds.
        blocks: The messages, by name of their block of rows. A block that is missing holds none.
        sent: Of a step that was broken off, by name of the block which rows have been sent. Shape
            (n_rows,) each. None: all that the step uses.
    """

    batch: int
    columns: int
    blocks: dict[str, RecordedRows]
    sent: Mapping[str, NDArray[np.bool_]] | None = None
