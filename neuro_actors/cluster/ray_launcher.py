"""Workers that Ray starts and watches, on this machine alone or on a cluster.

The law:

1. There is one Ray call for each worker, for the whole run. It returns when the worker ends, and
   that is how Ray notices the end. All messages go by connections of this package. Ray restarts
   nothing: only the driver has a worker's state.
2. A local Ray belongs to this run alone. It listens on loopback only, which is checked, knows a
   token that was made for it, shows no dashboard, reports nothing, and has its files in a folder of
   its own. On all ways out it is stopped and the folder removed. If this process is killed, the
   system ends Ray, Ray ends its workers, and a watcher removes the folder.
3. A cluster that runs already is joined with its token only.
4. Ray's own servers are watched: if one ends, the run ends at once with an error. (Ray would wait
   for a minute, and then end this process, whatever it does.)
5. One thread calls Ray; see `ray_thread.py`. One run at a time in a process can have Ray, as Ray
can be only once in one.
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
from typing import Any

import trio

from ..support.errors import InputError, SimulationError
from ..support.text import quote
from .launcher import (
    ONE_THREAD,
    RUN_WORKER,
    Functions,
    Worker,
    WorkerCall,
    absolute_path,
    call_in_worker,
)
from .ray_lifecycle import RayRuntime, check_reachable, checked_token, describe_error
from .ray_thread import RayThread, wait_shielded

SECONDS_TO_START = 60.0
SECONDS_TO_STOP = 30.0
_in_use = False


class RayHost:
    """What Ray calls an actor: the process of one worker."""

    def identify(self) -> tuple[int, str]:
        """Return the number of the process, and the name of its node."""
        import ray

        return os.getpid(), ray.get_runtime_context().get_node_id()

    def run(self, path: str, run: str, call: str, functions: Functions | None) -> None:
        """Be the worker; see `call_in_worker`. path: folders to import from, as JSON."""
        sys.path += [folder for folder in json.loads(path) if folder not in sys.path]
        call_in_worker(run, call, functions)


class RayWorker(Worker):
    """A worker that is an actor of Ray's."""

    def __init__(self, name: str, pid: int, node: str, kill: Callable[[], None]) -> None:
        """Describe a process that runs.

        Args:
            name: Its name, for errors.
            pid: Number of the process, on its node.
            node: Name of the node.
            kill: Ends the process. It does not wait.
        """
        super().__init__(name, pid, node)
        self._kill = kill

    def kill(self) -> None:
        """See `Worker.kill`."""
        self._kill()


class RayLauncher:
    """See `WorkerLauncher`."""

    def __init__(
        self, ray: Any, thread: RayThread, path: list[str], run: str, options: dict[str, Any]
    ) -> None:
        """Start nothing yet.

        Args:
            ray: Ray's own module, which is initialised.
            thread: Calls Ray.
            path: Folders for workers to import from.
            run: What a worker calls, as `module:function`.
            options: Ray's options of each worker.
        """
        self._ray = ray
        self._thread = thread
        self._path = json.dumps(path)
        self._run = run
        self._options = options
        self._workers: list[RayWorker] = []

    async def start(self, name: str, call: WorkerCall) -> Worker:
        """See `WorkerLauncher.start`.

        A worker that dies while it starts is returned as one that has ended: it is replaced as one
        that dies a moment later.
        """
        text, functions = call.to_json(), call.functions
        ray, thread = self._ray, self._thread

        def begin() -> tuple[Any, Any]:
            actor = ray.remote(RayHost).options(**self._options).remote()
            return actor, actor.identify.remote()

        actor, identity = await thread.call(begin)
        kill = partial(thread.submit, partial(ray.kill, actor, no_restart=True))
        try:
            with trio.fail_after(SECONDS_TO_START):
                pid, node = await self._result(identity)
        except trio.TooSlowError:
            kill()
            problem = f"worker {name!r} has not started in {SECONDS_TO_START:g} seconds"
            raise SimulationError(f"{problem}: the cluster has no CPU free for it") from None
        except ray.exceptions.RayActorError as error:  # its node has gone meanwhile
            kill()
            worker = RayWorker(name, 0, "", kill)
            worker.set_ended(describe_error(error))
            return worker
        except BaseException as error:
            kill()
            if isinstance(error, Exception):
                raise SimulationError(
                    f"worker {name!r} cannot be started: {describe_error(error)}"
                ) from None
            raise
        worker = RayWorker(name, pid, node, kill)
        self._workers.append(worker)
        try:
            end = await thread.call(
                lambda: actor.run.remote(self._path, self._run, text, functions)
            )
        except Exception as error:
            kill()
            problem = _describe_unsendable(ray, functions) or f"its work: {describe_error(error)}"
            raise SimulationError(f"worker {name!r} cannot be handed {problem}") from None

        def note_end(error: BaseException | None) -> None:
            worker.set_ended(describe_error(error) if error else "it has ended")
            kill()  # a worker that only cannot be reached must not come back

        await self._when_done(end, note_end)
        return worker

    def note_stop(self) -> None:
        """Ray is stopped, and all workers with it."""
        for worker in self._workers:
            worker.set_ended("Ray was stopped")

    async def _result(self, reference: Any) -> Any:
        """What a reference of Ray's refers to, or raises; cancellable."""
        done = trio.Event()
        errors: list[BaseException] = []

        def note(error: BaseException | None) -> None:
            errors.extend([error] if error else [])
            done.set()

        await self._when_done(reference, note)
        await done.wait()
        if errors:
            raise errors[0]
        return await self._thread.call(lambda: self._ray.get(reference))

    async def _when_done(
        self, reference: Any, then: Callable[[BaseException | None], None]
    ) -> None:
        """Call `then` in trio once it is there, with the error if it is one."""
        token = trio.lowlevel.current_trio_token()

        def done(future: Any) -> None:
            error = future.exception()
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(then, error)

        await self._thread.call(lambda: reference.future().add_done_callback(done))


