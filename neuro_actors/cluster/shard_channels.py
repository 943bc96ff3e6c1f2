"""Channels of one shard: other channels carry the mail within it, and rows cross the cut in blocks.

A proxy has a port of the inner channels, and around it one that takes rows from other shards or
sends rows to them. Rows leave by a function that never waits, `send(bundle, direction, number,
values)`. Rows that arrive are handed to `deliver`. Arrays that are sent belong to the receiver;
arrays that are delivered must not be changed afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..channels.interface import (
    Channels,
    ChannelsDefaults,
    EnvironmentPort,
    LossPort,
    NeuronPort,
    Statistics,
    Waiting,
)
from ..network.field import count_positions
from ..neuron.messages import ACTIVATION, URGENCY, MessageKind, Step
from ..support.arrays import Array, freeze
from ..support.errors import MessageError
from .inbound import InboundBuffer
from .shard import Bundle, Shard
from .worker_messages import Direction

Send: TypeAlias = Callable[[int, Direction, int, Array], None]
SendBlock: TypeAlias = Callable[[Bundle, Direction, int, Array], None]
EMPTY = freeze(np.empty(0))


def activations_cross(bundle: Bundle) -> bool:
    """Return whether activations of the bundle's sources cross the cut.

    Those of inputs do not: the environment sends them to each shard that needs them.
    """
    return bundle.level > 0


def urgencies_cross(bundle: Bundle, step: Step) -> bool:
    """Return whether urgencies of the bundle's sources cross the cut in this step."""
    return step.loss is not None and (step.wrt_inputs or bundle.level > 0)


class ShardEnvironment:
    """The environment's port, in terms of the shard's own members: see `EnvironmentPort`.

    Attributes:
        predictions: Shape (n_outputs, columns), or (0, columns) where the loss node lives
            elsewhere.
        losses: Shape (batch,), or (0,) where the loss node lives elsewhere.
        commits: What the shard's own neurons committed, one neuron after another. Shape
            (n_commits,).
        input_urgencies: Of the shard's own inputs, in a step `wrt_inputs`. Shape (n_inputs,
            columns).
    """

    predictions: Array
    losses: Array
    commits: Array
    input_urgencies: Array

    def __init__(self, inner: EnvironmentPort, channels: ShardChannels, shard: Shard) -> None:
        """Make the port.

        Args:
            inner: The environment's port of the inner channels.
            channels: The channels of the shard.
            shard: The shard.
        """
        self._inner, self._channels, self._shard = inner, channels, shard
        net = shard.network
        # how many inputs and outputs belong to proxies alone; proxies have no parameters
        self._proxy_inputs = len(net.inputs) - len(shard.inputs)
        self._proxy_outputs = len(net.outputs) - shard.n_outputs
        self._wide = count_positions(net.input_grid), count_positions(net.output_grid)

    def begin(
        self, step: Step, x: Array, targets: Array | None, direction: Array | None = None
    ) -> None:
        """Begin a step: send to inputs, loss node and neurons of the shard. Never waits.

        Args:
            step: The step.
            x: A row for each of `Shard.inputs`. Shape (inputs, columns).
            targets: Shape (n_outputs, batch), or None where the loss node lives elsewhere.
            direction: The part of the shard's own neurons, in a tangent step. Shape (n_commits,).

        Raises:
            MessageError: There are more or fewer rows.
        """
        n_inputs, n_outputs = len(self._shard.inputs), self._shard.n_outputs
        columns = x.shape[1] // self._wide[0]
        if len(x) != n_inputs or (targets is not None and len(targets) != n_outputs):
            expected = f"{n_inputs} rows of x and {n_outputs} targets expected"
            got = f"got {len(x)} rows and {'no' if targets is None else len(targets)} targets"
            raise MessageError(f"step {step.number}: {expected}, {got}")
        if step.loss is not None:
            own = targets
            if own is None:
                own = np.zeros((n_outputs, columns * self._wide[1]))
            others = np.zeros((self._proxy_outputs, own.shape[1]))
            targets = freeze(np.concatenate([own, others]))
        self._channels.begin(step, columns)
        x = freeze(np.concatenate([x, np.zeros((self._proxy_inputs, x.shape[1]))]))
        self._inner.begin(step, x, targets, *(() if direction is None else (direction,)))

    async def wait_end(self) -> None:
        """See `EnvironmentPort.wait_end`."""
        await self._inner.wait_end()
        inner, shard = self._inner, self._shard
        self.predictions = inner.predictions[: shard.n_outputs]
        self.losses = inner.losses if shard.n_outputs else EMPTY
        self.commits = inner.commits
        self.input_urgencies = inner.input_urgencies[: shard.n_inputs]


