"""Fault injection: what happens to each frame, and where members crash. No trio, no clock.

Faults are not drawn one after another. Each draw is a hash of the seed and of a name. The name of
a frame is its kind, synapse, step and attempt. The name of a crash is the member, the step, and how
often the member has crashed in it. So the settings fix all faults, and no interleaving of tasks
changes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

from ...network.elements import ENVIRONMENT
from ...support.errors import InputError
from ..routes import Routes
from .faults import PLACES, DeadLink, Fault, FaultEvent, Kill, Lose, Partition, named_members
from .frames import EMPTY, Frame
from .settings import Unreliable

DRAWS = Struct("<7Q")
MAX_HOLD = 4.0  # the longest time that a frame is held back, in delays
MAX_LOSSES = 20  # a frame is lost or damaged by chance at most so often in a row; so a run ends
MAX_CRASHES = 3  # of one member in one step, by the chance `crash`


class RouteName(NamedTuple):
    """What a route is called in draws, logs and errors.

    Attributes:
        kind: The kind of message.
        source: The synapse's source.
        target: The synapse's target.
        sender: The member that sends along the route.
        receiver: The member that receives along the route.
    """

    kind: str
    source: str
    target: str
    sender: str
    receiver: str


class FaultInjector:
    """Decides on all faults, and counts them.

    Args:
        settings: The chances and particular faults.
        routes: The routes of the society.
        report: Is called with each fault; None: faults are only counted.

    Attributes:
        settings: As above.
        names: The names of the routes.
        counts: How often each fault occurred, by the names in `faults.EVENTS` and others.
        crash_places: How many crashes there were at each place.
        stride: The distance from the number of one step to the next.

    Raises:
        InputError: A particular fault names a member or a synapse that is not there.
    """

    def __init__(
        self,
        settings: Unreliable,
        routes: Routes,
        report: Callable[[FaultEvent], None] | None = None,
    ) -> None:
        self.settings = settings
        self.names = _names(routes)
        self.counts: Counter[str] = Counter()
        self.crash_places: Counter[str] = Counter()
        self.stride = 1
        self._report = report
        self._seed = str(settings.seed).encode()
        # by step: how often each frame, or the question for it, was sent
        self._attempts: dict[int, Counter[tuple[int, bool]]] = {}
        faults = settings.faults
        _check_faults(faults, routes.members, self.names)
        # how many messages went by that each of these is about
        self._losses = {fault: 0 for fault in faults if isinstance(fault, Lose)}
        self._links = [fault for fault in faults if isinstance(fault, (DeadLink, Partition))]
        self._kills = [fault for fault in faults if isinstance(fault, Kill)]
        # of each member the step of its last crash, and how often it crashed in this step
        self._crashes: dict[str, tuple[int, int]] = {}

    def describe(self, frame: Frame) -> str:
        """Return what a frame is, for errors."""
        if frame.route >= len(self.names):
            return f"a frame on route {frame.route}, of {len(self.names)}"
        kind, *_, sender, receiver = self.names[frame.route]
        if frame.asks:
            return f"the question from {receiver!r} for the {kind} of {sender!r}"
        return f"the {kind} from {sender!r} to {receiver!r}"

    def inject(self, frame: Frame, data: bytes, now: float) -> list[tuple[float, int, bytes]]:
        """Decide on a frame that is sent now.

        Args:
            frame: The frame.
            data: Its bytes.
            now: The time in seconds.

        Returns:
            For each time that the frame arrives: when, a number that decides between two frames
            that arrive at once, and the bytes that arrive. Empty if the frame is lost.
        """
        attempt = self._count_attempt(frame)
        self.counts["sent"] += 1
        if attempt > 1 or frame.asks:
            self._record("asked" if frame.asks else "repeated", frame, attempt, now)
        settings = self.settings
        kind, source, target, *_ = self.names[frame.route]
        if attempt == 1 and frame.values is EMPTY and not frame.asks:
            self.counts["empty"] += 1
        lost, doubled, damaged, held, where, *late = self._draw(
            "mail", kind, source, target, frame.number, frame.asks, attempt
        )
        by_chance = attempt <= MAX_LOSSES
        if self._is_lost(frame, now) or (by_chance and lost < settings.drop):
            self._record("lost", frame, attempt, now)
            return []
        if by_chance and damaged < settings.corrupt:
            self._record("garbled", frame, attempt, now)
            data = _flip_bits(data, where)
        least, most = settings.latency
        arrivals = [now + least + (most - least) * late[0]]
        if held < settings.reorder:
            arrivals[0] += MAX_HOLD * (settings.delay or 0.01) * held / settings.reorder
            self._record("late", frame, attempt, now)
        if doubled < settings.duplicate:
            arrivals.append(arrivals[0] + most * late[1])
            self._record("doubled", frame, attempt, now)
        return [(when, int(where * 2**53), data) for when in arrivals]

    def record_overflow(self, frame: Frame, now: float) -> None:
        """Record that a frame was lost because its mailbox was full."""
        attempts = self._attempts.get(frame.number)  # None: of a step long ago
        attempt = 1 if attempts is None else attempts[frame.route, frame.asks]
        self._record("overflowed", frame, attempt, now)

    def record_refusal(self) -> None:
        """Record that a damaged frame was noticed by its checksum."""
        self.counts["refused"] += 1

    def next_crash(self, node: str, number: int) -> tuple[str, int] | None:
        """Return where a member crashes next in a step.

        Args:
            node: The member.
            number: The step's number.

        Returns:
            The place, and at which of its visits to the place the member crashes, counted from 1
            and from the last restart. None: the member does not crash any more in this step.
        """
        step, crashes = self._crashes.get(node, (number, 0))
        if step != number:
            crashes = 0
        kills = [kill for kill in self._kills if (kill.node, kill.step) == (node, number)]
        if crashes < len(kills):
            return kills[crashes].place, kills[crashes].nth
        chance, place, nth, *_ = self._draw("death", node, number, crashes)
        if crashes - len(kills) < MAX_CRASHES and chance < self.settings.crash:
            return PLACES[int(place * len(PLACES))], 1 + int(nth * 2)
        return None

    def record_crash(self, node: str, number: int, place: str, now: float) -> None:
        """Record that a member has crashed.

        Args:
            node: The member.
            number: The step's number.
            place: One of `PLACES`.
            now: The time in seconds.
        """
        step, crashes = self._crashes.get(node, (number, 0))
        self._crashes[node] = number, 1 + (crashes if step == number else 0)
        self.counts["died"] += 1
        self.crash_places[place] += 1
        if self._report is not None:
            self._report(FaultEvent(now, "died", number, place, node, "", self._crashes[node][1]))

    def _count_attempt(self, frame: Frame) -> int:
        """Count one more attempt, and forget steps that are long over."""
        attempts = self._attempts.get(frame.number)
        if attempts is None:
            attempts = self._attempts[frame.number] = Counter()
            for old in [step for step in self._attempts if step < frame.number - self.stride]:
                del self._attempts[old]
        attempts[frame.route, frame.asks] += 1
        return attempts[frame.route, frame.asks]

    def _is_lost(self, frame: Frame, now: float) -> bool:
        """Whether one of the particular faults loses the frame."""
        kind, source, target, sender, receiver = self.names[frame.route]
        lost = False
        for loss in self._losses:
            is_meant = (loss.kind, loss.source, loss.target) == (kind, source, target)
            if is_meant and loss.step in (None, frame.number) and not frame.asks:
                self._losses[loss] += 1
                lost |= self._losses[loss] == loss.nth
        return lost or any(
            link.start <= now < link.end and link.cuts(sender, receiver) for link in self._links
        )

    def _draw(self, *name: object) -> tuple[float, ...]:
        """Seven numbers from 0 to 1, which the seed and this name fix."""
        digest = blake2b(
            repr(name).encode(errors="backslashreplace"), key=self._seed, digest_size=DRAWS.size
        ).digest()
        return tuple((word >> 11) * 2.0**-53 for word in DRAWS.unpack(digest))

    def _record(self, what: str, frame: Frame, attempt: int, now: float) -> None:
        self.counts[what] += 1
        if self._report is not None:
            kind, source, target, *_ = self.names[frame.route]
            self._report(
                FaultEvent(now, what, frame.number, kind, source, target, attempt, frame.asks)
            )


def _names(routes: Routes) -> list[RouteName]:
    ends = [
        [routes.members[k] for k in end]
        for end in (routes.source, routes.target, routes.sender, routes.receiver)
    ]
    # plain text, since draws hash how a name is written
    kinds = [str(routes.kinds[kind]) for kind in routes.kind]
    return [RouteName(*name) for name in zip(kinds, *ends, strict=True)]


def _check_faults(
    faults: Sequence[Fault], members: Sequence[str], names: Sequence[RouteName]
) -> None:
    along = {name[:3] for name in names}
    for fault in faults:
        for member in named_members(fault):
            if member not in members:
                raise InputError(f"{fault}: the network has no neuron {member!r}")
        if isinstance(fault, Lose) and (fault.kind, fault.source, fault.target) not in along:
            raise InputError(
                f"{fault}: no {fault.kind} goes along {fault.source!r} -> {fault.target!r}"
            )
        if isinstance(fault, DeadLink) and not any(
            (fault.source, fault.target) == ends[1:] for ends in along
        ):
            raise InputError(f"{fault}: there is no synapse {fault.source!r} -> {fault.target!r}")
        if isinstance(fault, Kill) and fault.node == ENVIRONMENT:
            raise InputError(
                f"{fault}: the environment is this program itself; only members of the society "
                "can crash"
            )


def _flip_bits(data: bytes, where: float) -> bytes:
    """Flip one to three bits."""
    flipped, size = bytearray(data), 8 * len(data)
    for shift in range(1 + int(where * 3)):
        bit = int(where * size * (1 + 7 * shift)) % size
        flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped) if bytes(flipped) != data else bytes([data[0] ^ 0x80]) + data[1:]
