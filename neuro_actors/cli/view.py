"""`neuro-actors view`: a run as an HTML page."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Any

import click

from ..support.errors import InputError
from ..support.files import check_free, is_same, whole_file
from ..support.text import escape_controls, quote


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="The page to write. Default: FILE with the suffix .html.",
)
@click.option("--open", "show", is_flag=True, help="Show the page in a browser.")
@click.option("--force", is_flag=True, help="Overwrite a page that exists.")
@click.option(
    "--max-mb",
    default=12.0,
    show_default=True,
    type=click.FloatRange(min=0.5),
    help="Maximum size of the page in megabytes.",
)
@click.option(
    "--picture",
    metavar="RxC",
    help="Show the inputs as a picture of R rows and C columns. none: not as a picture.",
)
@click.option(
    "--pictures",
    metavar="NPZ",
    type=click.Path(path_type=Path),
    help="Larger pictures that the inputs were made from: a file with x and pictures.",
)
def view(
    file: Path,
    out: Path | None,
    show: bool,
    force: bool,
    max_mb: float,
    picture: str | None,
    pictures: Path | None,
) -> None:
    """Write a run as one HTML page, to watch offline.

    \b
    neuro-actors view run.arrows --open
    neuro-actors view run.arrows -o lecture.html --picture 28x28

    If a log is long or large, the page shows a part of it: evenly spaced steps, and some
    examples of each batch. The command and the page say what was left out.
    \f

    Raises:
        InputError: FILE is no log, or the page cannot be written.
    """
    from ..log.log import Log
    from ..viewer.originals import Originals
    from ..viewer.page import render_page
    from ..viewer.page_data import collect_page_data

    if not file.name:
        raise InputError(f"{str(file)!r} is no log")
    path = file.with_suffix(".html") if out is None else out
    log = Log(file)  # first: what is no log is not "the log itself"
    if is_same(path, file):
        raise InputError(f"{str(path)!r} is the log itself: choose another name with -o")
    check_free(path, force, InputError)
    originals = None if pictures is None else Originals(pictures)
    run = collect_page_data(log, max_mb, _shape(picture), originals)
    with whole_file(path, force=True) as html:
        html.write(render_page(run).encode("utf-8"))
    click.echo(f"{escape_controls(str(path))}: {path.stat().st_size / 1e6:.1f} MB")
    for line in left_out(run["notes"]):
        click.echo(line)
    if show:
        webbrowser.open(path.resolve().as_uri())


def left_out(notes: dict[str, Any]) -> list[str]:
    """Return sentences about what the page does not show of the log.

    Args:
        notes: The notes of the page's data.
    """
    sentences = []
    if not notes["complete"]:
        sentences.append("The log is cut off: the page shows the part before the cut.")
    if notes["shownSteps"] < notes["steps"]:
        sentences.append(
            f"{notes['shownSteps']:,} of {notes['steps']:,} steps are shown, evenly spaced."
        )
    if notes["shownExamples"] < notes["batch"]:
        verb = "is" if notes["shownExamples"] == 1 else "are"
        shown = f"{notes['shownExamples']} of up to {notes['batch']:,} examples {verb} shown"
        sentences.append(f"Of each batch, {shown}: those that occur in the most steps.")
    if notes["digits"] < 16:
        sentences.append(f"Numbers were rounded to {notes['digits']} digits.")
    if not notes["synapses"]:
        sentences.append(
            "The network is too large for its synapses to fit: the page shows only neurons."
        )
    if len(sentences) > (not notes["complete"]):
        sentences.append("A larger --max-mb shows more.")
    return sentences


def _shape(picture: str | None) -> tuple[int, int] | str | None:
    if picture is None:
        return "look"
    if picture == "none":
        return None
    rows, by, columns = picture.lower().partition("x")
    if not (by and rows.isdecimal() and columns.isdecimal() and int(rows) and int(columns)):
        raise InputError(
            f"--picture must be rows x columns, such as 28x28, or none; got {quote(picture)}"
        )
    return int(rows), int(columns)
