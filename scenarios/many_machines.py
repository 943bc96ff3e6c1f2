"""Cats learned by one society on several processes: the examples of each step
are divided between two replicas, the neurons between two shards, and then both,
while a worker is killed. The same bits each time.

Ray starts and watches the workers: pip install "neuro-actors[ray]".
Each batch goes through as eight micro-batches, in one process too.
"""

from __future__ import annotations

import os
import signal
import time
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import NamedTuple

import _common
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.support.palette import FAINT, INK, KINDS

BATCH, MICRO_BATCHES = 64, 8
TRAINING = _common.Training(epochs=3, rate=0.1, hidden=(16, 12), quick=1)
SHARDS, CROSSING = KINDS[:2], KINDS[2]


@dataclass(frozen=True, kw_only=True)
class Watched(na.Ray):
    """A Ray cluster that notes its workers.

    Attributes:
        workers: All workers that were started.
    """

    workers: list = field(default_factory=list)

    @asynccontextmanager
    async def open_launcher(self) -> AsyncIterator:
        async with super().open_launcher() as launcher:
            start = launcher.start

            async def start_and_note(*arguments):
                self.workers.append(worker := await start(*arguments))
                return worker

            launcher.start = start_and_note
            yield launcher


class Run(NamedTuple):
    """One run.

    Attributes:
        name: What is printed.
        network: The trained network.
        losses, seconds: The loss and the duration of each step.
        killed: The steps in which a worker was killed.
        starting: Seconds until all workers were there.
        messages: How many messages the society sent.
    """

    name: str
    network: na.Network
    losses: list[float]
    seconds: list[float]
    killed: list[int]
    starting: float
    messages: int


async def learn(
    name: str,
    net: na.Network,
    data,
    optimizer: na.SGD,
    batches: list[np.ndarray],
    engine: Watched | None,
    log=None,
    kill: int | None = None,
) -> Run:
    """Train a network. In the batch with the number `kill` a worker is killed."""
    x, is_cat = data
    losses, seconds, killed, started = [], [], [], time.perf_counter()
    async with na.open_simulation(
        net, micro_batches=MICRO_BATCHES, engine=engine, log=log
    ) as simulation:
        starting = time.perf_counter() - started
        for number, chosen in enumerate(batches):
            started = time.perf_counter()
            if number == kill:  # it has no time left to answer
                os.kill(engine.workers[-1].pid, signal.SIGKILL)
                killed.append(number)
            result = await simulation.train_step(
                x[chosen], is_cat[chosen], "cross_entropy", optimizer=optimizer
            )
            losses.append(result.loss)
            seconds.append(time.perf_counter() - started)
        network = await simulation.network()
        return Run(
            name, network, losses, seconds, killed, starting, simulation.statistics().messages
        )


def main(arguments: Namespace) -> None:
    if find_spec("ray") is None:  # before the first run, not after it
        raise na.InputError("Ray is needed: pip install 'neuro-actors[ray]'")
    recording = _common.full_recording(arguments, "many_machines.arrows")
    epochs, rate, hidden, _ = arguments.training
    optimizer = na.SGD(rate, momentum=0.9)
    x, is_cat, x_test, is_cat_test = _common.load_cats(7, arguments.seed)
    net = na.Network.layered(
        [x.shape[1], *hidden, 1], output_activation="sigmoid", seed=arguments.seed
    )
    rng = np.random.default_rng(arguments.seed)
    orders = [rng.permutation(len(x)) for _ in range(epochs)]
    batches = [
        order[start : start + BATCH]
        for order in orders
        for start in range(0, len(x) - BATCH + 1, BATCH)
    ]

    print("CATS ON MANY MACHINES\n")
    steps = f"{len(batches)} steps of {BATCH}"
    print(f"A society of {_common.describe_size(net)}, which learns in {steps}")
    print(f"pictures, each in {MICRO_BATCHES} micro-batches. How two workers divide it:\n")
    cut = na.partition(net, 2)
    print("\n".join(f"  {line}" for line in cut.describe().splitlines()))
    print("\nEach line below is a run; starting the workers takes some seconds each time.\n")
    print(f"  {'':26}{'processes':>9}{'starting':>10}{'a step':>10}   digest of the bits")
    runs = []
    ways = (
        ("one process", None), ("2 replicas", Watched(replicas=2)), ("2 shards", Watched(shards=2)),
        ("2 x 2, a worker killed", Watched(replicas=2, shards=2)),
    )  # fmt: skip
    for name, engine in ways:
        last = name == ways[-1][0]
        kill = len(batches) // 2 if last else None
        run = trio.run(
            learn,
            name,
            net,
            (x, is_cat),
            optimizer,
            batches,
            engine,
            recording if last else None,
            kill,
        )
        count = 1 if engine is None else engine.replicas * engine.shards
        times = f"{run.starting:8.1f} s{1000 * np.median(run.seconds):7.0f} ms"
        print(f"  {name:26}{count:9}{times}   {run.network.digest()[:16]}…", flush=True)
        runs.append(run)

    digests = {run.network.digest() for run in runs}
    bits = "yes" if len(digests) == 1 else "NO"
    losses = "yes" if all(run.losses == runs[0].losses for run in runs) else "NO"
    print(f"\nThe same bits: {bits}. The same losses, step by step: {losses}.")
    same = "yes" if len({run.messages for run in runs}) == 1 else "NO"
    print(f"The same {runs[0].messages:,} messages: {same}.")
    killed = runs[-1]
    seconds = killed.seconds[killed.killed[0]]
    print(
        f"The step in which a worker was killed took {seconds:.1f} s: another worker was started,"
    )
    print("and all workers did the step again from the committed state.")
    audit = "passed" if na.audit(recording.path).passed else "FAILED"
    print(f"An audit of that run's log, which replays each neuron alone: {audit}.")
    right = (na.predict(killed.network, x_test)[:, 0] >= 0.5) == (is_cat_test[:, 0] == 1)
    print(f"Accuracy on {len(x_test)} pictures never seen: {right.mean():.3f}\n")
    print("So small a society is faster in one process; docs/scaling.md says when it pays.")
    print(f"neuro-actors view {recording.path} --open")
    draw(net, cut, runs, arguments)


