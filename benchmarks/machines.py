"""What a cluster costs, measured on this machine: constants of the cost model, and whole runs.

Constants: a hop (half a round trip of a connection between two processes); a Ray call; what a frame
takes of the driver and a micro-batch of a worker; and what a neuron takes in a worker, for its
wake, for each synapse and for each example.

Runs: training steps by one process and by workers, in turn, so that other work on the machine
disturbs both. Each ratio is one process's time to the workers' in the same run, the median of
several. Workers that only sleep for their time (16 and 50 ms a micro-batch) show what the cluster
itself costs, however loaded the machine is. Real neurons are 784-128-64-10, with 32 examples in a
micro-batch. Workers are started by Ray, and beside it as plain processes. Each run is also
simulated by pipeline.py, from the constants and from what one process takes: the last column.

    python benchmarks/machines.py --json machines.json    constants, then runs: a quarter of an hour
    python benchmarks/machines.py --quick                 fewer runs, fewer times
    python benchmarks/machines.py --workers 2 4 8 16      so many replicas, so many shards
    python benchmarks/machines.py --memory                a society too large for one worker

--json FILE writes all figures, whole or not at all; `pipeline.py --measured FILE` reads them. Take
ratios, not absolutes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # as workers have it

import costs
import pipeline
import runs
import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from neuro_actors.cli.benchmark.timing import machine
from neuro_actors.support.console import show_all_characters
from neuro_actors.support.errors import NeuroActorsError
from neuro_actors.support.files import check_free, whole_file

GATES = {("replicas", 16): 1.5, ("replicas", 50): 1.7, ("shards", 16): 1.2, ("shards", 50): 1.4}
LARGE, MB = (800, 1000, 1000, 1000, 800), 1e6
Done = Callable[[str], None]


@contextmanager
def progress(total: int) -> Iterator[Done]:
    """Show a bar. Call what is yielded once for each of so many things, when it is done."""
    err = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda name: bar.update(task, advance=1, description=name[:40])


def print_constants(found: dict[str, Any]) -> None:
    rows = [
        (f"a hop, {int(size):>9,} bytes", took, "half a round trip of a connection")
        for size, took in found["hops"].items()
    ]
    rows.append(("  for each MB more", found["byte"] * MB, ""))
    if found["ray"]:
        half = found["ray"]["half_a_call"]
        rows += [
            (f"Ray, {int(size):>9,} bytes", took, "half a call of an actor's method")
            for size, took in half.items()
        ]
        rows += [
            ("Ray starts", found["ray"]["starts"], "a local one"),
            ("Ray ends", found["ray"]["ends"], ""),
        ]
    rows += [
        ("a frame", found["frame"], "of the driver's time, sent or read"),
        ("  for each MB", found["frame_byte"] * MB, ""),
        ("a micro-batch", found["round"], "of a worker's time, besides its neurons"),
        ("a wake", found["wake"], "a neuron (no input) and micro-batch, there and back"),
        ("a row", found["row"], "a neuron and example"),
        ("a message", found["message"], "a synapse and micro-batch"),
        ("a number", found["number"], "a synapse and example"),
        ("an answer", found["answer"], "the same, of a synapse that does not come from an input"),
        ("learning", found["learn"], "of a worker's time, at a batch's end"),
        ("  for each neuron", found["learn_neuron"], ""),
        ("  for each MB", found["learn_byte"] * MB, "of parameters"),
        ("adding, for each MB", found["add"] * MB, "what another replica has sent"),
        ("keeping, for each MB", found["keep"] * MB, "of the driver's time, at a batch's end"),
    ]
    for name, took, what in rows:
        print(f"{name:24} {format_seconds(took):>12}   {what}")


def format_seconds(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def choose_runs(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the runs that the user asks for."""
    quick, cores = arguments.quick, os.cpu_count()
    counts = arguments.workers or [2]
    shapes = (
        [(n, 1) for n in counts]
        + [(1, n) for n in counts if n > 1]
        + ([] if quick or arguments.workers else [(2, 2)])
    )
    found = []
    for work, times in (("sleep 16 ms", 9), ("sleep 50 ms", 5), ("real", 11)):
        for M in (16,) if quick or arguments.workers else (8, 16):  # noqa: N806
            for replicas, shards in shapes:
                for engine in arguments.engines:
                    if work == "real":
                        made = runs.make_real_work(cores or 1)
                    else:
                        made = runs.make_sleeping_work(
                            int(work.split()[1]), max(2, *counts, shards)
                        )
                    if replicas > M:
                        continue
                    name = f"{made.name}, {M} m.-b., {replicas} x {shards}, {engine}"
                    here = {
                        "work": made,
                        "engine": engine,
                        "replicas": replicas,
                        "shards": shards,
                        "micro_batches": M,
                    }
                    found.append(here | {"times": 3 if quick else times, "name": name})
    return found


