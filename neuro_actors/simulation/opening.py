"""The way into a simulation, and the way out.

An interrupt may come at any moment; it never leaves a simulation half open or half closed.
"""

from __future__ import annotations

import math
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, cast

import trio
from trio.lowlevel import disable_ki_protection, enable_ki_protection

from ..channels.choose_channels import ChannelsChoice, choose_channels, faults_to_json
from ..channels.interface import (
    Channels,
    ChannelsFactory,
    CompletedChannels,
    Recorder,
    has_own_loop,
)
from ..channels.unreliable.settings import Unreliable
from ..cluster.choose_cluster import choose_cluster
from ..cluster.partition import Partition
from ..cluster.settings import Cluster
from ..log.recording_settings import Recording, as_recording
from ..network.network import Network
from ..neuron.sums import Sums, SumsChoice, choose_sums
from ..rules import Rule
from ..rules.choose_rule import choose_rule
from ..rules.member_registry import MemberRegistry
from ..rules.micro_batches import lanes_for, micro_batched, whole_rule
from ..rules.rule_identity import rule_identity
from ..rules.rule_json import check_described
from ..rules.state_check import check_state
from ..society.pipeline import make_runner
from ..society.step_runner import StepRunner
from ..support.errors import InputError, LogError, NeuroActorsError, SimulationError
from ..support.hints import describe_no_network, explains_fields
from ..support.scalars import as_number, got
from ..support.signal_exceptions import is_from_handler
from ..support.text import quote
from .forgotten_calls import ForgottenCalls
from .simulation import Simulation
from .society_task import SocietyTask

if TYPE_CHECKING:
    from ..cluster.driver import Driver
    from ..log.recorder import LogRecorder

HOW_TO_OPEN = "`async with na.open_simulation(...) as simulation:`"


