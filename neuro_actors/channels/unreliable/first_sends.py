"""Which messages were sent for the first time: these alone are counted and recorded as messages."""

from __future__ import annotations

from ...network.network import Network
from ...neuron.messages import Step
from ...support.arrays import Array
from ..collector import Collector
from ..interface import Recorder
from ..routes import Routes


class FirstSends:
    """Records each message once. A member that crashed may send it again, with the same values.

    Args:
        network: The network.
        routes: Its routes.
        recorder: Is called with the record of each step, if there is one.

    Attributes:
        count: How many messages there were.
    """

    def __init__(self, network: Network, routes: Routes, recorder: Recorder | None) -> None:
        self.count = 0
        self._collector = None if recorder is None else Collector(network, recorder)
        self._rows = routes.row.tolist()
        self._number = 0
        self._routes: set[int] = set()  # on which messages of this step were sent

    def begin(self, step: Step, batch: int, columns: int) -> None:
        """Begin a step. See `StepRecord` for the arguments."""
        if self._collector is not None:
            self._collector.begin(step, batch, columns)

    def finish(self) -> None:
        """Record the step, if one has begun that was not recorded."""
        if self._collector is not None:
            self._collector.finish()

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
            if self._collector is not None:
                self._collector.add(self._rows[route], values)
