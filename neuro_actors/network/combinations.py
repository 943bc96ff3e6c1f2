"""How an interneuron combines what it receives: value, slopes and bends of each combination.

A combination g takes the activations x_1 … x_n of the sources, as rows, and makes one number of
each column. It has no parameters. Beside g stand its derivatives, from which urgencies are made:

    slopes   ∂g/∂x_i                       an urgency u becomes u · ∂g/∂x_i for the i-th source
    bends    Σ_j ∂²g/∂x_i∂x_j · d_j        how the i-th slope changes along a direction d

Nothing here adds in another order than that of the rows, and nothing mixes columns. So the bits do
not depend on how many columns there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ..support.arrays import Array
from ..support.hints import explains_fields


@explains_fields
@dataclass(frozen=True, slots=True)
class Combination:
    """A combination g of n rows, column by column.

    Attributes:
        value: `value(x)` returns g(x). Rows x (n, columns), the value (columns,).
        slopes: `slopes(x, a)` returns ∂g/∂x_i for each row. The argument a is g(x): with it the
            slopes are often cheaper. Shape (n, columns).
        bends: `bends(x, a, d)` returns Σ_j ∂²g/∂x_i∂x_j · d_j for each row i, the derivative of the
            slopes along d. Shapes (n, columns). Only products with the Hessian need it. None: it is
            not known.
        nothing: What a source counts as that is not heard at some position: g does not change by
            it. None: an interneuron must hear each source everywhere.
        rounding: By how many eps, times the number itself, two kinds of machines may differ in a
            value or a slope of the same rows. 0: not at all. None: it is not known.

    Examples:
        >>> product = na.COMBINATIONS["product"]
        >>> x = np.array([[2.0], [5.0]])
        >>> product.slopes(x, product.value(x)).tolist()
        [[5.0], [2.0]]
    """

    value: Callable[[Array], Array]
    slopes: Callable[[Array, Array], Array]
    bends: Callable[[Array, Array, Array], Array] | None = None
    nothing: float | None = None
    rounding: float | None = None


def _add_rows(rows: Array) -> Array:
    """Σ rows[i], in the order of the rows"""
    if rows.shape[1] == 1:  # there numpy's own reduction may add in another order
        return np.add.accumulate(rows.ravel())[-1:]
    return np.asarray(np.add.reduce(rows, 0))


def _sum_slopes(x: Array, a: Array) -> Array:
    """1"""
    return np.ones(x.shape)


def _flat(x: Array, a: Array, d: Array) -> Array:
    """0"""
    return np.zeros(x.shape)


def _product(x: Array) -> Array:
    """x_1 · x_2 · … · x_n, in this order"""
    value: Array = x[0].copy()
    for row in x[1:]:
        value *= row
    return value


def _product_slopes(x: Array, a: Array) -> Array:
    """The product of all others: of those before it, times that of those behind it"""
    before, behind = np.ones(x.shape), np.ones(x.shape)
    for i in range(1, len(x)):
        np.multiply(before[i - 1], x[i - 1], out=before[i])
        np.multiply(behind[-i], x[-i], out=behind[-i - 1])
    before *= behind
    return before


def _product_bends(x: Array, a: Array, d: Array) -> Array:
    """The derivative of that: each of the two products has one, too"""
    before, behind = np.ones(x.shape), np.ones(x.shape)
    before_d, behind_d = np.zeros(x.shape), np.zeros(x.shape)
    for i in range(1, len(x)):
        before[i] = before[i - 1] * x[i - 1]
        before_d[i] = before_d[i - 1] * x[i - 1] + before[i - 1] * d[i - 1]
        behind[-i - 1] = behind[-i] * x[-i]
        behind_d[-i - 1] = behind_d[-i] * x[-i] + behind[-i] * d[-i]
    return before_d * behind + before * behind_d


def _max(x: Array) -> Array:
    """The greatest"""
    return np.asarray(x.max(axis=0))


def _max_slopes(x: Array, a: Array) -> Array:
    """1 for the first of the greatest, 0 for all others"""
    slopes = np.zeros(x.shape)
    slopes[x.argmax(axis=0), np.arange(x.shape[1])] = 1.0
    return slopes


def _logsumexp(x: Array) -> Array:
    """ln Σ e^x_i, computed from the greatest, so that nothing overflows"""
    greatest = x.max(axis=0)
    return np.asarray(greatest + np.log(_add_rows(np.exp(x - greatest))))


def _logsumexp_slopes(x: Array, a: Array) -> Array:
    """e^(x_i - a): the softmax of the rows"""
    return np.exp(x - a)


def _logsumexp_bends(x: Array, a: Array, d: Array) -> Array:
    """p_i (d_i - Σ p_j d_j), p the softmax of the rows"""
    p = np.exp(x - a)
    return np.asarray(p * (d - _add_rows(p * d)))


COMBINATIONS: dict[str, Combination] = {
    "sum": Combination(_add_rows, _sum_slopes, _flat, nothing=0.0, rounding=0.0),
    "product": Combination(_product, _product_slopes, _product_bends, nothing=1.0, rounding=0.0),
    "max": Combination(_max, _max_slopes, _flat, nothing=-np.inf, rounding=0.0),
    "logsumexp": Combination(
        _logsumexp, _logsumexp_slopes, _logsumexp_bends, nothing=-np.inf, rounding=64.0
    ),
}

PACKAGE_COMBINATIONS = MappingProxyType(dict(COMBINATIONS))  # users may add to the table
