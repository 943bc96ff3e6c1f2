"""The losses: value, slope, curvature and domain of each.

Every function here goes row by row over float64 arrays of shape (batch, n_outputs). None of them
raises a floating-point warning, however large its arguments are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..support.validation import Array


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss: how wrong predictions p are, beside targets t.

    p, t and a direction d have shape (batch, n_outputs), one row an example.

    Attributes:
        value: `value(p, t)` returns the loss of each example, shape (batch,).
        slope: `slope(p, t)` returns its derivative by each prediction, shape (batch, n_outputs).
            The urgency that an output receives is minus this.
        curvature: `curvature(p, t, d)` returns the derivative of the slope along d, shape (batch,
            n_outputs): the loss's Hessian times d. Only products with the Hessian need it. None: it
            is not known.
        domain: `domain(p, t)` returns None where the loss is defined, else a text that says what is
            wrong. None: the loss is defined everywhere.

    Examples:
        >>> na.LOSSES["squared_error"].value(np.array([[0.6]]), np.array([[1.0]]))
        array([0.16])
    """

    value: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]
    curvature: Callable[[Array, Array, Array], Array] | None = None
    domain: Callable[[Array, Array], str | None] | None = None


def _total(values: Array) -> Array:
    """The sum over the outputs, (batch,)."""
    return np.asarray(np.add.reduce(values, axis=1))


def _squared(p: Array, t: Array) -> Array:
    """Σ (p - t)² over the outputs; no 1/2"""
    d = p - t
    return _total(d * d)


def _squared_slope(p: Array, t: Array) -> Array:
    """2 (p - t)"""
    return 2.0 * (p - t)


def _squared_curvature(p: Array, t: Array, d: Array) -> Array:
    """2 d"""
    return 2.0 * d


def _absolute(p: Array, t: Array) -> Array:
    """Σ |p - t|"""
    return _total(np.abs(p - t))


def _absolute_slope(p: Array, t: Array) -> Array:
    """sign(p - t), 0 where they are equal"""
    return np.sign(p - t)


def _absolute_curvature(p: Array, t: Array, d: Array) -> Array:
    """0"""
    return 0.0 * d


def _huber(p: Array, t: Array) -> Array:
    """Σ of d²/2 where |d| ≤ 1, else |d| - 1/2, d = p - t   (Huber 1964, δ = 1)"""
    d = np.abs(p - t)
    near = np.minimum(d, 1.0)
    return _total(near * (d - 0.5 * near))


def _huber_slope(p: Array, t: Array) -> Array:
    """p - t, at least -1 and at most 1"""
    return np.clip(p - t, -1.0, 1.0)


def _huber_curvature(p: Array, t: Array, d: Array) -> Array:
    """d where |p - t| ≤ 1, else 0"""
    return np.where(np.abs(p - t) <= 1.0, d, 0.0)


# A probability that was rounded to 0 or 1 would cost infinitely much: so logarithms stop at -100
# and divisors at 1e-12.
_LEAST_LOG, _LEAST_DIVISOR = -100.0, 1e-12


def _log(p: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(np.maximum(p, 0.0)), _LEAST_LOG)


def _cross_entropy(p: Array, t: Array) -> Array:
    """-Σ t ln p + (1 - t) ln(1 - p), where each output is a probability of its own"""
    return -_total(t * _log(p) + (1.0 - t) * _log(1.0 - p))


def _cross_entropy_slope(p: Array, t: Array) -> Array:
    """(p - t) / (p (1 - p))"""
    return (p - t) / np.maximum(p * (1.0 - p), _LEAST_DIVISOR)


def _cross_entropy_curvature(p: Array, t: Array, d: Array) -> Array:
    """(t / p² + (1 - t) / (1 - p)²) d"""
    q = 1.0 - p
    inside = p * q > _LEAST_DIVISOR
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(inside, t / (p * p) + (1.0 - t) / (q * q), 1.0 / _LEAST_DIVISOR) * d


def _softmax_cross_entropy(p: Array, t: Array) -> Array:
    """-Σ t ln softmax(p), p the logits"""
    shifted = p - np.max(p, axis=1, keepdims=True)
    return _total(t * (np.log(_total(np.exp(shifted))[:, None]) - shifted))


def _softmax_cross_entropy_slope(p: Array, t: Array) -> Array:
    """softmax(p) Σt - t"""
    e = np.exp(p - np.max(p, axis=1, keepdims=True))
    return np.asarray(e / _total(e)[:, None] * _total(t)[:, None] - t)


def _softmax_cross_entropy_curvature(p: Array, t: Array, d: Array) -> Array:
    """Σt (s d - s Σ(s d)), s = softmax(p)"""
    e = np.exp(p - np.max(p, axis=1, keepdims=True))
    s = e / _total(e)[:, None]
    return np.asarray(_total(t)[:, None] * s * (d - _total(s * d)[:, None]))


def _kl_divergence(p: Array, t: Array) -> Array:
    """Σ t ln(t / p), where the predictions are probabilities"""
    return _total(t * (_log(t) - _log(p)))


def _kl_divergence_slope(p: Array, t: Array) -> Array:
    """-t / p"""
    return np.asarray(-t / np.maximum(p, _LEAST_DIVISOR))


def _kl_divergence_curvature(p: Array, t: Array, d: Array) -> Array:
    """t d / p²"""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p > _LEAST_DIVISOR, t / (p * p), 0.0) * d


def _outside(what: str, array: Array, advice: str) -> str | None:
    wrong = (array < 0.0) | (array > 1.0)
    if not wrong.any():
        return None
    return f"{what} must lie between 0 and 1, got {array[wrong][0]:g}{advice}"


def _probabilities(p: Array, t: Array) -> str | None:
    advice = (
        ": give the outputs the activation 'sigmoid', "
        "or use 'softmax_cross_entropy', which takes logits"
    )
    return _outside("targets", t, "") or _outside("predictions", p, advice)


def _distributions(p: Array, t: Array) -> str | None:
    sums = _total(t)
    wrong = np.abs(sums - 1.0) > 1e-6
    if wrong.any():
        return (
            "each row of targets must be class probabilities that sum to 1; "
            f"one sums to {sums[wrong][0]:g}"
        )
    return _outside("targets", t, "")


LOSSES: dict[str, Loss] = {
    "squared_error": Loss(_squared, _squared_slope, _squared_curvature),
    "absolute_error": Loss(_absolute, _absolute_slope, _absolute_curvature),
    "huber": Loss(_huber, _huber_slope, _huber_curvature),
    "cross_entropy": Loss(
        _cross_entropy, _cross_entropy_slope, _cross_entropy_curvature, _probabilities
    ),
    "softmax_cross_entropy": Loss(
        _softmax_cross_entropy,
        _softmax_cross_entropy_slope,
        _softmax_cross_entropy_curvature,
        _distributions,
    ),
    "kl_divergence": Loss(
        _kl_divergence, _kl_divergence_slope, _kl_divergence_curvature, _probabilities
    ),
}

BUILT_IN = tuple(LOSSES)  # users may add others to the table
