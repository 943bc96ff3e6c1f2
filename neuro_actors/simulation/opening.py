"""The way into a simulation, and the way out.

An interrupt may come at any moment; it never leaves a simulation half open or half closed.
"""

from __future__ import annotations

import math
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, cast

import trio
from trio.lowlevel import disable_ki_protection, enable_ki_protection

from ..channels.choose import ChannelsChoice, choose_channels
from ..channels.interface import Channels, ChannelsFactory, CompletedChannels, Recorder
from ..channels.unreliable.settings import Unreliable
from ..cluster.choose import choose_cluster
from ..cluster.settings import Cluster
from ..log.recording import Recording, as_recording
from ..network.network import Network
from ..neuron.sums import named
from ..rules import Backpropagation, Rule
from ..rules.micro_batches import lanes_for, micro_batched
from ..rules.remembering import Keeping
from ..rules.rule_json import described
from ..society.pipeline import make_runner
from ..society.society import collector_off
from ..society.step_runner import StepRunner
from ..support.errors import InputError, LogError, NeuroActorsError, SimulationError
from ..support.text import shown
from ..support.validation import number
from .simulation import Simulation

if TYPE_CHECKING:
    from ..cluster.driver import Driver
    from ..log.writer import LogWriter


class open_simulation:  # noqa: N801 (to be called as a function is)
    """Bring a network to life: `async with na.open_simulation(net) as simulation`.

    When the block is left, in whatever way, every task has ended. If a neuron fails, the call that
    waits for the step raises one `SimulationError`, which names the neuron; the society has ended
    then.

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
            through the network one after another; the neurons learn once for all parts. Needs less
            memory. None or 1: no split.
        patience: How many seconds a call waits for its step. Then it raises `SimulationError`,
            which says which member waits for which. It must be positive.
        in_flight: How many micro-batches may be under way at the same time. None or 1: one (on many
            machines: as many as keep the shards busy). It changes no bit.
        engine: Where the neurons live. None is this process; `na.Ray(replicas=…, shards=…)` is many
            machines; "ray" is `na.Ray()`, one worker. All give the same bits.

    Raises:
        InputError: An argument is wrong. It is raised when the block is entered, as are the others.
        LogError: The log cannot be written.
        SimulationError: There is no trio event loop, or the workers cannot be started.

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
        sums: str = "ordered",
        micro_batches: int | None = None,
        patience: float = math.inf,
        in_flight: int | None = None,
        engine: str | Cluster | None = None,
    ) -> None:
        self._settings = (
            network,
            channels,
            log,
            rule,
            sums,
            micro_batches,
            patience,
            in_flight,
            engine,
        )
        self._simulation: Simulation | None = None

    @enable_ki_protection
    async def __aenter__(self) -> Simulation:
        if self._simulation is not None:
            raise SimulationError(
                "this block was entered before: call na.open_simulation anew for each"
            )
        network, channels, log, rule, sums, micro_batches, patience, in_flight, elsewhere = (
            self._settings
        )
        rule = Backpropagation() if rule is None else rule
        kept, rule = (rule, rule.rule) if isinstance(rule, Keeping) else (None, rule)
        if not isinstance(network, Network):
            raise InputError(f"network must be an na.Network, got {type(network).__name__}")
        if not number(patience) > 0:
            raise InputError(
                f"patience must be a positive number of seconds, got {shown(patience)}"
            )
        if not isinstance(rule, Rule):
            raise InputError(
                f"rule must be such as na.rules.FeedbackAlignment(), or None, got {shown(rule)}"
            )
        rule = micro_batched(rule, micro_batches)
        count = lanes_for(rule, in_flight)
        machines = choose_cluster(elsewhere, channels)
        network.check_activations()
        if not trio.lowlevel.in_trio_run():
            raise SimulationError(
                "open_simulation needs trio.run; elsewhere, as in a notebook, use na.gradient or na.train"
            )
        make, added = choose_channels(channels), named(sums)
        partition = None if machines is None else machines.partition_for(network, rule, sums)
        writer = None
        if log is not None:
            from ..log.placement import Workers
            from ..log.writer import (
                FLUSH_SECONDS,
                LogWriter,
            )  # pyarrow is imported only where a log is asked for

            storm = channels.to_json() if isinstance(channels, Unreliable) else None
            workers = (
                Workers(machines.replicas, partition.shards, partition.shard)
                if machines and partition
                else None
            )
            writer = LogWriter(
                as_recording(log), network, sums, described(rule), storm, kept, workers
            )
        members, before = kept or rule, kept.number if kept else 0
        runner: StepRunner
        try:
            with collector_off():
                if machines is not None and partition is not None:
                    from ..cluster.driver import make_driver

                    runner = driver = make_driver(
                        machines, partition, network, rule, sums, count, kept, writer
                    )
                else:
                    make_channels = partial(_make_channels, make, network)
                    runner = make_runner(
                        network, make_channels, writer, members, added, count or 1, before
                    )
            simulation = self._simulation = Simulation(
                network, runner, rule, writer, patience, before
            )
        except BaseException:
            with suppress(LogError):
                if writer is not None:
                    writer.close()
            raise
        trio.lowlevel.spawn_system_task(simulation._live, name="society", context=copy_context())
        if machines is not None:
            await self._there(simulation, driver)
        if writer is not None:
            trio.lowlevel.spawn_system_task(
                _write_now_and_then, simulation, writer, FLUSH_SECONDS, name="log"
            )
        return simulation

    async def _there(self, simulation: Simulation, driver: Driver) -> None:
        """Wait until all workers are there. Raises what they cannot be there for."""
        error: BaseException | None = None
        try:
            await driver.started.wait()
            error = driver.refused
        except BaseException as interrupt:
            error = interrupt
        if error is not None:
            simulation._failure_told = True
            simulation._close()
            await self._left(simulation, error)
            try:
                raise error
            finally:
                del error  # it refers to this frame

    @enable_ki_protection
    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Coroutine[None, None, None]:
        assert self._simulation is not None
        self._simulation._close()  # at once: an interrupt may strike between this call and its await
        return self._left(self._simulation, error)

    @enable_ki_protection
    async def _left(self, simulation: Simulation, error: BaseException | None) -> None:
        """Wait until everyone has ended, and raise what is to be raised beside the block's own error."""
        more: BaseException | None = None
        while not simulation._ended.is_set():
            try:
                with trio.CancelScope(shield=True):
                    await simulation._ended.wait()
            except KeyboardInterrupt as interrupt:
                more = interrupt
        more = more or simulation._crash
        if error is None and more is None and not simulation._failure_told:
            more = simulation._failure
        if error is not None and isinstance(more, Exception):
            error.add_note(f"and on leaving: {more}")
        elif more is not None:
            try:
                raise more
            finally:
                del more  # it refers to this frame


async def _write_now_and_then(simulation: Simulation, log: LogWriter, seconds: float) -> None:
    """What was recorded reaches the file though no other step follows."""
    while not simulation._ended.is_set():
        with trio.move_on_after(seconds):
            await simulation._ended.wait()
            return
        try:
            log.write_what_waits()
        except Exception as error:  # in a task of trio's own it would end the user's program
            simulation._fail(f"the log cannot be written: {error!r}", error)
            return


@disable_ki_protection  # it takes long where the network is large, and nobody lives yet
def _make_channels(make: ChannelsFactory, network: Network, recorder: Recorder | None) -> Channels:
    try:
        made = make(network, recorder)
    except NeuroActorsError:
        raise
    except Exception as error:
        raise InputError(
            f"channels {shown(make)} cannot carry this network's mail: {shown(error)}"
        ) from error
    if not callable(getattr(made, "port", None)):
        raise InputError(
            f"channels must be an engine, which makes channels; {shown(make)} made {shown(made)}"
        )
    complete = hasattr(made, "run_member") and hasattr(made, "run")
    return made if complete else cast(Channels, CompletedChannels(made))
