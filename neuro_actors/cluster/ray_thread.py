"""The thread in which Ray is started, asked and stopped, for as long as it runs.

Why one of its own: what Ray starts asks the system to be killed when the *thread* that started it ends, which is how nothing
of it outlives a driver that is killed. A thread of `trio.to_thread` ends after ten idle seconds, and Ray with it, and
after another minute this process too. And Ray blocks for seconds, while trio should see a Ctrl-C.
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
SECONDS_FOR_THE_IMPATIENT = 20.0
T = TypeVar("T")


class RayThread:
    """Does one thing after the other, in a thread that `close` ends."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._asked: dict[trio.Event, list[Any]] = {}  # who waits, and where what came of it is put
        self._lost: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="neuro_actors: Ray", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            if self._lost is None:
                work()

    def tell(self, work: Callable[[], object]) -> None:
        """Do it when its turn has come; nobody waits, or hears what it raises."""

        def quietly() -> None:
            with suppress(Exception):
                work()

        self._work.put(quietly)

    async def ask(self, work: Callable[[], T]) -> T:
        """Do it, and wait for it to the end: a cancellation comes after it, and so does a Ctrl-C. Not for ever: whom Ray does
        not answer is told so."""
        if self._lost is not None:
            raise self._lost
        token = trio.lowlevel.current_trio_token()
        done = trio.Event()
        result = self._asked[done] = [
            False,
            SimulationError(f"Ray has not answered in {SECONDS_TO_ANSWER:g} seconds"),
        ]

        def noted() -> None:
            try:
                came = [True, work()]
            except BaseException as error:
                came = [False, error]
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(put, came)

        def put(came: list[Any]) -> None:
            if not done.is_set():
                result[:] = came
                done.set()

        self._work.put(noted)
        try:
            await to_the_end(done, SECONDS_TO_ANSWER, SECONDS_FOR_THE_IMPATIENT)
        finally:
            del self._asked[done]
        good, value = result
        if not good:
            raise value
        return value  # type: ignore[no-any-return]

    def lost(self, error: Exception) -> None:
        """Ray is no more, and the thread may wait for it for long: nobody else does. All who ask are told of the error."""
        self._lost = error
        for done, result in self._asked.items():
            if not done.is_set():
                result[:] = [False, error]
                done.set()

    def close(self, last: Callable[[], object]) -> None:
        """Do this as the last thing; where Ray is lost, in a thread that does not wait for it."""
        if self._lost is not None:
            threading.Thread(target=last, name="neuro_actors: Ray's end", daemon=True).start()
        else:
            self.tell(last)
        self._work.put(None)


@trio.lowlevel.enable_ki_protection
async def to_the_end(
    event: trio.Event, seconds: float = math.inf, impatient: float = math.inf
) -> None:
    """Wait for it, whatever is cancelled; who has pressed Ctrl-C meanwhile is heard afterwards.

    Gives up after so many seconds, and so many seconds after a Ctrl-C.
    """
    interrupted: KeyboardInterrupt | None = None
    with trio.CancelScope(shield=True, deadline=trio.current_time() + seconds) as scope:
        while not event.is_set():
            try:
                await event.wait()
            except KeyboardInterrupt as error:
                scope.deadline = min(scope.deadline, trio.current_time() + impatient)
                interrupted = error
    if interrupted is not None:
        raise interrupted
