"""Memory channels: a trio memory channel as each member's mailbox, one message object a synapse. The engine to read first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import NamedTuple

import trio

from ..arrays import Array
from ..elements import ENVIRONMENT
from ..elements import LOSS as JUDGE
from ..errors import MessageError, SimulationError
from ..mail import Pile
from ..messages import ACTIVATION, COMMIT, LOSS, TARGET, URGENCY, Kind, Message, Step
from ..network import Network
from . import Record, Statistics, Waiting


class Address(NamedTuple):
    """Where a message goes: the send end of the neighbour's mailbox, and the synapse that it goes along."""

    mailbox: trio.MemorySendChannel[Message]
    source: str
    target: str


class MemoryPort:
    """One member's mailbox, and the send ends of its direct neighbours' mailboxes; see `Port`.

    Mail may come in any order: it is sorted into piles, a pile for each kind that the member hears.
    """

    __slots__ = ("_addresses", "_listening", "_mailbox", "_piles", "_record", "node", "sent")

    def __init__(
        self, node: str, mailbox: trio.MemoryReceiveChannel[Message], piles: Sequence[Pile], record: Record | None
    ) -> None:
        self.node = node
        self.sent = 0
        self._mailbox = mailbox
        self._piles = {pile.kind: pile for pile in piles}
        self._record = record
        self._addresses: dict[Kind, list[Address]] = {ACTIVATION: [], TARGET: [], LOSS: [], URGENCY: [], COMMIT: []}
        self._listening: list[Address] = []  # those who hear urgencies even if inputs do not

    def expect(self, kind: Kind, number: int, batch: int | None = None) -> None:
        self._piles[kind].open(number, batch)

    async def wait(self, *kinds: Kind) -> None:
        piles, receive_nowait = self._piles, self._mailbox.receive_nowait
        while not all(piles[kind].complete for kind in kinds):
            message = await self._mailbox.receive()  # sleeps once; what came meanwhile is drained without sleeping
            try:
                while True:
                    piles[message.kind].accept(message)
                    message = receive_nowait()
            except trio.WouldBlock:
                pass
            except KeyError:
                raise MessageError(f"{self.node!r} cannot accept {message}: it has no synapse for it") from None

    def take(self, kind: Kind) -> tuple[Step, Array]:
        return self._piles[kind].take()

    def send(self, kind: Kind, step: Step, rows: Iterable[Array]) -> None:
        addresses = self._listening if kind == URGENCY and not step.wrt_inputs else self._addresses[kind]
        record = self._record
        try:
            for (mailbox, source, target), values in zip(addresses, rows):  # noqa: B905 (rows may repeat for ever)
                message = Message(step, kind, source, target, values)
                mailbox.send_nowait(message)
                if record is not None:
                    record(message)
        except trio.WouldBlock:
            full = f"the mailbox of {message.receiver!r} is full: it was sent more than one step's mail"
            raise SimulationError(full) from None
        self.sent += len(addresses)

    def broadcast(self, kind: Kind, step: Step, values: Array) -> None:
        self.send(kind, step, repeat(values))

    def waiting(self) -> Iterator[Waiting]:
        for kind, pile in self._piles.items():
            if pile.expects is not None and not pile.complete:
                yield Waiting(self.node, kind, pile.expects, pile.missing)


class Memory:
    """The engine: makes a mailbox for each member and hands its send end to the neighbours.

    A mailbox has room for one message from everyone who writes to its owner. That is enough, for nobody is sent a second
    step's mail before he has read the first's: the environment begins a step when it has heard all commits, each the last
    that a neuron says in a step, or, where nothing is committed, the loss, which has heard all outputs, to which every
    neuron leads.
    """

    def __init__(self, network: Network, record: Record | None = None) -> None:
        self._record = record
        self._ports: dict[str, MemoryPort] = {}
        self._mailboxes: dict[str, tuple[trio.MemorySendChannel[Message], trio.MemoryReceiveChannel[Message]]] = {}
        ids, inputs, outputs = network.ids, network.inputs, network.outputs
        neurons = [name for name, is_input in zip(ids, network.is_input.tolist(), strict=True) if not is_input]
        source, target = network.sources.tolist(), network.targets.tolist()

        for k, name in enumerate(ids):
            followers = [ids[target[s]] for s in network.outgoing.of(k).tolist()] + [JUDGE] * (name in outputs)
            sources = [ids[source[s]] for s in network.incoming.of(k).tolist()]
            is_input = bool(network.is_input[k])
            heard = Pile(name, ACTIVATION, [ENVIRONMENT] if is_input else sources, extra=not is_input)
            self._add(name, heard, Pile(name, URGENCY, followers))
        self._add(JUDGE, Pile(JUDGE, ACTIVATION, outputs), Pile(JUDGE, TARGET, outputs))
        self._add(
            ENVIRONMENT,
            Pile(ENVIRONMENT, ACTIVATION, outputs),
            Pile(ENVIRONMENT, LOSS, [JUDGE]),
            Pile(ENVIRONMENT, COMMIT, neurons),
            Pile(ENVIRONMENT, URGENCY, inputs),
        )

        for s in network.outgoing.order.tolist():
            self._connect(ACTIVATION, ids[source[s]], ids[target[s]])
        for s in network.incoming.order.tolist():
            self._connect(URGENCY, ids[source[s]], ids[target[s]], listens=not network.is_input[source[s]])
        for name in inputs:
            self._connect(ACTIVATION, ENVIRONMENT, name)
            self._connect(URGENCY, ENVIRONMENT, name)
        for name in outputs:
            self._connect(ACTIVATION, name, JUDGE)
            self._connect(ACTIVATION, name, ENVIRONMENT)
            self._connect(TARGET, name, JUDGE)
            self._connect(URGENCY, name, JUDGE, listens=name not in inputs)
        self._connect(LOSS, JUDGE, ENVIRONMENT)
        for name in neurons:
            self._connect(COMMIT, name, ENVIRONMENT)

    def _add(self, name: str, *piles: Pile) -> None:
        room = sum(len(pile.missing) for pile in piles)
        self._mailboxes[name] = trio.open_memory_channel[Message](room)
        self._ports[name] = MemoryPort(name, self._mailboxes[name][1], piles, self._record)

    def _connect(self, kind: Kind, source: str, target: str, listens: bool = False) -> None:
        """Let one member write to another: the target to the source for urgencies, the environment for targets."""
        sender, receiver = (target, source) if kind == URGENCY else (ENVIRONMENT if kind == TARGET else source, target)
        address = Address(self._mailboxes[receiver][0], source, target)
        self._ports[sender]._addresses[kind].append(address)
        if listens:
            self._ports[sender]._listening.append(address)

    def port(self, node: str) -> MemoryPort:
        return self._ports[node]

    def waiting(self) -> Iterator[Waiting]:
        for port in self._ports.values():
            yield from port.waiting()

    def statistics(self) -> Statistics:
        mailboxes = {}
        for name, (send, _) in self._mailboxes.items():
            now = send.statistics()
            mailboxes[name] = (now.peak_buffer_used, int(now.max_buffer_size))
        return Statistics(sum(port.sent for port in self._ports.values()), mailboxes)

    def close(self) -> None:
        for send, receive in self._mailboxes.values():
            send.close()
            receive.close()
