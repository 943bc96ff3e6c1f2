"""A million neurons, each a task of its own, and the exact gradient.

Ten levels; each neuron hears ten of the level before, chosen at random. The
society is brought to life, asked for one gradient, compared with sparse
matrices, and closed by message: each neuron is told that no more mail comes.

It takes about 4.5 GB of memory and three minutes; --neurons 100000 a tenth.
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


def wired(neurons: int, rng: np.random.Generator) -> na.Network:
    """Levels of equal size. Arrays alone: there is no object for any neuron or synapse. Who is heard by nobody is an output."""
    size = neurons // LEVELS
    rest = size * (LEVELS - 1)
    # ten different ones of the level before: sorted draws with repetition, spread out by 0, 1, 2, …
    sources = np.sort(rng.integers(0, size - FAN_IN + 1, (rest, FAN_IN)), axis=1) + np.arange(
        FAN_IN
    )
    sources += (np.arange(rest) // size * size)[:, None]
    targets = np.repeat(np.arange(size, size * LEVELS), FAN_IN)
    weights = rng.standard_normal(rest * FAN_IN) / np.sqrt(FAN_IN)
    unheard = np.flatnonzero(
        np.bincount(sources.ravel(), minlength=size * LEVELS) == 0
    )  # a few inputs among them
    return na.Network.from_arrays(sources.ravel(), targets, weights, outputs=unheard)


def by_sparse_matrices(
    net: na.Network, x: np.ndarray, targets: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Loss, ∂loss/∂weights and ∂loss/∂biases of one example: products with sparse matrices, level by level."""
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
    """Times each phase, and shows which one is under way where somebody watches."""

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


def memory() -> tuple[float, float]:
    """GB that this process takes now, and at most so far; not a number where the system does not say."""
    try:
        import resource
        from pathlib import Path

        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e9, resource.getrusage(
            resource.RUSAGE_SELF
        ).ru_maxrss * 1024 / 1e9
    except (ImportError, OSError):
        return np.nan, np.nan


async def live(
    net: na.Network, x: np.ndarray, targets: np.ndarray, log: na.Recording | None, clock: Clock
):
    start = time.perf_counter()
    async with na.open_simulation(net, log=log) as simulation:
        clock.seconds["bringing to life"] = time.perf_counter() - start
        with clock.phase("first step: births, a prediction"):
            await simulation.predict(x)
        with clock.phase("second: ways back, a gradient"):
            await simulation.gradient(x, targets)
        with clock.phase("third step: a gradient"):
            gradient = await simulation.gradient(x, targets)
        alive = memory()[0]
        tasks = trio.lowlevel.current_statistics().tasks_living
        start = time.perf_counter()
    clock.seconds["closing"] = time.perf_counter() - start
    return gradient, alive, tasks, trio.lowlevel.current_statistics().tasks_living


def story(arguments: Namespace) -> None:
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
        net = wired(arguments.neurons, rng)
    counts = f"{len(net.ids):,} neurons, {len(net.inputs):,} of them inputs; {len(net.weights):,} synapses"
    print(f"{counts}, drawn at random.", flush=True)
    x, targets = (
        rng.standard_normal((1, len(net.inputs))),
        rng.standard_normal((1, len(net.outputs))),
    )

    gc.disable()  # it would look through all neurons again and again, and nothing here makes garbage
    gradient, alive, tasks, left = trio.run(live, net, x, targets, arguments.log, clock)
    with clock.phase("the same by sparse matrices"):
        loss, weights, biases = by_sparse_matrices(net, x[0], targets[0])

    print(f"Each is a task: trio counted {tasks:,} of them, and {left} when all was over.\n")
    for name, seconds in clock.seconds.items():
        print(f"  {name:<32} {seconds:8.1f} s")
    messages = len(net.weights) + np.count_nonzero(~net.is_input[net.sources])
    speed = messages / clock.seconds["third step: a gradient"]
    print(f"\n{messages:,} messages between neurons in that gradient: {speed:,.0f} a second.")
    print(
        f"Memory: {alive:.2f} GB alive, {memory()[1]:.2f} GB at most; {alive / len(net.ids) * 1e6:.1f} KB a neuron.\n"
    )
    print("The gradient against sparse matrices:\n")
    found = ((gradient.loss, loss), (gradient.weights, weights), (gradient.biases, biases))
    for name, (ours, theirs) in zip(("loss", "by weights", "by biases"), found, strict=True):
        print(
            f"  {name:<12} greatest {np.abs(theirs).max():10.3g}   largest difference {np.abs(ours - theirs).max():10.3g}"
        )


def more(parser: ArgumentParser) -> None:
    told = "how many, inputs among them (default a million)"
    parser.add_argument("--neurons", type=int, default=1_000_000, metavar="N", help=told)


if __name__ == "__main__":
    _common.run(story, __doc__, more=more)
