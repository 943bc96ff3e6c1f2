"""Arrays, and conversions to them: each number stays what it is, or is refused.

The first argument `what` names the values in the text of an error. What may bring labels with it,
as a data frame does, is converted in `labelled_arrays.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError
from .scalars import EXACT_INTEGERS, INEXACT, NUMBERS, WHOLE_NUMBERS, as_number
from .signal_exceptions import is_from_handler
from .text import quote

_T = TypeVar("_T")
Array: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]
MAX_POSITION = 2**31 - 1  # logs hold positions as 32-bit integers
ONLY_FLOATS = {float}


def floats_without_labels(what: str, values: ArrayLike) -> Array:
    """Convert numbers to a float64 array, whatever labels they bring. See `as_floats`.

    Args:
        what: What the numbers are, for the text of an error.
        values: Real numbers, integers or truth values. Any shape.

    Returns:
        A new C-contiguous array of the same shape.

    Raises:
        InputError: As `as_floats`.
    """
    raw = _as_array(what, "an array of numbers", values)
    if values is None:
        raise InputError(f"{what}: expected an array of numbers, got None")
    if raw.dtype.kind not in "buif":
        kind = _describe(raw)
        if callable(getattr(values, "toarray", None)):
            kind = f"a sparse {type(values).__name__}: make it dense with .toarray()"
        raise InputError(f"{what}: expected real numbers, got {kind}")
    try:
        with np.errstate(over="ignore"):  # of a longer float
            array = np.array(raw, dtype=np.float64, order="C")
    except MemoryError:
        raise InputError(
            f"{what}: {raw.size:,} numbers are more than there is memory for"
        ) from None
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(
            f"{what}: the value at {list(where)} is {array[where]}; every value must be finite"
        )
    _refuse_inexact(what, raw, array)
    return array


def _describe(raw: np.ndarray[Any, Any]) -> str:
    """Say what an array contains that are no numbers: text, for example."""
    if raw.dtype.kind not in "OSU":
        return f"an array of {raw.dtype}"
    others = [one for one in raw.flat if not isinstance(one, NUMBERS)][:1]
    if not others or not isinstance(others[0], (str, bytes)):
        return f"an array of {raw.dtype}" + "".join(f", such as {quote(one)}" for one in others)
    text = others[0].decode("latin-1") if isinstance(others[0], bytes) else str(others[0])
    advice = "leave it out, or make numbers of it"
    if not math.isnan(_number_in(text)):
        advice = "make numbers of it with .astype(float)"
    return f"text, such as {quote(text)}: {advice}"


def _number_in(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _refuse_inexact(what: str, raw: np.ndarray[Any, Any], array: Array) -> None:
    """Refuse numbers that became others as float64: large integers, and longer floats."""
    if raw.dtype.kind in "iu" and raw.dtype.itemsize == 8:
        for k in np.flatnonzero(np.abs(array) >= EXACT_INTEGERS).tolist():
            if int(raw.flat[k]) != int(array.flat[k]):
                raise InputError(f"{what}: {raw.flat[k]} {INEXACT}")
    elif raw.dtype.kind == "f" and raw.dtype.itemsize > 8:
        for k in np.flatnonzero(raw != array).tolist():
            raise InputError(f"{what}: {raw.flat[k]} {INEXACT}: round it with .astype(float)")


def as_positions(what: str, values: ArrayLike) -> Indices:
    """Convert positions, which count from 0, to an array of integers.

    Args:
        what: What the positions are of, for the text of an error.
        values: Whole numbers from 0 to `MAX_POSITION`. Shape (n,).

    Returns:
        A new array of shape (n,).

    Raises:
        InputError: The shape is another one, or a value is no such number.
    """
    expected = "whole numbers from 0 on, in one axis"
    raw = _as_array(what, expected, values)
    if raw.ndim != 1 or (raw.size and raw.dtype.kind not in "iu"):
        got = f"an array of {raw.dtype} of shape {raw.shape}"
        raise InputError(f"{what}: expected {expected}, got {got}")
    if raw.size and raw.min() < 0:
        raise InputError(f"{what}: expected {expected}, got {raw.min()}")
    if raw.size and raw.max() > MAX_POSITION:
        raise InputError(f"{what}: expected {expected}, to {MAX_POSITION:,}, got {raw.max()}")
    return raw.astype(np.intp)


def _as_array(what: str, expected: str, values: Any) -> np.ndarray[Any, Any]:
    """Convert values to a numpy array.

    Refuses what numpy cannot convert, and what it would drop in silence: masks, also within lists,
    and bits of integers beside floats.
    """
    try:
        array = np.asarray(values)
        is_masked = np.ma.is_masked(values)
        if array.dtype.kind in "buif" and not isinstance(values, np.ndarray):
            is_masked = is_masked or _loses_a_mask(what, values, array.ndim, array.dtype.kind)
    except MemoryError:
        raise InputError(
            f"{what}: expected {expected}, got more than there is memory for"
        ) from None
    except InputError:
        raise
    except Exception as error:  # rows of unequal length, or an object that only looks like an array
        if is_from_handler(error):
            raise
        problem = quote(str(error))[1:-1]
        if "inhomogeneous" in problem:  # numpy's own text names parts and dimensions
            problem = "its rows have different lengths"
        raise InputError(f"{what}: expected {expected}: {problem}") from None
    if is_masked:
        raise InputError(
            f"{what}: expected {expected}, but some are masked: "
            "fill them in, or leave their rows out"
        )
    return array


def _loses_a_mask(what: str, values: Any, depth: int, kind: str) -> bool:
    """Return whether a part of these values is masked; refuse integers that lost bits.

    Args:
        what: What the values are.
        values: What numpy has made an array of.
        depth: How many axes it has.
        kind: The kind of its numbers.
    """
    if isinstance(values, np.ndarray):
        if kind == "f" and values.dtype.kind in "iu":
            _refuse_inexact(what, values, np.array(values, dtype=np.float64))
        return bool(np.ma.is_masked(values))
    if not depth or isinstance(values, memoryview) or not hasattr(values, "__iter__"):
        return False
    if hasattr(values, "__array__"):
        return _loses_a_mask(what, np.asarray(values), depth, kind)
    types = set(map(type, values))
    if types == ONLY_FLOATS:
        return False
    if kind == "f" and any(issubclass(one, WHOLE_NUMBERS) for one in types):
        for value in values:
            if isinstance(value, WHOLE_NUMBERS) and math.isnan(as_number(int(value))):
                raise InputError(f"{what}: {quote(value)} {INEXACT}")
    if all(issubclass(one, (float, int, np.generic)) for one in types):
        return False
    return any(_loses_a_mask(what, one, depth - 1, kind) for one in values)


def freeze(array: Array) -> Array:
    """Make an array read-only.

    Args:
        array: The array. Any shape.

    Returns:
        The same array, not a copy, of any shape.
    """
    array.setflags(write=False)
    return array


def rebuild(kind: Callable[..., _T], *fields: object) -> _T:
    """Make an object from its fields, for copies and `pickle`, which forget what is read-only.

    Args:
        kind: Its class.
        fields: What the class is called with. Arrays become read-only.
    """
    for field in fields:
        if isinstance(field, np.ndarray):
            freeze(field)
    return kind(*fields)
