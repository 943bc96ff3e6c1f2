"""Checks of what users pass to the package, and conversions: above all to float64 arrays.

The first argument `what` of each function names the value in the text of an error.
"""

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
from .text import quote

Array: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]
MAX_POSITION = 2**31 - 1  # logs hold positions as 32-bit integers
MAX_PATH_LENGTH = 4096  # characters
MAX_BITS = 4096  # of a whole number: Python refuses to print much larger ones


def as_floats(what: str, values: ArrayLike) -> Array:
    """Convert numbers to a float64 array.

    Args:
        what: What the numbers are, for the text of an error.
        values: Real numbers, integers or truth values. Any shape.

    Returns:
        A new C-contiguous array of the same shape.

    Raises:
        InputError: A value is no real number or not finite, or there is not enough memory.
    """
    raw = _as_array(what, "an array of numbers", values)
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
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(
            f"{what}: the value at {list(where)} is {array[where]}; every value must be finite"
        )
    return array


def as_batch(what: str, values: ArrayLike, names: Sequence[str]) -> Array:
    """Convert a batch of examples to a float64 array.

    Args:
        what: What the batch is, for the text of an error.
        values: Numbers, a row for each example. Shape (batch, len(names)), with batch at least 1.
        names: The name of each column.

    Returns:
        A new C-contiguous array of shape (batch, len(names)).

    Raises:
        InputError: The shape is another one, or a value is no finite number.
    """
    array = as_floats(what, values)
    n_columns = len(names)
    if array.ndim == 2 and array.shape[1] == n_columns and len(array):
        return array
    raise InputError(
        f"{what}: expected shape (batch, {n_columns}), one column for each of {list_names(names)}, "
        f"got {array.shape}{_hint_for_batch(what, array, n_columns)}"
    )


def _hint_for_batch(what: str, array: Array, n_columns: int) -> str:
    """Say how to give an array of the wrong shape the right one, if that can be guessed."""
    if array.ndim == 1 and n_columns == 1 and len(array):
        return ": reshape it with [:, None]"
    if array.ndim == 1 and len(array) == n_columns:
        return ": a single example is a batch of one, reshape it with [None, :]"
    if array.ndim == 2 and not len(array):
        return ": a batch holds at least one example"
    if array.ndim == 1 and "targets" in what:
        return ": if these are class numbers, make them one-hot with numpy.eye(n_classes)[targets]"
    return ""


def _as_array(what: str, expected: str, values: Any) -> np.ndarray[Any, Any]:
    """Convert values to a numpy array; refuse what numpy cannot convert, and masked values."""
    try:
        array = np.asarray(values)
    except MemoryError:
        raise InputError(
            f"{what}: expected {expected}, got more than there is memory for"
        ) from None
    except Exception as error:  # rows of unequal length, or an object that only looks like an array
        raise InputError(f"{what}: expected {expected}: {quote(str(error))[1:-1]}") from None
    if np.ma.is_masked(values):
        raise InputError(
            f"{what}: expected {expected}, but some are masked: "
            "fill them in, or leave their rows out"
        )
    return array


def as_whole_number(what: str, value: object, least: int, most: float = math.inf) -> int:
    """Convert a whole number to an int.

    Args:
        what: What the number is, for the text of an error.
        value: A Python or numpy integer.
        least: The smallest number that is allowed.
        most: The largest number that is allowed.

    Raises:
        InputError: The value is no whole number, or lies outside these limits.
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        whole = int(value)
        if whole.bit_length() <= MAX_BITS and least <= whole <= most:
            return whole
    limit = "" if most == math.inf else f" and at most {most:,}"
    raise InputError(
        f"{what} must be a whole number of at least {least}{limit}, got {quote(value)}"
    )


def as_number(value: object) -> float:
    """Convert a real number to a float; anything else becomes NaN, which fails every comparison.

    Args:
        value: A Python or numpy number. A truth value, or an integer too large for a float, becomes
            NaN too.
    """
    if isinstance(value, bool) or not isinstance(
        value, (int, float, np.integer, np.float32, np.float16)
    ):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def as_flag(what: str, value: object) -> bool:
    """Convert a truth value to a bool.

    Args:
        what: What the value is, for the text of an error.
        value: True or False, of Python or numpy.

    Raises:
        InputError: The value is something else.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{what} must be True or False, got {quote(value)}")
    return bool(value)


def as_list(what: str, values: Iterable[Any], failure: type[InputError] = InputError) -> list[Any]:
    """Convert an iterable to a list.

    Args:
        what: What the list is, for the text of an error.
        values: Anything that can be iterated over, except text.
        failure: The error that is raised.

    Raises:
        InputError: The value is text, is no iterable, or has no end. It is a `failure`.
    """
    if not isinstance(values, (str, bytes)):
        try:
            return list(values)
        except MemoryError:
            raise failure(
                f"{what} must be a list, got more than there is memory for: {quote(values)}"
            ) from None
        except Exception:  # whatever iterating over such an object raises
            pass
    raise failure(f"{what} must be a list, got {quote(values)}")


def as_path(what: str, path: str | PathLike[str], kind: str = "file") -> Path:
    """Convert a file name to a `Path`.

    Args:
        what: What the file is for, for the text of an error.
        path: The name.
        kind: What the name is of: "file" or "folder".

    Raises:
        InputError: No file can have that name.
    """
    name = fspath(path) if isinstance(path, (str, PathLike)) else None
    if (
        not isinstance(name, str)
        or not 0 < len(name) <= MAX_PATH_LENGTH
        or "\0" in name
        or not _can_be_encoded(name)
    ):
        raise InputError(f"{what} must be the name of a {kind}, got {quote(path)}")
    return Path(name)


def _can_be_encoded(name: str) -> bool:
    try:
        return bool(fsencode(name))
    except UnicodeEncodeError:  # half of a pair of surrogates
        return False


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


def freeze(array: Array) -> Array:
    """Make an array read-only.

    Args:
        array: The array. Any shape.

    Returns:
        The same array, not a copy, of any shape.
    """
    array.setflags(write=False)
    return array


def list_names(names: Sequence[str], most: int = 3) -> str:
    """List the first few names for a text: `'x0', 'x1', 'x2' and 61 more`.

    Args:
        names: All names.
        most: How many to list.
    """
    first = ", ".join(repr(name) for name in names[:most])
    return first + (f" and {len(names) - most} more" if len(names) > most else "")


def did_you_mean(name: object, known: Sequence[str]) -> str:
    """Suggest the known name that is most like a wrong one, or else list the first known names.

    Args:
        name: What was given as a name.
        known: All names that exist.
    """
    near = get_close_matches(name[:128], known, n=1, cutoff=0.5) if isinstance(name, str) else []
    return f"did you mean {near[0]!r}?" if near else f"known are {list_names(known, 10)}"
