"""`neuro-actors log query`: SQL over a log."""

from __future__ import annotations

import csv
import itertools
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ..support.errors import InputError, LogError
from ..support.text import escape_controls
from .guess import WholeNumber
from .output import is_terminal, print_lines, to_json

EXAMPLE = 'neuro-actors log query run.arrows "SELECT step, loss FROM losses"'
LIMIT = 40  # rows of a table, unless --limit asks for more
MOST_NUMBERS = 2  # of a list in a table


class _Help(click.Command):
    """A command whose help ends with the tables and their columns."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. See `click.Command.parse_args`."""
        words = [one.lower() for one in args[1:]]
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if type(error) is not click.UsageError or not {"select", "with"} & set(words):
                raise  # the query is one argument, or another thing is wrong
            raise click.UsageError(f"put the query in quotes: {EXAMPLE}", ctx) from None

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from ..log.query import describe_tables

        super().format_help_text(ctx, formatter)
        formatter.write(
            "\n  Tables:\n\n" + "".join(f"  {line}\n" for line in describe_tables().splitlines())
        )


@click.command(cls=_Help)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("sql")
@click.option(
    "--limit",
    type=WholeNumber(1),
    help=f"Print at most this many rows. Default: {LIMIT} rows of a table.",
)
@click.option("--json", "form", flag_value="json", help="Print one JSON object per row.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV, with lists as JSON.")
def query(file: Path, sql: str, limit: int | None, form: str | None) -> None:
    """Run one SQL query (SELECT) on a log.

    The dialect is DuckDB's. A query can read only the log.

    \b
    neuro-actors log query run.arrows "SELECT step, loss FROM losses"
    neuro-actors log query run.arrows "
        SELECT receiver, avg(strength) FROM urgencies GROUP BY ALL ORDER BY 2"
    neuro-actors log query run.arrows --csv "
        SELECT step, weight FROM weights WHERE source = 'x0' AND target = 'h1'"
    \f

    Raises:
        InputError: The query stands before the log.
    """
    from ..log.fault_log import read_fault_log
    from ..log.query import connect, run_select, stream_result
    from ..log.reader import LogReader

    if not _is_file(file) and _is_file(Path(sql)):
        raise InputError(f"the log comes first, then the query: {EXAMPLE}")
    reader = LogReader(file)
    fault_log = read_fault_log(reader.path, reader.metadata, reader.network)
    faults = () if fault_log is None else fault_log.events
    connection = connect(reader.network, list(reader.batches()), faults)
    if reader.cut_off:
        problem = f"the log {str(file)!r} is cut off or damaged"
        click.echo(f"neuro-actors: {problem}; only the part before is queried", err=True)
    limit = None if limit is None else min(limit, sys.maxsize)
    schema, batches = stream_result(run_select(connection, sql))
    names = _distinct(schema.names)
    rows = (row for batch in batches for row in zip(*map(_values, batch.columns), strict=True))
    if form == "json":
        print_lines(
            (to_json(dict(zip(names, row, strict=True))) for row in itertools.islice(rows, limit)),
            paged=False,
        )
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        chosen = itertools.islice(rows, limit)
        writer.writerows(
            [to_json(v) if isinstance(v, (list, dict)) else _shown(v) for v in row]
            for row in chosen
        )
    else:
        _print_table(names, rows, limit or LIMIT)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a query is too long for a name
        return False


def _print_table(names: list[str], rows: Iterator[tuple[Any, ...]], limit: int) -> None:
    """Print rows as a table as wide as the terminal; no name can control the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = list(itertools.islice(rows, limit))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, *column in zip(names, *shown, strict=True):
        numbers = all(
            isinstance(v, (int, float)) and not isinstance(v, bool) for v in column if v is not None
        )
        table.add_column(
            Text(escape_controls(name)), justify="right" if numbers else "left", overflow="fold"
        )
    for row in shown:
        table.add_row(*(Text(escape_controls(_cell(value))) for value in row))
    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    more = next(rows, None) is not None
    note = f"… and more: these are the first {limit:,} rows; --limit N, --json or --csv give more"
    print_lines([*lines, note] if more else lines)
    if not shown and is_terminal():
        click.echo("no row")


def _values(column: Any) -> list[Any]:
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except (ValueError, OverflowError) as error:  # such as an infinite date
        problem = f"{column.type} with a {error}"
        raise LogError(f"the query cannot be answered: {problem}; ask for it as VARCHAR") from None


def _shown(value: Any) -> Any:
    """On a terminal, text without control characters; else the value as it is."""
    return escape_controls(value) if isinstance(value, str) and is_terminal() else value


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        more = f", … {len(value)}" if len(value) > MOST_NUMBERS else ""
        first = (f"{v:.3g}" if isinstance(v, float) else _cell(v) for v in value[:MOST_NUMBERS])
        return f"[{', '.join(first)}{more}]"
    return "null" if value is None else str(value)


def _distinct(names: list[str]) -> list[str]:
    """The names, with numbers added to those that occur again: `step`, `step_1`."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        found.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found
