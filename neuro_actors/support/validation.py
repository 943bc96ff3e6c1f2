"""Settings that are no numbers: truth values, lists and file names.

The first argument `what` names the value in the text of an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike, fsencode, fspath
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .hints import hint_for_value
from .signal_exceptions import is_from_handler
from .text import quote

MAX_PATH_LENGTH = 4096  # characters


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
        hint = hint_for_value(path)
        problem = f"{what} must be the name of a {kind}, got {quote(path)}"
        raise InputError(f"{problem}: {hint}" if hint else problem)
    return Path(name)


def _can_be_encoded(name: str) -> bool:
    try:
        return bool(fsencode(name))
    except UnicodeEncodeError:  # half of a pair of surrogates
        return False
