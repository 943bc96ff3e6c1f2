"""How the members of the bundled engine wake each other, and what each of them holds.

The law:

1. A member that has written its rows arrives at a countdown. Members that read the same rows share one countdown. The last
   writer that arrives wakes them all. So each member is woken once a phase, when all its mail is there.
2. The value that wakes a member is the step. None ends a member: no more mail will come.
3. No member is woken twice, or too early: a countdown that finds a member awake leaves the wake-up for its next wait.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Generator, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import trio
from trio.lowlevel import Abort, current_task, reschedule, wait_task_rescheduled

from ...neuron.messages import ACTIVATION, URGENCY, MessageKind, Step
from ...support.validation import Array, Indices, frozen
from .row_layout import Rows

NOTHING = frozen(np.empty(0))


class WakeUp:
    """What wakes a member: an outcome, as trio wants one, that may be opened by many."""

    __slots__ = ("step",)

    def __init__(self, step: Step | None) -> None:
        self.step = step

    def unwrap(self) -> Step | None:
        return self.step


class Shutdown:
    """What all countdowns of a society share: the wake-up of the step under way, and whether the society has been stopped.

    pause: what a member yields to trio to fall asleep. `wait_task_rescheduled` makes such an object for each sleep; as
    long as it holds nothing but the abort function, one serves all members always, which halves the cost of a wake.
    """

    __slots__ = ("closed", "pause", "wake_up")

    def __init__(self) -> None:
        self.closed = False
        self.wake_up = WakeUp(None)
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


class Countdown:
    """A latch: `need` members arrive at it in a step, and the last of them wakes the members that wait for it.

    Where rows are not read in the place where they are written, it copies them: into[where] = source[rows[start : start + count]].
    """

    __slots__ = (
        "count",
        "into",
        "left",
        "members",
        "need",
        "rows",
        "shutdown",
        "source",
        "start",
        "where",
    )

    def __init__(self, shutdown: Shutdown, need: int) -> None:
        self.shutdown = shutdown
        self.need = self.left = need
        self.members: tuple[BundledPort, ...] = ()
        self.source: Array | None = None

    def arrive(self) -> None:
        """Count one of them; the last one wakes the members."""
        self.left -= 1
        if not self.left:
            self.release()

    def release(self) -> None:
        """All have arrived: wake the members."""
        self.left = self.need
        shutdown = self.shutdown
        if shutdown.closed:
            return
        if self.source is not None:
            self.fetch()
        wake_up: Any = shutdown.wake_up
        port: Any
        for port in self.members:
            if port.asleep:
                port.asleep = False
                reschedule(port.task, wake_up)
            else:
                port.early = wake_up

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
    """A member's views of its rows, and the countdowns of its direct neighbours; see `NeuronPort` and `LossPort`."""

    __slots__ = (
        "activation_out",
        "activation_step",
        "activations_in",
        "asleep",
        "at_end",
        "backward",
        "commit_out",
        "direction",
        "early",
        "finished_step",
        "forward",
        "losses",
        "node",
        "shutdown",
        "targets",
        "task",
        "urgencies_in",
        "urgencies_out",
        "waits",
    )  # fmt: skip

    def __init__(self, node: str, shutdown: Shutdown, at_end: tuple[Countdown, ...]) -> None:
        self.node = node
        self.shutdown = shutdown
        self.forward: tuple[Countdown, ...] = ()  # it arrives here when it has sent its activation
        self.backward: tuple[Countdown, ...] = ()  # and here with its urgencies
        self.at_end = at_end  # and here with its last message
        self.activations_in: Array = NOTHING
        self.activation_out: Array = NOTHING
        self.urgencies_in: Array = NOTHING
        self.urgencies_out: Array = NOTHING
        self.commit_out: Array = NOTHING
        self.direction: Array = NOTHING
        self.targets: Array = NOTHING
        self.losses: Array = NOTHING
        self.task: trio.lowlevel.Task | None = None
        self.asleep = False
        self.early: WakeUp | None = None
        self.waits: MessageKind = ACTIVATION
        self.activation_step = self.finished_step = (
            0  # the last step in which it has sent its activation, and its last word
        )

    @property
    def number(self) -> int:
        """See `PortBase`."""
        step = self.shutdown.wake_up.step
        return 0 if step is None else step.number

    @types.coroutine
    def receive(self, kind: MessageKind) -> Generator[Any, Any, Step | None]:
        wake_up, shutdown = self.early, self.shutdown
        if wake_up is not None:
            self.early = None
            return wake_up.step
        if shutdown.closed:
            return None
        if self.task is None:
            self.task = current_task()
        self.waits = kind
        self.asleep = True
        if shutdown.pause is None:
            sleeping = wait_task_rescheduled(shutdown.abort)  # noqa: ASYNC105
            return (yield from sleeping.__await__())  # type: ignore[no-any-return]
        return (yield shutdown.pause).unwrap()  # type: ignore[no-any-return]

    def send(self, kind: MessageKind, step: Step) -> None:
        if kind == ACTIVATION:
            self.activation_step = step.number
            countdowns = self.forward
        elif kind == URGENCY:
            countdowns = self.backward
        else:
            self.finished_step = step.number
            countdowns = self.at_end
        for countdown in countdowns:
            left = countdown.left - 1
            if left:
                countdown.left = left
            else:
                countdown.release()


def attach_readers(countdowns: list[Countdown], ports: list[BundledPort], group: Indices) -> None:
    """Make those of one group the members of its countdown."""
    order = np.argsort(group, kind="stable")
    sorted_ports = [ports[k] for k in order.tolist()]
    ends = np.cumsum(np.bincount(group, minlength=len(countdowns))).tolist()
    start = 0
    for countdown, end in zip(countdowns, ends, strict=True):
        countdown.members = tuple(sorted_ports[start:end])
        start = end


def per_member(countdowns: list[Countdown], rows: Rows) -> Iterator[tuple[Countdown, ...]]:
    """For each member its countdowns."""
    groups, start = rows.values.tolist(), rows.start.tolist()
    for a, b in pairwise(start):
        yield tuple([countdowns[group] for group in groups[a:b]])
