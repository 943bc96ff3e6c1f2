"""Names that data bring with them: of columns, and of rows.

Data frames (pandas, polars, pyarrow and their like) and labelled arrays name their columns. So do
rows that are series or named tuples. No library of data frames is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import InputError

PLAIN = (list, tuple, np.ndarray, float, int)  # types that bear no names


def column_labels(what: str, values: Any) -> list[Any] | None:
    """Return the label of each column; None where columns have no labels.

    Args:
        what: What the values are, for the text of an error.
        values: A batch of examples, as a user passed it.

    Raises:
        InputError: These are rows whose labels differ.
    """
    try:
        return _column_labels(what, values)
    except InputError:
        raise
    except Exception:  # what only looks like a data frame
        return None


def _column_labels(what: str, values: Any) -> list[Any] | None:
    if isinstance(values, (list, tuple)):
        if all(one in PLAIN for one in set(map(type, values))):
            return None
        rows = [_row_labels(row) for row in values]
        labels = next((row for row in rows if row is not None), None)
        if labels is not None and any(row is None or set(row) != set(labels) for row in rows):
            raise InputError(f"{what}: its rows bear different names")
        return labels
    for name in ("column_names", "columns"):
        found = getattr(values, name, None)
        if found is not None and not callable(found):
            return list(found)
    dims, coordinates = getattr(values, "dims", None), getattr(values, "coords", None)
    if isinstance(dims, tuple) and len(dims) == 2 and coordinates is not None:
        return list(coordinates[dims[1]].values) if dims[1] in coordinates else None
    return None


def column(values: Any, label: Any) -> Any:
    """Return the column of a label, which is one of `column_labels`.

    Args:
        values: A batch of examples, as a user passed it.
        label: The label of one column.
    """
    if isinstance(values, (list, tuple)):
        return [getattr(row, label) if hasattr(row, "_fields") else row[label] for row in values]
    if isinstance(getattr(values, "dims", None), tuple):
        return values.sel({values.dims[1]: label})
    return values[label]


def _row_labels(row: Any) -> list[Any] | None:
    """Return the names that a row's numbers bear: of a named tuple, or of a series."""
    fields = getattr(row, "_fields", None)
    labels = fields if isinstance(row, tuple) else index_of(row)
    if labels is None:
        return None
    # counts that are not in order are refused as those of a data frame are
    if in_another_order(labels, range(len(labels))) or all(isinstance(one, str) for one in labels):
        return list(labels)
    return None


def index_of(values: Any) -> Any:
    """Return the labels of the rows, or of a series' numbers; None where they have none.

    Args:
        values: A batch of examples or a vector, as a user passed it.
    """
    if isinstance(values, (str, bytes)):
        return None
    try:
        index = getattr(values, "index", None)  # of a list it is a method
    except Exception:
        return None
    return None if index is None or callable(index) or not hasattr(index, "__len__") else index


def in_another_order(labels: Any, expected: Sequence[Any]) -> bool:
    """Return whether some labels are the expected ones in another order.

    Args:
        labels: What `index_of` returned, or None.
        expected: The labels in their right order.
    """
    if labels is None or len(labels) != len(expected):
        return False
    try:
        here = list(labels)
        return here != list(expected) and set(here) == set(expected)
    except Exception:  # what only looks like labels
        return False