class _OutboundRows:
    """The urgencies that go back to a bundle's sources in one step, sent once all are there."""

    def __init__(self, bundle: Bundle, send: SendBlock) -> None:
        self.bundle, self._send = bundle, send
        self._left, self._rows = 0, EMPTY

    def rows_of(self, columns: int, rows: slice | list[int]) -> Array:
        """Return an array for the rows of one source."""
        if not self._left:
            self._left, self._rows = self.bundle.n_sources, np.empty((self.bundle.n_rows, columns))
        return self._rows[rows]

    def put(self, number: int, rows: slice | list[int], values: Array) -> None:
        """Note that the rows of one source are there."""
        if not isinstance(rows, slice):  # `rows_of` has returned a copy
            self._rows[rows] = values
        self._left -= 1
        if not self._left:
            block, self._rows = self._rows, EMPTY
            self._send(self.bundle, "back", number, block)


class _ProxyPort:
    """The port of a proxy, around its port of the inner channels: see `NeuronPort`."""

    activations_in: Array
    activation_out: Array
    urgencies_in: Array
    urgencies_out: Array
    commit_out: Array
    direction: Array = EMPTY  # a proxy has no parameters

    def __init__(self, inner: NeuronPort, bundle: Bundle) -> None:
        self.node = inner.node
        self._inner, self._bundle = inner, bundle

    async def receive(self, kind: MessageKind) -> Step | None:
        """See `PortBase.receive`."""
        inner = self._inner
        step = await inner.receive(kind)
        if step is not None and kind == ACTIVATION:
            self.activations_in = inner.activations_in
            self.activation_out = inner.activation_out
        elif step is not None:
            self.urgencies_in, self.urgencies_out = inner.urgencies_in, inner.urgencies_out
            self.commit_out = inner.commit_out
        return step

    @property
    def number(self) -> int:
        """See `PortBase`."""
        return self._inner.number

    def send(self, kind: MessageKind, step: Step) -> None:
        """See `PortBase.send`."""
        self._inner.send(kind, step)


class InputProxyPort(_ProxyPort):
    """The port of the proxy of an input. The environment sends both the same activation.

    The urgencies of the proxy go back to the input's shard, in a step `wrt_inputs`.
    """

    def __init__(
        self, inner: NeuronPort, bundle: Bundle, outbound: _OutboundRows, rows: list[int]
    ) -> None:
        """Make the port.

        Args:
            inner: The proxy's port of the inner channels.
            bundle: The bundle that the source belongs to.
            outbound: Sends the urgencies of all sources of the bundle.
            rows: The rows of this source.
        """
        super().__init__(inner, bundle)
        self._outbound = outbound
        self._rows: slice | list[int] = slice(rows[0], rows[0] + 1) if len(rows) == 1 else rows

    async def receive(self, kind: MessageKind) -> Step | None:
        """See `PortBase.receive`."""
        step = await super().receive(kind)
        if step is not None and kind == URGENCY:
            columns = self._inner.urgencies_in.shape[1]
            self.urgencies_out = (
                self._outbound.rows_of(columns, self._rows)
                if urgencies_cross(self._bundle, step)
                else np.empty((0, columns))
            )
        return step

    def send(self, kind: MessageKind, step: Step) -> None:
        """See `PortBase.send`."""
        if kind == URGENCY:
            self._inner.urgencies_out[...] = 0.0
            if urgencies_cross(self._bundle, step):
                self._outbound.put(step.number, self._rows, self.urgencies_out)
        super().send(kind, step)


