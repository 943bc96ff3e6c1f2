"""The first thing in a log that cannot be true, in words."""

from __future__ import annotations

from dataclasses import dataclass

from ...support.text import escape_controls

MAX_LENGTH = 90  # characters of a value in a text


@dataclass(frozen=True, slots=True)
class Lie:
    """The first row of a log that no honest run can have written.

    Attributes:
        step: The step that the row belongs to.
        row: The number of the row in the log, from 0 on.
        who: The sender of the message, or "the log's" where the row itself is wrong.
        what: Which message, or which part of the row.
        said: What the row contains.
        should: What it should contain.
        where: The example or parameter that the number belongs to, or a reason. May be empty.
    """

    step: int
    row: int
    who: str
    what: str
    said: float | str
    should: float | str
    where: str = ""

    def __str__(self) -> str:
        verb = "have said" if isinstance(self.said, float) else "be"
        more = f" ({self.where})" if self.where else ""
        said, should = (_text_of(value, self.what) for value in (self.said, self.should))
        return escape_controls(
            f"step {self.step}, row {self.row}: {self.who} {self.what} {said}; "
            f"it should {verb} {should}{more}"
        )


class LieFound(Exception):  # no error of the package: it ends an audit, which reports the lie
    """Raised inside an audit where the log cannot be true.

    Args:
        lie: What is wrong.
    """

    def __init__(self, lie: Lie) -> None:
        self.lie = lie


def lie_in_log(
    step: int, row: int, what: str, said: object, should: object, where: str = ""
) -> LieFound:
    """Make a `LieFound` about the log itself, not about a member.

    Args:
        step: The step that the row belongs to.
        row: The number of the row in the log.
        what: Which part of the log is wrong.
        said: What is there.
        should: What should be there.
        where: A reason. May be empty.
    """
    return LieFound(Lie(step, row, "the log's", what, shorten(said), shorten(should), where))


def shorten(value: object) -> str:
    """Return a value as a text of at most 90 characters.

    Args:
        value: The value; None becomes "nothing".
    """
    text = "nothing" if value is None else str(value)
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"


def _text_of(value: float | str, what: str) -> str:
    """Return a value as a text; an urgency has its sign always."""
    if isinstance(value, str):
        return value
    text = repr(value)
    return text if text[0] in "-n" or not what.endswith("urgency") else f"+{text}"
