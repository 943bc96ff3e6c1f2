"""Architectures of `na.layers` beside PyTorch, in float64: one row of a table for each.

Each architecture is made twice, with the same parameters: as a society, and as a module of PyTorch
on one thread.

- parameters: that learn; each counted once, at however many positions it is used
- actors: neurons, interneurons, inputs and delays
- messages: of one step of learning
- difference: the greatest one of the predictions and of all gradients, those of the inputs too. It
  is a share of the greatest number of its tensor, in units of 2⁻⁵², the distance from 1 to the next
  float64.
- time: of a gradient, of the society's and PyTorch's, in one run

    python benchmarks/architectures.py                  print the table
    python benchmarks/architectures.py --write          write it into both pages
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
MARK = "<!-- architectures -->"
PAGE, FRENCH = ROOT / "docs" / "architectures.md", ROOT / "docs" / "architectures.fr.md"
HEAD = ("architecture", "parameters", "actors", "synapses", "messages", "difference", "time")
EPS = 2.0**-52

sys.path.insert(0, str(ROOT / "tests"))


def count(case: Any) -> tuple[int, int, int, int]:
    """Return how many parameters learn, actors, synapses, and messages of a step.

    Args:
        case: See `torch_architectures.Case`.
    """
    import neuro_actors as na

    net = case.mirror.network
    learning = int(
        (~net.frozen_weights).sum() + (~net.frozen_biases & (net.n_parameters > 0)).sum()
    )
    how: dict[str, Any] = {"optimizer": na.SGD(0.01), "epochs": 1, "batch_size": len(case.x)}
    result = na.train(net, case.x, case.targets, case.loss, **how)
    return learning, len(net.ids), len(net.weights), result.messages


def least_time(function: Callable[[], object], repeats: int) -> float:
    """Return the least of some times, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def society_time(case: Any, repeats: int) -> float:
    """Return how long a gradient of a living society takes, in seconds."""
    import trio

    import neuro_actors as na

    async def measure() -> float:
        times = []
        rule = na.rules.ThroughTime(case.x.shape[1]) if case.mirror.network.delays else None
        async with na.open_simulation(case.mirror.network, rule=rule) as simulation:
            for _ in range(repeats):
                start = time.perf_counter()
                await simulation.gradient(case.x, case.targets, case.loss)
                times.append(time.perf_counter() - start)
        return min(times)

    return float(trio.run(measure))


def torch_time(case: Any, repeats: int) -> float:
    """Return how long PyTorch's takes, in seconds."""
    import torch
    from helpers.torch_mirror import compute

    given = torch.tensor(case.x)
    parameters = list(case.mirror.module.parameters())
    return least_time(
        lambda: torch.autograd.grad(compute(case, case.mirror.module, given)[1], parameters),
        repeats,
    )


def rows(repeats: int = 20) -> list[tuple[str, ...]]:
    """Return the rows of the table.

    Args:
        repeats: Of how many gradients the least time is taken. 0: no times.
    """
    import torch
    from helpers.torch_architectures import TABLE
    from helpers.torch_mirror import gradients_apart

    torch.set_num_threads(1)
    found = []
    for name, make in TABLE.items():
        case = make()
        counts = tuple(f"{n:,}" for n in count(case))
        apart = f"{np.ceil(10 * gradients_apart(case) / EPS) / 10:.1f}"
        ratio = ""
        if repeats:
            ours, theirs = society_time(case, repeats), torch_time(case, repeats)
            ratio = f"{ours / theirs:.0f} ×"
        found.append((name, *counts, apart, ratio))
    return found


def to_markdown(found: list[tuple[str, ...]]) -> str:
    """Return the table as Markdown."""
    lines = [HEAD, ("---", *("---:" for _ in HEAD[1:])), *found]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def translate(table: str) -> str:
    """Return the table with the names that the French page has for its rows and columns."""
    known = FRENCH.read_text(encoding="utf-8").split(MARK)[1].strip().splitlines()
    lines = table.splitlines()
    assert len(known) == len(lines), "a new row: write its name into the French page"
    new = [
        f"{old.split(' | ')[0]} | {line.split(' | ', 1)[1]}"
        for old, line in zip(known[2:], lines[2:], strict=True)
    ]
    return "\n".join([*known[:2], *new])


def write(page: Path, table: str) -> None:
    """Replace the table of a page."""
    text = page.read_text(encoding="utf-8")
    new = re.sub(rf"{MARK}.*{MARK}", lambda _: f"{MARK}\n{table}\n{MARK}", text, flags=re.DOTALL)
    page.write_text(new, encoding="utf-8")


def main() -> None:
    """Print the table, or write it into its page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help="write it into its pages")
    parser.add_argument("--repeats", type=int, default=20, help="of how many gradients each (20)")
    given = parser.parse_args()
    table = to_markdown(rows(given.repeats))
    if given.write:
        write(PAGE, table)
        write(FRENCH, translate(table))
    print(table)


if __name__ == "__main__":
    main()