class SourceProxyPort(InputProxyPort):
    """The port of the proxy of another source, whose activation comes from another shard.

    The proxy waits for that activation first, and then for the inner channels, which say the step.
    So it is woken once, not twice.
    """

    def __init__(
        self,
        inner: NeuronPort,
        bundle: Bundle,
        outbound: _OutboundRows,
        rows: list[int],
        inbound: InboundBuffer,
        row: int,
    ) -> None:
        """Make the port.

        Args:
            inner: The proxy's port of the inner channels.
            bundle: The bundle that the source belongs to.
            outbound: Sends the urgencies of all sources of the bundle.
            rows: The rows of this source among these.
            inbound: Holds the activations of all sources of the bundle.
            row: The row of this source among these.
        """
        super().__init__(inner, bundle, outbound, rows)
        self._inbound, self._row = inbound, row
        self._steps = 0  # how many the proxy has taken part in

    async def receive(self, kind: MessageKind) -> Step | None:
        """See `PortBase.receive`."""
        if kind == ACTIVATION:
            await self._inbound.wait_ready(self._steps + 1)
        step = await super().receive(kind)
        if step is not None and kind == ACTIVATION:
            self._steps = self._inbound.begun
            block = self._inbound.take(step.number)
            if block is None:
                return None
            self.activations_in = block[self._row : self._row + 1]
        return step


class FollowerProxyPort(_ProxyPort):
    """The port of a proxy of followers. Its urgencies are the rows of one turn.

    The proxy of the first turn also sends the activations that it receives to the other shard.
    """

    def __init__(
        self,
        inner: NeuronPort,
        bundle: Bundle,
        inbound: InboundBuffer,
        turn: int,
        send: SendBlock,
    ) -> None:
        """Make the port.

        Args:
            inner: The proxy's port of the inner channels.
            bundle: The bundle of its sources.
            inbound: Holds the urgencies of all turns.
            turn: Its turn.
            send: Sends a block to the other shard.
        """
        super().__init__(inner, bundle)
        self._rows = slice(*bundle.turn_starts[turn : turn + 2].tolist())
        self._inbound, self._send, self._is_first = inbound, send, turn == 0

    async def receive(self, kind: MessageKind) -> Step | None:
        """See `PortBase.receive`."""
        step = await super().receive(kind)
        if step is not None and kind == URGENCY:
            if not urgencies_cross(self._bundle, step):
                self.urgencies_in = np.zeros(self.urgencies_out.shape)
                return step
            await self._inbound.wait_ready(self._inbound.begun)
            block = self._inbound.take(step.number)
            if block is None:
                return None
            self.urgencies_in = block[self._rows]
        return step

    def send(self, kind: MessageKind, step: Step) -> None:
        """See `PortBase.send`."""
        if kind == ACTIVATION and self._is_first and activations_cross(self._bundle):
            self._send(self._bundle, "forward", step.number, self.activations_in[:-1].copy())
        super().send(kind, step)


@dataclass(frozen=True, slots=True, eq=False)
class _Inbound:
    """What comes in one bundle and direction.

    Attributes:
        buffer: Holds it.
        bundle: The bundle.
        names: Of the proxies that wait for it.
        positions: How many positions each row is about.
    """

    buffer: InboundBuffer
    bundle: Bundle
    names: tuple[str, ...]
    positions: int


