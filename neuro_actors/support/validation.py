"""Checks of what users pass to the package, and conversions: above all to float64 arrays.

The first argument `what` of each function names the value in the text of an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from os import PathLike, fsencode, fspath
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .columns import column, column_labels, in_another_order, index_of
from .errors import InputError
from .signal_exceptions import is_from_handler
from .text import quote

_T = TypeVar("_T")
Array: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]
MAX_POSITION = 2**31 - 1  # logs hold positions as 32-bit integers
MAX_PATH_LENGTH = 4096  # characters
MAX_BITS = 4096  # of a whole number: Python refuses to print much larger ones
ONLY_FLOATS = {float}
WHOLE_NUMBERS = (int, np.integer)
NUMBERS = (*WHOLE_NUMBERS, float, np.floating)
NO_NUMBERS = (bool, np.timedelta64)  # which derive from whole numbers
EXACT_INTEGERS = 2**53  # up to here float64 has each of them
INEXACT = "is not among the numbers that float64 has"


def as_floats(what: str, values: ArrayLike) -> Array:
    """Convert numbers to a float64 array. Each number must be one that float64 has exactly.

    Args:
        what: What the numbers are, for the text of an error.
        values: Real numbers, integers or truth values. Any shape.

    Returns:
        A new C-contiguous array of the same shape.

    Raises:
        InputError: A value is masked, no real number, not finite, or not a float64 number; or there
            is not enough memory.
    """
    if not isinstance(values, (np.ndarray, list, tuple)):
        labels = column_labels(what, values)
        if labels and _are_unique(labels):
            return _stacked(what, values, labels)  # else numpy would find one type for all columns
    return _as_floats(what, values)


def _as_floats(what: str, values: ArrayLike) -> Array:
    raw = _as_array(what, "an array of numbers", values)
    if values is None:
        raise InputError(f"{what}: expected an array of numbers, got None")
    if raw.dtype.kind not in "buif":
        kind = f"an array of {raw.dtype}"
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


def _refuse_inexact(what: str, raw: np.ndarray[Any, Any], array: Array) -> None:
    """Refuse numbers that became others as float64: large integers, and longer floats."""
    if raw.dtype.kind in "iu" and raw.dtype.itemsize == 8:
        for k in np.flatnonzero(np.abs(array) >= EXACT_INTEGERS).tolist():
            if int(raw.flat[k]) != int(array.flat[k]):
                raise InputError(f"{what}: {raw.flat[k]} {INEXACT}")
    elif raw.dtype.kind == "f" and raw.dtype.itemsize > 8:
        for k in np.flatnonzero(raw != array).tolist():
            raise InputError(f"{what}: {raw.flat[k]} {INEXACT}: round it with .astype(float)")


def as_batch(what: str, values: ArrayLike, names: Sequence[str]) -> Array:
    """Convert a batch of examples to a float64 array.

    Columns that bear names (of a data frame, or of rows that are series or named tuples) are taken
    by name. Where the names are other ones, they are refused. Numbers are no names.

    Args:
        what: What the batch is, for the text of an error.
        values: Numbers, a row for each example. Shape (batch, len(names)), with batch at least 1.
        names: The name of each column.

    Returns:
        A new C-contiguous array of shape (batch, len(names)).

    Raises:
        InputError: The shape is another one, a value is no finite number, or columns bear other
            names.
    """
    array = _named_columns(what, values, names)
    if array is None:
        array = as_floats(what, values)
    n_columns = len(names)
    if array.ndim == 2 and array.shape[1] == n_columns and len(array):
        return array
    raise InputError(
        f"{what}: expected shape (batch, {n_columns}), one column for each of {list_names(names)}, "
        f"got {array.shape}{_hint_for_batch(what, array, n_columns)}"
    )


def _named_columns(what: str, values: ArrayLike, names: Sequence[str]) -> Array | None:
    """Take columns by name, each converted for itself; None where columns have no labels."""
    labels = column_labels(what, values)
    if not labels:
        return None
    if not all(isinstance(label, NUMBERS) for label in labels):
        if not _have_names(labels, names):
            got = list_names([one if isinstance(one, str) else str(one) for one in labels])
            raise InputError(
                f"{what}: expected columns named {list_names(names)}, got {got}: "
                "rename them, or pass an array: .to_numpy()"
            )
        return _stacked(what, values, names)
    if in_another_order(labels, range(len(names))):
        raise InputError(
            f"{what}: its columns bear the numbers {list_names([str(one) for one in labels])}, "
            "which are not in order: sort them, or pass an array: .to_numpy()"
        )
    return None


def _have_names(labels: Sequence[Any], names: Sequence[str]) -> bool:
    """Return whether labels are the names, in any order. Tuples and times are no names."""
    return all(isinstance(one, str) for one in labels) and sorted(labels) == sorted(names)


def _are_unique(labels: Sequence[Any]) -> bool:
    try:
        return len(set(labels)) == len(labels)
    except TypeError:
        return False


def _stacked(what: str, values: object, labels: Sequence[Any]) -> Array:
    """Convert a data frame column by column."""
    try:
        columns = [(f"{what}: column {quote(one)}", column(values, one)) for one in labels]
    except Exception:
        raise InputError(f"{what}: its columns cannot be taken by {list_names(labels)}") from None
    converted = [_as_floats(*one) for one in columns]
    try:
        return np.ascontiguousarray(np.stack(converted, axis=1))
    except ValueError:
        raise InputError(f"{what}: its columns have other lengths") from None


def check_order(what: str, values: object, expected: Sequence[Any]) -> None:
    """Refuse a series whose labels are the expected ones in another order.

    Args:
        what: What the numbers are, for the text of an error.
        values: What a user passed, whether it has labels or not.
        expected: What each number belongs to. Counts from 0 on are labels as well.

    Raises:
        InputError: The labels are in another order.
    """
    labels = index_of(values)
    if labels is None:
        return
    for right in (expected, range(len(expected))):
        if in_another_order(labels, right):
            raise InputError(
                f"{what}: its labels are in another order, "
                f"{list_names([str(one) for one in labels])}, expected "
                f"{list_names([str(one) for one in right])}: sort it, or take its numbers in "
                "their order with .to_numpy()"
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
        raise InputError(f"{what}: expected {expected}: {quote(str(error))[1:-1]}") from None
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
    plain = _scalar(value)
    if isinstance(plain, WHOLE_NUMBERS) and not isinstance(plain, NO_NUMBERS):
        whole = int(plain)
        if whole.bit_length() <= MAX_BITS and least <= whole <= most:
            return whole
    limit = "" if most == math.inf else f" and at most {most:,}"
    raise InputError(
        f"{what} must be a whole number of at least {least}{limit}, got {quote(value)}"
    )


def as_number(value: object) -> float:
    """Convert a real number to a float; anything else becomes NaN, which fails every comparison.

    Whatever is kept of a number that a user passed, or that a user's function returned, is what
    this function returned: a number of numpy would bring the precision of its own type with it.

    Args:
        value: A Python or numpy number, or an array of numpy without axes. A truth value becomes
            NaN too, and so does a number that float64 does not have; see `got`.
    """
    plain = _scalar(value)
    if not isinstance(plain, NUMBERS) or isinstance(plain, NO_NUMBERS):
        return math.nan
    exact = int(plain) if isinstance(plain, WHOLE_NUMBERS) else plain
    try:
        converted = float(exact)
    except OverflowError:
        return math.nan
    return converted if converted == exact else math.nan


def _scalar(value: object) -> object:
    """Return the number in an array without axes, which is not masked; else the value itself."""
    return value[()] if type(value) is np.ndarray and not value.ndim else value


def got(value: object) -> str:
    """Describe what was passed in place of a number, and why `as_number` refuses it.

    Args:
        value: Anything that a user passed.
    """
    plain = _scalar(value)
    is_number = isinstance(plain, NUMBERS) and not isinstance(plain, NO_NUMBERS)
    inexact = is_number and math.isnan(as_number(plain)) and bool(plain == plain)
    return f"{quote(value)}, which {INEXACT}" if inexact else quote(value)


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
        except Exception as error:  # whatever iterating over such an object raises
            if is_from_handler(error):
                raise
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
