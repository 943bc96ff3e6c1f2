"""What the experiments share: one run a seed, some at once; and how question, table and finding are told."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from os import cpu_count
from typing import Any, TypeVar

import _common

import neuro_actors as na

T = TypeVar("T")
WIDTH = 80


@dataclass(frozen=True, slots=True)
class Seeds:
    """How many seeds an experiment takes: in a quick run, by default, and in a full one."""

    quick: int
    usual: int
    full: int

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """--seeds and --full; a quick run is `_common`'s."""
        told = f"how many seeds, from --seed on (default {self.usual}; quick {self.quick}, full {self.full})"
        parser.add_argument("--seeds", type=int, metavar="K", help=told)
        parser.add_argument(
            "--full",
            action="store_true",
            help="as many seeds as the documentation's figures rest on; longer",
        )

    def of(self, arguments: argparse.Namespace) -> list[int]:
        """The seeds that the arguments ask for."""
        if arguments.full and arguments.quick:
            raise na.InputError("--full and --quick exclude each other")
        count = self.full if arguments.full else self.quick if arguments.quick else self.usual
        count = count if arguments.seeds is None else arguments.seeds
        if count < 1:
            raise na.InputError(f"--seeds must be at least 1, got {count}")
        return list(range(arguments.seed, arguments.seed + count))


def run(story: Callable[[argparse.Namespace], None], about: str, seeds: Seeds) -> None:
    """`_common.run` for an experiment; the story finds its seeds in `arguments.seeds`."""

    def told(arguments: argparse.Namespace) -> None:
        arguments.seeds = seeds.of(arguments)
        story(arguments)

    _common.run(told, about, quick=True, out="the figure goes", more=seeds.add_to)


def over(what: str, run: Callable[..., T], cases: Sequence[tuple[Any, ...]]) -> list[T]:
    """run(*case) for every case, in their order, as many at once as there are cores. A bar shows how far it is, where
    somebody watches. `run` must be a function at the top of its module, for it is called in other processes."""
    if len(cases) == 1 or (cpu_count() or 1) == 1:
        return [run(*case) for case in cases]
    results: dict[int, T] = {}
    with (
        _bar(what, len(cases)) as step,
        ProcessPoolExecutor(min(len(cases), cpu_count() or 1), get_context("spawn")) as pool,
    ):
        futures = {pool.submit(run, *case): k for k, case in enumerate(cases)}
        try:
            for future in as_completed(futures):
                results[futures[future]] = future.result()
                step()
        except BaseException:  # an interrupt, or a run that failed: no other is begun
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [results[k] for k in range(len(cases))]


class _bar:  # noqa: N801 (it is used as a function is)
    """A progress bar on a terminal, else nothing."""

    def __init__(self, what: str, total: int) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._progress = (
            Progress(console=Console(stderr=True), transient=True)
            if sys.stderr.isatty()
            else nullcontext()
        )
        self._what, self._total = what, total

    def __enter__(self) -> Callable[[], None]:
        progress = self._progress.__enter__()
        if progress is None:
            return lambda: None
        task = progress.add_task(self._what, total=self._total)
        return lambda: progress.advance(task)

    def __exit__(self, *error: Any) -> None:
        self._progress.__exit__(*error)


def ask(title: str, question: str, tried: str) -> None:
    """The head of an experiment."""
    print(f"{title.upper()}\n")
    _paragraph("Question: ", question)
    _paragraph("Tried:    ", tried)


def conclude(finding: str, not_so: str) -> None:
    """Its end: the finding in one sentence, and what does not follow from it."""
    print()
    _paragraph("Finding:  ", finding)
    _paragraph("It does not follow: ", not_so)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they must be; the first to the left, the others to the right."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        first, *others = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        print(("  " + "  ".join(cells)).rstrip())


def _paragraph(label: str, text: str) -> None:
    indent = " " * min(len(label), 10)
    print(
        textwrap.fill(" ".join(text.split()), WIDTH, initial_indent=label, subsequent_indent=indent)
        + "\n"
    )
