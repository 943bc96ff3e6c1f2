"""Channels of one shard: an engine's own, which carry the mail within it, and a way out and in for what crosses the cut.

Who stands in for what is elsewhere has a port of the engine's, and around it one that fetches and
ships. What crosses goes by a function that never waits, `send(bundle, direction, number, values)`;
what comes is handed to `deliver`. Arrays that are sent are nobody else's, and those that are
delivered must not be changed afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from ..channels.interface import (
    Channels,
    EnvironmentPort,
    LossPort,
    NeuronPort,
    Statistics,
    Waiting,
)
from ..neuron.messages import ACTIVATION, URGENCY, MessageKind, Step
from ..support.errors import MessageError
from ..support.validation import Array, frozen
from .inbound import InboundBuffer
from .messages import Direction
from .shard import Bundle, Shard

Send: TypeAlias = Callable[[int, Direction, int, Array], None]
Ship: TypeAlias = Callable[[Bundle, Direction, int, Array], None]
NOTHING = frozen(np.empty(0))


def activations_cross(bundle: Bundle) -> bool:
    """Return whether activations of the bundle's sources cross the cut.

    Those of inputs do not: the environment sends them to each shard that needs them.
    """
    return bundle.level > 0


def urgencies_cross(bundle: Bundle, step: Step) -> bool:
    """Return whether urgencies of the bundle's sources cross the cut in this step."""
    return step.loss is not None and (step.wrt_inputs or bundle.level > 0)


class ShardEnvironment:
    """The world's port, in terms of the shard's own members: see `EnvironmentPort`.

    x: (inputs, columns), a row for each of `Shard.inputs`.  input_urgencies: (its own inputs,
    columns), the first of these. targets: (n_outputs, batch), or None where the loss lives
    elsewhere. predictions: (n_outputs, columns), or (0, columns) there.  losses: (batch,), or (0,)
    there. direction, commits: what its own neurons hold and commit, one after another.
    """

    predictions: Array
    losses: Array
    commits: Array
    input_urgencies: Array

    def __init__(self, inner: EnvironmentPort, channels: ShardChannels, shard: Shard) -> None:
        self._inner, self._channels = inner, channels
        net = shard.network
        self._n_outputs, self._n_commits = shard.n_outputs, shard.n_commits
        self._n_inputs, self._n_told, self._untold = (
            shard.n_inputs,
            len(shard.inputs),
            len(net.inputs) - len(shard.inputs),
        )
        self._unwanted = len(net.outputs) - shard.n_outputs
        self._unsteered = int((net.incoming.sizes + 1)[~net.is_input].sum()) - shard.n_commits

    def begin(
        self, step: Step, x: Array, targets: Array | None, direction: Array | None = None
    ) -> None:
        columns = x.shape[1]
        if len(x) != self._n_told or (targets is not None and len(targets) != self._n_outputs):
            got = f"got {len(x)} rows and {'no' if targets is None else len(targets)} targets"
            raise MessageError(
                f"step {step.number}: {self._n_told} rows of x and {self._n_outputs} targets expected, {got}"
            )
        if step.loss is not None:
            wanted = np.zeros((self._n_outputs, columns)) if targets is None else targets
            targets = np.concatenate([wanted, np.zeros((self._unwanted, wanted.shape[1]))])
        if direction is not None:
            direction = frozen(np.concatenate([direction, np.zeros(self._unsteered)]))
        self._channels.begin(step, columns)
        told = frozen(np.concatenate([x, np.zeros((self._untold, columns))]))
        along = () if direction is None else (direction,)
        self._inner.begin(step, told, None if targets is None else frozen(targets), *along)

    async def wait_end(self) -> None:
        await self._inner.wait_end()
        inner = self._inner
        self.predictions = inner.predictions[: self._n_outputs]
        self.losses = inner.losses if self._n_outputs else NOTHING
        self.commits = inner.commits[: self._n_commits]
        self.input_urgencies = inner.input_urgencies[: self._n_inputs]


