"""A member's end of the delivery protocol: waits for frames, answers them, repeats its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

import trio

from ...neuron.messages import URGENCY, MessageKind
from ...support.errors import MessageError
from ..interface import Waiting
from ..routes import message_kinds
from .delivery import AckTable, DeliveryState, Snapshot
from .fault_injection import FaultInjector
from .frames import Frame, decode
from .transport import Transport


class Endpoint:
    """Does for a member what `delivery.py` demands, with a mailbox, a transport and a clock.

    Args:
        table: Which of the member's routes answer which others.
        member: The member's number, by which the transport has its mailbox.
        transport: Carries the member's frames, and has the clock.
        injector: Names frames in errors, and counts the damaged ones.
        at_place: Is called with each place of `PLACES` that the member comes to.

    Attributes:
        node: The member's name.
        delivery: The member's mail.
        routes_in: For each kind of message the routes on which the member receives it.
        awaited: The routes that the member waits for.
    """

    def __init__(
        self,
        table: AckTable,
        member: int,
        transport: Transport,
        injector: FaultInjector,
        at_place: Callable[[str], None],
    ) -> None:
        self.node = table.node
        self.delivery = DeliveryState(table, Snapshot())
        self.routes_in: dict[MessageKind, list[int]] = {kind: [] for kind in message_kinds()}
        for route in (*table.answers, *table.repeats):
            self.routes_in[_kind(injector, route)].append(route)
        self._mailbox = transport.mailboxes[member].receive
        self._transport = transport
        self._injector = injector
        self._at_place = at_place
        self.awaited: Collection[int] = ()

    def due_routes(self, frames: Iterable[Frame], kinds: Collection[MessageKind]) -> list[int]:
        """Return the routes on which something is due in a step.

        Args:
            frames: What the member has sent in the step. Each answer to it is due.
            kinds: The kinds of messages that are due by the table of routes.
        """
        sent, repeats = {frame.route for frame in frames}, self.delivery.table.repeats
        # urgencies come last, as a member repeats and asks in this order
        in_order = sorted(self.routes_in, key=lambda kind: kind == URGENCY)
        return [
            route
            for kind in in_order
            for route in self.routes_in[kind]
            if kind in kinds or not sent.isdisjoint(repeats.get(route, ()))
        ]

    def restart(self, table: AckTable, snapshot: Snapshot) -> None:
        """Begin with empty mail after the last commit."""
        self.delivery = DeliveryState(table, snapshot)

    def discard_mail(self) -> None:
        """Throw away what the mailbox holds: it is lost with the member that crashed."""
        while self._receive_nowait() is not None:
            pass

    async def wait_for(self, routes: Collection[int]) -> None:
        """Wait until something has arrived on each of these routes.

        Raises:
            trio.EndOfChannel: No more frames will come.
            MessageError: A frame breaks the protocol.
        """
        delivery, transport = self.delivery, self._transport
        self.awaited = routes
        while delivery.is_missing_any(routes):
            self._at_place("before receive")
            data = None
            with transport.move_on_at(delivery.deadline):
                data = await self._mailbox.receive()
                transport.mark_read()  # before the member may crash
            is_late = transport.now() >= delivery.deadline
            if is_late and transport.is_behind(delivery.deadline - delivery.wait):
                delivery.postpone(transport.now())
                data = self._receive_nowait() if data is None else data
            if data is not None:
                self._at_place("after receive")
            while data is not None:
                self._accept(data)
                data = self._receive_nowait()
            if transport.now() >= delivery.deadline:
                self._at_place("at the deadline")
            for frame in delivery.take_due(transport.now()):
                self._at_place("between repeats")
                transport.send(frame)

    def _receive_nowait(self) -> bytes | None:
        try:
            data = self._mailbox.receive_nowait()
        except (trio.WouldBlock, trio.EndOfChannel):
            return None
        self._transport.mark_read()
        return data

    def _accept(self, data: bytes) -> None:
        frame = decode(data)
        if frame is None:
            self._injector.record_refusal()
            return
        try:
            answer = self.delivery.receive(frame)
        except MessageError as error:
            problem = f"{self.node!r} cannot accept {self._injector.describe(frame)}: {error}"
            raise MessageError(problem) from None
        if answer is not None:
            self._transport.send(answer)

    def waiting(self) -> Iterator[Waiting]:
        """See `Channels.waiting`."""
        missing: dict[MessageKind, list[str]] = {}
        for route in self.delivery.missing(self.awaited):
            _, source, target, *_ = self._injector.names[route]
            kind = _kind(self._injector, route)
            missing.setdefault(kind, []).append(target if kind == URGENCY else source)
        for missed, names in missing.items():
            yield Waiting(self.node, missed, self.delivery.number, tuple(names))


def _kind(injector: FaultInjector, route: int) -> MessageKind:
    name = injector.names[route].kind
    return next(kind for kind in message_kinds() if kind == name)
