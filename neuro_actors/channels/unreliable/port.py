"""The ports of members that can crash, and of the environment, which cannot.

Each holds inboxes (`member_mail.py`) and an end of the delivery protocol (`endpoint.py`). All mail
of a kind is put into the inboxes at once, when all of it has arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import trio
from trio.lowlevel import enable_ki_protection

from ...neuron.messages import ACTIVATION, COMMIT, LOSS, URGENCY, Message, MessageKind, Step
from ...support.arrays import Array
from ..interface import Waiting
from ..member_mail import EnvironmentMail, MemberMail, OutputArrays, PortArrays
from ..routes import Moment
from .delivery import AckTable, DeliveryState, Snapshot
from .endpoint import Endpoint
from .fault_injection import FaultInjector
from .first_sends import FirstSends
from .frames import EMPTY, Frame
from .snapshots import SnapshotStore
from .step_table import StepTable
from .transport import Transport


class Crashed(BaseException):
    """Ends a member's task at an injected crash. It is no error of the member's."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all ports of a society share.

    Attributes:
        transport: Carries frames, and has the clock.
        injector: Says where members crash.
        step_table: What is to be done in each step.
        first_sends: Counts and records messages.
        snapshots: What members have committed.
    """

    transport: Transport
    injector: FaultInjector
    step_table: StepTable
    first_sends: FirstSends
    snapshots: SnapshotStore


class RestartablePort(PortArrays[int]):
    """The port of a member that can crash and be restarted: a neuron, an input or the loss node.

    Implements `NeuronPort` and `LossPort`. By the table of routes, a member sends a kind of message
    when it fires or when it responds. What it sends when it fires goes with its activations. What
    it sends when it responds is held back until the step is committed. The commit, or the losses,
    are the last of it.

    Args:
        member: The member's number: neurons in the network's order, then the loss node.
        mail: Its inboxes, and the routes on which it sends.
        table: Which of its routes answer which others.
        shared: What it shares with all others.

    Attributes:
        node: The member's name.
        member: As above.
    """

    def __init__(self, member: int, mail: MemberMail[int], table: AckTable, shared: Shared) -> None:
        super().__init__(mail)
        self.node, self.member = mail.node, member
        self._table = table
        self._shared = shared
        self._endpoint = Endpoint(
            table, member, shared.transport, shared.injector, self.maybe_crash
        )
        self._answers = _questions(table)
        self._fired = {
            kind for kind, out in mail.outgoing.items() if out.spec.moment is Moment.FIRE
        }
        self.restart_from(Snapshot(), tuple)

    def restart_from(self, snapshot: Snapshot, get_state: Callable[[], tuple[Any, ...]]) -> None:
        """Begin after the last commit, with empty mail.

        Args:
            snapshot: What the member has committed.
            get_state: Returns the state of its rule, which is committed with each step.
        """
        self._get_state = get_state
        self._endpoint.restart(self._table, snapshot)
        self._with_activation: dict[int, Array] = {}  # what to send when it fires, by route
        self._end_of_step: dict[int, Array] = {}  # what to send after the commit, by route
        self.schedule_crash()

    def resume(self, stride: int) -> None:
        """Set the distance from the number of one step to the next, before the member starts."""
        self._table = replace(self._table, stride=stride)

    @property
    def number(self) -> int:
        """See `PortBase`."""
        return self.delivery.number

    @property
    def delivery(self) -> DeliveryState:
        """The member's mail."""
        return self._endpoint.delivery

    @property
    def is_in_step(self) -> bool:
        """Whether anything of the current step has arrived."""
        return bool(self.delivery.mail)

    async def receive(self, kind: MessageKind) -> Step | None:
        """See `PortBase.receive`."""
        delivery, endpoint = self.delivery, self._endpoint
        try:
            if kind == ACTIVATION and delivery.sent:  # no urgencies were due in the last step
                await endpoint.wait_for(delivery.awaited)
                self._finish()
            step, others = await self._take(kind)
            for other in others:
                await self._take(other)
        except trio.EndOfChannel:
            return None
        return step

    async def _take(self, kind: MessageKind) -> tuple[Step, tuple[MessageKind, ...]]:
        endpoint = self._endpoint
        await endpoint.wait_for(endpoint.routes_in[kind])
        if kind in (ACTIVATION, URGENCY):
            self.maybe_crash("before fire" if kind == ACTIVATION else "before respond")
        numbers = self.activations_in.shape[1] if kind == URGENCY else 0
        self._mail.open(kind, self.number, numbers)
        _fill(self._mail, kind, endpoint, self._shared)
        return self._mail.take(kind, self)

    def send(self, kind: MessageKind, step: Step) -> None:
        """See `PortBase.send`."""
        held = self._with_activation if kind in self._fired else self._end_of_step
        # rows may repeat for ever
        routes, rows = self._mail.receivers(kind, step), self._mail.rows(kind, self)
        held.update(zip(routes, rows, strict=False))
        if kind == ACTIVATION:
            self._fire(step)
        elif kind in (COMMIT, LOSS):
            self._finish()

    def _fire(self, step: Step) -> None:
        """Send what is to be sent with the activations, and set the deadline for the answers."""
        held, self._with_activation = self._with_activation, {}
        frames = _frames(step, held.items(), self.delivery)
        transport, first_sends = self._shared.transport, self._shared.first_sends
        awaited = self._endpoint.due_routes(frames, self._mail.coming_with(URGENCY, step))
        self.delivery.mark_sent(frames, awaited, transport.now())
        for frame in frames:
            self.maybe_crash("between activations")
            first_sends.record(step, frame.route, frame.values)
            transport.send(frame)

    def _finish(self) -> None:
        """Commit the step, and only then send what is to be sent at its end."""
        delivery, shared, end = self.delivery, self._shared, self._end_of_step
        step, self._end_of_step = _step(delivery, shared), {}
        frames = []
        for route in dict.fromkeys((*self._answers, *end)):
            values = end.get(route)
            if values is not None:
                shared.first_sends.record(step, route, values)
            elif any(question in delivery.mail for question in self._answers[route]):
                values = EMPTY  # rule 4: no message is due, and something must be acknowledged
            else:
                continue
            assert delivery.step_code is not None
            frames.append(Frame(route, delivery.number, delivery.step_code, values))
        self.maybe_crash("before commit")
        shared.snapshots.commit(self.member, delivery.finish(self._get_state(), frames))
        self.maybe_crash("after commit")
        for frame in frames:
            self.maybe_crash("between urgencies")
            shared.transport.send(frame)
        self.schedule_crash()

    def waiting(self) -> Iterator[Waiting]:
        """See `Channels.waiting`."""
        return self._endpoint.waiting()

    def discard_mail(self) -> None:
        """Throw away what the mailbox holds: it is lost with the member that crashed."""
        self._endpoint.discard_mail()

    # --- crashes ---------------------------------------------------------------------------------

    def schedule_crash(self) -> None:
        """Find out where the member crashes next, in the step that now begins."""
        # the step stays this one until all that ends it is sent
        self._crash_step = self.delivery.number
        self._next_crash = self._shared.injector.next_crash(self.node, self._crash_step)
        self._visits = 0

    def maybe_crash(self, place: str) -> None:
        """Crash, if the member is to crash at this place, now.

        Raises:
            Crashed: It is.
        """
        if self._next_crash is not None and self._next_crash[0] == place:
            self._visits += 1
            if self._visits == self._next_crash[1]:
                now = self._shared.transport.now()
                self._shared.injector.record_crash(self.node, self._crash_step, place, now)
                raise Crashed(place)


