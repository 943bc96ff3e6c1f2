"""The supervisor: restarts members that crashed, one for one, as in Erlang/OTP."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from ...network import functions
from ...support.errors import SimulationError
from .port import Crashed, RestartablePort
from .snapshots import SnapshotStore

LOGGER = logging.getLogger("neuro_actors.channels")
MISSING = (
    "{node!r}: its rule, {rule}, needs get_state() and set_state() to continue after a crash: "
    "derive it from neuron.StatefulRule and name its state in STATE"
)


class Supervisor:
    """Runs members, and restarts them from their snapshots.

    Args:
        snapshots: What members have committed.
        max_crashes: How often a member may crash without finishing a step.

    Attributes:
        restarts: How many restarts there were.
        stride: The distance from the number of one step to the next.
    """

    def __init__(self, snapshots: SnapshotStore, max_crashes: int) -> None:
        self.restarts = 0
        self.stride = 1
        self._activations = dict(functions.ACTIVATIONS)  # a user may replace some meanwhile
        self._combinations = dict(functions.COMBINATIONS)
        self._snapshots = snapshots
        self._max_crashes = max_crashes

    async def run_member(
        self,
        port: RestartablePort,
        create_rule: Callable[[], Any],
        life: Callable[[Any, Any], Awaitable[None]],
    ) -> None:
        """Run a member until the channels are stopped, and again after each crash.

        Args:
            port: The member's port.
            create_rule: Makes the member's rule, anew after each crash.
            life: Runs the member: life(rule, port).

        Raises:
            SimulationError: The rule has no state that could be saved, or the member has crashed
                too often without finishing a step. Errors of `life` pass through.
        """
        snapshots, member = self._snapshots, port.member
        crashes, finished = 0, snapshots.snapshots[member].number
        while True:
            with functions.use_activations(self._activations, self._combinations):
                rule = create_rule()
            snapshot = snapshots.snapshots[member]
            if not all(callable(getattr(rule, name, None)) for name in ("get_state", "set_state")):
                raise SimulationError(MISSING.format(node=port.node, rule=type(rule).__name__))
            if snapshot.state:
                rule.set_state(snapshot.state)
            port.restart_from(snapshot, rule.get_state)
            try:
                await life(rule, port)
            except Crashed as crash:
                number = snapshots.snapshots[member].number
                if finished != number:
                    crashes, finished = 0, number
                crashes += port.is_in_step  # a crash before any mail came does not count
                if crashes > self._max_crashes:
                    raise SimulationError(
                        f"{port.node!r} crashed {crashes} times without finishing step "
                        f"{finished + self.stride}, the last time {crash}: "
                        f"Unreliable(restarts={self._max_crashes}) allows no more"
                    ) from None
                self.restarts += 1
                LOGGER.debug("%r crashed, and is restarted: %s", port.node, crash)
                port.discard_mail()
            else:
                return
