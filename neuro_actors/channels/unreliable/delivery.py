"""The delivery protocol: a member's mail comes whole though frames are lost, doubled, late or garbled, and though it dies.

The law:

1.  A frame is named by its line and its step. Its content follows from what was committed alone, so two frames of one
    name are equal, and one that comes again is the same. A frame whose checksum fails never came.
2.  A member has one durable state, its snapshot, which one assignment replaces: the last step that it finished, what its
    rule keeps, and what it said at the end of that step. All else is volatile: mail, what it said before, its timer.
3.  It commits once a step: when all is there and computed, and before it says anything of it.
4.  Each frame that tells it something is answered by one that it says at the end of the step: an activation by an
    urgency (targets by the losses, a direction by a commit). The answer acknowledges; nothing else does. Where there is
    nothing to feel, in a step that only predicts or towards inputs, the urgency is empty, and is said all the same.
5.  Who has spoken has one absolute deadline, later each time up to a cap. At the deadline it repeats what it told those
    whose answer is missing. (A timer that any mail set anew could starve.) Nobody else repeats anything unasked.
6.  A frame of the step that it is at is state, also before it has spoken itself: after a death that is ordinary.
7.  A frame of the step before is answered again, with what was retained. An older one is dropped.
8.  A frame of a later step, or along no line of its, is an error, which names who erred and changes nothing.
9.  After its death a member goes on from its snapshot, with empty mail. The timers of those before it bring back what it
    was told; what it says, computed anew to the same bits, brings back the answers.
10. The environment is a member that does not die. It has heard a step's answers from all, and then begins the next. An
    answer to which it told nothing, as a commit mostly, it asks for; who has not finished the step lets it ask.
11. So along a synapse step(source) <= step(target) <= step(source) + 1; when the environment has heard all, everyone has
    committed, and no farewell is needed: whoever is told that it is over has nothing left to do.
12. A member holds at most one frame from each line that it hears, and what it said last.
13. A frame that finds a mailbox full is lost as others are: no flood takes more room than that.
14. In one lane of several (`lanes.py`) all of this holds of the lane's own steps, whose numbers lie `stride` apart.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...support.errors import MessageError
from ...support.validation import Array
from .frames import Frame


class Snapshot(NamedTuple):
    """All that survives a member's death."""

    number: int = 0  # of the last step that it finished
    state: tuple[Any, ...] = ()  # by its rule
    sent: Mapping[int, Frame] = {}  # by line, at the end of that step


@dataclass(frozen=True, slots=True)
class AckTable:
    """What a member knows of its lines.

    answers: for each line along which it is told something, the line of its answer.
    repeats: for each line along which it is answered, those of its own that the answer acknowledges; none: it asks.
    first: the seconds after which it repeats itself for the first time.
    stride: from the number of one step to the next; in one lane of several it is how many there are.
    """

    node: str
    answers: Mapping[int, int]
    repeats: Mapping[int, tuple[int, ...]]
    first: float
    stride: int = 1


CAP = 16.0  # how many times the first wait the longest is


class DeliveryState:
    """One life of a member, as far as its mail is concerned. No trio, no clock: it is told what time it is.

    mail: what it holds of the step that it is at, by line.  order: what is to be done in that step, once it knows.
    """

    __slots__ = (
        "awaited",
        "deadline",
        "mail",
        "number",
        "order",
        "sent",
        "snapshot",
        "table",
        "wait",
    )

    def __init__(self, table: AckTable, snapshot: Snapshot) -> None:
        self.table = table
        self._begin(snapshot)

    def _begin(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.number = snapshot.number + self.table.stride
        self.order: int | None = None
        self.mail: dict[int, Array] = {}
        self.sent: dict[int, Frame] = {}
        self.awaited: Collection[int] = ()
        self.wait, self.deadline = self.table.first, math.inf

    def receive(self, frame: Frame) -> Frame | None:
        """Take a frame in; what is to be said at once, if anything. Raises `MessageError`, and changes nothing, for one
        that cannot be (rule 8)."""
        line, (age, astray) = frame.line, divmod(self.number - frame.number, self.table.stride)
        if age < 0 or astray:
            raise MessageError(f"is of step {frame.number}, though it is at step {self.number}")
        if frame.asks:
            return (self.sent if age == 0 else self.snapshot.sent if age == 1 else {}).get(line)
        is_answered = line in self.table.answers
        if not is_answered and line not in self.table.repeats:
            raise MessageError("comes along a line that it does not hear")
        if age == 0:
            if self.order is not None and frame.order != self.order:
                raise MessageError(
                    f"is of order {frame.order}, though all others in step {self.number} are of {self.order}"
                )
            self.order = frame.order
            self.mail.setdefault(line, frame.values)
        elif age == 1 and is_answered:
            return self.snapshot.sent.get(self.table.answers[line])
        return None

    def mark_sent(self, frames: Iterable[Frame], awaited: Collection[int], now: float) -> None:
        """It has spoken: the answers along these lines are awaited from now on."""
        self.sent.update((frame.line, frame) for frame in frames)
        self.awaited, self.deadline = awaited, now + self.wait

    def lacks_any(self, lines: Iterable[int]) -> bool:
        """Whether anything of that is missing."""
        return any(line not in self.mail for line in lines)

    def missing(self, lines: Iterable[int]) -> list[int]:
        """Those of the lines along which nothing has come in this step."""
        return [line for line in lines if line not in self.mail]

    def take_due(self, now: float) -> list[Frame]:
        """At the deadline: what is to be said again, or asked for."""
        if now < self.deadline:
            return []
        frames: dict[int, Frame] = {}
        for line in self.missing(self.awaited):
            again = [self.sent[own] for own in self.table.repeats[line] if own in self.sent]
            for frame in again or [Frame(line, self.number, self.order or 0, asks=True)]:
                frames[frame.line] = frame
        self.wait = min(2.0 * self.wait, CAP * self.table.first)
        self.deadline = now + self.wait if frames else math.inf
        return list(frames.values())

    def finish(self, state: tuple[Any, ...], frames: Iterable[Frame]) -> Snapshot:
        """The step is over: what it comes to, to be made durable before any of these frames is sent."""
        acknowledged = {
            own for lines in self.table.repeats.values() for own in lines
        }  # which need not be retained
        sent = {line: frame for line, frame in self.sent.items() if line not in acknowledged}
        snapshot = Snapshot(self.number, state, sent | {frame.line: frame for frame in frames})
        self._begin(snapshot)
        return snapshot
