"""`neuro-actors log`: ask a message log."""

from __future__ import annotations

from pathlib import Path

import click

from ..arrays import did_you_mean
from ..errors import InputError
from ..log.recording import PHASES


@click.group()
def log() -> None:
    """Ask a message log what was said."""


@log.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--neuron", metavar="ID", help="Only what this neuron said or heard.")
@click.option("--step", type=click.IntRange(1), help="Only this step.")
@click.option("--phase", type=click.Choice(list(PHASES)), help="Only activations, urgencies, targets and losses, or commits.")
@click.option("--limit", type=click.IntRange(1), help="At most so many lines.")
def show(file: Path, neuron: str | None, step: int | None, phase: str | None, limit: int | None) -> None:
    """Print messages in words, one a line.

    \b
    neuro-actors log show run.arrows --step 3 --neuron h2
    neuro-actors log show run.arrows --phase backward --limit 20

    A log is written by open_simulation(net, log="run.arrows"), or by a scenario's --log.
    """
    from ..log.reader import LogReader
    from ..log.schema import members
    from ..log.words import in_words

    reader = LogReader(file)
    if neuron is not None and neuron not in members(reader.network):
        raise InputError(f"there is no neuron {neuron!r} in {str(file)!r}; {did_you_mean(neuron, members(reader.network))}")
    shown = 0
    for row in reader.rows():
        if (
            (step is None or row.step == step)
            and (phase is None or row.kind in PHASES[phase])
            and (neuron is None or neuron in (row.sender, row.receiver))
        ):
            click.echo(in_words(row, reader.network))
            shown += 1
            if shown == limit:
                return
    if reader.cut_off:
        click.echo(f"neuro-actors: the log {str(file)!r} is cut off or damaged here; what stands before is whole", err=True)
    elif not shown:
        click.echo("neuro-actors: no message fits", err=True)
