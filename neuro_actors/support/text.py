"""Texts for people. A text that is printed never contains characters that control a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from reprlib import Repr

_repr = Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = 160


def escape_controls(text: str) -> str:
    """Replace characters that control a terminal, or the direction of reading, by escapes.

    Args:
        text: Any text, such as a name out of a file.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def quote(value: object) -> str:
    """Return a short description of a value, on one line, for the text of an error.

    Args:
        value: Anything that a user passed; also an object whose `repr` fails.
    """
    try:
        return escape_controls(" ".join(_repr.repr(value).split()))
    except Exception:  # such as a number of too many digits
        return f"a {type(value).__name__}"


def format_count(n: int, word: str) -> str:
    """Return a count with its noun: `1 example`, `1,024 examples`.

    Args:
        n: The count.
        word: The noun in the singular; its plural must end with s.
    """
    return f"{n:,} {word}{'s' * (n != 1)}"


def format_number(value: float, form: str, least: float = 1e-3) -> str:
    """Return a number as text: with a power of ten if it is small, or from a million on.

    Args:
        value: The number.
        form: A format specification with a fixed point, such as "+.3f".
        least: The least number, apart from 0, that is written without a power of ten.
    """
    is_usual = value == 0 or least <= abs(value) < 1e6
    return format(value, form if is_usual else form.replace("f", "e"))


def format_loss(value: float) -> str:
    """Return a loss as text: four decimals, unless that would be 0.0000 or very long.

    Args:
        value: The loss.
    """
    return format_number(value, ".4f", least=1e-4)


def format_table(rows: Sequence[Sequence[str]], last_is_text: bool = False) -> str:
    """Return a table as text: columns aligned to the right, with two spaces between.

    Args:
        rows: The cells of each row; the first row is the head. All rows are equally long.
        last_is_text: Align the last column to the left.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if last_is_text:
        widths[-1] = 0
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def wrap_entry(name: str, text: str, name_width: int, width: int) -> list[str]:
    """Return the lines of a summary's entry: its name, then its text, wrapped.

    Args:
        name: The name; it is printed on the first line.
        text: The text.
        name_width: The width of the column of names.
        width: The longest line.
    """
    wrapped = textwrap.wrap(escape_controls(text), width - name_width - 4, break_on_hyphens=False)
    return [f"  {'' if k else name:{name_width}}  {line}" for k, line in enumerate(wrapped)]


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
    from difflib import get_close_matches  # for errors alone

    near = get_close_matches(name[:128], known, n=1, cutoff=0.5) if isinstance(name, str) else []
    return f"did you mean {near[0]!r}?" if near else f"known are {list_names(known, 10)}"
