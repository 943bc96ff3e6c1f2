"""The rounds of a step through time, and their names; see `rules/through_time.py`.

Where a batch goes through as micro-batches, each of them has these rounds, and they take turns:
round 1 of all, then round 2 of all; see `rules/micro_batches.py`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

PREDICTION = " of a prediction"  # behind the name of a round of a prediction
_NUMBER = r"([1-9]\d{0,8})"
_ROUND = re.compile(
    rf"(?:micro-batch {_NUMBER} of {_NUMBER}, )?(back to )?tick {_NUMBER} of {_NUMBER}"
    rf"(?:, pass {_NUMBER} of {_NUMBER})?",
    re.ASCII,
)


class TimeRound(NamedTuple):
    """A round of a step through time.

    Attributes:
        back: Whether it makes urgencies.
        tick: The tick that it goes through, from 1 on.
        ticks: How many there are.
        number: Which pass through the sequence it belongs to, from 1 on. The passes back are
            counted as the passes forward whose order they turn round: the last one is pass 1.
        passes: How many passes there are in each way.
        part: Which micro-batch it is about, from 1 on.
        parts: How many micro-batches the batch has; 1 if it is not cut.
    """

    back: bool
    tick: int
    ticks: int
    number: int = 1
    passes: int = 1
    part: int = 1
    parts: int = 1

    def __str__(self) -> str:
        part = f"micro-batch {self.part} of {self.parts}, " if self.parts > 1 else ""
        which = f", pass {self.number} of {self.passes}" if self.passes > 1 else ""
        return f"{part}{'back to ' * self.back}tick {self.tick} of {self.ticks}{which}"

    @classmethod
    @lru_cache(maxsize=1024)  # each neuron reads the name of each round
    def read(cls, name: str) -> TimeRound | None:
        """Return the round that has a name. None: no round through time has it.

        Args:
            name: The name of a round, in a prediction or not.
        """
        found = _ROUND.fullmatch(name.removesuffix(PREDICTION))
        if found is None:
            return None
        part, parts, back, *numbers = found.groups()
        here = cls(back is not None, *(int(number or 1) for number in (*numbers, part, parts)))
        in_prediction = "" if here.back or here.parts > 1 else f"{here}{PREDICTION}"
        is_one = name in (str(here), in_prediction) and here.part <= here.parts
        return here if is_one and here.tick <= here.ticks and here.number <= here.passes else None

    @classmethod
    def at(cls, place: int, ticks: int, passes: int, parts: int = 1) -> TimeRound:
        """Return the round at a place in the order of a step's rounds, which is counted from 0.

        Args:
            place: The place. The second half of the rounds is the first one in the opposite order.
            ticks: How many ticks there are.
            passes: How many passes.
            parts: How many micro-batches.
        """
        place, part = divmod(place, parts)
        back = place >= passes * ticks
        number, t = divmod(2 * passes * ticks - 1 - place if back else place, ticks)
        tick = ticks - t if number % 2 else t + 1
        return cls(back, tick, ticks, number + 1, passes, part + 1, parts)

    @property
    def place(self) -> int:
        """Its place among the rounds of its step; see `at`."""
        t = self.ticks - self.tick if self.number % 2 == 0 else self.tick - 1
        place = (self.number - 1) * self.ticks + t
        place = 2 * self.passes * self.ticks - 1 - place if self.back else place
        return place * self.parts + self.part - 1

    @property
    def is_last(self) -> bool:
        """Whether neurons learn in it."""
        return self.ends_sum and self.part == self.parts

    @property
    def begins_sum(self) -> bool:
        """Whether no tick before is added to its urgencies: those of other passes never are."""
        return self.number > 1 or self.tick == self.ticks

    @property
    def ends_sum(self) -> bool:
        """Whether the urgencies of all ticks are there then, in its micro-batch."""
        return self.back and self.number == self.tick == 1
