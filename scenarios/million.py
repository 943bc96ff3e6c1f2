"""A million neurons, each a task of its own, and the exact gradient.

The network has ten levels. Each neuron has ten sources in the level before,
chosen at random. The society is started, computes one gradient, which is
compared with sparse matrices, and is closed.

It takes about 4 GB of memory and three minutes; a tenth of both with
--neurons 100000.
"""

from __future__ import annotations

import gc
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager

import _common
import numpy as np
import trio
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

import neuro_actors as na

LEVELS, FAN_IN = 10, 10


def make_network(neurons: int, rng: np.random.Generator) -> na.Network:
    """Return a random network, made from arrays, without an object for each neuron or synapse.

    A neuron without followers is an output.
    """
    size = neurons // LEVELS
    rest = size * (LEVELS - 1)
    # Ten different sources: ten sorted draws with repetition, then 0, 1, 2, … are added to them.
    draws = rng.integers(0, size - FAN_IN + 1, (rest, FAN_IN))
    sources = np.sort(draws, axis=1) + np.arange(FAN_IN)
    sources += (np.arange(rest) // size * size)[:, None]
    targets = np.repeat(np.arange(size, size * LEVELS), FAN_IN)
    weights = rng.standard_normal(rest * FAN_IN) / np.sqrt(FAN_IN)
    fan_out = np.bincount(sources.ravel(), minlength=size * LEVELS)
    outputs = np.flatnonzero(fan_out == 0)  # a few inputs are among them
    return na.Network.from_arrays(sources.ravel(), targets, weights, outputs=outputs)


def compute_by_sparse_matrices(
    net: na.Network, x: np.ndarray, targets: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the loss of one example, ∂loss/∂weights (n_synapses,), ∂loss/∂biases (n_neurons,).

    It multiplies by sparse matrices, level by level.

    Args:
        net: The network.
        x: The example. Shape (n_inputs,).
        targets: Its targets. Shape (n_outputs,).
    """
    n = len(net.ids)
    a = np.zeros(n)
    a[net.is_input] = x
    level = net.level[net.targets]
    synapses = [np.flatnonzero(level == k) for k in range(1, net.depth + 1)]
    for here in synapses:
        z = np.bincount(net.targets[here], net.weights[here] * a[net.sources[here]], n)
        reached = np.unique(net.targets[here])
        a[reached] = np.tanh(z[reached] + net.biases[reached])
    outputs = net.output_positions
    da = np.zeros(n)
    da[outputs] = 2 * (a[outputs] - targets)
    dz = np.zeros(n)
    for here in reversed(synapses):
        reached = np.unique(net.targets[here])
        dz[reached] = da[reached] * (1 - a[reached] ** 2)
        da += np.bincount(net.sources[here], net.weights[here] * dz[net.targets[here]], n)
    return float(np.sum((a[outputs] - targets) ** 2)), dz[net.targets] * a[net.sources], dz


class Clock:
    """Times each phase; on a terminal it shows which one is under way."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(
            *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
        ) as bar:
            bar.add_task(name, total=None)
            start = time.perf_counter()
            yield
            self.seconds[name] = time.perf_counter() - start


def measure_memory() -> tuple[float, float]:
    """Return the memory of this process in GB, now and at most so far; NaN if it is unknown."""
    try:
        import resource
        from pathlib import Path

        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return pages * resource.getpagesize() / 1e9, most / 1e9
    except (ImportError, OSError):
        return np.nan, np.nan


async def run_society(
    net: na.Network, x: np.ndarray, targets: np.ndarray, log: na.Recording | None, clock: Clock
):
    start = time.perf_counter()
    async with na.open_simulation(net, log=log) as simulation:
        clock.seconds["starting"] = time.perf_counter() - start
        with clock.phase("first step: a prediction"):
            await simulation.predict(x)
        with clock.phase("second step: a gradient"):
            await simulation.gradient(x, targets)
        with clock.phase("third step: a gradient"):
            gradient = await simulation.gradient(x, targets)
        alive = measure_memory()[0]
        tasks = trio.lowlevel.current_statistics().tasks_living
        start = time.perf_counter()
    clock.seconds["closing"] = time.perf_counter() - start
    return gradient, alive, tasks, trio.lowlevel.current_statistics().tasks_living


def main(arguments: Namespace) -> None:
    if arguments.neurons < 10 * LEVELS * FAN_IN:
        raise na.InputError(
            f"--neurons must be at least {10 * LEVELS * FAN_IN}, got {arguments.neurons}"
        )
    rng, clock = np.random.default_rng(arguments.seed), Clock()
    print(
        "A MILLION NEURONS\n"
        if arguments.neurons == 1_000_000
        else f"{arguments.neurons:,} NEURONS\n",
        flush=True,
    )
    with clock.phase("wiring"):
        net = make_network(arguments.neurons, rng)
    print(f"{len(net.ids):,} neurons, {len(net.inputs):,} of them inputs; ", end="")
    print(f"{len(net.weights):,} synapses, drawn at random.", flush=True)
    x = rng.standard_normal((1, len(net.inputs)))
    targets = rng.standard_normal((1, len(net.outputs)))

    gc.disable()  # it would search all neurons again and again, and there is no garbage here
    gradient, alive, tasks, left = trio.run(run_society, net, x, targets, arguments.log, clock)
    with clock.phase("the same by sparse matrices"):
        loss, weights, biases = compute_by_sparse_matrices(net, x[0], targets[0])

    print(f"Each is a task: trio counted {tasks:,} of them, and {left} after the end.\n")
    for name, seconds in clock.seconds.items():
        print(f"  {name:<32} {seconds:8.1f} s")
    messages = len(net.weights) + np.count_nonzero(~net.is_input[net.sources])
    speed = messages / clock.seconds["third step: a gradient"]
    print(f"\n{messages:,} messages between neurons in that gradient: {speed:,.0f} per second.")
    per_neuron = alive / len(net.ids) * 1e6
    print(f"Memory: {alive:.2f} GB, at most {measure_memory()[1]:.2f} GB; ", end="")
    print(f"{per_neuron:.1f} KB for each neuron.\n")
    print("The gradient, compared with sparse matrices:\n")
    found = ((gradient.loss, loss), (gradient.weights, weights), (gradient.biases, biases))
    for name, (ours, theirs) in zip(("loss", "by weights", "by biases"), found, strict=True):
        greatest, difference = np.abs(theirs).max(), np.abs(ours - theirs).max()
        print(f"  {name:<12} greatest {greatest:10.3g}   largest difference {difference:10.3g}")


def add_arguments(parser: ArgumentParser) -> None:
    """Add --neurons."""
    text = "how many neurons, counting the inputs (default a million)"
    parser.add_argument("--neurons", type=int, default=1_000_000, metavar="N", help=text)


if __name__ == "__main__":
    _common.run(main, __doc__, more=add_arguments)
