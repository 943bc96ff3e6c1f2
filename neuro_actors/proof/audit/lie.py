"""The first thing in a log that cannot be true, in words."""

from __future__ import annotations

from dataclasses import dataclass

from ...support.text import printable


@dataclass(frozen=True, slots=True)
class Lie:
    """The first row of a log that no honest run can have written.

    step, row: its place; rows count from 0 on.  who: a member of the society, or "the log".  what: which of its
    messages.  said, should: what stands there, and what should.  where: the place among its numbers; or a reason.
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
        said, should = (_shown(value, self.what) for value in (self.said, self.should))
        return printable(
            f"step {self.step}, row {self.row}: {self.who} {self.what} {said}; it should {verb} {should}{more}"
        )


class Refused(Exception):  # no error: a verdict
    """Ends an audit."""

    def __init__(self, lie: Lie) -> None:
        self.lie = lie


def refused(
    step: int, row: int, what: str, said: object, should: object, where: str = ""
) -> Refused:
    """A verdict on the log itself."""
    return Refused(Lie(step, row, "the log's", what, cut(said), cut(should), where))


def cut(value: object) -> str:
    """In words that fit into a line."""
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 90 else text[:89] + "…"


def _shown(value: float | str, what: str) -> str:
    if isinstance(value, str):
        return value
    told = repr(value)
    return told if told[0] in "-n" or not what.endswith("urgency") else f"+{told}"
