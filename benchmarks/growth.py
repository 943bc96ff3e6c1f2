"""How the cost of a gradient grows with the network, and how much memory the network needs.

Networks of ten levels with fan-in ten, one example, bundled channels; from 10³ to 10⁷ synapses,
each size in a process of its own. Prints the CPU time of the thread for one gradient (the median
of a few), and the slope on logarithmic axes. Memory is what the process grows by while the
society lives; least squares give the part of a neuron and that of a synapse.

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
from neuro_actors.support.console import show_all_characters

LEVELS = 10
WIDTHS = (12, 10, 13, 12, 9, 10)  # of the table's columns


def make_network(size: int, fan_in: int) -> na.Network:
    """Return ten levels of `size` neurons; a neuron without followers is an output."""
    rng = np.random.default_rng(0)
    rest = size * (LEVELS - 1)
    draws = rng.integers(0, size - fan_in + 1, (rest, fan_in))
    sources = np.sort(draws, axis=1) + np.arange(fan_in)
    sources += (np.arange(rest) // size * size)[:, None]
    targets = np.repeat(np.arange(size, size * LEVELS), fan_in)
    weights = rng.standard_normal(rest * fan_in) / np.sqrt(fan_in)
    fan_out = np.bincount(sources.ravel(), minlength=size * LEVELS)
    outputs = np.flatnonzero(fan_out == 0)  # a few inputs are among them
    return na.Network.from_arrays(sources.ravel(), targets, weights, outputs=outputs)


def resident_memory() -> float:
    """Return the memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096.0


async def measure(size: int, fan_in: int) -> dict[str, float]:
    """Measure one network."""
    gc.disable()  # it would search all neurons again and again, and there is no garbage here
    net = make_network(size, fan_in)
    x, targets = np.ones((1, len(net.inputs))), np.zeros((1, len(net.outputs)))
    before, clock = resident_memory(), time.perf_counter()
    async with na.open_simulation(net) as simulation:
        await simulation.predict(x)
        started = time.perf_counter() - clock
        await simulation.gradient(x, targets)
        alive = resident_memory() - before
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
        "born": started,
        "closed": time.perf_counter() - clock,
    }


def measure_in_process(size: int, fan_in: int) -> dict[str, float]:
    """Measure one network in a process of its own."""
    command = [sys.executable, __file__, "--one", str(size), str(fan_in)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Measure all networks and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="up to 10⁵ synapses")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to FILE too")
    parser.add_argument("--one", nargs=2, type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(trio.run(measure, *arguments.one)))
        return
    found = []
    head = ("synapses", "neurons", "a gradient", "a synapse", "started", "closed in")
    print(" ".join(f"{name:>{width}}" for name, width in zip(head, WIDTHS, strict=True)))
    for exponent in np.arange(3, 5.1 if arguments.quick else 7.1, 0.5):
        row = measure_in_process(round(10**exponent / (10 * (LEVELS - 1))), 10)
        found.append(row)
        each = row["seconds"] / row["synapses"] * 1e6
        counts = f"{row['synapses']:>12,} {row['neurons']:>10,}"
        times = f"{row['seconds'] * 1e3:>10,.2f} ms {each:>9.2f} µs"
        print(f"{counts} {times} {row['born']:>7.1f} s {row['closed']:>8.2f} s", flush=True)
    large = [row for row in found if row["synapses"] > 0.9e5]
    slope = None
    if len(large) > 1:
        x, y = (np.log([row[name] for row in large]) for name in ("synapses", "seconds"))
        slope = float(np.polyfit(x, y, 1)[0])
        print(f"\nslope on logarithmic axes from 10⁵ synapses on: {slope:.3f}")
    large_ones = [(3000, 2), (3000, 40), (8000, 10), (8000, 40), (15000, 5)]
    sizes = [(300, 2), (300, 40), (1000, 10)] if arguments.quick else large_ones
    rows = [measure_in_process(*pair) for pair in sizes]
    counted = np.array([[r["neurons"], r["synapses"]] for r in rows], dtype=float)
    sizes_in_bytes = np.array([r["bytes"] for r in rows])
    neuron, synapse = np.linalg.lstsq(counted, sizes_in_bytes, rcond=None)[0].tolist()
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
    show_all_characters()
    main()
