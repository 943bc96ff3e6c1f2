"""Bundled channels: the same messages, carried in arrays. The fast engine, and the default.

The law, beside that of the countdowns:

1. Every row of the arrays has one writer. `row_layout.py` says where it lies. A port shows its own
   rows alone.
2. An input repeats what the environment sends to it: that row is its activation. So the environment
   arrives at the countdowns for all inputs, and an input is woken only where urgencies are to reach
   it.
3. No row is written again before it has been read. A step begins when all commits of the one before
   have arrived. Where nothing is committed it waits for the loss node instead, which has received
   all outputs, and every neuron leads to an output.
4. A neuron's phase costs O(1) numpy calls and one wake, whatever its fans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import trio
from trio.lowlevel import (
    Abort,
    current_task,
    enable_ki_protection,
    reschedule,
    wait_task_rescheduled,
)

from ...network.elements import LOSS_NODE
from ...network.network import Network
from ...neuron.messages import MessageKind, Step
from ...support.arrays import Array
from ..interface import ChannelsDefaults, NeuronPort, Recorder, Statistics, Waiting
from ..routes import StepKind
from ..step_record import RecordedRows, StepRecord
from .carried_rows import BackwardRows, ForwardRows, ParameterRows, record_rows
from .countdown import Countdown, Shutdown, WakeUp
from .further_rows import FurtherPort, further_rows
from .observer import Observer
from .ports import LARGE, NOTHING, BundledPort, LossPort, SocietyRows, ViewlessPort


class BundledEnvironmentPort:
    """The environment's port; see `EnvironmentPort`. A countdown wakes the task in `wait_end`.

    Args:
        channels: What it is the environment of.

    Attributes:
        task: The task that waits.
        asleep: Whether it waits to be woken.
        early: The wake-up, if the step has ended before it waits.
        further: Its rows of the kinds that `further_rows.py` carries.
    """

    def __init__(self, channels: Bundled) -> None:
        self._channels = channels
        self.task: trio.lowlevel.Task | None = None
        self.asleep = False
        self.early: tuple[WakeUp, ...] = ()
        self.predictions = self.losses = self.commits = self.input_urgencies = NOTHING
        self.further: dict[MessageKind, FurtherPort] = {}

    @property
    def received(self) -> dict[MessageKind, Array]:
        """Mail of the kinds that have no array of their own. Shape (routes, columns) each."""
        return {kind: rows.receive() for kind, rows in self.further.items()}

    def begin(
        self, step: Step, x: Array, targets: Array | None, direction: Array | None = None
    ) -> None:
        """See `EnvironmentPort.begin`."""
        self.early = ()
        self._channels.begin(step, x, targets, direction)

    @enable_ki_protection  # an interrupt reaches the sleep, and nothing else
    async def wait_end(self) -> None:
        """See `EnvironmentPort.wait_end`."""
        if not self.early:
            self.task, self.asleep = current_task(), True
            try:
                await wait_task_rescheduled(self._abort)
            finally:
                self.asleep = False
        self.early = ()
        channels = self._channels
        channels.end()
        self.predictions, self.losses = channels.loss.activations_in, channels.loss.losses
        self.commits, self.input_urgencies = channels.commits, channels.input_urgencies

    def _abort(self, raise_cancel: Callable[[], Any]) -> Abort:
        self.asleep = False
        return Abort.SUCCEEDED


class Bundled(ChannelsDefaults):
    """Channels that carry all messages in arrays, and show each member its own rows.

    Args:
        network: The network.
        recorder: Is called with the record of each step. None: nothing is recorded.

    Attributes:
        further: Rows of the kinds of messages that have no array of their own here.
    """

    def __init__(self, network: Network, recorder: Recorder | None = None) -> None:
        self._network, self._recorder = network, recorder
        self._step: Step | None = None
        self._messages = 0  # of the steps that have ended
        shutdown = self._shutdown = Shutdown()
        self._end_of_step = Countdown(shutdown, 0)
        self.environment = BundledEnvironmentPort(self)
        self._end_of_step.members = (self.environment,)  # type: ignore[assignment]
        shutdown.at_end = (self._end_of_step,)
        self.loss = LossPort(LOSS_NODE, shutdown)
        self._ports, rows = _make_ports(network, shutdown)
        self._observer = Observer(network, self._ports, self.loss)
        members = network, self._ports, self.loss, shutdown
        forward = self._forward = ForwardRows(*members)
        backward = self._backward = BackwardRows(*members)
        parameters = self._parameters = ParameterRows(network, self._ports)
        rows.activation_out = forward.activation_out
        rows.urgencies_in, rows.urgencies_out = backward.urgencies_in, backward.urgencies_out
        rows.commit_out, rows.direction = parameters.commit_out, parameters.direction
        self._input_rows = self._forward.row[network.is_input]
        wide = network.n_positions
        self._wide_inputs = int(wide[np.argmax(network.is_input)])
        self._wide_outputs = int(wide[network.output_positions[0]])
        self._inputs = [self._ports[k] for k in np.flatnonzero(network.is_input).tolist()]
        self.further = further_rows(network)
        self._further_shape: tuple[StepKind, int, int] | None = None

    # --- a step ---------------------------------------------------------------------------------

    @enable_ki_protection  # a member that is to be woken, and is not, would wait for ever
    def begin(self, step: Step, x: Array, targets: Array | None, direction: Array | None) -> None:
        """See `EnvironmentPort.begin`."""
        columns = x.shape[1] // self._wide_inputs
        self._forward.lay_out(columns)
        if step.loss is not None:
            self._backward.lay_out(columns, step.wrt_inputs)
        self._step = step
        self._shutdown.wake_up = WakeUp(step)
        self._forward.begin(x)
        self.loss.losses = NOTHING
        if targets is not None:
            self.loss.targets = targets
        if direction is not None:
            self._parameters.steer(direction)
        if self.further:
            self._lay_out_further(step, self._count_examples(targets, columns), columns)
        # the loss node's is one
        last_messages = len(self._ports) - len(self._inputs) + 1 + len(x) * step.wrt_inputs
        self._end_of_step.need = self._end_of_step.left = 1 if step.loss is None else last_messages
        if step.wrt_inputs:
            wake_inputs = Countdown(self._shutdown, 0)
            wake_inputs.members = tuple(self._inputs)
            wake_inputs.release()
        for countdown in self._forward.begun:
            countdown.arrive()

    def end(self) -> None:
        """Count and record the step, which has ended."""
        step = self._step
        assert step is not None
        self._messages += self._observer.count_in_full(step)
        self._step = None
        if self._recorder is not None:
            self._recorder.record(step, self._record(step))

    def _record(self, step: Step) -> StepRecord:
        loss, forward, backward = self.loss, self._forward, self._backward
        network, wide = self._network, self._network.n_positions
        blocks = {
            "inputs": record_rows(forward.values, self._input_rows, wide[network.is_input]),
            "activations": record_rows(forward.values, forward.row, wide),
            "losses": RecordedRows(loss.losses[None]),
        }
        if step.loss is not None:
            by_synapse, by_output = backward.rows_for_records()
            blocks |= {
                "targets": RecordedRows(loss.targets),
                "backward": record_rows(backward.values, by_synapse, wide[network.sources]),
                "loss_to_outputs": record_rows(
                    backward.values, by_output, wide[network.output_positions]
                ),
                "input_urgencies": RecordedRows(backward.input_urgencies),
                "commits": RecordedRows(self.commits),
                "directions": RecordedRows(self._parameters.directions),
            }
        columns = forward.values.shape[1]
        batch = self._count_examples(None if step.loss is None else loss.targets, columns)
        return StepRecord(batch, columns, blocks | {f.block.name: f.record() for f in self.further})

    def _count_examples(self, targets: Array | None, columns: int) -> int:
        return columns if targets is None else targets.shape[1] // self._wide_outputs

    # --- kinds of messages that have no array of their own ---------------------------------------

    def _lay_out_further(self, step: Step, batch: int, columns: int) -> None:
        """Hand each member its rows of these kinds, if they have another shape than before."""
        shape = StepKind.of(step), batch, columns
        if shape == self._further_shape:
            return
        parts = zip(*(rows.lay_out(*shape) for rows in self.further), strict=True)
        members: list[Any] = [*self._ports, self.loss, self.environment]
        for member, own in zip(members, parts, strict=True):
            member.further = {rows.kind: part for rows, part in zip(self.further, own, strict=True)}
        self._further_shape = shape

    # --- the rest of `Channels` -----------------------------------------------------------------

    @property
    def commits(self) -> Array:
        """The commits of all neurons, one after another. Shape (n_parameters,)."""
        return self._parameters.commits

    @property
    def input_urgencies(self) -> Array:
        """What inputs sent to the environment. Shape (n_inputs, columns)."""
        return self._backward.input_urgencies

    def port(self, k: int) -> NeuronPort:
        """See `Channels.port`."""
        return cast(NeuronPort, self._ports[k])

    def resume(self, number: int, stride: int = 1) -> None:
        """See `Channels.resume`. Members here learn the number of a step from the step."""

    def waiting(self) -> Iterator[Waiting]:
        """See `Channels.waiting`."""
        if self._step is not None:
            yield from self._observer.waiting(self._step)

    def statistics(self) -> Statistics:
        """See `Channels.statistics`. A mailbox is here the rows that its owner reads in a step."""
        messages = self._messages
        if self._step is not None:
            messages += self._observer.count_so_far(self._step)
        return Statistics(messages, self._observer.mailboxes(messages > 0))

    @enable_ki_protection
    def stop(self) -> None:
        """See `Channels.stop`."""
        if not self._shutdown.closed:
            self._shutdown.closed = True
            last: Any = WakeUp(None)
            for port in (*self._ports, self.loss):
                if port.asleep and port.task is not None:
                    port.asleep = False
                    reschedule(port.task, last)

    def close(self) -> None:
        """See `Channels.close`."""
        step = self._step
        if step is None:
            return
        self._messages += self._observer.count_so_far(step)
        self._step = None
        if self._recorder is not None:
            if step.loss is not None:
                self._backward.copy_all()
            sent = self._observer.rows_sent(step)
            self._recorder.record(step, replace(self._record(step), sent=sent))


def _make_ports(
    network: Network, shutdown: Shutdown
) -> tuple[Sequence[BundledPort | ViewlessPort], SocietyRows]:
    """Return the ports of all neurons, and what rows they take theirs from, which are set later."""
    rows = SocietyRows()
    if len(network.ids) < LARGE:
        return [BundledPort(name, shutdown) for name in network.ids], rows
    return [ViewlessPort(name, shutdown, k, rows) for k, name in enumerate(network.ids)], rows
