"""Bundled channels: the same messages, carried in arrays. The fast engine, and the default.

The law:

1. Every row of the arrays has one writer. `layout.py` says where it lies; a port holds views of its own rows alone.
2. Whoever has written rings a bell: one for all who hear the same neurons, one for all whom the same neurons answer. A
   bell counts down; the last who rings it wakes its members, so each is woken once a phase, when all its mail is there.
3. The letter that wakes is the step; None, after which no more mail comes, ends a member.
4. An input only repeats what the world told it: that row is its activation, so the environment rings for all inputs, and
   an input is woken only where urgencies are to reach it.
5. Nobody is woken twice, or too early: a bell that finds a member awake leaves him the letter.
6. No row is written again before it was read: a step begins when all commits of the one before were heard, or, where
   nothing is committed, the loss, which has heard all outputs, to which every neuron leads.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np
import trio
from numpy.typing import NDArray
from trio.lowlevel import Abort, current_task, reschedule, wait_task_rescheduled

from ..arrays import Array, Indices, frozen
from ..elements import ENVIRONMENT
from ..elements import LOSS as JUDGE
from ..lines import Lines
from ..messages import ACTIVATION, COMMIT, LOSS, TARGET, URGENCY, Kind, Step
from ..network import Network
from . import Recorder, Statistics, Waiting
from .layout import Backward, Forward, Rows
from .telling import Said, tell

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
        sleeping = wait_task_rescheduled(self.abort)
        pause = sleeping.send(None)
        sleeping.close()
        self.pause = pause if getattr(pause, "__dict__", None) == {"abort_func": self.abort} else None

    def abort(self, raise_cancel: Callable[[], Any]) -> Abort:
        """Called for each sleeping member when the society is cancelled, which it is as a whole."""
        self.closed = True
        return Abort.SUCCEEDED


class Bell:
    """Rung by `need` members in a step; the last of them wakes those who wait for it.

    carry: where rows do not lie where they are read: (array, which rows) to write, (array, which rows) to read.
    """

    __slots__ = ("carry", "gate", "left", "members", "need")

    def __init__(self, gate: Gate, need: int) -> None:
        self.gate = gate
        self.need = self.left = need
        self.members: list[BundledPort] = []
        self.carry: tuple[Array, Any, Array, Indices] | None = None

    def ring(self) -> None:
        """All have rung."""
        self.left = self.need
        gate = self.gate
        if gate.closed:
            return
        if self.carry is not None:
            self.fetch()
        letter: Any = gate.letter
        for port in self.members:
            if port.asleep:
                port.asleep = False
                reschedule(port.task, letter)
            else:
                port.early = letter

    def fetch(self) -> None:
        """Carry over the rows that do not lie where they are read."""
        if self.carry is not None:
            into, where, source, rows = self.carry
            into[where] = source.take(rows, 0)


class BundledPort:
    """A member's views of its rows, and the bells of its direct neighbours; see `Port` and `LossPort`."""

    __slots__ = ("activation", "asleep", "back", "backward", "commit", "done", "early", "forward", "gate", "heard", "losses",
                 "node", "spoken", "targets", "task", "urgencies", "waits", "world")  # fmt: skip

    def __init__(self, node: str, gate: Gate, world: Bell) -> None:
        self.node = node
        self.gate = gate
        self.forward: tuple[Bell, ...] = ()  # rung when it has sent its activation
        self.backward: tuple[Bell, ...] = ()  # its urgencies
        self.world = (world,)  # its last word
        self.heard: Array = NOTHING
        self.activation: Array = NOTHING
        self.urgencies: Array = NOTHING
        self.back: Array = NOTHING
        self.commit: Array = NOTHING
        self.targets: Array = NOTHING
        self.losses: Array = NOTHING
        self.task: trio.lowlevel.Task | None = None
        self.asleep = False
        self.early: Letter | None = None
        self.waits: Kind = ACTIVATION
        self.spoken = self.done = 0  # the last step in which it has sent its activation, and its last word

    @types.coroutine
    def wait(self, kind: Kind) -> Generator[Any, Any, Step | None]:
        if kind == TARGET:  # it is there before any activation
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
            return (yield from wait_task_rescheduled(gate.abort).__await__())  # type: ignore[no-any-return]
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


class BundledEnvironmentPort:
    """The world's own; see `EnvironmentPort`. A bell wakes whoever waits for the end of the step."""

    def __init__(self, engine: Bundled) -> None:
        self._engine = engine
        self.task: trio.lowlevel.Task | None = None
        self.asleep = False
        self.early: Letter | None = None
        self.predictions = self.losses = self.commits = self.urgencies = NOTHING

    def begin(self, step: Step, x: Array, targets: Array | None) -> None:
        self.early = None
        self._engine.begin(step, x, targets)

    async def end(self) -> None:
        if self.early is None:
            self.task, self.asleep = current_task(), True
            await wait_task_rescheduled(self._abort)
        self.early = None
        engine = self._engine
        engine.record()
        self.predictions, self.losses = engine.loss.heard, engine.loss.losses
        self.commits, self.urgencies = engine.commits, engine.felt

    def _abort(self, raise_cancel: Callable[[], Any]) -> Abort:
        self.asleep = False
        return Abort.SUCCEEDED


