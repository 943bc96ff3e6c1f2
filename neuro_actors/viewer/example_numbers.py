"""Numbers the examples of a run, so that the page can follow one of them through all steps.

A log contains no numbers of examples, and training shuffles them. So examples are known by their
values. Examples with equal inputs and equal targets have one number.

Through time an example is a whole sequence: its inputs and targets at all ticks. It has one number
in all rounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ..network.field import count_positions
from ..support.arrays import Array
from .sequences import Place, place_in_sequence

if TYPE_CHECKING:
    from ..log.log import Log
    from ..log.steps import RecordedStep

SORTED = 4  # with at most so many inputs the examples are sorted by value


class ExampleNumbers:
    """The numbers of a run's examples, in the order in which they first occur.

    Args:
        log: The log.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._infos = {info.number: info for info in log.steps}
        self._known: dict[bytes, dict[bytes, int]] = {}
        self._values: list[list[float]] = []
        self._steps: Counter[int] = Counter()
        self._sequence: tuple[int, Array, Array] = 0, np.empty(0), np.empty(0)  # the last one

    def of(self, step: RecordedStep) -> list[int]:
        """Return the number of each example of a step."""
        place = place_in_sequence(step.info)
        x, t = (inputs_of(step), targets_of(step)) if place is None else self._of_sequence(place)
        x, t = x + 0.0, t + 0.0  # -0.0 is 0.0
        return [self._number(x[k], t[k], k) for k in range(step.info.batch)]

    def count(self, step: RecordedStep) -> None:
        """Count the examples of a step, for `choose`."""
        self._steps.update(set(self.of(step)))

    def _of_sequence(self, place: Place) -> tuple[Array, Array]:
        """What the inputs and targets of a sequence are, tick after tick."""
        if self._sequence[0] != place.first:
            ticks = range(1, place.round.ticks + 1)
            forward = self._steps_at(place.in_tick(tick, back=False) for tick in ticks)
            back = self._steps_at(place.in_tick(tick, back=True) for tick in ticks)
            x = [inputs_of(step) for step in forward or back]
            t = [targets_of(step) for step in back] or [np.full((len(x[0]), 1), np.nan)]
            self._sequence = place.first, np.concatenate(x, axis=1), np.concatenate(t, axis=1)
        return self._sequence[1:]

    def _steps_at(self, places: Iterable[Place]) -> list[RecordedStep]:
        """The recorded steps at some places of a sequence."""
        steps = ((self._infos.get(place.number), place) for place in places)
        return [
            self._log.step(info.number)
            for info, place in steps
            if info is not None and place_in_sequence(info) == place
        ]

    def _number(self, x: Array, t: Array, k: int) -> int:
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


def inputs_of(step: RecordedStep) -> Array:
    """Return what the environment sent of each example. Shape (batch, n_inputs · positions)."""
    network = step.network
    is_own = np.ones(len(network.inputs), dtype=bool)
    if network.delayed:
        is_own = ~np.isin(np.flatnonzero(network.is_input), list(network.delayed))
    return _by_example(step.inputs[is_own], step.info.batch, count_positions(network.input_grid))


def targets_of(step: RecordedStep) -> Array:
    """Return the targets of each example. Shape (batch, n_outputs · positions)."""
    network = step.network
    n = len(network.outputs) - len(network.delayed)  # behind them: what delays hear
    return _by_example(step.targets[:n], step.info.batch, count_positions(network.output_grid))


def _by_example(rows: Array, batch: int, positions: int) -> Array:
    found = rows[:, : batch * positions].reshape(len(rows), batch, positions)
    return np.ascontiguousarray(found.transpose(1, 0, 2)).reshape(batch, -1)
