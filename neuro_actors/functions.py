"""Activation functions and losses: two tables of (value, slope), to which users may add.

    na.add_activation("cube", value=lambda z: z**3, slope=lambda z, a: 3 * z**2)
    na.add_loss("fourth", value=lambda p, t: ((p - t) ** 4).sum(axis=1), slope=lambda p, t: 4 * (p - t) ** 3)

Every function here is elementwise over arrays of any shape (activations), or row by row over arrays of shape
(batch, n_outputs) (losses), in float64, and raises no floating-point warning however far out its argument lies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from .arrays import Array, did_you_mean, frozen
from .errors import InputError


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation function f.

    value(z):    f(z), of the shape of z.
    slope(z, a): f'(z); a = f(z) is handed over because it often makes the slope cheaper.
    initial:     how weights before such a neuron are drawn: "glorot" (Glorot, Bengio 2010) or "he" (He et al. 2015).
    """

    value: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]
    initial: Literal["glorot", "he"] = "glorot"


@dataclass(frozen=True, slots=True)
class Loss:
    """A penalty on predictions p against targets t, both (batch, n_outputs).

    value(p, t): the penalty of each example, (batch,).
    slope(p, t): its derivative by each prediction, (batch, n_outputs); the urgency is minus this.
    domain:      the predictions and the targets that it is defined for; None where all are.
    """

    value: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]
    domain: Callable[[Array, Array], str | None] | None = None


# --- activations -------------------------------------------------------------------------------------------------


_ONE = np.array(1.0)


def _identity(z: Array) -> Array:
    """f(z) = z"""
    return z + 0.0


def _identity_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1"""
    return np.ones_like(z)


def _sigmoid(z: Array) -> Array:
    """f(z) = 1 / (1 + e^-z)"""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


def _sigmoid_slope(z: Array, a: Array) -> Array:
    """f'(z) = a (1 - a)"""
    return a * (1.0 - a)


def _tanh(z: Array) -> Array:
    """f(z) = tanh z"""
    return np.tanh(z)


def _tanh_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 - a²"""
    return _ONE - a * a  # an array, which costs numpy less than a float


def _relu(z: Array) -> Array:
    """f(z) = max(z, 0)"""
    return np.maximum(z, 0.0)


def _relu_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 where z > 0, else 0"""
    return (z > 0).astype(np.float64)


def _leaky_relu(z: Array) -> Array:
    """f(z) = z where z > 0, else z / 100"""
    return np.where(z > 0, z, 0.01 * z)


def _leaky_relu_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 where z > 0, else 1 / 100"""
    return np.where(z > 0, 1.0, 0.01)


def _softplus(z: Array) -> Array:
    """f(z) = ln(1 + e^z)"""
    return np.logaddexp(0.0, z)


def _softplus_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 / (1 + e^-z)"""
    return _sigmoid(z)


def _elu(z: Array) -> Array:
    """f(z) = z where z > 0, else e^z - 1   (Clevert, Unterthiner, Hochreiter 2016)"""
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0.0)))


def _elu_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 where z > 0, else e^z"""
    return np.exp(np.minimum(z, 0.0))


_erf = np.frompyfunc(math.erf, 1, 1)  # numpy has none; the C library's, element by element


def _normal_cdf(z: Array) -> Array:
    return 0.5 * (1.0 + np.asarray(_erf(z * math.sqrt(0.5)), dtype=np.float64))


def _gelu(z: Array) -> Array:
    """f(z) = z Φ(z), Φ the normal distribution function (Hendrycks, Gimpel 2016; exact, not by tanh)"""
    return z * _normal_cdf(z)


def _gelu_slope(z: Array, a: Array) -> Array:
    """f'(z) = Φ(z) + z φ(z), φ the normal density"""
    near = np.clip(z, -40.0, 40.0)  # beyond, the density is zero anyway and z² could overflow
    return _normal_cdf(z) + near * np.exp(-0.5 * near * near) / math.sqrt(2.0 * math.pi)


