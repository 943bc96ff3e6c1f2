"""Text for people: what it holds never steers a terminal."""

from __future__ import annotations

from reprlib import Repr

_repr = Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = 160


def printable(text: str) -> str:
    """The same text; what would steer a terminal, or turn the reading direction, is written as an escape."""
    return (
        text
        if text.isprintable()
        else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    )


def shown(value: object) -> str:
    """What somebody handed over, as an error names it: on one line, not long, whatever its own description does."""
    try:
        return printable(" ".join(_repr.repr(value).split()))
    except Exception:  # such as a number of too many digits
        return f"a {type(value).__name__}"


def counted(n: int, word: str) -> str:
    """`1 example`, `1,024 examples`."""
    return f"{n:,} {word}{'s' * (n != 1)}"
