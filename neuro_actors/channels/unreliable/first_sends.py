"""Which messages were sent for the first time: these alone are counted and recorded as messages."""

from __future__ import annotations

from ...neuron.messages import Step
from ...support.validation import Array
from ..interface import Recorder


class FirstSends:
    """Records each message once. A member that crashed may send it again, with the same values.

    Args:
        recorder: Receives each message, if there is one.

    Attributes:
        count: How many messages there were.
    """

    def __init__(self, recorder: Recorder | None) -> None:
        self.count = 0
        self._recorder = recorder
        self._number = 0
        self._routes: set[int] = set()  # on which messages of this step were sent

    def record(self, step: Step, route: int, values: Array) -> None:
        """Record a message, unless it was recorded before.

        Args:
            step: The step.
            route: The route that the message goes along.
            values: What the message holds. Shape (n,).
        """
        if self._number != step.number:
            self._number, self._routes = step.number, set()
        if route not in self._routes:
            self._routes.add(route)
            self.count += 1
            if self._recorder is not None:
                self._recorder.message(step, route, values)
