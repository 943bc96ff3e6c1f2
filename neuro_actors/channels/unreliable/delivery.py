"""The delivery protocol: a member's mail comes whole though frames are lost, doubled, late or garbled, and though it dies.

The law:

1.  A letter is named by its line and its step. Its content follows from what was committed alone, so two letters of one
    name are equal, and one that comes again is the same. A frame whose checksum fails never came.
2.  A member has one durable state, its snapshot, which one assignment replaces: the last step that it finished, what its
    rule keeps, and what it said at the end of that step. All else is volatile: mail, what it said before, its timer.
3.  It commits once a step: when all is there and computed, and before it says anything of it.
4.  Each letter that tells it something is answered by one that it says at the end of the step: an activation by an
    urgency (targets by the losses, a direction by a commit). The answer acknowledges; nothing else does. Where there is
    nothing to feel, in a step that only predicts or towards inputs, the urgency is empty, and is said all the same.
5.  Who has spoken has one absolute deadline, later each time up to a cap. At the deadline it repeats what it told those
    whose answer is missing. (A timer that any mail set anew could starve.) Nobody else repeats anything unasked.
6.  A letter of the step that it is at is kept, also before it has spoken itself: after a death that is ordinary.
7.  A letter of the step before is answered again, with what was retained. An older one is dropped.
8.  A letter of a later step, or along no line of its, is an error, which names who erred and changes nothing.
9.  After its death a member goes on from its snapshot, with empty mail. The timers of those before it bring back what it
    was told; what it says, computed anew to the same bits, brings back the answers.
10. The environment is a member that does not die. It has heard a step's answers from all, and then begins the next. An
    answer to which it told nothing, as a commit mostly, it asks for; who has not finished the step lets it ask.
11. So along a synapse step(source) <= step(target) <= step(source) + 1; when the environment has heard all, everyone has
    committed, and no farewell is needed: whoever is told that it is over has nothing left to do.
12. A member holds at most one letter from each line that it hears, and what it said last.
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
from .frames import Letter


class Snapshot(NamedTuple):
    """All that survives a member's death."""

    number: int = 0  # of the last step that it finished
    kept: tuple[Any, ...] = ()  # by its rule
    said: Mapping[int, Letter] = {}  # by line, at the end of that step


@dataclass(frozen=True, slots=True)
class Wires:
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


class Delivery:
    """One life of a member, as far as its mail is concerned. No trio, no clock: it is told what time it is.

    mail: what it holds of the step that it is at, by line.  order: what is to be done in that step, once it knows.
    """

    __slots__ = (
        "awaited",
        "deadline",
        "mail",
        "number",
        "order",
        "snapshot",
        "spoken",
        "wait",
        "wires",
    )

    def __init__(self, wires: Wires, snapshot: Snapshot) -> None:
        self.wires = wires
        self._begin(snapshot)

    def _begin(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.number = snapshot.number + self.wires.stride
        self.order: int | None = None
        self.mail: dict[int, Array] = {}
        self.spoken: dict[int, Letter] = {}
        self.awaited: Collection[int] = ()
        self.wait, self.deadline = self.wires.first, math.inf

    def receive(self, letter: Letter) -> Letter | None:
        """Take a letter in; what is to be said at once, if anything. Raises `MessageError`, and changes nothing, for one
        that cannot be (rule 8)."""
        line, (age, astray) = letter.line, divmod(self.number - letter.number, self.wires.stride)
        if age < 0 or astray:
            raise MessageError(f"is of step {letter.number}, though it is at step {self.number}")
        if letter.asks:
            return (self.spoken if age == 0 else self.snapshot.said if age == 1 else {}).get(line)
        told = line in self.wires.answers
        if not told and line not in self.wires.repeats:
            raise MessageError("comes along a line that it does not hear")
        if age == 0:
            if self.order is not None and letter.order != self.order:
                raise MessageError(
                    f"is of order {letter.order}, though all others in step {self.number} are of {self.order}"
                )
            self.order = letter.order
            self.mail.setdefault(line, letter.values)
        elif age == 1 and told:
            return self.snapshot.said.get(self.wires.answers[line])
        return None

    def say(self, letters: Iterable[Letter], awaited: Collection[int], now: float) -> None:
        """It has spoken: the answers along these lines are awaited from now on."""
        self.spoken.update((letter.line, letter) for letter in letters)
        self.awaited, self.deadline = awaited, now + self.wait

    def lacks(self, lines: Iterable[int]) -> bool:
        """Whether anything of that is missing."""
        return any(line not in self.mail for line in lines)

    def missing(self, lines: Iterable[int]) -> list[int]:
        """Those of the lines along which nothing has come in this step."""
        return [line for line in lines if line not in self.mail]

    def due(self, now: float) -> list[Letter]:
        """At the deadline: what is to be said again, or asked for."""
        if now < self.deadline:
            return []
        letters: dict[int, Letter] = {}
        for line in self.missing(self.awaited):
            again = [self.spoken[own] for own in self.wires.repeats[line] if own in self.spoken]
            for letter in again or [Letter(line, self.number, self.order or 0, asks=True)]:
                letters[letter.line] = letter
        self.wait = min(2.0 * self.wait, CAP * self.wires.first)
        self.deadline = now + self.wait if letters else math.inf
        return list(letters.values())

    def finish(self, kept: tuple[Any, ...], letters: Iterable[Letter]) -> Snapshot:
        """The step is over: what it comes to, to be made durable before any of these letters is sent."""
        acknowledged = {
            own for lines in self.wires.repeats.values() for own in lines
        }  # which need not be retained
        said = {line: letter for line, letter in self.spoken.items() if line not in acknowledged}
        snapshot = Snapshot(self.number, kept, said | {letter.line: letter for letter in letters})
        self._begin(snapshot)
        return snapshot
