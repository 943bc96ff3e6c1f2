"""Whether a slope of a user's own is the derivative of its value; see `add_activation`.

A slope that is clearly another one is refused, unless that is meant: gradients would follow it, and
so would the reference, which takes the same functions. A function is compared with its differences
at a few points. A point counts only where differences over four distances agree: at a kink, in a
jump or where a function turns faster than that, they do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..support.arrays import Array, freeze
from ..support.errors import InputError
from ..support.signal_exceptions import passes_handler_exceptions
from .activations import Activation
from .combinations import Combination
from .losses import Loss
from .own_functions import Entry

DISTANCES = (2.0**-12, 2.0**-16, 2.0**-20, 2.0**-24)
APART = 0.05  # of the greater one: a slope that is farther from the difference is another one
COARSE = 2.0**-21  # of a number: a value that was computed in float32 is as coarse as that
_Z = (0.5, -0.7, 0.0137, -0.0137, 1.3, -1.3, 2.7, -2.7, 5.3, -5.3, 11.9, -11.9)


class _Claim(NamedTuple):
    """That numbers are the derivative of others, at some points."""

    what: str  # what is claimed: "slope"
    of: str  # what it is the derivative of: "value"
    claimed: Array  # shape (points,)
    move: Callable[[float], Array]  # the others, that far away; shape (points,)
    points: list[str]  # each for the text of an error
    sizes: Array  # how large the arguments are that move; shape (points,)


@passes_handler_exceptions
def check_slopes(name: str, entry: Entry) -> None:
    """Check that slopes and curvatures are not clearly wrong.

    Where a function fails, it is not checked.

    Args:
        name: The name in the table.
        entry: The activation function, the combination or the loss.

    Raises:
        InputError: One is clearly another one than the derivative.
    """
    with np.errstate(all="ignore"):
        for claim in _claims(entry):
            found = _find_other(claim)
            if found is not None:
                k, there = found
                raise InputError(
                    f"{name}: its {claim.what} at {claim.points[k]} is {claim.claimed[k]:.3g}, but "
                    f"its {claim.of} changes by {there:.3g} per unit there; if another one is "
                    "meant, write surrogate=True"
                )


def _find_other(claim: _Claim) -> tuple[int, float] | None:
    """Return the first point where the claim is clearly wrong, and the difference there."""
    here = claim.move(0.0)
    for distance in DISTANCES:
        steps = np.array([-1.0, -0.25, 0.25, 1.0]) * distance
        differences = np.stack([(claim.move(h) - here) / h for h in steps])
        middle, spread = differences.mean(axis=0), np.ptp(differences, axis=0)
        coarse = COARSE / abs(steps[1]) * (np.abs(here) + claim.sizes * np.abs(middle))
        agree = spread <= 0.01 * np.abs(middle) + coarse
        greater = np.maximum(np.abs(middle), np.abs(claim.claimed))
        other = np.abs(claim.claimed - middle) > APART * greater + coarse + spread
        if (agree & other).any():  # a number that is NaN is in neither
            k = int(np.flatnonzero(agree & other)[0])
            return k, float(middle[k])
    return None


def _claims(entry: Entry) -> Iterator[_Claim]:
    try:
        if isinstance(entry, Activation):
            yield from _claims_of_activation(entry)
        elif isinstance(entry, Combination):
            yield from _claims_of_combination(entry)
        else:
            yield from _claims_of_loss(entry)
    except InputError:
        raise
    except Exception:
        return  # what fails is refused elsewhere


def _claims_of_activation(f: Activation) -> Iterator[_Claim]:
    z = np.array(_Z)

    def value(h: float) -> Array:
        return np.array(f.value(freeze(z + h)))

    def slope(h: float) -> Array:
        return np.array(f.slope(freeze(z + h), freeze(value(h))))

    points = [f"{one:g}" for one in _Z]
    yield _Claim("slope", "value", slope(0.0), value, points, np.abs(z))
    if f.curvature is not None:
        curvature = np.array(f.curvature(freeze(z), freeze(value(0.0))))
        yield _Claim("curvature", "slope", curvature, slope, points, np.abs(z))


def _claims_of_combination(g: Combination) -> Iterator[_Claim]:
    x = np.array([[0.5, -0.4, 1.3, 0.8], [0.3, 0.9, -0.6, 2.1], [-0.7, 0.2, 0.45, 1.1]])
    points = [f"x = {column.tolist()}" for column in x.T]

    def value(d: Array) -> Array:
        return np.array(g.value(freeze(x + d)))

    def slopes(d: Array) -> Array:
        return np.array(g.slopes(freeze(x + d), freeze(value(d))))

    for i, unit in enumerate(np.eye(3)[:, :, None]):
        move = _along(unit, value)
        yield _Claim("slopes", "value", slopes(0.0 * unit)[i], move, points, np.abs(x[i]))
    if g.bends is not None:
        d = np.array([[0.5], [-0.25], [1.0]])
        bends = np.array(g.bends(freeze(x), freeze(value(0.0 * d)), freeze(d + 0.0 * x)))
        for i in range(3):
            move = _along(d, slopes, i)
            yield _Claim("bends", "slopes", bends[i], move, points, np.abs(x[i]))


def _claims_of_loss(loss: Loss) -> Iterator[_Claim]:
    p = np.array([[0.3, 0.7], [0.62, 0.38], [0.15, 0.85], [0.45, 0.55]])
    t = freeze(np.array([[0.8, 0.2], [0.25, 0.75], [0.5, 0.5], [0.1, 0.9]]))
    points = [f"p = {a.tolist()}, t = {b.tolist()}" for a, b in zip(p, t, strict=True)]

    def value(d: Array) -> Array:
        return np.array(loss.value(freeze(p + d), t))

    def slope(d: Array) -> Array:
        return np.array(loss.slope(freeze(p + d), t))

    for i, unit in enumerate(np.eye(2)):
        move = _along(unit, value)
        yield _Claim("slope", "value", slope(0.0 * unit)[:, i], move, points, p[:, i])
    if loss.curvature is not None:
        d = np.array([0.5, -1.0])
        curvature = np.array(loss.curvature(freeze(p), t, freeze(d + 0.0 * p)))
        for i in range(2):
            move = _along(d, slope, (slice(None), i))
            yield _Claim("curvature", "slope", curvature[:, i], move, points, p[:, i])


def _along(
    d: Array, function: Callable[[Array], Array], part: Any = ...
) -> Callable[[float], Array]:
    """Return a part of what a function makes, that far away along a direction."""
    return lambda h: function(h * d)[part]
