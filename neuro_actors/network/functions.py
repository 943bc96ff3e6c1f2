"""Activation functions and losses: two tables of (value, slope, curvature), to which users may add.

na.add_activation("cube", value=lambda z: z**3, slope=lambda z, a: 3 * z**2)
na.add_loss("fourth", value=lambda p, t: ((p - t) ** 4).sum(axis=1), slope=lambda p, t: 4 * (p - t) ** 3)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

import numpy as np

from ..support.errors import InputError
from ..support.text import shown
from ..support.validation import Array, did_you_mean, frozen
from .activations import ACTIVATIONS, Activation
from .losses import LOSSES, Loss

__all__ = ["ACTIVATIONS", "LOSSES", "Activation", "Loss", "activation", "add_activation", "add_loss", "check_curvature",
           "check_domain", "loss"]  # fmt: skip

_Entry = TypeVar("_Entry", Activation, Loss)


def _lookup(table: dict[str, _Entry], what: str, name: str) -> _Entry:
    try:
        return table[name]
    except (KeyError, TypeError):
        raise InputError(
            f"unknown {what} {shown(name)}: {did_you_mean(name, list(table))}"
        ) from None


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


def check_curvature(activations: Iterable[str | None], name: str) -> None:
    """Raise `InputError` if one of these activations, or the loss of that name, has no curvature."""
    for known in sorted(set(filter(None, activations))):  # an input has none
        if activation(known).curvature is None:
            advice = "na.add_activation(…, curvature=lambda z, a: …), the second derivative"
            raise InputError(
                f"a product with the Hessian needs the curvature of the activation {known!r}: {advice}"
            )
    if loss(name).curvature is None:
        advice = "na.add_loss(…, curvature=lambda p, t, d: …), the derivative of its slope along d"
        raise InputError(
            f"a product with the Hessian needs the curvature of the loss {shown(name)}: {advice}"
        )


def add_activation(
    name: str,
    value: Callable[[Array], Array],
    slope: Callable[[Array, Array], Array],
    initial: Literal["glorot", "he"] = "glorot",
    *,
    curvature: Callable[[Array, Array], Array] | None = None,
) -> None:
    """Add an activation function to the table, or replace one; see `Activation`. Raises `InputError` for a wrong shape."""
    _check_name(name)
    z = frozen(np.linspace(-1.0, 1.0, 5))
    a = frozen(_tried(name, "value(z)", lambda: value(z), z.shape))
    slopes = _tried(name, "slope(z, a)", lambda: slope(z, a), z.shape)
    for k in range(len(z)):
        one = slice(k, k + 1)
        alone = _tried(name, "value(z)", lambda one=one: value(z[one]), (1,))  # type: ignore[misc]
        steep = _tried(name, "slope(z, a)", lambda one=one: slope(z[one], a[one]), (1,))  # type: ignore[misc]
        if not (
            np.allclose(alone, a[one], equal_nan=True)
            and np.allclose(steep, slopes[one], equal_nan=True)
        ):
            raise InputError(
                f"{name}: value and slope must be elementwise, but one number depends on those beside it"
            )
    if curvature is not None:
        _tried(name, "curvature(z, a)", lambda: curvature(z, a), z.shape)
    if not isinstance(initial, str) or initial not in ("glorot", "he"):
        raise InputError(f"{name}: initial must be 'glorot' or 'he', got {shown(initial)}")
    ACTIVATIONS[name] = Activation(value, slope, curvature, initial)


def add_loss(
    name: str,
    value: Callable[[Array, Array], Array],
    slope: Callable[[Array, Array], Array],
    *,
    curvature: Callable[[Array, Array, Array], Array] | None = None,
) -> None:
    """Add a loss to the table, or replace one; see `Loss`. Raises `InputError` for a wrong shape."""
    _check_name(name)
    p, t = frozen(np.full((3, 2), 0.5)), frozen(np.full((3, 2), 0.25))
    _tried(name, "value(predictions, targets)", lambda: value(p, t), (3,))
    _tried(name, "slope(predictions, targets)", lambda: slope(p, t), (3, 2))
    if curvature is not None:
        _tried(
            name, "curvature(predictions, targets, direction)", lambda: curvature(p, t, p), (3, 2)
        )
    LOSSES[name] = Loss(value, slope, curvature)


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= 128 or not name.isprintable():
        raise InputError(f"a function's name is 1 to 128 printable characters, got {shown(name)}")


def _tried(name: str, call: str, function: Callable[[], Array], shape: tuple[int, ...]) -> Array:
    try:
        with np.errstate(all="ignore"):
            result = function()
    except Exception as error:
        raise InputError(f"{name}: {call} failed on a trial array: {shown(error)}") from error
    if not isinstance(result, np.ndarray) or result.shape != shape or result.dtype != np.float64:
        got = f"{result.dtype} {result.shape}" if isinstance(result, np.ndarray) else shown(result)
        raise InputError(
            f"{name}: {call} must return an array of float64, of shape {shape} on a trial array, got {got}"
        )
    return result
