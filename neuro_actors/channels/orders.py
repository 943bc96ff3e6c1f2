"""What is to be done in a step, as a number: a frame carries that, not the loss's name and the optimiser."""

from __future__ import annotations

from dataclasses import replace

from ..errors import MessageError
from ..messages import Step


class Orders:
    """A table that the environment writes and everyone reads. It grows only by what was never ordered before."""

    def __init__(self) -> None:
        self._orders: list[Step] = []
        self._latest: Step | None = None

    def code(self, step: Step) -> int:
        """The number of what is to be done in this step."""
        self._latest = step
        order = replace(step, number=0)
        if order not in self._orders:  # few: a run asks for the same things again and again
            if len(self._orders) == 1 << 16:
                raise MessageError("65,536 different losses and optimisers were ordered: a frame has no number for more")
            self._orders.append(order)
        return self._orders.index(order)

    def step(self, number: int, code: int) -> Step:
        """The step of that number in which that is to be done."""
        latest = self._latest
        if latest is not None and latest.number == number and code < len(self._orders):
            return latest if replace(latest, number=0) == self._orders[code] else replace(self._orders[code], number=number)
        if code >= len(self._orders):
            raise MessageError(f"order {code} of step {number} was never given")
        return replace(self._orders[code], number=number)
