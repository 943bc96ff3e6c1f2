"""Where the time of a gradient goes, with bundled channels.

Prints the time with rules that do nothing, and the time of each call that a neuron's rule makes.

python benchmarks/where.py [--batch N] [--sums blas]
"""

from __future__ import annotations

import os

os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import trio

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.neuron import local_rule as neuron
from neuro_actors.neuron import sums
from neuro_actors.support.console import show_all_characters

SIZES = (784, 128, 64, 10)


async def measure_gradient(batch: int, name: str) -> float:
    """Return the seconds of thread CPU time of a gradient, the median of several."""
    net, rng = na.Network.layered(SIZES, seed=0), np.random.default_rng(0)
    x, targets = rng.standard_normal((batch, SIZES[0])), rng.standard_normal((batch, SIZES[-1]))
    async with na.open_simulation(net, sums=name) as simulation:
        times = []
        for _ in range(max(5, 400 // batch)):
            start = time.thread_time()
            await simulation.gradient(x, targets)
            times.append(time.thread_time() - start)
    return statistics.median(times)


def measure_call(work: Callable[[], object]) -> float:
    """Return the microseconds of one call, the median of several."""
    times = []
    for _ in range(300):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=1, help="examples of a step (default 1)")
    parser.add_argument(
        "--sums", default="ordered", choices=list(sums.SUMS), help="(default ordered)"
    )
    arguments = parser.parse_args()
    batch, name = arguments.batch, arguments.sums
    whole = trio.run(measure_gradient, batch, name)
    methods = neuron.LocalRule.fire, neuron.LocalRule.respond
    neuron.LocalRule.fire = neuron.LocalRule.respond = lambda self, *rows: None  # type: ignore[method-assign]
    mail = trio.run(measure_gradient, batch, name)
    neuron.LocalRule.fire, neuron.LocalRule.respond = methods  # type: ignore[method-assign]
    neurons = sum(SIZES[1:])
    layers = "-".join(map(str, SIZES))
    print(f"{layers}, batch {batch}, sums {name!r}: {neurons} neurons; ", end="")
    print(f"a gradient takes {whole * 1e3:.2f} ms.")
    print(
        f"  with rules that do nothing {mail * 1e3:.2f} ms: tasks wake twice, countdowns, the loss,"
    )
    print("  checks of x and targets, a copy of the result")
    print("\nOne neuron of each layer, µs a call, its arrays in the cache:\n")
    tanh, calls = functions.activation("tanh"), sums.choose_sums(name)
    rows: dict[str, list[float]] = {}
    for fan_in, fan_out in ((784, 64), (128, 10), (64, 1)):
        rng = np.random.default_rng(0)
        a, u = rng.standard_normal((fan_in + 1, batch)), rng.standard_normal((fan_out, batch))
        w, v, out = (
            rng.standard_normal(fan_in + 1),
            rng.standard_normal(batch),
            np.empty(fan_in + 1),
        )
        back = np.empty((fan_in * fan_out, batch))[::fan_out]
        found = {
            "weighted sum": measure_call(lambda w=w, a=a: calls.weighted_sum(w, a)),
            "tanh": measure_call(lambda v=v: tanh.value(v)),
            "sum of urgencies": measure_call(lambda u=u: calls.sum_of_rows(u)),
            "slope, times urgency": measure_call(lambda v=v: v * tanh.slope(v, v)),
            "urgencies back": 0.0
            if fan_in == 784
            else measure_call(lambda w=w, v=v, back=back: sums.spread(w[:-1], v, back)),
            "weight urgencies": measure_call(
                lambda a=a, v=v, out=out: calls.mean_products(a, v, out)
            ),
            "all finite?": measure_call(lambda v=v: neuron.all_finite(v))
            + measure_call(lambda out=out: neuron.all_finite(out)),
        }
        for what, took in found.items():
            rows.setdefault(what, []).append(took)
    print(f"  {'fan-in':<22}{784:>9}{128:>9}{64:>9}")
    for what, took in rows.items():
        print(f"  {what:<22}" + "".join(f"{t:>9.2f}" for t in took))
    total = [sum(column) for column in zip(*rows.values(), strict=True)]
    print(f"  {'all of these':<22}" + "".join(f"{t:>9.2f}" for t in total))
    counted = sum(t * n for t, n in zip(total, SIZES[1:], strict=True)) / 1e3
    rest = whole * 1e3 - mail * 1e3 - counted
    print(
        f"\nAll neurons: {counted:.2f} ms in these calls, {mail * 1e3:.2f} ms for messages; ",
        end="",
    )
    print(f"{rest:.2f} ms are left: Python, caches.")


if __name__ == "__main__":
    show_all_characters()
    main()
