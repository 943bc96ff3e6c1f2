"""Workers as plain processes of this machine, without Ray. Tests and benchmarks compare the two.

A worker reads what it is called with from its standard input, never from its command line, which
other users can read. When that input ends, its parent has gone, for whatever reason, and the worker
ends too.
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

import trio

from ..support.errors import SimulationError
from .launcher import ONE_THREAD, RUN_WORKER, Worker, WorkerCall, absolute_path, call_in_worker

CODE = """import json, sys
sys.path[:] = json.loads(sys.stdin.buffer.readline())
from neuro_actors.cluster.local_processes import main
main()"""


class LocalWorker(Worker):
    """A worker that is a child of this process."""

    def __init__(self, name: str, process: trio.Process) -> None:
        """Describe a child process that runs."""
        super().__init__(name, process.pid, "here")
        self._process = process

    def kill(self) -> None:
        """See `Worker.kill`."""
        self._process.kill()

    async def watch(self) -> None:
        """Wait until the process has ended, and note how."""
        code = await self._process.wait()
        how = f"ended with code {code}" if code >= 0 else f"was ended by signal {-code}"
        with suppress(ValueError):
            how = f"was ended by {signal.Signals(-code).name}"
        self.set_ended(f"process {self.pid} {how}")

    async def close_input(self) -> None:
        """Close this end of the worker's standard input."""
        if self._process.stdin is not None:
            await self._process.stdin.aclose()


class ProcessLauncher:
    """See `WorkerLauncher`."""

    def __init__(self, nursery: trio.Nursery, run: str) -> None:
        """Start nothing yet.

        Args:
            nursery: Runs the tasks that watch the workers.
            run: What a worker calls, as `module:function`.
        """
        self._nursery = nursery
        self._run = run
        self._workers: list[LocalWorker] = []
        self._path = absolute_path()  # now: the current folder may be changed

    async def start(self, name: str, call: WorkerCall) -> Worker:
        """See `WorkerLauncher.start`. Functions are not sent: what `run` names must know them."""
        arguments = json.dumps([self._run, call.to_json()])
        command = [sys.executable, "-c", CODE]
        environment = {**os.environ, **ONE_THREAD}
        with trio.CancelScope(shield=True):  # no process may be started and not noted
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
            worker = LocalWorker(name, process)
            self._workers.append(worker)
            self._nursery.start_soon(worker.watch)
        assert process.stdin is not None
        try:
            await process.stdin.send_all(f"{json.dumps(self._path)}\n{arguments}\n".encode())
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await worker.ended.wait()
        return worker

    async def end(self) -> None:
        """End all workers at once."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            await worker.ended.wait()
            await worker.close_input()


@asynccontextmanager
async def plain_processes(run: str = RUN_WORKER) -> AsyncIterator[ProcessLauncher]:
    """Open a `WorkerLauncher` of plain processes of this machine.

    Args:
        run: What a worker calls, as `module:function`.
    """
    async with trio.open_nursery() as nursery:
        launcher = ProcessLauncher(nursery, run)
        try:
            yield launcher
        finally:
            with trio.CancelScope(shield=True):
                await launcher.end()


def main() -> None:
    """Be the worker: read what to call from standard input, and call it."""
    run, call = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    call_in_worker(run, call)


def _end_with_the_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)
