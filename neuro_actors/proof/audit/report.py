"""The result of an audit."""

from __future__ import annotations

from dataclasses import dataclass

from .lie import Lie


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of an audit.

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
