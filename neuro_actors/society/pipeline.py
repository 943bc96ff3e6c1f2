"""Lanes: complete channels of one network side by side, one for each step that may be under way.

The law, of W lanes:

1. Step n is carried by lane (n - 1) mod W, whatever step it is. So the numbers of a lane's steps
   are W apart, and a member waits in a lane for exactly the next of them.
2. Steps begin in their order and end in their order. No step begins while W are under way.
3. So a lane holds the mail of one step at most, and all lanes together that of W steps. For when
   step n begins, the steps under way are the last ones before it, and fewer than W: its lane's
   last step, n - W, has ended. Within a lane the channels' own law holds: a step begins when the
   one before has ended.
4. A recorder receives the steps in their order, each when it has ended, as if there were one
   lane. Of the steps that are broken off it receives the first, and nothing of what began after
   it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial

import trio
from trio.lowlevel import enable_ki_protection

from ..channels.interface import Channels, EnvironmentPort, Recorder, Statistics, Waiting
from ..channels.step_record import StepRecord
from ..channels.unreliable.faults import FaultEvent
from ..network.network import Network
from ..neuron.messages import Step
from ..neuron.optimizers import Optimizer
from ..neuron.sums import Sums
from ..rules.rule import MemberFactory
from ..support.arrays import Array
from ..support.errors import SimulationError
from .actor import ReportFailure
from .society import Society, run_members, run_society, set_step_numbers, start_loss_node
from .step_runner import StepRunner
from .turn_taking import LaneMembers, LaneOrder


def make_runner(
    network: Network,
    make: Callable[[Recorder | None], Channels],
    recorder: Recorder | None,
    factory: MemberFactory,
    sums: Sums,
    lanes: int = 1,
    number: int = 0,
) -> StepRunner:
    """Make a society that lives in this process.

    Args:
        network: The network.
        make: Makes channels that report to a recorder.
        recorder: Receives all messages, if there is one.
        factory: Makes the members.
        sums: The sums by which the members add.
        lanes: How many steps may be under way at once.
        number: The number of the step before the first one.
    """
    if lanes == 1:
        return Society(network, make(recorder), factory, sums, number)
    return Pipeline(network, make, recorder, factory, sums, lanes, number)


async def run_lanes(
    network: Network,
    lanes: Sequence[Channels],
    factory: MemberFactory,
    sums: Sums,
    is_closed: Callable[[], bool],
) -> None:
    """Run all members of a society in each of several lanes. See `run_society`.

    Args:
        network: The network.
        lanes: The channels of each lane.
        factory: Makes the members. The rules of a neuron's lanes share their state.
        sums: The sums by which the members add.
        is_closed: Returns whether the channels are stopped. Then no further member starts.

    Raises:
        SimulationError: A member failed; the error names it. All other members have ended.
    """
    if len(lanes) == 1:
        await run_society(network, lanes[0], factory, sums, is_closed)
        return

    def start_neuron(nursery: trio.Nursery, report: ReportFailure, k: int) -> None:
        members = LaneMembers(partial(factory.members, network, k, sums, len(lanes)))
        order = LaneOrder(report)
        for j, lane in enumerate(lanes):
            create = partial(members.create, j)
            nursery.start_soon(
                order.run, lane.run_member, k, create, order.run_neuron, name=network.ids[k]
            )

    def start_others(nursery: trio.Nursery, report: ReportFailure) -> None:
        for lane in lanes:
            start_loss_node(nursery, report, lane, partial(factory.loss_node, network))

    await run_members(network, start_neuron, start_others, is_closed)


class Pipeline:
    """A society in this process, which computes several steps at once. See `StepRunner`.

    Attributes:
        lanes: The channels of each lane.
        under_way: The steps that have begun and not ended, in their order.
    """

    def __init__(
        self,
        network: Network,
        make: Callable[[Recorder | None], Channels],
        recorder: Recorder | None,
        factory: MemberFactory,
        sums: Sums,
        lanes: int,
        number: int = 0,
    ) -> None:
        """Make a society; `run` starts its members. See `make_runner` for the arguments."""
        self._recorders = [] if recorder is None else [LaneRecorder(recorder) for _ in range(lanes)]
        recorders: Sequence[Recorder | None] = self._recorders or [None] * lanes
        self.lanes = [make(recorder) for recorder in recorders]
        for j, lane in enumerate(self.lanes):
            set_step_numbers(lane, number_before(j, lanes, number), lanes)
        self.under_way: deque[Step] = deque()
        self._ports = [lane.environment for lane in self.lanes]
        self._members = network, factory, sums

    @property
    def full(self) -> bool:
        """See `StepRunner.full`."""
        return len(self.under_way) == len(self.lanes)

    def check(self, loss: str, optimizer: Optimizer | None) -> None:
        """See `StepRunner.check`. Members of this process know every loss and optimizer."""

    def begin(self, step: Step, x: Array, targets: Array | None, *direction: Array) -> None:
        """See `StepRunner.begin`."""
        if self.full:
            problem = f"{len(self.under_way)} are under way"
            raise SimulationError(f"step {step.number} cannot begin: {problem}")
        self.under_way.append(step)
        self._ports[self._lane(step)].begin(step, x, targets, *direction)

    @enable_ki_protection
    async def wait_end(self) -> EnvironmentPort:
        """See `StepRunner.wait_end`."""
        j = self._lane(self.under_way[0])
        await self._ports[j].wait_end()
        self.under_way.popleft()
        return self._ports[j]

    def _lane(self, step: Step) -> int:
        return (step.number - 1) % len(self.lanes)

    # --- all lanes -------------------------------------------------------------------------------

    def who_waits(self) -> tuple[Waiting, ...]:
        """See `StepRunner.who_waits`."""
        return tuple(
            waiting
            for step in self.under_way
            for waiting in self.lanes[self._lane(step)].waiting()
            if waiting.step == step.number
        )

    def statistics(self) -> Statistics:
        """See `StepRunner.statistics`. A member has one mailbox per lane; the fullest counts."""
        first, *others = [lane.statistics() for lane in self.lanes]
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

    async def run(self, is_closed: Callable[[], bool]) -> None:
        """See `StepRunner.run`."""
        network, factory, sums = self._members
        await run_lanes(network, self.lanes, factory, sums, is_closed)

    def stop(self) -> None:
        """See `StepRunner.stop`."""
        for lane in self.lanes:
            lane.stop()

    def close(self) -> None:
        """See `StepRunner.close`. All lanes are closed, whatever happens in one of them."""
        error: Exception | None = None
        broken = [self._lane(step) for step in self.under_way]
        for j in [*broken, *(j for j in range(len(self.lanes)) if j not in broken)]:
            try:
                self.lanes[j].close()
            except Exception as failure:
                error = error or failure
            for recorder in self._recorders:  # the first was broken off; no more is recorded
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


def number_before(j: int, lanes: int, number: int) -> int:
    """Return the number after which a lane continues: its next step's number minus `lanes`.

    Args:
        j: The number of the lane.
        lanes: How many lanes there are.
        number: The number of the society's last step.

    Returns:
        That number, which may be negative.
    """
    return number + 1 + (j - number) % lanes - lanes
