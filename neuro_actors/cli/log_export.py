"""`neuro-actors log export`: a log in other formats."""

from __future__ import annotations

from pathlib import Path

import click

from ..log.recording_settings import PHASES
from .completion import complete_format, complete_neuron
from .guess import WholeNumber
from .output import check_step


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    metavar="NAME",
    shell_complete=complete_format,
    help="parquet, csv, jsonl or pftrace. Default: the suffix of OUT.",
)
@click.option(
    "--neuron",
    metavar="ID",
    shell_complete=complete_neuron,
    help="Only messages that this neuron sent or received.",
)
@click.option("--step", type=WholeNumber(1), help="Only this step.")
@click.option("--phase", type=click.Choice(list(PHASES)), help="Only messages of this phase.")
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
def export(
    file: Path,
    out: Path,
    form: str | None,
    neuron: str | None,
    step: int | None,
    phase: str | None,
    force: bool,
) -> None:
    """Write a log as Parquet, CSV, JSON Lines or Perfetto trace.

    \b
    neuro-actors log export run.arrows run.parquet
    neuro-actors log export run.arrows run.csv --neuron h1.0
    neuro-actors log export run.arrows run.pftrace --step 3

    Parquet contains everything, also the metadata. CSV and JSON Lines contain
    every digit of the numbers. Open a trace at https://ui.perfetto.dev: each
    neuron is a track, each message an arrow. If a run is long, select some steps.
    """
    from ..log.export import export_log
    from ..log.reader import LogReader
    from ..log.row_filter import RowFilter

    reader = LogReader(file)
    if step is not None:
        check_step(file, step)
    rows = export_log(reader, out, form, RowFilter(neuron, step, phase), force)
    click.echo(f"{rows:,} rows: {str(out)!r}, {out.stat().st_size:,} bytes")
    if reader.cut_off:
        problem = f"the log {str(file)!r} is cut off or damaged"
        click.echo(f"neuro-actors: {problem}; only the part before was written", err=True)
