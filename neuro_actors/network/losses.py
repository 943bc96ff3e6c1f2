"""The losses: value, slope, curvature and domain of each.

Every function here goes row by row over float64 arrays of shape (batch, n_outputs). None of them
raises a floating-point warning, however large its arguments are.

Each term of a loss, of its slope and of its curvature is right to 1e-12 of itself.

Which loss for probabilities? Of two classes, and for outputs that each say yes or no:
`sigmoid_cross_entropy`, on an output with the activation 'identity', which is then a logit. Of
several classes, of which one is right: `softmax_cross_entropy`, also on logits. Both are exact
however sure an output is. `cross_entropy` and `kl_divergence` take probabilities, from outputs with
the activation 'sigmoid': so use them where the probability itself is to be sent on or looked
at. They know of an output no more than a float64 next to 1 can say: its gradient is right to 1e-16,
not to 1e-16 of itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ..support.arrays import Array
from .output_activations import LEAST, LEAST_REST


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
        threshold: From which prediction on an output that says yes or no says yes. Accuracies are
            measured by it.
        rounding: As in `Activation`, of its slope. None: it is not known.

    Examples:
        >>> na.LOSSES["squared_error"].value(np.array([[0.6]]), np.array([[1.0]]))
        array([0.16])
    """

    value: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]
    curvature: Callable[[Array, Array, Array], Array] | None = None
    domain: Callable[[Array, Array], str | None] | None = None
    threshold: float = 0.5
    rounding: float | None = None


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
    """Σ (d²/2 where |d| ≤ 1, else |d| - 1/2), d = p - t   (Huber 1964, δ = 1)"""
    d = np.abs(p - t)
    near = np.minimum(d, 1.0)
    return _total(near * (d - 0.5 * near))


def _huber_slope(p: Array, t: Array) -> Array:
    """p - t, at least -1 and at most 1"""
    return np.clip(p - t, -1.0, 1.0)


def _huber_curvature(p: Array, t: Array, d: Array) -> Array:
    """d where |p - t| ≤ 1, else 0"""
    return np.where(np.abs(p - t) <= 1.0, d, 0.0)


# Losses on probabilities divide by p and by 1 - p. Values, slopes and curvatures stop at the same
# numbers, LEAST and LEAST_REST, and so do the slopes of the outputs (see `output_activations.py`).
_LEAST_OF_ALL = 5e-324  # the least float64
_SMALL = 2.0**-10
_SQUARE_IS_0 = 1e-150  # below, p² has lost bits
_MOST = float(np.finfo(np.float64).max)


def _log(p: Array) -> Array:
    return np.log(np.maximum(p, _LEAST_OF_ALL))


def _log_of_rest(p: Array) -> Array:
    """ln(1 - p)"""
    rest = np.log(np.maximum(1.0 - p, LEAST_REST))
    return np.where(p < _SMALL, np.log1p(-np.minimum(p, _SMALL)), rest)


def _cross_entropy(p: Array, t: Array) -> Array:
    """-Σ [t ln p + (1 - t) ln(1 - p)], where each output is a probability of its own"""
    return -_total(t * _log(p) + (1.0 - t) * _log_of_rest(p))


def _cross_entropy_slope(p: Array, t: Array) -> Array:
    """(p - t) / (p (1 - p))"""
    divisor, rest = np.maximum(p, LEAST), np.maximum(1.0 - p, LEAST_REST)
    slope = (p - t) / (divisor * rest)
    at_an_end = (p < LEAST) | (p >= 1.0)
    if at_an_end.any():
        slope = np.where(at_an_end, (1.0 - t) / rest - t / divisor, slope)
    return np.asarray(slope)


def _cross_entropy_curvature(p: Array, t: Array, d: Array) -> Array:
    """(t / p² + (1 - t) / (1 - p)²) d"""
    divisor, rest = np.maximum(p, LEAST), np.maximum(1.0 - p, LEAST_REST)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        both = (t / (divisor * divisor) + (1.0 - t) / (rest * rest)) * d
        tiny = np.clip(t * (d / divisor) / divisor, -_MOST, _MOST) + (1.0 - t) * d
        return np.where(p > _SQUARE_IS_0, both, tiny)


def _sigmoid_cross_entropy(p: Array, t: Array) -> Array:
    """-Σ [t ln s + (1 - t) ln(1 - s)], s = 1 / (1 + e^-p), p the logits"""
    linear = np.where(p >= 0.0, p * (1.0 - t), -p * t)
    return _total(linear + np.log1p(np.exp(-np.abs(p))))


def _sigmoid_of_minus(size: Array) -> Array:
    """1 / (1 + e^size), size ≥ 0"""
    e = np.exp(-size)
    return np.asarray(e / (1.0 + e))


def _sigmoid_cross_entropy_slope(p: Array, t: Array) -> Array:
    """s - t, s = 1 / (1 + e^-p)"""
    rest = _sigmoid_of_minus(np.abs(p))
    return np.where(p >= 0.0, (1.0 - t) - rest, rest - t)


