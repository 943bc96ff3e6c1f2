"""The few sums on which all bits rest. Every engine makes these calls, on these shapes.

Rows are C-contiguous (synapses, batch), in synapse order; `out` is filled. "ordered", the default, is numpy's own, which
adds one after the other whatever the BLAS library and its threads: at batch 1, where numpy's reductions may take another
order, by the running sum, which cannot. "blas" is faster, and its bits are those of one library on one machine, as far as
that was measured (OpenBLAS on one thread: equal between runs and engines); no vendor promises them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..support.errors import InputError
from ..support.text import shown
from ..support.validation import Array, did_you_mean


class Sums(NamedTuple):
    """The three calls.

    weighted_sum(weights (n,), rows (n, batch)): Σ weights[i] · rows[i], (batch,)
    sum_of_rows(rows (n, batch)): Σ rows[i], (batch,)
    mean_products(rows (n, batch), values (batch,), out (n,)): into `out` the mean over the batch of rows[i] · values
    """

    weighted_sum: Callable[[Array, Array], Array]
    sum_of_rows: Callable[[Array], Array]
    mean_products: Callable[[Array, Array, Array], object]


# bound once: at batch 1 looking a name up costs as much as adding some numbers
_accumulate, _einsum, _multiply, _reduce = np.add.accumulate, np.einsum, np.multiply, np.add.reduce


def _weighted_sum(weights: Array, rows: Array) -> Array:
    if rows.shape[1] == 1:
        return _accumulate(weights * rows.ravel())[-1:]
    return _einsum("i,ij->j", weights, rows)  # type: ignore[no-any-return]


def _sum_of_rows(rows: Array) -> Array:
    if rows.shape[1] == 1:
        return _accumulate(rows.ravel())[-1:]
    return _reduce(rows, 0)  # type: ignore[no-any-return]


def _mean_products(rows: Array, values: Array, out: Array) -> None:
    if len(values) == 1:
        _multiply(rows.ravel(), values[0, ...], out)  # a factor without an axis costs a third
    else:
        _einsum("ij,j->i", rows, values, out=out)
        out /= len(values)


def _blas_weighted_sum(weights: Array, rows: Array) -> Array:
    return weights.dot(rows)  # type: ignore[no-any-return]


def _blas_mean_products(rows: Array, values: Array, out: Array) -> None:
    if len(values) == 1:
        _multiply(rows.ravel(), values[0, ...], out)
    else:
        rows.dot(values, out)
        out /= len(values)


ORDERED = Sums(_weighted_sum, _sum_of_rows, _mean_products)
SUMS = {"ordered": ORDERED, "blas": Sums(_blas_weighted_sum, _sum_of_rows, _blas_mean_products)}


def named(name: str) -> Sums:
    """The sums of that name; raises `InputError` if there are none."""
    if not isinstance(name, str) or name not in SUMS:
        raise InputError(f"unknown sums {shown(name)}: {did_you_mean(name, list(SUMS))}")
    return SUMS[name]


def spread(weights: Array, values: Array, out: Array) -> None:
    """weights[i] · values into each row of `out`, (n, batch)."""
    if len(values) == 1:
        _multiply(weights, values[0, ...], out[:, 0])
    else:
        _multiply(weights[:, None], values, out)