def draw(net: na.Network, cut: na.Partition, runs: list[Run], arguments: Namespace) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    figure, (society, losses, times) = plt.subplots(1, 3, figsize=(14, 4.8), layout="constrained")
    figure.suptitle("One society on several processes: other workers, the same bits", fontsize=14)
    draw_society(society, net, cut)
    for run, style, width, colour in zip(
        runs, ("-", "--", "-.", ":"), (5, 3.5, 2.5, 1.5), KINDS[:4], strict=True
    ):
        losses.plot(run.losses, style, lw=width, label=run.name, color=colour)
        times.plot(run.seconds, ".-", lw=0.8, ms=4, label=run.name, color=colour)
    losses.set_title("the losses: four curves, one upon the other", fontsize=11)
    losses.set_ylabel("loss")
    times.set_title("seconds a step", fontsize=11)
    times.set_yscale("log")
    for run in runs:
        for number in run.killed:
            losses.axvline(number, color=INK, lw=0.8, ls=":")
            times.annotate(
                "a worker is killed:\nthe step is done again",
                (number, run.seconds[number]),
                (0.97, 0.97),
                va="top",
                textcoords="axes fraction",
                ha="right",
                fontsize=9,
                arrowprops={"arrowstyle": "->"},
            )
    for axis in (losses, times):
        axis.set_xlabel("step")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    losses.legend(frameon=False, fontsize=9)
    _common.save_figure(figure, arguments.out, "many_machines.png")


def draw_society(axis, net: na.Network, cut: na.Partition) -> None:
    """Draw the society level by level. A neuron shows its shard by colour and mark."""
    levels = [np.flatnonzero(net.level == level) for level in range(net.depth + 1)]
    place = {}
    for level, members in enumerate(levels):
        for k, y in zip(members.tolist(), np.linspace(-1, 1, len(members) + 2)[1:-1], strict=True):
            place[k] = level, y
    for source, target in zip(net.sources.tolist(), net.targets.tolist(), strict=True):
        crosses = cut.shard[source] != cut.shard[target]
        (x0, y0), (x1, y1) = place[source], place[target]
        axis.plot(
            [x0, x1],
            [y0, y1],
            color=CROSSING if crosses else FAINT,
            lw=0.5 if crosses else 0.25,
            zorder=1 + crosses,
        )
    for shard in range(cut.shards):
        here = [place[k] for k in np.flatnonzero(cut.shard == shard).tolist()]
        axis.scatter(
            *zip(*here, strict=True),
            s=22,
            color=SHARDS[shard],
            marker="os"[shard],
            zorder=3,
            label=f"shard {shard}",
        )
    axis.plot([], [], color=CROSSING, label="synapses that cross")
    axis.set_title(
        f"two shards: {cut.messages[0]} messages forward, {cut.messages[1]} back", fontsize=11
    )
    axis.legend(loc="upper center", ncols=3, fontsize=8, frameon=False, bbox_to_anchor=(0.5, 0.0))
    axis.axis("off")


if __name__ == "__main__":
    _common.run(
        main, __doc__, quick=True, out="the figure and the log go", training=lambda _: TRAINING
    )
