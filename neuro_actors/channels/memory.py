"""Memory channels: a trio memory channel as each member's mailbox, one message object a synapse. The engine to read first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import trio

from ..network.elements import ENVIRONMENT
from ..network.network import Network
from ..neuron.inbox import Inbox
from ..neuron.messages import (
    ACTIVATION,
    COMMIT,
    LOSS,
    TANGENT,
    TARGET,
    URGENCY,
    Message,
    MessageKind,
    Step,
)
from ..support.errors import MessageError, SimulationError
from ..support.validation import Array, Indices, frozen
from .interface import Recorder, Statistics, Waiting
from .routes import KINDS, Routes

NOTHING = frozen(np.empty(0))


class Address(NamedTuple):
    """Where a message goes: the send end of the receiver's mailbox, and the synapse that it goes along."""

    mailbox: trio.MemorySendChannel[Message]
    source: str
    target: str
    route: int


class MemoryPort:
    """A member's mailbox, and the send ends of its direct neighbours' mailboxes; see `NeuronPort`.

    Mail may come in any order: it is sorted into piles, a pile for each kind that the member hears.
    """

    activations_in: Array
    targets: Array
    urgencies_in: Array
    activation_out: Array
    urgencies_out: Array
    commit_out: Array
    direction: Array
    losses: Array

    def __init__(
        self, node: str, mailbox: trio.MemoryReceiveChannel[Message], recorder: Recorder | None
    ) -> None:
        self.node = node
        self.sent = 0
        self._mailbox = mailbox
        self._recorder = recorder
        self._number, self._stride = 0, 1
        self._inboxes: dict[MessageKind, Inbox] = {}
        self._addresses: dict[MessageKind, list[Address]] = {kind: [] for kind in KINDS}
        self._listening: list[Address] = []  # those of urgencies that are always used

    async def receive(self, kind: MessageKind) -> Step | None:
        inboxes = self._inboxes
        if kind == ACTIVATION:
            self._number += self._stride
            for inbox in inboxes.values():
                if inbox.kind != URGENCY:  # an urgency comes after the activation that it answers
                    inbox.open(self._number)
        elif kind == URGENCY:
            inboxes[URGENCY].open(self._number, self.activations_in.shape[1])
        try:
            while not inboxes[kind].complete:
                await self._sort_mail()
        except trio.EndOfChannel:
            return None
        step, values = inboxes[kind].take()
        if kind == TARGET:
            self.targets = values
        elif kind == TANGENT:
            self.direction = values[0]
        elif kind == URGENCY:
            self.urgencies_in = values
            self.urgencies_out = np.empty(
                (len(self._addresses_for(URGENCY, step)), values.shape[1])
            )
            self.commit_out = np.empty(len(self.activations_in) if self._addresses[COMMIT] else 0)
        else:
            self.activations_in = values
            self.activation_out = np.empty(values.shape[1])
            if TARGET in inboxes:
                self.urgencies_out = np.empty(
                    (len(self._addresses_for(URGENCY, step)), values.shape[1])
                )
        return step

    async def _sort_mail(self) -> None:
        """Sleep once; what came meanwhile is sorted without sleeping."""
        inboxes, receive_nowait = self._inboxes, self._mailbox.receive_nowait
        message = await self._mailbox.receive()
        try:
            while True:
                inboxes[message.kind].accept(message)
                message = receive_nowait()
        except (trio.WouldBlock, trio.EndOfChannel):
            pass
        except KeyError:
            raise MessageError(
                f"{self.node!r} cannot accept {message}: it has no synapse for it"
            ) from None

    def send(self, kind: MessageKind, step: Step) -> None:
        if kind == URGENCY:
            self._send_rows(kind, step, frozen(self.urgencies_out))
        else:
            sheet = (
                self.activation_out
                if kind == ACTIVATION
                else self.commit_out
                if kind == COMMIT
                else self.losses
            )
            self._send_rows(kind, step, repeat(frozen(sheet)))

    def _addresses_for(self, kind: MessageKind, step: Step) -> list[Address]:
        return self._listening if kind == URGENCY and not step.wrt_inputs else self._addresses[kind]

    def _send_rows(self, kind: MessageKind, step: Step, rows: Iterable[Array]) -> None:
        """A row along each route, in their order."""
        recorder, addresses = self._recorder, self._addresses_for(kind, step)
        try:
            for (mailbox, source, target, route), values in zip(addresses, rows):  # noqa: B905 (rows may repeat for ever)
                message = Message(step, kind, source, target, values)
                mailbox.send_nowait(message)
                if recorder is not None:
                    recorder.message(step, route, values)
        except trio.WouldBlock:
            full = f"the mailbox of {message.receiver!r} is full: it was sent more than one step's mail"
            raise SimulationError(full) from None
        except trio.ClosedResourceError:  # nobody reads any more
            return
        self.sent += len(addresses)

    def waiting(self) -> Iterator[Waiting]:
        for kind, inbox in self._inboxes.items():
            if (
                inbox.expects is not None and not inbox.complete and kind != TANGENT
            ):  # which is there from the beginning
                yield Waiting(self.node, kind, inbox.expects, inbox.missing)


