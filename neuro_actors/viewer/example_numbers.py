"""Numbers the examples of a run, so that the page can follow one of them through all steps.

A log contains no numbers of examples, and training shuffles them. So examples are known by their
values. Examples with equal inputs and equal targets have one number.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..log.steps import RecordedStep

SORTED = 4  # with at most so many inputs the examples are sorted by value


class ExampleNumbers:
    """The numbers of a run's examples, in the order in which they first occur."""

    def __init__(self) -> None:
        self._known: dict[bytes, dict[bytes, int]] = {}
        self._values: list[list[float]] = []
        self._steps: Counter[int] = Counter()

    def of(self, step: RecordedStep) -> list[int]:
        """Return the number of each example of a step."""
        return [self._number(step, k) for k in range(step.info.batch)]

    def count(self, step: RecordedStep) -> None:
        """Count the examples of a step, for `choose`."""
        self._steps.update(set(self.of(step)))

    def _number(self, step: RecordedStep, k: int) -> int:
        x, t = step.inputs[:, k] + 0.0, step.targets[:, k] + 0.0  # -0.0 is 0.0
        key = x.tobytes()
        if np.isnan(x).any():  # a partial log: what it was is not known
            key = f"example {k}".encode()
        by_target = self._known.setdefault(key, {})
        if np.isnan(t).any() and by_target:  # as in a prediction
            return next(iter(by_target.values()))
        target = b"" if np.isnan(t).any() else t.tobytes()
        if target and b"" in by_target:
            by_target[target] = by_target.pop(b"")
        if target not in by_target:
            by_target[target] = len(self._values)
            self._values.append([*x.tolist(), *t.tolist()] if len(x) <= SORTED else [])
        return by_target[target]

    def choose(self, numbers: list[int], most: int) -> list[int]:
        """Choose examples of a step: those that occur in the most steps.

        Args:
            numbers: The numbers of the step's examples.
            most: How many to choose at most.

        Returns:
            Their positions, from the least on.
        """
        order = sorted(range(len(numbers)), key=lambda k: (-self._steps[numbers[k]], numbers[k]))
        return sorted(order[:most])

    def places(self, shown: set[int]) -> dict[int, int]:
        """Return places in a list for people: sorted by value, if an example has few values.

        Args:
            shown: The numbers that the list contains.

        Returns:
            The place of each of these numbers, from 0 on.
        """
        order = sorted(shown, key=lambda number: (self._values[number], number))
        return {number: place for place, number in enumerate(order)}
