"""`neuro-actors resume` and `neuro-actors checkpoint`: runs that were stopped."""

from __future__ import annotations

from pathlib import Path

import click

from ..support.text import counted, printable
from .output import import_all, print_json


@click.command()
@click.argument("path", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    help="Record every message from here on; it cannot be audited.",
)
@click.option(
    "--channels",
    type=click.Choice(["bundled", "memory"]),
    help="Another engine; the bits are the same.",
)
@click.option("--inexact", is_flag=True, help="Go on although bits cannot be promised here.")
@click.option(
    "--import",
    "modules",
    metavar="MODULE",
    multiple=True,
    help="Import this first: it adds what the run needs.",
)
def resume(
    path: Path, log: Path | None, channels: str | None, inexact: bool, modules: tuple[str, ...]
) -> None:
    """Go on with a run that was stopped, to the bits of an unbroken one.

    \b
    neuro-actors resume DIR
    neuro-actors resume DIR/step-0000000200.safetensors

    DIR is the folder of na.train(…, checkpoint=DIR): its newest checkpoint is taken, or the one that is named. It does
    not matter how the run ended: by Ctrl-C, a signal, a full disk. It is saved as before, and can be stopped again. At
    last its result is in the folder: na.resume(DIR) gives it.

    --import MODULE imports the module that adds an activation, a loss or a rule of your own.
    """
    from ..simulation.train import resume as go_on

    import_all(modules)
    result = go_on(path, log=log, channels=channels, exact=not inexact)
    click.echo(str(result.history[-1]))
    click.echo(
        f"{counted(result.messages, 'message')}; digest of all parameters {result.network.digest()}"
    )


@click.group()
def checkpoint() -> None:
    """Look at a checkpoint.

    Checkpoints are written by na.train(…, checkpoint=DIR). `neuro-actors resume DIR` goes on from one.

    \b
    neuro-actors checkpoint info DIR
    """


@checkpoint.command()
@click.argument("path", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_data", is_flag=True, help="One JSON object, for programs.")
def info(path: Path, as_data: bool) -> None:
    """Tell what a checkpoint holds, and whether it is whole.

    \b
    neuro-actors checkpoint info DIR
    neuro-actors checkpoint info DIR/step-0000000200.safetensors

    Of a folder the newest one is looked at. One that is damaged is refused by name, with exit code 2.
    """
    from ..simulation.checkpoint.reading import Checkpoint
    from ..simulation.checkpoint.summary import format_summary, summarize

    checkpoint = Checkpoint(path)
    with checkpoint.errors_name_the_file():
        summary = summarize(checkpoint)
        text = format_summary(summary)
    if as_data:
        print_json(summary)
        return
    click.echo(text)
    for other in summary["others"]:
        click.echo(f"  beside it  {printable(Path(other).name)}")
