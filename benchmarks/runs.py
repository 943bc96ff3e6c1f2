"""Whole runs for benchmarks/machines.py: one process and many workers, in turn.

It also prepares each run for the simulator pipeline.py, and measures the memory of workers.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from engines import Plain, make_sleeping_network, peak_memory
from pipeline import Plan

import neuro_actors as na
from neuro_actors.cluster.partition import Partition
from neuro_actors.cluster.settings import Cluster
from neuro_actors.cluster.shard import shards as shards_of
from neuro_actors.support.arrays import Array

SIZES, BATCH, SGD = (784, 128, 64, 10), 32, na.SGD(1e-4)
PATIENCE = 60.0  # seconds for a step
ACROSS = 1024  # examples of a micro-batch of a sleeping network: 64 KB cross a cut
Done = Callable[[str], None]
Examples = tuple[Array, Array]


@dataclass(frozen=True)
class Work:
    """A network and its micro-batches.

    Attributes:
        name: Its name in the tables.
        network: The network.
        examples: Number of examples of a micro-batch.
        sections: The section of each neuron, for a sleeping network.
        cores: Number of workers that can compute at the same time; None if they only sleep.
    """

    name: str
    network: na.Network
    examples: int
    sections: tuple[int, ...] | None = None
    cores: int | None = None

    def draw_batch(self, micro_batches: int) -> Examples:
        """Return random examples (n, n_inputs) and targets (n, n_outputs)."""
        rng, n = np.random.default_rng(1), self.examples * micro_batches
        x = rng.standard_normal((n, len(self.network.inputs)))
        return x, rng.standard_normal((n, len(self.network.outputs)))

    def cut(self, count: int) -> Partition:
        """Return the network cut into so many shards."""
        if self.sections is None:
            return na.partition(self.network, count)
        sections = max(self.sections) + 1
        return Partition(self.network, [section * count // sections for section in self.sections])


def make_sleeping_work(milliseconds: int, sections: int = 2) -> Work:
    """Return work that only sleeps, so long for each micro-batch."""
    network, section_of = make_sleeping_network(milliseconds / 1e3, sections)
    return Work(f"sleep {milliseconds} ms", network, ACROSS, tuple(section_of))


def make_real_work(cores: int) -> Work:
    """Return work that computes, on so many cores."""
    return Work("784-128-64-10", na.Network.layered(SIZES, seed=0), BATCH, None, cores)


def make_cluster(engine: str, partition: Partition, replicas: int) -> Cluster:
    """Return a cluster of the engine "ray" or "plain"."""
    kind = na.Ray if engine == "ray" else Plain
    return kind(replicas=replicas, partition=partition)  # type: ignore[no-any-return]


async def run_side_by_side(
    work: Work,
    engine: str,
    replicas: int,
    shards: int,
    micro_batches: int,
    times: int,
    costs: dict[str, Any],
    name: str,
) -> dict[str, Any]:
    """Run the same steps in one process and on a cluster, in turn, and compare times and bits.

    Args:
        work: What to compute.
        engine: "ray" or "plain".
        replicas: Number of replicas.
        shards: Number of shards of each replica.
        micro_batches: Number of micro-batches of a step.
        times: Number of measured steps.
        costs: The constants of the cost model.
        name: The run's name in the tables.

    Returns:
        Times, their ratios, and the plan for pipeline.py.

    Raises:
        AssertionError: The cluster gives other bits than one process.
    """
    x, targets = work.draw_batch(micro_batches)
    partition = work.cut(shards)
    taken: list[tuple[float, float]] = []
    forward: list[float] = []
    async with (
        na.open_simulation(work.network, micro_batches=micro_batches) as one,
        na.open_simulation(
            work.network,
            micro_batches=micro_batches,
            engine=make_cluster(engine, partition, replicas),
            patience=PATIENCE,
        ) as many,
    ):
        for k in range(times + 1):
            pair = []
            for simulation in (one, many):
                start = time.perf_counter()
                await simulation.train_step(x, targets, optimizer=SGD)
                pair.append(time.perf_counter() - start)
            if k:  # the first step only warms up
                taken.append((pair[0], pair[1]))
            start = time.perf_counter()
            await one.predict(x[: work.examples])
            forward.append(time.perf_counter() - start)
        if not np.array_equal((await one.network()).weights, (await many.network()).weights):
            raise AssertionError(f"{name}: other bits than one process")
    alone, together = (statistics.median(t) for t in zip(*taken, strict=True))
    quickest, least = (min(t) for t in zip(*taken, strict=True))  # disturbances only add to it
    share = 0.5 if work.sections is not None else min(0.9, min(forward) * micro_batches / quickest)
    return {
        "name": name,
        "engine": engine,
        "work": work.name,
        "one": alone,
        "seconds": together,
        "quickest_one": quickest,
        "least": least,
        "ratio": statistics.median(a / b for a, b in taken),
        "ratios": [a / b for a, b in taken],
        "plan": asdict(make_plan(work, partition, replicas, micro_batches, quickest, share, costs)),
    }


def make_plan(
    work: Work,
    partition: Partition,
    replicas: int,
    micro_batches: int,
    alone: float,
    share: float,
    costs: dict[str, Any],
) -> Plan:
    """Return the plan of a run for pipeline.py.

    Args:
        work: What is computed.
        partition: How the network is cut.
        replicas: Number of replicas.
        micro_batches: Number of micro-batches of a step.
        alone: Seconds that one process takes.
        share: The share of it that is forward.
        costs: The constants of the cost model.
    """
    net, S = work.network, partition.shards  # noqa: N806
    parts = shards_of(net, partition)

    def weight(network: na.Network) -> float:
        woken, n = len(network.ids) - len(network.inputs), len(network.weights)
        answered = n - int(np.count_nonzero(network.is_input[network.sources]))
        each = costs["wake"] * woken + costs["message"] * n
        example = costs["row"] * woken + costs["number"] * n + costs["answer"] * answered
        return float(each + example * work.examples)

    def learn(network: na.Network) -> float:
        woken, n = len(network.ids) - len(network.inputs), len(network.weights)
        return float(
            costs["learn"] + costs["learn_neuron"] * woken + costs["learn_byte"] * 8 * (woken + n)
        )

    each = alone / micro_batches
    if work.sections is None:
        takes = [each * weight(part.network) / weight(net) for part in parts]
    else:
        pauses = [
            sum(part.network.ids[k].startswith("sleeper") for k in range(len(part.members)))
            for part in parts
        ]
        takes = [each * count / sum(pauses) for count in pauses]
    messages = max(partition.messages) / max(1, S - 1)
    return Plan(
        replicas=replicas,
        shards=S,
        micro_batches=micro_batches,
        window=min(micro_batches, 2 * S + 2) if S > 1 else 1,
        forward=[t * share for t in takes],
        back=[t * (1 - share) for t in takes],
        learn=[learn(part.network) for part in parts],
        bytes_in=[8.0 * work.examples * (len(part.inputs) + part.n_outputs) for part in parts],
        bytes_out=[8.0 * work.examples * part.n_outputs for part in parts],
        crossing=8.0 * work.examples * messages,
        parameters=[8.0 * part.n_commits for part in parts],
        hop=costs["hop"],
        byte=costs["byte"],
        frame=costs["frame"],
        frame_byte=costs["frame_byte"],
        round=costs["round"],
        add=costs["add"],
        keep=costs["keep"],
        cores=work.cores,
    )


async def measure_memory(
    sizes: tuple[int, ...], shards: tuple[int, ...], limits: tuple[int | None, ...]
) -> list[dict[str, Any]]:
    """Return how much memory workers need, by number of shards and memory limit.

    Args:
        sizes: The layers.
        shards: Numbers of shards.
        limits: Memory limits of a worker in bytes; None: no limit.

    Returns:
        For each pair: the memory of each worker and whether the bits are the same, or the error.
    """
    net = na.Network.layered(sizes, seed=0)
    rng = np.random.default_rng(0)
    x, targets = rng.standard_normal((2, sizes[0])), rng.standard_normal((2, sizes[-1]))
    rows, expected = [], None
    for limit in limits:
        for count in shards:
            engine = Plain(shards=count, limit=limit)
            row: dict[str, Any] = {"shards": count, "limit": limit, "synapses": len(net.weights)}
            try:
                async with na.open_simulation(net, engine=engine, micro_batches=2) as simulation:
                    await simulation.train_step(x, targets, optimizer=SGD)
                    weights = (await simulation.network()).weights
                    row["peaks"] = [peak_memory(worker.pid) for worker in engine.workers]
                expected = weights if expected is None else expected
                row["same_bits"] = bool(np.array_equal(weights, expected))
            except na.SimulationError as error:
                row["refused"] = str(error)
            rows.append(row)
    return rows
