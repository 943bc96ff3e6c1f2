"""Shared by the experiments: one run for each seed, on all cores; and how results are printed."""

from __future__ import annotations

import argparse
import re
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
import _french

import neuro_actors as na

T = TypeVar("T")
WIDTH = 80


@dataclass(frozen=True, slots=True)
class Seeds:
    """How many seeds an experiment uses: with --quick, by default, and with --full."""

    quick: int
    usual: int
    full: int

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add --seeds and --full (`_common.run` adds --quick)."""
        counts = f"default {self.usual}; quick {self.quick}, full {self.full}"
        parser.add_argument(
            "--seeds",
            type=int,
            metavar="K",
            help=f"how many seeds, counted from --seed ({counts})",
        )
        parser.add_argument(
            "--full",
            action="store_true",
            help="all seeds of the figures in the documentation; takes longer",
        )

    def choose(self, arguments: argparse.Namespace) -> list[int]:
        """Return the seeds that the arguments ask for."""
        if arguments.full and arguments.quick:
            raise na.InputError("--full and --quick exclude each other")
        count = self.full if arguments.full else self.quick if arguments.quick else self.usual
        count = count if arguments.seeds is None else arguments.seeds
        if count < 1:
            raise na.InputError(f"--seeds must be at least 1, got {count}")
        return list(range(arguments.seed, arguments.seed + count))


def run(
    main: Callable[[argparse.Namespace], None], about: str, seeds: Seeds, french: bool = False
) -> None:
    """Call `_common.run` for an experiment; `main` finds its seeds in `arguments.seeds`."""

    def main_with_seeds(arguments: argparse.Namespace) -> None:
        arguments.seeds = seeds.choose(arguments)
        main(arguments)

    _common.run(
        main_with_seeds,
        about,
        quick=True,
        out="the figure goes",
        more=seeds.add_to,
        french=french,
    )


def run_all(what: str, run: Callable[..., T], cases: Sequence[tuple[Any, ...]]) -> list[T]:
    """Call `run(*case)` for every case, in processes, as many at once as there are cores.

    A terminal shows a progress bar.

    Args:
        what: The bar's title.
        run: A function at the top of its module: other processes import it.
        cases: The arguments of each call.

    Returns:
        The results, in the order of the cases.
    """
    if len(cases) == 1 or (cpu_count() or 1) == 1:
        return [run(*case) for case in cases]
    results: dict[int, T] = {}
    with (
        _progress_bar(what, len(cases)) as step,
        ProcessPoolExecutor(min(len(cases), cpu_count() or 1), get_context("spawn")) as pool,
    ):
        futures = {pool.submit(run, *case): k for k, case in enumerate(cases)}
        try:
            for future in as_completed(futures):
                results[futures[future]] = future.result()
                step()
        except BaseException:  # an interrupt, or a run that failed: start no other
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [results[k] for k in range(len(cases))]


class _progress_bar:  # noqa: N801 (it is used like a function)
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


def print_question(
    title: str, question: str, tried: str, say: _french.Say = _common.ENGLISH
) -> None:
    """Print the head of an experiment: what is asked, and what is done."""
    print(f"{title.upper()}\n")
    _print_paragraph(say("Question: "), question)
    _print_paragraph(say("Tried:    "), tried)


def print_finding(finding: str, not_so: str, say: _french.Say = _common.ENGLISH) -> None:
    """Print the end of an experiment: what was found, and what does not follow from it."""
    print()
    _print_paragraph(say("Finding:  "), finding)
    _print_paragraph(say("It does not follow: "), not_so)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first column flush left, the others flush right."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        first, *others = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        print(("  " + "  ".join(cells)).rstrip())


def print_wrapped(text: str, label: str = "") -> None:
    """Print a text in lines of at most 80 columns, which begin below the label's end."""
    one_line = " ".join(re.split("[ \n]+", text))  # not at the spaces that do not break
    indent = " " * (len(label) if len(label) < 12 else 10)
    print(textwrap.fill(one_line, WIDTH, initial_indent=label, subsequent_indent=indent))


def _print_paragraph(label: str, text: str) -> None:
    print_wrapped(text, label)
    print()
