"""What one sum, one function or one loss can err, where its arguments err by so much.

EPS is twice the unit roundoff. So n · EPS is what n roundings of two computations together can
bring these apart.

The law of kinks: an argument that is known exactly (its error is 0) has one slope. A relu neuron
whose mail is all zeros has the slope 0, on any machine. Only where an error reaches over a kink
both slopes are allowed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...network.activations import ACTIVATIONS, Activation
from ...network.losses import Loss
from ...support.arrays import Array, Indices
from .losses_of_rows import SEPARATE
from .matrices import slope_of

EPS = float(np.finfo(np.float64).eps)
LEAST = 2.0**-1074  # the smallest number: what an underflow can lose
# An error so large that a function may turn within it: to look at both ends is not enough then.
# Between its jumps no function of the table that turns, nor its slope or curvature, changes faster
# than its argument, times STEEPEST: the curvature of softsign beside 0. What is steeper, as e^z,
# does not turn where it is defined: there both ends are enough.
WIDE, STEEPEST = 2.0**-6, 6.0
AT_ONCE = 1 << 20  # how many numbers a loss receives at once

_QUIET = np.errstate(over="ignore", invalid="ignore", divide="ignore")

# Functions of the table, by their code: a user may replace an entry.
_LINEAR = {ACTIVATIONS[name].value for name in ("identity", "relu", "leaky_relu")}
_LIKE_ITS_ARGUMENT = {ACTIVATIONS["gelu"].value}  # accurate to eps · |z|
_SLOPE_IS_RELATIVE = {ACTIVATIONS[name].value for name in ("sigmoid", "softplus", "elu", "sin")}
_KNOWN = {function.value for function in ACTIVATIONS.values()}
_END_AT_0 = {ACTIVATIONS[name].value for name in ("log", "sqrt", "rsqrt", "reciprocal")}


def is_linear(function: Activation) -> bool:
    """Return whether a function is linear but for a kink, so that its slope has no rounding.

    Args:
        function: The activation function.
    """
    return function.value in _LINEAR


def gamma(n: float | Indices) -> Array:
    """Return γ_n = n · EPS / (1 - n · EPS), the relative error of sums of n products.

    Args:
        n: The number of products. Any shape.

    Returns:
        γ_n for each n, of the same shape.
    """
    return np.asarray(n * EPS / (1.0 - n * EPS))


def sum_error(n: float | Indices, sizes: Array) -> Array:
    """Bound how far two sums of the same n terms can lie apart, whatever the order of the terms.

    Args:
        n: The number of roundings of a term, each by half of EPS. Any shape that fits.
        sizes: Σ|terms|. Any shape.

    Returns:
        The bounds, of the shape of `sizes`. 0 where all terms are 0: such a sum is exact.
    """
    return np.asarray(gamma(n) * sizes + np.where(sizes > 0, n * LEAST, 0.0))


def known_sum_error(n: float | Indices, sizes: Array, totals: Array) -> Array:
    """Bound the same, where the size of the sum is known, too: half as much where terms cancel.

    A sum in whatever order rounds each term, and then n - 1 sums of some of the terms. None of
    these is larger than the sum of all terms of one sign: (Σ|terms| + |Σ terms|) / 2.

    Args:
        n: The number of terms. Any shape that fits.
        sizes: Σ|terms|. Any shape.
        totals: |Σ terms|. The same shape.

    Returns:
        The bounds, of the shape of `sizes`.
    """
    some = 0.5 * (sizes + totals) + gamma(n) * sizes  # and what they themselves err
    return np.asarray(gamma(n) * some + sum_error(2, sizes) + np.where(sizes > 0, n * LEAST, 0.0))


def value_error(function: Activation, z: Array, a: Array) -> Array:
    """Bound how far two evaluations of f at the same argument can lie apart.

    Functions of numpy, of the C library and of PyTorch err by a few units in the last place. A
    user's function, of which nothing is known, is allowed as much of 1 too.

    Args:
        function: The activation function f.
        z: The arguments. Any shape.
        a: f(z), of the same shape.
    """
    if is_linear(function):
        return 4 * _last_bits(a)
    if function.value in _LIKE_ITS_ARGUMENT:
        return 8 * _last_bits(z)
    return 8 * _last_bits(a if function.value in _KNOWN else np.maximum(np.abs(a), 1.0))


def _last_bits(values: Array) -> Array:
    """Return EPS of each value, but no less than the least float; 0 of 0."""
    sizes = np.abs(values)
    return np.asarray(EPS * sizes + np.where(sizes > 0, LEAST, 0.0))


def remainder(function: Activation, z: Array, a: Array, slope: Array, error: Array) -> Array:
    """Bound how far f(z + d) is from f(z) + f'(z) · d, for each |d| up to `error`.

    f is evaluated at twice the error on both sides. There a smooth function's remainder is four
    times as large, and a kink that lies within the error shows.

    Args:
        function: The activation function f.
        z: The arguments. Any shape.
        a: f(z), of the same shape.
        slope: f'(z), of the same shape.
        error: Bounds of the arguments' errors, of the same shape.

    Returns:
        The bounds, of the same shape. 0 where the error is 0.
    """
    left = _off_the_line(function.value, z, a, slope, error)
    steepest = STEEPEST + np.abs(slope)
    left = np.where(error > WIDE, np.maximum(left, steepest * error), left)
    return _where_defined(function, z, error, left)


def _where_defined(function: Activation, z: Array, error: Array, bound: Array) -> Array:
    """Return the bound, but infinity where the error reaches what has no value, or no float."""
    is_lost = np.isnan(bound) & np.isfinite(z)
    if function.value in _END_AT_0:
        is_lost |= (error > 0) & (np.abs(z) <= 2.0 * error)
    return np.where(is_lost, np.inf, bound)


@_QUIET
def _off_the_line(
    f: Callable[[Array], Array], z: Array, here: Array, slope: Array, error: Array
) -> Array:
    """Compute how far f is from the line through f(z) at twice the error, on both sides."""
    up, down = z + 2.0 * error, z - 2.0 * error  # up - z and down - z are exact
    return np.maximum(
        np.abs(f(up) - here - slope * (up - z)), np.abs(f(down) - here - slope * (down - z))
    )


def value_moved(function: Activation, z: Array, error: Array) -> Array:
    """Bound how far f(z) changes where z changes by up to `error`.

    Args:
        function: The activation function f.
        z: The arguments. Any shape.
        error: Bounds of the arguments' errors. The same shape.

    Returns:
        The bounds, of the same shape. 0 where the error is 0.
    """
    return _where_defined(function, z, error, moved(function.value, z, error))


@_QUIET
def moved(f: Callable[[Array], Array], z: Array, error: Array) -> Array:
    """Bound how far f(z) changes where z changes by up to `error`.

    Args:
        f: A function of the table, or a slope or curvature, as a function of z alone.
        z: The arguments. Any shape.
        error: Bounds of the arguments' errors. The same shape.

    Returns:
        The bounds, of the same shape. 0 where the error is 0. They are valid where f is defined
        within twice the error.
    """
    reach, here = 2.0 * error, f(z)
    change = np.maximum(np.abs(f(z + reach) - here), np.abs(f(z - reach) - here))
    # f may turn within the error, or jump, as elu's curvature: then it may differ from what it is
    # here by more than at the end of the reach
    turns = (error > WIDE) | (change > STEEPEST * reach)
    return change + np.where(turns, STEEPEST * reach, 0.0)


def slope_error(function: Activation, z: Array, error: Array) -> Array:
    """Bound how far f' changes where z changes by up to `error`, and what f' itself errs.

    Args:
        function: The activation function f.
        z: The arguments. Any shape.
        error: Bounds of the arguments' errors. The same shape.

    Returns:
        Bounds of the errors of f'(z), of the same shape.
    """
    slope_at = slope_of(function)
    change = _where_defined(function, z, error, moved(slope_at, z, error))
    if is_linear(function):
        return change
    return np.asarray(change + 16 * EPS * np.maximum(np.abs(slope_at(z)), 1.0))


def slope_line(
    function: Activation, z: Array, a: Array, error: Array
) -> tuple[Array, Array, Array]:
    """Bound how far f'(z + d) is from f'(z) + f''(z) · d, for each |d| up to `error`.

    Args:
        function: The activation function f.
        z: The arguments. Any shape.
        a: f(z), of the same shape.
        error: Bounds of the arguments' errors. The same shape.

    Returns:
        f''(z); these bounds, with what f' itself errs; and those of `slope_error`, each of the
        same shape. f''(z) is taken as 0 where it is of no use: then the bounds are the same.
    """
    whole = slope_error(function, z, error)
    is_known = function.value in _KNOWN and not is_linear(function)
    if function.curvature is None or not is_known:
        return np.zeros_like(z), whole, whole
    slope_at, bend = slope_of(function), function.curvature(z, a)
    here = slope_at(z)
    rest = _off_the_line(slope_at, z, here, bend, error)
    rest = rest + 16 * EPS * np.maximum(np.abs(here), 1.0)
    rest = _where_defined(function, z, error, rest)
    return *_sharper(bend, rest, whole, error), whole


def loss_slopes_line(loss: Loss, p: Array, t: Array, error: Array) -> tuple[Array, Array, Array]:
    """Bound the same of the loss's slope by each prediction.

    Args:
        loss: The loss.
        p: The predictions. Shape (batch, n_outputs).
        t: The targets. Shape (batch, n_outputs).
        error: Bounds of the predictions' errors. Shape (batch, n_outputs).

    Returns:
        The curvature by each prediction, the bounds, and those of `loss_slopes_error`, each of
        shape (batch, n_outputs). The curvature is taken as 0 where it is of no use, and in losses
        in which the outputs do not count each alone.
    """
    whole = loss_slopes_error(loss, p, t, error)
    if loss.curvature is None or loss.slope not in SEPARATE:
        return np.zeros_like(p), whole, whole
    here, bend = loss.slope(p, t), loss.curvature(p, t, np.ones_like(p))
    rest = _off_the_line(lambda q: loss.slope(q, t), p, here, bend, error)
    rest = rest + (16 + p.shape[1]) * EPS * (np.abs(here) + _sizes(t))
    return *_sharper(bend, rest, whole, error), whole


def _sharper(bend: Array, rest: Array, whole: Array, error: Array) -> tuple[Array, Array]:
    use = (rest < whole) & (error <= WIDE)  # False where one is NaN
    return np.where(use, bend, 0.0), np.where(use, rest, whole)


def sent_slope_error(function: Activation, z: Array, sent: Array, error: Array) -> Array:
    """Bound the same where f' is computed from an activation that is known exactly.

    Args:
        function: The activation function f.
        z: The arguments. Any shape.
        sent: The activation that the neuron sent. The same shape.
        error: Bounds of the arguments' errors. The same shape.

    Returns:
        Bounds of the errors of f', of the same shape.
    """
    slope = np.abs(function.slope(z, sent))
    if function.value in _SLOPE_IS_RELATIVE:
        size = slope
    else:
        size = np.zeros_like(slope) if function.value in _LINEAR else np.maximum(slope, 1.0)
    change = moved(lambda z: function.slope(z, sent), z, error)
    return _where_defined(function, z, error, change) + 16 * _last_bits(size)


def curvature_error(function: Activation, z: Array, error: Array) -> Array:
    """Bound how far f'' changes where z changes by up to `error`, and what f'' itself errs.

    Args:
        function: The activation function f, which has a curvature.
        z: The arguments. Any shape.
        error: Bounds of the arguments' errors. The same shape.

    Returns:
        Bounds of the errors of f''(z), of the same shape.
    """
    curvature = function.curvature
    assert curvature is not None

    def curvature_at(z: Array) -> Array:
        return curvature(z, function.value(z))

    change = _where_defined(function, z, error, moved(curvature_at, z, error))
    if is_linear(function):
        return change
    return np.asarray(change + 32 * EPS * np.maximum(np.abs(curvature_at(z)), 1.0))


def loss_error(
    f: Callable[..., Array], p: Array, error: Array, terms: Array | float, *others: Array
) -> Array:
    """Bound how far a function of all predictions of an example changes, and what it itself errs.

    Each prediction is moved alone, by twice its error, and the changes are added up.

    Args:
        f: f(p, *others), row by row.
        p: The predictions. Shape (batch, n_outputs).
        error: Bounds of the predictions' errors. Shape (batch, n_outputs).
        terms: The size of what f subtracts, as t in softmax(p) - t. Any shape that fits.
        others: Further arguments. Shape (batch, n_outputs) each.

    Returns:
        Bounds of the errors of f(p), of the same shape as f(p).
    """
    here, (batch, n) = f(p, *others), p.shape
    total = (16 + n) * EPS * (np.abs(here) + terms)
    moving = np.flatnonzero((error > 0).any(axis=0))
    at_once = max(1, AT_ONCE // p.size)
    for first in range(0, len(moving), at_once):
        some = moving[first : first + at_once]
        shift = np.zeros((len(some), batch, n))
        shift[np.arange(len(some)), :, some] = 2.0 * error.T[some]
        given = [np.tile(other, (len(some), 1)) for other in others]
        up, down = (
            f(moved.reshape(-1, n), *given).reshape(len(some), *here.shape) - here
            for moved in (p + shift, p - shift)
        )
        total = total + np.maximum(np.abs(up), np.abs(down)).sum(axis=0)
    return np.asarray(total)


def losses_error(loss: Loss, p: Array, t: Array, error: Array) -> Array:
    """Bound the errors of each example's loss.

    Args:
        loss: The loss.
        p: The predictions. Shape (batch, n_outputs).
        t: The targets. Shape (batch, n_outputs).
        error: Bounds of the predictions' errors. Shape (batch, n_outputs).

    Returns:
        The bounds, shape (batch,).
    """
    terms = np.abs(p).max(axis=1, keepdims=True) + _sizes(t).max(axis=1, keepdims=True)
    return loss_error(lambda *given: loss.value(*given)[:, None], p, error, terms, t)[:, 0]


def loss_slopes_error(loss: Loss, p: Array, t: Array, error: Array) -> Array:
    """Bound the errors of the loss's slope by each prediction.

    Args:
        loss: The loss.
        p: The predictions. Shape (batch, n_outputs).
        t: The targets. Shape (batch, n_outputs).
        error: Bounds of the predictions' errors. Shape (batch, n_outputs).

    Returns:
        The bounds, shape (batch, n_outputs).
    """
    return loss_error(loss.slope, p, error, _sizes(t), t)


def loss_tangents_error(
    loss: Loss, p: Array, t: Array, tangents: Array, error: Array, tangents_error: Array
) -> Array:
    """Bound the errors of the derivatives of the loss's slope along a direction.

    They are linear in the direction, so each prediction's part is bounded alone.

    Args:
        loss: The loss, which has a curvature.
        p: The predictions. Shape (batch, n_outputs).
        t: The targets. Shape (batch, n_outputs).
        tangents: The direction: the predictions' derivatives. Shape (batch, n_outputs).
        error: Bounds of the predictions' errors. Shape (batch, n_outputs).
        tangents_error: Bounds of the errors of `tangents`. Shape (batch, n_outputs).

    Returns:
        The bounds, shape (batch, n_outputs).
    """
    curvature = loss.curvature
    assert curvature is not None
    n, carried = p.shape[1], tangents_error + 16 * EPS * np.abs(tangents)
    directions = [np.tile(np.eye(n)[k], (len(p), 1)) for k in range(n)]
    columns = [np.abs(curvature(p, t, direction)) for direction in directions]
    couples = np.zeros((len(p), 1), dtype=bool)
    for k, here in enumerate(columns):
        couples |= (np.delete(here, k, axis=1) > 0).any(axis=1, keepdims=True)
    if not couples.any():  # each output alone: all of them are moved at once
        ones, own = np.ones_like(p), (16 + n) * EPS
        total = moved(lambda q: curvature(q, t, tangents), p, error)
        total = total + own * np.abs(curvature(p, t, tangents))
        sizes = np.abs(curvature(p, t, ones)) * (1 + own)
        sizes = sizes + moved(lambda q: curvature(q, t, ones), p, error)
        return np.asarray(total + sizes * carried)
    total = loss_error(curvature, p, error, 0.0, t, tangents)
    for k, (here, direction) in enumerate(zip(columns, directions, strict=True)):
        size = here + loss_error(curvature, p, error, 0.0, t, direction)
        total = total + size * carried[:, k : k + 1]
    # where outputs are coupled, as in softmax, s (d - Σ s d) cancels before it is multiplied
    greatest = np.abs(tangents).max(axis=1, keepdims=True)
    cancelled = 16 * EPS * (np.abs(loss.slope(p, t)) + _sizes(t)) * greatest
    return total + np.where(couples, cancelled, 0.0)


def _sizes(targets: Array) -> Array:
    """Return the size of each target; 0 for one that does not count, which is NaN."""
    return np.asarray(np.nan_to_num(np.abs(targets)))
