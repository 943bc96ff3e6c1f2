"""What is to be done in a step, as a number: a frame carries that, not the loss's name and the optimiser."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from ...neuron.messages import Step
from ...support.errors import MessageError

SIZE = 16  # orders: those of the last two steps are needed, and others may come again


class StepTable:
    """A table that the environment writes and everyone reads, of the orders that were given last."""

    def __init__(self) -> None:
        self._steps: deque[tuple[int, Step]] = deque(maxlen=SIZE)
        self._given = 0
        self._latest: Step | None = None

    def code(self, step: Step) -> int:
        """The number of what is to be done in this step."""
        self._latest, order = step, replace(step, number=0)
        for code, known in self._steps:
            if known == order:
                return code
        code = self._given % 2**16
        self._steps.append((code, order))
        self._given += 1
        return code

    def step(self, number: int, code: int) -> Step:
        """The step of that number in which that is to be done."""
        order = dict(self._steps).get(code)
        if order is None:
            raise MessageError(f"order {code} of step {number} was never given")
        step, latest = replace(order, number=number), self._latest
        return latest if latest == step else step  # a rule tells the one under way by its identity