def _sin(z: Array) -> Array:
    """f(z) = sin z"""
    return np.sin(z)


def _sin_slope(z: Array, a: Array) -> Array:
    """f'(z) = cos z"""
    return np.cos(z)


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(_identity, _identity_slope),
    "sigmoid": Activation(_sigmoid, _sigmoid_slope),
    "tanh": Activation(_tanh, _tanh_slope),
    "relu": Activation(_relu, _relu_slope, "he"),
    "leaky_relu": Activation(_leaky_relu, _leaky_relu_slope, "he"),
    "softplus": Activation(_softplus, _softplus_slope, "he"),
    "elu": Activation(_elu, _elu_slope, "he"),
    "gelu": Activation(_gelu, _gelu_slope, "he"),
    "sin": Activation(_sin, _sin_slope),
}

# --- losses ------------------------------------------------------------------------------------------------------


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


def _absolute(p: Array, t: Array) -> Array:
    """Σ |p - t|"""
    return _total(np.abs(p - t))


def _absolute_slope(p: Array, t: Array) -> Array:
    """sign(p - t), 0 where they are equal"""
    return np.sign(p - t)


def _huber(p: Array, t: Array) -> Array:
    """Σ of d²/2 where |d| ≤ 1, else |d| - 1/2, d = p - t   (Huber 1964, δ = 1)"""
    d = np.abs(p - t)
    near = np.minimum(d, 1.0)
    return _total(near * (d - 0.5 * near))


def _huber_slope(p: Array, t: Array) -> Array:
    """p - t, at least -1 and at most 1"""
    return np.clip(p - t, -1.0, 1.0)


# A probability that has rounded to 0 or 1 would cost infinitely much: logarithms stop at -100 and divisors at 1e-12.
_LEAST_LOG, _LEAST_DIVISOR = -100.0, 1e-12


def _log(p: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(np.maximum(p, 0.0)), _LEAST_LOG)


def _cross_entropy(p: Array, t: Array) -> Array:
    """-Σ t ln p + (1 - t) ln(1 - p), each output a probability of its own"""
    return -_total(t * _log(p) + (1.0 - t) * _log(1.0 - p))


def _cross_entropy_slope(p: Array, t: Array) -> Array:
    """(p - t) / (p (1 - p))"""
    return (p - t) / np.maximum(p * (1.0 - p), _LEAST_DIVISOR)


def _softmax_cross_entropy(p: Array, t: Array) -> Array:
    """-Σ t ln softmax(p), p the logits"""
    shifted = p - np.max(p, axis=1, keepdims=True)
    return _total(t * (np.log(_total(np.exp(shifted))[:, None]) - shifted))


def _softmax_cross_entropy_slope(p: Array, t: Array) -> Array:
    """softmax(p) Σt - t"""
    e = np.exp(p - np.max(p, axis=1, keepdims=True))
    return np.asarray(e / _total(e)[:, None] * _total(t)[:, None] - t)


def _kl_divergence(p: Array, t: Array) -> Array:
    """Σ t ln(t / p), the predictions being probabilities"""
    return _total(t * (_log(t) - _log(p)))


def _kl_divergence_slope(p: Array, t: Array) -> Array:
    """-t / p"""
    return np.asarray(-t / np.maximum(p, _LEAST_DIVISOR))


def _outside(what: str, array: Array, advice: str) -> str | None:
    wrong = (array < 0.0) | (array > 1.0)
    return f"{what} must lie between 0 and 1, got {array[wrong][0]:g}{advice}" if wrong.any() else None


def _probabilities(p: Array, t: Array) -> str | None:
    advice = ": give the outputs the activation 'sigmoid', or use 'softmax_cross_entropy', which takes logits"
    return _outside("targets", t, "") or _outside("predictions", p, advice)


def _distributions(p: Array, t: Array) -> str | None:
    sums = _total(t)
    wrong = np.abs(sums - 1.0) > 1e-6
    if wrong.any():
        return f"each row of targets must be class probabilities that sum to 1; one sums to {sums[wrong][0]:g}"
    return _outside("targets", t, "")


