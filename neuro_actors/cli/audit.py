"""`neuro-actors audit`."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from .output import ignore_closed_pipe, import_all


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--digest",
    metavar="HEX",
    help="A digest that an earlier audit printed, of either kind. The log must have it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--import",
    "modules",
    metavar="MODULE",
    multiple=True,
    help="Import this module first. It adds activations, losses or rules.",
)
def audit(file: Path, digest: str | None, as_json: bool, modules: tuple[str, ...]) -> None:
    """Prove that a log is true: replay every neuron alone.

    \b
    neuro-actors audit run.arrows
    neuro-actors audit run.arrows --digest 4fd2…  (64 digits)

    A log contains each neuron's first parameters and every message. The audit gives each neuron
    the messages that it received, and computes again what it sent and learnt. Both must be equal,
    bit for bit. The audit names the first message that differs.

    Inputs, targets and settings cannot be recomputed, because they come from outside the network.
    A hash chain protects them. The audit prints its last digest. Give this digest to a later audit
    with --digest: then that audit also proves that they were not changed in between. The complete
    digest covers the messages of the neurons, too: it identifies one log.

    Exit code 0: everything is proved. 1: a message is wrong, or the log is cut off, or a part could
    not be replayed; the output says what. 2: the file is no message log, or it needs a function
    that is unknown here, or that does something else here.
    """
    from ..proof.audit.audit import audit as run_audit

    import_all(modules)
    with _progress_bar(as_json) as progress:
        report = run_audit(file, digest=digest, progress=progress)
    with ignore_closed_pipe():  # the exit code counts, also when nobody reads the output
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(report), allow_nan=True))
        else:
            click.echo(str(report))
    sys.exit(0 if report.passed else 1)


@contextmanager
def _progress_bar(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar on standard error if that is a terminal; yield what moves it, or None."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("auditing", total=None)
        shown = -1

        def move(read: int, size: int) -> None:
            nonlocal shown
            if read != shown:  # once for each piece of the file
                shown = read
                bar.update(task, completed=read, total=size)

        yield move
