"""What must hold under fault injection, checked at each frame and each commit.

For tests and for `neuro-actors faults`; a run of a user does without.
"""

from __future__ import annotations

from ...support.errors import SimulationError
from .delivery import Snapshot
from .frames import Frame

MANY = 100_000  # contents to remember before old ones are forgotten


class InvariantChecker:
    """Checks rules 1, 3 and 11 of `delivery.py`.

    Args:
        synapses: The pairs (source, target) of members between which rule 11 holds:
            step(source) <= step(target) <= step(source) + 1.
        members: How many members there are.
    """

    def __init__(self, synapses: list[tuple[int, int]], members: int) -> None:
        self._contents: dict[tuple[int, int], bytes] = {}
        self._finished, self._stride = [0] * members, 1
        self._neighbours: list[list[tuple[int, int]]] = [[] for _ in range(members)]
        for source, target in synapses:
            self._neighbours[source].append((source, target))
            self._neighbours[target].append((source, target))

    def resume(self, number: int, stride: int) -> None:
        """See `Channels.resume`."""
        self._finished, self._stride = [number] * len(self._finished), stride

    def check_sent(self, frame: Frame) -> None:
        """Check rule 1: frames of one name are equal.

        Raises:
            SimulationError: An earlier frame of this name had other values.
        """
        if frame.asks:
            return
        name = frame.route, frame.number
        content = self._contents.setdefault(name, frame.values.tobytes())
        if content != frame.values.tobytes():
            raise SimulationError(
                f"two frames on route {frame.route} in step {frame.number} differ"
            )

    def check_commit(self, member: int, before: Snapshot, after: Snapshot) -> None:
        """Check rules 3 and 11: one step after another, and neighbours at most one step apart.

        Args:
            member: The member that commits.
            before: Its snapshot until now.
            after: Its snapshot from now on.

        Raises:
            SimulationError: A rule is broken.
        """
        if after.number != before.number + self._stride or self._finished[member] != before.number:
            raise SimulationError(
                f"member {member} committed step {after.number} after {before.number}"
            )
        self._finished[member] = after.number
        for source, target in self._neighbours[member]:
            steps = self._finished[source], self._finished[target]
            if not steps[0] <= steps[1] <= steps[0] + self._stride:
                raise SimulationError(f"members {source} -> {target} have finished steps {steps}")
        if len(self._contents) > MANY:
            oldest = min(self._finished)
            self._contents = {
                name: content for name, content in self._contents.items() if name[1] >= oldest
            }
