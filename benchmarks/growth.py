"""How the cost of a gradient grows with the network, and what a neuron and a synapse take of memory.

Ten levels, each neuron hears ten of the level before, batch 1, bundled channels: from 10³ to 10⁷ synapses, each size in
a process of its own. Prints the seconds of thread CPU time a gradient takes (the median of a few), and the slope on
logarithmic axes. Memory: what the process grows by while the society lives, by least squares on neurons and synapses.

    python benchmarks/growth.py [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import trio

import neuro_actors as na

LEVELS = 10


def wired(size: int, fan_in: int) -> na.Network:
    """Ten levels of `size`; who is heard by nobody is an output."""
    rng = np.random.default_rng(0)
    rest = size * (LEVELS - 1)
    sources = np.sort(rng.integers(0, size - fan_in + 1, (rest, fan_in)), axis=1) + np.arange(
        fan_in
    )
    sources += (np.arange(rest) // size * size)[:, None]
    targets = np.repeat(np.arange(size, size * LEVELS), fan_in)
    weights = rng.standard_normal(rest * fan_in) / np.sqrt(fan_in)
    unheard = np.flatnonzero(
        np.bincount(sources.ravel(), minlength=size * LEVELS) == 0
    )  # a few inputs among them
    return na.Network.from_arrays(sources.ravel(), targets, weights, outputs=unheard)


def resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096.0


async def measure(size: int, fan_in: int) -> dict[str, float]:
    gc.disable()  # it would look through all neurons again and again, and this process makes no garbage
    net = wired(size, fan_in)
    x, targets = np.ones((1, len(net.inputs))), np.zeros((1, len(net.outputs)))
    before, clock = resident(), time.perf_counter()
    async with na.open_simulation(net) as simulation:
        await simulation.predict(x)
        born = time.perf_counter() - clock
        await simulation.gradient(x, targets)
        alive = resident() - before
        times, until = [], time.perf_counter() + 3
        while len(times) < 3 or (time.perf_counter() < until and len(times) < 50):
            start = time.thread_time()
            await simulation.gradient(x, targets)
            times.append(time.thread_time() - start)
        clock = time.perf_counter()
    return {
        "synapses": len(net.weights),
        "neurons": len(net.ids),
        "seconds": statistics.median(times),
        "bytes": alive,
        "born": born,
        "closed": time.perf_counter() - clock,
    }


def in_a_process(size: int, fan_in: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", str(size), str(fan_in)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="up to 10⁵ synapses")
    parser.add_argument("--json", metavar="FILE", type=Path)
    parser.add_argument("--one", nargs=2, type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(trio.run(measure, *arguments.one)))
        return
    found = []
    print(
        f"{'synapses':>12} {'neurons':>10} {'a gradient':>13} {'a synapse':>12} {'born in':>9} {'closed in':>10}"
    )
    for exponent in np.arange(3, 5.1 if arguments.quick else 7.1, 0.5):
        row = in_a_process(round(10**exponent / (10 * (LEVELS - 1))), 10)
        found.append(row)
        each = row["seconds"] / row["synapses"] * 1e6
        counts = f"{row['synapses']:>12,} {row['neurons']:>10,} {row['seconds'] * 1e3:>10,.2f} ms {each:>9.2f} µs"
        print(f"{counts} {row['born']:>7.1f} s {row['closed']:>8.2f} s", flush=True)
    large = [row for row in found if row["synapses"] > 0.9e5]
    slope = None
    if len(large) > 1:
        slope = float(
            np.polyfit(
                np.log([r["synapses"] for r in large]), np.log([r["seconds"] for r in large]), 1
            )[0]
        )
        print(f"\nslope on logarithmic axes from 10⁵ synapses on: {slope:.3f}")
    large_ones = [(3000, 2), (3000, 40), (8000, 10), (8000, 40), (15000, 5)]
    sizes = [(300, 2), (300, 40), (1000, 10)] if arguments.quick else large_ones
    rows = [in_a_process(*pair) for pair in sizes]
    counted = np.array([[r["neurons"], r["synapses"]] for r in rows], dtype=float)
    neuron, synapse = np.linalg.lstsq(counted, np.array([r["bytes"] for r in rows]), rcond=None)[
        0
    ].tolist()
    print(f"memory: {neuron:,.0f} bytes a neuron, {synapse:,.0f} bytes a synapse")
    if arguments.json:
        result = {
            "growth": found,
            "slope": slope,
            "bytes_a_neuron": neuron,
            "bytes_a_synapse": synapse,
        }
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
