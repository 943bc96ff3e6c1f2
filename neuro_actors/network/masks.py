"""Targets that do not count: they are NaN.

A user says what does not count by the mask of a masked array of numpy, or hands over sequences of
different lengths, see `sequences.py`. A row of targets is that of an example, a position and a
tick. It counts as a whole, or not at all.

A row that does not count has the loss 0, and the urgencies of its outputs are 0. So the loss of an
example is the sum over what counts, and the loss of a batch is the mean of that over all of its
examples. In PyTorch, with losses of shape (batch, ticks): `(losses * counts).sum() / len(losses)`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..support.arrays import Array
from .losses import Loss


def rows_that_count(targets: Array) -> NDArray[np.bool_]:
    """Return which rows of targets count. Shape (batch,).

    Args:
        targets: The targets. Shape (batch, n_outputs).
    """
    return np.asarray(~np.isnan(targets).all(axis=1))


def skip_masked(loss: Loss, targets: Array) -> Loss:
    """Return a loss that is 0 where targets do not count. The loss itself, if all of them do.

    Args:
        loss: The loss.
        targets: The targets that it will be computed of. Any shape.
    """
    if not np.isnan(targets).any():
        return loss
    curvature = loss.curvature

    def value(p: Array, t: Array) -> Array:
        counts, found = rows_that_count(t), np.zeros(len(t))
        found[counts] = loss.value(p[counts], t[counts])
        return found

    def slope(p: Array, t: Array) -> Array:
        counts, found = rows_that_count(t), np.zeros(t.shape)
        found[counts] = loss.slope(p[counts], t[counts])
        return found

    def bend(p: Array, t: Array, d: Array) -> Array:
        assert curvature is not None
        counts, found = rows_that_count(t), np.zeros(t.shape)
        found[counts] = curvature(p[counts], t[counts], d[counts])
        return found

    return replace(loss, value=value, slope=slope, curvature=bend if curvature else None)


def masked_again(targets: Array) -> ArrayLike:
    """Return targets as a user hands them over: masked where they do not count. Of the same shape.

    Args:
        targets: What `as_targets` returned. Any shape, its last axis that of the outputs.

    Returns:
        Shape (batch, …, n_outputs).
    """
    is_masked = np.isnan(targets)
    return np.ma.masked_array(targets, is_masked) if is_masked.any() else targets
