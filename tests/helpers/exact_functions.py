"""Every activation function and loss of the tables, with its derivatives, in mpmath.

Nothing here cancels: mpmath's numbers have 60 digits, and each formula keeps them wherever z is.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import numpy as np

DIGITS = 60
LEAST, LEAST_REST = 2.0**-1022, 2.0**-54  # where losses on probabilities stop


def _sigmoid(z):
    return 1 / (1 + mp.exp(-z))


def _sigmoid_slope(z):
    e = mp.exp(-abs(z))
    return e / (1 + e) ** 2


def _sigmoid_curvature(z):
    return -_sigmoid_slope(z) * mp.tanh(z / 2)


def _tanh_slope(z):
    return mp.sech(z) ** 2


def _cdf(z):
    return mp.erfc(-z / mp.sqrt(2)) / 2


def _density(z):
    return mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)


ACTIVATIONS: dict[str, tuple[Callable, Callable, Callable]] = {
    "identity": (lambda z: z, lambda z: 1, lambda z: 0),
    "sigmoid": (_sigmoid, _sigmoid_slope, _sigmoid_curvature),
    "tanh": (mp.tanh, _tanh_slope, lambda z: -2 * mp.tanh(z) * _tanh_slope(z)),
    "relu": (lambda z: max(z, 0), lambda z: int(z > 0), lambda z: 0),
    "leaky_relu": (
        lambda z: z if z > 0 else z * mp.mpf(0.01),
        lambda z: 1 if z > 0 else mp.mpf(0.01),
        lambda z: 0,
    ),
    "softplus": (
        lambda z: max(z, 0) + mp.log1p(mp.exp(-abs(z))),
        _sigmoid,
        _sigmoid_slope,
    ),
    "elu": (
        lambda z: z if z > 0 else mp.expm1(z),
        lambda z: 1 if z > 0 else mp.exp(z),
        lambda z: 0 if z > 0 else mp.exp(z),
    ),
    "gelu": (
        lambda z: z * _cdf(z),
        lambda z: _cdf(z) + z * _density(z),
        lambda z: (2 - z * z) * _density(z),
    ),
    "sin": (mp.sin, mp.cos, lambda z: -mp.sin(z)),
    "silu": (
        lambda z: z * _sigmoid(z),
        lambda z: _sigmoid(z) * (1 + z * _sigmoid(-z)),
        lambda z: _sigmoid_slope(z) * (2 - z * mp.tanh(z / 2)),
    ),
    "softsign": (
        lambda z: z / (1 + abs(z)),
        lambda z: 1 / (1 + abs(z)) ** 2,
        lambda z: -2 * mp.sign(z) / (1 + abs(z)) ** 3,
    ),
    "hardtanh": (lambda z: max(-1, min(z, 1)), lambda z: int(abs(z) < 1), lambda z: 0),
    "hardsigmoid": (
        lambda z: max(0, min(z + 3, 6)) / mp.mpf(6),
        lambda z: mp.mpf(abs(z) < 3) / 6,
        lambda z: 0,
    ),
    "exp": (mp.exp, mp.exp, mp.exp),
    "log": (mp.log, lambda z: 1 / z, lambda z: -1 / z**2),
    "square": (lambda z: z**2, lambda z: 2 * z, lambda z: 2),
    "sqrt": (mp.sqrt, lambda z: 1 / (2 * mp.sqrt(z)), lambda z: -1 / (4 * z * mp.sqrt(z))),
    "rsqrt": (
        lambda z: 1 / mp.sqrt(z),
        lambda z: -1 / (2 * z * mp.sqrt(z)),
        lambda z: 3 / (4 * z**2 * mp.sqrt(z)),
    ),
    "reciprocal": (lambda z: 1 / z, lambda z: -1 / z**2, lambda z: 2 / z**3),
}
POSITIVE = "log", "sqrt", "rsqrt"  # the domain of these


# Each loss of one output: value, slope, curvature.
def _log(p):
    return mp.log(p) if p > 0 else mp.log(mp.mpf(5e-324))


def _rest(p):
    return max(1 - p, mp.mpf(LEAST_REST))


def _divisor(p):
    return max(p, mp.mpf(LEAST))


LOSSES: dict[str, tuple[Callable, Callable, Callable]] = {
    "squared_error": (lambda p, t: (p - t) ** 2, lambda p, t: 2 * (p - t), lambda p, t: 2),
    "absolute_error": (lambda p, t: abs(p - t), lambda p, t: mp.sign(p - t), lambda p, t: 0),
    "huber": (
        lambda p, t: (p - t) ** 2 / 2 if abs(p - t) <= 1 else abs(p - t) - mp.mpf(1) / 2,
        lambda p, t: max(min(p - t, 1), -1),
        lambda p, t: int(abs(p - t) <= 1),
    ),
    "cross_entropy": (
        lambda p, t: -(t * _log(p) + (1 - t) * (mp.log1p(-p) if p < 0.5 else mp.log(_rest(p)))),
        lambda p, t: (1 - t) / _rest(p) - t / _divisor(p),
        lambda p, t: (1 - t) / _rest(p) ** 2 + t / _divisor(p) ** 2,
    ),
    "sigmoid_cross_entropy": (
        lambda p, t: max(p, 0) - p * t + mp.log1p(mp.exp(-abs(p))),
        lambda p, t: (1 - t) * _sigmoid(p) - t * _sigmoid(-p),
        lambda p, t: _sigmoid_slope(p),
    ),
    "softmax_cross_entropy": (lambda p, t: 0, lambda p, t: 0, lambda p, t: 0),
    "kl_divergence": (
        lambda p, t: t * (_log(t) - _log(p)) if t else 0,
        lambda p, t: -t / _divisor(p),
        lambda p, t: t / _divisor(p) ** 2,
    ),
}
ON_PROBABILITIES = "cross_entropy", "kl_divergence"
ON_LOGITS = "sigmoid_cross_entropy", "softmax_cross_entropy"


def softmax(p, t):
    """The value and the slopes of `softmax_cross_entropy`, of one example; one-hot t loses nothing."""
    top, total = max(p), mp.fsum(t)
    e = [mp.exp(x - top) for x in p]
    rest = mp.fsum(x for k, x in enumerate(e) if k != p.index(top))
    log = mp.log1p(rest)
    value = mp.fsum(t[k] * (log - (p[k] - top)) for k in range(len(p)))
    slopes = []
    for k in range(len(p)):
        others = mp.fsum(x for j, x in enumerate(e) if j != k)
        slopes.append((e[k] * (total - t[k]) - t[k] * others) / (1 + rest))
    return value, slopes


def exact(function: Callable, *arguments) -> object:
    """The value of a function at float64 numbers, in mpmath."""
    with mp.workdps(DIGITS):
        return function(*map(mp.mpf, map(float, arguments)))


def domain(name: str, z: np.ndarray) -> np.ndarray:
    """Those of some signals at which a function is defined, and float64 can hold it."""
    if name in POSITIVE:
        return z[z > 0]
    if name == "reciprocal":
        return z[z != 0]
    return z[z < 709.0] if name == "exp" else z


def relative_error(found: float, right) -> float:
    """The error of a number in units of it; what a float64 near 0 cannot hold does not count."""
    with mp.workdps(DIGITS):
        if right and abs(right) > mp.mpf(1.79e308):
            return 0.0 if abs(found) > 1.79e308 else float("inf")
        apart = abs(mp.mpf(float(found)) - right)
        if apart <= 4 * mp.mpf(5e-324):
            return 0.0
        return float(apart / abs(right)) if right else float("inf")


def signals(n: int) -> np.ndarray:
    """Signals from -745 to 745: even, next to 0, next to the places where formulas change."""
    edges = [0.0, 2.0**-10, 2.0**-6, 1.0, 3.0, 4.5, 8.5, 17.0, 20.0, 27.6, 30.0, 36.0, 36.7, 36.8,
             37.5, 38.0, 40.0, 354.0, 373.0, 708.0, 709.8, 745.0, np.sqrt(2), np.sqrt(2) + 0.003,
             0.7517915246935645, 0.7517915246935645 + 2.0**-10, 0.753, 1.2784645427610737, 1.2784645427610737 + 2.0**-10,
             2.3993572805154675, 2.3993572805154675 + 2.0**-10, 700.0, np.pi / 2, np.pi, 100 * np.pi]  # fmt: skip
    around = [
        side(edge)
        for edge in edges
        for side in (lambda x: np.nextafter(x, -1e9), float, lambda x: np.nextafter(x, 1e9))
    ]
    small = np.geomspace(1e-300, 1.0, max(n // 8, 16))
    positive = np.concatenate(
        [np.linspace(0.0, 745.0, n), np.linspace(0.0, 45.0, n), small, np.clip(around, 0, 745)]
    )
    return np.unique(np.concatenate([-positive, positive]))
