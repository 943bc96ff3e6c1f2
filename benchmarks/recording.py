"""What a message log costs, measured with training steps of 784-128-64-10.

Four runs: every step recorded; every tenth; none; and none, but after each step a bare pyarrow
writer gets the same record batch, ready-made. They take turns in one process, in blocks of equal
length. Times are medians of the thread's CPU time.

    python benchmarks/recording.py [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import trio

import neuro_actors as na

SIZES, OPTIMIZER, BLOCK = (784, 128, 64, 10), na.SGD(1e-3), 10


class Bare:
    """Writes one record batch of another log again and again."""

    def __init__(self, log: Path, path: Path) -> None:
        with pa.ipc.open_stream(pa.OSFile(str(log))) as stream:
            schema, batches = stream.schema, []
            for _ in range(2):
                batches.append(stream.read_next_batch())
            copies = [pa.concat_arrays([column]) for column in batches[1].columns]
        self.batch = pa.record_batch(copies, schema=schema)
        self.file = pa.OSFile(str(path), "wb")
        self.stream = pa.ipc.new_stream(self.file, schema)
        self.step()  # the dictionaries are written once

    def step(self) -> None:
        """Write the record batch once."""
        self.stream.write_batch(self.batch)


async def measure(batch: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Measure all four runs with this batch size."""
    net, rng = na.Network.layered(SIZES, seed=0), np.random.default_rng(0)
    x, targets = rng.standard_normal((batch, SIZES[0])), rng.standard_normal((batch, SIZES[-1]))
    logs = {name: folder / f"{name}.arrows" for name in ("every step", "every tenth", "bare")}
    async with AsyncExitStack() as stack:
        opened: dict[str, na.Simulation] = {}
        for name, log in (
            ("none", None),
            ("every step", na.Recording(logs["every step"])),
            ("every tenth", na.Recording(logs["every tenth"], every=10)),
        ):
            opened[name] = await stack.enter_async_context(na.open_simulation(net, log=log))
            for _ in range(10):
                await opened[name].train_step(x, targets, optimizer=OPTIMIZER)
        bare = Bare(logs["every step"], logs["bare"])
        size = bare.batch.nbytes
        opened["bare"] = opened["none"]
        times: dict[str, list[float]] = {name: [] for name in opened}
        for _ in range(rounds):
            for name, simulation in opened.items():
                start = time.thread_time()
                for _ in range(BLOCK):
                    await simulation.train_step(x, targets, optimizer=OPTIMIZER)
                    if name == "bare":
                        bare.step()
                times[name].append((time.thread_time() - start) / BLOCK)
        bare.stream.close()
    times["bare"] = [bare - off for bare, off in zip(times["bare"], times["none"], strict=True)]
    costs = [on - off for on, off in zip(times["every step"], times["none"], strict=True)]
    took = {name: statistics.median(values) for name, values in times.items()}
    return {
        "batch": batch,
        "rows": bare.batch.num_rows,
        "megabytes": size / 1e6,
        "seconds": took,
        "cost": statistics.median(costs),
        "to_bare": statistics.median(costs) / took["bare"],
        "every_tenth": statistics.median(
            [t / n for t, n in zip(times["every tenth"], times["none"], strict=True)]
        ),
    }


def main() -> None:
    """Measure three batch sizes and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a third of the rounds")
    parser.add_argument("--json", help="write the figures to this file too")
    arguments = parser.parse_args()
    found = []
    print("784-128-64-10, a training step; milliseconds of the thread's CPU time\n")
    print("batch    rows    MB   no log  every 10th   ratio  every step    cost   bare   ratio")
    for batch, rounds in ((1, 30), (32, 15), (256, 9)):
        with tempfile.TemporaryDirectory() as folder:
            f = trio.run(measure, batch, rounds // 3 if arguments.quick else rounds, Path(folder))
        found.append(f)
        none, tenth, every, bare = (
            f["seconds"][name] * 1e3 for name in ("none", "every tenth", "every step", "bare")
        )
        print(
            f"{batch:5}  {f['rows']:6,}  {f['megabytes']:4.1f}  {none:7.2f}  {tenth:10.2f}  "
            f"{f['every_tenth']:6.2f}  {every:10.2f}  {f['cost'] * 1e3:6.2f}  {bare:5.2f}  "
            f"{f['to_bare']:6.2f}",
            flush=True,
        )
    if arguments.json:
        part = Path(f"{arguments.json}.part")
        part.write_text(json.dumps({"recording": found}, indent=1) + "\n")
        part.replace(arguments.json)


if __name__ == "__main__":
    main()
