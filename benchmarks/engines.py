"""Tools of benchmarks/machines.py: a cluster of plain processes, sleeping networks, an echo.

This file measures nothing itself. `python benchmarks/machines.py` does.
"""

from __future__ import annotations

import resource
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import trio

import neuro_actors as na
from neuro_actors.cluster import worker
from neuro_actors.cluster.connection import connect
from neuro_actors.cluster.launcher import WorkerCall
from neuro_actors.cluster.local_processes import plain_processes
from neuro_actors.cluster.settings import Cluster
from neuro_actors.network.activations import ACTIVATIONS
from neuro_actors.support.arrays import Array

PAUSE = "pause_"  # an activation's name is this and its microseconds


@dataclass(frozen=True, kw_only=True)
class Plain(Cluster):
    """Workers that are processes of this machine, without Ray.

    Attributes:
        limit: Bytes of memory that a worker may allocate after its start; None: no limit.
        workers: The processes that were started.
    """

    limit: int | None = None
    workers: list[Any] = field(default_factory=list, compare=False)

    @asynccontextmanager
    async def open_launcher(self) -> AsyncIterator[Plain]:
        """See `Cluster.open_launcher`."""
        async with plain_processes("engines:run_plain_worker") as processes:
            self.workers.clear()
            object.__setattr__(self, "processes", processes)
            yield self

    async def start(self, name: str, call: WorkerCall) -> Any:
        """See `WorkerLauncher.start`."""
        pauses = list(call.functions["activations"]) if call.functions else []
        about = call.about | {"pauses": pauses, "limit": self.limit}
        worker = await self.processes.start(name, replace(call, about=about))  # type: ignore[attr-defined]
        self.workers.append(worker)
        return worker


def run_plain_worker(host: str, port: int, secret: bytes, about: Mapping[str, Any]) -> None:
    """Run in a process of `Plain`: register its functions, limit its memory, and be a worker."""
    for name in about["pauses"]:
        register_pause(int(name.removeprefix(PAUSE)) / 1e6)
    if about["limit"] is not None:
        most = 1024 * _read_status("VmData") + about["limit"]
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    worker.run_worker(host, port, secret, about)


def _read_status(what: str) -> int:
    """Return a number of this process's status, in kilobytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


# --- sleeping networks --------------------------------------------------------


def register_pause(seconds: float) -> str:
    """Add an activation, the identity, that sleeps so long forward and back; return its name."""

    # Functions of a function: so Ray sends their code, and a worker need not find this file.
    def value(z: Array) -> Array:
        time.sleep(seconds)
        return z + 0.0

    def slope(z: Array, a: Array) -> Array:
        time.sleep(seconds)
        return np.ones_like(z)

    name = f"{PAUSE}{round(seconds * 1e6)}"
    ACTIVATIONS[name] = na.Activation(value, slope)
    return name


def make_sleeping_network(
    seconds: float, sections: int = 2, width: int = 8
) -> tuple[na.Network, Sequence[int]]:
    """Return a network that takes a given time for a micro-batch, half of it forward.

    In each section one neuron sleeps. `width` others are its followers, and the sources of the
    sleeping neuron of the next section.

    Args:
        seconds: Time for a micro-batch.
        sections: Number of sections.
        width: Number of other neurons in a section.

    Returns:
        The network, and the section of each neuron.
    """
    pause = register_pause(seconds / 2 / sections)
    ids, neurons, synapses, section_of = ["x"], [na.Input("x")], [], [0]
    for section in range(sections):
        name = f"sleeper{section}"
        synapses += [na.Synapse(source, name, weight=1.0 / len(ids)) for source in ids]
        neurons.append(na.Neuron(name, activation=pause))
        ids = [f"{'y' if section == sections - 1 else 'h'}{section}_{k}" for k in range(width)]
        neurons += [na.Neuron(id, activation="tanh") for id in ids]
        synapses += [na.Synapse(name, id, weight=0.5) for id in ids]
        section_of += [section] * (1 + width)
    return na.Network(neurons, synapses, outputs=ids), section_of


def make_levels(size: int, levels: int, fan_in: int) -> na.Network:
    """Return a network of levels; each neuron has `fan_in` neighbours of the level before."""
    own = np.arange(size)
    sources = (
        (own[:, None] + np.arange(fan_in)) % size + np.arange(levels - 1)[:, None, None] * size
    ).ravel()
    targets = np.repeat(np.arange(size, size * levels), fan_in)
    weights = np.random.default_rng(0).standard_normal(len(targets)) / np.sqrt(fan_in)
    return na.Network.from_arrays(
        sources, targets, weights, outputs=np.arange(size * (levels - 1), size * levels)
    )


# --- processes ----------------------------------------------------------------


def echo(host: str, port: int, secret: bytes, about: Mapping[str, Any]) -> None:
    """Run in a worker: send every message back."""

    async def run() -> None:
        connection = await connect(host, port, secret, {})
        async with connection:
            while (message := await connection.receive()) is not None:
                await connection.send(*message)

    trio.run(run)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, in seconds."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def peak_memory(pid: int) -> float:
    """Return the largest memory that a process has had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
