"""Which failure of a society is reported: the same one, whatever carries the mail.

A member that fails sends nothing more, so the members that need its mail wait. The law:

1. The first failure ends the society, but not at once. All members that have their mail go on
   until every member waits. What a member does follows from its mail alone, so the set of members
   that have failed by then is the same in every interleaving, in every engine of this process, and
   with any number of lanes.
2. Of these failures the earliest is reported: by step, by phase of the step, by the order of the
   network. Failures of later steps are not counted, for other lanes would not have come so far.
3. Replicas of a society fail each by law 2. Their driver waits until the steps before have ended,
   and reports the earliest failure.
4. Mail that takes time (under faults, between shards, in a user's engine) may still be on its way
   when law 1 ends the society. Then the failure that is reported is one of several that are true.
"""

from __future__ import annotations

from collections.abc import Sequence

import trio

from ..network.network import Network
from ..support.errors import NeuroActorsError, SimulationError
from .actor import MemberFailure

QUIET = 64  # rounds of trio's scheduler in which no task was seen to be runnable


class FailureCollector:
    """Collects the failures of a society, and ends it.

    Attributes:
        failures: What members have reported.
    """

    def __init__(self, network: Network, nursery: trio.Nursery) -> None:
        """Make a collector without failures.

        Args:
            network: The network that the society lives in.
            nursery: Where the members' tasks run.
        """
        self.failures: list[MemberFailure] = []
        self._network, self._nursery = network, nursery

    def report(self, failure: MemberFailure) -> None:
        """Note a failure. The member must end now."""
        self.failures.append(failure)
        if len(self.failures) == 1:
            self._nursery.start_soon(self._end, name="failure")

    async def _end(self) -> None:
        """Let all others go on until every member waits, and end them.

        A message wakes its receiver in the next round of the scheduler. So a step takes two rounds
        a level, the last micro-batch twice as many, for it may wait for those before. That is the
        limit, for tasks of the user's program may never rest. In a deep network a long quiet ends
        the wait before. One quiet round says little: trio runs the tasks of a round in any order,
        and a task that runs after this one may wake others.
        """
        quiet = 0
        for _ in range(4 * (self._network.depth + 8)):
            await trio.lowlevel.checkpoint()
            runnable = trio.lowlevel.current_statistics().tasks_runnable
            quiet = 0 if runnable else quiet + 1
            if quiet == QUIET:
                break
        self._nursery.cancel_scope.cancel()


def earliest_failure(network: Network, failures: Sequence[SimulationError]) -> SimulationError:
    """Return the error that a society reports.

    Args:
        network: The network that the society lives in.
        failures: All failures, at least one. Those of no member in particular come first.
    """
    positions = {name: k for k, name in enumerate(network.ids)}

    def place(failure: SimulationError) -> tuple[int, int, int]:
        if not isinstance(failure, MemberFailure):
            return 0, 0, 0
        return failure.step, failure.phase, positions.get(failure.node, 0)

    first = min(failures, key=place)
    others = sum(place(failure)[0] == place(first)[0] for failure in failures) - 1
    more = f" ({others} more failed with it)" if others else ""
    return SocietyFailure(f"{first}{more}", step_of(first), first.__cause__)


class SocietyFailure(SimulationError):
    """The failure of a society.

    Attributes:
        step: The number of the step; 0 if it did not fail in a step.
    """

    def __init__(self, text: str, step: int, cause: BaseException | None) -> None:
        """Make the error.

        Args:
            text: What is reported.
            step: The number of the step.
            cause: What the first member failed with.
        """
        super().__init__(text)
        self.step, self.__cause__ = step, cause


def step_of(error: NeuroActorsError) -> int:
    """Return the number of the step in which a society or a member failed; 0 for other errors."""
    return error.step if isinstance(error, (MemberFailure, SocietyFailure)) else 0
