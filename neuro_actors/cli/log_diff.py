"""`neuro-actors log diff`: the first difference of two runs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..support.text import escape_controls, format_count
from .output import ignore_closed_pipe, print_json, print_lines

if TYPE_CHECKING:
    from ..log.diff import Difference, Pair
    from ..log.reader import LogReader, Row

FAR = 10**9  # ulps; a greater number is not printed


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--json", "as_data", is_flag=True, help="Print one JSON object.")
def diff(a: Path, b: Path, as_data: bool) -> None:
    """Compare two logs; print the first message that differs.

    Two runs with the same seed give equal messages, bit for bit, with any channels.
    The exit code is 0 if the messages are equal, 1 if they differ. Differences of
    the metadata (versions, the machine) are printed, too.

    \b
    neuro-actors log diff run.arrows again.arrows
    """
    from ..log.diff import compare_logs
    from ..log.reader import LogReader

    left, right = LogReader(a), LogReader(b)
    found = compare_logs(left, right)
    with ignore_closed_pipe():  # the exit code is the same if the reader of the output leaves
        if as_data:
            _print_as_data(found)
        else:
            print_lines(map(escape_controls, _lines(found, left, right)), paged=False)
    if not found.equal:
        raise SystemExit(1)


def _print_as_data(found: Difference) -> None:
    pair = found.first
    first = None if pair is None else dataclasses.asdict(pair)
    for side in ("a", "b"):
        row = getattr(pair, side, None)
        if first is not None and row is not None:
            first[side] = row._asdict()
    print_json({"equal": found.equal, **dataclasses.asdict(found), "first": first})


def _describe(row: Row | None, reader: LogReader) -> str:
    """Describe a row; None is a message that the log does not contain."""
    from ..log.row_filter import RowFilter
    from ..log.wording import describe_row, mode_of

    if row is None:
        return "no such message"
    begins: dict[int, str] = {}
    next(RowFilter(step=row.step).rows(reader, begins), None)
    return describe_row(row, reader.network, mode_of(begins.get(row.step)))


def _lines(found: Difference, a: LogReader, b: LogReader) -> Iterator[str]:
    if found.first is None:
        yield f"equal: {format_count(found.messages, 'message')}, bit for bit"
    else:
        yield "the first message that differs:"
        for side, row in ((a, found.first.a), (b, found.first.b)):
            yield f"  {side.path}: {_describe(row, side)}"
        yield from _lines_of_pair(found.first)
        counts = (
            [f"{found.differ:,} of {format_count(found.messages, 'message')} differ"]
            if found.differ
            else []
        )
        counts += [
            f"{format_count(n, 'message')} only in {side.path}"
            for n, side in zip(found.only, (a, b), strict=True)
            if n
        ]
        yield f"in all: {'; '.join(counts)}; in {format_count(len(found.steps), 'step')}"
        if found.apart:
            yield f"  the greatest difference of two numbers is {_format_apart(found.apart)}"
    for cut, side in zip(found.cut_off, (a, b), strict=True):
        if cut:
            yield f"{side.path} is cut off: only the part before the cut was compared"
    if found.metadata:
        yield "differences in the metadata (not in messages):"
        yield from (f"  {line}" for line in found.metadata)


def _lines_of_pair(pair: Pair) -> Iterator[str]:
    if pair.a is None or pair.b is None:
        return
    if pair.example is not None:
        k = pair.example
        what = "parameter" if pair.a.kind == "commit" else "example"
        example, position = divmod(k, pair.positions)
        where = f", position {position}" if pair.positions > 1 else ""
        yield f"  {what} {example + 1}{where}: {pair.a.value[k]!r} / {pair.b.value[k]!r}"
        ulps = (
            f", {pair.ulps:,} ulp{'s' * (pair.ulps != 1)}"
            if pair.ulps is not None and pair.ulps < FAR
            else ""
        )
        yield f"  apart: at most {_format_apart(pair.apart)}{ulps}"
    elif len(pair.a.value) != len(pair.b.value):
        yield f"  {len(pair.a.value):,} numbers / {len(pair.b.value):,} numbers"


def _format_apart(apart: float | None) -> str:
    """A difference of two numbers as text; that of two finite numbers may exceed all floats."""
    return "more than 1.79e+308" if apart == math.inf else f"{apart:.3g}"
