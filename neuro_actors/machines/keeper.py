"""The thread in which Ray is started, asked and stopped, for as long as it runs.

Why one of its own: what Ray starts asks the system to be killed when the *thread* that started it ends, which is how nothing
of it outlives a driver that is killed. A thread of `trio.to_thread` ends after ten idle seconds, and Ray with it, and
after another minute this process too. And Ray blocks for seconds, while trio should see a Ctrl-C.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import trio

T = TypeVar("T")


class Keeper:
    """Does one thing after the other, in a thread that `close` ends."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="neuro_actors: Ray", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def tell(self, work: Callable[[], object]) -> None:
        """Do it when its turn has come; nobody waits, or hears what it raises."""

        def quietly() -> None:
            with suppress(Exception):
                work()

        self._work.put(quietly)

    async def ask(self, work: Callable[[], T]) -> T:
        """Do it, and wait for it to the end: a cancellation comes after it, and so does a Ctrl-C."""
        token = trio.lowlevel.current_trio_token()
        done = trio.Event()
        result: list[Any] = []

        def noted() -> None:
            try:
                result[:] = [True, work()]
            except BaseException as error:
                result[:] = [False, error]
            token.run_sync_soon(done.set)

        self._work.put(noted)
        await to_the_end(done)
        good, value = result
        if not good:
            raise value
        return value  # type: ignore[no-any-return]

    def close(self) -> None:
        self._work.put(None)


@trio.lowlevel.enable_ki_protection
async def to_the_end(event: trio.Event) -> None:
    """Wait for it, whatever is cancelled; who has pressed Ctrl-C meanwhile is heard afterwards."""
    interrupted: KeyboardInterrupt | None = None
    with trio.CancelScope(shield=True):
        while not event.is_set():
            try:
                await event.wait()
            except KeyboardInterrupt as error:
                interrupted = error
    if interrupted is not None:
        raise interrupted
