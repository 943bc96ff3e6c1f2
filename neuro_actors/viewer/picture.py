"""Guesses whether the inputs are a picture: a square of numbers whose neighbours are alike."""

from __future__ import annotations

import math

import numpy as np

from ..support.arrays import Array

LEAST_SIDE, MOST_UNLIKE = 5, 0.75


def find_picture(inputs: Array) -> tuple[int, int] | None:
    """Return the size of the picture that the inputs look like.

    Neighbours in a picture differ less than two points that are drawn at random. In a table of
    measurements they do not.

    Args:
        inputs: Inputs of some examples, pixels row by row. Shape (examples, n_inputs).

    Returns:
        The numbers of rows and columns, or None if the inputs do not look like a picture.
    """
    side = math.isqrt(inputs.shape[1])
    if side * side != inputs.shape[1] or side < LEAST_SIDE or not np.isfinite(inputs).all():
        return None
    # near 1, because squares of large and of tiny numbers are no floats
    squares = (inputs / (np.abs(inputs).max(initial=0.0) or 1.0)).reshape(-1, side, side)
    anywhere = 2.0 * squares.var(axis=(1, 2)).mean()
    beside = (np.diff(squares, axis=1) ** 2).mean() / 2 + (np.diff(squares, axis=2) ** 2).mean() / 2
    return (side, side) if beside < MOST_UNLIKE * anywhere else None
