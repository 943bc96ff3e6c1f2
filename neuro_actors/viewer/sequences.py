"""The sequences of a run through time: which rounds belong together.

A step through time is a sequence of rounds, see `neuron/time_round.py`. Their numbers follow each
other, or, where a batch is cut, come as far apart as it has micro-batches: each of these is a
sequence of its own. So each round says where its sequence began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..neuron.time_round import TimeRound

if TYPE_CHECKING:
    from ..log.steps import StepInfo


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a round in its sequence.

    Attributes:
        first: The number of the sequence's first step.
        round: The round.
    """

    first: int
    round: TimeRound

    @property
    def number(self) -> int:
        """The number of the round's step."""
        return self.first + self.round.place - (self.round.part - 1)

    def in_tick(self, tick: int, back: bool) -> Place:
        """Return the round of a tick whose urgencies count, or the first one that goes forward.

        Args:
            tick: The tick, from 1 on.
            back: Whether it makes urgencies.
        """
        return Place(self.first, self.round._replace(back=back, tick=tick, number=1))

    def repeated(self, ticks: int) -> Place | None:
        """Return the round whose messages a delay repeats in this one.

        Args:
            ticks: How many ticks later the delay repeats; earlier if it is negative.

        Returns:
            The round; None if the delay repeats nothing of this sequence.
        """
        here = self.round
        tick = here.tick - ticks
        if not 1 <= tick <= here.ticks:
            return None
        given = here._replace(back=False, number=here.passes) if here.back else here
        for number in (given.number, given.number - 1):  # what was said last
            other = given._replace(tick=tick, number=number)
            if number >= 1 and other.place < given.place:
                return Place(self.first, other)
        return None


def place_in_sequence(info: StepInfo) -> Place | None:
    """Return the place of a step in its sequence; None if it does not go through time.

    Args:
        info: The step.
    """
    here = TimeRound.read(info.round)
    return None if here is None else Place(info.number - here.place + here.part - 1, here)
