"""Ports whose mail goes through a storm: those of memory channels, with the delivery protocol under them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import trio
from trio.lowlevel import enable_ki_protection

from ...neuron.messages import ACTIVATION, COMMIT, LOSS, URGENCY, Message, MessageKind, Step
from ...support.errors import MessageError
from ...support.validation import Array
from ..interface import Waiting
from ..memory import MemoryEnvironmentPort, MemoryPort
from ..routes import KINDS, Routes
from .delivery import AckTable, DeliveryState, Snapshot
from .fault_injection import FaultInjector
from .frames import EMPTY, Frame, decode
from .step_table import StepTable
from .transport import Transport


class Crashed(BaseException):
    """What ends a life: no error of the member's, and nothing that it may catch."""


class Supervisor(Protocol):
    """What a port needs of the channels that it belongs to."""

    transport: Transport
    step_table: StepTable
    injector: FaultInjector

    def record(self, step: Any, line: int, values: Any) -> None:
        """Record a message, unless it was recorded before."""

    def commit(self, member: int, snapshot: Snapshot) -> None:
        """Keep what survives the member's death."""


class RestartablePort(MemoryPort):
    """A member's mailbox of frames, and its protocol. Mail of a kind is handed on as a whole, when all of it is there."""

    def __init__(
        self,
        channels: Supervisor,
        member: int,
        table: AckTable,
        frames: trio.MemoryReceiveChannel[bytes],
        lines: Routes,
    ) -> None:
        super().__init__(table.node, None, None)  # type: ignore[arg-type]  # its mailbox holds messages; frames come here
        self._channels = channels
        self._member = member
        self._mailbox_end = frames
        self._answers = dict.fromkeys(
            table.answers.values()
        )  # the lines of its answers, in their order
        self._awaited_routes: Collection[int] = ()  # the lines whose mail it waits for
        self._kinds: tuple[MessageKind, ...] = ()  # what is handed on
        self._end_of_step: dict[int, Array] = {}  # what it will say at the end of the step
        self._names: dict[int, tuple[MessageKind, str, str]] = {}
        for line in {*table.answers, *table.answers.values(), *table.repeats}:
            source, target = lines.members[lines.source[line]], lines.members[lines.target[line]]
            self._names[line] = KINDS[lines.kind[line]], source, target
        heard: dict[MessageKind, list[int]] = {kind: [] for kind in KINDS}
        for line in (*table.answers, *table.repeats):
            heard[self._names[line][0]].append(line)
        self._routes_in = heard
        self._table = table
        self.restart_from(Snapshot(), tuple)

    def restart_from(self, snapshot: Snapshot, get_state: Callable[[], tuple[Any, ...]]) -> None:
        """Begin a life where the last one has committed. get_state: returns what the rule keeps, to be committed with each step."""
        self._get_state = get_state
        self._number = snapshot.number
        self._delivery = DeliveryState(self._table, snapshot)
        self._end_of_step = {}
        self.schedule_crash()

    def resume(self, stride: int) -> None:
        """Before it is born: its steps lie so far apart."""
        self._stride, self._table = stride, replace(self._table, stride=stride)

    @property
    def is_in_step(self) -> bool:
        """Whether anything of the step that it is at has come."""
        return bool(self._delivery.mail)

    # --- what an actor calls -------------------------------------------------------------------------------------

    async def receive(self, kind: MessageKind) -> Step | None:
        delivery = self._delivery
        try:
            if kind == ACTIVATION and delivery.sent:  # in the last step it had nothing to feel
                await self._wait_for(delivery.awaited)
                self._finish()
            await self._wait_for(self._routes_in[kind])
        except trio.EndOfChannel:
            return None
        if kind in (ACTIVATION, URGENCY):
            self.maybe_crash("before fire" if kind == ACTIVATION else "before respond")
        self._kinds = (kind,)
        return await super().receive(kind)

    def _send_rows(self, kind: MessageKind, step: Step, rows: Iterable[Array]) -> None:
        delivery, lines = (
            self._delivery,
            [address.route for address in self._addresses_for(kind, step)],
        )
        assert delivery.step_code is not None
        if kind != ACTIVATION:
            self._end_of_step.update(zip(lines, rows, strict=False))
            if kind in (COMMIT, LOSS):
                self._finish()
            return
        frames = [
            Frame(line, step.number, delivery.step_code, values)
            for line, values in zip(lines, rows, strict=False)
        ]
        delivery.mark_sent(frames, self._routes_in[URGENCY], self._channels.transport.now())
        for frame in frames:
            self.maybe_crash("between activations")
            self._channels.record(step, frame.route, frame.values)
            self._send_frame(frame)

    def _finish(self) -> None:
        """Commit, and only then say what is to be said at the end of a step."""
        delivery, last = self._delivery, self._end_of_step
        assert delivery.step_code is not None
        step, self._end_of_step = (
            self._channels.step_table.decode(delivery.number, delivery.step_code),
            {},
        )
        frames = []
        for line in self._answers:
            if line in last:
                self._channels.record(step, line, last[line])
            if line in last or self._names[line][0] == URGENCY:
                frames.append(
                    Frame(line, delivery.number, delivery.step_code, last.get(line, EMPTY))
                )
        self.maybe_crash("before commit")
        self._channels.commit(self._member, delivery.finish(self._get_state(), frames))
        self.maybe_crash("after commit")
        for frame in frames:
            self.maybe_crash("between urgencies")
            self._send_frame(frame)
        self.schedule_crash()

    # --- mail ----------------------------------------------------------------------------------------------------

    async def _wait_for(self, lines: Collection[int]) -> None:
        """Until mail has come along all of these lines. Raises `trio.EndOfChannel` if no more will come."""
        delivery, transport = self._delivery, self._channels.transport
        self._awaited_routes = lines
        while delivery.is_missing_any(lines):
            self.maybe_crash("before receive")
            data = None
            with trio.move_on_after(max(delivery.deadline - transport.now(), 0.0)):
                data = await self._mailbox_end.receive()
            if data is not None:
                self.maybe_crash("after receive")
            while data is not None:
                self._open(data)
                try:
                    data = self._mailbox_end.receive_nowait()
                except (trio.WouldBlock, trio.EndOfChannel):
                    data = None
            if transport.now() >= delivery.deadline:
                self.maybe_crash("at the deadline")
            for frame in delivery.take_due(transport.now()):
                self.maybe_crash("between repeats")
                self._send_frame(frame)

    def _open(self, data: bytes) -> None:
        injector, frame = self._channels.injector, decode(data)
        if frame is None:
            injector.record_refusal()
            return
        try:
            answer = self._delivery.receive(frame)
        except MessageError as error:
            raise MessageError(
                f"{self.node!r} cannot accept {injector.describe(frame)}: {error}"
            ) from None
        if answer is not None:
            self._send_frame(answer)

    async def _sort_mail(self) -> None:
        """Everything is there already."""
        delivery = self._delivery
        assert delivery.step_code is not None
        step = self._channels.step_table.decode(delivery.number, delivery.step_code)
        for kind in self._kinds:
            for line in self._routes_in[kind]:
                self._inboxes[kind].accept(Message(step, *self._names[line], delivery.mail[line]))

    def _send_frame(self, frame: Frame) -> None:
        self._channels.transport.send(frame)

    def waiting(self) -> Iterator[Waiting]:
        missing: dict[MessageKind, list[str]] = {}
        for line in self._delivery.missing(self._awaited_routes):
            kind, source, target = self._names[line]
            missing.setdefault(kind, []).append(target if kind == URGENCY else source)
        for kind, names in missing.items():
            yield Waiting(self.node, kind, self._delivery.number, tuple(names))

    # --- death ---------------------------------------------------------------------------------------------------

    def schedule_crash(self) -> None:
        """Where it dies in the step that it is at, if it does."""
        self._crash_step = self._delivery.number  # until it has said all of that step
        self._next_crash = self._channels.injector.next_crash(self.node, self._crash_step)
        self._visits = 0

    def maybe_crash(self, place: str) -> None:
        """It is at this place: does it die here?"""
        if self._next_crash is not None and self._next_crash[0] == place:
            self._visits += 1
            if self._visits == self._next_crash[1]:
                self._channels.injector.record_crash(
                    self.node, self._crash_step, place, self._channels.transport.now()
                )
                raise Crashed(place)


