"""The activation functions of outputs before a loss on probabilities.

A loss on probabilities divides by p and by 1 - p, and p is all that it knows of an output. Near 1
there are few float64 numbers. So 1 - p differs from e^-z: by 1e-3 of itself at z = 30, and at
z = 37 it is 0. The output's slope multiplies by what the loss divided by. If the slope were more
accurate than that divisor, the product would be wrong, up to 100 %.

So before such a loss an output takes its slope from p, as it was sent, and both stop at the same
numbers, LEAST and LEAST_REST. Then the gradient of a sigmoid's signal by cross_entropy is
p - t, whatever z is. A loss of a user's own may divide, too, so it is treated like this. It costs
1e-16 of the urgency, no more. Other neurons, and outputs before other losses, take f'(z).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from ..support.arrays import Array
from .activations import ACTIVATIONS, FLAT_TANH, Activation


@dataclass(frozen=True, slots=True)
class OutputActivation(Activation):
    """The activation function of an output. Its slope depends on the loss that follows.

    Attributes:
        sent: The function with the slope and curvature that are computed from the activation that
            was sent. Its values are the same.
        beside: The function that belongs beside a loss, by the name of the loss. Beside another
            loss, of a user, it is `sent`.
    """

    sent: Activation | None = None
    beside: Mapping[str, Activation] = field(default_factory=dict)

    def before(self, loss: str | None) -> Activation:
        """See `Activation.before`."""
        found = self if loss is None else self.beside.get(loss, self.sent)
        return self if found is None else found


LEAST = 2.0**-1022  # the least probability that such a loss divides by
LEAST_REST = 2.0**-54  # of 1 minus a probability: half of what 1 - a can be beside 1

Slope: TypeAlias = Callable[[Array, Array], Array]
_SIGMOID, _TANH, _SOFTPLUS = (ACTIVATIONS[name] for name in ("sigmoid", "tanh", "softplus"))


def _sent_sigmoid_slope(z: Array, a: Array) -> Array:
    """a (1 - a), of the activation that was sent"""
    return np.maximum(a, LEAST) * np.maximum(1.0 - a, LEAST_REST)


def _sent_sigmoid_curvature(z: Array, a: Array) -> Array:
    """a (1 - a) (1 - 2a), of the activation that was sent"""
    return _sent_sigmoid_slope(z, a) * (1.0 - 2.0 * a)


def _sent_tanh_slope(z: Array, a: Array) -> Array:
    """(1 - |a|) (1 + |a|), of the activation that was sent"""
    slope, size = _TANH.slope(z, a), np.abs(a)
    beside = np.maximum(1.0 - size, LEAST_REST) * (1.0 + size)
    return np.where(slope < FLAT_TANH, beside, slope)


def _sent_tanh_curvature(z: Array, a: Array) -> Array:
    """-2a (1 - |a|) (1 + |a|), of the activation that was sent"""
    return -2.0 * a * _sent_tanh_slope(z, a)


def _sigmoid_slope_above_0(z: Array, a: Array) -> Array:
    return np.maximum(_SIGMOID.slope(z, a), LEAST)


def _sigmoid_curvature_above_0(z: Array, a: Array) -> Array:
    return np.maximum(_SIGMOID.slope(z, a), LEAST) * (1.0 - 2.0 * a)


def _softplus_slope_above_0(z: Array, a: Array) -> Array:
    return np.maximum(_SOFTPLUS.slope(z, a), LEAST)


def _softplus_curvature_above_0(z: Array, a: Array) -> Array:
    return np.maximum(_SIGMOID.slope(z, _SIGMOID.value(z)), LEAST)


_NOT_DIVIDING = (
    "squared_error",
    "absolute_error",
    "huber",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
)


def _own(f: Activation, slope: Slope, curvature: Slope) -> Activation:
    return Activation(f.value, slope, curvature, rounding=f.rounding)


def _output(
    f: Activation, sent: Activation, **beside: Activation
) -> tuple[Activation, OutputActivation]:
    known = {**dict.fromkeys(_NOT_DIVIDING, f), **beside}
    return f, OutputActivation(
        f.value, f.slope, f.curvature, f.initial, f.rounding, f.range, sent=sent, beside=known
    )


OUTPUTS: dict[str, tuple[Activation, OutputActivation]] = {
    "sigmoid": _output(
        _SIGMOID,
        _own(_SIGMOID, _sent_sigmoid_slope, _sent_sigmoid_curvature),
        kl_divergence=_own(_SIGMOID, _sigmoid_slope_above_0, _sigmoid_curvature_above_0),
    ),
    "tanh": _output(_TANH, _own(_TANH, _sent_tanh_slope, _sent_tanh_curvature)),
    "softplus": _output(
        _SOFTPLUS, _own(_SOFTPLUS, _softplus_slope_above_0, _softplus_curvature_above_0)
    ),
}
