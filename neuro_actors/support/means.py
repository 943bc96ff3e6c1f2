"""Means and percentiles that are finite wherever the numbers are.

The mean of finite numbers lies between the least and the greatest of them, but their sum may exceed
all floats. Whatever shows a mean to a person takes it from here. Rules:

1. Where the ordinary mean is finite, it is the result, bit for bit.
2. Else the numbers are added again after a division by `SCALE`, a power of two, which is exact.
3. NaN and infinities, which a damaged log may contain, stay what they are, without a warning.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import Array, Indices

MAX = float(np.finfo(np.float64).max)
SCALE = 2.0**64  # more than how many numbers any array has


def mean_of(values: Any, axis: int | None = None) -> Any:
    """Return the mean, which is finite if all numbers are.

    Args:
        values: The numbers, at least one. Any shape.
        axis: The axis to take the mean over. None: over all numbers.

    Returns:
        The means. Shape of `values` without `axis`; a float if `axis` is None.
    """
    values = np.asarray(values, dtype=np.float64)
    with np.errstate(all="ignore"):
        mean = values.mean(axis=axis)
        if not np.isfinite(mean).all():
            mean = finite_mean(mean, (values / SCALE).mean(axis=axis))
    return float(mean) if axis is None else mean


def mean_in_order(values: Array) -> float:
    """Return the mean of numbers that are added one after the other.

    Args:
        values: The numbers, at least one. Shape (n,).
    """
    with np.errstate(all="ignore"):
        mean = np.add.accumulate(values)[-1] / len(values)
        if not np.isfinite(mean):
            mean = finite_mean(mean, np.add.accumulate(values / SCALE)[-1] / len(values))
    return float(mean)


def mean_of_segments(values: Array, starts: Indices) -> Array:
    """Return the mean of each segment of an array.

    Args:
        values: The numbers. Shape (n,).
        starts: Where each segment begins, and n at the end. Shape (n_segments + 1,).

    Returns:
        The means, NaN for an empty segment. Shape (n_segments,).
    """
    sizes = np.diff(starts)
    some = np.flatnonzero(sizes)
    means = np.full(len(sizes), np.nan)
    if not len(some):
        return means
    with np.errstate(all="ignore"):
        mean = np.add.reduceat(values, starts[some]) / sizes[some]
        if not np.isfinite(mean).all():
            mean = finite_mean(mean, np.add.reduceat(values / SCALE, starts[some]) / sizes[some])
    means[some] = mean
    return means


def mean_of_groups(groups: Indices, values: Array, n: int) -> Array:
    """Return the mean of each group of numbers.

    Args:
        groups: The group of each number. Shape (n_values,).
        values: The numbers. Shape (n_values,).
        n: The number of groups.

    Returns:
        The means, NaN for an empty group. Shape (n,).
    """
    counts = np.bincount(groups, minlength=n)
    with np.errstate(all="ignore"):
        means, scaled = (np.bincount(groups, part, n) / counts for part in (values, values / SCALE))
    found: Array = finite_mean(means, scaled)
    return found


def finite_mean(mean: Any, scaled: Any) -> Any:
    """Return a mean that is finite if the numbers were.

    Args:
        mean: The mean. Any shape.
        scaled: The mean of the same numbers divided by `SCALE`. The same shape.

    Returns:
        `mean` where it is finite or `scaled` is not, else `scaled` times `SCALE`. The same shape.
    """
    with np.errstate(all="ignore"):
        # the last bit of a mean of the greatest floats may be rounded up
        again = np.clip(scaled * SCALE, -MAX, MAX)
    return np.where(np.isfinite(mean) | ~np.isfinite(scaled), mean, again)


def percentiles_of(values: Array, percents: list[float]) -> list[float]:
    """Return percentiles of finite numbers, which are finite.

    Between two numbers numpy computes with their difference, which may exceed all floats.

    Args:
        values: Finite numbers, at least one. Any shape.
        percents: The percentiles, from 0 to 100.
    """
    with np.errstate(all="ignore"):
        found = np.percentile(values, percents)
        if not np.isfinite(found).all():
            found = np.percentile(values / SCALE, percents) * SCALE
    return [float(one) for one in np.clip(found, -MAX, MAX)]
