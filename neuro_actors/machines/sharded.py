"""Channels of one shard: an engine's own, which carry the mail within it, and a way out and in for what crosses the cut.

Who stands in for what is elsewhere has a port of the engine's, and around it one that fetches and ships. What crosses goes
by a function that never waits, `send(bundle, direction, number, values)`; what comes is handed to `deliver`. Arrays that are
sent are nobody else's, and those that are delivered must not be changed afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import numpy as np

from ..arrays import Array, frozen
from ..channels import Channels, EnvironmentPort, LossPort, Port, Statistics, Waiting
from ..errors import MessageError
from ..messages import ACTIVATION, TANGENT, URGENCY, Kind, Step
from .arrival import Arrival
from .shard import Bundle, Shard
from .standins import crosses

Direction: TypeAlias = Literal["forward", "back"]
Send: TypeAlias = Callable[[int, Direction, int, Array], None]
NOTHING = frozen(np.empty(0))


class ShardEnvironment:
    """The world's port, in terms of the shard's own members: see `EnvironmentPort`.

    x, urgencies: (its own inputs, columns).  targets: (n_outputs, batch), or None where the loss lives elsewhere.
    predictions: (n_outputs, columns), or (0, columns) there.  losses: (batch,), or (0,) there.
    direction, commits: what its own neurons hold and commit, one after another.
    """

    predictions: Array
    losses: Array
    commits: Array
    urgencies: Array

    def __init__(self, inner: EnvironmentPort, channels: ShardChannels, shard: Shard) -> None:
        self._inner, self._channels = inner, channels
        net = shard.network
        self._n_outputs, self._n_commits = shard.n_outputs, shard.n_commits
        self._n_inputs, self._untold = len(shard.inputs), len(net.inputs) - len(shard.inputs)
        self._unwanted = len(net.outputs) - shard.n_outputs
        self._unsteered = int((net.incoming.sizes + 1)[~net.is_input].sum()) - shard.n_commits

    def begin(self, step: Step, x: Array, targets: Array | None, direction: Array | None = None) -> None:
        columns = x.shape[1]
        if step.loss is not None:
            wanted = np.zeros((self._n_outputs, columns)) if targets is None else targets
            targets = np.concatenate([wanted, np.zeros((self._unwanted, wanted.shape[1]))])
        if direction is not None:
            direction = frozen(np.concatenate([direction, np.zeros(self._unsteered)]))
        self._channels.begin(step, columns)
        told = frozen(np.concatenate([x, np.zeros((self._untold, columns))]))
        along = () if direction is None else (direction,)
        self._inner.begin(step, told, None if targets is None else frozen(targets), *along)

    async def end(self) -> None:
        await self._inner.end()
        inner = self._inner
        self.predictions = inner.predictions[: self._n_outputs]
        self.losses = inner.losses if self._n_outputs else NOTHING
        self.commits = inner.commits[: self._n_commits]
        self.urgencies = inner.urgencies[: self._n_inputs]


class _Answers:
    """The rows that a bundle's sources are told, of one step, gathered until all are there."""

    def __init__(self, bundle: Bundle, ship: Callable[[Bundle, Direction, int, Array], None]) -> None:
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


class _StandInPort:
    """Around the engine's port of one who stands in: see `Port`."""

    heard: Array
    activation: Array
    urgencies: Array
    back: Array
    commit: Array
    direction: Array

    def __init__(self, inner: Port, bundle: Bundle, arrival: Arrival) -> None:
        self.node = inner.node
        self._inner, self._bundle, self._arrival = inner, bundle, arrival

    async def wait(self, kind: Kind) -> Step | None:
        inner = self._inner
        step = await inner.wait(kind)
        if step is None or (kind == ACTIVATION and step.tangent and await inner.wait(TANGENT) is None):
            return None
        if kind == ACTIVATION:
            self.activation = inner.activation
        else:
            self.commit = inner.commit
        return step if await self._fetch(kind, step) else None

    async def _fetch(self, kind: Kind, step: Step) -> bool:
        """Put mail and sheets on the desk; False if no more mail will come."""
        raise NotImplementedError

    def send(self, kind: Kind, step: Step) -> None:
        self._inner.send(kind, step)

    def _answered(self, step: Step) -> bool:
        """Whether urgencies towards the bundle's sources cross in this step."""
        return crosses(step) and (step.wrt_inputs or self._bundle.level > 0)


class SourcePort(_StandInPort):
    """Of one who stands in for a source: its activation comes from elsewhere, and there the rows for it go."""

    def __init__(self, inner: Port, bundle: Bundle, arrival: Arrival, row: int, answers: _Answers, rows: list[int]) -> None:
        super().__init__(inner, bundle, arrival)
        self._row, self._answers = row, answers
        self._places: slice | list[int] = slice(rows[0], rows[0] + 1) if len(rows) == 1 else rows

    async def _fetch(self, kind: Kind, step: Step) -> bool:
        inner = self._inner
        columns = inner.heard.shape[1]
        if kind == URGENCY:
            self.urgencies = inner.urgencies
            self.back = self._answers.sheet(columns, self._places) if self._answered(step) else np.empty((0, columns))
            return True
        if not crosses(step):
            self.heard = np.zeros((1, columns))
            return True
        block = await self._arrival.take(step.number, columns)
        if block is not None:
            self.heard = block[self._row : self._row + 1]
        return block is not None

    def send(self, kind: Kind, step: Step) -> None:
        if kind == URGENCY:
            self._inner.back[...] = 0.0
            if self._answered(step):
                self._answers.put(step.number, self._places, self.back)
        super().send(kind, step)


