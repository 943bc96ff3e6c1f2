"""The derivatives of the package's combinations, written down once more.

An interneuron takes its slopes from the table of combinations. Here they are computed in another
way, from the definitions. So a wrong slope in the table is found by the comparison of each member
on its own mail. Of a user's combination the table alone knows the slopes.
"""

from __future__ import annotations

import numpy as np

from ...network.combinations import PACKAGE_COMBINATIONS, Combination
from ...support.arrays import Array

# By their code: a user may replace an entry.
_NAMES = {known.value: name for name, known in PACKAGE_COMBINATIONS.items()}


def name_of(combination: Combination) -> str:
    """Return the name of a combination of the package; "" for a user's own.

    Args:
        combination: The combination.
    """
    return _NAMES.get(combination.value, "")


def slopes_of(combination: Combination, x: Array, a: Array) -> Array:
    """Compute the derivatives of a combination by all that it combines.

    Args:
        combination: The combination g.
        x: What is combined. Shape (fan_in, columns).
        a: g(x). Shape (columns,).

    Returns:
        Shape (fan_in, columns).
    """
    name = name_of(combination)
    if name == "sum":
        return np.ones_like(x)
    if name == "product":
        return product_of_others(x)
    if name == "max":  # the first of the greatest
        is_greatest = x == x.max(axis=0)
        return np.where(is_greatest & (np.cumsum(is_greatest, axis=0) == 1), 1.0, 0.0)
    if name == "logsumexp":
        return softmax(x)
    return combination.slopes(x, a)


def bends_of(combination: Combination, x: Array, a: Array, d: Array) -> Array:
    """Compute how these derivatives change along a direction.

    Args:
        combination: The combination g.
        x: What is combined. Shape (fan_in, columns).
        a: g(x). Shape (columns,).
        d: The direction. Shape (fan_in, columns).

    Returns:
        Shape (fan_in, columns).
    """
    name = name_of(combination)
    if name in ("sum", "max"):
        return np.zeros_like(x)
    if name == "product":
        return bent_product_of_others(x, d)
    if name == "logsumexp":
        p = softmax(x)
        return np.asarray(p * (d - (p * d).sum(axis=0)))
    assert combination.bends is not None
    return combination.bends(x, a, d)


def softmax(x: Array) -> Array:
    """Compute e^x_i / Σ e^x_j.

    Args:
        x: Shape (fan_in, columns).

    Returns:
        Shape (fan_in, columns).
    """
    powers = np.exp(x - x.max(axis=0))
    return np.asarray(powers / powers.sum(axis=0))


def product_of_others(x: Array) -> Array:
    """Compute for each row the product of all other rows.

    Args:
        x: Shape (fan_in, columns).

    Returns:
        Shape (fan_in, columns).
    """
    rows = np.arange(len(x))
    return np.stack([np.prod(x[rows != i], axis=0) for i in rows])


def bent_product_of_others(x: Array, d: Array) -> Array:
    """Compute how these products change along d: each factor in turn is replaced by its d.

    Args:
        x: The factors. Shape (fan_in, columns).
        d: The direction. Shape (fan_in, columns).

    Returns:
        Shape (fan_in, columns).
    """
    rows, found = np.arange(len(x)), np.zeros_like(x)
    for i in rows:
        for j in rows[rows != i]:
            found[i] += d[j] * np.prod(x[(rows != i) & (rows != j)], axis=0)
    return found
