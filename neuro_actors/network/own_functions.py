"""Guards around functions of a user's own: activation functions, combinations and losses.

1. What they return is copied. A function may write its results into a buffer that it uses again;
   neurons keep results from one call to the next.
2. A slope or curvature of another shape or type is refused: numpy would spread it, or compute less
   exactly.
3. Masked numbers are refused: a copy would have what lies under the mask.
4. An activation function must be elementwise, a combination go column by column, and a loss row by
   row. One that mixes examples would have other slopes than it says, and make other numbers in
   micro-batches. So trial arrays are evaluated as a whole and in parts: where a function is added,
   and before micro-batches, since the tables can be written to as well.

The package's own functions are not guarded; they keep these laws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np

from ..support.arrays import Array, freeze
from ..support.errors import InputError, MessageError
from ..support.signal_exceptions import passes_handler_exceptions, raise_noted
from ..support.text import quote
from .activations import ORIGINALS as ACTIVATIONS
from .activations import Activation
from .combinations import PACKAGE_COMBINATIONS, Combination
from .losses import ORIGINALS as LOSSES
from .losses import Loss

Entry: TypeAlias = Activation | Combination | Loss
_Entry = TypeVar("_Entry", Activation, Combination, Loss)

_TABLES = (ACTIVATIONS, PACKAGE_COMBINATIONS, LOSSES)
_PACKAGE = {id(entry) for table in _TABLES for entry in table.values()}
_GUARDED: dict[tuple[type, str], tuple[Entry, Entry]] = {}
TRIAL = 97  # numbers, or rows
PARTS = (slice(0, 1), slice(1, 2), slice(2, 40), slice(40, TRIAL))
SAME = 1e-12  # of a number: parts may be rounded otherwise than the whole
ELEMENTWISE = "must be elementwise, but one number depends on those beside it, or on earlier calls"
ROW_BY_ROW = (
    "must go row by row, but what belongs to an example depends on the others, or on earlier calls"
)
BY_COLUMN = "must go column by column, but a column depends on the others, or on earlier calls"
LAWS = {Activation: ELEMENTWISE, Combination: BY_COLUMN, Loss: ROW_BY_ROW}


def is_own(entry: Entry) -> bool:
    """Return whether an entry of the tables is a user's own, whatever its name is."""
    return id(entry) not in _PACKAGE  # which live as long as the package


def is_original(name: str, entry: Entry) -> bool:
    """Return whether an entry of the tables is what the package has there under this name.

    A user may replace an entry, also by another one of the package's.

    Args:
        name: The name in the table.
        entry: The activation function, the combination or the loss.
    """
    if isinstance(entry, Combination):
        return PACKAGE_COMBINATIONS.get(name) is entry
    originals = ACTIVATIONS if isinstance(entry, Activation) else LOSSES
    return originals.get(name) is entry


def guarded(name: str, entry: _Entry) -> _Entry:
    """Return an entry of the tables to compute with: of the package, or guarded.

    Args:
        name: The name in the table.
        entry: The activation function, the combination or the loss.

    Raises:
        InputError: It is none of them.
    """
    if not is_own(entry):
        return entry
    key = type(entry), name
    known, found = _GUARDED.get(key, (None, None))
    if known is not entry or found is None:
        if not isinstance(entry, (Activation, Combination, Loss)):
            kinds = "na.Activation, na.Combination or na.Loss"
            advice = "add it with na.add_activation, na.add_combination or na.add_loss"
            raise InputError(f"{name}: the table must hold {kinds}, got {quote(entry)}: {advice}")
        found = _with_guards(name, entry)
        _GUARDED[key] = entry, found
    return cast(_Entry, found)


def _with_guards(name: str, entry: Entry) -> Entry:
    value = _guard(f"{name}: its value", entry.value, shaped=False)
    if isinstance(entry, Combination):
        slopes, bends = _guard(f"{name}: its slopes", entry.slopes, shaped=True), None
        if entry.bends is not None:
            bends = _guard(f"{name}: its bends", entry.bends, shaped=True)
        return replace(entry, value=value, slopes=slopes, bends=bends)
    is_factor, curvature = isinstance(entry, Activation), None
    if entry.curvature is not None:
        curvature = _guard(f"{name}: its curvature", entry.curvature, shaped=True)
    slope = _guard(f"{name}: its slope", entry.slope, shaped=is_factor)
    parts: dict[str, Any] = {"value": value, "slope": slope, "curvature": curvature}
    return replace(entry, **parts)


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
def check_parts(name: str, entry: Entry) -> None:
    """Check that functions make the same numbers of the parts of a trial as of the whole.

    A part for which a function fails is left out; the package's own functions are not tried.

    Args:
        name: The name in the table.
        entry: The activation function, the combination or the loss.

    Raises:
        InputError: A function mixes examples, or depends on earlier calls.
    """
    if not is_own(entry):
        return
    law = LAWS[type(entry)]
    with np.errstate(all="ignore"):
        for what, function, arguments in _trials(entry):
            if _mixes(function, arguments, by_column=isinstance(entry, Combination)):
                raise InputError(f"{name}: its {what} {law}")


def _trials(
    entry: Entry,
) -> Iterator[tuple[str, Callable[..., Array], tuple[Array, ...]]]:
    """Yield each function of an entry, with its name and arguments to try it with."""
    if isinstance(entry, Combination):
        yield from _trials_of_combination(entry)
        return
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


def _trials_of_combination(
    entry: Combination,
) -> Iterator[tuple[str, Callable[..., Array], tuple[Array, ...]]]:
    x = freeze(np.stack([np.roll(np.linspace(-1.0, 1.0, TRIAL), k * k) for k in range(1, 4)]))
    yield "value", entry.value, (x,)
    try:
        a = freeze(np.array(entry.value(x)))
    except Exception:
        return
    yield "slopes", entry.slopes, (x, a)
    if entry.bends is not None:
        yield "bends", entry.bends, (x, a, freeze(x[::-1].copy()))


def _mixes(
    own: Callable[..., Array], arguments: tuple[Array, ...], *, by_column: bool = False
) -> bool:
    """Return whether a function makes other numbers of parts of its arguments than of the whole."""
    with suppress(Exception):
        whole = np.array(own(*arguments))
        bound = SAME * (1.0 + np.abs(whole))
        for part in PARTS:
            here: Any = (..., part) if by_column else part
            alone = own(*(freeze(array[here].copy()) for array in arguments))
            near = np.abs(alone - whole[here]) <= bound[here]
            alike = near | (alone == whole[here]) | (np.isnan(alone) & np.isnan(whole[here]))
            if not alike.all():
                return True
    return False
