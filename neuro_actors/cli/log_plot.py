"""`neuro-actors log plot`: figures of a log."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from ..support.text import escape_controls
from .completion import complete_neuron, complete_synapse


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="*.png, *.svg or *.pdf. Default: FILE's name as .png in this folder.",
)
@click.option("--force", is_flag=True, help="Overwrite a figure that exists.")
@click.option("--loss", is_flag=True, help="The loss over the steps.")
@click.option(
    "--urgency", is_flag=True, help="The mean size of the urgencies of each level, as a heat map."
)
@click.option(
    "--neuron",
    "neurons",
    metavar="ID",
    multiple=True,
    shell_complete=complete_neuron,
    help="The neuron's activations, and the mean size of its urgencies.",
)
@click.option(
    "--weight",
    "weights",
    metavar="A:B",
    multiple=True,
    shell_complete=complete_synapse,
    help="The weight of the synapse from A to B. Or: 'A->B' in quotes.",
)
def plot(
    file: Path,
    out: Path | None,
    force: bool,
    loss: bool,
    urgency: bool,
    neurons: tuple[str, ...],
    weights: tuple[str, ...],
) -> None:
    """Draw loss and urgencies over the steps.

    \b
    neuro-actors log plot run.arrows
    neuro-actors log plot run.arrows --neuron h1.0 --weight x0:h1.0 -o h1.svg

    With options, draw only what they name. Needs matplotlib: pip install 'neuro-actors[plot]'.
    """
    from ..log.plots import plot_log
    from ..log.reader import LogReader

    # matplotlib would also warn of a missing home folder
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    reader = LogReader(file)
    path = out or Path(file.with_suffix(".png").name)
    plot_log(
        reader, path, loss=loss, urgency=urgency, neurons=neurons, weights=weights, force=force
    )
    click.echo(escape_controls(str(path)))
