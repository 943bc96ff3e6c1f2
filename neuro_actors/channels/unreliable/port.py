"""Ports whose mail goes through a storm: those of memory channels, with the delivery protocol under them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import trio
from trio.lowlevel import enable_ki_protection

from ...neuron.messages import ACTIVATION, COMMIT, LOSS, URGENCY, Kind, Message, Step
from ...support.errors import MessageError
from ...support.validation import Array
from ..interface import Waiting
from ..memory import MemoryEnvironmentPort, MemoryPort
from ..routes import KINDS, Routes
from .delivery import Delivery, Snapshot, Wires
from .fault_injection import Storm
from .frames import EMPTY, Letter, decode
from .invariants import Ledger
from .step_table import Orders
from .transport import Post


class Killed(BaseException):
    """What ends a life: no error of the member's, and nothing that it may catch."""


class Supervisor(Protocol):
    """What a port needs of the channels that it belongs to."""

    post: Post
    orders: Orders
    storm: Storm
    ledger: Ledger | None

    def record(self, step: Any, line: int, values: Any) -> None:
        """Record a message, unless it was recorded before."""

    def commit(self, member: int, snapshot: Snapshot) -> None:
        """Keep what survives the member's death."""


class MortalPort(MemoryPort):
    """A member's mailbox of frames, and its protocol. Mail of a kind is handed on as a whole, when all of it is there."""

    def __init__(
        self,
        channels: Supervisor,
        member: int,
        wires: Wires,
        frames: trio.MemoryReceiveChannel[bytes],
        lines: Routes,
    ) -> None:
        super().__init__(wires.node, None, None)  # type: ignore[arg-type]  # its mailbox holds messages; frames come here
        self._channels = channels
        self._member = member
        self._frames = frames
        self._answers = dict.fromkeys(
            wires.answers.values()
        )  # the lines of its answers, in their order
        self._wanted: Collection[int] = ()  # the lines whose mail it waits for
        self._kinds: tuple[Kind, ...] = ()  # what is handed on
        self._last: dict[int, Array] = {}  # what it will say at the end of the step
        self._names: dict[int, tuple[Kind, str, str]] = {}
        for line in {*wires.answers, *wires.answers.values(), *wires.repeats}:
            source, target = lines.members[lines.source[line]], lines.members[lines.target[line]]
            self._names[line] = KINDS[lines.kind[line]], source, target
        heard: dict[Kind, list[int]] = {kind: [] for kind in KINDS}
        for line in (*wires.answers, *wires.repeats):
            heard[self._names[line][0]].append(line)
        self._heard_along = heard
        self._wires = wires
        self.be_born(Snapshot(), tuple)

    def be_born(self, snapshot: Snapshot, keep: Callable[[], tuple[Any, ...]]) -> None:
        """Begin a life where the last one has committed. keep: what the rule keeps, to be committed with each step."""
        self._keep = keep
        self._number = snapshot.number
        self._delivery = Delivery(self._wires, snapshot)
        self._last = {}
        self._beware()

    def resume(self, stride: int) -> None:
        """Before it is born: its steps lie so far apart."""
        self._stride, self._wires = stride, replace(self._wires, stride=stride)

    @property
    def at_work(self) -> bool:
        """Whether anything of the step that it is at has come."""
        return bool(self._delivery.mail)

    # --- what an actor calls -------------------------------------------------------------------------------------

    async def wait(self, kind: Kind) -> Step | None:
        delivery = self._delivery
        try:
            if kind == ACTIVATION and delivery.spoken:  # in the last step it had nothing to feel
                await self._hear(delivery.awaited)
                self._finish()
            await self._hear(self._heard_along[kind])
        except trio.EndOfChannel:
            return None
        if kind in (ACTIVATION, URGENCY):
            self._strike("before fire" if kind == ACTIVATION else "before respond")
        self._kinds = (kind,)
        return await super().wait(kind)

    def _send_rows(self, kind: Kind, step: Step, rows: Iterable[Array]) -> None:
        delivery, lines = (
            self._delivery,
            [address.route for address in self._addresses_for(kind, step)],
        )
        assert delivery.order is not None
        if kind != ACTIVATION:
            self._last.update(zip(lines, rows, strict=False))
            if kind in (COMMIT, LOSS):
                self._finish()
            return
        letters = [
            Letter(line, step.number, delivery.order, values)
            for line, values in zip(lines, rows, strict=False)
        ]
        delivery.say(letters, self._heard_along[URGENCY], self._channels.post.now())
        for letter in letters:
            self._strike("between activations")
            self._channels.record(step, letter.line, letter.values)
            self._post(letter)

    def _finish(self) -> None:
        """Commit, and only then say what is to be said at the end of a step."""
        delivery, last = self._delivery, self._last
        assert delivery.order is not None
        step, self._last = self._channels.orders.step(delivery.number, delivery.order), {}
        letters = []
        for line in self._answers:
            if line in last:
                self._channels.record(step, line, last[line])
            if line in last or self._names[line][0] == URGENCY:
                letters.append(Letter(line, delivery.number, delivery.order, last.get(line, EMPTY)))
        self._strike("before commit")
        self._channels.commit(self._member, delivery.finish(self._keep(), letters))
        self._strike("after commit")
        for letter in letters:
            self._strike("between urgencies")
            self._post(letter)
        self._beware()

    # --- mail ----------------------------------------------------------------------------------------------------

    async def _hear(self, lines: Collection[int]) -> None:
        """Until mail has come along all of these lines. Raises `trio.EndOfChannel` if no more will come."""
        delivery, post = self._delivery, self._channels.post
        self._wanted = lines
        while delivery.lacks(lines):
            self._strike("before receive")
            frame = None
            with trio.move_on_after(max(delivery.deadline - post.now(), 0.0)):
                frame = await self._frames.receive()
            if frame is not None:
                self._strike("after receive")
            while frame is not None:
                self._open(frame)
                try:
                    frame = self._frames.receive_nowait()
                except (trio.WouldBlock, trio.EndOfChannel):
                    frame = None
            if post.now() >= delivery.deadline:
                self._strike("at the deadline")
            for letter in delivery.due(post.now()):
                self._strike("between repeats")
                self._post(letter)

    def _open(self, frame: bytes) -> None:
        storm, letter = self._channels.storm, decode(frame)
        if letter is None:
            storm.counts["refused"] += 1
            return
        try:
            answer = self._delivery.receive(letter)
        except MessageError as error:
            raise MessageError(
                f"{self.node!r} cannot accept {storm.described(letter)}: it {error}"
            ) from None
        if answer is not None:
            self._post(answer)

    async def _sort_mail(self) -> None:
        """Everything is there already."""
        delivery = self._delivery
        assert delivery.order is not None
        step = self._channels.orders.step(delivery.number, delivery.order)
        for kind in self._kinds:
            for line in self._heard_along[kind]:
                self._piles[kind].accept(Message(step, *self._names[line], delivery.mail[line]))

    def _post(self, letter: Letter) -> None:
        if self._channels.ledger is not None:
            self._channels.ledger.said(letter)
        self._channels.post.post(letter)

    def waiting(self) -> Iterator[Waiting]:
        missing: dict[Kind, list[str]] = {}
        for line in self._delivery.missing(self._wanted):
            kind, source, target = self._names[line]
            missing.setdefault(kind, []).append(target if kind == URGENCY else source)
        for kind, names in missing.items():
            yield Waiting(self.node, kind, self._delivery.number, tuple(names))

    # --- death ---------------------------------------------------------------------------------------------------

    def _beware(self) -> None:
        """Where it dies in the step that it is at, if it does."""
        self._at = self._delivery.number  # until it has said all of that step
        self._doom = self._channels.storm.doom(self.node, self._at)
        self._times = 0

    def _strike(self, place: str) -> None:
        """It is at this place: does it die here?"""
        if self._doom is not None and self._doom[0] == place:
            self._times += 1
            if self._times == self._doom[1]:
                self._channels.storm.died(self.node, self._at, place, self._channels.post.now())
                raise Killed(place)


