"""Numbers over the steps of a log, gathered batch after batch: what figures show."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from .reader import Rows


def means(rows: Rows, absolute: bool = False) -> Array:
    """The mean of each row's numbers (n,), or of their absolute values; NaN where there are none."""
    lengths = np.diff(rows.starts)
    found = np.full(len(rows), np.nan)
    some = np.flatnonzero(lengths)
    if len(some):
        values = np.abs(rows.values) if absolute else rows.values
        found[some] = np.add.reduceat(values, rows.starts[some]) / lengths[some]
    return found
