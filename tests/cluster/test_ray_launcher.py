"""A Ray whose node goes at the worst moment. Ray itself is played by a few lines, so that the moment is always the same."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from neuro_actors.cluster.launcher import WorkerCall
from neuro_actors.cluster.ray_launcher import RayLauncher
from neuro_actors.support.errors import SimulationError


class RayActorError(Exception):
    pass


class Thread:
    async def call(self, work: Any) -> Any:
        return work()

    def submit(self, work: Any) -> None:
        work()


def launcher_that_fails(error: Exception, killed: list[object]) -> RayLauncher:
    """A launcher whose worker begins to start, and then ends by this error."""
    identity: Future[object] = Future()
    identity.set_exception(error)
    reference = SimpleNamespace(future=lambda: identity)
    actor = SimpleNamespace(identify=SimpleNamespace(remote=lambda: reference))
    host = SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda: actor))
    ray = SimpleNamespace(
        remote=lambda _: host,
        kill=lambda one, no_restart: killed.append(one),
        exceptions=SimpleNamespace(RayActorError=RayActorError),
    )
    return RayLauncher(ray, Thread(), [], "module:function", {})  # type: ignore[arg-type]


CALL = WorkerCall("127.0.0.1", 1, b"secret", {"rank": 0})


async def test_a_worker_whose_node_goes_while_it_starts_is_a_lost_worker() -> None:
    """So it is replaced, as one that is lost a moment later. It was an error of the run."""
    killed: list[object] = []
    worker = await launcher_that_fails(RayActorError("its node has died"), killed).start("w", CALL)
    assert worker.ended.is_set()
    assert "its node has died" in worker.cause
    assert len(killed) == 1


async def test_what_starting_again_would_not_mend_is_an_error() -> None:
    killed: list[object] = []
    with pytest.raises(SimulationError, match=r"^worker 'w' cannot be started: .*no such folder"):
        await launcher_that_fails(OSError("no such folder"), killed).start("w", CALL)
    assert len(killed) == 1
