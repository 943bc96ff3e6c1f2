"""Where the time of a gradient goes, bundled channels: the mail alone, and each call that a neuron's rule makes.

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

SIZES = (784, 128, 64, 10)


async def step(batch: int, name: str) -> float:
    """Seconds of thread CPU time a gradient takes, the median of some."""
    net, rng = na.Network.layered(SIZES, seed=0), np.random.default_rng(0)
    x, targets = rng.standard_normal((batch, SIZES[0])), rng.standard_normal((batch, SIZES[-1]))
    async with na.open_simulation(net, sums=name) as simulation:
        times = []
        for _ in range(max(5, 400 // batch)):
            start = time.thread_time()
            await simulation.gradient(x, targets)
            times.append(time.thread_time() - start)
    return statistics.median(times)


def called(work: Callable[[], object]) -> float:
    """Microseconds of one call, the median of some."""
    times = []
    for _ in range(300):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--sums", default="ordered", choices=list(sums.SUMS))
    arguments = parser.parse_args()
    batch, name = arguments.batch, arguments.sums
    whole = trio.run(step, batch, name)
    kept = neuron.LocalRule.fire, neuron.LocalRule.respond
    neuron.LocalRule.fire = neuron.LocalRule.respond = lambda self, *sheets: None  # type: ignore[method-assign]
    mail = trio.run(step, batch, name)
    neuron.LocalRule.fire, neuron.LocalRule.respond = kept  # type: ignore[method-assign]
    neurons = sum(SIZES[1:])
    print(
        f"{'-'.join(map(str, SIZES))}, batch {batch}, sums {name!r}: {neurons} neurons, a gradient {whole * 1e3:.2f} ms"
    )
    print(
        f"  with rules that do nothing {mail * 1e3:.2f} ms: tasks woken twice, bells, the loss, checking x and targets,"
    )
    print("  copying the result")
    print("\nOne neuron of each layer, µs a call, its arrays in the cache:\n")
    tanh, calls = functions.activation("tanh"), sums.named(name)
    rows: dict[str, list[float]] = {}
    for fan_in, fan_out in ((784, 64), (128, 10), (64, 1)):
        rng = np.random.default_rng(0)
        heard, u = rng.standard_normal((fan_in + 1, batch)), rng.standard_normal((fan_out, batch))
        w, v, out = (
            rng.standard_normal(fan_in + 1),
            rng.standard_normal(batch),
            np.empty(fan_in + 1),
        )
        back = np.empty((fan_in * fan_out, batch))[::fan_out]
        found = {
            "weighted sum": called(lambda w=w, heard=heard: calls.weighted_sum(w, heard)),
            "tanh": called(lambda v=v: tanh.value(v)),
            "sum of urgencies": called(lambda u=u: calls.sum_of_rows(u)),
            "slope, times urgency": called(lambda v=v: v * tanh.slope(v, v)),
            "urgencies back": 0.0
            if fan_in == 784
            else called(lambda w=w, v=v, back=back: sums.spread(w[:-1], v, back)),
            "weight urgencies": called(
                lambda heard=heard, v=v, out=out: calls.mean_products(heard, v, out)
            ),
            "all finite?": called(lambda v=v: neuron.all_finite(v))
            + called(lambda out=out: neuron.all_finite(out)),
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
        f"\nAll neurons: {counted:.2f} ms in these calls, {mail * 1e3:.2f} ms mail, {rest:.2f} ms left: Python, caches."
    )


if __name__ == "__main__":
    main()
