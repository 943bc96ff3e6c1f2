"""The activation functions: value, slope and curvature of each.

Every function here is elementwise over float64 arrays of any shape. None of them raises a
floating-point warning, however large its argument is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..support.validation import Array


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

    Examples:
        >>> tanh = na.ACTIVATIONS["tanh"]
        >>> tanh.slope(np.zeros(1), tanh.value(np.zeros(1)))
        array([1.])
    """

    value: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]
    curvature: Callable[[Array, Array], Array] | None = None
    initial: Literal["glorot", "he"] = "glorot"


_ONE = np.array(1.0)


def _identity(z: Array) -> Array:
    """f(z) = z"""
    return z + 0.0


def _identity_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1"""
    return np.ones_like(z)


def _flat(z: Array, a: Array) -> Array:
    """f''(z) = 0"""
    return np.zeros_like(z)


def _sigmoid(z: Array) -> Array:
    """f(z) = 1 / (1 + e^-z)"""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


def _sigmoid_slope(z: Array, a: Array) -> Array:
    """f'(z) = a (1 - a)"""
    return a * (1.0 - a)


def _sigmoid_curvature(z: Array, a: Array) -> Array:
    """f''(z) = a (1 - a) (1 - 2a)"""
    return a * (1.0 - a) * (1.0 - 2.0 * a)


def _tanh(z: Array) -> Array:
    """f(z) = tanh z"""
    return np.tanh(z)


def _tanh_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 - a²"""
    return _ONE - a * a  # an array, which costs numpy less than a float


def _tanh_curvature(z: Array, a: Array) -> Array:
    """f''(z) = -2a (1 - a²)"""
    return -2.0 * a * (1.0 - a * a)


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
    s = _sigmoid(z)
    return s * (1.0 - s)


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


def _normal_cdf(z: Array) -> Array:
    return 0.5 * (1.0 + np.asarray(_erf(z * math.sqrt(0.5)), dtype=np.float64))


def _gelu(z: Array) -> Array:
    """f(z) = z Φ(z), Φ the normal distribution (Hendrycks, Gimpel 2016; exact, not by tanh)"""
    return z * _normal_cdf(z)


def _gelu_slope(z: Array, a: Array) -> Array:
    """f'(z) = Φ(z) + z φ(z), φ the normal density"""
    near = np.clip(z, -40.0, 40.0)  # farther out the density is 0, and z² could overflow
    return _normal_cdf(z) + near * np.exp(-0.5 * near * near) / math.sqrt(2.0 * math.pi)


def _gelu_curvature(z: Array, a: Array) -> Array:
    """f''(z) = (2 - z²) φ(z), φ the normal density"""
    near = np.clip(z, -40.0, 40.0)
    square = near * near
    return (2.0 - square) * np.exp(-0.5 * square) / math.sqrt(2.0 * math.pi)


def _sin(z: Array) -> Array:
    """f(z) = sin z"""
    return np.sin(z)


def _sin_slope(z: Array, a: Array) -> Array:
    """f'(z) = cos z"""
    return np.cos(z)


def _sin_curvature(z: Array, a: Array) -> Array:
    """f''(z) = -sin z"""
    return -a


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(_identity, _identity_slope, _flat),
    "sigmoid": Activation(_sigmoid, _sigmoid_slope, _sigmoid_curvature),
    "tanh": Activation(_tanh, _tanh_slope, _tanh_curvature),
    "relu": Activation(_relu, _relu_slope, _flat, "he"),
    "leaky_relu": Activation(_leaky_relu, _leaky_relu_slope, _flat, "he"),
    "softplus": Activation(_softplus, _softplus_slope, _softplus_curvature, "he"),
    "elu": Activation(_elu, _elu_slope, _elu_curvature, "he"),
    "gelu": Activation(_gelu, _gelu_slope, _gelu_curvature, "he"),
    "sin": Activation(_sin, _sin_slope, _sin_curvature),
}

BUILT_IN = tuple(ACTIVATIONS)  # users may add others to the table
