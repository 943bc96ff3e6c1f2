"""Workers that Ray starts and watches: on this machine alone, or on a cluster's.

The law:

1. One Ray call a worker, for the whole run: it returns when the worker ends, and how Ray notices that it died. All mail goes
   by wires. Nothing is restarted by Ray: what a worker holds is the driver's to restore.
2. A local Ray is this run's alone: it listens on loopback only, which is checked, knows a token that was made for it, shows
   no dashboard, reports nothing, and keeps its files in a folder of its own. On all ways out it is stopped and the
   folder removed; if this process is killed, the system ends Ray, Ray its workers, and a watcher removes the folder.
3. To a cluster that runs already one comes with its token only.
4. Ray's own servers are watched: if one dies, the run ends with an error, at once. (Ray would wait for a minute, and then end
   this process, whatever it does.)
5. Ray is asked by one thread, see `ray_thread.py`; one run at a time in a process has it, as Ray can be only once in one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import trio

from ..support.errors import InputError, SimulationError
from ..support.text import shown
from .launcher import LIVE, ONE_THREAD, Functions, Worker, as_text, live
from .ray_lifecycle import RayRuntime, check_reachable, checked_token, why
from .ray_thread import RayThread, to_the_end

SECONDS_TO_START = 60.0
SECONDS_TO_STOP = 30.0
_taken = False


class Host:
    """What Ray calls an actor: one worker's process."""

    def where(self) -> tuple[int, str]:
        import ray

        return os.getpid(), ray.get_runtime_context().get_node_id()

    def live(
        self,
        path: str,
        run: str,
        host: str,
        port: int,
        secret: bytes,
        about: str,
        functions: Functions | None,
    ) -> None:
        sys.path += [place for place in json.loads(path) if place not in sys.path]
        live(run, host, port, secret, about, functions)


class RayWorker(Worker):
    """A worker that is an actor of Ray's."""

    def __init__(self, name: str, pid: int, node: str, kill: Callable[[], None]) -> None:
        super().__init__(name, pid, node)
        self._kill = kill

    def kill(self) -> None:
        self._kill()


class RayLauncher:
    """See `WorkerLauncher`."""

    def __init__(
        self, ray: Any, ray_thread: RayThread, path: list[str], run: str, options: dict[str, Any]
    ) -> None:
        self._ray = ray
        self._ray_thread = ray_thread
        self._path = json.dumps(path)
        self._run = run
        self._options = options
        self._all: list[RayWorker] = []

    async def start(
        self,
        name: str,
        host: str,
        port: int,
        secret: bytes,
        about: dict[str, Any],
        functions: Functions | None = None,
    ) -> Worker:
        """A fresh worker. Raises `SimulationError` where none can be had. Several may be started at once."""
        text = as_text(about)
        ray, ray_thread = self._ray, self._ray_thread

        def begin() -> tuple[Any, Any]:
            actor = ray.remote(Host).options(**self._options).remote()
            return actor, actor.where.remote()

        actor, asked = await ray_thread.ask(begin)
        kill = partial(ray_thread.tell, partial(ray.kill, actor, no_restart=True))
        try:
            with trio.fail_after(SECONDS_TO_START):
                pid, node = await self._result(asked)
        except trio.TooSlowError:
            kill()
            raise SimulationError(
                f"worker {name!r} has not started in {SECONDS_TO_START:g} seconds: the cluster has no CPU free for it"
            ) from None
        except BaseException as error:
            kill()
            if isinstance(error, Exception):
                raise SimulationError(f"worker {name!r} cannot be started: {why(error)}") from None
            raise
        worker = RayWorker(name, pid, node, kill)
        self._all.append(worker)
        try:
            life = await ray_thread.ask(
                lambda: actor.live.remote(
                    self._path, self._run, host, port, secret, text, functions
                )
            )
        except Exception as error:
            kill()
            told = _unfit(ray, functions) or f"its work: {why(error)}"
            raise SimulationError(f"worker {name!r} cannot be handed {told}") from None

        def over(error: BaseException | None) -> None:
            worker.ended(why(error) if error else "it has ended")
            kill()  # one that only cannot be reached must not come back

        await self._when_done(life, over)
        return worker

    def ended(self) -> None:
        """Ray is stopped."""
        for worker in self._all:
            worker.ended("Ray was stopped")

    async def _result(self, reference: Any) -> Any:
        """What it refers to, or raises; cancellable."""
        done = trio.Event()
        failed: list[BaseException] = []

        def note(error: BaseException | None) -> None:
            failed.extend([error] if error else [])
            done.set()

        await self._when_done(reference, note)
        await done.wait()
        if failed:
            raise failed[0]
        return await self._ray_thread.ask(lambda: self._ray.get(reference))

    async def _when_done(
        self, reference: Any, then: Callable[[BaseException | None], None]
    ) -> None:
        """Call `then` in trio, when it is there, with what was raised instead of it."""
        token = trio.lowlevel.current_trio_token()

        def done(future: Any) -> None:
            error = future.exception()
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(then, error)

        await self._ray_thread.ask(lambda: reference.future().add_done_callback(done))


