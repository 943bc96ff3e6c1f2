"""The durable state of a society: a snapshot of each member."""

from __future__ import annotations

from .delivery import Snapshot
from .invariants import InvariantChecker


class SnapshotStore:
    """Holds what survives a crash. It is memory of this process; a checkpoint outlives the process.

    Args:
        members: How many members there are.
        checker: Checks each commit, if there is one.

    Attributes:
        snapshots: One for each member.
    """

    def __init__(self, members: int, checker: InvariantChecker | None = None) -> None:
        self.snapshots = [Snapshot() for _ in range(members)]
        self._checker = checker

    def commit(self, member: int, snapshot: Snapshot) -> None:
        """Make a snapshot durable, by one assignment.

        Raises:
            SimulationError: The checker has found a broken rule.
        """
        if self._checker is not None:
            self._checker.check_commit(member, self.snapshots[member], snapshot)
        self.snapshots[member] = snapshot

    def resume(self, number: int, stride: int) -> None:
        """See `Channels.resume`."""
        self.snapshots = [Snapshot(number) for _ in self.snapshots]
        if self._checker is not None:
            self._checker.resume(number, stride)
