"""Memory channels: each member's mailbox is a trio memory channel, each message an object.

The channels to read first. `member_mail.py` has the inboxes and arrays of a port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import trio

from ..network.network import Network
from ..neuron.messages import ACTIVATION, URGENCY, Message, MessageKind, Step
from ..support.errors import MessageError, SimulationError
from ..support.validation import Array
from .collector import Collector
from .interface import ChannelsDefaults, Recorder, Statistics, Waiting
from .member_mail import EnvironmentMail, MemberMail, OutputArrays, PortArrays, make_mail
from .routes import Routes


class Address(NamedTuple):
    """Where a message goes.

    Attributes:
        mailbox: The send end of the receiver's mailbox.
        source: The source of the synapse that the message goes along.
        target: The synapse's target.
        row: The row of a step's record that the message belongs to.
    """

    mailbox: trio.MemorySendChannel[Message]
    source: str
    target: str
    row: int


class MemoryPort(PortArrays):
    """A member's mailbox, and the send ends of its direct neighbours' mailboxes.

    Implements `NeuronPort` and `LossPort`. Mail may arrive in any order; inboxes sort it.

    Args:
        mail: The member's inboxes and addresses.
        mailbox: The receive end of the member's mailbox.
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
        collector: Collector | None,
    ) -> None:
        super().__init__()
        self.node = mail.node
        self.sent = 0
        self._mail = mail
        self._mailbox = mailbox
        self._collect = None if collector is None else collector.add
        self.number, self._stride = 0, 1

    async def receive(self, kind: MessageKind) -> Step | None:
        """See `PortBase.receive`."""
        mail, columns = self._mail, 0
        if kind == ACTIVATION:
            self.number += self._stride
        elif kind == URGENCY:
            columns = self.activations_in.shape[1]
        mail.open(kind, self.number, columns)
        try:
            step = await self._take(kind)
            for other in mail.coming_with(kind, step):
                await self._take(other)
        except trio.EndOfChannel:
            return None
        return step

    async def _take(self, kind: MessageKind) -> Step:
        mail = self._mail
        mail.awaited = (kind,)
        while not mail.inboxes[kind].complete:
            await _sort_mail(mail, self._mailbox)
        return mail.take(kind, self)

    def send(self, kind: MessageKind, step: Step) -> None:
        """See `PortBase.send`."""
        rows, addresses = self._mail.rows(kind, self), self._mail.receivers(kind, step)
        self.sent += _send(step, kind, rows, addresses, self._collect)

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
        collector: Collects all messages of a step, if there is a recorder.

    Attributes:
        node: The environment's name.
        sent: How many messages the environment has sent.
    """

    def __init__(
        self,
        mail: EnvironmentMail[Address],
        mailbox: trio.MemoryReceiveChannel[Message],
        collector: Collector | None,
    ) -> None:
        super().__init__()
        self.node = mail.node
        self.sent = 0
        self._mail = mail
        self._mailbox = mailbox
        self._collector = collector
        self._collect = None if collector is None else collector.add

    def begin(
        self, step: Step, x: Array, targets: Array | None, direction: Array | None = None
    ) -> None:
        """See `EnvironmentPort.begin`."""
        columns = x.shape[1]
        if self._collector is not None:
            batch = columns if targets is None else targets.shape[1]
            self._collector.begin(step, batch, columns)
        self._mail.begin(step, 0 if targets is None else targets.shape[1], columns)
        for kind, rows in self._mail.rows_to_begin(x, targets, direction):
            addresses = self._mail.receivers(kind, step)
            self.sent += _send(step, kind, rows, addresses, self._collect)

    @trio.lowlevel.enable_ki_protection
    async def wait_end(self) -> None:
        """See `EnvironmentPort.wait_end`."""
        mail = self._mail
        while not mail.has_all():
            await _sort_mail(mail, self._mailbox)
        mail.take_outputs(self)
        if self._collector is not None:
            self._collector.finish()

    def waiting(self) -> Iterator[Waiting]:
        """See `Channels.waiting`."""
        return self._mail.waiting()


async def _sort_mail(
    mail: MemberMail[Address], mailbox: trio.MemoryReceiveChannel[Message]
) -> None:
    """Sleep once; what arrived meanwhile is sorted without sleeping."""
    inboxes, receive_nowait = mail.inboxes, mailbox.receive_nowait
    message = await mailbox.receive()
    try:
        while True:
            inboxes[message.kind].accept(message)
            message = receive_nowait()
    except (trio.WouldBlock, trio.EndOfChannel):
        pass
    except KeyError:
        raise MessageError(
            f"{mail.node!r} cannot accept {message}: it has no synapse for it"
        ) from None


def _send(
    step: Step,
    kind: MessageKind,
    rows: Iterable[Array],
    addresses: list[Address],
    collect: Callable[[int, Array], None] | None,
) -> int:
    """Send a row to each address, in their order; return how many messages were sent."""
    try:
        for (mailbox, source, target, row), values in zip(addresses, rows):  # noqa: B905 (rows may repeat for ever)
            message = Message(step, kind, source, target, values)
            mailbox.send_nowait(message)
            if collect is not None:
                collect(row, values)
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
        ends = (routes.receiver.tolist(), routes.source.tolist(), routes.target.tolist())
        addresses = [
            Address(self._mailboxes[receiver][0], members[source], members[target], row)
            for receiver, source, target, row in zip(*ends, routes.row.tolist(), strict=True)
        ]
        collector = None if recorder is None else Collector(network, recorder)
        self._collector = collector
        mails, environment = make_mail(network, routes, addresses)
        receive = [end for _, end in self._mailboxes]
        self._ports = [
            MemoryPort(mail, end, collector) for mail, end in zip(mails, receive[:-1], strict=True)
        ]
        self.environment = MemoryEnvironmentPort(environment, receive[-1], collector)
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
