"""The weather that mail goes through: what becomes of each frame, and who dies where. No trio; time is handed in.

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
from .faults import PLACES, DeadLink, Disturbance, Kill, Lose, Partition
from .frames import Letter
from .settings import Unreliable

WORDS = Struct("<7Q")
HELD_BACK = 4.0  # delays, at most, that a frame out of order comes later
ENOUGH = 20  # this often a letter is lost or garbled in a row, no more: so a storm ends
DEATHS = 3  # at most, by `crash`, of one member in one step


class Storm:
    """What happens, and what has happened so far.

    counts: how often what has.  places: of deaths.  tell: is told of each disturbance, where somebody wants to know.
    """

    def __init__(
        self, weather: Unreliable, lines: Routes, tell: Callable[[Disturbance], None] | None = None
    ) -> None:
        self.weather = weather
        self.counts: Counter[str] = Counter()
        self.places: Counter[str] = Counter()
        self._teller = tell
        self.stride = 1  # from the number of one step to the next
        self._seed = str(weather.seed).encode()
        ends = [
            [lines.members[k] for k in end]
            for end in (lines.source, lines.target, lines.sender, lines.receiver)
        ]
        self._names = list(zip([KINDS[kind] for kind in lines.kind], *ends, strict=True))
        self._attempts: dict[
            int, Counter[tuple[int, bool]]
        ] = {}  # by step: of each letter, or question for one
        self._losses = {
            fault: 0 for fault in weather.faults if isinstance(fault, Lose)
        }  # how many of its kind went by
        self._links = [
            fault for fault in weather.faults if isinstance(fault, (DeadLink, Partition))
        ]
        self._kills = [fault for fault in weather.faults if isinstance(fault, Kill)]
        self._deaths: dict[
            str, tuple[int, int]
        ] = {}  # of each member: its step, and how often it died in it

    def described(self, letter: Letter) -> str:
        """The letter, for errors."""
        if letter.line >= len(self._names):
            return f"a letter along line {letter.line}, of {len(self._names)}"
        kind, *_, sender, receiver = self._names[letter.line]
        if letter.asks:
            return f"the question from {receiver!r} for the {kind} of {sender!r}"
        return f"the {kind} from {sender!r} to {receiver!r}"

    def posted(self, letter: Letter, frame: bytes, now: float) -> list[tuple[float, int, bytes]]:
        """When the frame comes, and as which bytes; a number beside decides between two that come at once."""
        line, number = letter.line, letter.number
        attempts = self._attempts.get(number)
        if attempts is None:
            attempts = self._attempts[number] = Counter()
            for old in [step for step in self._attempts if step < number - self.stride]:
                del self._attempts[old]
        attempts[line, letter.asks] += 1
        attempt = attempts[line, letter.asks]
        self.counts["sent"] += 1
        if attempt > 1 or letter.asks:
            self._tell("asked" if letter.asks else "repeated", letter, attempt, now)
        weather = self.weather
        kind, source, target, *_ = self._names[line]
        if attempt == 1 and kind == URGENCY and not letter.asks and not len(letter.values):
            self.counts["empty"] += 1
        lost, doubled, garbled, held, where, *late = self._fate(
            "mail", kind, source, target, number, letter.asks, attempt
        )
        if self._is_lost(letter, now) or (attempt <= ENOUGH and lost < weather.drop):
            self._tell("lost", letter, attempt, now)
            return []
        if attempt <= ENOUGH and garbled < weather.corrupt:
            self._tell("garbled", letter, attempt, now)
            frame = _garbled(frame, where)
        least, most = weather.latency
        arrivals = [now + least + (most - least) * late[0]]
        if held < weather.reorder:
            arrivals[0] += HELD_BACK * (weather.delay or 0.01) * held / weather.reorder
            self._tell("late", letter, attempt, now)
        if doubled < weather.duplicate:
            arrivals.append(arrivals[0] + most * late[1])
            self._tell("doubled", letter, attempt, now)
        return [(when, int(where * 2**53), frame) for when in arrivals]

    def overflowed(self, letter: Letter, now: float) -> None:
        """A mailbox had no room for it."""
        attempts = self._attempts.get(letter.number)  # of a step long ago nobody knows them
        self._tell(
            "overflowed", letter, 1 if attempts is None else attempts[letter.line, letter.asks], now
        )

    def doom(self, node: str, number: int) -> tuple[str, int] | None:
        """Where this member dies next in that step, and when it is there for how manyeth time; None: it lives."""
        step, deaths = self._deaths.get(node, (number, 0))
        if step != number:
            deaths = 0
        kills = [kill for kill in self._kills if (kill.node, kill.step) == (node, number)]
        if deaths < len(kills):
            return kills[deaths].place, kills[deaths].nth
        chance, place, nth, *_ = self._fate("death", node, number, deaths)
        if deaths - len(kills) < DEATHS and chance < self.weather.crash:
            return PLACES[int(place * len(PLACES))], 1 + int(nth * 2)
        return None

    def died(self, node: str, number: int, place: str, now: float) -> None:
        """A member has died of its doom."""
        step, deaths = self._deaths.get(node, (number, 0))
        self._deaths[node] = number, 1 + (deaths if step == number else 0)
        self.counts["died"] += 1
        self.places[place] += 1
        if self._teller is not None:
            self._teller(Disturbance(now, "died", number, place, node, "", self._deaths[node][1]))

    def _is_lost(self, letter: Letter, now: float) -> bool:
        """By one of the particular faults."""
        kind, source, target, sender, receiver = self._names[letter.line]
        lost = False
        for loss in self._losses:
            meant = (loss.kind, loss.source, loss.target) == (
                kind,
                source,
                target,
            ) and loss.step in (None, letter.number)
            if meant and not letter.asks:
                self._losses[loss] += 1
                lost |= self._losses[loss] == loss.nth
        return lost or any(
            link.start <= now < link.end and link.cuts(sender, receiver) for link in self._links
        )

    def _fate(self, *name: object) -> tuple[float, ...]:
        """Seven numbers from 0 to 1."""
        digest = blake2b(
            repr(name).encode(errors="backslashreplace"), key=self._seed, digest_size=WORDS.size
        ).digest()
        return tuple((word >> 11) * 2.0**-53 for word in WORDS.unpack(digest))

    def _tell(self, what: str, letter: Letter, attempt: int, now: float) -> None:
        self.counts[what] += 1
        if self._teller is not None:
            kind, source, target, *_ = self._names[letter.line]
            self._teller(
                Disturbance(now, what, letter.number, kind, source, target, attempt, letter.asks)
            )


def _garbled(frame: bytes, where: float) -> bytes:
    """One to three bits are flipped."""
    garbled, size = bytearray(frame), 8 * len(frame)
    for shift in range(1 + int(where * 3)):
        bit = int(where * size * (1 + 7 * shift)) % size
        garbled[bit // 8] ^= 1 << bit % 8
    return bytes(garbled) if bytes(garbled) != frame else bytes([frame[0] ^ 0x80]) + frame[1:]
