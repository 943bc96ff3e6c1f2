"""The activation functions: value, slope and curvature of each.

Every function here is elementwise over float64 arrays of any shape. None of them raises a
floating-point warning, however large its argument is. Outside its domain, as ln at -1, it is NaN or
infinite, and the neuron refuses that.

Value, slope and curvature are right to 1e-12 of themselves wherever a float64 can hold them. A
slope such as a (1 - a) is cheap, but 1 - a has lost its bits where a is next to 1. So it is
computed from a where that is accurate, and from z elsewhere.

An output before a loss that divides by a probability is a special case: see
`output_activations.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from ..support.arrays import Array


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation function f, elementwise over arrays of signals z.

    Attributes:
        value: `value(z)` returns f(z), of the shape of z.
        slope: `slope(z, a)` returns f'(z). The argument a is f(z): with it the slope is often
            cheaper.
        curvature: `curvature(z, a)` returns f''(z). Only products with the Hessian need it. None:
            it is not known.
        initial: How weights before such a neuron are drawn: "glorot" (Glorot, Bengio 2010) or "he"
            (He et al. 2015).
        rounding: By how many eps, times the number itself, two kinds of machines may differ in a
            value or a slope of one argument. 0: not at all, as where only +, -, *, /, roots and
            comparisons are used. None: it is not known.
        range: The least and the greatest value that f can have; None: they are not known. Training
            refuses an output that goes beyond what its loss takes.

    Examples:
        >>> tanh = na.ACTIVATIONS["tanh"]
        >>> tanh.slope(np.zeros(1), tanh.value(np.zeros(1)))
        array([1.])
    """

    value: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]
    curvature: Callable[[Array, Array], Array] | None = None
    initial: Literal["glorot", "he"] = "glorot"
    rounding: float | None = None
    range: tuple[float, float] | None = None

    def before(self, loss: str | None) -> Activation:
        """Return the function whose slope and curvature belong beside those of a loss.

        Args:
            loss: The name of the step's loss.

        Returns:
            The function itself, except for an `OutputActivation`.
        """
        return self


_ONE = np.array(1.0)

# Farther out, 1 - a has lost so many bits that slopes are computed from z. Whether one is must
# depend on its own z alone, not on those beside it in the batch.
_FAR_SIGMOID = 8.5
FLAT_TANH = 2.0**-11  # the slope at about 4.5


# These cost a fifth of `min` and `max`, and of one example less: a neuron calls one in each step.
def _least(values: Array) -> float:
    if values.size == 1:
        return values.item()
    return values.item(values.argmin()) if values.size else 1.0


def _greatest(values: Array) -> float:
    if values.size == 1:
        return values.item()
    return values.item(values.argmax()) if values.size else 0.0


def _identity(z: Array) -> Array:
    """f(z) = z"""
    return z + 0.0


def _identity_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1"""
    slope = np.empty(z.shape)
    slope.fill(1.0)  # `ones_like` takes thrice as long, and most outputs call it in each step
    return slope


def _flat(z: Array, a: Array) -> Array:
    """f''(z) = 0"""
    return np.zeros_like(z)


def _sigmoid(z: Array) -> Array:
    """f(z) = 1 / (1 + e^-z)"""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


def _sigmoid_slope(z: Array, a: Array) -> Array:
    """f'(z) = a (1 - a)"""
    slope = a * (1.0 - a)
    if _greatest(z) > _FAR_SIGMOID:
        slope = np.where(z > _FAR_SIGMOID, a * _sigmoid(-z), slope)
    return slope


def _sigmoid_curvature(z: Array, a: Array) -> Array:
    """f''(z) = a (1 - a) (1 - 2a)"""
    # near 0 the difference cancels; it is -tanh(z / 2)
    turn = np.where(np.abs(z) < 2.0**-6, -np.tanh(0.5 * z), 1.0 - 2.0 * a)
    return _sigmoid_slope(z, a) * turn


def _tanh(z: Array) -> Array:
    """f(z) = tanh z"""
    return np.tanh(z)


def _tanh_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 - a²"""
    slope: Array = _ONE - a * a  # an array, which costs numpy less than a float
    if _least(slope) < FLAT_TANH:
        e = np.square(np.exp(-np.abs(z)))
        slope = np.where(slope < FLAT_TANH, 4.0 * e / ((1.0 + e) * (1.0 + e)), slope)
    return slope


def _tanh_curvature(z: Array, a: Array) -> Array:
    """f''(z) = -2a (1 - a²)"""
    return -2.0 * a * _tanh_slope(z, a)


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


def _softplus_curvature(z: Array, a: Array) -> Array:
    """f''(z) = s (1 - s), s = 1 / (1 + e^-z)"""
    return _sigmoid_slope(z, _sigmoid(z))


def _elu(z: Array) -> Array:
    """f(z) = z where z > 0, else e^z - 1   (Clevert, Unterthiner, Hochreiter 2016)"""
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0.0)))


def _elu_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 where z > 0, else e^z"""
    return np.exp(np.minimum(z, 0.0))


