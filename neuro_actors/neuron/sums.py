"""The few sums on which all bits rest. Every engine makes these calls, on these shapes.

Rows are C-contiguous, of shape (synapses, batch), in synapse order; `out` is filled. "ordered",
the default, adds in index order, whatever the BLAS library and its threads. At batch 1 numpy's
reductions may add in another order, so the running sum (np.add.accumulate) is used, which cannot.
"blas" is faster. Its bits are those of one library on one machine, as far as that was measured:
with OpenBLAS on one thread they were equal between runs and engines. No vendor promises them.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from ..support.arrays import Array
from ..support.errors import InputError
from ..support.text import did_you_mean, quote

# what users give as `sums`; an editor completes the names
SumsChoice: TypeAlias = Literal["ordered", "blas"] | str


class Sums(NamedTuple):
    """The three calls.

    Attributes:
        weighted_sum: weighted_sum(weights, rows) returns Σ weights[i] · rows[i]. Weights (n,), rows
            (n, batch), the sum (batch,).
        sum_of_rows: sum_of_rows(rows) returns Σ rows[i]. Rows (n, batch), the sum (batch,).
        mean_products: mean_products(rows, values, out, positions=1) writes into `out` the mean over
            the examples of rows[i] · values, added up over the positions of each example. Rows
            (n, batch · positions), values (batch · positions,), out (n,).
    """

    weighted_sum: Callable[[Array, Array], Array]
    sum_of_rows: Callable[[Array], Array]
    mean_products: Callable[..., object]


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


def _mean_products(rows: Array, values: Array, out: Array, positions: int = 1) -> None:
    if values.size == 1:
        _multiply(rows.ravel(), values[0, ...], out)  # a factor without an axis costs a third
    else:
        _einsum("ij,j->i", rows, values, out=out)
        out /= len(values) // positions


def _blas_weighted_sum(weights: Array, rows: Array) -> Array:
    return weights.dot(rows)  # type: ignore[no-any-return]


def _blas_mean_products(rows: Array, values: Array, out: Array, positions: int = 1) -> None:
    if values.size == 1:
        _multiply(rows.ravel(), values[0, ...], out)
    else:
        rows.dot(values, out)
        out /= len(values) // positions


ORDERED = Sums(_weighted_sum, _sum_of_rows, _mean_products)
SUMS = MappingProxyType(
    {"ordered": ORDERED, "blas": Sums(_blas_weighted_sum, _sum_of_rows, _blas_mean_products)}
)
"""The sums by name. Read-only: a log says by which sums it was made, so a name has one meaning."""


def choose_sums(name: str) -> Sums:
    """Return the sums of a name.

    Raises:
        InputError: There are none of this name.
    """
    if not isinstance(name, str) or name not in SUMS:
        raise InputError(f"unknown sums {quote(name)}: {did_you_mean(name, list(SUMS))}")
    return SUMS[name]


def spread(weights: Array, values: Array, out: Array) -> None:
    """Write weights[i] · values into each row of `out`.

    Args:
        weights: One weight for each row. Shape (n,).
        values: One value for each example. Shape (batch,).
        out: Receives the products. Shape (n, batch).
    """
    if values.size == 1:
        _multiply(weights, values[0, ...], out[:, 0])
    else:
        _multiply(weights[:, None], values, out)