@asynccontextmanager
async def ray_workers(
    workers: int,
    *,
    address: str | None = None,
    token: str | None = None,
    spread: bool = False,
    run: str = RUN_WORKER,
) -> AsyncIterator[RayLauncher]:
    """Open a `WorkerLauncher` by Ray.

    Args:
        workers: How many workers there are at a time.
        address: Of a cluster that runs already, `host:port`; None starts a Ray of this run's own on
            this machine.
        token: The cluster's token; by default RAY_AUTH_TOKEN of the environment. A local Ray gets
            one of its own.
        spread: Whether to put each worker on another node or, if there are fewer nodes than
            workers, to spread them evenly.
        run: What a worker calls, as `module:function`.

    Raises:
        InputError: Ray, the address or the token cannot be used.
        SimulationError: Ray cannot be started, or its servers end.
    """
    global _in_use
    token = checked_token(address, token)
    if address is not None:
        await check_reachable(address)
    if _in_use:
        raise InputError("Ray serves another simulation of this process: only one at a time")
    _in_use = True
    stopped = trio.Event()
    trio_token = trio.lowlevel.current_trio_token()
    thread = RayThread()
    runtime = RayRuntime(workers, address, token)
    launcher: RayLauncher | None = None
    try:
        ray = await thread.call(runtime.start)
        options: dict[str, Any] = {"num_cpus": 1, "max_restarts": 0, "max_task_retries": 0}
        if address is not None:
            options["runtime_env"] = {"env_vars": ONE_THREAD}
        if spread:
            options["scheduling_strategy"] = await _spread(ray, thread, workers)
        _restore_sigterm()
        # other machines have other folders
        path = absolute_path() if address is None else []
        launcher = RayLauncher(ray, thread, path, run, options)
        async with trio.open_nursery() as nursery:
            for name, pid in runtime.servers():
                nursery.start_soon(_watch, name, pid, runtime, thread)
            yield launcher
            nursery.cancel_scope.cancel()
    finally:

        def last() -> None:
            with suppress(Exception):
                runtime.stop()
            with suppress(trio.RunFinishedError):
                trio_token.run_sync_soon(stopped.set)

        thread.close(last)
        try:
            await wait_shielded(stopped, SECONDS_TO_STOP, SECONDS_TO_STOP)
        finally:
            if not stopped.is_set():
                runtime.abandon()
            _in_use = not stopped.is_set()
            if launcher is not None:
                launcher.note_stop()


async def _watch(name: str, pid: int, runtime: RayRuntime, thread: RayThread) -> None:
    """Raise `SimulationError` when a server ends. Do nothing where the system does not tell."""
    try:
        file = os.pidfd_open(pid)
    except ProcessLookupError:  # it has ended already
        pass
    except (AttributeError, OSError):
        return
    else:
        try:
            await trio.lowlevel.wait_readable(file)
        finally:
            os.close(file)
    problem = f"Ray itself has failed: its {name} (process {pid}) has ended"
    error = SimulationError(f"{problem}; run again, or go on from a checkpoint")
    runtime.has_failed = True
    thread.fail(error)
    raise error


def _describe_unsendable(ray: Any, functions: Functions | None) -> str:
    """Which functions cannot be sent, and why; empty where all can."""
    names, cause = [], ""
    for name, function in [pair for kind in (functions or {}).values() for pair in kind.items()]:
        try:
            ray.cloudpickle.dumps(function)
        except Exception as error:
            names.append(quote(name))
            cause = cause or f"{type(error).__name__}: {describe_error(error)}"
    return f"the functions {', '.join(names)}: {cause}" if names else ""


def _restore_sigterm() -> None:
    """Give SIGTERM back to the user's handler, which Ray has replaced by one that prints a page."""
    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is threading.main_thread() and before is not None:
        signal.signal(signal.SIGTERM, before)


async def _spread(ray: Any, thread: RayThread, workers: int) -> Any:
    """Return Ray's strategy for spreading workers. Raises `SimulationError` if there is no room."""
    from ray.util.placement_group import placement_group
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    def make() -> Any:
        nodes = sum(node["Alive"] for node in ray.nodes())
        return placement_group(
            [{"CPU": 1}] * workers, strategy="STRICT_SPREAD" if nodes >= workers else "SPREAD"
        )

    group = await thread.call(make)
    with trio.move_on_after(SECONDS_TO_START):
        while not await thread.call(partial(group.wait, 0.2)):
            await trio.lowlevel.checkpoint()
        return PlacementGroupSchedulingStrategy(group)
    problem = f"the cluster has no room for {workers} workers, with a CPU each"
    raise SimulationError(f"{problem}, in {SECONDS_TO_START:g} seconds")
