"""The thread that starts, calls and stops Ray, for as long as Ray runs.

Why a thread of its own: what Ray starts asks the system to be killed when the *thread* that started
it ends. That is how nothing of Ray outlives a driver that is killed. A thread of `trio.to_thread`
ends after ten idle seconds, and Ray with it, and after another minute this process too. And Ray
blocks for seconds, while trio should see a Ctrl-C.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import trio

from ..support.errors import SimulationError

SECONDS_TO_ANSWER = 120.0
SECONDS_AFTER_INTERRUPT = 20.0
T = TypeVar("T")


class RayThread:
    """Does one thing after another, in a thread that `close` ends."""

    def __init__(self) -> None:
        """Start the thread."""
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._calls: dict[trio.Event, list[Any]] = {}  # of each call in progress its result
        self._lost: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="neuro_actors: Ray", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            if self._lost is None:
                work()

    def submit(self, work: Callable[[], object]) -> None:
        """Do this after all that was submitted before, without waiting for its result or error."""

        def quietly() -> None:
            with suppress(Exception):
                work()

        self._work.put(quietly)

    async def call(self, work: Callable[[], T]) -> T:
        """Do this after all that was submitted before, and wait until it is done.

        A cancellation and a Ctrl-C come after it, but the wait is limited.

        Args:
            work: What to do.

        Returns:
            What `work` returns.

        Raises:
            Exception: What `work` raises; or what `fail` was called with.
            SimulationError: Ray does not answer.
        """
        if self._lost is not None:
            raise self._lost
        token = trio.lowlevel.current_trio_token()
        done = trio.Event()
        result = self._calls[done] = [
            False,
            SimulationError(f"Ray has not answered in {SECONDS_TO_ANSWER:g} seconds"),
        ]

        def report() -> None:
            try:
                outcome = [True, work()]
            except BaseException as error:
                outcome = [False, error]
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(put, outcome)

        def put(outcome: list[Any]) -> None:
            if not done.is_set():
                result[:] = outcome
                done.set()

        self._work.put(report)
        try:
            await wait_shielded(done, SECONDS_TO_ANSWER, SECONDS_AFTER_INTERRUPT)
        finally:
            del self._calls[done]
        good, value = result
        if not good:
            raise value
        return value  # type: ignore[no-any-return]

    def fail(self, error: Exception) -> None:
        """End all calls with this error: Ray has gone, and the thread may wait for it for long."""
        self._lost = error
        for done, result in self._calls.items():
            if not done.is_set():
                result[:] = [False, error]
                done.set()

    def close(self, last: Callable[[], object]) -> None:
        """End the thread.

        Args:
            last: The last thing to do; after `fail` it is done in a thread that does not wait for
                Ray.
        """
        if self._lost is not None:
            threading.Thread(target=last, name="neuro_actors: Ray's end", daemon=True).start()
        else:
            self.submit(last)
        self._work.put(None)


@trio.lowlevel.enable_ki_protection
async def wait_shielded(
    event: trio.Event, seconds: float = math.inf, seconds_after_interrupt: float = math.inf
) -> None:
    """Wait for an event, whatever is cancelled. A Ctrl-C meanwhile is raised afterwards.

    Args:
        event: The event.
        seconds: Wait no longer than this.
        seconds_after_interrupt: Wait no longer than this after a Ctrl-C.

    Raises:
        KeyboardInterrupt: There was a Ctrl-C.
    """
    interrupted: KeyboardInterrupt | None = None
    with trio.CancelScope(shield=True, deadline=trio.current_time() + seconds) as scope:
        while not event.is_set():
            try:
                await event.wait()
            except KeyboardInterrupt as error:
                scope.deadline = min(scope.deadline, trio.current_time() + seconds_after_interrupt)
                interrupted = error
    if interrupted is not None:
        raise interrupted
