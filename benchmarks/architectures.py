"""Architectures of `na.layers` beside PyTorch, in float64: one row of a table for each.

Each architecture is made three times, with the same parameters: as a society, as a module of
PyTorch on one thread, and as a graph with an object for each number (`scalars.py`).

- parameters: that learn; each counted once, at however many positions it is used
- actors: neurons, interneurons, inputs and delays
- messages: of one step of learning
- in eps: the greatest difference from PyTorch, of the predictions and of all gradients, those of
  the inputs too. It is a share of the greatest number of its tensor, in units of 2⁻⁵², the distance
  from 1 to the next float64.
- of the bound: the greatest difference from PyTorch again, each as a share of what rounding alone
  can do to that number, by `na.reference.with_bound`. The limit is 1.
- gradient: CPU time of a gradient of the society: the median of blocks in which all three take
  turns, in one run. The last two columns are this time over that of PyTorch and of the graph.

    python benchmarks/architectures.py                  print the table
    python benchmarks/architectures.py --write          write it into both pages
"""

from __future__ import annotations

import argparse
import gc
import re
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
MARK = "<!-- architectures -->"
PAGE, FRENCH = ROOT / "docs" / "architectures.md", ROOT / "docs" / "architectures.fr.md"
HEAD = (
    "architecture", "parameters", "actors", "synapses", "messages", "in eps", "of the bound",
    "gradient", "/ PyTorch", "/ scalars",
)  # fmt: skip
EPS = 2.0**-52
BLOCK = 0.05  # about how many seconds a program works before it is another's turn

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


def check_scalars(case: Any) -> None:
    """Compare the graph's gradient with the reference's.

    Raises:
        AssertionError: It differs by more than rounding.
    """
    from scalars import ScalarGraph

    import neuro_actors as na

    net = case.mirror.load()
    given = net, case.x, case.targets, case.loss
    expected, bound = na.reference.with_bound(*given)
    weights, biases = ScalarGraph(*given).gradient()
    for name, found in (("weights", weights), ("biases", biases)):
        learns = ~getattr(net, f"frozen_{name}")
        if name == "biases":
            learns &= net.n_parameters > 0
        apart = np.abs(found - getattr(expected, name))
        assert (apart <= getattr(bound, name))[learns].all(), name


def times(case: Any, rounds: int) -> tuple[float, float, float]:
    """Return the CPU time of a gradient: of the society, of PyTorch, and of the graph.

    Args:
        case: See `torch_architectures.Case`.
        rounds: In each round each of them works for one block.

    Returns:
        The medians of the blocks, in seconds.
    """
    import torch
    import trio
    from helpers.torch_mirror import compute
    from scalars import ScalarGraph

    import neuro_actors as na

    net = case.mirror.load()
    given, parameters = torch.tensor(case.x), list(case.mirror.module.parameters())
    graph = ScalarGraph(net, case.x, case.targets, case.loss)

    async def by_torch() -> None:
        torch.autograd.grad(compute(case, case.mirror.module, given)[1], parameters)

    async def by_scalars() -> None:
        graph.gradient()

    async def measure() -> tuple[float, ...]:
        rule = na.rules.ThroughTime(case.x.shape[1]) if net.delays else None
        async with na.open_simulation(net, rule=rule) as simulation:

            async def by_society() -> None:
                await simulation.gradient(case.x, case.targets, case.loss)

            programs = (by_society, by_torch, by_scalars)
            repeats = []
            for program in programs:
                await program()
                repeats.append(max(1, int(BLOCK / await cpu_time(program, 1))))
            found: list[list[float]] = [[] for _ in programs]
            for _ in range(rounds):
                for k, program in enumerate(programs):
                    gc.collect()
                    found[k].append(await cpu_time(program, repeats[k]))
            return tuple(statistics.median(blocks) for blocks in found)

    society, torchs, scalars = trio.run(measure)
    return society, torchs, scalars


async def cpu_time(program: Callable[[], Awaitable[None]], repeats: int) -> float:
    """Return the CPU time of one call, in seconds."""
    start = time.thread_time()
    for _ in range(repeats):
        await program()
    return (time.thread_time() - start) / repeats


def row(name: str, rounds: int = 11) -> tuple[str, ...]:
    """Return a row of the table.

    Args:
        name: The architecture, a key of `torch_architectures.TABLE`.
        rounds: Of how many blocks a time is the median. 0: no times.
    """
    import torch
    from helpers.torch_architectures import TABLE
    from helpers.torch_mirror import compare_gradients

    torch.set_num_threads(1)
    case = TABLE[name]()
    counts = tuple(f"{n:,}" for n in count(case))
    apart = compare_gradients(case)
    check_scalars(case)
    in_eps = f"{np.ceil(10 * apart.share / EPS) / 10:.1f}"
    found = (name, *counts, in_eps, f"{np.ceil(1000 * apart.of_bound) / 1000:.3f}")
    if not rounds:
        return found
    society, torchs, scalars = times(case, rounds)
    return *found, f"{1e3 * society:.1f} ms", f"{society / torchs:.1f}", f"{society / scalars:.2f}"


def rows(rounds: int) -> list[tuple[str, ...]]:
    """Return all rows of the table, each with its times."""
    from helpers.torch_architectures import TABLE

    return [row(name, rounds) for name in TABLE]


def machine_line() -> str:
    """Return what the times were measured on."""
    from neuro_actors.cli.benchmark.timing import machine

    about = machine()
    parts = ("python", "neuro-actors", "numpy", "trio", "torch")
    versions = ", ".join(f"{name} {about['versions'][name]}" for name in parts)
    return f"{about['cpu']}, {about['system']}, {versions}."


def to_markdown(found: list[tuple[str, ...]]) -> str:
    """Return the table as Markdown."""
    lines = [HEAD, ("---", *("---:" for _ in HEAD[1:])), *found]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def translate(table: str) -> str:
    """Return the table with the names that the French page has for its rows and columns."""
    known = FRENCH.read_text(encoding="utf-8").split(MARK)[1].strip().splitlines()
    known = [line for line in known if line.startswith("|")]
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
    """Print the table, or write it into its pages."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help="write it into its pages")
    parser.add_argument("--rounds", type=int, default=11, help="blocks of each median (11)")
    given = parser.parse_args()
    table = to_markdown(rows(given.rounds))
    if given.write:
        write(PAGE, f"{table}\n\n{machine_line()}")
        write(FRENCH, f"{translate(table)}\n\n{machine_line()}")
    print(table)
    print(f"\n{machine_line()}")


if __name__ == "__main__":
    main()
