"""Guards around functions of a user's own: activation functions and losses.

1. What they return is copied. A function may write its results into a buffer that it uses again;
   neurons keep results from one call to the next.
2. A slope or curvature of another shape or type is refused: numpy would spread it, or compute less
   exactly.
3. Masked numbers are refused: a copy would have what lies under the mask.
4. An activation function must be elementwise, and a loss go row by row. One that mixes examples
   would have other slopes than it says, and make other numbers in micro-batches. So trial arrays
   are evaluated as a whole and in parts: where a function is added, and before micro-batches, since
   the tables can be written to as well.

The package's own functions are not guarded; they keep these laws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar, cast

import numpy as np

from ..support.arrays import Array, freeze
from ..support.errors import InputError, MessageError
from ..support.signal_exceptions import passes_handler_exceptions, raise_noted
from ..support.text import quote
from .activations import ORIGINALS as ACTIVATIONS
from .activations import Activation
from .losses import ORIGINALS as LOSSES
from .losses import Loss

_Entry = TypeVar("_Entry", Activation, Loss)

_PACKAGE = {id(entry) for entry in (*ACTIVATIONS.values(), *LOSSES.values())}
_GUARDED: dict[str, tuple[Activation | Loss, Activation | Loss]] = {}
TRIAL = 97  # numbers, or rows
PARTS = (slice(0, 1), slice(1, 2), slice(2, 40), slice(40, TRIAL))
SAME = 1e-12  # of a number: parts may be rounded otherwise than the whole
ELEMENTWISE = "must be elementwise, but one number depends on those beside it, or on earlier calls"
ROW_BY_ROW = (
    "must go row by row, but what belongs to an example depends on the others, or on earlier calls"
)


def is_own(entry: Activation | Loss) -> bool:
    """Return whether an entry of the tables is a user's own, whatever its name is."""
    return id(entry) not in _PACKAGE  # which live as long as the package


def is_original(name: str, entry: Activation | Loss) -> bool:
    """Return whether an entry of the tables is what the package has there under this name.

    A user may replace an entry, also by another one of the package's.

    Args:
        name: The name in the table.
        entry: The activation function or the loss.
    """
    originals = ACTIVATIONS if isinstance(entry, Activation) else LOSSES
    return originals.get(name) is entry


def guarded(name: str, entry: _Entry) -> _Entry:
    """Return an entry of the tables to compute with: of the package, or guarded.

    Args:
        name: The name in the table.
        entry: The activation function or the loss.

    Raises:
        InputError: It is neither.
    """
    if not is_own(entry):
        return entry
    known, found = _GUARDED.get(name, (None, None))
    if known is not entry or found is None:
        if not isinstance(entry, (Activation, Loss)):
            raise InputError(
                f"{name}: the table must hold na.Activation or na.Loss, got {quote(entry)}"
            )
        is_factor, curvature = isinstance(entry, Activation), None
        if entry.curvature is not None:
            curvature = _guard(f"{name}: its curvature", entry.curvature, shaped=True)
        value = _guard(f"{name}: its value", entry.value, shaped=False)
        slope = _guard(f"{name}: its slope", entry.slope, shaped=is_factor)
        found = replace(entry, value=value, slope=slope, curvature=curvature)
        _GUARDED[name] = entry, found
    return cast(_Entry, found)


def _guard(what: str, own: Callable[..., Array], *, shaped: bool) -> Callable[..., Array]:
    """Return a function that copies and checks what another one returns.

    Args:
        what: What the results are, for the text of an error.
        own: The user's function.
        shaped: Whether results are multiplied by numbers of the shape of the first argument. Others
            are checked where they are used.
    """

    def call(*arguments: Array) -> Array:
        raise_noted()
        result, shape = own(*arguments), arguments[0].shape
        is_array = isinstance(result, np.ndarray)
        if is_array and np.ma.is_masked(result):
            raise MessageError(f"{what} must have no masked numbers: fill them in")
        if shaped and (not is_array or result.dtype != np.float64 or _spreads(result, shape)):
            got = f"{result.dtype} {result.shape}" if is_array else quote(result)
            raise MessageError(f"{what} must be an array of float64 of shape {shape}, got {got}")
        return freeze(np.array(result)) if is_array else result

    return call


def _spreads(result: Array, shape: tuple[int, ...]) -> bool:
    """Return whether numpy would spread a result to a shape; other shapes fail where it is used."""
    if result.shape == shape:
        return False
    with suppress(ValueError):
        return np.broadcast_shapes(result.shape, shape) == shape
    return False


@passes_handler_exceptions
def check_parts(name: str, entry: Activation | Loss) -> None:
    """Check that functions make the same numbers of the parts of a trial as of the whole.

    A part for which a function fails is left out; the package's own functions are not tried.

    Args:
        name: The name in the table.
        entry: The activation function or the loss.

    Raises:
        InputError: A function mixes examples, or depends on earlier calls.
    """
    if not is_own(entry):
        return
    law = ELEMENTWISE if isinstance(entry, Activation) else ROW_BY_ROW
    with np.errstate(all="ignore"):
        for what, function, arguments in _trials(entry):
            if _mixes(function, arguments):
                raise InputError(f"{name}: its {what} {law}")


def _trials(
    entry: Activation | Loss,
) -> Iterator[tuple[str, Callable[..., Array], tuple[Array, ...]]]:
    """Yield each function of an entry, with its name and arguments to try it with."""
    p: tuple[Array, ...] = (freeze(np.linspace(-1.0, 1.0, TRIAL)),)
    d: tuple[Array, ...] = ()
    if isinstance(entry, Loss):
        share = np.linspace(0.2, 0.8, TRIAL)
        d = (freeze(np.stack([share, 1.0 - share], axis=1)),)
        p = (*d, freeze(0.25 + 0.5 * np.roll(d[0], 3, axis=0)))
        with suppress(Exception):
            if entry.domain is not None and entry.domain(p[0], p[1]) is not None:
                return
    yield "value", entry.value, p
    if isinstance(entry, Activation):
        try:
            p = (*p, freeze(np.array(entry.value(*p))))
        except Exception:
            return
    yield "slope", entry.slope, p
    if entry.curvature is not None:
        yield "curvature", entry.curvature, (*p, *d)


def _mixes(own: Callable[..., Array], arguments: tuple[Array, ...]) -> bool:
    """Return whether a function makes other numbers of parts of its arguments than of the whole."""
    with suppress(Exception):
        whole = np.array(own(*arguments))
        bound = SAME * (1.0 + np.abs(whole))
        for part in PARTS:
            alone = own(*(freeze(array[part].copy()) for array in arguments))
            near = np.abs(alone - whole[part]) <= bound[part]
            alike = near | (alone == whole[part]) | (np.isnan(alone) & np.isnan(whole[part]))
            if not alike.all():
                return True
    return False
