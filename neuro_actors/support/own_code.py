"""Whether an object does what the package's code says, or runs code of a user's own."""

from __future__ import annotations

PACKAGE = __name__.partition(".")[0]
LANGUAGE = {"builtins", "abc", "typing", "enum"}


def has_own_code(kind: type) -> bool:
    """Return whether a class, or one that it derives from, is a user's own.

    Args:
        kind: The class.
    """
    return any(
        base.__module__.partition(".")[0] != PACKAGE and base.__module__ not in LANGUAGE
        for base in kind.__mro__
    )
