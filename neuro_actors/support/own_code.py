"""Whether an object does what the package's code says, or runs code of a user's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

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