def print_runs(found: list[dict[str, Any]]) -> None:
    """Print a table. ! marks a ratio below the one that is asked for."""
    print(f"\n{'replicas x shards':42} {'one':>8} {'workers':>8} {'ratio':>6} {'simulated':>9}")
    for run in found:
        simulated = pipeline.seconds(pipeline.Plan(**run["plan"]))
        least = gate(run)
        mark = "" if least is None else (" ok" if run["ratio"] >= least else f" ! {least}")
        times = f"{run['one'] * 1e3:>5.0f} ms {run['seconds'] * 1e3:>5.0f} ms {run['ratio']:>6.2f}"
        model = f"{run['quickest_one'] / simulated:>6.2f}"
        print(f"{run['name']:42} {times} {model}{mark}", flush=True)


def gate(run: dict[str, Any]) -> float | None:
    """Return the least ratio that is asked for; None for any."""
    shape = {(2, 1): "replicas", (1, 2): "shards"}.get(
        (run["plan"]["replicas"], run["plan"]["shards"])
    )
    sleeps = run["work"].startswith("sleep")
    return GATES.get((shape, int(run["work"].split()[1]))) if shape and sleeps else None


def print_memory(found: list[dict[str, Any]]) -> None:
    print(f"a layered network of {found[0]['synapses']:,} synapses, one step of learning\n")
    print(f"{'shards':>6} {'limit':>10}   the most that each worker held")
    for row in found:
        limit = "none" if row["limit"] is None else f"{row['limit'] / MB:,.0f} MB"
        if "peaks" in row:
            held = ", ".join(f"{size / MB:,.0f}" for size in row["peaks"]) + " MB"
            text = f"{held}{'; the bits of one process' if row['same_bits'] else '; OTHER BITS'}"
        else:
            text = row["refused"]
        print(f"{row['shards']:>6} {limit:>10}   {text}"[:160])


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {
        "machine": machine() | {"cores": os.cpu_count(), "load": os.getloadavg()[1]}
    }
    if arguments.memory:
        with progress(1):
            limits = (None, arguments.limit * 1_000_000)
            found["memory"] = await runs.measure_memory(LARGE, (1, 2, 4), limits)
        print_memory(found["memory"])
        return found
    here = found["machine"]
    load = f"a load of {here['load']:.1f} before"
    print(f"{here['cpu']}, {here['cores']} cores, {load}\n", flush=True)
    with progress(2 + 2 * len(costs.NETS)) as done:
        found["constants"] = await costs.measure_constants(arguments.quick, done)
    print_constants(found["constants"])
    todo, found["runs"] = choose_runs(arguments), []
    with progress(len(todo)) as done:
        for run in todo:
            found["runs"].append(await runs.run_side_by_side(**run, costs=found["constants"]))
            done(run["name"])
    print_runs(found["runs"])
    print()
    pipeline.print_comparison(found)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer runs, each a few times")
    parser.add_argument(
        "--memory",
        action="store_true",
        help="nothing but how much memory a worker needs, by shards",
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=400,
        metavar="MB",
        help="with --memory: what a worker may ask for",
    )
    parser.add_argument(
        "--workers",
        type=int,
        nargs="+",
        metavar="N",
        help="so many replicas, and so many shards; default 2",
    )
    parser.add_argument(
        "--engines",
        nargs="+",
        choices=("ray", "plain"),
        default=("ray", "plain"),
        help="default both",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write all figures to this file, too"
    )
    arguments = parser.parse_args()
    try:
        if arguments.json:
            check_free(arguments.json, force=True)
        found = trio.run(measure, arguments)
        if arguments.json:
            with whole_file(arguments.json, force=True) as file:
                file.write((json.dumps(found, indent=1) + "\n").encode())
    except NeuroActorsError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    show_all_characters()
    main()
