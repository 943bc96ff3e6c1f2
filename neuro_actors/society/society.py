"""All members of a society, each a task of its own, and the society as a simulation sees it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

import numpy as np
import trio
from trio.lowlevel import enable_ki_protection

from ..channels.interface import Channels, EnvironmentPort, Statistics, Waiting
from ..network.elements import LOSS_NODE
from ..network.network import Network
from ..neuron.messages import Step
from ..neuron.optimizers import Optimizer
from ..neuron.sums import Sums
from ..rules.rule import MemberFactory
from ..support.arrays import Array
from ..support.errors import CheckpointError, InputError, SimulationError
from .actor import ReportFailure, run_loss, run_neuron
from .failures import FailureCollector, earliest_failure

STARTED_AT_ONCE = 1000  # neurons, between two points where other tasks may run


class Society:
    """A society in this process, which computes one step after another. See `StepRunner`.

    Attributes:
        channels: What carries its mail.
        under_way: The step that has begun and not ended, if there is one.
    """

    def __init__(
        self,
        network: Network,
        channels: Channels,
        factory: MemberFactory,
        sums: Sums,
        number: int = 0,
    ) -> None:
        """Make a society; `run` starts its members.

        Args:
            network: The network that the society lives in.
            channels: What carries its mail.
            factory: Makes the members.
            sums: The sums by which the members add.
            number: The number of the step before the society's first one.
        """
        if number:
            set_step_numbers(channels, number)
        self.channels = channels
        self.under_way: deque[Step] = deque()
        self._port = channels.environment
        self._members = network, factory, sums

    @property
    def full(self) -> bool:
        """See `StepRunner.full`."""
        return bool(self.under_way)

    def check(self, loss: str, optimizer: Optimizer | None) -> None:
        """See `StepRunner.check`. Members of this process know every loss and optimizer."""

    def begin(self, step: Step, x: Array, targets: Array | None, *direction: Array) -> None:
        """See `StepRunner.begin`."""
        if self.full:
            problem = f"step {self.under_way[0].number} is under way"
            raise SimulationError(f"step {step.number} cannot begin: {problem}")
        self.under_way.append(step)
        self._port.begin(step, x, targets, *direction)

    @enable_ki_protection
    async def wait_end(self) -> EnvironmentPort:
        """See `StepRunner.wait_end`."""
        await self._port.wait_end()
        self.under_way.popleft()
        return self._port

    def who_waits(self) -> tuple[Waiting, ...]:
        """See `StepRunner.who_waits`."""
        numbers = {step.number for step in self.under_way}
        return tuple(waiting for waiting in self.channels.waiting() if waiting.step in numbers)

    def statistics(self) -> Statistics:
        """See `StepRunner.statistics`."""
        return self.channels.statistics()

    async def run(self, is_closed: Callable[[], bool]) -> None:
        """See `StepRunner.run`."""
        network, factory, sums = self._members
        await run_society(network, self.channels, factory, sums, is_closed)

    def stop(self) -> None:
        """See `StepRunner.stop`."""
        self.channels.stop()

    def close(self) -> None:
        """See `StepRunner.close`."""
        self.channels.close()


async def run_society(
    network: Network,
    channels: Channels,
    factory: MemberFactory,
    sums: Sums,
    is_closed: Callable[[], bool],
) -> None:
    """Run all members of a society, until the channels are stopped or a member fails.

    Args:
        network: The network that the society lives in.
        channels: What carries the society's mail.
        factory: Makes the members.
        sums: The sums by which the members add.
        is_closed: Returns whether the channels are stopped. Then no further member starts.

    Raises:
        SimulationError: A member failed; the error names it. All other members have ended.
    """

    def start_neuron(nursery: trio.Nursery, report: ReportFailure, k: int) -> None:
        create, life = partial(factory.member, network, k, sums), partial(run_neuron, report)
        nursery.start_soon(channels.run_member, k, create, life, name=network.ids[k])

    def start_others(nursery: trio.Nursery, report: ReportFailure) -> None:
        start_loss_node(nursery, report, channels, partial(factory.loss_node, network))

    await run_members(network, start_neuron, start_others, is_closed)


def start_loss_node(
    nursery: trio.Nursery,
    report: ReportFailure,
    channels: Channels,
    create_rule: Callable[[], object],
) -> None:
    """Start the loss node, and the channels' own task.

    Args:
        nursery: Where the tasks run.
        report: Is called with the failure if the loss node fails.
        channels: What carries the society's mail.
        create_rule: Makes the loss node's rule.
    """
    life = partial(run_loss, report)
    nursery.start_soon(channels.run_member, None, create_rule, life, name=LOSS_NODE)
    nursery.start_soon(channels.run, name="channels")


async def run_members(
    network: Network,
    start_neuron: Callable[[trio.Nursery, ReportFailure, int], None],
    start_others: Callable[[trio.Nursery, ReportFailure], None],
    is_closed: Callable[[], bool],
) -> None:
    """Run the tasks of all members in one nursery.

    Args:
        network: The network that the society lives in.
        start_neuron: Starts the tasks of one neuron, by its position in the network. They call the
            function that is handed over if the neuron fails.
        start_others: Starts the tasks of the other members.
        is_closed: Returns whether no further neuron is to start.

    Raises:
        SimulationError: A member failed. If several members failed in the same step, it says how
            many; see `failures.py`.
    """
    n = len(network.ids)
    failures: list[SimulationError] = []
    collector: FailureCollector | None = None
    try:
        # the tasks inherit errstate: a rule refuses what is not finite, under the neuron's name
        async with trio.open_nursery() as nursery:
            collector = FailureCollector(network, nursery)
            report = collector.report  # one for all: each member holds it
            with np.errstate(all="ignore"):
                for first in range(0, n, STARTED_AT_ONCE):
                    if first:
                        await trio.lowlevel.checkpoint()
                        if is_closed():
                            break
                    for k in range(first, min(first + STARTED_AT_ONCE, n)):
                        start_neuron(nursery, report, k)
                start_others(nursery, report)
    except* SimulationError as group:  # none is inside another group: members have no nurseries
        failures += [error for error in group.exceptions if isinstance(error, SimulationError)]
    failures += [] if collector is None else collector.failures
    if failures:
        raise earliest_failure(network, failures)


def set_step_numbers(channels: Channels, number: int, stride: int = 1) -> None:
    """Let channels begin after a step, or carry only each stride-th step. See `Channels.resume`.

    Args:
        channels: Channels that have not been used yet, perhaps a user's own.
        number: The next step is step number + stride.
        stride: The distance from one step to the next.

    Raises:
        CheckpointError: The channels have no method `resume`.
        InputError: Their method `resume` takes no stride.
    """
    written = getattr(channels, "inner", channels)  # by the user, if `CompletedChannels` holds it
    name, resume = type(written).__name__, getattr(channels, "resume", None)
    if resume is None and stride == 1:
        problem = f"the engine {name} cannot go on after step {number}"
        remedy = "give it a method resume(number), or resume with channels='bundled'"
        raise CheckpointError(f"{problem}: {remedy}")
    if stride == 1:
        channels.resume(number)
        return
    try:
        channels.resume(number, stride)
    except (AttributeError, TypeError) as error:
        problem = f"the engine {name} cannot be one lane of {stride}"
        remedy = "give it a method resume(number, stride), or leave in_flight out"
        raise InputError(f"{problem}: {remedy} ({error})") from None
