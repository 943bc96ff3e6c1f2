"""The sequences of a run through time: which rounds belong together.

A step through T ticks is T rounds forward and, if it makes urgencies, T rounds back; in a network
whose delays hear later ticks too, so many in each of its passes. Their numbers follow each other.
So each round says where its sequence began.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..neuron.time_round import TimeRound

if TYPE_CHECKING:
    from ..log.steps import StepInfo


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a round in its sequence.

    Attributes:
        first: The number of the sequence's first step.
        tick: The tick that the round goes through, from 1 on.
        ticks: How many ticks the sequence has.
        back: Whether the round makes urgencies.
        pass_number: Which pass through the sequence it belongs to, see `TimeRound`.
        passes: How many passes there are.
    """

    first: int
    tick: int
    ticks: int
    back: bool
    pass_number: int = 1
    passes: int = 1

    @property
    def is_last(self) -> bool:
        """Whether it is the round in which neurons learn, from the urgencies of all ticks."""
        return self._round.is_last

    @property
    def number(self) -> int:
        """The number of the round's step."""
        return self.first + self._round.place

    def said_before(self, ticks: int) -> Place | None:
        """Return the round in which was said what a delay repeats in this one; None if none was.

        Args:
            ticks: How many ticks later the delay repeats it.
        """
        given = replace(
            self, back=False, pass_number=self.passes if self.back else self.pass_number
        )
        for number in range(given.pass_number, 0, -1):
            said = replace(given, tick=self.tick - ticks, pass_number=number)
            if 1 <= said.tick <= self.ticks and said.number < given.number:
                return said
        return None

    @property
    def _round(self) -> TimeRound:
        return TimeRound(self.back, self.tick, self.ticks, self.pass_number, self.passes)


def place_in_sequence(info: StepInfo) -> Place | None:
    """Return the place of a step in its sequence; None if it does not go through time.

    Args:
        info: The step.
    """
    here = TimeRound.read(info.round)
    if here is None:
        return None
    place = Place(info.number - here.place, here.tick, here.ticks, here.back)
    return replace(place, pass_number=here.number, passes=here.passes)