class MortalEnvironmentPort(MortalPort, MemoryEnvironmentPort):
    """The world's own, which does not die: it is the program itself."""

    def begin(
        self, step: Step, x: Array, targets: Array | None, direction: Array | None = None
    ) -> None:
        delivery, order = self._delivery, self._channels.orders.code(step)
        delivery.order = order
        self._told: list[Letter] = []
        super().begin(step, x, targets, direction)
        kinds = self._awaited() if step.wrt_inputs else (*self._awaited(), URGENCY)
        self._wanted = [line for kind in kinds for line in self._heard_along[kind]]
        delivery.say(self._told, self._wanted, self._channels.post.now())
        for letter in self._told:
            self._channels.record(step, letter.line, letter.values)
            self._post(letter)

    def _send_rows(self, kind: Kind, step: Step, rows: Iterable[Array]) -> None:
        order = self._delivery.order
        assert order is not None
        lines = [address.route for address in self._addresses[kind]]
        self._told += [
            Letter(line, step.number, order, values)
            for line, values in zip(lines, rows, strict=False)
        ]

    @enable_ki_protection
    async def end(self) -> None:
        await self._hear(self._wanted)
        self._kinds = self._awaited()
        await super().end()
        self._delivery.finish((), ())

    def _beware(self) -> None:
        self._doom = None