def _elu_curvature(z: Array, a: Array) -> Array:
    """f''(z) = 0 where z > 0, else e^z"""
    return np.where(z > 0, 0.0, np.exp(np.minimum(z, 0.0)))


_erf = np.frompyfunc(math.erf, 1, 1)  # numpy has no erf; this is the C library's
_erfc = np.frompyfunc(math.erfc, 1, 1)

# Each number is the sum of two float64: what is near it can be subtracted without an error.
_ROOT_OF_2 = 1.4142135623730951, -9.667293313452913e-17
_GELU_TURNS = -0.7517915246935645, 1.4956759177009883e-17  # there gelu' is 0
_GELU_SERIES = (0.4314939923140469, 0.388284982990552, -0.018199676398671087, -0.1140082332972217)


def _normal_cdf(z: Array) -> Array:
    scaled = z * math.sqrt(0.5)
    cdf = 0.5 * (1.0 + np.asarray(_erf(scaled), dtype=np.float64))
    if _least(z) < -3.0:  # 1 + erf cancels
        cdf = np.where(z < -3.0, 0.5 * np.asarray(_erfc(-scaled), dtype=np.float64), cdf)
    return np.asarray(cdf)


_FAR_GELU = 37.0  # farther out, Φ and φ are too small for all their bits before gelu is


def _far_density(z: Array, factor: Array) -> Array:
    """φ(z) · factor, φ the normal density: rounded once, where it may be less than all bits."""
    near = np.clip(z, -40.0, 40.0)  # farther out all is 0, and z² could overflow
    scale = math.exp(-40.0) / math.sqrt(2.0 * math.pi)
    return np.asarray(np.exp(40.0 - 0.5 * near * near) * factor * scale)


def _far_mills(z: Array) -> Array:
    """-z Φ(z) / φ(z), by its asymptotic series; for z ≤ -37 exact to 2e-15"""
    x = 1.0 / np.square(np.clip(z, -40.0, -_FAR_GELU))
    return np.asarray(1.0 - x * (1.0 - x * (3.0 - x * (15.0 - x * (105.0 - x * 945.0)))))


def _gelu(z: Array) -> Array:
    """f(z) = z Φ(z), Φ the normal distribution (Hendrycks, Gimpel 2016; exact, not by tanh)"""
    a = z * _normal_cdf(z)
    if _least(z) < -_FAR_GELU:
        a = np.where(z < -_FAR_GELU, -_far_density(z, _far_mills(z)), a)
    return np.asarray(a)


def _gelu_slope(z: Array, a: Array) -> Array:
    """f'(z) = Φ(z) + z φ(z), φ the normal density"""
    near = np.clip(z, -40.0, 40.0)  # farther out the density is 0, and z² could overflow
    slope = _normal_cdf(z) + near * np.exp(-0.5 * near * near) / math.sqrt(2.0 * math.pi)
    h = (z - _GELU_TURNS[0]) - _GELU_TURNS[1]
    here = np.abs(h) < 2.0**-10
    if here.any():  # the sum cancels; this is its Taylor series
        h, c = np.where(here, h, 0.0), _GELU_SERIES
        slope = np.where(here, h * (c[0] + h * (c[1] + h * (c[2] + h * c[3]))), slope)
    if _least(z) < -_FAR_GELU:
        factor = near - _far_mills(z) / np.minimum(near, -_FAR_GELU)
        slope = np.where(z < -_FAR_GELU, _far_density(z, factor), slope)
    return np.asarray(slope)


def _gelu_curvature(z: Array, a: Array) -> Array:
    """f''(z) = (2 - z²) φ(z), φ the normal density"""
    near = np.clip(z, -40.0, 40.0)
    square, size = near * near, np.abs(near)
    rest, (root, more) = 2.0 - square, _ROOT_OF_2
    rest = np.where(np.abs(rest) < 0.01, ((root - size) + more) * (root + size), rest)
    curvature = rest * np.exp(-0.5 * square) / math.sqrt(2.0 * math.pi)
    return np.where(size > _FAR_GELU, _far_density(z, rest), curvature)


def _sin(z: Array) -> Array:
    """f(z) = sin z"""
    return np.sin(z)


def _sin_slope(z: Array, a: Array) -> Array:
    """f'(z) = cos z"""
    return np.cos(z)


def _sin_curvature(z: Array, a: Array) -> Array:
    """f''(z) = -sin z"""
    return -a


