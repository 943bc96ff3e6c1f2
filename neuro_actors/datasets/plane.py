"""Points in a plane, of two classes. No straight line separates them.

Coordinates have four decimals. So the last bits of a machine's sine do not matter, and the same
seed gives the same numbers everywhere.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Array
from ..support.errors import InputError
from ..support.hints import explains_arguments
from ..support.scalars import as_number, as_whole_number, got
from .dataset import Dataset

DECIMALS = 4


@explains_arguments
def xor(n: int = 4, noise: float = 0.0, seed: int = 0) -> Dataset:
    """Return the corners of a square: class 1 where the two inputs differ.

    Args:
        n: The number of points; the four corners take turns.
        noise: Standard deviation of what is added to each coordinate.
        seed: Seed of the noise.

    Returns:
        Inputs of shape (n, 2), targets of shape (n, 1).

    Raises:
        InputError: An argument is wrong.
    """
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    which = np.arange(_count(n)) % 4
    different = corners[which, 0] != corners[which, 1]
    return _points(corners[which], different, noise, seed, ("equal", "different"))


@explains_arguments
def spirals(n: int = 192, noise: float = 0.06, seed: int = 0) -> Dataset:
    """Return two spirals, one inside the other; the coordinates reach from -3 to 3.

    Args:
        n: The number of points; the first half is on the first spiral.
        noise: Standard deviation of what is added to each coordinate.
        seed: Seed of the noise.

    Returns:
        Inputs of shape (n, 2), targets of shape (n, 1).

    Raises:
        InputError: An argument is wrong.
    """
    first, second = _halves(n)
    points = np.concatenate([_spiral(first), -_spiral(second)])
    return _points(points, np.arange(n) >= first, noise, seed, ("first", "second"))


def _spiral(n: int) -> Array:
    along = np.sqrt(np.linspace(0.03, 1.0, n))  # the square root spreads the points evenly
    angle = 2.0 * math.pi * 1.5 * along
    points: Array = 3.0 * along[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return points


@explains_arguments
def circles(n: int = 200, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Return a circle of radius 1 in another one of radius 2; class 1 is the inner one.

    Args:
        n: The number of points; the first half is on the outer circle.
        noise: Standard deviation of what is added to each coordinate.
        seed: Seed of the noise.

    Returns:
        Inputs of shape (n, 2), targets of shape (n, 1).

    Raises:
        InputError: An argument is wrong.
    """
    outer, inner = _halves(n)
    points = np.concatenate([2.0 * _arc(outer, 2.0 * math.pi), _arc(inner, 2.0 * math.pi)])
    return _points(points, np.arange(n) >= outer, noise, seed, ("outer", "inner"))


@explains_arguments
def moons(n: int = 200, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Return two half circles of radius 1, each of which reaches into the other.

    Args:
        n: The number of points; the first half is on the upper half circle.
        noise: Standard deviation of what is added to each coordinate.
        seed: Seed of the noise.

    Returns:
        Inputs of shape (n, 2), targets of shape (n, 1).

    Raises:
        InputError: An argument is wrong.
    """
    upper, lower = _halves(n)
    points = np.concatenate([_arc(upper, math.pi), np.array([1.0, 0.5]) - _arc(lower, math.pi)])
    return _points(points, np.arange(n) >= upper, noise, seed, ("upper", "lower"))


def _arc(n: int, length: float) -> Array:
    """Return points on a circle of radius 1, evenly spaced. Shape (n, 2)."""
    angle = np.linspace(0.0, length, n, endpoint=length < 2.0 * math.pi)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def _halves(n: int) -> tuple[int, int]:
    """Return how many points each of two classes has."""
    return (_count(n) + 1) // 2, n // 2


def _count(n: int) -> int:
    return as_whole_number("n", n, 1)


def _points(
    points: Array, second: NDArray[np.bool_], noise: float, seed: int, classes: tuple[str, str]
) -> Dataset:
    """Add noise to points, and round them; `second` is True where the target is 1."""
    spread = as_number(noise)
    if not 0.0 <= spread < math.inf:
        raise InputError(f"noise must be a number of at least 0, got {got(noise)}")
    rng = np.random.default_rng(as_whole_number("seed", seed, 0))
    moved = points + spread * rng.standard_normal(points.shape)
    # + 0.0: no minus zero
    return Dataset(
        np.round(moved, DECIMALS) + 0.0, second[:, None].astype(float), ("x0", "x1"), classes
    )