@explains_fields
class open_simulation:  # noqa: N801 (to be called as a function is)
    """Bring a network to life: `async with na.open_simulation(net) as simulation`.

    When the block is left, in whatever way, every task has ended. If a neuron fails, the call that
    waits for the step raises one `SimulationError`, which names the neuron; the society has ended
    then. An exception that a signal handler raises blames no neuron: leaving the block raises it.
    But trio itself takes no such exceptions: set a time limit in a trio program by
    `trio.fail_after`. Around `na.train` and `na.gradient` any handler may raise.

    Args:
        network: The network.
        channels: The engine that carries the messages. "bundled" carries them in arrays and is
            fast; "memory" sends one object for each message, and its code is the one to read;
            `na.Unreliable(...)` injects faults. Or an engine of your own; see
            `neuro_actors.channels.interface`. All give the same bits.
        log: A new file for all messages, or an `na.Recording`, which says which of them. None: no
            log.
        rule: The local rule of the neurons, from `na.rules`. None is backpropagation.
        sums: "ordered" adds in synapse order, so that all engines give the same bits. "blas" is
            faster; its last bits depend on the BLAS library, its version and its threads, and are
            not promised. Rounding stays within the same bounds.
        micro_batches: Split the batch of a step that has a loss into so many parts, which go
            through the network one after another, or sequences side by side; the neurons learn once
            for all parts. Needs less memory. None or 1: no split.
        patience: How many seconds a call waits for its step. Then it raises `SimulationError`,
            which says which member waits for which. It must be positive.
        in_flight: How many micro-batches may be under way at the same time. None or 1: one (on many
            machines: enough to keep the shards busy). It changes no bit.
        engine: Where the neurons live. None is this process; `na.Ray(replicas=…, shards=…)` is many
            machines; "ray" is `na.Ray()`, one worker. All give the same bits.

    Raises:
        InputError: An argument is wrong. It is raised when the block is entered, as are the others.
        LogError: The log cannot be written.
        SimulationError: There is no trio event loop, or the workers cannot be started. When the
            block is left: a call was not awaited, or the society has failed and no call raised it.

    Examples:
        ```python
        async with na.open_simulation(network) as simulation:
            gradient = await simulation.gradient(x, targets)
            result = await simulation.train_step(x, targets, optimizer=na.SGD(0.1))
            network = await simulation.network()
        ```
    """

    def __init__(
        self,
        network: Network,
        channels: ChannelsChoice = "bundled",
        log: str | PathLike[str] | Recording | None = None,
        *,
        rule: Rule | None = None,
        sums: SumsChoice = "ordered",
        micro_batches: int | None = None,
        patience: float = math.inf,
        in_flight: int | None = None,
        engine: str | Cluster | None = None,
    ) -> None:
        self._settings = _Settings(
            network, channels, log, rule, sums, micro_batches, patience, in_flight, engine
        )
        self._task: SocietyTask | None = None
        self._calls = ForgottenCalls()

    def remember(self, registry: MemberRegistry | None) -> open_simulation:
        """Let a registry make the members, so that their state can be saved.

        Called before the block is entered.

        Args:
            registry: Makes the members and remembers them. None: the rule makes them.
        """
        self._settings = replace(self._settings, registry=registry)
        return self

    if not TYPE_CHECKING:  # a type checker refuses all of these by itself

        def __enter__(self) -> NoReturn:
            raise SimulationError(f"write {HOW_TO_OPEN}: `with` without `async` opens none")

        def __exit__(self, *given: object) -> None:
            """Do nothing: Python looks for this method before it calls `__enter__`."""

        def __await__(self) -> NoReturn:
            raise SimulationError(f"write {HOW_TO_OPEN}: `await` opens none")

        def __getattr__(self, name: str) -> NoReturn:
            problem = f"{type(self).__name__!r} object has no attribute {name!r}"
            if hasattr(Simulation, name) and not name.startswith("_"):
                problem = f"a simulation that is not open has no {name!r}: write {HOW_TO_OPEN}"
            raise AttributeError(problem, name=name, obj=self)

    @enable_ki_protection
    async def __aenter__(self) -> Simulation:
        if self._task is not None:
            raise SimulationError(
                "this block was entered before: call na.open_simulation anew for each"
            )
        plan = self._settings.check()
        writer = plan.open_log()
        try:
            runner, driver = plan.make_runner(writer)
            task = self._task = SocietyTask(runner, writer)
            settings, patience = plan.settings, as_number(plan.settings.patience)
            simulation = Simulation(settings.network, task, plan.rule, patience, plan.number)
            simulation.calls = self._calls
        except BaseException:
            with suppress(LogError):
                if writer is not None:
                    writer.close()
            raise
        task.start()
        if driver is not None:
            await _wait_started(task, driver)
        if writer is not None:
            from ..log.recorder import FLUSH_SECONDS

            task.start_flushing(FLUSH_SECONDS)
        return simulation

    @enable_ki_protection
    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Coroutine[None, None, None]:
        assert self._task is not None
        self._task.close()  # at once: an interrupt may come between this call and its await
        return _leave(self._task, self._calls, error)


@enable_ki_protection
async def _leave(task: SocietyTask, calls: ForgottenCalls, error: BaseException | None) -> None:
    await task.wait_ended(error)
    forgotten = await calls.find()
    if forgotten is not None and error is None:
        raise forgotten
    if forgotten is not None and error is not None:  # perhaps the cause of it
        error.add_note(str(forgotten))


async def _wait_started(task: SocietyTask, driver: Driver) -> None:
    """Wait until all workers are there. Raises the reason if they cannot be."""
    error: BaseException | None = None
    try:
        await driver.started.wait()
        error = driver.refused
    except BaseException as interrupt:
        error = interrupt
    if error is not None:
        task.is_reported = True
        task.close()
        await task.wait_ended(error)
        try:
            raise error
        finally:
            del error  # it refers to this frame


