"""Where code of a user's own takes part: in a class, and as the caller of the package."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import lru_cache
from types import FrameType

PACKAGE = __name__.partition(".")[0]
LANGUAGE = {"builtins", "abc", "typing", "enum"}


def _has_own_code(kind: type) -> bool:
    return any(
        base.__module__.partition(".")[0] != PACKAGE and base.__module__ not in LANGUAGE
        for base in kind.__mro__
    )


# Each member of a society asks it, and they are of few classes.
has_own_code: Callable[[type], bool] = lru_cache(maxsize=512)(_has_own_code)
"""`has_own_code(kind)` says whether a class, or one that it derives from, is a user's own."""


def defines_own(kind: type, name: str) -> bool:
    """Return whether a method of a class is a user's own.

    Args:
        kind: The class.
        name: The name of its method.
    """
    owner = next(base for base in kind.__mro__ if name in vars(base))
    return has_own_code(owner)


def warn_caller(text: str) -> None:
    """Warn under the line of the user's code that called the package.

    Python shows that line, and repeats the warning for each such line alone.

    Args:
        text: The warning.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _is_ours(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, UserWarning, stacklevel=level)


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] == PACKAGE
