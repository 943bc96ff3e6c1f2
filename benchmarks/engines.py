"""What benchmarks/machines.py measures with: an engine of plain processes, workers that only sleep, and a wire's echo."""

from __future__ import annotations

import resource
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import trio

import neuro_actors as na
from neuro_actors.cluster import worker
from neuro_actors.cluster.connection import connect
from neuro_actors.cluster.launcher import Functions
from neuro_actors.cluster.local_processes import plain_processes
from neuro_actors.cluster.settings import Cluster
from neuro_actors.network.activations import ACTIVATIONS
from neuro_actors.support.validation import Array

PAUSE = "pause_"  # and the microseconds


@dataclass(frozen=True, kw_only=True)
class Plain(Cluster):
    """Processes of this machine, without Ray.

    limit: bytes of memory that a worker may ask for, beyond what it has when it begins.
    workers: those that were started.
    """

    limit: int | None = None
    workers: list[Any] = field(default_factory=list, compare=False)

    @asynccontextmanager
    async def open_launcher(self) -> AsyncIterator[Plain]:
        async with plain_processes("engines:live") as processes:
            self.workers.clear()
            object.__setattr__(self, "processes", processes)
            yield self

    async def start(
        self,
        name: str,
        host: str,
        port: int,
        secret: bytes,
        about: dict[str, Any],
        functions: Functions | None = None,
    ) -> Any:
        told = about | {
            "pauses": list(functions["activations"]) if functions else [],
            "limit": self.limit,
        }
        self.workers.append(await self.processes.start(name, host, port, secret, told))  # type: ignore[attr-defined]
        return self.workers[-1]


def live(host: str, port: int, secret: bytes, about: Mapping[str, Any]) -> None:
    """In a worker of `Plain`."""
    for name in about["pauses"]:
        register_pause(int(name.removeprefix(PAUSE)) / 1e6)
    if about["limit"] is not None:
        most = 1024 * _of_itself("VmData") + about["limit"]
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    worker.run_worker(host, port, secret, about)


def _of_itself(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


# --- who sleeps --------------------------------------------------------------------------------------------------


def register_pause(seconds: float) -> str:
    """The name of an activation function that is the identity, and takes its time, forward and back."""

    def value(z: Array) -> Array:  # here, so that Ray sends its code, and need not find this file
        time.sleep(seconds)
        return z + 0.0

    def slope(z: Array, a: Array) -> Array:
        time.sleep(seconds)
        return np.ones_like(z)

    name = f"{PAUSE}{round(seconds * 1e6)}"
    ACTIVATIONS[name] = na.Activation(value, slope)
    return name


def sleeping(seconds: float, sections: int = 2, width: int = 8) -> tuple[na.Network, Sequence[int]]:
    """A network that takes so long for a micro-batch, half of it forward, and of each neuron its section: one sleeps, and
    `width` others follow it, whom the next section's hears."""
    pause = register_pause(seconds / 2 / sections)
    ids, neurons, synapses, places = ["x"], [na.Input("x")], [], [0]
    for section in range(sections):
        name = f"sleeper{section}"
        synapses += [na.Synapse(source, name, weight=1.0 / len(ids)) for source in ids]
        neurons.append(na.Neuron(name, activation=pause))
        ids = [f"{'y' if section == sections - 1 else 'h'}{section}_{k}" for k in range(width)]
        neurons += [na.Neuron(id, activation="tanh") for id in ids]
        synapses += [na.Synapse(name, id, weight=0.5) for id in ids]
        places += [section] * (1 + width)
    return na.Network(neurons, synapses, outputs=ids), places


def shared_out(places: Sequence[int], shards: int) -> list[int]:
    """Sections to shards."""
    sections = max(places) + 1
    return [place * shards // sections for place in places]


def wired(size: int, levels: int, fan_in: int) -> na.Network:
    """Levels of `size`, each neuron hears `fan_in` of the level before, side by side."""
    own = np.arange(size)
    sources = (
        (own[:, None] + np.arange(fan_in)) % size + np.arange(levels - 1)[:, None, None] * size
    ).ravel()
    targets = np.repeat(np.arange(size, size * levels), fan_in)
    weights = np.random.default_rng(0).standard_normal(len(targets)) / np.sqrt(fan_in)
    return na.Network.from_arrays(
        sources, targets, weights, outputs=np.arange(size * (levels - 1), size * levels)
    )


# --- a wire's echo -----------------------------------------------------------------------------------------------


def echo(host: str, port: int, secret: bytes, about: Mapping[str, Any]) -> None:
    """In a worker: send back what comes."""

    async def run() -> None:
        wire = await connect(host, port, secret, {})
        async with wire:
            while (letter := await wire.receive()) is not None:
                await wire.send(*letter)

    trio.run(run)


def cpu(pid: int) -> float:
    """Seconds of CPU time that a process has had."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def peak(pid: int) -> float:
    """Bytes that a process held in memory at the most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
