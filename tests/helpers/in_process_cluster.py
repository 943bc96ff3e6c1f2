"""Workers as tasks of the test's own process: the same wires, on loopback, and nothing to start. `kill` cuts a worker off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from neuro_actors.cluster.launcher import WorkerCall
from neuro_actors.cluster.settings import Cluster
from neuro_actors.cluster.worker import serve_driver


class Task:
    """A worker."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.rank, self.start = about["rank"], about["start"]
        self.crash: Exception | None = None
        self.ended, self.cause = trio.Event(), ""
        self.scope = trio.CancelScope()

    async def live(self, host: str, port: int, secret: bytes) -> None:
        try:
            with self.scope:
                await serve_driver(host, port, secret, self.rank, self.start)
        except Exception as error:  # a process would end of it, and nothing else
            self.crash, self.cause = error, f"it broke down: {error!r}"
        self.cause = self.cause or "it has ended"
        self.ended.set()

    def kill(self) -> None:
        self.cause = "it was killed"
        self.scope.cancel()


@dataclass(frozen=True, kw_only=True)
class InProcess(Cluster):
    """workers: all that were started."""

    workers: list[Task] = field(default_factory=list)

    @asynccontextmanager
    async def open_launcher(self) -> AsyncIterator[InProcess]:
        async with trio.open_nursery() as nursery:
            self.workers.clear()
            object.__setattr__(self, "nursery", nursery)
            yield self
            nursery.cancel_scope.cancel()

    async def start(self, name: str, call: WorkerCall) -> Task:
        task = Task(call.about)
        self.workers.append(task)
        self.nursery.start_soon(task.live, call.host, call.port, call.secret)  # type: ignore[attr-defined]
        return task
