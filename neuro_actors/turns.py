"""Where a neuron is at several steps at once: it may have to respond in one of them after the others.

One that is told so by its rule sleeps until the rule wakes it, or until the neuron has ended in another lane: then no more
mail will come in its own lane either, and it will never be its turn.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from .messages import Step
from .rules.rule import Holding


class Turns:
    """What a neuron's lanes share, beside what their rules do."""

    __slots__ = ("ended", "sleeping")

    def __init__(self) -> None:
        self.ended = False
        self.sleeping: set[trio.Event] = set()

    def of(self, rule: Holding) -> Callable[[Step], Awaitable[bool]]:
        """For the lane of that rule: waits until it may respond; False if it never may."""

        async def turn(step: Step) -> bool:
            event = trio.Event()
            if not self.ended and rule.held(step, event.set):
                self.sleeping.add(event)
                try:
                    await event.wait()
                finally:
                    self.sleeping.discard(event)
            return not self.ended

        return turn

    def end(self) -> None:
        """A lane has ended."""
        self.ended = True
        for event in self.sleeping:
            event.set()
