"""The loss of an example that has several rows of outputs: one for each position and tick."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...network.losses import LOSSES, Loss
from ...support.arrays import Array

# Losses in which each output counts alone, and whose curvature is tame; by their code, for a user
# may replace an entry of the table.
SEPARATE = {LOSSES[name].slope for name in ("squared_error", "huber", "sigmoid_cross_entropy")}


def over_rows(loss: Loss, n_rows: int, targets: Array) -> Loss:
    """Return the sum of a loss over several rows of outputs that stand in one, one after another.

    Args:
        loss: The loss of a row.
        n_rows: How many rows there are in one.
        targets: The targets. Rows that are NaN do not count. Any shape.
    """
    has_gaps = bool(np.isnan(targets).any())
    if not has_gaps and (n_rows == 1 or loss.slope in SEPARATE):
        return loss  # the sum over all outputs is the same
    curvature = loss.curvature

    def apart(values: Array) -> Array:
        return values.reshape(len(values) * n_rows, -1)

    def filled(t: Array) -> Array:
        return np.nan_to_num(apart(t), nan=0.5)

    def counts(t: Array) -> Array:
        return np.where(np.isnan(apart(t)[:, :1]), 0.0, 1.0)

    def value(p: Array, t: Array) -> Array:
        found = loss.value(apart(p), filled(t)) * counts(t)[:, 0]
        return np.asarray(found.reshape(len(p), n_rows).sum(axis=1))

    def slope(p: Array, t: Array) -> Array:
        return (loss.slope(apart(p), filled(t)) * counts(t)).reshape(p.shape)

    def bend(p: Array, t: Array, d: Array) -> Array:
        assert curvature is not None
        return (curvature(apart(p), filled(t), apart(d)) * counts(t)).reshape(p.shape)

    return replace(loss, value=value, slope=slope, curvature=bend if curvature else None)