class MemoryEnvironmentPort(MemoryPort):
    """The world's own; see `EnvironmentPort`."""

    _ends: Indices  # of each neuron's part in commits and directions, but the last's
    predictions: Array
    commits: Array
    input_urgencies: Array

    def begin(
        self, step: Step, x: Array, targets: Array | None, direction: Array | None = None
    ) -> None:
        self._step = step
        batch = 0 if targets is None else targets.shape[1]
        for kind in self._awaited():
            self._inboxes[kind].open(
                step.number, batch if kind == LOSS else None if kind == COMMIT else x.shape[1]
            )
        self._send_rows(ACTIVATION, step, x)
        if targets is not None:
            self._send_rows(TARGET, step, targets)
        if direction is not None:
            self._send_rows(TANGENT, step, np.split(direction, self._ends))

    def _awaited(self) -> tuple[MessageKind, ...]:
        if self._step.loss is None:
            return (ACTIVATION, LOSS)
        return (
            (ACTIVATION, LOSS, COMMIT, URGENCY)
            if self._step.wrt_inputs
            else (ACTIVATION, LOSS, COMMIT)
        )

    @trio.lowlevel.enable_ki_protection
    async def wait_end(self) -> None:
        kinds = self._awaited()
        while not all(self._inboxes[kind].complete for kind in kinds):
            await self._sort_mail()
        mail = {kind: self._inboxes[kind].take()[1] for kind in kinds}
        self.predictions, self.losses = mail[ACTIVATION], mail[LOSS][0]
        self.commits, self.input_urgencies = mail.get(COMMIT, NOTHING), mail.get(URGENCY, NOTHING)


class Memory:
    """The engine: makes a mailbox for each member and hands its send end to those who have a route to him.

    A mailbox has room for one message from everyone who writes to its owner. That is enough, for nobody is sent a second
    step's mail before he has read the first's: the environment begins a step when it has heard all commits, each the last
    that a neuron says in a step, or, where nothing is committed, the loss, which has heard all outputs, to which every
    neuron leads.
    """

    def __init__(self, network: Network, recorder: Recorder | None = None) -> None:
        routes = Routes(network)
        members, world = routes.members, len(network.ids) + 1
        room = np.bincount(routes.receiver, minlength=len(members)).tolist()
        self._mailboxes = [trio.open_memory_channel[Message](size) for size in room]
        self._ports = [
            MemoryPort(members[k], self._mailboxes[k][1], recorder) for k in range(world)
        ]
        self.environment = MemoryEnvironmentPort(ENVIRONMENT, self._mailboxes[world][1], recorder)
        self._ports.append(self.environment)
        self.loss = self._ports[-2]
        connect(network, routes, self._ports, [send for send, _ in self._mailboxes])

    def port(self, k: int) -> MemoryPort:
        return self._ports[k]

    def resume(self, number: int, stride: int = 1) -> None:
        for port in self._ports:
            port._number, port._stride = number, stride

    def waiting(self) -> Iterator[Waiting]:
        for port in self._ports:
            yield from port.waiting()

    def statistics(self) -> Statistics:
        mailboxes = {}
        for port, (send, _) in zip(self._ports, self._mailboxes, strict=True):
            now = send.statistics()
            mailboxes[port.node] = (now.peak_buffer_used, int(now.max_buffer_size))
        return Statistics(sum(port.sent for port in self._ports), mailboxes)

    @trio.lowlevel.enable_ki_protection
    def stop(self) -> None:
        for send, _ in self._mailboxes[:-1]:
            send.close()

    def close(self) -> None:
        for send, receive in self._mailboxes:
            send.close()
            receive.close()


def connect(
    network: Network, routes: Routes, ports: Sequence[MemoryPort], mailboxes: Sequence[Any]
) -> None:
    """Give each member, in the order of the routes, the addresses of those it speaks to, and piles for what it hears."""
    members, loss, world = routes.members, len(network.ids), len(network.ids) + 1
    senders: dict[tuple[int, MessageKind], list[str]] = {}
    ends = (
        routes.kind,
        routes.sender,
        routes.receiver,
        routes.source,
        routes.target,
        routes.optional,
    )
    rows = zip(*(end.tolist() for end in ends), strict=True)
    for route, (code, sender, receiver, source, target, optional) in enumerate(rows):
        kind = KINDS[code]
        address = Address(mailboxes[receiver], members[source], members[target], route)
        ports[sender]._addresses[kind].append(address)
        if kind == URGENCY and not optional:
            ports[sender]._listening.append(address)
        senders.setdefault((receiver, kind), []).append(
            members[source if kind == TARGET else sender]
        )
    for (receiver, kind), names in senders.items():
        with_ones = kind == ACTIVATION and receiver < loss and not network.is_input[receiver]
        ports[receiver]._inboxes[kind] = Inbox(members[receiver], kind, names, extra=with_ones)
    environment = ports[world]
    assert isinstance(environment, MemoryEnvironmentPort)
    environment._ends = np.cumsum(network.incoming.sizes[~network.is_input] + 1)[:-1]
