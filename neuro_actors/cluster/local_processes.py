"""Workers as plain processes of this machine: no Ray, the same interface. Tests and measurements compare Ray with it.

A worker reads what it is told from its standard input, never from its command line, which others can read; when that
input ends, its parent has gone, however, and it ends too.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import trio

from ..support.errors import SimulationError
from .launcher import LIVE, ONE_THREAD, Functions, Worker, as_text, live

CODE = """import json, sys
sys.path[:] = json.loads(sys.stdin.buffer.readline())
from neuro_actors.cluster.local_processes import main
main()"""


class Process(Worker):
    """A worker that is a child of this process."""

    def __init__(self, name: str, process: trio.Process) -> None:
        super().__init__(name, process.pid, "here")
        self._process = process

    def kill(self) -> None:
        self._process.kill()

    async def watch(self) -> None:
        code = await self._process.wait()
        how = f"ended with code {code}" if code >= 0 else f"was ended by signal {-code}"
        with suppress(ValueError):
            how = f"was ended by {signal.Signals(-code).name}"
        self.ended(f"process {self.pid} {how}")


class ProcessLauncher:
    """See `WorkerLauncher`."""

    def __init__(self, nursery: trio.Nursery, run: str) -> None:
        self._nursery = nursery
        self._run = run
        self._all: list[Process] = []

    async def start(
        self,
        name: str,
        host: str,
        port: int,
        secret: bytes,
        about: dict[str, Any],
        functions: Functions | None = None,
    ) -> Worker:
        """See `WorkerLauncher`; a user's own functions are not handed over: what `run` names must know them."""
        told = json.dumps([self._run, host, port, secret.hex(), as_text(about)])
        command = [sys.executable, "-c", CODE]
        environment = {**os.environ, **ONE_THREAD}
        with trio.CancelScope(shield=True):  # so that none is started that nobody knows of
            try:
                process = await trio.lowlevel.open_process(
                    command,
                    stdin=subprocess.PIPE,
                    env=environment,
                    start_new_session=True,  # a Ctrl-C is for the driver
                )
            except OSError as error:
                raise SimulationError(
                    f"worker {name!r} cannot be started: {error.strerror or error}"
                ) from None
            worker = Process(name, process)
            self._all.append(worker)
            self._nursery.start_soon(worker.watch)
        assert process.stdin is not None
        try:
            await process.stdin.send_all(f"{json.dumps(sys.path)}\n{told}\n".encode())
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await worker.died.wait()
        return worker

    async def end(self) -> None:
        """All of them, at once."""
        for worker in self._all:
            worker.kill()
        for worker in self._all:
            await worker.died.wait()
            if worker._process.stdin is not None:
                await worker._process.stdin.aclose()


@asynccontextmanager
async def plain_processes(run: str = LIVE) -> AsyncIterator[ProcessLauncher]:
    """A `WorkerLauncher` of plain processes of this machine."""
    async with trio.open_nursery() as nursery:
        cluster = ProcessLauncher(nursery, run)
        try:
            yield cluster
        finally:
            with trio.CancelScope(shield=True):
                await cluster.end()


def main() -> None:
    """In the worker."""
    run, host, port, secret, about = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    live(run, host, port, bytes.fromhex(secret), about)


def _end_with_the_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)
