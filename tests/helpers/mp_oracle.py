"""What a call of the package should give: in mpmath, from the definitions, one number after another.

`noise` tells how far rounding can move a result: each intermediate number is changed at random by some units of its
last place, and the whole is done again. So there are no bounds to derive, and none to get wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import mpmath
from mpmath import mp, mpf

import neuro_actors as na

mp.dps = 50
EPS = mpf(2) ** -52
TINY = mpf(2) ** -1074
FAR = 5000  # beyond it, functions with an exponential are at their limit

Function = Callable[[Any], Any]


def exp(z: Any) -> Any:
    """e^z, and 0 where no float64 comes near it."""
    return mp.exp(z) if z > -FAR else mpf(0)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + exp(-z)) if z > -FAR else mpf(0)


def sech2(z: Any) -> Any:
    return 4 * exp(-2 * abs(z)) / (1 + exp(-2 * abs(z))) ** 2


def gauss(z: Any) -> Any:
    return exp(-z * z / 2) / mp.sqrt(2 * mp.pi)


def ncdf(z: Any) -> Any:
    return mp.erfc(-z / mp.sqrt(2)) / 2 if abs(z) < FAR else mpf(z > 0)


def softplus(z: Any) -> Any:
    return max(z, mpf(0)) + mp.log1p(exp(-abs(z)))


ACTIVATIONS: dict[str, tuple[Function, Function, Function]] = {  # value, slope, curvature
    "identity": (lambda z: z, lambda z: mpf(1), lambda z: mpf(0)),
    "sigmoid": (
        sigmoid,
        lambda z: sigmoid(z) * sigmoid(-z),
        lambda z: -sigmoid(z) * sigmoid(-z) * mp.tanh(z / 2),
    ),
    "tanh": (mp.tanh, sech2, lambda z: -2 * mp.tanh(z) * sech2(z)),
    "relu": (lambda z: max(z, mpf(0)), lambda z: mpf(z > 0), lambda z: mpf(0)),
    "leaky_relu": (
        lambda z: z if z > 0 else z * mpf(0.01),
        lambda z: mpf(1) if z > 0 else mpf(0.01),
        lambda z: mpf(0),
    ),
    "softplus": (softplus, sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "elu": (
        lambda z: z if z > 0 else mp.expm1(max(z, mpf(-FAR))),
        lambda z: mpf(1) if z > 0 else exp(z),
        lambda z: mpf(0) if z > 0 else exp(z),
    ),
    "gelu": (
        lambda z: z * ncdf(z),
        lambda z: ncdf(z) + z * gauss(z),
        lambda z: (2 - z * z) * gauss(z),
    ),
    "sin": (mp.sin, mp.cos, lambda z: -mp.sin(z)),
}


def _softmax(p: list[Any]) -> list[Any]:
    top = max(p)
    e = [exp(one - top) for one in p]
    return [one / mp.fsum(e) for one in e]


def _minus_log_share(p: list[Any], k: int) -> Any:
    """-ln softmax(p)[k]"""
    return mp.log1p(mp.fsum(exp(one - p[k]) for j, one in enumerate(p) if j != k))


def _xlog(t: Any, p: Any) -> Any:
    return t * mp.log(p) if t else mpf(0)


# value(p, t), slope(p, t), curvature(p, t, d) of one example
LOSSES: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]] = {
    "squared_error": (
        lambda p, t: mp.fsum((a - b) ** 2 for a, b in zip(p, t, strict=True)),
        lambda p, t: [2 * (a - b) for a, b in zip(p, t, strict=True)],
        lambda p, t, d: [2 * one for one in d],
    ),
    "absolute_error": (
        lambda p, t: mp.fsum(abs(a - b) for a, b in zip(p, t, strict=True)),
        lambda p, t: [mpf(mp.sign(a - b)) for a, b in zip(p, t, strict=True)],
        lambda p, t, d: [mpf(0)] * len(d),
    ),
    "huber": (
        lambda p, t: mp.fsum(
            d * d / 2 if d <= 1 else d - mpf(1) / 2
            for d in (abs(a - b) for a, b in zip(p, t, strict=True))
        ),
        lambda p, t: [max(mpf(-1), min(mpf(1), a - b)) for a, b in zip(p, t, strict=True)],
        lambda p, t, d: [
            one if abs(a - b) <= 1 else mpf(0) for a, b, one in zip(p, t, d, strict=True)
        ],
    ),
    "cross_entropy": (
        lambda p, t: -mp.fsum(_xlog(b, a) + _xlog(1 - b, 1 - a) for a, b in zip(p, t, strict=True)),
        lambda p, t: [(a - b) / (a * (1 - a)) for a, b in zip(p, t, strict=True)],
        lambda p, t, d: [
            (b / a**2 + (1 - b) / (1 - a) ** 2) * one for a, b, one in zip(p, t, d, strict=True)
        ],
    ),
    "sigmoid_cross_entropy": (
        lambda p, t: mp.fsum(
            b * softplus(-a) + (1 - b) * softplus(a) for a, b in zip(p, t, strict=True)
        ),
        lambda p, t: [(1 - b) * sigmoid(a) - b * sigmoid(-a) for a, b in zip(p, t, strict=True)],
        lambda p, t, d: [sigmoid(a) * sigmoid(-a) * one for a, one in zip(p, d, strict=True)],
    ),
    "softmax_cross_entropy": (
        lambda p, t: mp.fsum(b * _minus_log_share(p, k) for k, b in enumerate(t) if b),
        lambda p, t: _softmax_slope(p, t),
        lambda p, t, d: _softmax_curvature(p, t, d),
    ),
    "kl_divergence": (
        lambda p, t: mp.fsum(_xlog(b, b) - _xlog(b, a) for a, b in zip(p, t, strict=True)),
        lambda p, t: [-b / a for a, b in zip(p, t, strict=True)],
        lambda p, t, d: [b * one / a**2 for a, b, one in zip(p, t, d, strict=True)],
    ),
}


def _softmax_slope(p: list[Any], t: list[Any]) -> list[Any]:
    """s Σt - t, without its cancellation."""
    s = _softmax(p)
    return [
        s[k] * (mp.fsum(t) - t[k]) - t[k] * mp.fsum(one for j, one in enumerate(s) if j != k)
        for k in range(len(p))
    ]


def _softmax_curvature(p: list[Any], t: list[Any], d: list[Any]) -> list[Any]:
    s = _softmax(p)
    return [
        mp.fsum(t) * a * mp.fsum(b * (one - other) for b, other in zip(s, d, strict=True))
        for a, one in zip(s, d, strict=True)
    ]


@dataclass
class Numbers:
    """The results of one evaluation."""

    loss: Any
    predictions: list[Any]
    weights: list[Any]
    biases: list[Any]
    inputs: list[Any]
    largest: Any = 0

    def flat(self) -> list[Any]:
        return [self.loss, *self.predictions, *self.weights, *self.biases, *self.inputs]


@dataclass
class Oracle:
    """A network, as mpmath evaluates it. `noise`: by how many units each number is changed."""

    network: na.Network
    noise: random.Random | None = None
    largest: Any = field(default_factory=lambda: mpf(0))

    def near(self, value: Any, units: int = 4) -> Any:
        """A number that was computed: exactly, or as rounding might leave it."""
        self.largest = max(self.largest, abs(value))
        if self.noise is None:
            return value
        draw = self.noise.uniform
        return value * (1 + units * EPS * draw(-1.0, 1.0)) + TINY * draw(-2.0, 2.0)

    def gradient(
        self,
        x: list[list[Any]],
        t: list[list[Any]],
        loss: str | None,
        weights: list[Any],
        biases: list[Any],
        direction: tuple[list[Any], list[Any]] | None = None,
    ) -> Numbers:
        """Loss, predictions and gradient of a batch; with a direction, the product instead."""
        net, batch = self.network, len(x)
        n, m = len(net.ids), len(net.weights)
        total = Numbers(mpf(0), [], [mpf(0)] * m, [mpf(0)] * n, [])
        for row, wanted in zip(x, t, strict=True):
            self._example(row, wanted, loss, weights, biases, direction, total)
        scale = mpf(1) / batch
        total.loss = self.near(total.loss * scale)
        for name in ("weights", "biases", "inputs"):
            setattr(total, name, [self.near(one * scale) for one in getattr(total, name)])
        total.largest = self.largest
        return total

    def _example(
        self,
        row: list[Any],
        wanted: list[Any],
        loss: str | None,
        weights: list[Any],
        biases: list[Any],
        direction: tuple[list[Any], list[Any]] | None,
        total: Numbers,
    ) -> None:
        net, near = self.network, self.near
        n = len(net.ids)
        dw, db = direction or ([mpf(0)] * len(weights), [mpf(0)] * n)
        order = sorted(range(n), key=net.level.__getitem__)
        inputs = [k for k in range(n) if net.is_input[k]]
        a, z, da, dz = ([mpf(0)] * n for _ in range(4))
        for value, k in zip(row, inputs, strict=True):
            a[k] = value
        synapses = {k: [int(s) for s in net.incoming.of(k)] for k in range(n)}
        functions = [ACTIVATIONS[name] for name in net.activations]
        for k in order:
            if net.is_input[k]:
                continue
            ends = [(s, int(net.sources[s])) for s in synapses[k]]
            z[k] = self._sum([*(near(weights[s] * a[j]) for s, j in ends), biases[k]])
            a[k] = near(functions[k][0](z[k]), 64)
            if direction:
                along = [near(dw[s] * a[j]) for s, j in ends]
                along += [near(weights[s] * da[j]) for s, j in ends]
                dz[k] = self._sum([*along, db[k]])
                da[k] = near(near(functions[k][1](z[k]), 64) * dz[k])
        outputs = [int(k) for k in net.output_positions]
        p = [a[k] for k in outputs]
        total.predictions += p
        if loss is None:
            return
        value, slope, curvature = LOSSES[loss]
        total.loss += near(value(p, wanted), 64)
        u, du = [mpf(0)] * n, [mpf(0)] * n
        for k, one in zip(outputs, slope(p, wanted), strict=True):
            u[k] += near(one, 64)
        if direction:
            for k, one in zip(outputs, curvature(p, wanted, [da[k] for k in outputs]), strict=True):
                du[k] += near(one, 64)
        for k in reversed(order):
            if net.is_input[k]:
                continue
            f1, f2 = near(functions[k][1](z[k]), 64), near(functions[k][2](z[k]), 64)
            v = near(u[k] * f1)
            dv = near(near(du[k] * f1) + near(near(u[k] * f2) * dz[k])) if direction else mpf(0)
            found, foundb = (dv, dv) if direction else (v, v)
            total.biases[k] = near(total.biases[k] + foundb)
            for s in synapses[k]:
                j = int(net.sources[s])
                term = near(found * a[j])
                if direction:
                    term = near(term + near(v * da[j]))
                    du[j] = near(du[j] + near(dw[s] * v) + near(weights[s] * dv))
                total.weights[s] = near(total.weights[s] + term)
                u[j] = near(u[j] + near(weights[s] * v))
        total.inputs += [u[k] for k in inputs]

    def _sum(self, terms: list[Any]) -> Any:
        total = mpf(0)
        for term in terms:
            total = self.near(total + term)
        return total


def learn(
    optimizer: na.SGD | na.Adam, p: list[Any], g: list[Any], state: list[Any], count: int, near: Any
) -> tuple[list[Any], list[Any]]:
    """One update by the definitions of SGD and Adam; `state` is a list of lists."""
    rate = optimizer.learning_rate
    rate = mpf(rate(count) if callable(rate) else rate)
    u = [-one for one in g]
    if optimizer.weight_decay:
        u = [near(a - near(mpf(optimizer.weight_decay) * b)) for a, b in zip(u, p, strict=True)]
    if isinstance(optimizer, na.SGD):
        if optimizer.momentum:
            old = state[0] if state else [mpf(0)] * len(p)
            u = [near(near(mpf(optimizer.momentum) * a) + b) for a, b in zip(old, u, strict=True)]
        return [near(a + near(rate * b)) for a, b in zip(p, u, strict=True)], [u]
    b1, b2 = mpf(optimizer.beta1), mpf(optimizer.beta2)
    mean, square = state or ([mpf(0)] * len(p), [mpf(0)] * len(p))
    mean = [near(near(b1 * a) + near((1 - b1) * b)) for a, b in zip(mean, u, strict=True)]
    square = [near(near(b2 * a) + near((1 - b2) * b * b)) for a, b in zip(square, u, strict=True)]
    new = []
    for a, m, s in zip(p, mean, square, strict=True):
        spread = near(mp.sqrt(abs(s) / (1 - b2**count)), 64) + mpf(optimizer.epsilon)
        new.append(near(a + near(near(rate / (1 - b1**count), 64) * near(m / spread, 64), 64)))
    return new, [mean, square]


__all__ = ["ACTIVATIONS", "LOSSES", "Numbers", "Oracle", "learn", "mpmath"]
