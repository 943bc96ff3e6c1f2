"""Whether the inputs are a picture: a square of numbers in which neighbours resemble each other."""

from __future__ import annotations

import math

import numpy as np

from ..support.validation import Array

LEAST_SIDE, MOST_UNLIKE = 5, 0.75


def find_picture(inputs: Array) -> tuple[int, int] | None:
    """(rows, columns) if inputs (examples, n_inputs), row by row, look like one, else None.

    Neighbours in a picture differ less than any two of its points; in a table of measurements they do not.
    """
    side = math.isqrt(inputs.shape[1])
    if side * side != inputs.shape[1] or side < LEAST_SIDE or not np.isfinite(inputs).all():
        return None
    squares = inputs.reshape(-1, side, side)
    anywhere = 2.0 * squares.var(axis=(1, 2)).mean()
    beside = (np.diff(squares, axis=1) ** 2).mean() / 2 + (np.diff(squares, axis=2) ** 2).mean() / 2
    return (side, side) if beside < MOST_UNLIKE * anywhere else None
