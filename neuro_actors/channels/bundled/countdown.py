"""How the members of the bundled engine wake each other, and what each of them holds.

The law:

1. Whoever has written its rows rings a bell: one for all who hear the same neurons, one for all whom the same neurons
   answer. A bell counts down; the last who rings it wakes its members, so each is woken once a phase, all its mail there.
2. The letter that wakes is the step; None, after which no more mail comes, ends a member.
3. Nobody is woken twice, or too early: a bell that finds a member awake leaves him the letter.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Generator, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import trio
from trio.lowlevel import Abort, current_task, reschedule, wait_task_rescheduled

from ...neuron.messages import ACTIVATION, TANGENT, TARGET, URGENCY, Kind, Step
from ...support.validation import Array, Indices, frozen
from .row_layout import Rows

NOTHING = frozen(np.empty(0))


class Letter:
    """What wakes a member: an outcome, as trio wants one, that may be opened by many."""

    __slots__ = ("step",)

    def __init__(self, step: Step | None) -> None:
        self.step = step

    def unwrap(self) -> Step | None:
        return self.step


class Gate:
    """What all bells of a society share: the letter of the step under way, and whether nobody is to be woken any more.

    pause: what a member says to trio to fall asleep. `wait_task_rescheduled` makes such an object for each sleep; as
    long as it holds nothing but the abort function, one serves all members always, which halves the cost of a wake.
    """

    __slots__ = ("closed", "letter", "pause")

    def __init__(self) -> None:
        self.closed = False
        self.letter = Letter(None)
        sleeping = wait_task_rescheduled(self.abort)  # noqa: ASYNC105 (it is looked at, not awaited)
        pause = sleeping.send(None)
        sleeping.close()
        self.pause = (
            pause if getattr(pause, "__dict__", None) == {"abort_func": self.abort} else None
        )

    def abort(self, raise_cancel: Callable[[], Any]) -> Abort:
        """Called for each sleeping member when the society is cancelled, which it is as a whole."""
        self.closed = True
        return Abort.SUCCEEDED


class Bell:
    """Rung by `need` members in a step; the last of them wakes those who wait for it.

    Where rows do not lie where they are read, it carries them over: into[where] = source[rows[start : start + count]].
    """

    __slots__ = (
        "count",
        "gate",
        "into",
        "left",
        "members",
        "need",
        "rows",
        "source",
        "start",
        "where",
    )

    def __init__(self, gate: Gate, need: int) -> None:
        self.gate = gate
        self.need = self.left = need
        self.members: tuple[BundledPort, ...] = ()
        self.source: Array | None = None

    def ring(self) -> None:
        """All have rung."""
        self.left = self.need
        gate = self.gate
        if gate.closed:
            return
        if self.source is not None:
            self.fetch()
        letter: Any = gate.letter
        port: Any
        for port in self.members:
            if port.asleep:
                port.asleep = False
                reschedule(port.task, letter)
            else:
                port.early = letter

    def carries(
        self, into: Array, where: Any, source: Array, rows: Indices, start: int, count: int
    ) -> None:
        self.into, self.where, self.source, self.rows, self.start, self.count = (
            into,
            where,
            source,
            rows,
            start,
            count,
        )

    def fetch(self) -> None:
        if self.source is not None:
            self.into[self.where] = self.source.take(
                self.rows[self.start : self.start + self.count], 0
            )


class BundledPort:
    """A member's views of its rows, and the bells of its direct neighbours; see `Port` and `LossPort`."""

    __slots__ = ("activation", "asleep", "back", "backward", "commit", "direction", "done", "early", "forward", "gate", "heard",
                 "losses", "node", "spoken", "targets", "task", "urgencies", "waits", "world")  # fmt: skip

    def __init__(self, node: str, gate: Gate, world: tuple[Bell, ...]) -> None:
        self.node = node
        self.gate = gate
        self.forward: tuple[Bell, ...] = ()  # rung when it has sent its activation
        self.backward: tuple[Bell, ...] = ()  # its urgencies
        self.world = world  # its last word
        self.heard: Array = NOTHING
        self.activation: Array = NOTHING
        self.urgencies: Array = NOTHING
        self.back: Array = NOTHING
        self.commit: Array = NOTHING
        self.direction: Array = NOTHING
        self.targets: Array = NOTHING
        self.losses: Array = NOTHING
        self.task: trio.lowlevel.Task | None = None
        self.asleep = False
        self.early: Letter | None = None
        self.waits: Kind = ACTIVATION
        self.spoken = self.done = (
            0  # the last step in which it has sent its activation, and its last word
        )

    @types.coroutine
    def wait(self, kind: Kind) -> Generator[Any, Any, Step | None]:
        if kind in (TARGET, TANGENT):  # it is there before any activation
            return self.gate.letter.step
        letter, gate = self.early, self.gate
        if letter is not None:
            self.early = None
            return letter.step
        if gate.closed:
            return None
        if self.task is None:
            self.task = current_task()
        self.waits = kind
        self.asleep = True
        if gate.pause is None:
            sleeping = wait_task_rescheduled(gate.abort)  # noqa: ASYNC105
            return (yield from sleeping.__await__())  # type: ignore[no-any-return]
        return (yield gate.pause).unwrap()  # type: ignore[no-any-return]

    def send(self, kind: Kind, step: Step) -> None:
        if kind == ACTIVATION:
            self.spoken = step.number
            bells = self.forward
        elif kind == URGENCY:
            bells = self.backward
        else:
            self.done = step.number
            bells = self.world
        for bell in bells:
            left = bell.left - 1
            if left:
                bell.left = left
            else:
                bell.ring()


def gather(bells: list[Bell], ports: list[BundledPort], group: Indices) -> None:
    """Make those of one group the members of its bell."""
    order = np.argsort(group, kind="stable")
    sorted_ports = [ports[k] for k in order.tolist()]
    ends = np.cumsum(np.bincount(group, minlength=len(bells))).tolist()
    start = 0
    for bell, end in zip(bells, ends, strict=True):
        bell.members = tuple(sorted_ports[start:end])
        start = end


def chosen(bells: list[Bell], rows: Rows) -> Iterator[tuple[Bell, ...]]:
    """For each member its bells."""
    groups, start = rows.values.tolist(), rows.start.tolist()
    for a, b in pairwise(start):
        yield tuple([bells[group] for group in groups[a:b]])
