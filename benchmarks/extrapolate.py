"""What a step of learning would cost on more machines than there are here.

This runs the simulator of pipeline.py with the constants that machines.py has measured. Assumed:

- Each worker is a core like the one that was measured, on a machine of its own. Each hop costs what
  it costs here on loopback.
- A network is cut by depth into equal shards, each of which receives only from the one before.
  Every level is as wide as the others.
- A neuron has 100 sources. A micro-batch has 32 examples, and each replica has at least one of
  them.
- A worker has the memory that benchmarks/RESULTS.md says; the driver has a copy of all parameters,
  without its network.

    python benchmarks/extrapolate.py machines.json
"""

from __future__ import annotations

import argparse
import json
from math import ceil, log2
from pathlib import Path
from typing import Any

from pipeline import DRIVER, Plan, simulate

FAN_IN, EXAMPLES, LEVELS = 100, 32, 100
NEURON, SYNAPSE = 3347, 63  # bytes; benchmarks/RESULTS.md
SMALL, LARGE = 100_000, 1_000_000_000
CASES = (  # neurons, replicas, shards, micro-batches
    (SMALL, 1, 1, 16),
    (SMALL, 2, 1, 16),
    (SMALL, 1, 2, 16),
    (SMALL, 1, 10, 16),
    (SMALL, 1, 100, 16),
    (SMALL, 1, 100, 400),
    (SMALL, 50, 2, 400),
    (SMALL, 100, 1, 400),
    (SMALL, 1000, 1, 4000),
    (SMALL, 5000, 2, 40000),
    (SMALL, 10000, 1, 40000),
    (LARGE, 1, 100, 16),
    (LARGE, 1, 100, 400),
    (LARGE, 100, 100, 400),
)


def make_plan(
    costs: dict[str, Any], neurons: int, replicas: int, shards: int, micro_batches: int
) -> Plan:
    own, synapses = neurons / shards, neurons / shards * FAN_IN
    width = neurons / max(LEVELS, shards)  # of a level
    proxies = width if shards > 1 else 0
    each = (costs["wake"] + costs["row"] * EXAMPLES) * (own + proxies)
    each += (costs["message"] + (costs["number"] + costs["answer"]) * EXAMPLES) * synapses
    parameters = 8 * (own + synapses)
    learn = costs["learn"] + costs["learn_neuron"] * own + costs["learn_byte"] * parameters
    values = 8.0 * EXAMPLES * width  # bytes of the activations of a level
    one = shards == 1
    measured = ("hop", "byte", "frame", "frame_byte", "round", "add", "keep")
    return Plan(
        replicas=replicas,
        shards=shards,
        micro_batches=micro_batches,
        window=1 if one else 2 * shards + 2,
        forward=[each / 3] * shards,
        back=[each * 2 / 3] * shards,
        learn=[learn] * shards,
        parameters=[parameters] * shards,
        bytes_in=[2 * values] if one else [values] + [0.0] * (shards - 1),
        bytes_out=[0.0] * (shards - 1) + [values],
        crossing=values,
        **{name: costs[name] for name in measured},
    )


def make_row(
    costs: dict[str, Any], neurons: int, replicas: int, shards: int, micro_batches: int
) -> list[str]:
    plan = make_plan(costs, neurons, replicas, shards, micro_batches)
    made = simulate(plan)
    step = max(job.end for job in made)
    driver = sum(job.takes for job in made if job.who == DRIVER)
    work = sum(job.takes for job in made if job.who != DRIVER and job.what in ("forward", "back"))
    blocks = plan.hop + (plan.byte + plan.add) * plan.parameters[0]
    tree, fold = (
        2 * ceil(log2(replicas)) * blocks if replicas > 1 else 0.0,
        2 * (replicas - 1) * blocks,
    )
    synapses = neurons * FAN_IN
    held = (NEURON * neurons + SYNAPSE * synapses) / shards
    return [
        f"{neurons:.0e}".replace("e+0", "e"),
        f"{replicas:,} x {shards}",
        f"{micro_batches:,}",
        format_seconds(step),
        f"{work / step / replicas / shards:.0%}",
        format_seconds(driver),
        f"{format_seconds(tree)}, {format_seconds(fold)}",
        format_bytes(held),
        format_bytes(8 * (neurons + synapses)),
    ]


def format_seconds(seconds: float) -> str:
    for unit, length in (("h", 3600.0), ("s", 1.0), ("ms", 1e-3)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds / 1e-3:.2g} ms" if seconds else "-"


def format_bytes(count: float) -> str:
    for unit, length in (("TB", 1e12), ("GB", 1e9)):
        if count >= length:
            return f"{count / length:.3g} {unit}"
    return f"{count / 1e6:.3g} MB"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="what benchmarks/machines.py --json has written")
    costs = json.loads(parser.parse_args().file.read_text())["constants"]
    head = [
        "neurons",
        "R x S",
        "M",
        "a step",
        "busy",
        "driver",
        "tree, fold",
        "a worker",
        "parameters",
    ]
    rows = [head, ["---", *["---:"] * (len(head) - 1)], *(make_row(costs, *case) for case in CASES)]
    print("\n".join("| " + " | ".join(cells) + " |" for cells in rows))


if __name__ == "__main__":
    main()
