"""Texts for people. A text that is printed never contains characters that control a terminal."""

from __future__ import annotations

from reprlib import Repr

_repr = Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = 160


def printable(text: str) -> str:
    """Replace characters that control a terminal, or the direction of reading, by escapes.

    Args:
        text: Any text, such as a name out of a file.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shown(value: object) -> str:
    """Return a short description of a value, on one line, for the text of an error.

    Args:
        value: Anything that a user passed; also an object whose `repr` fails.
    """
    try:
        return printable(" ".join(_repr.repr(value).split()))
    except Exception:  # such as a number of too many digits
        return f"a {type(value).__name__}"


def counted(n: int, word: str) -> str:
    """Return a count with its noun: `1 example`, `1,024 examples`.

    Args:
        n: The count.
        word: The noun in the singular; its plural must end with s.
    """
    return f"{n:,} {word}{'s' * (n != 1)}"
