"""Bundled channels: the same messages, carried in arrays. The fast engine, and the default.

The law, beside that of the countdowns:

1. Every row of the arrays has one writer. `layout.py` says where it lies; a port holds views of its own rows alone.
2. An input only repeats what the world told it: that row is its activation, so the environment rings for all inputs, and
   an input is woken only where urgencies are to reach it.
3. No row is written again before it was read: a step begins when all commits of the one before were heard, or, where
   nothing is committed, the loss, which has heard all outputs, to which every neuron leads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import trio
from trio.lowlevel import (
    Abort,
    current_task,
    disable_ki_protection,
    enable_ki_protection,
    reschedule,
    wait_task_rescheduled,
)

from ...network.elements import ENVIRONMENT, LOSS_NODE
from ...network.network import Network
from ...neuron.messages import ACTIVATION, COMMIT, LOSS, URGENCY, Step
from ...support.validation import Array
from ..interface import Recorder, Statistics, Waiting
from ..routes import count_messages
from ..step_record import Progress, StepRecord
from .countdown import NOTHING, BundledPort, Countdown, Shutdown, WakeUp, attach_readers, per_member
from .row_layout import Backward, Forward, rows_of


class BundledEnvironmentPort:
    """The world's own; see `EnvironmentPort`. A countdown wakes whoever waits for the end of the step."""

    def __init__(self, engine: Bundled) -> None:
        self._engine = engine
        self.task: trio.lowlevel.Task | None = None
        self.asleep = False
        self.early: WakeUp | None = None
        self.predictions = self.losses = self.commits = self.input_urgencies = NOTHING

    def begin(
        self, step: Step, x: Array, targets: Array | None, direction: Array | None = None
    ) -> None:
        self.early = None
        self._engine.begin(step, x, targets, direction)

    @enable_ki_protection  # an interrupt reaches the sleep, and nothing beside it
    async def wait_end(self) -> None:
        if self.early is None:
            self.task, self.asleep = current_task(), True
            try:
                await wait_task_rescheduled(self._abort)
            finally:
                self.asleep = False
        self.early = None
        engine = self._engine
        engine.count()
        engine.record(None)
        self.predictions, self.losses = engine.loss.activations_in, engine.loss.losses
        self.commits, self.input_urgencies = engine.commits, engine.input_urgencies

    def _abort(self, raise_cancel: Callable[[], Any]) -> Abort:
        self.asleep = False
        return Abort.SUCCEEDED


