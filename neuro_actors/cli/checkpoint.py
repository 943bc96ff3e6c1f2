"""`neuro-actors resume` and `neuro-actors checkpoint`: training that was stopped."""

from __future__ import annotations

from pathlib import Path

import click

from ..support.errors import LogError
from ..support.files import check_free
from ..support.text import escape_controls, format_count
from .guess import GuessingGroup
from .output import import_all, print_json


@click.command()
@click.argument("path", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    help="Record the messages from here on. This log cannot be audited.",
)
@click.option("--force", is_flag=True, help="Replace the log if it exists.")
@click.option(
    "--channels",
    type=click.Choice(["bundled", "memory"]),
    help="Use another engine. The bits are the same.",
)
@click.option(
    "--inexact", is_flag=True, help="Continue even if the last bits may differ on this machine."
)
@click.option(
    "--import",
    "modules",
    metavar="MODULE",
    multiple=True,
    help="Import this module first. It adds what the run needs.",
)
def resume(
    path: Path,
    log: Path | None,
    force: bool,
    channels: str | None,
    inexact: bool,
    modules: tuple[str, ...],
) -> None:
    """Continue a training run that was stopped.

    \b
    neuro-actors resume DIR
    neuro-actors resume DIR/step-0000000200.safetensors

    DIR is the folder of na.train(…, checkpoint=DIR). The run continues from its newest
    checkpoint, or from the checkpoint that you name. The result has the same bits as a run without
    the stop. The cause of the stop does not matter: Ctrl-C, a signal, a full disk, a crash. The run
    saves checkpoints as before, and can be stopped again. When it has finished, na.resume(DIR) in
    Python returns its result.

    If the run uses an activation, a loss or a rule of your own, --import MODULE names the module
    that adds it.
    """
    from ..log.recording_settings import Recording
    from ..simulation.train import resume as resume_training

    import_all(modules)
    recording = None
    if log is not None:
        check_free(log, force, LogError)
        recording = Recording(log, overwrite=force)
    result = resume_training(path, log=recording, channels=channels, exact=not inexact)
    messages = format_count(result.messages, "message")
    click.echo(str(result.history[-1]))
    click.echo(f"{messages}; digest of all parameters {result.network.digest()}")


@click.group(cls=GuessingGroup)
def checkpoint() -> None:
    """Look at a checkpoint.

    \b
    neuro-actors checkpoint info DIR

    na.train(…, checkpoint=DIR) writes checkpoints into the folder DIR. To continue from one:
    neuro-actors resume DIR
    """


@checkpoint.command()
@click.argument("path", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_data", is_flag=True, help="Print one JSON object, for programs.")
def info(path: Path, as_data: bool) -> None:
    """Show what a checkpoint contains, and if it is intact.

    \b
    neuro-actors checkpoint info DIR
    neuro-actors checkpoint info DIR/step-0000000200.safetensors

    DIR is the folder of a run. The newest checkpoint is shown, or the one that you name. If a
    checkpoint is damaged, the error names it, and the exit code is 2.
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
        click.echo(f"  beside it  {escape_controls(Path(other).name)}")
