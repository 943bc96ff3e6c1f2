"""The faults that mail goes through: what becomes of each frame, and who dies where. No trio; time is handed in.

Fates are not drawn one after another but are hashes of the seed and of what they concern: of a frame, its kind, synapse,
step and attempt; of a death, the member, the step and how often it died in it. So a storm is known by its seed, and no
interleaving changes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from struct import Struct

from ...neuron.messages import URGENCY
from ..routes import KINDS, Routes
from .faults import PLACES, DeadLink, FaultEvent, Kill, Lose, Partition
from .frames import Frame
from .settings import Unreliable

DRAWS = Struct("<7Q")
MAX_HOLD = 4.0  # delays, at most, that a frame out of order comes later
MAX_LOSSES = 20  # this often a frame is lost or garbled in a row, no more: so a storm ends
MAX_CRASHES = 3  # at most, by `crash`, of one member in one step


class FaultInjector:
    """What happens, and what has happened so far.

    counts: how often what has.  crash_places: of crashes.  report: is told of each disturbance, where somebody wants to know.
    """

    def __init__(
        self,
        settings: Unreliable,
        lines: Routes,
        report: Callable[[FaultEvent], None] | None = None,
    ) -> None:
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self.crash_places: Counter[str] = Counter()
        self._report = report
        self.stride = 1  # from the number of one step to the next
        self._seed = str(settings.seed).encode()
        ends = [
            [lines.members[k] for k in end]
            for end in (lines.source, lines.target, lines.sender, lines.receiver)
        ]
        # plain texts: their repr decides what is drawn
        self._names = list(zip([KINDS[kind].value for kind in lines.kind], *ends, strict=True))
        self._attempts: dict[
            int, Counter[tuple[int, bool]]
        ] = {}  # by step: of each frame, or question for one
        self._losses = {
            fault: 0 for fault in settings.faults if isinstance(fault, Lose)
        }  # how many of its kind went by
        self._links = [
            fault for fault in settings.faults if isinstance(fault, (DeadLink, Partition))
        ]
        self._kills = [fault for fault in settings.faults if isinstance(fault, Kill)]
        self._crashes: dict[
            str, tuple[int, int]
        ] = {}  # of each member: its step, and how often it died in it

    def describe(self, frame: Frame) -> str:
        """The frame, for errors."""
        if frame.line >= len(self._names):
            return f"a frame along line {frame.line}, of {len(self._names)}"
        kind, *_, sender, receiver = self._names[frame.line]
        if frame.asks:
            return f"the question from {receiver!r} for the {kind} of {sender!r}"
        return f"the {kind} from {sender!r} to {receiver!r}"

    def inject(self, frame: Frame, data: bytes, now: float) -> list[tuple[float, int, bytes]]:
        """When the frame comes, and as which bytes; a number beside decides between two that come at once."""
        line, number = frame.line, frame.number
        attempts = self._attempts.get(number)
        if attempts is None:
            attempts = self._attempts[number] = Counter()
            for old in [step for step in self._attempts if step < number - self.stride]:
                del self._attempts[old]
        attempts[line, frame.asks] += 1
        attempt = attempts[line, frame.asks]
        self.counts["sent"] += 1
        if attempt > 1 or frame.asks:
            self._record("asked" if frame.asks else "repeated", frame, attempt, now)
        settings = self.settings
        kind, source, target, *_ = self._names[line]
        if attempt == 1 and kind == URGENCY and not frame.asks and not len(frame.values):
            self.counts["empty"] += 1
        lost, doubled, garbled, held, where, *late = self._draw(
            "mail", kind, source, target, number, frame.asks, attempt
        )
        if self._is_lost(frame, now) or (attempt <= MAX_LOSSES and lost < settings.drop):
            self._record("lost", frame, attempt, now)
            return []
        if attempt <= MAX_LOSSES and garbled < settings.corrupt:
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

    def overflowed(self, frame: Frame, now: float) -> None:
        """A mailbox had no room for it."""
        attempts = self._attempts.get(frame.number)  # of a step long ago nobody knows them
        self._record(
            "overflowed", frame, 1 if attempts is None else attempts[frame.line, frame.asks], now
        )

    def next_crash(self, node: str, number: int) -> tuple[str, int] | None:
        """Where this member dies next in that step, and when it is there for how manyeth time; None: it lives."""
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
        """A member has died of its next_crash."""
        step, crashes = self._crashes.get(node, (number, 0))
        self._crashes[node] = number, 1 + (crashes if step == number else 0)
        self.counts["died"] += 1
        self.crash_places[place] += 1
        if self._report is not None:
            self._report(FaultEvent(now, "died", number, place, node, "", self._crashes[node][1]))

    def _is_lost(self, frame: Frame, now: float) -> bool:
        """By one of the particular faults."""
        kind, source, target, sender, receiver = self._names[frame.line]
        lost = False
        for loss in self._losses:
            meant = (loss.kind, loss.source, loss.target) == (
                kind,
                source,
                target,
            ) and loss.step in (None, frame.number)
            if meant and not frame.asks:
                self._losses[loss] += 1
                lost |= self._losses[loss] == loss.nth
        return lost or any(
            link.start <= now < link.end and link.cuts(sender, receiver) for link in self._links
        )

    def _draw(self, *name: object) -> tuple[float, ...]:
        """Seven numbers from 0 to 1."""
        digest = blake2b(
            repr(name).encode(errors="backslashreplace"), key=self._seed, digest_size=DRAWS.size
        ).digest()
        return tuple((word >> 11) * 2.0**-53 for word in DRAWS.unpack(digest))

    def _record(self, what: str, frame: Frame, attempt: int, now: float) -> None:
        self.counts[what] += 1
        if self._report is not None:
            kind, source, target, *_ = self._names[frame.line]
            self._report(
                FaultEvent(now, what, frame.number, kind, source, target, attempt, frame.asks)
            )


def _flip_bits(data: bytes, where: float) -> bytes:
    """One to three bits are flipped."""
    flipped, size = bytearray(data), 8 * len(data)
    for shift in range(1 + int(where * 3)):
        bit = int(where * size * (1 + 7 * shift)) % size
        flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped) if bytes(flipped) != data else bytes([data[0] ^ 0x80]) + data[1:]
