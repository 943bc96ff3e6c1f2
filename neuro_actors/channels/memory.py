"""Memory channels: each member's mailbox is a trio memory channel, each message an object.

The channels to read first. `member_mail.py` has the inboxes and arrays of a port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import trio

from ..network.network import Network
from ..neuron.messages import ACTIVATION, URGENCY, Message, MessageKind, Step
from ..support.arrays import Array
from ..support.errors import SimulationError
from .collector import Collector
from .interface import ChannelsDefaults, Recorder, Statistics, Waiting
from .member_mail import EnvironmentMail, MemberMail, OutputArrays, PortArrays, make_mail
from .routes import Routes

Address: TypeAlias = tuple[int, str, str, int]
"""Where a message goes: number of the receiver among the sender's neighbours, source and target of
the synapse that the message goes along, and the row of a step's record that it belongs to.

A plain tuple of numbers and names, one for each route. So the garbage collector looks at it once.
A named tuple, or one that holds a mailbox, it visits in every full collection.
"""


Mailboxes: TypeAlias = Sequence[trio.MemorySendChannel[Message]]


class MemoryPort(PortArrays[Address]):
    """A member's mailbox, and the send ends of its direct neighbours' mailboxes.

    Implements `NeuronPort` and `LossPort`. Mail may arrive in any order; inboxes sort it.

    Args:
        mail: The member's inboxes and addresses.
        mailbox: The receive end of the member's mailbox.
        neighbours: The send ends of the mailboxes that it sends to.
        collector: Collects each message that the member sends, if there is a recorder.

    Attributes:
        node: The member's name.
        number: See `PortBase`.
        sent: How many messages the member has sent.
    """

    def __init__(
        self,
        mail: MemberMail[Address],
        mailbox: trio.MemoryReceiveChannel[Message],
        neighbours: Mailboxes,
        collector: Collector | None,
    ) -> None:
        super().__init__(mail)
        self.node = mail.node
        self.sent = 0
        self._mailbox, self._neighbours = mailbox, neighbours
        self._collect = None if collector is None else collector.add
        self.number, self._stride = 0, 1

    async def receive(self, kind: MessageKind) -> Step | None:
        """See `PortBase.receive`."""
        mail, numbers = self._mail, 0
        if kind == ACTIVATION:
            self.number += self._stride
        elif kind == URGENCY:
            numbers = self.activations_in.shape[1]
        mail.open(kind, self.number, numbers)
        try:
            mail.awaited = (kind,)
            await _receive_all(kind, mail, self._mailbox)
            step, others = mail.take(kind, self)
            for other in others:
                mail.awaited = (other,)
                await _receive_all(other, mail, self._mailbox)
                mail.take(other, self)
        except trio.EndOfChannel:
            return None
        return step

    def send(self, kind: MessageKind, step: Step) -> None:
        """See `PortBase.send`."""
        outgoing = self._mail.outgoing.get(kind)
        if outgoing is not None:  # an input has no commit
            rows, addresses = outgoing.rows(self), outgoing.receivers(step)
            self.sent += _send(step, kind, rows, addresses, self._neighbours, self._collect)

    def resume(self, number: int, stride: int) -> None:
        """See `Channels.resume`."""
        self.number, self._stride = number, stride

    def waiting(self) -> Iterator[Waiting]:
        """See `Channels.waiting`."""
        return self._mail.waiting()


class MemoryEnvironmentPort(OutputArrays):
    """The environment's mailbox, and the send ends of the mailboxes that it begins steps with.

    Implements `EnvironmentPort`.

    Args:
        mail: The environment's inboxes and addresses.
        mailbox: The receive end of its mailbox.
        neighbours: The send ends of the mailboxes that it sends to.
        collector: Collects all messages of a step, if there is a recorder.

    Attributes:
        node: The environment's name.
        sent: How many messages the environment has sent.
    """

    def __init__(
        self,
        mail: EnvironmentMail[Address],
        mailbox: trio.MemoryReceiveChannel[Message],
        neighbours: Mailboxes,
        collector: Collector | None,
    ) -> None:
        super().__init__()
        self.node = mail.node
        self.sent = 0
        self._mail = mail
        self._mailbox, self._neighbours = mailbox, neighbours
        self._collector = collector
        self._collect = None if collector is None else collector.add

    def begin(
        self, step: Step, x: Array, targets: Array | None, direction: Array | None = None
    ) -> None:
        """See `EnvironmentPort.begin`."""
        batch, columns = self._mail.count(x, targets)
        if self._collector is not None:
            self._collector.begin(step, batch, columns)
        self._mail.begin(step, 0 if targets is None else batch, columns)
        for kind, rows in self._mail.rows_to_begin(x, targets, direction):
            addresses = self._mail.receivers(kind, step)
            self.sent += _send(step, kind, rows, addresses, self._neighbours, self._collect)

    @trio.lowlevel.enable_ki_protection
    async def wait_end(self) -> None:
        """See `EnvironmentPort.wait_end`."""
        mail = self._mail
        for kind in mail.awaited:
            await _receive_all(kind, mail, self._mailbox)
        mail.take_outputs(self)
        if self._collector is not None:
            self._collector.finish()

    def waiting(self) -> Iterator[Waiting]:
        """See `Channels.waiting`."""
        return self._mail.waiting()


async def _receive_all(
    kind: MessageKind, mail: MemberMail[Address], mailbox: trio.MemoryReceiveChannel[Message]
) -> None:
    """Wait until all mail of a kind has arrived. Mail of other kinds is sorted into its inboxes."""
    inbox = mail.inboxes[kind]
    while not inbox.complete:
        mail.accept_all(_burst(await mailbox.receive(), mailbox))


def _burst(first: Message, mailbox: trio.MemoryReceiveChannel[Message]) -> list[Message]:
    """Return a message, and all others that a mailbox holds by now."""
    messages, receive_nowait = [first], mailbox.receive_nowait
    try:
        while True:
            messages.append(receive_nowait())
    except (trio.WouldBlock, trio.EndOfChannel):
        return messages


def _send(
    step: Step,
    kind: MessageKind,
    rows: Iterable[Array],
    addresses: list[Address],
    neighbours: Mailboxes,
    collect: Callable[[int, Array], None] | None,
) -> int:
    """Send a row to each address, in their order; return how many messages were sent."""
    new_tuple = tuple.__new__
    try:
        for (neighbour, source, target, position), values in zip(addresses, rows):  # noqa: B905 (rows may repeat for ever)
            # as Message(...), in half the time: a named tuple's constructor is a Python function
            message = new_tuple(Message, (step, kind, source, target, values))
            neighbours[neighbour].send_nowait(message)
            if collect is not None:
                collect(position, values)
    except trio.WouldBlock:
        problem = (
            f"the mailbox of {message.receiver!r} is full: it was sent more than one step's mail"
        )
        raise SimulationError(problem) from None
    except trio.ClosedResourceError:  # the channels were stopped: no message counts any more
        return 0
    return len(addresses)


class Memory(ChannelsDefaults):
    """Makes a mailbox for each member, and hands its send end to the members that send to it.

    A mailbox has room for one message along each route to its owner. That is enough. The
    environment starts a step only after all commits of the previous one, and a commit is the last
    message that a neuron sends. In a step without commits it waits for the loss node instead, which
    has received every output, and every neuron leads to an output.

    Args:
        network: The network.
        recorder: Is called with the record of each step, if there is one.

    Attributes:
        environment: The environment's port.
        loss: The loss node's port.
    """

    def __init__(self, network: Network, recorder: Recorder | None = None) -> None:
        routes = Routes(network)
        members = routes.members
        room = np.bincount(routes.receiver, minlength=len(members)).tolist()
        self._mailboxes = [trio.open_memory_channel[Message](size) for size in room]
        neighbours: list[dict[int, int]] = [{} for _ in members]  # from a receiver to its number
        ends = (routes.sender, routes.receiver, routes.source, routes.target, routes.row)
        addresses: list[Address] = []
        for sender, receiver, source, target, row in zip(
            *map(np.ndarray.tolist, ends), strict=True
        ):
            known = neighbours[sender]
            number = known.setdefault(receiver, len(known))
            addresses.append((number, members[source], members[target], row))
        collector = None if recorder is None else Collector(network, recorder)
        self._collector = collector
        mails, environment = make_mail(network, routes, addresses)
        receive = [end for _, end in self._mailboxes]
        send = [[self._mailboxes[receiver][0] for receiver in known] for known in neighbours]
        self._ports = [
            MemoryPort(mail, end, to, collector)
            for mail, end, to in zip(mails, receive[:-1], send[:-1], strict=True)
        ]
        self.environment = MemoryEnvironmentPort(environment, receive[-1], send[-1], collector)
        self.loss = self._ports[-1]

    def port(self, k: int) -> MemoryPort:
        """See `Channels.port`."""
        return self._ports[k]

    def _all_ports(self) -> list[MemoryPort | MemoryEnvironmentPort]:
        return [*self._ports, self.environment]

    def resume(self, number: int, stride: int = 1) -> None:
        """See `Channels.resume`."""
        for port in self._ports:
            port.resume(number, stride)

    def waiting(self) -> Iterator[Waiting]:
        """See `Channels.waiting`."""
        for port in self._all_ports():
            yield from port.waiting()

    def statistics(self) -> Statistics:
        """See `Channels.statistics`."""
        ports = self._all_ports()
        mailboxes = {}
        for port, (send, _) in zip(ports, self._mailboxes, strict=True):
            fill = send.statistics()
            mailboxes[port.node] = (fill.peak_buffer_used, int(fill.max_buffer_size))
        return Statistics(sum(port.sent for port in ports), mailboxes)

    @trio.lowlevel.enable_ki_protection
    def stop(self) -> None:
        """See `Channels.stop`."""
        for send, _ in self._mailboxes[:-1]:  # the environment's comes last
            send.close()

    def close(self) -> None:
        """See `Channels.close`."""
        if self._collector is not None:
            self._collector.finish()
        for send, receive in self._mailboxes:
            send.close()
            receive.close()