class FollowerPort(_StandInPort):
    """Of one who stands in for followers: in the first turn it tells what it hears; in each its urgencies are a turn's."""

    def __init__(
        self, inner: Port, bundle: Bundle, arrival: Arrival, turn: int, ship: Callable[[Bundle, Direction, int, Array], None]
    ) -> None:
        super().__init__(inner, bundle, arrival)
        self._turn, self._rows, self._ship = turn, slice(*bundle.cuts[turn : turn + 2].tolist()), ship

    async def _fetch(self, kind: Kind, step: Step) -> bool:
        inner = self._inner
        if kind == ACTIVATION:
            self.heard = inner.heard
            return True
        self.back = inner.back
        if not self._answered(step):
            self.urgencies = np.zeros(inner.back.shape)
            return True
        block = await self._arrival.take(step.number, inner.back.shape[1])
        if block is not None:
            self.urgencies = block[self._rows]
        return block is not None

    def send(self, kind: Kind, step: Step) -> None:
        if kind == ACTIVATION and not self._turn and crosses(step):
            self._ship(self._bundle, "forward", step.number, self.heard[:-1].copy())
        super().send(kind, step)


class ShardChannels:
    """See above. inner: channels of the shard's network. crossed: how many messages were sent elsewhere, and their bytes."""

    def __init__(self, inner: Channels, shard: Shard, send: Send) -> None:
        self._inner, self._send = inner, send
        self._place = shard.place
        self._step: Step | None = None
        self._columns = 0
        self.crossed = (0, 0)
        self.environment = ShardEnvironment(inner.environment, self, shard)
        self._arrivals: dict[tuple[int, Direction], Arrival] = {}
        self._ports: dict[int, Port] = {}
        self._names: dict[tuple[int, Direction], tuple[str, ...]] = {}
        ids = shard.network.ids
        for bundle in shard.hears:
            arrival = self._arrival(bundle, "forward", bundle.n_sources, bundle.n_sources)
            answers = _Answers(bundle, self._shipped)
            for row, rows in enumerate(bundle.rows()):
                place = bundle.first + row
                self._ports[place] = SourcePort(inner.port(place), bundle, arrival, row, answers, rows.tolist())
            self._names[bundle.number, "forward"] = ids[bundle.first : bundle.first + bundle.n_sources]
        for bundle in shard.tells:
            turns = len(bundle.cuts) - 1
            arrival = self._arrival(bundle, "back", bundle.n_rows, turns)
            for turn in range(turns):
                place = bundle.first + turn
                self._ports[place] = FollowerPort(inner.port(place), bundle, arrival, turn, self._shipped)
            self._names[bundle.number, "back"] = ids[bundle.first : bundle.first + 1]

    def _arrival(self, bundle: Bundle, direction: Direction, n_rows: int, readers: int) -> Arrival:
        here, there = (bundle.receiver, bundle.sender) if direction == "forward" else (bundle.sender, bundle.receiver)
        name = f"shard {here}, from shard {there}, level {bundle.level}"
        made = Arrival(name, ACTIVATION if direction == "forward" else URGENCY, n_rows, readers)
        self._arrivals[bundle.number, direction] = made
        return made

    def begin(self, step: Step, columns: int) -> None:
        """A step begins, of so many columns."""
        self._step, self._columns = step, columns
        for arrival in self._arrivals.values():
            arrival.begin(step.number)

    def deliver(self, bundle: int, direction: Direction, number: int, values: Array) -> None:
        """Take what another shard has sent, at once or, where its step has not begun, when that does. Raises `MessageError`
        for what must not be accepted."""
        arrival = self._arrivals.get((bundle, direction))
        if arrival is None:
            raise MessageError(f"shard {self._place}: nothing comes {direction} in bundle {bundle}")
        under_way = self._step is not None and self._step.number == number
        arrival.accept(number, values, self._columns if under_way else None)

    def _shipped(self, bundle: Bundle, direction: Direction, number: int, values: Array) -> None:
        messages, size = self.crossed
        self.crossed = messages + len(values), size + values.nbytes
        self._send(bundle.number, direction, number, frozen(values))

    # --- the rest of `Channels` ----------------------------------------------------------------------------------

    @property
    def loss(self) -> LossPort:
        return self._inner.loss

    def port(self, k: int) -> Port:
        return self._ports.get(k) or self._inner.port(k)

    def resume(self, number: int, stride: int = 1) -> None:
        self._inner.resume(number, stride)

    def waiting(self) -> Iterator[Waiting]:
        yield from self._inner.waiting()
        for key, arrival in self._arrivals.items():
            if arrival.awaited is not None:
                yield Waiting(f"shard {self._place}", arrival.kind, arrival.awaited, self._names[key])

    def statistics(self) -> Statistics:
        return self._inner.statistics()

    def stop(self) -> None:
        self._inner.stop()
        for arrival in self._arrivals.values():
            arrival.close()

    def close(self) -> None:
        self._inner.close()
