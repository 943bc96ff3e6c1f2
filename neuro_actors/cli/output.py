"""What the commands share: pages and colours on a terminal, plain lines elsewhere, JSON."""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from ..support.errors import InputError

COLOURS = {
    "begin": "bright_white",
    "activation": "cyan",
    "urgency": "yellow",
    "commit": "green",
    "tangent": "magenta",
}
COLOURS["disturbed"] = "red"


def import_all(modules: Iterable[str]) -> None:
    """Import the modules that `--import` names, also from the current folder.

    The current folder comes first, as for `python -m`; the command that pip installs has its own
    folder there.

    Args:
        modules: Their names.

    Raises:
        InputError: One of them cannot be imported.
    """
    for module in modules:
        if module.endswith(".py"):
            raise InputError(f"--import {module!r}: leave off .py: --import {module[:-3]}")
        sys.path.insert(0, "")
        try:
            importlib.import_module(module)
        except Exception as error:  # a module may raise anything
            raise InputError(f"--import {module!r}: {type(error).__name__}: {error}") from None
        finally:
            sys.path.remove("")


def check_step(file: Path, step: int) -> None:
    """Check that a log contains a step.

    Args:
        file: The log.
        step: The number of the step.

    Raises:
        LogError: It does not contain it. The text says which steps it contains.
    """
    from ..log.log import Log

    Log(file).step(step)


def is_terminal() -> bool:
    """Whether standard output is a terminal, so that a person reads it."""
    return sys.stdout.isatty()


@contextmanager
def ignore_closed_pipe() -> Iterator[None]:
    """Drop the rest of the output if its reader, such as `head`, has stopped reading."""
    try:
        yield
    except BrokenPipeError:
        drop_output()


def drop_output() -> None:
    """Drop the rest of the standard output, which can no longer be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def colour_line(line: str, kind: str) -> str:
    """Colour a line by the kind of its message; only on a terminal and without NO_COLOR.

    Args:
        line: The line.
        kind: A key of `COLOURS`; the line of another kind stays as it is.

    Returns:
        The line, perhaps with escape sequences around it.
    """
    if not is_terminal() or os.environ.get("NO_COLOR"):
        return line
    return click.style(line, fg=COLOURS.get(kind))


def print_lines(lines: Iterable[str], paged: bool = True) -> None:
    """Print lines; on a terminal through a pager, which ends at once if they fit.

    Args:
        lines: The lines, without newlines.
        paged: False prints without a pager.
    """
    if paged and is_terminal():
        os.environ.setdefault("LESS", "FRX")
        click.echo_via_pager(line + "\n" for line in lines)
        return
    for line in lines:
        click.echo(line)


def print_json(value: Any) -> None:
    """Print one value as one line of JSON; see `to_json`."""
    click.echo(to_json(value))


def to_json(value: Any, indent: int | None = None) -> str:
    """Write a value as JSON.

    JSON has no NaN and no infinity: they become null. Bytes become hexadecimal digits. What JSON
    cannot hold, such as a date, becomes text.

    Args:
        value: Anything that a log or a query contains.
        indent: By how many spaces to indent what is nested. None: all in one line.

    Returns:
        The text.
    """
    return json.dumps(_as_plain(value), indent=indent)


def _as_plain(value: Any) -> Any:
    """Return the value, made of what JSON can hold."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _as_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