LOSSES: dict[str, Loss] = {
    "squared_error": Loss(_squared, _squared_slope),
    "absolute_error": Loss(_absolute, _absolute_slope),
    "huber": Loss(_huber, _huber_slope),
    "cross_entropy": Loss(_cross_entropy, _cross_entropy_slope, _probabilities),
    "softmax_cross_entropy": Loss(_softmax_cross_entropy, _softmax_cross_entropy_slope, _distributions),
    "kl_divergence": Loss(_kl_divergence, _kl_divergence_slope, _probabilities),
}

# --- the tables --------------------------------------------------------------------------------------------------

_Entry = TypeVar("_Entry", Activation, Loss)


def _lookup(table: dict[str, _Entry], what: str, name: str) -> _Entry:
    try:
        return table[name]
    except (KeyError, TypeError):
        raise InputError(f"unknown {what} {name!r}: {did_you_mean(name, list(table))}") from None


def activation(name: str) -> Activation:
    """The activation function of that name; raises `InputError` if there is none."""
    return _lookup(ACTIVATIONS, "activation", name)


def loss(name: str) -> Loss:
    """The loss of that name; raises `InputError` if there is none."""
    return _lookup(LOSSES, "loss", name)


def check_domain(name: str, predictions: Array, targets: Array) -> None:
    """Raise `InputError` where the loss of that name is not defined for these, both (batch, n_outputs)."""
    domain = loss(name).domain
    if domain is not None and (complaint := domain(predictions, targets)):
        raise InputError(f"{name}: {complaint}")


def add_activation(
    name: str,
    value: Callable[[Array], Array],
    slope: Callable[[Array, Array], Array],
    initial: Literal["glorot", "he"] = "glorot",
) -> None:
    """Add an activation function to the table, or replace one; see `Activation`. Raises `InputError` for a wrong shape."""
    z = frozen(np.linspace(-1.0, 1.0, 5))
    a = frozen(_tried(name, "value(z)", lambda: value(z), z.shape))
    slopes = _tried(name, "slope(z, a)", lambda: slope(z, a), z.shape)
    for k in range(len(z)):
        one = slice(k, k + 1)
        alone = _tried(name, "value(z)", lambda one=one: value(z[one]), (1,))  # type: ignore[misc]
        steep = _tried(name, "slope(z, a)", lambda one=one: slope(z[one], a[one]), (1,))  # type: ignore[misc]
        if not (np.allclose(alone, a[one], equal_nan=True) and np.allclose(steep, slopes[one], equal_nan=True)):
            raise InputError(f"{name}: value and slope must be elementwise, but one number depends on those beside it")
    if initial not in ("glorot", "he"):
        raise InputError(f"{name}: initial must be 'glorot' or 'he', got {initial!r}")
    ACTIVATIONS[name] = Activation(value, slope, initial)


def add_loss(name: str, value: Callable[[Array, Array], Array], slope: Callable[[Array, Array], Array]) -> None:
    """Add a loss to the table, or replace one; see `Loss`. Raises `InputError` for a wrong shape."""
    p, t = frozen(np.full((3, 2), 0.5)), frozen(np.full((3, 2), 0.25))
    _tried(name, "value(predictions, targets)", lambda: value(p, t), (3,))
    _tried(name, "slope(predictions, targets)", lambda: slope(p, t), (3, 2))
    LOSSES[name] = Loss(value, slope)


def _tried(name: str, call: str, function: Callable[[], Array], shape: tuple[int, ...]) -> Array:
    try:
        with np.errstate(all="ignore"):
            result = function()
    except Exception as error:
        raise InputError(f"{name}: {call} failed on a trial array: {error!r}") from error
    if not isinstance(result, np.ndarray) or result.shape != shape or result.dtype != np.float64:
        got = f"{result.dtype} {result.shape}" if isinstance(result, np.ndarray) else repr(result)
        raise InputError(f"{name}: {call} must return an array of float64, of shape {shape} on a trial array, got {got}")
    return result