class Bundled:
    """The engine: lays out the rows, hangs up the bells, and gives each member views of its own."""

    def __init__(self, network: Network, recorder: Recorder | None = None) -> None:
        self._network = network
        self._recorder = recorder
        self._lines = None if recorder is None else Lines(network)
        self._gate = Gate()
        self._step: Step | None = None
        self._messages = 0
        self._everyone = Bell(self._gate, 0)
        self.environment = BundledEnvironmentPort(self)
        self._everyone.members.append(self.environment)  # type: ignore[arg-type]
        self._ports = [BundledPort(name, self._gate, self._everyone) for name in network.ids]
        self.loss = BundledPort(JUDGE, self._gate, self._everyone)

        self._inputs = np.flatnonzero(network.is_input)
        self._neurons = np.flatnonzero(~network.is_input)
        fans = network.incoming.sizes[self._neurons] + 1
        ends = np.cumsum(fans)
        self.commits = np.empty(int(ends[-1]))
        hearers = [self._ports[k] for k in self._neurons.tolist()]
        for port, end, fan in zip(hearers, ends.tolist(), fans.tolist(), strict=True):
            port.commit = self.commits[end - fan : end]

        self._hearers = [*hearers, self.loss]
        forward = self._forward = Forward(network)
        self._bells = [Bell(self._gate, need) for need in forward.need.tolist()]
        for port, group in zip(self._hearers, forward.group.tolist(), strict=True):
            self._bells[group].members.append(port)
        for port, bells in zip(self._ports, _chosen(self._bells, forward.told), strict=True):
            port.forward = bells
        self._told = [self._bells[g] for g in np.flatnonzero(forward.hears_world).tolist()]
        self._ways_back: dict[bool, tuple[Backward, list[Bell]]] = {}
        self._laid_out: tuple[int, bool] | None = None

    # --- rows and bells ------------------------------------------------------------------------------------------

    def _lay_out(self, batch: int, wrt_inputs: bool) -> None:
        """New arrays, and for each member the views of its rows: where the batch size changes, and now and then."""
        forward = self._forward
        self._a, heard = np.ones((forward.n_rows, batch)), np.ones((forward.n_gathered, batch))
        blocks = []
        for group, (start, size) in enumerate(zip(forward.start.tolist(), forward.size.tolist(), strict=True)):
            rows = forward.gathers.get(group)
            block = (self._a if rows is None else heard)[start : start + size]
            blocks.append(block)
            if rows is not None:
                self._bells[group].carry = block[: len(rows)], ..., self._a, rows
        for port, group in zip(self._hearers, forward.group.tolist(), strict=True):
            port.heard = blocks[group]
        for port, row in zip(self._ports, forward.row.tolist(), strict=True):
            port.activation = self._a[row]
        for k in self._inputs.tolist():
            row = int(forward.row[k])
            self._ports[k].heard = self._a[row : row + 1]

        if self._laid_out is None or self._laid_out[1] != wrt_inputs:
            self._hang_up(wrt_inputs)
        backward, bells = self._ways_back[wrt_inputs]
        u, told = np.empty((backward.n_rows, batch)), np.empty((backward.n_told, batch))
        self._u = u
        for port, start, size in zip(self._ports, backward.start.tolist(), backward.size.tolist(), strict=True):
            port.urgencies = u[start : start + size]
        writing = backward.writing
        first = writing.values[np.minimum(writing.start[:-1], len(writing.values) - 1)] if len(writing.values) else writing.start
        places = (first, np.diff(writing.start), backward.stride, backward.told_start)
        for port, (row, length, stride, start) in zip(
            self._hearers, zip(*(array.tolist() for array in places), strict=False), strict=True
        ):
            port.back = u[row : row + length * stride : stride] if stride else told[start : start + length]
        for group, (rows, from_told) in backward.carries.items():
            bells[group].carry = u, rows, told, from_told
        self.felt = np.empty((len(self._inputs), batch))
        for i, k in enumerate(self._inputs.tolist()):
            self._ports[k].back = self.felt[i : i + 1]
        self._laid_out = batch, wrt_inputs

    def _hang_up(self, wrt_inputs: bool) -> None:
        """The bells of the way back, which inputs hear or do not."""
        if wrt_inputs not in self._ways_back:
            backward = Backward(self._network, wrt_inputs)
            bells = [Bell(self._gate, need) for need in backward.need.tolist()]
            for k in np.flatnonzero(backward.reads).tolist():
                bells[backward.group[k]].members.append(self._ports[k])
            self._ways_back[wrt_inputs] = backward, bells
        backward, bells = self._ways_back[wrt_inputs]
        for port, told in zip(self._ports, _chosen(bells, backward.tells), strict=True):
            port.backward = told
        self.loss.backward = tuple(bells[group] for group in backward.loss_tells.tolist())

    # --- a step --------------------------------------------------------------------------------------------------

    def begin(self, step: Step, x: Array, targets: Array | None) -> None:
        """Tell inputs, and those who hear them, and the loss."""
        if self._laid_out != (x.shape[1], step.wrt_inputs):
            self._lay_out(x.shape[1], step.wrt_inputs)
        self._step = step
        self._gate.letter = Letter(step)
        self._a[: len(x)] = x  # they are the first level
        if targets is not None:
            self.loss.targets = targets
        everyone, n_inputs, n_outputs = self._everyone, len(x), len(self._network.outputs)
        everyone.need = everyone.left = 1 if step.loss is None else len(self._neurons) + 1 + n_inputs * step.wrt_inputs
        self._messages += n_inputs + len(self._network.weights) + 2 * n_outputs + 1
        if step.loss is not None:
            backward = self._ways_back[step.wrt_inputs][0]
            self._messages += n_outputs + backward.n_rows + n_inputs * step.wrt_inputs + len(self._neurons)
        if step.wrt_inputs:
            wake = Bell(self._gate, 0)
            wake.members = [self._ports[k] for k in self._inputs.tolist()]
            wake.ring()
        for bell in self._told:
            bell.left -= 1
            if not bell.left:
                bell.ring()

    def record(self) -> None:
        """Tell the recorder what was said in the step under way, or in the part of it that there was."""
        step, self._step = self._step, None
        if self._recorder is None or self._lines is None or step is None:
            return
        network, number, batch = self._network, step.number, self._a.shape[1]
        urgencies, blame = np.zeros((len(network.weights), batch)), np.zeros((len(network.outputs), batch))
        if step.loss is not None:
            backward, bells = self._ways_back[step.wrt_inputs]
            for bell in bells:  # what a broken step has left at the writers
                bell.fetch()
            heard = np.flatnonzero(backward.reads[network.sources])
            urgencies[heard] = self._u[backward.row[heard]]
            blame[backward.reads[network.output_positions]] = self._u[backward.loss_rows]
        said = Said(
            activations=self._a[self._forward.row],
            spoken=np.array([port.spoken == number for port in self._ports]) | network.is_input,
            targets=self.loss.targets,
            losses=self.loss.losses,
            judged=self.loss.done == number,
            urgencies=urgencies,
            blame=blame,
            felt=self.felt,
            commits=self.commits,
            done=np.array([port.done == number for port in self._ports]),
        )
        tell(self._recorder, self._lines, network, step, said)

    # --- the rest of `Channels` ----------------------------------------------------------------------------------

    def port(self, k: int) -> BundledPort:
        return self._ports[k]

    def waiting(self) -> Iterator[Waiting]:
        step, network = self._step, self._network
        if step is None:
            return
        ids, number = network.ids, step.number
        for k, port in enumerate(self._ports):
            if port.done == number or (network.is_input[k] and not step.wrt_inputs):
                continue
            if port.waits == ACTIVATION and port.spoken < number:
                sources = network.sources[network.incoming.of(k)].tolist()
                kept = tuple(ids[s] for s in sources if self._ports[s].spoken < number and not network.is_input[s])
                yield Waiting(ids[k], ACTIVATION, number, kept)
            elif port.waits == URGENCY:
                followers = network.targets[network.outgoing.of(k)].tolist()
                kept = tuple(ids[t] for t in followers if self._ports[t].done < number)
                blamed = ids[k] in network.outputs and self.loss.done < number
                yield Waiting(ids[k], URGENCY, number, kept + (JUDGE,) * blamed)
        silent = tuple(
            name for name in network.outputs if self._ports[network.position[name]].spoken < number and name not in network.inputs
        )
        if self.loss.done < number:
            yield Waiting(JUDGE, ACTIVATION, number, silent)
            if silent:
                yield Waiting(ENVIRONMENT, ACTIVATION, number, silent)
            yield Waiting(ENVIRONMENT, LOSS, number, (JUDGE,))
        if step.loss is not None:
            yield Waiting(ENVIRONMENT, COMMIT, number, tuple(ids[k] for k in self._neurons if self._ports[k].done < number))

    def statistics(self) -> Statistics:
        """A mailbox is here the rows that its owner reads: all of them, in each step."""
        sizes = self._network.incoming.sizes + self._network.outgoing.sizes
        is_output = np.isin(np.arange(len(sizes)), self._network.output_positions)
        room = sizes + is_output + self._network.is_input
        full = np.maximum(self._network.incoming.sizes, self._network.outgoing.sizes + is_output) * (self._messages > 0)
        return Statistics(self._messages, dict(zip(self._network.ids, zip(full.tolist(), room.tolist(), strict=True), strict=True)))

    def stop(self) -> None:
        if not self._gate.closed:
            self._gate.closed = True
            last: Any = Letter(None)
            for port in (*self._ports, self.loss):
                if port.asleep and port.task is not None:
                    port.asleep = False
                    reschedule(port.task, last)

    def close(self) -> None:
        self.record()


def _chosen(bells: list[Bell], rows: Rows) -> Iterator[tuple[Bell, ...]]:
    """For each member its bells."""
    groups, start = rows.values.tolist(), rows.start.tolist()
    for a, b in zip(start, start[1:], strict=False):
        yield tuple([bells[group] for group in groups[a:b]])
