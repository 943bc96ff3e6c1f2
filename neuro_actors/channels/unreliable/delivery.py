"""The delivery protocol: all mail arrives, though frames are lost and members crash.

The rules:

1.  The route and the step are a frame's name. Its contents depend on committed state alone. So two
    frames of one name are equal, and a repeated frame changes nothing. A frame whose checksum is
    wrong counts as lost.
2.  A member has one durable state, its snapshot, and one assignment replaces it. The snapshot holds
    the number of the last finished step, the state of the rule, and the frames that the member sent
    at the end of that step. All else is volatile: mail, frames sent earlier in a step, the timer.
3.  A member commits once in a step: after all mail has arrived and everything is computed, and
    before the member sends anything of the result.
4.  Each message that a member receives from a source is answered by one message that the member
    sends at the end of the step: an activation by an urgency, a target by the losses, a direction
    by a commit. This answer is the acknowledgement, and there is no other. Where no urgency is due
    (in a step that only predicts, or towards inputs), the member sends an empty one.
5.  A member that has sent its activations has one absolute deadline. At the deadline the member
    repeats the frames that have no answer yet, and waits twice as long for the next deadline, up to
    a cap. (A timer that every frame restarts could starve.) All other frames are sent once, or when
    a question asks for them. A deadline at which the society is behind its mail (frames that were
    due earlier are not read yet) is postponed: the answer may be among them. This happens on a real
    clock alone.
6.  A frame of the current step is stored, even before the member has sent its own activations:
    after a crash this order is ordinary.
7.  A frame of the previous step is answered again, from the snapshot. An older frame is dropped.
8.  A frame of a later step, or along a route that does not lead to the member, is an error. The
    error names the sender, and nothing changes.
9.  After a crash a member continues from its snapshot, with empty mail. The timers of its sources
    bring back the frames that were lost. The member computes the same bits again, and the frames
    that it sends then bring back the answers.
10. The environment is a member that does not crash. It begins the next step when it has the answers
    of all members. Some answers acknowledge no frame of the environment, such as the activation of
    an output. If one of these is missing at a deadline, the environment sends a question. A member
    that has not sent the answer yet ignores the question.
11. So along each synapse step(source) <= step(target) <= step(source) + 1. When the environment has
    all answers, all members have committed. So no member needs a farewell: when the channels stop,
    no member has anything left to do.
12. A member holds at most one frame for each route that leads to it, and the frames that it sent
    last.
13. A frame that finds a full mailbox is lost like any other. So no flood of frames needs more
    memory than the mailboxes have.
14. In one lane of several (`society/pipeline.py`) all rules are about the steps of this lane. Their
    numbers lie `stride` apart.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...support.arrays import Array
from ...support.errors import MessageError
from .frames import Frame

CAP = 16.0  # the longest wait, in first waits


class Snapshot(NamedTuple):
    """All that survives a crash of a member.

    Attributes:
        number: The number of the last step that the member finished.
        state: The state of the member's rule.
        sent: The frames that the member sent last and that no answer acknowledges, by route.
    """

    number: int = 0
    state: tuple[Any, ...] = ()
    sent: Mapping[int, Frame] = {}


@dataclass(frozen=True, slots=True)
class AckTable:
    """Which routes of a member answer which others.

    Attributes:
        node: The member's name.
        answers: For each route on which the member receives a message that it must answer, the
            route of its answer.
        repeats: For each route on which the member receives an answer, its own routes that the
            answer acknowledges. None: the member cannot repeat, and sends a question instead.
        first: The seconds from sending to the first deadline.
        stride: The distance from the number of one step to the next: the number of lanes.
    """

    node: str
    answers: Mapping[int, int]
    repeats: Mapping[int, tuple[int, ...]]
    first: float
    stride: int = 1


class DeliveryState:
    """The mail of one member, from its start or its last crash on. No trio, no clock.

    Attributes:
        table: Which routes answer which others.
        snapshot: What the member has committed.
        number: The number of the current step.
        step_code: What is to be done in the current step; None until the first frame tells it.
        mail: The values received in the current step, by route. Each of shape (n,).
        sent: The frames sent in the current step, by route.
        awaited: The routes of the answers to `sent`, whether they have arrived or not.
        wait: The seconds until the deadline after the next one.
        deadline: The time at which to repeat what has no answer yet.
    """

    __slots__ = (
        "awaited",
        "deadline",
        "mail",
        "number",
        "sent",
        "snapshot",
        "step_code",
        "table",
        "wait",
    )

    def __init__(self, table: AckTable, snapshot: Snapshot) -> None:
        self.table = table
        self._begin(snapshot)

    def _begin(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.number = snapshot.number + self.table.stride
        self.step_code: int | None = None
        self.mail: dict[int, Array] = {}
        self.sent: dict[int, Frame] = {}
        self.awaited: Collection[int] = ()
        self.wait, self.deadline = self.table.first, math.inf

    def receive(self, frame: Frame) -> Frame | None:
        """Store a frame, or answer it.

        Returns:
            The frame to send at once: an answer of the previous step, or what a question asks for.
            None if there is nothing to send.

        Raises:
            MessageError: The frame breaks rule 8. Nothing has changed.
        """
        route, (age, rest) = frame.route, divmod(self.number - frame.number, self.table.stride)
        if age < 0 or rest:
            raise MessageError(
                f"it belongs to step {frame.number}, the receiver is at step {self.number}"
            )
        if frame.asks:
            return (self.sent if age == 0 else self.snapshot.sent if age == 1 else {}).get(route)
        has_answer = route in self.table.answers
        if not has_answer and route not in self.table.repeats:
            raise MessageError("this route does not lead to the receiver")
        if age == 0:
            if self.step_code is not None and frame.step_code != self.step_code:
                raise MessageError(
                    f"its step code is {frame.step_code}, that of all others in step "
                    f"{self.number} is {self.step_code}"
                )
            self.step_code = frame.step_code
            self.mail.setdefault(route, frame.values)
        elif age == 1 and has_answer:
            return self.snapshot.sent.get(self.table.answers[route])
        return None

    def mark_sent(self, frames: Iterable[Frame], awaited: Collection[int], now: float) -> None:
        """Note that these frames are sent, and set the deadline.

        Args:
            frames: The frames.
            awaited: The routes of the answers.
            now: The time in seconds.
        """
        self.sent.update((frame.route, frame) for frame in frames)
        self.awaited, self.deadline = awaited, now + self.wait

    def is_missing_any(self, routes: Iterable[int]) -> bool:
        """Whether nothing has arrived on one of these routes in this step."""
        return any(route not in self.mail for route in routes)

    def missing(self, routes: Iterable[int]) -> list[int]:
        """Those of the routes on which nothing has arrived in this step."""
        return [route for route in routes if route not in self.mail]

    def take_due(self, now: float) -> list[Frame]:
        """Return the frames to repeat and the questions to send, and set the next deadline.

        Args:
            now: The time in seconds. Before the deadline, nothing is due and nothing changes.
        """
        if now < self.deadline:
            return []
        frames: dict[int, Frame] = {}
        for route in self.missing(self.awaited):
            again = [self.sent[own] for own in self.table.repeats[route] if own in self.sent]
            for frame in again or [Frame(route, self.number, self.step_code or 0, asks=True)]:
                frames[frame.route] = frame
        self.wait = min(2.0 * self.wait, CAP * self.table.first)
        self.deadline = now + self.wait if frames else math.inf
        return list(frames.values())

    def postpone(self, now: float) -> None:
        """Set the next deadline, and repeat nothing: frames that have arrived are not read yet.

        Args:
            now: The time in seconds.
        """
        self.deadline = now + self.wait

    def finish(self, state: tuple[Any, ...], frames: Iterable[Frame]) -> Snapshot:
        """Finish the step and begin the next one.

        Args:
            state: The state of the rule after this step.
            frames: The frames to send at the end of the step.

        Returns:
            The snapshot to make durable before any of the frames is sent.
        """
        acknowledged = {own for routes in self.table.repeats.values() for own in routes}
        sent = {route: frame for route, frame in self.sent.items() if route not in acknowledged}
        snapshot = Snapshot(self.number, state, sent | {frame.route: frame for frame in frames})
        self._begin(snapshot)
        return snapshot
