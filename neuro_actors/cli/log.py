"""`neuro-actors log`: ask a message log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import click

from ..log.recording import PHASES
from .log_diff import diff
from .log_export import export
from .log_plot import plot
from .log_query import query
from .output import colour_line, print_json, print_lines, to_json


@click.group()
def log() -> None:
    """Ask a message log what was said.

    A log is written by open_simulation(net, log="run.arrows"), na.train(…, log=…), or a scenario's --log.

    \b
    neuro-actors log info run.arrows
    neuro-actors log show run.arrows --step 3 --neuron h2
    neuro-actors log query run.arrows "SELECT step, loss FROM losses"
    neuro-actors log plot run.arrows
    """


@log.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_data", is_flag=True, help="One JSON object, for programs.")
def info(file: Path, as_data: bool) -> None:
    """Tell what a log holds: the run, its network, steps, messages, and whether it is whole."""
    from ..log.reader import LogReader
    from ..log.summary import format_summary, summarize

    reader = LogReader(file)
    about = summarize(reader)
    if as_data:
        print_json(about)
    else:
        click.echo(format_summary(about, reader.network.describe().partition("\n")[2]))


@log.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--neuron", metavar="ID", help="Only what this neuron said or heard.")
@click.option("--step", type=click.IntRange(1), help="Only this step.")
@click.option(
    "--phase",
    type=click.Choice(list(PHASES)),
    help="Only activations, urgencies, targets and losses, or commits.",
)
@click.option("--limit", type=click.IntRange(1), help="At most so many lines.")
@click.option(
    "--follow",
    is_flag=True,
    help="Go on while the log is being written, to its end or until Ctrl-C.",
)
@click.option(
    "--json", "as_data", is_flag=True, help="A JSON object a line, with all numbers, for programs."
)
def show(
    file: Path,
    neuron: str | None,
    step: int | None,
    phase: str | None,
    limit: int | None,
    follow: bool,
    as_data: bool,
) -> None:
    """Print messages in words, one a line.

    What a neuron tells all its followers is one line, and stands in the mail of each of them. Of a society in a storm
    there stands below what befell a message, and at the end of a step who died in it (but with --follow).

    \b
    neuro-actors log show run.arrows --step 3 --neuron h2
    neuro-actors log show run.arrows --phase backward --limit 20
    neuro-actors log show run.arrows --follow
    """
    from ..log.fault_log import read_fault_log
    from ..log.fault_story import describe_faults, join_faults
    from ..log.follow import FollowingReader
    from ..log.reader import LogReader
    from ..log.row_filter import RowFilter
    from ..log.wording import describe_row

    reader = FollowingReader(file) if follow else LogReader(file)
    row_filter = RowFilter(neuron, step, phase)
    held = None if follow else read_fault_log(reader.path, reader.metadata, reader.network)
    rows = row_filter.rows(reader)
    shown = 0

    def all_lines() -> Iterator[str]:
        for row, befell in (
            ((row, []) for row in rows) if held is None else join_faults(rows, held, row_filter)
        ):
            if as_data:
                said = {"step": befell[0].step} if row is None else row._asdict()
                yield to_json(
                    said if held is None else said | {"disturbances": list(map(asdict, befell))}
                )
                continue
            if row is not None:
                yield colour_line(describe_row(row, reader.network), row.kind)
            yield from (colour_line(f"    {line}", "disturbed") for line in describe_faults(befell))

    def lines() -> Iterator[str]:
        nonlocal shown
        for line in islice(all_lines(), limit):
            yield line
            shown += 1

    print_lines(lines(), paged=not (follow or as_data))
    if reader.cut_off and shown != limit:
        click.echo(
            f"neuro-actors: the log {str(file)!r} is cut off or damaged here; what stands before is whole",
            err=True,
        )
    elif not shown:
        click.echo("neuro-actors: no message fits", err=True)


for command in (query, export, diff, plot):
    log.add_command(command)
