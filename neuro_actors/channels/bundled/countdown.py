"""How the members of bundled channels wake each other, and what each of them holds for that.

The law:

1. A member that has written its rows arrives at a countdown. Members that read the same rows share
   one countdown. The last writer that arrives wakes them all. So each member is woken once a phase,
   when all its mail is there.
2. The value that wakes a member is the step. None ends a member: no more mail will come.
3. No member is woken twice, or too early: a countdown that finds a member awake leaves the wake-up
   for its next wait. There may be two: trio starts tasks in any order, and an input whose task has
   not started yet has sent its activation all the same. So its urgencies may arrive, too.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import trio
from trio.lowlevel import Abort, current_task, reschedule, wait_task_rescheduled

from ...neuron.messages import ACTIVATION, COMMIT, LOSS, URGENCY, MessageKind, Step
from ...support.arrays import Array, Indices
from .further_rows import FurtherPort
from .row_layout import Rows

NONE: dict[MessageKind, FurtherPort] = {}


class WakeUp:
    """The value that wakes a member: an outcome, as trio expects one, that may be opened by many.

    Attributes:
        step: The step, or None.
    """

    __slots__ = ("step",)

    def __init__(self, step: Step | None) -> None:
        self.step = step

    def unwrap(self) -> Step | None:
        """Return the step."""
        return self.step


class Shutdown:
    """What all countdowns of a society share.

    Attributes:
        closed: Whether the society has been stopped, so that no member is woken any more.
        wake_up: The wake-up of the step under way.
        at_end: The countdown at which each member arrives with its last message of a step.
        pause: What a member yields to trio to fall asleep. `wait_task_rescheduled` makes such an
            object for each sleep. As long as it holds nothing but the abort function, one serves
            all members always, which halves the cost of a wake. None where this trio makes it
            otherwise: then the documented call is used.
    """

    __slots__ = ("at_end", "closed", "pause", "wake_up")

    def __init__(self) -> None:
        self.closed = False
        self.wake_up = WakeUp(None)
        self.at_end: tuple[Countdown, ...] = ()
        sleeping = wait_task_rescheduled(self.abort)  # noqa: ASYNC105 (it is looked at, not awaited)
        pause = sleeping.send(None)
        sleeping.close()
        self.pause = (
            pause if getattr(pause, "__dict__", None) == {"abort_func": self.abort} else None
        )

    def abort(self, raise_cancel: Callable[[], Any]) -> Abort:
        """Let a sleeping member be cancelled. The society is cancelled as a whole."""
        self.closed = True
        return Abort.SUCCEEDED


class CarriedRows(Protocol):
    """Rows that are read in another place than the one where they are written."""

    def copy(self, group: int) -> None:
        """Copy the rows of one group of readers."""


class Countdown:
    """A latch: the last of `need` arrivals wakes the members that wait for it.

    Args:
        shutdown: What all countdowns of the society share.
        need: How many members arrive in a step.

    Attributes:
        left: How many arrivals are missing.
        members: The ports of the members that it wakes.
        carried: Copies rows before it wakes the members; None if they read all in place.
        group: The number of the members' rows there.
    """

    __slots__ = ("carried", "group", "left", "members", "need", "shutdown")

    def __init__(self, shutdown: Shutdown, need: int) -> None:
        self.shutdown = shutdown
        self.need = self.left = need
        self.members: tuple[MemberPort, ...] = ()
        self.carried: CarriedRows | None = None
        self.group = 0

    def arrive(self) -> None:
        """Count one arrival."""
        self.left -= 1
        if not self.left:
            self.release()

    def release(self) -> None:
        """Wake the members, for all have arrived."""
        self.left = self.need
        shutdown = self.shutdown
        if shutdown.closed:
            return
        if self.carried is not None:
            self.carried.copy(self.group)
        wake_up: Any = shutdown.wake_up
        port: Any
        for port in self.members:
            if port.asleep:
                port.asleep = False
                reschedule(port.task, wake_up)
            else:
                port.early += (wake_up,)


class MemberPort:
    """What a port holds beside its rows: the countdowns of its direct neighbours, and its task.

    Args:
        node: The member's name.
        shutdown: What all countdowns share.

    Attributes:
        forward: The countdowns at which it arrives when it has sent its activation.
        backward: Those at which it arrives when it has sent its urgencies.
        further: Its rows of the kinds of messages that have no array of their own here.
        task: Its task, once it has waited.
        asleep: Whether it waits to be woken.
        early: The wake-ups that came while it was awake.
        waits: The kind of mail that it waited for last.
        activation_step: The last step in which it has sent its activation.
        finished_step: The last step in which it has sent its last message.
    """

    __slots__ = (
        "activation_step",
        "asleep",
        "backward",
        "early",
        "finished_step",
        "forward",
        "further",
        "node",
        "shutdown",
        "task",
        "waits",
    )

    def __init__(self, node: str, shutdown: Shutdown) -> None:
        self.node = node
        self.shutdown = shutdown
        self.forward: tuple[Countdown, ...] = ()
        self.backward: tuple[Countdown, ...] = ()
        self.further = NONE
        self.task: trio.lowlevel.Task | None = None
        self.asleep = False
        self.early: tuple[WakeUp, ...] = ()
        self.waits: MessageKind = ACTIVATION
        self.activation_step = self.finished_step = 0

    @property
    def received(self) -> dict[MessageKind, Array]:
        """Mail of the kinds that have no array of their own. Shape (routes, columns) each."""
        return {kind: rows.receive() for kind, rows in self.further.items()}

    @property
    def out(self) -> dict[MessageKind, Array]:
        """Arrays to fill in of these kinds. Shape (columns,), or (routes, columns)."""
        return {kind: rows.out for kind, rows in self.further.items()}

    @property
    def number(self) -> int:
        """See `PortBase`."""
        step = self.shutdown.wake_up.step
        return 0 if step is None else step.number

    @types.coroutine
    def receive(self, kind: MessageKind) -> Generator[Any, Any, Step | None]:
        """See `PortBase.receive`."""
        early, shutdown = self.early, self.shutdown
        if early:
            self.early = early[1:]
            return early[0].step
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
        """See `PortBase.send`."""
        if kind == ACTIVATION:
            self.activation_step = step.number
            countdowns = self.forward
        elif kind == URGENCY:
            countdowns = self.backward
        elif kind in (COMMIT, LOSS):
            self.finished_step = step.number
            countdowns = self.shutdown.at_end
        else:
            return  # its rows are read when the next of the kinds above is received
        for countdown in countdowns:
            left = countdown.left - 1
            if left:
                countdown.left = left
            else:
                countdown.release()


def attach_readers(
    countdowns: Sequence[Countdown], ports: Sequence[MemberPort], group: Indices
) -> None:
    """Have each countdown wake the members of its group.

    Args:
        countdowns: One for each group.
        ports: The members.
        group: The group of each. Shape (n_ports,).
    """
    order = np.argsort(group, kind="stable")
    sorted_ports = [ports[k] for k in order.tolist()]
    ends = np.cumsum(np.bincount(group, minlength=len(countdowns))).tolist()
    start = 0
    for countdown, end in zip(countdowns, ends, strict=True):
        countdown.members = tuple(sorted_ports[start:end])
        start = end


def per_member(countdowns: Sequence[Countdown], rows: Rows) -> Iterator[tuple[Countdown, ...]]:
    """Yield for each member the countdowns of the groups that `rows` has for it."""
    groups, start, get = rows.values.tolist(), rows.start.tolist(), countdowns.__getitem__
    for a, b in pairwise(start):
        yield tuple(map(get, groups[a:b]))