def _silu(z: Array) -> Array:
    """f(z) = z / (1 + e^-z)   (Elfwing, Uchibe, Doya 2018)"""
    a = z * _sigmoid(z)
    if _least(z) < -_FAR_SILU:
        a = np.where(z < -_FAR_SILU, _far_exp(z, z), a)
    return np.asarray(a)


def _silu_slope(z: Array, a: Array) -> Array:
    """f'(z) = s (1 + z (1 - s)), s = 1 / (1 + e^-z)"""
    slope = _sigmoid(z) * (1.0 + z * _sigmoid(-z))
    h = (z - _SILU_TURNS[0]) - _SILU_TURNS[1]
    here = np.abs(h) < 2.0**-10
    if here.any():  # the sum cancels; this is its Taylor series
        h, c = np.where(here, h, 0.0), _SILU_SERIES
        slope = np.where(here, h * (c[0] + h * (c[1] + h * (c[2] + h * c[3]))), slope)
    if _least(z) < -_FAR_SILU:
        slope = np.where(z < -_FAR_SILU, _far_exp(z, 1.0 + z), slope)
    return np.asarray(slope)


def _silu_curvature(z: Array, a: Array) -> Array:
    """f''(z) = s (1 - s) (2 - z tanh(z / 2)), s = 1 / (1 + e^-z)"""
    size = np.abs(z)
    rest = 2.0 - size * np.tanh(0.5 * size)
    h = (size - _SILU_BENDS[0]) - _SILU_BENDS[1]
    here = np.abs(h) < 2.0**-10
    h, c = np.where(here, h, 0.0), _SILU_BEND_SERIES
    rest = np.where(here, h * (c[0] + h * h * (c[1] + h * c[2])), rest)
    s = _sigmoid(-size)
    near = s * (1.0 - s) * rest
    return np.where(size > _FAR_SILU, _far_exp(-size, 2.0 - size), near)


# Each of the first two is a sum of two float64, as that of gelu.
_SILU_TURNS = -1.2784645427610737, -1.0946994183093437e-16  # there silu' is 0
_SILU_SERIES = 0.2178117057198001, 0.1466487969969469, 0.018874814223782312, -0.015222655223188032
_SILU_BENDS = 2.3993572805154675, 1.8464872855353363e-16  # there silu'' is 0
_SILU_BEND_SERIES = -1.1996786402577337, 0.030510173388064096, -0.012715977581091808
_FAR_SILU = 700.0  # farther out, e^z is too small for all its bits before silu is


def _far_exp(z: Array, factor: Array) -> Array:
    """e^z · factor, z below -700: rounded once, where it may be less than all bits"""
    near = np.clip(z, -800.0, 0.0)  # farther out all is 0, and the factor could overflow
    scale = math.exp(-64.0)
    return np.asarray(np.exp(near + 64.0) * np.clip(factor, -802.0, 802.0) * scale)


def _softsign(z: Array) -> Array:
    """f(z) = z / (1 + |z|)"""
    return z / (1.0 + np.abs(z))


def _softsign_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 / (1 + |z|)²"""
    share = 1.0 / (1.0 + np.abs(z))
    return share * share


def _softsign_curvature(z: Array, a: Array) -> Array:
    """f''(z) = -2 sign(z) / (1 + |z|)³"""
    share = 1.0 / (1.0 + np.abs(z))
    return -2.0 * np.sign(z) * share * share * share


def _hardtanh(z: Array) -> Array:
    """f(z) = z where |z| < 1, else sign(z)"""
    return np.clip(z, -1.0, 1.0)


def _hardtanh_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 where |z| < 1, else 0"""
    return (np.abs(z) < 1.0).astype(np.float64)


def _hardsigmoid(z: Array) -> Array:
    """f(z) = (3 + z) / 6 where |z| < 3, else (1 + sign(z)) / 2"""
    return np.clip(3.0 + np.clip(z, -3.0, 3.0), 0.0, 6.0) / 6.0


def _hardsigmoid_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1/6 where |z| < 3, else 0"""
    return np.where(np.abs(z) < 3.0, 1.0 / 6.0, 0.0)


# --- powers, exp and log: what gates and norms are made of ----------------------------------------

_quiet = np.errstate(all="ignore")  # NaN and infinity are what they should give out there


@_quiet
def _exp(z: Array) -> Array:
    """f(z) = e^z"""
    return np.exp(z)


@_quiet
def _exp_slope(z: Array, a: Array) -> Array:
    """f'(z) = f''(z) = e^z"""
    return a + 0.0


@_quiet
def _log(z: Array) -> Array:
    """f(z) = ln z"""
    return np.log(z)


