"""What must hold while a society lives through a storm, checked at each frame and each commit: for tests and `faults`."""

from __future__ import annotations

from ...support.errors import SimulationError
from .delivery import Snapshot
from .frames import Frame


class InvariantChecker:
    """Raises `SimulationError` where the law of `reliable.py` is broken: rules 1, 3 and 11.

    synapses: who tells whom, (member, member); of the last, step(source) <= step(target) <= step(source) + 1.
    """

    def __init__(self, synapses: list[tuple[int, int]], members: int) -> None:
        self._contents: dict[tuple[int, int], bytes] = {}
        self._finished, self._stride = [0] * members, 1
        self._neighbours: list[list[tuple[int, int]]] = [[] for _ in range(members)]
        for source, target in synapses:
            self._neighbours[source].append((source, target))
            self._neighbours[target].append((source, target))

    def resume(self, number: int, stride: int) -> None:
        """See `Channels`."""
        self._finished, self._stride = [number] * len(self._finished), stride

    def check_sent(self, frame: Frame) -> None:
        """Rule 1: one content a name."""
        if frame.asks:
            return
        content = self._contents.setdefault((frame.line, frame.number), frame.values.tobytes())
        if content != frame.values.tobytes():
            raise SimulationError(
                f"line {frame.line} of step {frame.number} was said twice, and differed"
            )

    def check_commit(self, member: int, before: Snapshot, after: Snapshot) -> None:
        """Rules 3 and 11: one step after another, and no more than one apart."""
        if after.number != before.number + self._stride or self._finished[member] != before.number:
            raise SimulationError(
                f"member {member} committed step {after.number} after {before.number}"
            )
        self._finished[member] = after.number
        for source, target in self._neighbours[member]:
            if (
                not self._finished[source]
                <= self._finished[target]
                <= self._finished[source] + self._stride
            ):
                steps = self._finished[source], self._finished[target]
                raise SimulationError(f"members {source} -> {target} have finished steps {steps}")
        if len(self._contents) > 100_000:
            oldest = min(self._finished)
            self._contents = {
                name: content for name, content in self._contents.items() if name[1] >= oldest
            }
