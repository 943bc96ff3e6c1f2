"""In which order each sum adds: the definition, in numpy calls that leave no choice.

Each product is rounded, then added; no operation is fused. `accumulate` adds one term after the
other.

    weighted sum    Σ weights[i] · rows[i], in the order of i
    sum of rows     Σ rows[i], in the order of i
    mean products   for each row i: Σ rows[i, j] · values[j], in two lanes. Even columns j are added
                    in one lane, odd ones in the other. Of each whole block of eight columns the
                    last of a lane comes first: 6, 4, 2, 0 and 7, 5, 3, 1. The columns behind the
                    last whole block are added in their order. Then the two lanes are added, and the
                    sum is divided by the number of examples.

Every sum begins with +0, except over rows of one column, which begin with the first term; there a
mean product is the product alone.

These calls are slow. `neuron/sums.py` takes faster ones, and the kernel is faster still; both are
compared with these when they are imported.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


class Calls(NamedTuple):
    """The three calls; see `neuron/sums.py`."""

    weighted_sum: Callable[[Numbers, Numbers], Numbers]
    sum_of_rows: Callable[[Numbers], Numbers]
    mean_products: Callable[..., object]


def weighted_sum(weights: Numbers, rows: Numbers) -> Numbers:
    """Return Σ weights[i] · rows[i].

    Args:
        weights: Shape (n,).
        rows: Shape (n, columns).

    Returns:
        Shape (columns,).
    """
    return sum_of_rows(weights[:, None] * rows)


def sum_of_rows(rows: Numbers) -> Numbers:
    """Return Σ rows[i].

    Args:
        rows: Shape (n, columns).

    Returns:
        Shape (columns,).
    """
    total: Numbers = np.add.accumulate(rows, 0)[-1]
    # To begin with +0 matters where all terms are -0: their sum is +0 then.
    return total if rows.shape[1] == 1 else total + 0.0


def mean_products(rows: Numbers, values: Numbers, out: Numbers, positions: int = 1) -> None:
    """Write into `out` the mean of rows[i] · values over the examples.

    Args:
        rows: Shape (n, examples · positions).
        values: Shape (examples · positions,).
        out: Receives the means. Shape (n,).
        positions: How many columns belong to one example.
    """
    columns = rows.shape[1]
    out[...] = product_sums(rows, values)
    if columns > 1:
        out /= columns // positions


def product_sums(rows: Numbers, values: Numbers) -> Numbers:
    """Return the sum of rows[i] · values for each row, as the head of this file says.

    Args:
        rows: Shape (n, columns).
        values: Shape (columns,).

    Returns:
        Shape (n,).
    """
    products: Numbers = rows * values
    if products.shape[1] == 1:
        return products[:, 0]
    even, odd = (
        np.add.accumulate(products[:, lane], 1)[:, -1] + 0.0 for lane in lanes(len(values))
    )
    total: Numbers = even + odd
    return total


@cache
def lanes(columns: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the columns of the two lanes of mean products, in the order in which they are added.

    Args:
        columns: How many columns there are, at least 2.

    Returns:
        The even columns and the odd ones. Shape (columns of the lane,) each.
    """
    whole = columns // 8 * 8
    even = [*(8 * (j // 4) + 6 - 2 * (j % 4) for j in range(whole // 2)), *range(whole, columns, 2)]
    odd = [*(8 * (j // 4) + 7 - 2 * (j % 4) for j in range(whole // 2))]
    return np.array(even), np.array([*odd, *range(whole + 1, columns, 2)])


DEFINITION = Calls(weighted_sum, sum_of_rows, mean_products)
_SHAPES = ((1, 1), (5, 1), (1, 2), (3, 5), (9, 8), (17, 13), (6, 39), (3, 515))


def keeps_order(calls: Calls) -> bool:
    """Return whether some calls give the bits of the definition, on a few fixed arrays.

    Args:
        calls: The calls.
    """
    for n, columns in _SHAPES:
        numbers = np.modf(np.arange(1, (n + 1) * (columns + 1)) * 0.7548776662466927)[0] - 0.5
        rows = numbers[: n * columns].reshape(n, columns)
        signed = [rows, np.copysign(np.zeros_like(rows), -1.0)]
        weights, values = numbers[-n:] * 3.0, numbers[-columns:] * 7.0
        for one in signed:
            out, expected = np.empty(n), np.empty(n)
            calls.mean_products(one, values, out)
            mean_products(one, values, expected)
            pairs = [
                (out, expected),
                (calls.weighted_sum(weights, one), weighted_sum(weights, one)),
                (calls.sum_of_rows(one), sum_of_rows(one)),
            ]
            if any(found.tobytes() != due.tobytes() for found, due in pairs):
                return False
    return True
