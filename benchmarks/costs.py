"""Measures the constants of the cost model.

All but hops and Ray's calls are CPU times: on a shared machine these are disturbed least.
"""

from __future__ import annotations

import os
import secrets
import statistics
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np
import trio
from engines import Plain, cpu_seconds, make_levels
from numpy.typing import NDArray

import neuro_actors as na
from neuro_actors.cluster.connection import Connection, serve
from neuro_actors.cluster.launcher import WorkerCall
from neuro_actors.cluster.local_processes import plain_processes
from neuro_actors.neuron.tree_sum import TreeSum

T = TypeVar("T")
Done = Callable[[str], None]
MESSAGE_SIZES = (64, 1 << 16, 1 << 20)  # bytes
# Number of levels, size of each, fan-in, examples of a micro-batch.
NETS = (
    *((4, 4, 2, 1), (4, 250, 2, 1), (4, 1000, 2, 1), (4, 250, 40, 1), (4, 100, 100, 8)),
    *((4, 250, 40, 32), (4, 250, 2, 128), (4, 200, 200, 32), (2, 200, 200, 32), (2, 300, 300, 8)),
)
MICRO_BATCHES = 1, 12


def one_way(times: list[float]) -> float:
    """Return half of the median round trip."""
    return statistics.median(times) / 2


async def measure_hops(count: int) -> dict[str, float]:
    """Return the seconds of a message between two processes, by the bytes of its array."""
    secret, found = secrets.token_bytes(32), {}
    over = trio.Event()

    async def welcome(connection: Connection) -> None:
        for size in MESSAGE_SIZES:
            array, times = np.zeros(size, np.uint8), []
            for _ in range(count + 10):
                start = time.perf_counter()
                await connection.send({"number": size}, [array])
                await connection.receive()
                times.append(time.perf_counter() - start)
            found[str(size)] = one_way(times[10:])
        over.set()

    async with trio.open_nursery() as nursery:
        port = await nursery.start(partial(serve, "127.0.0.1", secret, {}, welcome))
        async with plain_processes("engines:echo") as processes:
            await processes.start("echo", WorkerCall("127.0.0.1", port, secret, {}))
            await over.wait()
        nursery.cancel_scope.cancel()
    return found


async def measure_ray_calls(count: int) -> dict[str, Any]:
    """Return the same for Ray's own calls, and how long Ray takes to start and to end."""
    from neuro_actors.cluster.ray_launcher import ray_workers

    # A class of a function: so Ray sends its code, and a worker need not find this file.
    class Pong:
        def ping(self, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return array

    found = {}
    start = time.perf_counter()
    async with ray_workers(1):
        import ray

        started = time.perf_counter() - start
        actor = ray.remote(Pong).options(num_cpus=0).remote()
        for size in MESSAGE_SIZES:
            array, times = np.zeros(size, np.uint8), []
            for _ in range(count + 10):
                begin = time.perf_counter()
                ray.get(actor.ping.remote(array))
                times.append(time.perf_counter() - begin)
            found[str(size)] = one_way(times[10:])
        start = time.perf_counter()
    return {"half_a_call": found, "starts": started, "ends": time.perf_counter() - start}


async def measure_steps(repeats: int, done: Done) -> list[dict[str, float]]:
    """Return the CPU seconds of a learning step, of the driver and of one worker.

    Args:
        repeats: Number of steps; the one with the least time counts.
        done: Called after each case.

    Returns:
        For each of NETS and MICRO_BATCHES: its counts, and the two times.
    """
    rows = []
    for levels, size, fan_in, examples in NETS:
        net = make_levels(size, levels, fan_in)
        for M in MICRO_BATCHES:  # noqa: N806
            x = np.ones((examples * M, len(net.inputs)))
            targets = np.zeros((examples * M, len(net.outputs)))
            engine = Plain()
            async with na.open_simulation(net, engine=engine, micro_batches=M) as simulation:
                pids = os.getpid(), engine.workers[0].pid
                taken = []
                for _ in range(repeats + 1):
                    before = [cpu_seconds(pid) for pid in pids]
                    await simulation.train_step(x, targets, optimizer=na.SGD(1e-6))
                    taken.append(
                        [cpu_seconds(pid) - b for pid, b in zip(pids, before, strict=True)]
                    )
            driver, worker = np.min(taken[1:], axis=0).tolist()  # a disturbance only adds to it
            counts = {
                "neurons": len(net.ids),
                "synapses": len(net.weights),
                "inputs": size,
                "from_inputs": size * fan_in,
            }
            counts |= {"examples": examples, "M": M}
            rows.append(counts | {"driver": driver, "worker": worker})
            done(f"{len(net.ids):,} neurons, {M} micro-batches")
    return rows


def fit(
    rows: list[dict[str, float]], what: str, terms: dict[str, Callable[[dict[str, float]], float]]
) -> dict[str, float]:
    """Return the seconds of each term: least squares of relative errors, none below zero.

    Args:
        rows: What `measure_steps` returned.
        what: "driver" or "worker".
        terms: By name: how often the term occurs in a row.
    """
    matrix = np.array([[term(row) / row[what] for term in terms.values()] for row in rows])
    left = list(range(len(terms)))
    while True:
        found = np.linalg.lstsq(matrix[:, left], np.ones(len(rows)), rcond=None)[0]
        if (found >= 0).all():
            break
        del left[int(found.argmin())]  # its time cannot be distinguished from that of the others
    return dict.fromkeys(terms, 0.0) | {
        list(terms)[k]: float(value) for k, value in zip(left, found, strict=True)
    }


async def measure_constants(quick: bool, done: Done) -> dict[str, Any]:
    """Return all constants in seconds, and what they were computed from."""
    count = 100 if quick else 1000
    hop = await measure_hops(count)
    done("hops")
    rows = await measure_steps(3 if quick else 15, done)
    ray = await measure_ray_calls(count) if find_spec("ray") else None
    done("Ray's calls")
    worker = fit(rows, "worker", {
        "round": lambda row: row["M"],
        "wake": lambda row: row["M"] * (row["neurons"] - row["inputs"]),
        "message": lambda row: row["M"] * row["synapses"],
        "row": lambda row: row["M"] * (row["neurons"] - row["inputs"]) * row["examples"],
        "number": lambda row: row["M"] * row["synapses"] * row["examples"],
        "answer": lambda row: row["M"] * (row["synapses"] - row["from_inputs"]) * row["examples"],
        "learn": lambda row: 1,
        "learn_neuron": lambda row: row["neurons"] - row["inputs"],
        "learn_byte": lambda row: 8 * (row["neurons"] + row["synapses"]),
    })  # fmt: skip
    driver = fit(rows, "driver", {
        "frame": lambda row: 2 * row["M"] + 2,
        # x, targets and predictions
        "frame_byte": lambda row: 3 * 8 * row["M"] * row["inputs"] * row["examples"],
        "end": lambda row: 1,
        "keep": lambda row: 8 * (row["neurons"] + row["synapses"]),
    })  # fmt: skip
    block = np.zeros(1 << 17)
    one = TreeSum().add(0, 0, block)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        one.add(0, 1, block)
        times.append((time.perf_counter() - start) / block.nbytes)
    byte = (hop[str(1 << 20)] - hop["64"]) / (1 << 20)
    return {
        "hop": hop["64"],
        "byte": byte,
        "add": statistics.median(times),
        **worker,
        **driver,
        "hops": hop,
        "ray": ray,
        "societies": rows,
    }
