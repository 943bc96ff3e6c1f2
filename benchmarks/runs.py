"""Whole runs: one process and many workers, in turn; what pipeline.py says of them; and societies too large for a worker."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from engines import Plain, peak, sleeping
from pipeline import Plan

import neuro_actors as na
from neuro_actors.cluster.partition import Partition
from neuro_actors.cluster.settings import Cluster
from neuro_actors.cluster.shard import shards as shards_of
from neuro_actors.support.validation import Array

SIZES, BATCH, SGD = (784, 128, 64, 10), 32, na.SGD(1e-4)
PATIENCE = 60.0  # seconds, for a step
ACROSS = 1024  # examples of a micro-batch of those who sleep: 64 KB cross a cut
Done = Callable[[str], None]
Examples = tuple[Array, Array]


@dataclass(frozen=True)
class Work:
    """A network and its micro-batches. cores: how many may be busy at once, where they compute."""

    name: str
    network: na.Network
    examples: int
    sections: tuple[int, ...] | None = None
    cores: int | None = None

    def batch(self, micro_batches: int) -> Examples:
        rng, n = np.random.default_rng(1), self.examples * micro_batches
        return rng.standard_normal((n, len(self.network.inputs))), rng.standard_normal(
            (n, len(self.network.outputs))
        )

    def cut(self, count: int) -> Partition:
        if self.sections is None:
            return na.partition(self.network, count)
        return Partition(
            self.network, [place * count // (max(self.sections) + 1) for place in self.sections]
        )


def sleepers(milliseconds: int, sections: int = 2) -> Work:
    network, places = sleeping(milliseconds / 1e3, sections)
    return Work(f"sleep {milliseconds} ms", network, ACROSS, tuple(places))


def real(cores: int) -> Work:
    return Work("784-128-64-10", na.Network.layered(SIZES, seed=0), BATCH, None, cores)


def by(engine: str, partition: Partition, replicas: int) -> Cluster:
    made = na.Ray if engine == "ray" else Plain
    return made(replicas=replicas, partition=partition)  # type: ignore[no-any-return]


async def side_by_side(
    work: Work,
    engine: str,
    replicas: int,
    shards: int,
    micro_batches: int,
    times: int,
    costs: dict[str, Any],
    name: str,
) -> dict[str, Any]:
    """A run. The bits are compared, too."""
    x, targets = work.batch(micro_batches)
    partition = work.cut(shards)
    taken: list[tuple[float, float]] = []
    forward: list[float] = []
    async with (
        na.open_simulation(work.network, micro_batches=micro_batches) as one,
        na.open_simulation(
            work.network,
            micro_batches=micro_batches,
            engine=by(engine, partition, replicas),
            patience=PATIENCE,
        ) as many,
    ):
        for k in range(times + 1):
            pair = []
            for simulation in (one, many):
                start = time.perf_counter()
                await simulation.train_step(x, targets, optimizer=SGD)
                pair.append(time.perf_counter() - start)
            if k:  # the first is to warm up
                taken.append((pair[0], pair[1]))
            start = time.perf_counter()
            await one.predict(x[: work.examples])
            forward.append(time.perf_counter() - start)
        if not np.array_equal((await one.network()).weights, (await many.network()).weights):
            raise AssertionError(f"{name}: other bits than one process")
    alone, together = (statistics.median(t) for t in zip(*taken, strict=True))
    quickest, least = (
        min(t) for t in zip(*taken, strict=True)
    )  # whatever else the machine did only added to it
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
        "plan": asdict(plan(work, partition, replicas, micro_batches, quickest, share, costs)),
    }


def plan(
    work: Work,
    partition: Partition,
    replicas: int,
    micro_batches: int,
    alone: float,
    share: float,
    costs: dict[str, Any],
) -> Plan:
    """What pipeline.py needs. alone: seconds of one process.  share: of that, how much is forward."""
    net, S = work.network, partition.shards  # noqa: N806
    parts = shards_of(net, partition)

    def weight(network: na.Network) -> float:
        woken, n = len(network.ids) - len(network.inputs), len(network.weights)
        answered = n - int(np.count_nonzero(network.is_input[network.sources]))
        each = costs["wake"] * woken + costs["message"] * n
        return float(
            each
            + (costs["row"] * woken + costs["number"] * n + costs["answer"] * answered)
            * work.examples
        )

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
        told=[8.0 * work.examples * (len(part.inputs) + part.n_outputs) for part in parts],
        said=[8.0 * work.examples * part.n_outputs for part in parts],
        crossing=8.0 * work.examples * messages,
        parameters=[8.0 * part.n_commits for part in parts],
        hop=costs["hop"],
        byte=costs["byte"],
        letter=costs["letter"],
        letter_byte=costs["letter_byte"],
        round=costs["round"],
        add=costs["add"],
        keep=costs["keep"],
        cores=work.cores,
    )


async def memory(
    sizes: tuple[int, ...], shards: tuple[int, ...], limits: tuple[int | None, ...]
) -> list[dict[str, Any]]:
    """How much a worker holds, by shards; and whether it can, where it may not ask for more than a limit."""
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
                    row["peaks"] = [peak(worker.pid) for worker in engine.workers]
                expected = weights if expected is None else expected
                row["same_bits"] = bool(np.array_equal(weights, expected))
            except na.SimulationError as error:
                row["refused"] = str(error)
            rows.append(row)
    return rows
