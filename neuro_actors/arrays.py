"""What users hand over, converted to checked float64 arrays."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError

Array: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]


def as_floats(what: str, values: ArrayLike) -> Array:
    """`values` as a new C-contiguous float64 array; raises `InputError` unless all are finite numbers."""
    try:
        raw = np.asarray(values)
    except ValueError as error:  # rows of unequal length
        raise InputError(f"{what}: expected an array of numbers: {error}") from None
    if values is None:
        raise InputError(f"{what}: expected an array of numbers, got None")
    if raw.dtype.kind not in "buif":
        raise InputError(f"{what}: expected real numbers, got an array of {raw.dtype}")
    array = np.array(raw, dtype=np.float64, order="C")
    if not np.isfinite(array).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(f"{what}: the value at {list(place)} is {array[place]}; every value must be finite")
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
    raise InputError(f"{what}: expected shape (batch, {wanted}), one column for each of {some(names)}, got {array.shape}{hint}")


def as_whole_number(what: str, value: object, least: int) -> int:
    """`value` as an int; raises `InputError` unless it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{what} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def as_places(what: str, values: ArrayLike) -> Indices:
    """`values` as a new array of whole numbers from 0 on, one axis; raises `InputError` otherwise."""
    try:
        raw = np.asarray(values)
    except ValueError as error:  # rows of unequal length
        raise InputError(f"{what}: expected whole numbers from 0 on, in one axis: {error}") from None
    if raw.ndim != 1 or (raw.size and raw.dtype.kind not in "iu") or (raw.size and raw.min() < 0):
        got = f"an array of {raw.dtype} of shape {raw.shape}" if raw.ndim != 1 or raw.dtype.kind not in "iu" else raw.min()
        raise InputError(f"{what}: expected whole numbers from 0 on, in one axis, got {got}")
    return raw.astype(np.intp)


def frozen(array: Array) -> Array:
    """The same array, read-only from here on."""
    array.setflags(write=False)
    return array


def some(names: Sequence[str], most: int = 3) -> str:
    """The first few names, for a message: `'x0', 'x1', 'x2' and 61 more`."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def did_you_mean(name: object, known: Sequence[str]) -> str:
    """A sentence that offers the nearest known name, or else lists the first of them."""
    near = get_close_matches(str(name), known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {some(known, 10)}"
