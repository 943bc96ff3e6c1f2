"""The result of an audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import fill

from ...support.text import format_count
from .lie import Lie


@dataclass(frozen=True, slots=True, repr=False)
class Audit:
    """The result of an audit. `print(audit)` says it in plain words.

    Attributes:
        passed: Whether the log is complete and every recorded message of a member is proved.
        exact: Whether bits were compared. False on a machine with another numeric fingerprint:
            there the rounding bound is checked instead.
        complete: Whether the log was written to its end and all its steps are whole.
        neurons: The number of neurons, inputs among them.
        steps: The number of steps in the log.
        rows: The number of rows in the log.
        messages: The number of messages. An activation counts once for each of its receivers.
        given: How many of these no computation can prove, but the seal vouches for: what the
            environment sent and, in a partial log, what unrecorded members sent.
        unproved: How many others could not be replayed; `remarks` say why.
        digest: The last digest of the chain of seals, in hexadecimal. Another log with the same
            digest has the same seals: the environment sent and asked for the same.
        complete_digest: The digest over all that metadata and rows say, in hexadecimal. Another log
            with the same one says the same; see `log/complete_digest.py`. Empty after a lie.
        lie: The first row that cannot be true, or None.
        remarks: What the audit cannot vouch for, one sentence each.
    """

    passed: bool
    exact: bool
    complete: bool
    neurons: int
    steps: int
    rows: int
    messages: int
    given: int
    unproved: int
    digest: str
    complete_digest: str
    lie: Lie | None
    remarks: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        if self.passed:
            return "Proved." if self.exact else "Proved, within the rounding bound."
        if self.lie is None:
            return "No lie was found, but not everything is proved."
        return f"REFUSED. The first lie, after {self.steps:,} steps that are true:"

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    def __repr__(self) -> str:
        result = "proved" if self.passed else "not proved" if self.lie is None else "REFUSED"
        counts = format_count(self.steps, "step"), format_count(self.messages, "message")
        found = [] if self.lie is None else [str(self.lie)]
        return f"<Audit: {'; '.join([result, ', '.join(counts), *found])}>"

    def _repr_html_(self) -> str:
        from ...support.markup import block, element

        colour = "#008f68" if self.passed else "#b00020"
        mark = element("b", "✓ " if self.passed else "✗ ", style=f"color: {colour}")
        sentence = element("div", mark, element("b", self.verdict))
        return block(sentence, element("pre", "\n".join(_lines(self, with_verdict=False))))


def _lines(audit: Audit, with_verdict: bool = True) -> Iterator[str]:
    compared = "bit for bit" if audit.exact else "within the rounding bound"
    counts = [format_count(audit.neurons, "neuron"), format_count(audit.steps, "step")]
    messages, rows = format_count(audit.messages, "message"), format_count(audit.rows, "row")
    yield f"{', '.join(counts)}, {messages} in {rows}"
    if audit.lie is not None:
        if with_verdict:
            yield audit.verdict
        yield _wrap(str(audit.lie))
    else:
        proved = audit.messages - audit.given - audit.unproved
        yield _wrap(
            f"replayed, each neuron alone, {compared}: {proved:,} messages, "
            "and all that was learnt in them"
        )
        yield _wrap(
            f"sealed, because they come from outside: {audit.given:,} messages, and the settings"
        )
    for remark in audit.remarks:
        yield _wrap(remark)
    yield f"digest {audit.digest}"
    if audit.complete_digest:
        yield f"complete digest {audit.complete_digest}"
    if with_verdict and audit.lie is None:
        yield audit.verdict


def _wrap(text: str) -> str:
    return fill(text, 79, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
