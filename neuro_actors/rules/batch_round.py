"""Where a round stands in its batch, for those who add up urgencies over several rounds.

A batch may be cut into micro-batches, and each of these may go through several ticks, back in the
opposite order. In the end there is one urgency of each parameter: the sum over the ticks, and the
mean over the examples of all micro-batches; see `batch_sum.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from ..neuron.time_round import TimeRound


class BatchRound(NamedTuple):
    """A round of a batch.

    Attributes:
        base: The batch: the number of the step before its first round.
        place: The round's place in the batch, from 0 on.
        part: Its micro-batch, from 1 on.
        parts: How many micro-batches the batch has.
        is_first: Whether it is the first of its batch that makes urgencies.
        begins: Whether no round before is added to it.
        ends: Whether the urgencies of its micro-batch are complete then.
    """

    base: int
    place: int
    part: int = 1
    parts: int = 1
    is_first: bool = True
    begins: bool = True
    ends: bool = True

    @classmethod
    def of(cls, number: int, round: str, micro_batch: tuple[int, int] | None) -> BatchRound:
        """Return where a step stands in its batch.

        Args:
            number: The number of the step.
            round: The name of its round.
            micro_batch: See `Step`.
        """
        part, parts = micro_batch or (1, 1)
        here = TimeRound.read(round)
        if here is None:
            return cls(number - part, part - 1, part, parts, part == 1)
        place, first = here.place, here.ticks * here.passes * here.parts
        about = place == first, here.begins_sum, here.ends_sum
        return cls(number - place - 1, place, here.part, here.parts, *about)

    @property
    def is_last(self) -> bool:
        """Whether the batch is over then, and neurons learn."""
        return self.ends and self.part == self.parts