class RestartableEnvironmentPort(RestartablePort, MemoryEnvironmentPort):
    """The world's own, which does not die: it is the program itself."""

    def begin(
        self, step: Step, x: Array, targets: Array | None, direction: Array | None = None
    ) -> None:
        delivery, step_code = self._delivery, self._channels.step_table.encode(step)
        delivery.step_code = step_code
        self._first_frames: list[Frame] = []
        super().begin(step, x, targets, direction)
        kinds = self._awaited() if step.wrt_inputs else (*self._awaited(), URGENCY)
        self._awaited_routes = [line for kind in kinds for line in self._routes_in[kind]]
        delivery.mark_sent(self._first_frames, self._awaited_routes, self._channels.transport.now())
        for frame in self._first_frames:
            self._channels.record(step, frame.route, frame.values)
            self._send_frame(frame)

    def _send_rows(self, kind: MessageKind, step: Step, rows: Iterable[Array]) -> None:
        step_code = self._delivery.step_code
        assert step_code is not None
        lines = [address.route for address in self._addresses[kind]]
        self._first_frames += [
            Frame(line, step.number, step_code, values)
            for line, values in zip(lines, rows, strict=False)
        ]

    @enable_ki_protection
    async def wait_end(self) -> None:
        await self._wait_for(self._awaited_routes)
        self._kinds = self._awaited()
        await super().wait_end()
        self._delivery.finish((), ())

    def schedule_crash(self) -> None:
        self._next_crash = None
