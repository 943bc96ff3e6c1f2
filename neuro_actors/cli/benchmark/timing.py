"""Times rivals in turn, in short blocks in one process, so that a disturbance hits all of them."""

from __future__ import annotations

import gc
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ...proof import reference
from ...support.version import __version__
from .actors import AsyncioActors, BareTrio, PykkaActors, RulesAlone
from .rivals import Blas, Matrices, MemoryChannels, Micrograd, Rival, Society, Torch, Work

LARGE, MIDDLE, SMALL, TINY = (784, 128, 64, 10), (784, 30, 10), (64, 32, 10), (2, 16, 16, 1)
MATRIX_LIKE: tuple[type[Rival], ...] = (Society, Blas, Matrices, Torch)
ACTOR_LIKE: tuple[type[Rival], ...] = (
    MemoryChannels,
    BareTrio,
    RulesAlone,
    AsyncioActors,
    PykkaActors,
)

Plan = list[tuple[Work, tuple[type[Rival], ...]]]


def plan(quick: bool) -> Plan:
    """Return what is timed.

    Args:
        quick: Leave out the larger batches of the small network.

    Returns:
        Each work, and the rivals that do it.
    """
    large: Plan = [(Work(LARGE, batch), MATRIX_LIKE) for batch in (1, 32, 256)]
    middle = (Work(MIDDLE, 1, "relu"), (*MATRIX_LIKE, *ACTOR_LIKE, Micrograd))
    small: Plan = [
        (Work(SMALL, 1), (*MATRIX_LIKE, *ACTOR_LIKE)),
        (Work(TINY, 1), (*MATRIX_LIKE, *ACTOR_LIKE)),
    ]
    if quick:
        return [*large, middle, *small]
    more: Plan = [(Work(SMALL, batch), (*MATRIX_LIKE, *ACTOR_LIKE)) for batch in (32, 256)]
    return [
        *large,
        middle,
        (Work(MIDDLE, 32), (*MATRIX_LIKE, MemoryChannels, BareTrio, RulesAlone)),
        *small,
        *more,
    ]


@dataclass(frozen=True, slots=True)
class Timed:
    """The times of one rival at one work.

    Attributes:
        work: The layers.
        batch: Number of examples.
        rival: The rival's name.
        cpu: Seconds of the thread's CPU time for a step: median over all blocks.
        quartiles: First and third quartile of the same.
        wall: Seconds by the clock for a step: median over all blocks.
        steps: Number of steps of all blocks.
        messages: Number of messages of a step; 0 if the rival sends none.
        checked: Whether its gradient was compared with the reference, and agreed.
    """

    work: str
    batch: int
    rival: str
    cpu: float
    quartiles: tuple[float, float]
    wall: float
    steps: int
    messages: int
    checked: bool


async def side_by_side(
    work: Work,
    rivals: tuple[type[Rival], ...],
    rounds: int,
    seconds: float,
    done: Callable[[str], None],
) -> list[Timed]:
    """Time all rivals at one work.

    Args:
        work: What to compute.
        rivals: Their classes. One whose package is not installed is left out.
        rounds: Number of rounds; in each round every rival runs one block of steps.
        seconds: About how long a block takes.
        done: Called with a rival's name after its check and after each of its blocks.

    Returns:
        The times of each rival.

    Raises:
        AssertionError: A rival computes another gradient than the reference.
    """
    async with AsyncExitStack() as stack:
        made: list[tuple[Rival, int, bool]] = []
        for kind in rivals:
            try:
                rival = await stack.enter_async_context(kind(work))
            except ImportError:
                continue  # a rival that is not installed
            await rival.step()
            agrees = _agrees(rival)
            await rival.step()
            start = time.perf_counter()
            await rival.step()
            made.append((rival, max(1, int(seconds / (time.perf_counter() - start))), agrees))
            done(rival.name)
        cpu: dict[str, list[float]] = {rival.name: [] for rival, _, _ in made}
        wall: dict[str, list[float]] = {rival.name: [] for rival, _, _ in made}
        gc.collect()
        gc.freeze()  # let no rival's objects slow the collector down while another one works
        stack.callback(gc.unfreeze)
        for _ in range(rounds):
            for rival, steps, _ in made:
                before, clock = time.thread_time(), time.perf_counter()
                for _ in range(steps):
                    await rival.step()
                spent = time.perf_counter() - clock
                busy = time.thread_time() - before
                # Pykka's actors are threads: their work shows in no time but the clock's
                cpu[rival.name].append((spent if isinstance(rival, PykkaActors) else busy) / steps)
                wall[rival.name].append(spent / steps)
                done(rival.name)
        return [
            Timed(
                work=str(work),
                batch=work.batch,
                rival=rival.name,
                cpu=statistics.median(cpu[rival.name]),
                quartiles=_quartiles(cpu[rival.name]),
                wall=statistics.median(wall[rival.name]),
                steps=steps * rounds,
                messages=_messages(rival),
                checked=agrees,
            )
            for rival, steps, agrees in made
        ]


def _agrees(rival: Rival) -> bool:
    """Whether its gradient was compared with the reference. Raise if it is another one."""
    found = rival.gradient()
    if found is None:
        return False
    expected, bound = reference.with_bound(rival.network, rival.x, rival.targets)
    difference = np.abs(found - expected.weights)
    if not (difference <= np.maximum(8 * bound.weights, 1e-15)).all():
        raise AssertionError(
            f"{rival.name} computes another gradient: it differs by {difference.max():.3g}"
        )
    return True


def _messages(rival: Rival) -> int:
    return (
        BareTrio(rival.work).count_messages()
        if isinstance(rival, (Society, BareTrio, AsyncioActors, PykkaActors))
        else 0
    )


def _quartiles(values: list[float]) -> tuple[float, float]:
    low, _, high = (
        statistics.quantiles(values, n=4) if len(values) > 1 else (values[0], 0.0, values[0])
    )
    return low, high


def machine() -> dict[str, Any]:
    """Return processor, system, BLAS and versions, for a table of times."""
    names = ("numpy", "trio", "torch", "micrograd", "pykka")
    versions = {"python": platform.python_version(), "neuro-actors": __version__} | {
        n: v for n in names if (v := _version(n))
    }
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "cpu": _cpu(),
        "system": platform.system(),
        "blas": f"{blas['name']} {blas['version']}",
        "versions": versions,
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def to_json(found: list[Timed]) -> dict[str, Any]:
    """Return times and machine, as JSON can hold them."""
    return {"machine": machine(), "timed": [asdict(timed) for timed in found]}


def by_work(found: list[Timed]) -> Iterator[tuple[tuple[str, int], dict[str, Timed]]]:
    """Yield each work, as (layers, batch), with the times of its rivals by name."""
    works = dict.fromkeys((timed.work, timed.batch) for timed in found)
    for work in works:
        yield work, {timed.rival: timed for timed in found if (timed.work, timed.batch) == work}
