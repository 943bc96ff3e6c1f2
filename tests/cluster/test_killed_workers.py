"""Workers that are processes, and are killed: the bits of a run that nobody disturbed. (`test_ray.py` kills Ray's.)"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import trio
from helpers import all_kinds
from helpers.systems import need_kill
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.cluster.local_processes import plain_processes
from neuro_actors.cluster.settings import Cluster

RNG = np.random.default_rng(5)
NET = na.Network.layered([4, 9, 8, 2], seed=2)
X, TARGETS = RNG.standard_normal((24, 4)), RNG.standard_normal((24, 2))
SHAPES = [(1, 2), (2, 1), (2, 2), (1, 3), (3, 1)]
RUNS = 20


@dataclass(frozen=True, kw_only=True)
class Plain(Cluster):
    """Processes without Ray. workers: all that were started."""

    workers: list[Any] = field(default_factory=list)

    @asynccontextmanager
    async def open_launcher(self) -> AsyncIterator[Any]:
        async with plain_processes() as cluster:
            start = cluster.start

            async def noted(*arguments: Any) -> Any:
                self.workers.append(worker := await start(*arguments))
                return worker

            cluster.start = noted  # type: ignore[method-assign]
            yield cluster


async def learnt(
    engine: Cluster | None, kills: random.Random | None = None, most: int = 0
) -> tuple[str, list[float], int]:
    """Digest, losses and messages of a few steps, in which up to so many workers are killed."""
    losses = []
    async with (
        na.open_simulation(NET, micro_batches=6, engine=engine) as simulation,
        trio.open_nursery() as nursery,
    ):
        if kills is not None:
            nursery.start_soon(strike, engine, kills, most)
        for _ in range(8):
            result = await simulation.train_step(X, TARGETS, optimizer=na.SGD(0.05, momentum=0.9))
            losses.append(result.loss)
            assert (await simulation.predict(X[:1])).shape == (1, 2)
        nursery.cancel_scope.cancel()
        return (await simulation.network()).digest(), losses, simulation.statistics().messages


async def strike(engine: Any, kills: random.Random, most: int) -> None:
    for _ in range(most):
        await trio.sleep(kills.uniform(0.0, 0.15))
        with suppress(ProcessLookupError):
            os.kill(kills.choice(engine.workers).pid, signal.SIGKILL)


@need_kill
@pytest.mark.parametrize("seed", few([1, 0, *range(2, RUNS)], 0))
def test_workers_killed_at_random_moments(seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    kills = random.Random(seed)
    replicas, shards = SHAPES[seed % len(SHAPES)]
    engine = Plain(replicas=replicas, shards=shards)
    calm = trio.run(learnt, None)
    assert trio.run(learnt, engine, kills, 2) == calm
    replaced = len(engine.workers) - replicas * shards
    printed = [
        line
        for line in capfd.readouterr().err.splitlines()
        if line.startswith("neuro-actors: worker ")
    ]
    assert (replaced > 0) == (len(printed) > 0)
    assert all(" is lost: " in line and "replaced" in line for line in printed)
    for worker in engine.workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker.pid, 0)


@need_kill
@pytest.mark.parametrize("kind", few(["memory", "gates", "picture", "both_directions"], 1))
async def test_a_network_of_any_kind_whose_worker_is_killed(kind: str) -> None:
    """Through time the kill falls between two ticks on the way back."""
    case = getattr(all_kinds, kind)()
    engine = Plain(shards=2)
    found = []
    for place in (None, engine):
        async with na.open_simulation(case.network, engine=place) as simulation:
            losses = []
            for k in range(3):
                async with trio.open_nursery() as nursery:
                    if place is not None and k == 1:
                        nursery.start_soon(kill_at, engine, simulation, simulation.last_step + 8)
                    ask: Any = case.x, case.targets
                    result = await simulation.train_step(*ask, optimizer=na.Adam(0.1))
                    losses.append(result.loss)
                    if place is not None and k == 1 and not case.network.delays:
                        os.kill(engine.workers[0].pid, signal.SIGKILL)
                    nursery.cancel_scope.cancel()
            found.append((losses, (await simulation.network()).digest()))
    assert found[0] == found[1]
    assert len(engine.workers) == 3


async def kill_at(engine: Plain, simulation: na.Simulation, step: int) -> None:
    while simulation.last_step < step:
        await trio.lowlevel.checkpoint()
    os.kill(engine.workers[0].pid, signal.SIGKILL)
