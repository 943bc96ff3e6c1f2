"""What users hand over, checked and converted: above all to float64 arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from os import PathLike, fsencode, fspath
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError
from .text import shown

Array: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]
MOST_PLACES = 2**31 - 1  # as far as logs count
MOST_OF_A_PATH = 4096
MOST_BITS = 4096  # of a whole number: more could not be printed


def as_floats(what: str, values: ArrayLike) -> Array:
    """`values` as a new C-contiguous float64 array; raises `InputError` unless all are finite numbers."""
    raw = _array(what, "an array of numbers", values)
    if values is None:
        raise InputError(f"{what}: expected an array of numbers, got None")
    if raw.dtype.kind not in "buif":
        raise InputError(f"{what}: expected real numbers, got an array of {raw.dtype}")
    try:
        with np.errstate(over="ignore"):  # of a longer float
            array = np.array(raw, dtype=np.float64, order="C")
    except MemoryError:
        raise InputError(
            f"{what}: {raw.size:,} numbers are more than there is memory for"
        ) from None
    if not np.isfinite(array).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(
            f"{what}: the value at {list(place)} is {array[place]}; every value must be finite"
        )
    return array


def as_batch(what: str, values: ArrayLike, names: Sequence[str]) -> Array:
    """`values` as a float64 array of shape (batch, len(names)), batch at least 1; raises `InputError` otherwise."""
    array = as_floats(what, values)
    wanted = len(names)
    if array.ndim == 2 and array.shape[1] == wanted and len(array):
        return array
    if array.ndim == 1 and wanted == 1 and len(array):
        hint = ": reshape it with [:, None]"
    elif array.ndim == 1 and len(array) == wanted:
        hint = ": a single example is a batch of one, reshape it with [None, :]"
    elif array.ndim == 2 and not len(array):
        hint = ": a batch holds at least one example"
    elif "targets" in what and array.ndim == 1:
        hint = ": if these are class numbers, make them one-hot with numpy.eye(n_classes)[targets]"
    else:
        hint = ""
    raise InputError(
        f"{what}: expected shape (batch, {wanted}), one column for each of {some(names)}, got {array.shape}{hint}"
    )


def _array(what: str, wanted: str, values: Any) -> np.ndarray[Any, Any]:
    """As numpy makes one of it. Raises `InputError` where it can't, or where values are masked."""
    try:
        array = np.asarray(values)
    except MemoryError:
        raise InputError(f"{what}: expected {wanted}, got more than there is memory for") from None
    except Exception as error:  # rows of unequal length, or an object that only looks like an array
        raise InputError(f"{what}: expected {wanted}: {shown(str(error))[1:-1]}") from None
    if np.ma.is_masked(values):
        raise InputError(
            f"{what}: expected {wanted}, but some are masked: fill them in, or leave their rows out"
        )
    return array


def as_whole_number(what: str, value: object, least: int, most: float = math.inf) -> int:
    """`value` as an int; raises `InputError` unless it is a whole number of at least `least`, and at most `most`."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        number = int(value)
        if number.bit_length() <= MOST_BITS and least <= number <= most:
            return number
    limit = "" if most == math.inf else f" and at most {most:,}"
    raise InputError(
        f"{what} must be a whole number of at least {least}{limit}, got {shown(value)}"
    )


def number(value: object) -> float:
    """`value` as a float; NaN, which fails every comparison, for what is no real number or none that a float can hold."""
    if isinstance(value, bool) or not isinstance(
        value, (int, float, np.integer, np.float32, np.float16)
    ):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def as_flag(what: str, value: object) -> bool:
    """`value` as a bool; raises `InputError` unless it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{what} must be True or False, got {shown(value)}")
    return bool(value)


def as_list(what: str, values: Iterable[Any]) -> list[Any]:
    """`values` as a list; raises `InputError` for text, and for what is no list or has no end."""
    if not isinstance(values, (str, bytes)):
        try:
            return list(values)
        except MemoryError:
            raise InputError(
                f"{what} must be a list, got more than there is memory for: {shown(values)}"
            ) from None
        except Exception:  # whatever an object does that is none
            pass
    raise InputError(f"{what} must be a list, got {shown(values)}")


def as_path(what: str, path: str | PathLike[str], kind: str = "file") -> Path:
    """`path` as one; raises `InputError` unless it is a name that a file, or what `kind` says, can have."""
    name = fspath(path) if isinstance(path, (str, PathLike)) else None
    if (
        not isinstance(name, str)
        or not 0 < len(name) <= MOST_OF_A_PATH
        or "\0" in name
        or not _can_be_encoded(name)
    ):
        raise InputError(f"{what} must be the name of a {kind}, got {shown(path)}")
    return Path(name)


def _can_be_encoded(name: str) -> bool:
    try:
        return bool(fsencode(name))
    except UnicodeEncodeError:  # half of a pair of surrogates
        return False


def as_places(what: str, values: ArrayLike) -> Indices:
    """`values` as a new array of whole numbers from 0 on, one axis; raises `InputError` otherwise."""
    raw = _array(what, "whole numbers from 0 on, in one axis", values)
    if raw.ndim != 1 or (raw.size and raw.dtype.kind not in "iu"):
        got = f"an array of {raw.dtype} of shape {raw.shape}"
        raise InputError(f"{what}: expected whole numbers from 0 on, in one axis, got {got}")
    if raw.size and not 0 <= raw.min() <= raw.max() <= MOST_PLACES:
        wrong, limit = (raw.min(), "") if raw.min() < 0 else (raw.max(), f", to {MOST_PLACES:,}")
        raise InputError(
            f"{what}: expected whole numbers from 0 on, in one axis{limit}, got {wrong}"
        )
    return raw.astype(np.intp)


def frozen(array: Array) -> Array:
    """The same array, read-only from here on."""
    array.setflags(write=False)
    return array


def some(names: Sequence[str], most: int = 3) -> str:
    """The first few names, for a message: `'x0', 'x1', 'x2' and 61 more`."""
    first = ", ".join(repr(name) for name in names[:most])
    return first + (f" and {len(names) - most} more" if len(names) > most else "")


def did_you_mean(name: object, known: Sequence[str]) -> str:
    """A sentence that offers the nearest known name, or else lists the first of them."""
    near = get_close_matches(name[:128], known, n=1, cutoff=0.5) if isinstance(name, str) else []
    return f"did you mean {near[0]!r}?" if near else f"known are {some(known, 10)}"