class Bundled:
    """The engine: lays out the rows, makes the countdowns, and gives each member views of its own."""

    def __init__(self, network: Network, recorder: Recorder | None = None) -> None:
        self._network = network
        self._recorder = recorder
        self._shutdown = Shutdown()
        self._step: Step | None = None
        self._messages = 0  # of the steps before
        self._in_full: dict[
            tuple[bool, bool, bool], int
        ] = {}  # of a whole step: predicting?, wrt_inputs?, tangent?
        self._end_of_step = Countdown(self._shutdown, 0)
        self.environment = BundledEnvironmentPort(self)
        self._end_of_step.members = (self.environment,)  # type: ignore[assignment]
        last = (self._end_of_step,)
        self._ports = [BundledPort(name, self._shutdown, last) for name in network.ids]
        self.loss = BundledPort(LOSS_NODE, self._shutdown, last)

        self._inputs, self._neurons = (
            np.flatnonzero(network.is_input),
            np.flatnonzero(~network.is_input),
        )
        fans = network.incoming.sizes[self._neurons] + 1
        self._ends = ends = np.cumsum(fans)
        self.commits, self.directions = np.empty(int(ends[-1])), NOTHING
        self._hearers = [*(self._ports[k] for k in self._neurons.tolist()), self.loss]
        for port, end, fan in zip(self._hearers[:-1], ends.tolist(), fans.tolist(), strict=True):
            port.commit_out = self.commits[end - fan : end]

        forward = self._forward = Forward(network)
        self._forward_countdowns = [
            Countdown(self._shutdown, need) for need in forward.need.tolist()
        ]
        attach_readers(self._forward_countdowns, self._hearers, forward.group)
        for port, countdowns in zip(
            self._ports, per_member(self._forward_countdowns, forward.told), strict=True
        ):
            port.forward = countdowns
        del forward.told  # large, and of no more use
        self._started_by_inputs = [
            self._forward_countdowns[g] for g in np.flatnonzero(forward.hears_world)
        ]
        self._a = self._u = self.input_urgencies = np.empty(
            (0, 0)
        )  # laid out when a step needs them
        self._urgency_rows = self._loss_rows = np.empty(0, dtype=np.intp)  # for a recorder
        self._way_back: tuple[int, bool] | None = (
            None  # width and wrt_inputs that it is laid out for
        )

    # --- rows and countdowns ------------------------------------------------------------------------------------------

    @disable_ki_protection  # it takes long where the network is large, and whoever is struck here has begun nothing
    def _lay_out_forward(self, columns: int) -> None:
        """New arrays for activations, and for each member the views of its rows: where their width changes."""
        forward = self._forward
        self._a, heard = np.ones((forward.n_rows, columns)), np.ones((forward.n_gathered, columns))
        blocks, first_rows = [], {size: slice(size) for size in set((forward.size - 1).tolist())}
        rows = forward.heard
        places = (forward.start, forward.size, forward.gathered, forward.first)
        for countdown, (start, size, gathered, hearer) in zip(
            self._forward_countdowns, rows_of(places), strict=True
        ):
            block = (heard if gathered else self._a)[start : start + size]
            blocks.append(block)
            if gathered:
                first, count = int(rows.start[hearer]), len(rows[hearer])
                countdown.carries(
                    block, first_rows.get(count, ...), self._a, rows.values, first, count
                )
        for port, group in zip(self._hearers, forward.group.tolist(), strict=True):
            port.activations_in = blocks[group]
        for port, row in zip(self._ports, forward.row.tolist(), strict=True):
            port.activation_out = self._a[row]
        for k, row in enumerate(forward.row[self._inputs].tolist()):
            self._ports[self._inputs[k]].activations_in = self._a[row : row + 1]

    @disable_ki_protection
    def _lay_out_backward(self, columns: int, wrt_inputs: bool) -> None:
        """The same for urgencies, in a step that has some."""
        if self._way_back is None or self._way_back[1] != wrt_inputs:
            self._connect_backward(wrt_inputs)
        backward, countdowns = self._backward, self._backward_countdowns
        u, told = np.empty((backward.n_rows, columns)), np.empty((backward.n_told, columns))
        self._u = u
        for port, start, size in zip(
            self._ports, backward.start.tolist(), backward.size.tolist(), strict=True
        ):
            port.urgencies_in = u[start : start + size]
        ways = (backward.first, backward.length, backward.stride, backward.told_start)
        for port, (row, length, stride, start) in zip(self._hearers, rows_of(ways), strict=True):
            port.urgencies_out = (
                u[row : row + length * stride : stride] if stride else told[start : start + length]
            )
        carried = (backward.carried, backward.into, backward.cuts[:-1], backward.cuts[1:])
        for group, first, start, end in rows_of(carried):
            into: Array = countdowns[group].members[0].urgencies_in
            where: Any = ...
            if first < 0:
                assert backward.scattered is not None
                into, where = u, backward.scattered[start:end]
            elif len(countdowns[group].members) > 1 or len(into) != end - start:
                into = u[first : first + end - start]
            countdowns[group].carries(into, where, told, backward.rows, start, end - start)
        self.input_urgencies = np.empty((len(self._inputs), columns))
        for i, k in enumerate(self._inputs.tolist()):
            self._ports[k].urgencies_out = self.input_urgencies[i : i + 1]
        self._way_back = columns, wrt_inputs

    def _connect_backward(self, wrt_inputs: bool) -> None:
        """The countdowns of the way back, which inputs hear or do not."""
        backward = self._backward = Backward(self._network, wrt_inputs)
        countdowns = self._backward_countdowns = [
            Countdown(self._shutdown, need) for need in backward.need.tolist()
        ]
        readers = np.flatnonzero(backward.reads)
        attach_readers(
            countdowns, [self._ports[k] for k in readers.tolist()], backward.group[readers]
        )
        for port, told in zip(self._ports, per_member(countdowns, backward.tells), strict=True):
            port.backward = told
        self.loss.backward = tuple(countdowns[group] for group in backward.loss_tells.tolist())
        if self._recorder is not None:
            self._urgency_rows, self._loss_rows = backward.row(self._network), backward.loss_rows
        del backward.tells

    # --- a step --------------------------------------------------------------------------------------------------

    @enable_ki_protection  # a member that is to be woken, and is not, would wait for ever
    def begin(self, step: Step, x: Array, targets: Array | None, direction: Array | None) -> None:
        """Tell inputs, and those who hear them, and the loss."""
        columns, way_back = x.shape[1], (x.shape[1], step.wrt_inputs)
        if self._a.shape[1] != columns:
            self._lay_out_forward(columns)
        if step.loss is not None and self._way_back != way_back:
            self._lay_out_backward(*way_back)
        self._step = step
        self._shutdown.wake_up = WakeUp(step)
        self._a[: len(x)] = x  # they are the first level
        if targets is not None:
            self.loss.targets = targets
        if direction is not None:
            self.directions = direction
            for k, part in enumerate(np.split(direction, self._ends[:-1])):
                self._hearers[k].direction = part
        self._end_of_step.need = self._end_of_step.left = (
            1 if step.loss is None else len(self._hearers) + len(x) * step.wrt_inputs
        )
        if step.wrt_inputs:
            wake = Countdown(self._shutdown, 0)
            wake.members = tuple(self._ports[k] for k in self._inputs.tolist())
            wake.release()
        for countdown in self._started_by_inputs:
            countdown.arrive()

    def count(self) -> None:
        """The step under way is over, and was said in full."""
        step = self._step
        assert step is not None
        kind = step.loss is None, step.wrt_inputs, step.tangent
        self._in_full[kind] = self._in_full.get(kind) or self._sent()
        self._messages += self._in_full[kind]

    def _sent(self) -> int:
        """How many messages were sent so far in the step under way."""
        return (
            0
            if self._step is None
            else count_messages(self._network, self._step, self._progress(self._step.number))
        )

    def _progress(self, number: int) -> Progress:
        sent_activation, finished = np.array(
            [(port.activation_step == number, port.finished_step == number) for port in self._ports]
        ).T
        return Progress(
            sent_activation | self._network.is_input, finished, self.loss.finished_step == number
        )

    def record(self, progress: Progress | None) -> None:
        """Tell the recorder what was said in the step under way, or in the part of it that there was."""
        step, self._step = self._step, None
        if self._recorder is None or step is None:
            return
        record = StepRecord(
            activations=self._a,
            activation_rows=self._forward.row,
            urgencies=self._u,
            urgency_rows=self._urgency_rows,
            loss_rows=self._loss_rows,
            targets=self.loss.targets,
            losses=self.loss.losses,
            input_urgencies=self.input_urgencies,
            commits=self.commits,
            directions=self.directions,
            progress=progress,
        )
        self._recorder.messages(step, record)

    # --- the rest of `Channels` ----------------------------------------------------------------------------------

    def port(self, k: int) -> BundledPort:
        return self._ports[k]

    def resume(self, number: int, stride: int = 1) -> None:
        pass  # who was told no step is behind every one

    def waiting(self) -> Iterator[Waiting]:
        step, network = self._step, self._network
        if step is None:
            return
        ids, number = network.ids, step.number
        is_output = np.isin(np.arange(len(ids)), network.output_positions)
        for k, port in enumerate(self._ports):
            if port.finished_step == number or (network.is_input[k] and not step.wrt_inputs):
                continue
            if port.waits == ACTIVATION and port.activation_step < number:
                sources = network.sources[network.incoming.of(k)].tolist()
                silent_ones = tuple(
                    ids[s]
                    for s in sources
                    if self._ports[s].activation_step < number and not network.is_input[s]
                )
                if silent_ones:  # else its mail is there, and it is about to run
                    yield Waiting(ids[k], ACTIVATION, number, silent_ones)
            elif port.waits == URGENCY:
                followers = network.targets[network.outgoing.of(k)].tolist()
                silent_ones = tuple(
                    ids[t] for t in followers if self._ports[t].finished_step < number
                )
                silent_ones += (LOSS_NODE,) * bool(
                    is_output[k] and self.loss.finished_step < number
                )
                if silent_ones:
                    yield Waiting(ids[k], URGENCY, number, silent_ones)
        outputs = [k for k in network.output_positions.tolist() if not network.is_input[k]]
        silent = tuple(ids[k] for k in outputs if self._ports[k].activation_step < number)
        if self.loss.finished_step < number:
            if silent:
                yield Waiting(LOSS_NODE, ACTIVATION, number, silent)
                yield Waiting(ENVIRONMENT, ACTIVATION, number, silent)
            yield Waiting(ENVIRONMENT, LOSS, number, (LOSS_NODE,))
        last = [] if step.loss is None else [(COMMIT, self._neurons)]
        for kind, members in [*last, *([(URGENCY, self._inputs)] if step.wrt_inputs else [])]:
            missing = tuple(
                ids[k] for k in members.tolist() if self._ports[k].finished_step < number
            )
            if missing:
                yield Waiting(ENVIRONMENT, kind, number, missing)

    def statistics(self) -> Statistics:
        """A mailbox is here the rows that its owner reads: all of them, in each step."""
        messages = self._messages + self._sent()
        sizes = self._network.incoming.sizes + self._network.outgoing.sizes
        is_output = np.isin(np.arange(len(sizes)), self._network.output_positions)
        room = (
            sizes + is_output + 1
        )  # of the world: to an input its activation, to a neuron a direction
        full = np.maximum(
            self._network.incoming.sizes, self._network.outgoing.sizes + is_output
        ) * (messages > 0)
        return Statistics(
            messages,
            dict(
                zip(self._network.ids, zip(full.tolist(), room.tolist(), strict=True), strict=True)
            ),
        )

    @enable_ki_protection
    def stop(self) -> None:
        if not self._shutdown.closed:
            self._shutdown.closed = True
            last: Any = WakeUp(None)
            for port in (*self._ports, self.loss):
                if port.asleep and port.task is not None:
                    port.asleep = False
                    reschedule(port.task, last)

    def close(self) -> None:
        if self._step is None:
            return
        if self._recorder is not None and self._step.loss is not None:
            for (
                countdown
            ) in self._backward_countdowns:  # of a broken step, what is left at the writers
                countdown.fetch()
        self._messages += self._sent()
        self.record(self._progress(self._step.number))
