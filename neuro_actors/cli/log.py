"""`neuro-actors log`: read, query and compare message logs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import click

from ..log.recording_settings import PHASES
from .completion import complete_neuron
from .guess import GuessingGroup, WholeNumber
from .log_diff import diff
from .log_export import export
from .log_plot import plot
from .log_query import query
from .output import check_step, colour_line, print_json, print_lines, to_json


@click.group(cls=GuessingGroup)
def log() -> None:
    """Read, query and compare message logs.

    To write a log: na.train(…, log="run.arrows") or
    na.open_simulation(net, log="run.arrows") in Python, --log run.arrows in a scenario.

    \b
    neuro-actors log info run.arrows
    neuro-actors log show run.arrows --step 3 --neuron h1.0
    neuro-actors log query run.arrows "SELECT step, loss FROM losses"
    neuro-actors log plot run.arrows
    """


@log.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_data", is_flag=True, help="Print one JSON object.")
def info(file: Path, as_data: bool) -> None:
    """Summarize a log: run, network, steps, messages.

    The summary also says if the log is complete.
    """
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
@click.option(
    "--neuron",
    metavar="ID",
    shell_complete=complete_neuron,
    help="Only messages that this neuron sent or received.",
)
@click.option("--step", type=WholeNumber(1), help="Only this step.")
@click.option(
    "--phase",
    type=click.Choice(list(PHASES)),
    help="Only activations (forward), targets and losses (loss), urgencies (backward), or commits.",
)
@click.option("--limit", type=WholeNumber(1), help="Print at most this many lines.")
@click.option(
    "--follow",
    is_flag=True,
    help="Wait for more while the log is written, to its end or until Ctrl-C.",
)
@click.option(
    "--json", "as_data", is_flag=True, help="Print one JSON object per line, with all numbers."
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
    """Print messages in words, one per line.

    A neuron sends the same activation to all its followers: that is one line. With
    --neuron it is one line for each follower. With fault injection: below each
    message what happened to it, after each step which neurons crashed (not with
    --follow).

    \b
    neuro-actors log show run.arrows --step 3 --neuron h1.0
    neuro-actors log show run.arrows --phase backward --limit 20
    neuro-actors log show run.arrows --follow
    """
    from ..log.fault_log import read_fault_log
    from ..log.fault_story import describe_faults, join_faults
    from ..log.follow import FollowingReader
    from ..log.reader import LogReader
    from ..log.row_filter import RowFilter
    from ..log.wording import describe_row, mode_of

    reader = FollowingReader(file) if follow else LogReader(file)
    row_filter = RowFilter(neuron, step, phase)
    fault_log = None if follow else read_fault_log(reader.path, reader.metadata, reader.network)
    begins: dict[int, str] = {}
    rows = row_filter.rows(reader, begins)
    with_faults = (
        ((row, []) for row in rows)
        if fault_log is None
        else join_faults(rows, fault_log, row_filter)
    )
    shown, more = 0, False

    def all_lines() -> Iterator[str]:
        for row, faults in with_faults:
            if as_data:
                data = {"step": faults[0].step} if row is None else row._asdict()
                if fault_log is not None:
                    data |= {"disturbances": list(map(asdict, faults))}
                yield to_json(data)
                continue
            if row is not None:
                mode = mode_of(begins.get(row.step)) if row.kind == "commit" else None
                yield colour_line(describe_row(row, reader.network, mode), row.kind)
            yield from (colour_line(f"    {line}", "disturbed") for line in describe_faults(faults))

    def lines() -> Iterator[str]:
        nonlocal shown, more
        every_line = all_lines()
        for line in islice(every_line, limit):
            yield line
            shown += 1
        # to follow a log is to wait for the next line
        more = shown == limit and not follow and next(every_line, None) is not None

    print_lines(lines(), paged=not (follow or as_data))
    if more:
        click.echo(f"neuro-actors: more messages follow; --limit {limit} ends here", err=True)
    elif reader.cut_off and shown != limit:
        where = f"the log {str(file)!r} is cut off or damaged here"
        click.echo(f"neuro-actors: {where}; the part before is complete", err=True)
    elif not shown:
        if step is not None and not follow:
            check_step(file, step)
        click.echo("neuro-actors: no message matches", err=True)


for command in (query, export, diff, plot):
    log.add_command(command)