class ShardChannels(ChannelsDefaults):
    """Channels of a shard: see `Channels`.

    Attributes:
        environment: See `Channels.environment`.
        crossed: How many messages were sent to other shards, and how many bytes.
    """

    def __init__(self, inner: Channels, shard: Shard, send: Send) -> None:
        """Make the channels.

        Args:
            inner: Channels of the shard's network.
            shard: The shard.
            send: Sends rows to another shard: number of the bundle, direction, number of the step,
                and rows. It must not wait.
        """
        self._inner, self._send = inner, send
        self._name = f"shard {shard.number}"
        self.crossed = (0, 0)
        self.environment = ShardEnvironment(inner.environment, self, shard)
        self._inbound: dict[tuple[int, Direction], _Inbound] = {}
        self._ports: dict[int, NeuronPort] = {}
        for bundle in shard.bundles_in:
            self._add_sources(shard, bundle)
        for bundle in shard.bundles_out:
            self._add_followers(shard, bundle)

    def _add_sources(self, shard: Shard, bundle: Bundle) -> None:
        outbound, first, count = (
            _OutboundRows(bundle, self._send_block),
            bundle.first,
            bundle.n_sources,
        )
        name = f"{self._name}, from shard {bundle.sender}, level {bundle.level}"
        buffer = InboundBuffer(name, ACTIVATION, count, count)
        if activations_cross(bundle):
            names = shard.network.ids[first : first + count]
            wide = int(shard.network.n_positions[first])
            self._inbound[bundle.number, "forward"] = _Inbound(buffer, bundle, names, wide)
        for row, rows in enumerate(map(np.ndarray.tolist, bundle.rows())):
            port = self._inner.port(first + row)
            self._ports[first + row] = (
                SourceProxyPort(port, bundle, outbound, rows, buffer, row)
                if activations_cross(bundle)
                else InputProxyPort(port, bundle, outbound, rows)
            )

    def _add_followers(self, shard: Shard, bundle: Bundle) -> None:
        first = bundle.first
        name = f"{self._name}, from shard {bundle.receiver}, level {bundle.level}"
        buffer = InboundBuffer(name, URGENCY, bundle.n_rows, bundle.n_turns)
        names = shard.network.ids[first : first + 1]
        net = shard.network
        wide = int(net.n_positions[net.sources[net.incoming.of(first)[0]]])
        self._inbound[bundle.number, "back"] = _Inbound(buffer, bundle, names, wide)
        for turn in range(bundle.n_turns):
            port = self._inner.port(first + turn)
            self._ports[first + turn] = FollowerProxyPort(
                port, bundle, buffer, turn, self._send_block
            )

    def begin(self, step: Step, columns: int) -> None:
        """Begin a step of so many columns for each position."""
        for (_, direction), inbound in self._inbound.items():
            comes = direction == "forward" or urgencies_cross(inbound.bundle, step)
            inbound.buffer.begin(step.number, comes, columns * inbound.positions)

    def deliver(self, bundle: int, direction: Direction, number: int, values: Array) -> None:
        """Take rows that another shard has sent, even before their step begins.

        Args:
            bundle: Number of the bundle.
            direction: "forward" for activations, "back" for urgencies.
            number: Number of the step.
            values: The rows. Shape (rows, columns).

        Raises:
            MessageError: They must not be accepted.
        """
        if (bundle, direction) not in self._inbound:
            raise MessageError(f"{self._name}: nothing comes {direction} in bundle {bundle}")
        self._inbound[bundle, direction].buffer.accept(number, values)

    def _send_block(self, bundle: Bundle, direction: Direction, number: int, values: Array) -> None:
        messages, size = self.crossed
        self.crossed = messages + len(values), size + values.nbytes
        self._send(bundle.number, direction, number, freeze(values))

    # --- the rest of `Channels` -------------------------------------------------------------------

    @property
    def loss(self) -> LossPort:
        """See `Channels.loss`."""
        return self._inner.loss

    def port(self, k: int) -> NeuronPort:
        """See `Channels.port`."""
        return self._ports.get(k) or self._inner.port(k)

    def resume(self, number: int, stride: int = 1) -> None:
        """See `Channels.resume`."""
        self._inner.resume(number, stride)

    def waiting(self) -> Iterator[Waiting]:
        """See `Channels.waiting`."""
        yield from self._inner.waiting()
        for inbound in self._inbound.values():
            buffer = inbound.buffer
            if buffer.awaited is not None:
                yield Waiting(self._name, buffer.kind, buffer.awaited, inbound.names)

    def statistics(self) -> Statistics:
        """See `Channels.statistics`."""
        return self._inner.statistics()

    def stop(self) -> None:
        """See `Channels.stop`."""
        self._inner.stop()
        for inbound in self._inbound.values():
            inbound.buffer.close()

    def close(self) -> None:
        """See `Channels.close`."""
        self._inner.close()
