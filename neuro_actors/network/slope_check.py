"""Whether a slope of a user's own is the derivative of its value, by differences.

Actors and reference take slopes from the same table. So a wrong slope is wrong in both alike, and
no comparison of theirs shows it. The law of this file is that no right slope is refused:

1. At each of a few points the value is evaluated at distances h on both sides, from 1/16 down to
   2^-30. That gives three differences for each h: forward, backward, and central.
2. The derivative is known there if all differences agree over several h in turn. Near a kink or a
   jump, in noise, or where the value is steeper than the smallest h shows, they do not.
3. Differences that are 0 count only where all are: coarsely rounded values do not change at all
   over a small h.
4. A slope is wrong where the derivative is known, and not near it: within `NEAR` of both, `FLOOR`
   of the greatest slope, and the rounding of the value, which is that of float16 or float32 if all
   values are such numbers.

A point where a function fails, or has no finite number, says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ..support.arrays import Array, freeze
from ..support.errors import InputError
from ..support.signal_exceptions import passes_handler_exceptions
from .activations import Activation
from .combinations import Combination
from .function_probe import EPS, call_each
from .losses import Loss
from .own_functions import Entry

DISTANCES: Array = freeze(4.0 ** -np.arange(2.0, 16.0))
IN_TURN = 4  # how many distances in turn must agree
AGREE, NEAR, FLOOR = 0.003, 0.01, 0.003
ROUNDINGS = 16  # of a value, in units of its last place
CASTS = (np.float16, np.float32)  # a user's code may compute in these, and convert the result

SIGNALS: Array = freeze(
    np.array([[0.7], [-0.7], [0.3], [-0.3], [1.3], [-1.3], [2.6], [-2.6], [5.7], [-5.7]])
)
# Predictions of two outputs, then their targets. Losses of probabilities are often cut off outside
# of 0 and 1, so no prediction is there.
EXAMPLES: Array = freeze(
    np.array(
        [
            [0.7, 0.2, 1.0, 0.0],
            [0.3, 0.6, 0.0, 1.0],
            [0.4, 0.8, 0.75, 0.25],
            [0.6, 0.3, 3.0, -2.0],
            [0.15, 0.45, -5.0, 7.0],
        ]
    )
)
ROWS: Array = freeze(
    np.array([[0.7, -0.4, 0.2], [-1.3, 0.6, 0.9], [0.3, 0.8, 2.6], [-0.6, -2.3, -0.2]])
)


class Claim(NamedTuple):
    """What one of the functions says of another one: that it is its derivative.

    Attributes:
        what: The name of the derivative.
        of: The name of what it is the derivative of.
        points: Where to try it. Shape (points, numbers).
        along: How each point moves. The same shape.
        label: Says what a point is, by its row.
        outputs: How many values there are at a point.
        value: Maps points to values. Shapes (n, numbers) and (n, outputs).
        slope: Maps points, and how they move, to derivatives. Shape (n, outputs).
    """

    what: str
    of: str
    points: Array
    along: Array
    label: Callable[[int], str]
    outputs: int
    value: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]


@passes_handler_exceptions
def check_slopes(name: str, entry: Entry) -> None:
    """Check that no slope of an entry, and no curvature, is clearly another one than the true one.

    Args:
        name: The name that the entry is to have in its table.
        entry: An activation function, a combination or a loss.

    Raises:
        InputError: A derivative is wrong.
    """
    for claim in _claims(entry):
        if problem := _contradiction(claim):
            advice = "if another one is meant, write surrogate=True"
            raise InputError(f"{name}: {problem}; {advice}")


def _contradiction(claim: Claim) -> str:
    """Say where a claim is wrong; empty if nowhere."""
    n, numbers = claim.points.shape
    h = DISTANCES[:, None, None]
    moves = np.concatenate([np.zeros((1, 1, 1)), h, -h]) * claim.along
    moved = freeze((claim.points + moves).reshape(-1, numbers))
    with np.errstate(all="ignore"):
        said = call_each(claim.slope, claim.points, claim.along, shape=(n, claim.outputs))
        values = call_each(claim.value, moved, shape=(len(moved), claim.outputs))
        values = values.reshape(-1, *said.shape)
        here, ahead, behind = np.split(values, [1, 1 + len(DISTANCES)])
        differences = np.stack([ahead - here, here - behind, (ahead - behind) / 2]) / h
        rounding = _roundings(values) / h
        known, error = _derivatives(differences, rounding)
        apart = np.abs(known - said)
        size, greatest = np.maximum(np.abs(known), np.abs(said)), np.fmax.reduce(np.abs(said), None)
        wrong = apart > NEAR * size + FLOOR * greatest + error  # not where one of them is NaN
    for k, j in np.argwhere(wrong).tolist():
        part = f" of output {j}" if claim.outputs > 1 else ""
        return (
            f"its {claim.what}{part} at {claim.label(k)} is {said[k, j]:.6g}, "
            f"but its {claim.of}{part} changes by {known[k, j]:.6g} per unit there"
        )
    return ""


def _roundings(values: Array) -> Array:
    """Return how far values may be rounded. Shape (points, outputs)."""
    size = np.fmax.reduce(np.abs(values))
    for kind in CASTS:
        if np.array_equal(values.astype(kind), values, equal_nan=True):
            step = np.finfo(kind)
            return np.asarray(2.0 * (float(step.eps) * size + float(step.smallest_subnormal)))
    return np.asarray(ROUNDINGS * EPS * size)


def _derivatives(differences: Array, rounding: Array) -> tuple[Array, Array]:
    """Return the derivatives that differences agree on, NaN where they do not; and their errors.

    Args:
        differences: Shape (3, distances, points, outputs).
        rounding: How far rounding may move them. Shape (distances, points, outputs).
    """
    known = np.full(differences.shape[2:], np.nan)
    error = np.zeros(known.shape)
    least = np.full(known.shape, np.inf)
    is_flat = ~differences.any(axis=(0, 1))
    for first in range(len(DISTANCES) - IN_TURN + 1):
        some = differences[:, first : first + IN_TURN]
        spread, size = np.ptp(some, axis=(0, 1)), np.abs(some).max(axis=(0, 1))
        agree = (spread <= AGREE * size) & ((size > 0.0) | is_flat)
        better = agree & (spread < least)
        known[better] = np.median(some[2], axis=0)[better]
        least[better] = spread[better]
        error[better] = rounding[first][better]
    return known, error


# --- what each kind of entry claims ---------------------------------------------------------------


def _claims(entry: Entry) -> Iterator[Claim]:
    if isinstance(entry, Activation):
        return _claims_of_activation(entry)
    if isinstance(entry, Loss):
        return _claims_of_loss(entry)
    return _claims_of_combination(entry)


def _claims_of_activation(f: Activation) -> Iterator[Claim]:
    def value(z: Array) -> Array:
        return f.value(_of(z))[:, None]

    def slope(z: Array) -> Array:
        return f.slope(_of(z), _own(f.value(_of(z))))[:, None]

    def label(k: int) -> str:
        return f"{SIGNALS[k, 0]:g}"

    along = np.ones(SIGNALS.shape)
    yield Claim("slope", "value", SIGNALS, along, label, 1, value, lambda z, d: slope(z))
    if (curvature := f.curvature) is not None:

        def bent(z: Array, d: Array) -> Array:
            return curvature(_of(z), _own(f.value(_of(z))))[:, None]

        yield Claim("curvature", "slope", SIGNALS, along, label, 1, slope, bent)


def _claims_of_loss(loss: Loss) -> Iterator[Claim]:
    points, along = _each_way(EXAMPLES, 2)

    def value(u: Array) -> Array:
        return loss.value(*_halves(u))[:, None]

    def slopes(u: Array) -> Array:
        return loss.slope(*_halves(u))

    def slope(u: Array, d: Array) -> Array:
        return np.asarray((slopes(u) * d[:, :2]).sum(axis=1, keepdims=True))

    def label(k: int) -> str:
        p, t = points[k, :2].tolist(), points[k, 2:].tolist()
        return f"predictions {p} and targets {t}, by output {int(along[k].argmax())},"

    yield Claim("slope", "value", points, along, label, 1, value, slope)
    if (curvature := loss.curvature) is not None:

        def bent(u: Array, d: Array) -> Array:
            return curvature(*_halves(u), _halves(d)[0])

        yield Claim("curvature", "slope", points, along, label, 2, slopes, bent)


def _claims_of_combination(g: Combination) -> Iterator[Claim]:
    points, along = _each_way(ROWS, 3)

    def value(u: Array) -> Array:
        return g.value(_rows(u))[:, None]

    def slopes(u: Array) -> Array:
        return g.slopes(_rows(u), _own(g.value(_rows(u)))).T

    def slope(u: Array, d: Array) -> Array:
        return np.asarray((slopes(u) * d).sum(axis=1, keepdims=True))

    def label(k: int) -> str:
        return f"x = {points[k].tolist()}, by row {int(along[k].argmax())},"

    yield Claim("slope", "value", points, along, label, 1, value, slope)
    if (bends := g.bends) is not None:

        def bent(u: Array, d: Array) -> Array:
            return bends(_rows(u), _own(g.value(_rows(u))), _rows(d)).T

        yield Claim("bend", "slope", points, along, label, 3, slopes, bent)


def _each_way(points: Array, n: int) -> tuple[Array, Array]:
    """Return each point n times, and how it moves: by its first number, by its second, …"""
    along = np.eye(points.shape[1])[:n]
    return freeze(np.repeat(points, n, axis=0)), freeze(np.tile(along, (len(points), 1)))


def _of(z: Array) -> Array:
    return _own(z[:, 0])


def _halves(u: Array) -> tuple[Array, Array]:
    return _own(u[:, :2]), _own(u[:, 2:])


def _rows(u: Array) -> Array:
    return _own(u.T)


def _own(values: Array) -> Array:
    """Return a copy, C-contiguous and read-only, for a user's function."""
    return freeze(np.array(values, order="C"))