@_quiet
def _log_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 / z"""
    return np.where(z < 0, np.nan, 1.0 / z)


@_quiet
def _log_curvature(z: Array, a: Array) -> Array:
    """f''(z) = -1 / z²"""
    return np.where(z < 0, np.nan, -1.0 / z / z)


@_quiet
def _square(z: Array) -> Array:
    """f(z) = z²"""
    return np.square(z)


@_quiet
def _square_slope(z: Array, a: Array) -> Array:
    """f'(z) = 2z"""
    return 2.0 * z


def _square_curvature(z: Array, a: Array) -> Array:
    """f''(z) = 2"""
    return np.full(z.shape, 2.0)


@_quiet
def _sqrt(z: Array) -> Array:
    """f(z) = √z"""
    return np.sqrt(z)


@_quiet
def _sqrt_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 / (2 √z)"""
    return 0.5 / a


@_quiet
def _sqrt_curvature(z: Array, a: Array) -> Array:
    """f''(z) = -1 / (4 z √z)"""
    return -0.25 / a / z


@_quiet
def _rsqrt(z: Array) -> Array:
    """f(z) = 1 / √z"""
    return 1.0 / np.sqrt(z)


@_quiet
def _rsqrt_slope(z: Array, a: Array) -> Array:
    """f'(z) = -1 / (2 z √z)"""
    return -0.5 * a / z


@_quiet
def _rsqrt_curvature(z: Array, a: Array) -> Array:
    """f''(z) = 3 / (4 z² √z)"""
    return 0.75 * a / z / z


@_quiet
def _reciprocal(z: Array) -> Array:
    """f(z) = 1 / z"""
    return 1.0 / z


@_quiet
def _reciprocal_slope(z: Array, a: Array) -> Array:
    """f'(z) = -1 / z²"""
    return -1.0 / z / z


@_quiet
def _reciprocal_curvature(z: Array, a: Array) -> Array:
    """f''(z) = 2 / z³"""
    return 2.0 / z / z / z


_ALL, _FROM_0 = (-math.inf, math.inf), (0.0, math.inf)
_FEW = 64.0  # a library may err by 4 eps, and two by 8; and it is several functions of the library

ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(_identity, _identity_slope, _flat, rounding=0.0, range=_ALL),
    "sigmoid": Activation(
        _sigmoid, _sigmoid_slope, _sigmoid_curvature, rounding=_FEW, range=(0.0, 1.0)
    ),
    "tanh": Activation(_tanh, _tanh_slope, _tanh_curvature, rounding=_FEW, range=(-1.0, 1.0)),
    "relu": Activation(_relu, _relu_slope, _flat, "he", 0.0, _FROM_0),
    "leaky_relu": Activation(_leaky_relu, _leaky_relu_slope, _flat, "he", 0.0, _ALL),
    "softplus": Activation(_softplus, _softplus_slope, _softplus_curvature, "he", _FEW, _FROM_0),
    "elu": Activation(_elu, _elu_slope, _elu_curvature, "he", _FEW, (-1.0, math.inf)),
    "gelu": Activation(_gelu, _gelu_slope, _gelu_curvature, "he", range=(-0.17, math.inf)),
    "sin": Activation(_sin, _sin_slope, _sin_curvature, range=(-1.0, 1.0)),
    "silu": Activation(_silu, _silu_slope, _silu_curvature, "he", _FEW, (-0.28, math.inf)),
    "softsign": Activation(
        _softsign, _softsign_slope, _softsign_curvature, rounding=0.0, range=(-1.0, 1.0)
    ),
    "hardtanh": Activation(_hardtanh, _hardtanh_slope, _flat, rounding=0.0, range=(-1.0, 1.0)),
    "hardsigmoid": Activation(
        _hardsigmoid, _hardsigmoid_slope, _flat, rounding=0.0, range=(0.0, 1.0)
    ),
    "exp": Activation(_exp, _exp_slope, _exp_slope, rounding=_FEW, range=_FROM_0),
    "log": Activation(_log, _log_slope, _log_curvature, rounding=_FEW, range=_ALL),
    "square": Activation(_square, _square_slope, _square_curvature, rounding=0.0, range=_FROM_0),
    "sqrt": Activation(_sqrt, _sqrt_slope, _sqrt_curvature, rounding=0.0, range=_FROM_0),
    "rsqrt": Activation(_rsqrt, _rsqrt_slope, _rsqrt_curvature, rounding=0.0, range=_FROM_0),
    "reciprocal": Activation(
        _reciprocal, _reciprocal_slope, _reciprocal_curvature, rounding=0.0, range=_ALL
    ),
}

ORIGINALS = MappingProxyType(dict(ACTIVATIONS))  # users may add to the table, or replace some
BUILT_IN = tuple(ORIGINALS)
