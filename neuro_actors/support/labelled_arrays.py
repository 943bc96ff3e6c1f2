"""Arrays of users that may bring labels with them: columns are taken by name, each for itself.

The first argument `what` names the values in the text of an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Array, floats_without_labels
from .columns import column, column_labels, in_another_order, index_of
from .errors import InputError
from .scalars import NUMBERS
from .text import list_names, quote


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
    return floats_without_labels(what, values)


def as_batch(
    what: str,
    values: ArrayLike,
    names: Sequence[str],
    grid: tuple[int, ...] = (),
    ticks: tuple[int, ...] = (),
) -> Array:
    """Convert a batch of examples to a float64 array.

    Columns that bear names (of a data frame, or of rows that are series or named tuples) are taken
    by name. Where the names are other ones, they are refused. Numbers are no names.

    Args:
        what: What the batch is, for the text of an error.
        values: Numbers, a row for each example. Shape (batch, *ticks, *grid, len(names)), with
            batch at least 1.
        names: The name of each column.
        grid: The shape of the positions at which each example has a row.
        ticks: How many ticks each example has; () if there is no time.

    Returns:
        A new C-contiguous array of shape (batch, *ticks, *grid, len(names)).

    Raises:
        InputError: The shape is another one, a value is no finite number, or columns bear other
            names.
    """
    axes = (*ticks, *grid)
    array = None if axes else _named_columns(what, values, names)
    if array is None:
        array = as_floats(what, values)
    n_columns = len(names)
    if array.ndim == 2 + len(axes) and array.shape[1:] == (*axes, n_columns) and len(array):
        return array
    if axes:
        counts = [*(f"{n} ticks" for n in ticks), *map(str, grid), str(n_columns)]
        each = " and ".join(["each tick"] * len(ticks) + ["each position"] * bool(grid))
        raise InputError(
            f"{what}: expected shape ({', '.join(['batch', *counts])}), one number for {each} and "
            f"each of {list_names(names)}, got {array.shape}"
        )
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
    converted = [floats_without_labels(*one) for one in columns]
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
    _check_labels(what, index_of(values), expected)


def check_columns_order(what: str, values: Any, expected: Sequence[Any]) -> None:
    """Refuse a matrix whose columns have the expected labels in another order; see `check_order`.

    Args:
        what: What the numbers are, for the text of an error.
        values: What a user passed, whether its columns have labels or not.
        expected: What each column belongs to. Counts from 0 on are labels as well.

    Raises:
        InputError: The labels are in another order.
    """
    _check_labels(what, column_labels(what, values), expected)


def _check_labels(what: str, labels: Any, expected: Sequence[Any]) -> None:
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
