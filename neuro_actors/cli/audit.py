"""`neuro-actors audit`."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import click

from ..support.text import counted
from .output import import_all, reader_may_leave

if TYPE_CHECKING:
    from ..proof.audit.report import Audit


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--digest", metavar="HEX", help="What the last digest must be, as an earlier audit told it."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--import",
    "modules",
    metavar="MODULE",
    multiple=True,
    help="Import this first: it adds activations or losses.",
)
def audit(file: Path, digest: str | None, as_json: bool, modules: tuple[str, ...]) -> None:
    """Prove a message log: replay every neuron alone.

    \b
    neuro-actors audit run.arrows
    neuro-actors audit run.arrows --digest 4fd2…  (64 digits)

    Each neuron is given its own first parameters and its own mail, and must say again every message that it said, and
    learn what it learnt, bit for bit; the first one that differs is named. What the world said, inputs, targets and
    settings, is sealed by a chain of digests. Its end is printed: whoever gives it again knows that nothing was changed.

    Exit code 0: all is proved. 1: refused, or cut off, or something could not be replayed; it is said what.
    2: this is no message log.
    """
    from ..proof.audit.audit import audit as judge

    import_all(modules)
    with _bar(as_json) as progress:
        verdict = judge(file, digest=digest, progress=progress)
    with reader_may_leave():  # the verdict stands none the less
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(verdict), allow_nan=True))
        else:
            for line in _in_words(verdict):
                click.echo(line)
    sys.exit(0 if verdict.passed else 1)


def _in_words(audit: Audit) -> Iterator[str]:
    compared = "bit for bit" if audit.exact else "within the rounding bound"
    said = counted(audit.messages, "message")
    yield f"{counted(audit.neurons, 'neuron')}, {counted(audit.steps, 'step')}, {said} in {counted(audit.rows, 'row')}"
    if audit.lie is not None:
        yield f"REFUSED. The first lie, after {audit.steps:,} steps that are true:"
        yield _wrapped(str(audit.lie))
    else:
        proved = audit.messages - audit.given - audit.unproved
        yield _wrapped(
            f"replayed, each neuron alone, {compared}: {proved:,} messages, and all that was learnt in them"
        )
        yield _wrapped(
            f"sealed, for nobody can replay it: {audit.given:,} messages, and what was asked for"
        )
    for remark in audit.remarks:
        yield _wrapped(remark)
    yield f"digest {audit.digest}"
    if audit.passed:
        yield "Proved." if audit.exact else "Proved, within the rounding bound."
    elif audit.lie is None:
        yield "No lie was found, but not everything is proved."


def _wrapped(text: str) -> str:
    return fill(text, 79, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on the error stream, where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("auditing", total=None)
        told = -1

        def progress(read: int, size: int) -> None:
            nonlocal told
            if read != told:  # once for each piece of the file
                told = read
                bar.update(task, completed=read, total=size)

        yield progress