class _Answers:
    """The rows that a bundle's sources are told, of one step, gathered until all are there."""

    def __init__(self, bundle: Bundle, ship: Ship) -> None:
        self.bundle, self._ship = bundle, ship
        self._left, self._rows = 0, NOTHING

    def sheet(self, columns: int, places: slice | list[int]) -> Array:
        """For one of the sources, to write its rows on."""
        if not self._left:
            self._left, self._rows = self.bundle.n_sources, np.empty((self.bundle.n_rows, columns))
        return self._rows[places]

    def put(self, number: int, places: slice | list[int], sheet: Array) -> None:
        if not isinstance(places, slice):  # the sheet is a copy
            self._rows[places] = sheet
        self._left -= 1
        if not self._left:
            rows, self._rows = self._rows, NOTHING
            self._ship(self.bundle, "back", number, rows)


class _ProxyPort:
    """Around the engine's port of one who stands in: see `NeuronPort`."""

    activations_in: Array
    activation_out: Array
    urgencies_in: Array
    urgencies_out: Array
    commit_out: Array
    direction: Array = NOTHING  # a proxy has no parameters

    def __init__(self, inner: NeuronPort, bundle: Bundle) -> None:
        self.node = inner.node
        self._inner, self._bundle = inner, bundle

    async def receive(self, kind: MessageKind) -> Step | None:
        inner = self._inner
        step = await inner.receive(kind)
        if step is not None:
            if kind == ACTIVATION:
                self.activations_in, self.activation_out = (
                    inner.activations_in,
                    inner.activation_out,
                )
            else:
                self.urgencies_in, self.urgencies_out, self.commit_out = (
                    inner.urgencies_in,
                    inner.urgencies_out,
                    inner.commit_out,
                )
        return step

    @property
    def number(self) -> int:
        """See `PortBase`."""
        return self._inner.number

    def send(self, kind: MessageKind, step: Step) -> None:
        self._inner.send(kind, step)


class InputProxyPort(_ProxyPort):
    """Of one who stands in for an input: the world tells both the same, and where urgencies go, the rows go there."""

    def __init__(
        self, inner: NeuronPort, bundle: Bundle, answers: _Answers, rows: list[int]
    ) -> None:
        super().__init__(inner, bundle)
        self._answers = answers
        self._rows: slice | list[int] = slice(rows[0], rows[0] + 1) if len(rows) == 1 else rows

    async def receive(self, kind: MessageKind) -> Step | None:
        step = await super().receive(kind)
        if step is not None and kind == URGENCY:
            self._lay_out(step)
        return step

    def _lay_out(self, step: Step) -> None:
        columns = self._inner.activations_in.shape[1]
        self.urgencies_out = (
            self._answers.sheet(columns, self._rows)
            if urgencies_cross(self._bundle, step)
            else np.empty((0, columns))
        )

    def send(self, kind: MessageKind, step: Step) -> None:
        if kind == URGENCY:
            self._inner.urgencies_out[...] = 0.0
            if urgencies_cross(self._bundle, step):
                self._answers.put(step.number, self._rows, self.urgencies_out)
        super().send(kind, step)


class SourceProxyPort(InputProxyPort):
    """Of one who stands in for another source: its activation comes from elsewhere. It sleeps until that is there, and only
    then looks for what tells it the step: so it is woken once, not twice."""

    def __init__(
        self,
        inner: NeuronPort,
        bundle: Bundle,
        answers: _Answers,
        rows: list[int],
        arrival: InboundBuffer,
        row: int,
    ) -> None:
        super().__init__(inner, bundle, answers, rows)
        self._arrival, self._row, self._lived = arrival, row, 0

    async def receive(self, kind: MessageKind) -> Step | None:
        if kind == ACTIVATION:
            await self._arrival.wait_ready(self._lived + 1)
        step = await super().receive(kind)
        if step is not None and kind == ACTIVATION:
            self._lived = self._arrival.begun
            block = self._arrival.take(step.number)
            if block is None:
                return None
            self.activations_in = block[self._row : self._row + 1]
        return step


class FollowerProxyPort(_ProxyPort):
    """Of one who stands in for followers: in the first turn it tells what it hears; in each its urgencies are a turn's."""

    def __init__(
        self, inner: NeuronPort, bundle: Bundle, arrival: InboundBuffer, turn: int, ship: Ship
    ) -> None:
        super().__init__(inner, bundle)
        self._rows = slice(*bundle.turn_starts[turn : turn + 2].tolist())
        self._arrival, self._ship, self._first = arrival, ship, turn == 0

    async def receive(self, kind: MessageKind) -> Step | None:
        step = await super().receive(kind)
        if step is not None and kind == URGENCY:
            if not urgencies_cross(self._bundle, step):
                self.urgencies_in = np.zeros(self.urgencies_out.shape)
                return step
            await self._arrival.wait_ready(self._arrival.begun)
            block = self._arrival.take(step.number)
            if block is None:
                return None
            self.urgencies_in = block[self._rows]
        return step

    def send(self, kind: MessageKind, step: Step) -> None:
        if kind == ACTIVATION and self._first and activations_cross(self._bundle):
            self._ship(self._bundle, "forward", step.number, self.activations_in[:-1].copy())
        super().send(kind, step)


