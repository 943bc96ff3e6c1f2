"""The few sums on which all bits rest. Every engine makes these calls, on these shapes.

Rows are C-contiguous (synapses, batch), in synapse order. At batch 1 numpy's reductions may add in another order than
one after the other, so there the running sum is used: `np.add.accumulate` cannot do otherwise.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array


def weighted_sum(weights: Array, rows: Array) -> Array:
    """Σ weights[i] · rows[i], (batch,), added in order."""
    if rows.shape[1] == 1:
        return np.add.accumulate(weights * rows[:, 0])[-1:]
    return np.einsum("i,ij->j", weights, rows)  # type: ignore[no-any-return]


def sum_of_rows(rows: Array) -> Array:
    """Σ rows[i], (batch,), added in order."""
    if rows.shape[1] == 1:
        return np.add.accumulate(rows[:, 0])[-1:]
    return np.add.reduce(rows, axis=0)  # type: ignore[no-any-return]


def mean_products(rows: Array, values: Array) -> Array:
    """The mean over the batch of rows[i] · values, (synapses,)."""
    if rows.shape[1] == 1:
        return np.asarray(rows[:, 0] * values[0])
    return np.asarray(np.einsum("ij,j->i", rows, values) / rows.shape[1])
