"""The few sums on which all bits rest. Every engine makes these calls, on these shapes.

Rows are C-contiguous, of shape (synapses, batch), in synapse order; `out` is filled. "ordered",
the default, adds in the order that `kernel/order.py` defines, on every machine. The calls of numpy
here do so where numpy is built for plain x86-64. They are compared with the definition once; where
they differ, the definition itself is called. The kernel, if it is in use, takes their place.

"blas" adds by BLAS. Its bits are those of one library on one machine, as far as that was measured:
with OpenBLAS on one thread they were equal between runs and engines. No vendor promises them.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from .. import kernel
from ..kernel import order
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


_NUMPY = Sums(_weighted_sum, _sum_of_rows, _mean_products)
IN_PYTHON = _NUMPY if order.keeps_order(order.Calls(*_NUMPY)) else Sums(*order.DEFINITION)
"""The ordered sums without the kernel."""
ORDERED = IN_PYTHON
if kernel.in_use:
    ORDERED = Sums(kernel.calls.weighted_sum, kernel.calls.sum_of_rows, kernel.calls.mean_products)
SUMS = MappingProxyType(
    {
        "ordered": ORDERED,
        "blas": Sums(_blas_weighted_sum, ORDERED.sum_of_rows, _blas_mean_products),
    }
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


def spread_in_python(weights: Array, values: Array, out: Array) -> None:
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


spread: Callable[[Array, Array, Array], None] = (
    kernel.calls.spread if kernel.in_use else spread_in_python
)