class UnreliableEnvironmentPort(OutputArrays):
    """The environment's port. The environment does not crash: it is the program itself.

    Implements `EnvironmentPort`.

    Args:
        member: The environment's number, the last.
        mail: Its inboxes, and the routes on which it sends.
        table: Which of its routes answer which others.
        shared: What it shares with all others.

    Attributes:
        node: The environment's name.
    """

    def __init__(
        self, member: int, mail: EnvironmentMail[int], table: AckTable, shared: Shared
    ) -> None:
        super().__init__()
        self.node = mail.node
        self._mail = mail
        self._table = table
        self._shared = shared
        self._endpoint = Endpoint(
            table, member, shared.transport, shared.injector, lambda place: None
        )

    def resume(self, number: int, stride: int) -> None:
        """See `Channels.resume`."""
        self._table = replace(self._table, stride=stride)
        self._endpoint.restart(self._table, Snapshot(number))

    def begin(
        self, step: Step, x: Array, targets: Array | None, direction: Array | None = None
    ) -> None:
        """See `EnvironmentPort.begin`."""
        shared, delivery = self._shared, self._endpoint.delivery
        batch, columns = self._mail.count(x, targets)
        shared.first_sends.begin(step, batch, columns)
        self._step = step
        delivery.step_code = shared.step_table.encode(step)
        self._mail.begin(step, 0 if targets is None else batch, columns)
        frames = []
        for kind, rows in self._mail.rows_to_begin(x, targets, direction):
            routes = self._mail.receivers(kind, step)
            frames += _frames(step, zip(routes, rows, strict=False), delivery)
        # each input sends an urgency, even where none is due: an empty one
        awaited = self._endpoint.due_routes(frames, self._mail.awaited)
        self._endpoint.awaited = awaited
        delivery.mark_sent(frames, awaited, shared.transport.now())
        for frame in frames:
            shared.first_sends.record(step, frame.route, frame.values)
            shared.transport.send(frame)

    @enable_ki_protection
    async def wait_end(self) -> None:
        """See `EnvironmentPort.wait_end`."""
        await self._endpoint.wait_for(self._endpoint.awaited)
        for kind in self._mail.awaited:
            _fill(self._mail, kind, self._endpoint, self._shared)
        self._mail.take_outputs(self)
        self._shared.first_sends.finish()
        self._endpoint.delivery.finish((), ())

    def waiting(self) -> Iterator[Waiting]:
        """See `Channels.waiting`."""
        return self._endpoint.waiting()


def _step(delivery: DeliveryState, shared: Shared) -> Step:
    """The step that a member is at, once it knows what is to be done in it."""
    assert delivery.step_code is not None
    return shared.step_table.decode(delivery.number, delivery.step_code)


def _fill(mail: MemberMail[int], kind: MessageKind, endpoint: Endpoint, shared: Shared) -> None:
    """Put all mail of a kind into its inbox."""
    delivery = endpoint.delivery
    step = _step(delivery, shared)
    messages = []
    for route in endpoint.routes_in[kind]:
        _, source, target, *_ = shared.injector.names[route]
        messages.append(Message(step, kind, source, target, delivery.mail[route]))
    mail.accept_all(messages)


def _frames(step: Step, rows: Iterable[tuple[int, Array]], delivery: DeliveryState) -> list[Frame]:
    """A frame for each route and its row."""
    assert delivery.step_code is not None
    return [Frame(route, step.number, delivery.step_code, values) for route, values in rows]


def _questions(table: AckTable) -> dict[int, list[int]]:
    """By each route on which a member answers, in their order: the routes that it answers."""
    questions: dict[int, list[int]] = {}
    for route, answer in table.answers.items():
        questions.setdefault(answer, []).append(route)
    return questions
