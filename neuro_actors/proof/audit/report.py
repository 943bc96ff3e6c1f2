"""What came of an audit."""

from __future__ import annotations

from dataclasses import dataclass

from .lie import Lie


@dataclass(frozen=True, slots=True)
class Audit:
    """What came of an audit.

    passed: whether the log is complete, and all that was recorded of what members said is proved.
    exact: whether bits were compared; False on another kind of machine, where only the rounding bound was.
    complete: whether the log was written to its end, all its steps whole.
    neurons, steps, rows: how many it holds.  messages: as said: an activation counts once for each who heard it.
    given: how many of these no arithmetic can vouch for, but the seal: what the environment said, and in a partial log
        those who were not recorded.  unproved: how many others could not be replayed; `remarks` say why.
    digest: the last of the chain of seals: whoever knows it knows that nothing was changed.
    lie: the first, or None.
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
    lie: Lie | None
    remarks: tuple[str, ...]
