"""The sequences of a run through time: which rounds belong together.

A step through T ticks is T rounds forward and, if it makes urgencies, T rounds back. Their numbers
follow each other. So each round says where its sequence began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..rules.through_time import tick_of

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
    """

    first: int
    tick: int
    ticks: int
    back: bool

    @property
    def is_last(self) -> bool:
        """Whether it is the round in which neurons learn, from the urgencies of all ticks."""
        return self.back and self.tick == 1

    @property
    def number(self) -> int:
        """The number of the round's step."""
        return self.first + (2 * self.ticks - self.tick if self.back else self.tick - 1)


def place_in_sequence(info: StepInfo) -> Place | None:
    """Return the place of a step in its sequence; None if it does not go through time.

    Args:
        info: The step.
    """
    if info.tick is None:
        return None
    tick, ticks = info.tick
    back = tick_of(info.round) is not None
    return Place(info.number - Place(0, tick, ticks, back).number, tick, ticks, back)
