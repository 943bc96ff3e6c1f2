"""SVG and HTML as text. What is no markup is escaped, so no name of a user becomes a tag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .text import escape_controls


class Markup(str):
    """A text that is markup; other texts are escaped."""

    __slots__ = ()


def element(tag: str, *children: object, **attributes: object) -> Markup:
    """Return an element of SVG or HTML.

    Args:
        tag: Its name.
        children: What is in it; a text that is no `Markup` is escaped.
        attributes: Its attributes; an underscore in a name is written as a hyphen. A number has
            two decimals at most. One that is None is left out.
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = "".join(map(_escape, children))
    return Markup(f"<{tag}{given}>{inside}</{tag}>")


def join(parts: Iterable[Markup]) -> Markup:
    """Return some pieces of markup, one after another.

    Args:
        parts: The pieces.
    """
    return Markup("".join(parts))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """Return a table of HTML. Texts stand to the left, numbers and markup to the right.

    Args:
        head: The heads of the columns.
        rows: The cells of each row.
    """

    def cell(tag: str, content: object) -> Markup:
        side = "left" if type(content) is str else "right; white-space: nowrap"
        text = f"{content:,}" if isinstance(content, int) else content
        return element(tag, text, style=f"text-align: {side}")

    body = join(element("tr", *(cell("td", one) for one in row)) for row in rows)
    titles = element("tr", *(cell("th", one) for one in head))
    return element("table", element("thead", titles), element("tbody", body))


def block(*children: object) -> str:
    """Return what a notebook shows of an object.

    Args:
        children: What is in it; a text that is no `Markup` is escaped.
    """
    return str(element("div", *children))


def _escape(value: object) -> str:
    if isinstance(value, Markup):
        return value
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return escape("\n".join(map(escape_controls, str(value).split("\n"))))
