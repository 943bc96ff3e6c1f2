"""Text for people: what it holds never steers a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """The same text; what would steer a terminal, or turn the reading direction, is written as an escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def counted(n: int, word: str) -> str:
    """`1 example`, `1,024 examples`."""
    return f"{n:,} {word}{'s' * (n != 1)}"
