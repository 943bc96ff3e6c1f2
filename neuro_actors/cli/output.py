"""What commands share towards people: pages and colours where somebody watches, plain lines elsewhere."""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
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
    """What --import names. Raises `InputError` for a module that cannot be imported."""
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:  # whatever a module does
            raise InputError(f"--import {module!r}: {type(error).__name__}: {error}") from None


def watched() -> bool:
    """Whether a person looks at the output."""
    return sys.stdout.isatty()


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Whoever reads the output, such as `head`, may have seen enough: what is still written goes nowhere."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def coloured(line: str, kind: str) -> str:
    """The line in its kind's colour, on a terminal, unless NO_COLOR is set."""
    if not watched() or os.environ.get("NO_COLOR"):
        return line
    return click.style(line, fg=COLOURS.get(kind))


def print_lines(lines: Iterable[str], paged: bool = True) -> None:
    """Line after line; on a terminal in pages, which one that fits leaves at once."""
    if paged and watched():
        os.environ.setdefault("LESS", "FRX")
        click.echo_via_pager(line + "\n" for line in lines)
        return
    for line in lines:
        click.echo(line)


def print_json(value: Any) -> None:
    """One JSON value, a line. JSON has no NaN and no infinity: they are null; dates and the like are text."""
    click.echo(as_json(value))


def as_json(value: Any) -> str:
    return json.dumps(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