@asynccontextmanager
async def ray_workers(
    workers: int,
    *,
    address: str | None = None,
    token: str | None = None,
    spread: bool = False,
    run: str = LIVE,
) -> AsyncIterator[RayLauncher]:
    """A `WorkerLauncher` by Ray, for so many workers at a time.

    address: of a cluster that runs already, `host:port`; None starts a Ray of this run's own on this machine.
    token: the cluster's; by default what RAY_AUTH_TOKEN says. A local Ray gets one of its own.
    spread: put each worker on another node, or, where there are fewer nodes than workers, spread them evenly.
    run: what a worker calls, as `module:function`.
    """
    global _taken
    token = checked_token(address, token)
    if address is not None:
        await check_reachable(address)
    if _taken:
        raise InputError("Ray serves another simulation of this process: one at a time can have it")
    _taken = True
    gone = trio.Event()
    trio_token = trio.lowlevel.current_trio_token()
    ray_thread = RayThread()
    itself = RayRuntime(workers, address, token)
    cluster: RayLauncher | None = None
    try:
        ray = await ray_thread.ask(itself.start)
        options: dict[str, Any] = {"num_cpus": 1, "max_restarts": 0, "max_task_retries": 0}
        if address is not None:
            options["runtime_env"] = {"env_vars": ONE_THREAD}
        if spread:
            options["scheduling_strategy"] = await _spread(ray, ray_thread, workers)
        _hear_sigterm_again()
        path = (
            [place or str(Path.cwd()) for place in sys.path] if address is None else []
        )  # other machines have other places
        cluster = RayLauncher(ray, ray_thread, path, run, options)
        async with trio.open_nursery() as nursery:
            for name, pid in itself.servers():
                nursery.start_soon(_watch, name, pid, itself, ray_thread)
            yield cluster
            nursery.cancel_scope.cancel()
    finally:

        def last() -> None:
            with suppress(Exception):
                itself.stop()
            with suppress(trio.RunFinishedError):
                trio_token.run_sync_soon(gone.set)

        ray_thread.close(last)
        try:
            await to_the_end(gone, SECONDS_TO_STOP, SECONDS_TO_STOP)
        finally:
            if not gone.is_set():
                itself.abandon()
            _taken = not gone.is_set()
            if cluster is not None:
                cluster.ended()


async def _watch(name: str, pid: int, itself: RayRuntime, ray_thread: RayThread) -> None:
    """Raise `SimulationError` when it ends. Where the system does not tell, do nothing."""
    try:
        file = os.pidfd_open(pid)
    except ProcessLookupError:  # already
        pass
    except (AttributeError, OSError):
        return
    else:
        try:
            await trio.lowlevel.wait_readable(file)
        finally:
            os.close(file)
    error = SimulationError(
        f"Ray itself has died: its {name} (process {pid}) has ended; run again, or go on from a checkpoint"
    )
    itself.died = True
    ray_thread.lost(error)
    raise error


def _unfit(ray: Any, functions: Functions | None) -> str:
    """Which of them cannot be sent, and why; empty where all can."""
    names, story = [], ""
    for name, function in [pair for kind in (functions or {}).values() for pair in kind.items()]:
        try:
            ray.cloudpickle.dumps(function)
        except Exception as error:
            names.append(shown(name))
            story = story or f"{type(error).__name__}: {why(error)}"
    return f"the functions {', '.join(names)}: {story}" if names else ""


def _hear_sigterm_again() -> None:
    """Ray has put a handler of its own over it, which prints a page: whoever had one before gets it back."""
    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is threading.main_thread() and before is not None:
        signal.signal(signal.SIGTERM, before)


async def _spread(ray: Any, ray_thread: RayThread, workers: int) -> Any:
    """Ray's word for where workers are put. Raises `SimulationError` where there is no room for them."""
    from ray.util.placement_group import placement_group
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    def asked() -> Any:
        nodes = sum(node["Alive"] for node in ray.nodes())
        return placement_group(
            [{"CPU": 1}] * workers, strategy="STRICT_SPREAD" if nodes >= workers else "SPREAD"
        )

    group = await ray_thread.ask(asked)
    with trio.move_on_after(SECONDS_TO_START):
        while not await ray_thread.ask(partial(group.wait, 0.2)):
            await trio.lowlevel.checkpoint()
        return PlacementGroupSchedulingStrategy(group)
    raise SimulationError(
        f"the cluster has no room for {workers} workers, with a CPU each, in {SECONDS_TO_START:g} seconds"
    )