@dataclass(frozen=True, slots=True, eq=False)
class _Settings:
    """What a user asks for; see `open_simulation`. registry: see `open_simulation.remember`."""

    network: Network
    channels: ChannelsChoice
    log: str | PathLike[str] | Recording | None
    rule: Rule | None
    sums: str
    micro_batches: int | None
    patience: float
    in_flight: int | None
    engine: str | Cluster | None
    registry: MemberRegistry | None = None

    def check(self) -> _Plan:
        """Check everything before any work. Raises `InputError` for what is wrong."""
        if not isinstance(self.network, Network):
            raise InputError(describe_no_network(self.network))
        if not as_number(self.patience) > 0:
            raise InputError(
                f"patience must be a positive number of seconds, got {got(self.patience)}"
            )
        rule = choose_rule(self.rule, self.network)
        self.network.check_rule(quote(whole_rule(rule)))
        rule = micro_batched(rule, self.micro_batches)
        lanes = lanes_for(rule, self.in_flight)
        cluster = choose_cluster(self.engine, self.channels)
        self.network.check_activations()
        if not trio.lowlevel.in_trio_run():
            raise SimulationError(
                "open_simulation needs trio.run; elsewhere use na.gradient or na.train. In a "
                "notebook, write %autoawait trio in a cell before this one"
            )
        society = rule.society(self.network)
        make, sums = choose_channels(self.channels), choose_sums(self.sums)
        if self.registry is not None or isinstance(self.channels, Unreliable) or (lanes or 1) > 1:
            check_state(whole_rule(rule), society)
        partition = None
        if cluster is not None:
            partition = cluster.partition_for(society, rule, self.sums)
        return _Plan(self, society, rule, lanes, make, sums, cluster, partition)


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What is to be opened. lanes: None if the user did not say how many."""

    settings: _Settings
    network: Network  # of the society
    rule: Rule
    lanes: int | None
    make: ChannelsFactory
    sums: Sums
    cluster: Cluster | None
    partition: Partition | None

    @property
    def number(self) -> int:
        """The number of the last step before."""
        return 0 if self.settings.registry is None else self.settings.registry.number

    def open_log(self) -> LogRecorder | None:
        """Open the log, if one is asked for."""
        settings, cluster, partition = self.settings, self.cluster, self.partition
        if settings.log is None:
            return None
        from ..log.placement import Workers
        from ..log.recorder import LogRecorder  # pyarrow is imported only where a log is asked for

        workers = None
        if cluster is not None and partition is not None:
            workers = Workers(cluster.replicas, partition.shards, partition.shard)
        return LogRecorder(
            as_recording(settings.log),
            self.network,
            settings.sums,
            check_described(self.rule),
            faults_to_json(settings.channels),
            settings.registry,
            workers,
            rule_identity(self.rule),
        )

    def make_runner(self, recorder: Recorder | None) -> tuple[StepRunner, Driver | None]:
        """Make the society, and its driver if it lives on a cluster."""
        settings, registry = self.settings, self.settings.registry
        if self.cluster is None or self.partition is None:
            make = partial(_make_channels, self.make, self.network)
            factory, lanes = registry or self.rule, self.lanes or 1
            network, sums = self.network, self.sums
            return make_runner(network, make, recorder, factory, sums, lanes, self.number), None
        from ..cluster.driver import make_driver

        driver = make_driver(
            self.cluster,
            self.partition,
            self.network,
            self.rule,
            settings.sums,
            self.lanes,
            registry,
            recorder,
        )
        return driver, driver


@disable_ki_protection  # it takes long where the network is large, and nobody lives yet
def _make_channels(make: ChannelsFactory, network: Network, recorder: Recorder | None) -> Channels:
    try:
        made = make(network, recorder)
    except NeuroActorsError:
        raise
    except Exception as error:
        if is_from_handler(error):
            raise
        raise InputError(
            f"channels {quote(make)} cannot carry this network's mail: {quote(error)}"
        ) from error
    if not callable(getattr(made, "port", None)):
        raise InputError(
            f"channels must be an engine, which makes channels; {quote(make)} made {quote(made)}"
        )
    return made if has_own_loop(made) else cast(Channels, CompletedChannels(made))
