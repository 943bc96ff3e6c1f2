"""Activation functions, combinations and losses: tables of value, slope, curvature; users may add.

na.add_activation("cube", value=lambda z: z**3, slope=lambda z, a: 3 * z**2)
na.add_loss(
    "fourth",
    value=lambda p, t: ((p - t) ** 4).sum(axis=1),
    slope=lambda p, t: 4 * (p - t) ** 3,
)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, TypeAlias, TypeVar

import numpy as np

from ..support.arrays import Array, freeze
from ..support.errors import InputError
from ..support.hints import explains_arguments
from ..support.scalars import as_number
from ..support.signal_exceptions import is_from_handler, passes_handler_exceptions
from ..support.text import quote
from ..support.validation import as_flag
from .activations import ACTIVATIONS, Activation
from .combinations import COMBINATIONS, Combination
from .dropout import read_dropout
from .function_names import suggest_activation, suggest_combination, suggest_loss
from .known_identity import known_identity
from .losses import LOSSES, Loss
from .masks import rows_that_count, skip_masked
from .output_activations import OUTPUTS
from .own_functions import check_parts, guarded, is_own
from .slope_check import check_slopes

__all__ = [
    "ACTIVATIONS",
    "COMBINATIONS",
    "LOSSES",
    "Activation",
    "Combination",
    "Loss",
    "activation",
    "add_activation",
    "add_combination",
    "add_loss",
    "check_curvature",
    "check_domain",
    "check_in_parts",
    "check_outputs",
    "combination",
    "loss",
    "losses_of",
    "output_activation",
    "sum_positions",
    "use_activations",
]

_Entry = TypeVar("_Entry", Activation, Combination, Loss)
_Tables: TypeAlias = tuple[dict[str, Activation], dict[str, Combination]]

_in_use: ContextVar[_Tables | None] = ContextVar("_in_use", default=None)


def _lookup(
    table: dict[str, _Entry], what: str, name: str, suggest: Callable[[object, list[str]], str]
) -> _Entry:
    try:
        return guarded(name, table[name])
    except (KeyError, TypeError):
        raise InputError(f"unknown {what} {quote(name)}: {suggest(name, list(table))}") from None


def activation(name: str) -> Activation:
    """Look up an activation function in the table, to compute with it; see `own_functions.py`.

    Args:
        name: A key of `ACTIVATIONS`.

    Raises:
        InputError: The table has no such name.
    """
    tables = _in_use.get()
    known = ACTIVATIONS if tables is None else tables[0]
    return _lookup(known, "activation", name, suggest_activation)


@contextmanager
def use_activations(
    table: dict[str, Activation], combinations: dict[str, Combination] | None = None
) -> Iterator[None]:
    """Look activation functions up in another table than `ACTIVATIONS`, inside the block.

    A society is made of functions as they were when it began. What is made anew later is made in
    such a block, for a user may have replaced some.

    Args:
        table: The other table, such as a copy that was made before.
        combinations: The same for `COMBINATIONS`. None: it is not replaced.
    """
    token = _in_use.set((table, COMBINATIONS if combinations is None else combinations))
    try:
        yield
    finally:
        _in_use.reset(token)


def combination(name: str) -> Combination:
    """Look up a combination in the table, to compute with it; see `own_functions.py`.

    Args:
        name: A key of `COMBINATIONS`.

    Raises:
        InputError: The table has no such name. A dropout is no function of what it hears alone.
    """
    if read_dropout(name) is not None:
        problem = "draws anew in each step, so this computation, which has no step, lacks it"
        raise InputError(f"{quote(name)} {problem}")
    tables = _in_use.get()
    known = COMBINATIONS if tables is None else tables[1]
    return _lookup(known, "combination", name, suggest_combination)


def output_activation(name: str) -> Activation:
    """Look up an activation function for an output, which the loss node follows.

    Args:
        name: A key of `ACTIVATIONS`.

    Returns:
        The function of the table, or an `OutputActivation` that has another slope beside some
        losses. See `output_activations.py`.

    Raises:
        InputError: The table has no such name.
    """
    f = activation(name)
    built_in, output = OUTPUTS.get(name, (None, f))
    return output if f is built_in else f  # a user may have replaced the function


def loss(name: str) -> Loss:
    """Look up a loss in the table, to compute with it; see `own_functions.py`.

    Args:
        name: A key of `LOSSES`.

    Raises:
        InputError: The table has no such name.
    """
    return _lookup(LOSSES, "loss", name, suggest_loss)


def losses_of(loss: Loss, predictions: Array, targets: Array) -> Array:
    """Compute the loss of each example; over positions it is the sum, in their order.

    Args:
        loss: The loss.
        predictions: The predictions. Shape (batch, *positions, n_outputs).
        targets: The targets. The same shape.

    Returns:
        Shape (batch,).
    """
    loss = skip_masked(loss, targets)
    if predictions.ndim == 2:
        return loss.value(predictions, targets)
    p, t = (values.reshape(-1, values.shape[-1]) for values in (predictions, targets))
    return sum_positions(loss.value(p, t), len(predictions))


def sum_positions(values: Array, batch: int) -> Array:
    """Add up what belongs to the positions of each example, in their order.

    Args:
        values: Shape (batch · positions,), example after example.
        batch: How many examples there are.

    Returns:
        Shape (batch,).
    """
    return np.ascontiguousarray(np.add.accumulate(values.reshape(batch, -1), axis=1)[:, -1])


def check_domain(name: str, predictions: Array, targets: Array) -> None:
    """Check that a loss is defined for some predictions and targets.

    Args:
        name: The name of the loss.
        predictions: The predictions. Shape (batch, *positions, n_outputs).
        targets: The targets. The same shape.

    Raises:
        InputError: The loss is unknown, or it is not defined there.
    """
    domain = loss(name).domain
    if domain is None:
        return
    if predictions.ndim > 2:
        predictions, targets = (
            values.reshape(-1, values.shape[-1]) for values in (predictions, targets)
        )
    if np.isnan(targets).any():
        counts = rows_that_count(targets)
        predictions, targets = predictions[counts], targets[counts]
    if problem := domain(predictions, targets):
        raise InputError(f"{name}: {problem}")


def check_outputs(name: str, outputs: Iterable[str], activations: Iterable[str]) -> None:
    """Check that a loss takes whatever the outputs can say, before they are trained by it.

    Otherwise a run fails in the step in which an output leaves what the loss takes, or never.
    Losses and activation functions of a user's own that declare no range are checked in each step.

    Args:
        name: The name of the loss.
        outputs: The ids of the outputs.
        activations: The name of the activation function of each output.

    Raises:
        InputError: An output can leave what the loss takes.
    """
    found = loss(name)
    if found.domain is None or is_own(LOSSES[name]):
        return
    for output, known in zip(outputs, activations, strict=True):
        span = activation(known).range
        for end in () if span is None else np.clip(span, -1.0, 2.0).tolist():
            if problem := found.domain(np.full((1, 1), end), np.ones((1, 1))):
                output = f"output {quote(output)} has the activation {quote(known)}"
                problem = problem.replace(f", got {end:g}", "")
                raise InputError(f"{name}: {output}, whose values can be {end:g}: {problem}")


def check_curvature(activations: Iterable[str | None], name: str) -> None:
    """Check that a product with the Hessian can be computed: that all functions have a curvature.

    Args:
        activations: The names of activation functions; None is skipped.
        name: The name of the loss.

    Raises:
        InputError: One of the functions has no curvature, or is unknown.
    """
    for known in sorted(set(filter(None, activations))):  # an input has none
        if activation(known).curvature is None:
            advice = "na.add_activation(…, curvature=lambda z, a: …), the second derivative"
            raise InputError(
                "a product with the Hessian needs the curvature of the activation "
                f"{known!r}: {advice}"
            )
    if loss(name).curvature is None:
        advice = "na.add_loss(…, curvature=lambda p, t, d: …), the derivative of its slope along d"
        raise InputError(
            f"a product with the Hessian needs the curvature of the loss {quote(name)}: {advice}"
        )


def check_bends(combinations: Iterable[str]) -> None:
    """Check the same of interneurons: that all combinations know how their slopes bend.

    Args:
        combinations: The names of combinations; a dropout is linear, and so it knows.

    Raises:
        InputError: One of the combinations does not know it, or is unknown.
    """
    for known in sorted(set(combinations)):
        if read_dropout(known) is None and combination(known).bends is None:
            advice = "na.add_combination(…, bends=lambda x, a, d: …), how its slopes change along d"
            raise InputError(
                f"a product with the Hessian needs the bends of the combination {known!r}: {advice}"
            )


def check_in_parts(activations: Iterable[str], name: str, combinations: Iterable[str] = ()) -> None:
    """Check that a batch may go through in parts: that no function of a user's own mixes examples.

    Args:
        activations: The names of activation functions.
        name: The name of the loss.
        combinations: The names of combinations.

    Raises:
        InputError: A function mixes examples.
    """
    for known in sorted(set(activations)):
        check_parts(known, ACTIVATIONS[known])
    for known in sorted(set(combinations)):
        check_parts(known, COMBINATIONS[known])
    if name in LOSSES:
        check_parts(name, LOSSES[name])


@explains_arguments
@passes_handler_exceptions
def add_activation(
    name: str,
    value: Callable[[Array], Array],
    slope: Callable[[Array, Array], Array],
    initial: Literal["glorot", "he"] = "glorot",
    *,
    curvature: Callable[[Array, Array], Array] | None = None,
    rounding: float | None = None,
    surrogate: bool = False,
    range: tuple[float, float] | None = None,
) -> None:
    """Add an activation function to the table, or replace one.

    The functions are called with trial arrays. They must be elementwise: each number of the result
    must depend on the numbers at the same position alone. What they return is copied, so they may
    use a buffer again.

    Args:
        name: Its name: 1 to 128 printable characters.
        value: `value(z)` returns f(z), float64 of the shape of z.
        slope: `slope(z, a)` returns f'(z), float64 of the shape of z. The argument a is f(z).
        initial: How to draw weights before such a neuron: "glorot" (Glorot, Bengio 2010) or "he"
            (He et al. 2015).
        curvature: `curvature(z, a)` returns f''(z). Only products with the Hessian need it.
        rounding: See `Activation`. The audit of a log of another kind of machine needs it.
        surrogate: True if the slope is meant to be another one than that of f, as that of a
            straight-through estimator is. Otherwise it is compared with differences of f.
        range: The least and the greatest value that f can have, such as (0, 1); None: not known.

    Raises:
        InputError: The name, `initial` or `range` is wrong; or a function fails, is not
            elementwise, or returns another shape or type; or a slope is clearly wrong.

    Examples:
        >>> na.add_activation("cube", value=lambda z: z**3, slope=lambda z, a: 3 * z**2)
        >>> na.Network.layered([2, 3, 1], activation="cube")
        <Network: 2 inputs, 4 neurons, 9 synapses, 1 output; depth 2, fan-in 2 to 3>
    """
    _check_name(name)
    _check_functions(name, value=value, slope=slope, curvature=curvature)
    z = freeze(np.linspace(-1.0, 1.0, 5))
    a = freeze(_try(name, "value(z)", lambda: value(z), z.shape))
    _try(name, "slope(z, a)", lambda: slope(z, a), z.shape)
    _try(name, "value(z)", lambda: value(z[:1]), (1,))
    _try(name, "slope(z, a)", lambda: slope(z[:1], a[:1]), (1,))
    if curvature is not None:
        _try(name, "curvature(z, a)", lambda: curvature(z, a), z.shape)
    if not isinstance(initial, str) or initial not in ("glorot", "he"):
        raise InputError(f"{name}: initial must be 'glorot' or 'he', got {quote(initial)}")
    span = _range(name, range)
    added = Activation(value, slope, curvature, initial, _rounding(name, rounding), span)
    check_parts(name, added)
    if not as_flag("surrogate", surrogate):
        check_slopes(name, added)
    known_identity(added, is_new=True)
    ACTIVATIONS[name] = added


@explains_arguments
@passes_handler_exceptions
def add_combination(
    name: str,
    value: Callable[[Array], Array],
    slopes: Callable[[Array, Array], Array],
    *,
    bends: Callable[[Array, Array, Array], Array] | None = None,
    nothing: float | None = None,
    rounding: float | None = None,
    surrogate: bool = False,
) -> None:
    """Add a combination to the table, or replace one.

    The functions are called with trial arrays. They must go column by column: what belongs to a
    column must depend on that column alone. What they return is copied.

    Args:
        name: Its name: 1 to 128 printable characters.
        value: `value(x)` returns g(x), float64 of shape (columns,), of rows x (n, columns).
        slopes: `slopes(x, a)` returns ∂g/∂x_i, float64 of shape (n, columns).
        bends: See `Combination`. Only products with the Hessian need it.
        nothing: See `Combination`. Interneurons with a field that hears nothing at some positions
            need it.
        rounding: See `Combination`. The audit of a log of another kind of machine needs it.
        surrogate: See `add_activation`.

    Raises:
        InputError: The name is wrong; or a function fails, does not go column by column, or returns
            another shape or type; or a slope is clearly wrong.

    Examples:
        >>> na.add_combination(
        ...     "mean",
        ...     value=lambda x: x.mean(axis=0),
        ...     slopes=lambda x, a: np.full(x.shape, 1 / len(x)),
        ... )
        >>> na.Interneuron("m", "mean").combination
        'mean'
    """
    _check_name(name)
    _check_functions(name, value=value, slopes=slopes, bends=bends)
    x = freeze(np.linspace(-1.0, 1.0, 15).reshape(3, 5))
    a = freeze(_try(name, "value(x)", lambda: value(x), (5,)))
    _try(name, "slopes(x, a)", lambda: slopes(x, a), x.shape)
    _try(name, "value(x)", lambda: value(x[:1, :1]), (1,))
    _try(name, "slopes(x, a)", lambda: slopes(x[:, :1], a[:1]), (3, 1))
    if bends is not None:
        _try(name, "bends(x, a, d)", lambda: bends(x, a, x), x.shape)
    if nothing is not None and math.isnan(as_number(nothing)):
        raise InputError(f"{name}: nothing must be a number, or None, got {quote(nothing)}")
    added = Combination(value, slopes, bends, nothing, _rounding(name, rounding))
    check_parts(name, added)
    if not as_flag("surrogate", surrogate):
        check_slopes(name, added)
    known_identity(added, is_new=True)
    COMBINATIONS[name] = added


@explains_arguments
@passes_handler_exceptions
def add_loss(
    name: str,
    value: Callable[[Array, Array], Array],
    slope: Callable[[Array, Array], Array],
    *,
    curvature: Callable[[Array, Array, Array], Array] | None = None,
    rounding: float | None = None,
    surrogate: bool = False,
) -> None:
    """Add a loss to the table, or replace one.

    The functions are called with trial arrays. Predictions p, targets t and a direction d have
    shape (batch, n_outputs). They must go row by row: what belongs to an example must depend on its
    row alone. What they return is copied.

    Args:
        name: Its name: 1 to 128 printable characters.
        value: `value(p, t)` returns the loss of each example, float64 of shape (batch,).
        slope: `slope(p, t)` returns ∂loss/∂p of each example, float64 of shape (batch, n_outputs).
        curvature: `curvature(p, t, d)` returns the derivative of the slope along d, float64 of
            shape (batch, n_outputs). Only products with the Hessian need it.
        rounding: See `Loss`. The audit of a log of another kind of machine needs it.
        surrogate: See `add_activation`.

    Raises:
        InputError: The name is wrong; or a function fails, does not go row by row, or returns
            another shape or type; or a slope is clearly wrong.

    Examples:
        >>> na.add_loss(
        ...     "fourth",
        ...     value=lambda p, t: ((p - t) ** 4).sum(axis=1),
        ...     slope=lambda p, t: 4 * (p - t) ** 3,
        ... )
        >>> na.gradient(na.Network.layered([1, 1]), [[0.0]], [[2.0]], loss="fourth").loss
        16.0
    """
    _check_name(name)
    _check_functions(name, value=value, slope=slope, curvature=curvature)
    p, t = freeze(np.full((3, 2), 0.5)), freeze(np.full((3, 2), 0.25))
    _try(name, "value(predictions, targets)", lambda: value(p, t), (3,))
    _try(name, "slope(predictions, targets)", lambda: slope(p, t), (3, 2))
    if curvature is not None:
        call = "curvature(predictions, targets, direction)"
        _try(name, call, lambda: curvature(p, t, p), (3, 2))
    added = Loss(value, slope, curvature, rounding=_rounding(name, rounding))
    check_parts(name, added)
    if not as_flag("surrogate", surrogate):
        check_slopes(name, added)
    known_identity(added, is_new=True)
    LOSSES[name] = added


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= 128 or not name.isprintable():
        raise InputError(f"a function's name is 1 to 128 printable characters, got {quote(name)}")


def _check_functions(name: str, **parts: object) -> None:
    """Check that each part of an entry is a function; those that may be left out may be None."""
    for what, part in parts.items():
        if not callable(part) and (part is not None or what in ("value", "slope", "slopes")):
            is_whole = isinstance(part, (Activation, Combination, Loss))
            advice = f": write {what}=f.{what}, a part of it" if is_whole else ""
            raise InputError(f"{name}: {what} must be a function, got {quote(part)}{advice}")


def _rounding(name: str, rounding: float | None) -> float | None:
    if rounding is not None and not 0 <= as_number(rounding) < math.inf:
        problem = f"a number of eps from 0 on, or None, got {quote(rounding)}"
        raise InputError(f"{name}: rounding must be {problem}")
    return None if rounding is None else float(rounding)


def _range(name: str, span: object) -> tuple[float, float] | None:
    if span is None:
        return None
    ends = [as_number(end) for end in span] if isinstance(span, (tuple, list)) else []
    if len(ends) != 2 or not ends[0] <= ends[1]:
        problem = f"a pair (least, greatest), or None, got {quote(span)}"
        raise InputError(f"{name}: range must be {problem}")
    return ends[0], ends[1]


def _try(name: str, call: str, function: Callable[[], Array], shape: tuple[int, ...]) -> Array:
    """Call a user's function with trial arrays and check what it returns."""
    try:
        with np.errstate(all="ignore"):
            result = function()
    except Exception as error:
        if is_from_handler(error):
            raise
        raise InputError(f"{name}: {call} failed on a trial array: {quote(error)}") from error
    if np.ma.is_masked(result):
        raise InputError(f"{name}: {call} must have no masked numbers, got {quote(result)}")
    if not isinstance(result, np.ndarray) or result.shape != shape or result.dtype != np.float64:
        got = f"{result.dtype} {result.shape}" if isinstance(result, np.ndarray) else quote(result)
        raise InputError(
            f"{name}: {call} must return an array of float64, "
            f"of shape {shape} on a trial array, got {got}"
        )
    return result
