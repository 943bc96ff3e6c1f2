"""Lanes: several complete channels of one network side by side, so that as many steps may be under way at once.

The law, of W lanes:

1. Step n goes along lane (n - 1) mod W, whatever step it is. So a lane sees numbers that lie W apart, and whoever waits
   there awaits exactly the next of them.
2. Steps begin in their order and end in their order, and no step begins while W are under way.
3. So a lane holds mail of one step at most, and all of them that of W steps. For when step n begins, those under way are the
   last before it, of which there are fewer than W: its lane's last one, n - W, has ended. From there on the engine's own
   law holds: a step begins when the one before was heard to its end.
4. Steps are recorded in their order, each when it has ended, as if there were one lane. Channels record a step in
   `wait_end`, and only the lane of the first step under way is waited for. Of the steps that were broken off the first is
   recorded, and nothing of the others.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

from trio.lowlevel import enable_ki_protection

from ..channels.interface import Channels, EnvironmentPort, Recorder, Statistics, Waiting
from ..channels.step_record import StepRecord
from ..channels.unreliable.faults import FaultEvent
from ..neuron.messages import Step
from ..neuron.optimizers import Optimizer
from ..support.errors import CheckpointError, InputError, SimulationError
from ..support.validation import Array


class Pipeline(Sequence[Channels]):
    """Makes the channels, sends each step along its own, and sees steps to their ends.

    make: the engine, to be handed a recorder.  number: of the step before the first one.
    under_way: the steps that have begun and not ended, in their order.
    """

    def __init__(
        self,
        make: Callable[[Recorder | None], Channels],
        recorder: Recorder | None,
        count: int = 1,
        number: int = 0,
    ) -> None:
        self._recorders = (
            [LaneRecorder(recorder) for _ in range(count)]
            if recorder is not None and count > 1
            else []
        )
        recorders: Sequence[Recorder | None] = self._recorders or [recorder] * count
        self._lanes = [make(one) for one in recorders]
        self._ports = [lane.environment for lane in self._lanes]
        self.under_way: deque[Step] = deque()
        for j, lane in enumerate(self._lanes):
            if count > 1 or number:
                _goes_on(lane, before(j, count, number), count)

    def __getitem__(self, j: Any) -> Any:
        return self._lanes[j]

    def __len__(self) -> int:
        return len(self._lanes)

    # --- a step --------------------------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Whether no step may begin."""
        return len(self.under_way) == len(self._lanes)

    def check(self, loss: str, optimizer: Optimizer | None) -> None:
        """Whoever is in this process can be told everything."""

    def begin(self, step: Step, x: Array, targets: Array | None, *direction: Array) -> None:
        """See `EnvironmentPort`. Not to be called while they are full."""
        if self.full:
            raise SimulationError(
                f"step {step.number} cannot begin: {len(self.under_way)} are under way"
            )
        self.under_way.append(step)
        self._ports[self._lane(step)].begin(step, x, targets, *direction)

    @enable_ki_protection
    async def wait_end(self) -> EnvironmentPort:
        """Wait for the end of the first step under way, and say by which port it was heard. As `EnvironmentPort.wait_end`, it may
        be cancelled, and called again."""
        j = self._lane(self.under_way[0])
        await self._ports[j].wait_end()
        self.under_way.popleft()
        return self._ports[j]

    def _lane(self, step: Step) -> int:
        return (step.number - 1) % len(self._lanes)

    # --- of all of them ------------------------------------------------------------------------------------------

    def who_waits(self) -> tuple[Waiting, ...]:
        """In the steps under way: who waits for whom. Between steps, nobody."""
        return tuple(
            waiting
            for step in self.under_way
            for waiting in self._lanes[self._lane(step)].waiting()
            if waiting.step == step.number
        )

    def statistics(self) -> Statistics:
        """All messages; and of each member's mailboxes, of which it has one a lane, the one that was fullest."""
        first, *others = [lane.statistics() for lane in self._lanes]
        if not others:
            return first
        mailboxes = {
            name: max(held.mailboxes[name] for held in (first, *others)) for name in first.mailboxes
        }
        disturbances: Counter[str] = Counter()
        for held in (first, *others):
            disturbances.update(held.disturbances or {})
        messages = sum(held.messages for held in (first, *others))
        return Statistics(
            messages, mailboxes, None if first.disturbances is None else dict(disturbances)
        )

    def stop(self) -> None:
        """See `Channels`."""
        for lane in self._lanes:
            lane.stop()

    def close(self) -> None:
        """See `Channels`. All are closed, whatever becomes of one."""
        error: Exception | None = None
        broken = [self._lane(step) for step in self.under_way]
        for j in [*broken, *(j for j in range(len(self._lanes)) if j not in broken)]:
            try:
                self._lanes[j].close()
            except Exception as failure:
                error = error or failure
            for recorder in self._recorders:  # the first has been recorded; no more is to be
                recorder.mute()
        if error is not None:
            raise error


class LaneRecorder:
    """Records what a lane has carried, until it is muted; see law 4.

    Args:
        recorder: Records the steps of all lanes.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._is_muted = False

    def record(self, step: Step, record: StepRecord) -> None:
        """See `Recorder.record`."""
        if not self._is_muted:
            self._recorder.record(step, record)

    def record_fault(self, event: FaultEvent) -> None:
        """See `Recorder.record_fault`. A fault is recorded at once, in whatever lane it occurs."""
        self._recorder.record_fault(event)

    def mute(self) -> None:
        """Record no more steps."""
        self._is_muted = True


def before(j: int, count: int, number: int) -> int:
    """What the j-th of so many lanes counts on from, where `number` is the society's last step: its next step's number
    less `count`, which may be below zero."""
    return number + 1 + (j - number) % count - count


def _goes_on(lane: Channels, number: int, count: int) -> None:
    """Tell it after which step it is, and that its steps lie `count` apart."""
    name = type(lane).__name__
    resume: Any = getattr(lane, "resume", None)
    if resume is None and count == 1:
        told = (
            f"the engine {name} cannot go on after step {number}: give it a method resume(number)"
        )
        raise CheckpointError(f"{told}, or resume with channels='bundled'")
    if count == 1:
        resume(number)
        return
    try:
        resume(number, count)
    except TypeError as error:
        told = f"the engine {name} cannot be one lane of {count}: give it a method resume(number, stride)"
        raise InputError(f"{told}, or leave in_flight out ({error})") from None