class ShardChannels:
    """See above. inner: channels of the shard's network. crossed: how many messages were sent elsewhere, and their bytes."""

    def __init__(self, inner: Channels, shard: Shard, send: Send) -> None:
        self._inner, self._send = inner, send
        self._place = shard.number
        self.crossed = (0, 0)
        self.environment = ShardEnvironment(inner.environment, self, shard)
        self._arrivals: dict[
            tuple[int, Direction], tuple[InboundBuffer, Bundle, tuple[str, ...]]
        ] = {}
        self._ports: dict[int, NeuronPort] = {}
        ids = shard.network.ids
        for bundle in shard.bundles_in:
            answers, first = _Answers(bundle, self._shipped), bundle.first
            name = f"shard {self._place}, from shard {bundle.sender}, level {bundle.level}"
            arrival = InboundBuffer(name, ACTIVATION, bundle.n_sources, bundle.n_sources)
            if bundle.level > 0:
                self._arrivals[bundle.number, "forward"] = (
                    arrival,
                    bundle,
                    ids[first : first + bundle.n_sources],
                )
            for row, places in enumerate(bundle.rows()):
                port, rows = inner.port(first + row), places.tolist()
                self._ports[first + row] = (
                    SourceProxyPort(port, bundle, answers, rows, arrival, row)
                    if bundle.level > 0
                    else InputProxyPort(port, bundle, answers, rows)
                )
        for bundle in shard.bundles_out:
            turns, first = bundle.n_turns, bundle.first
            name = f"shard {self._place}, from shard {bundle.receiver}, level {bundle.level}"
            arrival = InboundBuffer(name, URGENCY, bundle.n_rows, turns)
            self._arrivals[bundle.number, "back"] = arrival, bundle, ids[first : first + 1]
            for turn in range(turns):
                port = inner.port(first + turn)
                self._ports[first + turn] = FollowerProxyPort(
                    port, bundle, arrival, turn, self._shipped
                )

    def begin(self, step: Step, columns: int) -> None:
        """A step begins, of so many columns."""
        for (_, direction), (arrival, bundle, _) in self._arrivals.items():
            comes = direction == "forward" or urgencies_cross(bundle, step)
            arrival.begin(step.number, comes, columns)

    def deliver(self, bundle: int, direction: Direction, number: int, values: Array) -> None:
        """Take what another shard has sent, at once or, where its step has not begun, when that does. Raises `MessageError`
        for what must not be accepted."""
        if (bundle, direction) not in self._arrivals:
            raise MessageError(f"shard {self._place}: nothing comes {direction} in bundle {bundle}")
        self._arrivals[bundle, direction][0].accept(number, values)

    def _shipped(self, bundle: Bundle, direction: Direction, number: int, values: Array) -> None:
        messages, size = self.crossed
        self.crossed = messages + len(values), size + values.nbytes
        self._send(bundle.number, direction, number, frozen(values))

    # --- the rest of `Channels` -------------------------------------------------------------------

    @property
    def loss(self) -> LossPort:
        return self._inner.loss

    def port(self, k: int) -> NeuronPort:
        return self._ports.get(k) or self._inner.port(k)

    def resume(self, number: int, stride: int = 1) -> None:
        self._inner.resume(number, stride)

    def waiting(self) -> Iterator[Waiting]:
        yield from self._inner.waiting()
        for arrival, _, names in self._arrivals.values():
            if arrival.awaited is not None:
                yield Waiting(f"shard {self._place}", arrival.kind, arrival.awaited, names)

    def statistics(self) -> Statistics:
        return self._inner.statistics()

    def stop(self) -> None:
        self._inner.stop()
        for arrival, _, _ in self._arrivals.values():
            arrival.close()

    def close(self) -> None:
        self._inner.close()
