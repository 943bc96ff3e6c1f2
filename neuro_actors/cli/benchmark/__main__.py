"""The program behind `neuro-actors bench`: its BLAS has one thread, as its caller has arranged."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from ...support.console import show_all_characters
from ..output import drop_output, ignore_closed_pipe
from .timing import Timed, by_work, machine, plan, side_by_side, to_json


def main(arguments: list[str]) -> None:
    """Time all rivals and print the tables.

    Args:
        arguments: "quick" or "full", and the name of a JSON file for all figures, or "".
    """
    quick, path = arguments[0] == "quick", arguments[1]
    rounds, seconds = (5, 0.02) if quick else (15, 0.1)
    works = plan(quick)
    err = Console(stderr=True)
    found: list[Timed] = []
    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        shown = bar.add_task("", total=sum(len(rivals) * (rounds + 1) for _, rivals in works))
        for work, rivals in works:

            def done(name: str, work: object = work) -> None:
                bar.update(shown, advance=1, description=f"{work}: {name}")

            found += trio.run(side_by_side, work, rivals, rounds, seconds, done)
    print_tables(found, Console(highlight=False))
    if path:
        part = Path(f"{path}.part")
        part.write_text(json.dumps(to_json(found), indent=1) + "\n", encoding="utf-8")
        os.replace(part, path)  # noqa: PTH105


def print_tables(found: list[Timed], out: Console) -> None:
    """Print a table for each work.

    Args:
        found: The times.
        out: Where to print.
    """
    here = machine()
    versions = ", ".join(f"{name} {version}" for name, version in here["versions"].items())
    out.print(
        "ms: thread CPU time of one gradient, median; clock: by the clock; "
        "/numpy, /bundled: ratios of ms.\n"
    )
    out.print(
        f"{here['cpu']}, {here['system']}; BLAS {here['blas']}, one thread\n{versions}",
        markup=False,
    )
    for (work, batch), rivals in by_work(found):
        matrices, bundled = rivals["numpy matrices"].cpu, rivals["bundled"].cpu
        table = Table(
            *("", "ms", "quartiles", "clock", "/numpy", "/bundled", "messages/s"),
            title=f"{work}, batch {batch}: one gradient",
            title_justify="left",
            box=None,
            pad_edge=False,
        )
        for column in table.columns[1:]:
            column.justify = "right"
        for name, timed in rivals.items():
            low, high = timed.quartiles
            speed = f"{timed.messages / timed.cpu:,.0f}" if timed.messages else ""
            table.add_row(
                name,
                _short(timed.cpu * 1e3),
                f"{_short(low * 1e3)} {_short(high * 1e3)}",
                _short(timed.wall * 1e3),
                _short(timed.cpu / matrices),
                _short(timed.cpu / bundled),
                speed,
            )
        out.print()
        out.print(table)


def _short(value: float) -> str:
    """Write a number with three figures and without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _run() -> None:
    """Call `main`. An output that cannot be written is one line, as for all commands."""
    show_all_characters()
    try:
        with ignore_closed_pipe():
            main(sys.argv[1:])
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        drop_output()
        what = f"the output cannot be written: {error.strerror or error}"
        print(f"neuro-actors: {what}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    _run()