def _sigmoid_cross_entropy_curvature(p: Array, t: Array, d: Array) -> Array:
    """s (1 - s) d, s = 1 / (1 + e^-p)"""
    rest = _sigmoid_of_minus(np.abs(p))
    return np.asarray(rest * (1.0 - rest) * d)


class _Softmax:
    """The softmax of logits, and what is needed where one class is nearly sure.

    Attributes:
        shifted: The logits minus the greatest. Shape (batch, n_outputs).
        exponentials: e^shifted. Shape (batch, n_outputs).
        total: Their sum. Shape (batch, 1).
        first: The class of the greatest logit, one-hot. Shape (batch, n_outputs).
        rest: The sum of the others' exponentials. Shape (batch, 1).
        sure: Whether the rest is so small that total - 1 has lost bits. Shape (batch, 1).
    """

    def __init__(self, p: Array) -> None:
        self.shifted = p - np.max(p, axis=1, keepdims=True)
        self.exponentials = e = np.exp(self.shifted)
        self.total = _total(e)[:, None]
        self.first = np.arange(p.shape[1]) == np.argmax(p, axis=1)[:, None]
        self.rest = _total(np.where(self.first, 0.0, e))[:, None]
        self.sure = self.rest < _SMALL


def _softmax_cross_entropy(p: Array, t: Array) -> Array:
    """-Σ t ln softmax(p), p the logits"""
    s = _Softmax(p)
    log = np.where(s.sure, np.log1p(s.rest), np.log(s.total))
    return _total(t * (log - s.shifted))


def _softmax_cross_entropy_slope(p: Array, t: Array) -> Array:
    """softmax(p) Σt - t"""
    s = _Softmax(p)
    share = s.exponentials / s.total
    slope = share * _total(t)[:, None] - t
    if s.sure.any():  # for the nearly sure class this cancels
        others = _total(np.where(s.first, 0.0, t))[:, None]
        slope = np.where(s.sure & s.first, share * others - t * (s.rest / s.total), slope)
    return np.asarray(slope)


def _softmax_cross_entropy_curvature(p: Array, t: Array, d: Array) -> Array:
    """Σt (s d - s Σ(s d)), s = softmax(p)"""
    s = _Softmax(p)
    share = s.exponentials / s.total
    # a number that is added to all of d changes nothing, and this one avoids a cancellation
    d = np.where(s.sure, d - _total(np.where(s.first, d, 0.0))[:, None], d)
    return np.asarray(_total(t)[:, None] * share * (d - _total(share * d)[:, None]))


def _kl_divergence(p: Array, t: Array) -> Array:
    """Σ t ln(t / p), where the predictions are probabilities"""
    divisor = np.maximum(p, LEAST)
    apart = (t - p) / divisor
    logs = np.where(np.abs(apart) < _SMALL, np.log1p(np.clip(apart, -0.5, 0.5)), _log(t) - _log(p))
    return _total(t * logs)


def _kl_divergence_slope(p: Array, t: Array) -> Array:
    """-t / p"""
    return np.asarray(-t / np.maximum(p, LEAST))


def _kl_divergence_curvature(p: Array, t: Array, d: Array) -> Array:
    """t d / p²"""
    divisor = np.maximum(p, LEAST)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        tiny = np.clip(t * (d / divisor) / divisor, -_MOST, _MOST)
        return np.where(p > _SQUARE_IS_0, t / (divisor * divisor) * d, tiny)


def _outside(what: str, array: Array, advice: str) -> str | None:
    wrong = (array < 0.0) | (array > 1.0)
    if not wrong.any():
        return None
    return f"{what} must lie between 0 and 1, got {array[wrong][0]:g}{advice}"


def _probabilities(p: Array, t: Array) -> str | None:
    advice = (
        ": give the outputs the activation 'sigmoid', "
        "or use 'sigmoid_cross_entropy' or 'softmax_cross_entropy', which take logits"
    )
    return _outside("targets", t, "") or _outside("predictions", p, advice)


def _targets_are_probabilities(p: Array, t: Array) -> str | None:
    return _outside("targets", t, "")


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
    "squared_error": Loss(_squared, _squared_slope, _squared_curvature, rounding=0.0),
    "absolute_error": Loss(_absolute, _absolute_slope, _absolute_curvature, rounding=0.0),
    "huber": Loss(_huber, _huber_slope, _huber_curvature, rounding=0.0),
    "cross_entropy": Loss(
        _cross_entropy, _cross_entropy_slope, _cross_entropy_curvature, _probabilities
    ),
    "sigmoid_cross_entropy": Loss(
        _sigmoid_cross_entropy,
        _sigmoid_cross_entropy_slope,
        _sigmoid_cross_entropy_curvature,
        _targets_are_probabilities,
        threshold=0.0,
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
"""All losses by name.

For probabilities: `sigmoid_cross_entropy` of outputs that each say yes or no, and
`softmax_cross_entropy` of one of several classes. Both take logits, from outputs with the
activation "identity". `cross_entropy` and `kl_divergence` take probabilities, from outputs with the
activation "sigmoid"; they lose digits where an output is nearly sure.
"""

ORIGINALS = MappingProxyType(dict(LOSSES))  # users may add to the table, or replace some
BUILT_IN = tuple(ORIGINALS)
