"""Two logs, message by message: the first that differs, how far apart, and how many in all.

Steps are matched by their number, messages within a step by who says what to whom. Values are compared bit by bit.
Seals and the end depend on the metadata, and these are compared apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..support.validation import Array, Indices
from .reader import LogReader, Row, Rows
from .schema import CODE, KINDS

NEVER = 2**62


@dataclass(slots=True)
class Pair:
    """The first difference: a message on each side, None where there is none; and how far apart its numbers are.

    apart: the greatest absolute difference, NaN where one is no number.  ulps: the greatest number of floats between
    them, plus one; None likewise, or where the rows hold different numbers of values.
    example: the place, from 0 on, of the first number that differs.
    """

    a: Row | None
    b: Row | None
    apart: float | None = None
    ulps: int | None = None
    example: int | None = None


@dataclass(slots=True)
class Difference:
    """messages: compared, the begin rows among them.  differ: how many of them.  only: how many each side has alone.
    steps: those in which anything differs.  apart: the greatest of all differences.  metadata: in words."""

    first: Pair | None = None
    messages: int = 0
    differ: int = 0
    only: list[int] = field(default_factory=lambda: [0, 0])
    steps: list[int] = field(default_factory=list)
    apart: float = 0.0
    cut_off: list[bool] = field(default_factory=lambda: [False, False])
    metadata: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether every message is on both sides, with the same bits."""
        return self.first is None


def compare_logs(a: LogReader, b: LogReader) -> Difference:
    """Compare them. A log that is cut off is compared as far as it goes."""
    found = Difference(metadata=_of_metadata(_told(a), _told(b)))
    names = {name: k for k, name in enumerate(a.members)}
    ours = np.array(
        [names.get(name, len(names) + k) for k, name in enumerate(b.members)] + [-2, -1],
        dtype=np.intp,
    )
    for left, right in _matched(a.steps(), b.steps()):
        either = left if left is not None else right
        assert either is not None
        before = found.differ, sum(found.only)
        _compare(found, (a, left), (b, right), ours)
        if (found.differ, sum(found.only)) != before:
            found.steps.append(int(either.step[0]))
    found.cut_off = [a.cut_off, b.cut_off]
    return found


def _compare(
    found: Difference,
    a: tuple[LogReader, Rows | None],
    b: tuple[LogReader, Rows | None],
    ours: Indices,
) -> None:
    """One step of each. ours: a member of `b` counted as in `a`."""
    (reader, left), (other, right) = a, b
    if left is not None and right is not None and _equal(left, right, ours):
        found.messages += int(_counts(left).sum())
        return
    both, alone = _joined(left, right, ours)
    unequal = np.empty(0, dtype=np.intp)
    if left is not None and right is not None:
        same, apart = _same(left, both[0], right, both[1])
        unequal, found.apart = np.flatnonzero(~same), max(found.apart, apart)
    found.messages += len(both[0]) + len(alone[0]) + len(alone[1])
    found.differ += len(unequal)
    found.only = [n + len(more) for n, more in zip(found.only, alone, strict=True)]
    if found.first is not None:
        return
    firsts = [int(rows[0]) if len(rows) else NEVER for rows in (both[0][unequal], *alone)]
    if min(firsts) == NEVER:
        return
    if firsts[0] == min(firsts):
        assert left is not None
        assert right is not None
        i, j = firsts[0], int(both[1][unequal[0]])
        found.first = Pair(
            _row(reader, left, i),
            _row(other, right, j),
            *_apart(_values(left, i), _values(right, j)),
        )
    elif left is not None and firsts[1] == min(firsts):
        found.first = Pair(_row(reader, left, firsts[1]), None)
    elif right is not None:
        found.first = Pair(None, _row(other, right, firsts[2]))


def _counts(rows: Rows) -> NDArray[np.bool_]:
    """Which rows are compared."""
    return np.asarray((rows.kind != CODE["seal"]) & (rows.kind != CODE["end"]))


def _joined(
    left: Rows | None, right: Rows | None, ours: Indices
) -> tuple[list[Indices], list[Indices]]:
    """Rows that both have, side by side; and those that one has alone."""
    shown = [
        np.flatnonzero(_counts(rows)) if rows is not None else np.empty(0, dtype=np.intp)
        for rows in (left, right)
    ]
    keys = [_keys(left, None), _keys(right, ours)]
    place = {key: k for k, key in enumerate(keys[1])}
    match = np.array([place.get(key, -1) for key in keys[0]], dtype=np.intp)
    found = match >= 0
    alone = np.setdiff1d(np.arange(len(keys[1])), match)
    return [shown[0][found], shown[1][match[found]]], [shown[0][~found], shown[1][alone]]


def _keys(rows: Rows | None, ours: Indices | None) -> list[tuple[int, ...]]:
    """Of each row that is compared its kind, sender, receiver, time, and which of several such, for targets and for
    what a damaged log repeats."""
    if rows is None:
        return []
    sender, receiver = (
        ends if ours is None else ours[ends] for ends in (rows.sender, rows.receiver)
    )
    columns = np.stack([rows.kind, sender, receiver, rows.time], axis=1).astype(np.int64)[
        _counts(rows)
    ]
    seen: Counter[tuple[int, ...]] = Counter()
    keys = []
    for key in map(tuple, columns.tolist()):
        keys.append((*key, seen[key]))
        seen[key] += 1
    return keys


def _same(left: Rows, i: Indices, right: Rows, j: Indices) -> tuple[NDArray[np.bool_], float]:
    """Whether those rows hold the same bits, and the same note; and the greatest difference of two numbers."""
    lengths, others = (np.diff(rows.starts)[places] for rows, places in ((left, i), (right, j)))
    same: NDArray[np.bool_] = lengths == others
    for k in np.flatnonzero(
        (left.kind[i] == CODE["begin"]) | (left.kind[i] == CODE["target"])
    ).tolist():
        same[k] &= left.notes[int(i[k])].as_py() == right.notes[int(j[k])].as_py()
    alike = np.flatnonzero((lengths == others) & (lengths > 0))
    if not len(alike):
        return same, 0.0
    n = lengths[alike]
    begins = np.concatenate([[0], np.cumsum(n)[:-1]])
    within = np.arange(int(n.sum())) - np.repeat(begins, n)
    x, y = (
        rows.values[np.repeat(rows.starts[at[alike]], n) + within]
        for rows, at in ((left, i), (right, j))
    )
    same[alike] &= np.logical_and.reduceat(x.view(np.int64) == y.view(np.int64), begins)
    with np.errstate(invalid="ignore"):
        apart = np.abs(x - y)
    return same, float(np.max(apart, where=np.isfinite(apart), initial=0.0))


def _equal(left: Rows, right: Rows, ours: Indices) -> bool:
    """Whether all is equal, row by row: the usual case, quickly told."""
    same = len(left) == len(right) and len(left.values) == len(right.values)
    same = same and all(
        np.array_equal(getattr(left, name), getattr(right, name))
        for name in ("kind", "time", "starts")
    )
    same = same and all(
        np.array_equal(getattr(left, e), ours[getattr(right, e)]) for e in ("sender", "receiver")
    )
    noted = (
        np.flatnonzero((left.kind == CODE["begin"]) | (left.kind == CODE["target"])).tolist()
        if same
        else []
    )
    return same and np.array_equal(left.values.view(np.int64), right.values.view(np.int64)) and all(
        left.notes[k].as_py() == right.notes[k].as_py() for k in noted
    )  # fmt: skip


def _apart(a: Array, b: Array) -> tuple[float | None, int | None, int | None]:
    """The greatest difference, the greatest in ulps, and where the first is."""
    if len(a) != len(b):
        return None, None, None
    bits = a.view(np.int64) != b.view(np.int64)
    if not bits.any():
        return None, None, None
    first = int(np.flatnonzero(bits)[0])
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("nan"), None, first
    ranks = [_rank(float(x)) - _rank(float(y)) for x, y in zip(a[bits], b[bits], strict=True)]
    return float(np.abs(a - b).max()), max(map(abs, ranks)), first


def _rank(value: float) -> int:
    """Its place among all floats; that of both zeros is 0."""
    bits = int(np.float64(value).view(np.int64))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def _matched(a: Iterator[Rows], b: Iterator[Rows]) -> Iterator[tuple[Rows | None, Rows | None]]:
    """Steps of the same number, and those that one side has alone."""
    left, right = _next(a), _next(b)
    while left is not None or right is not None:
        if right is None or (left is not None and left.step[0] < right.step[0]):
            yield left, None
            left = _next(a)
        elif left is None or right.step[0] < left.step[0]:
            yield None, right
            right = _next(b)
        else:
            yield left, right
            left, right = _next(a), _next(b)


def _next(steps: Iterator[Rows]) -> Rows | None:
    """The next step; that of the end is none."""
    return next((rows for rows in steps if rows.kind[0] != CODE["end"]), None)


def _values(rows: Rows, k: int) -> Array:
    return rows.values[rows.starts[k] : rows.starts[k + 1]]


def _row(reader: LogReader, rows: Rows, k: int) -> Row:
    names = [*reader.members, "?", None]  # unknown, null
    return Row(
        int(rows.step[k]), KINDS[rows.kind[k]], names[rows.sender[k]], names[rows.receiver[k]], int(rows.time[k]),
        _values(rows, k).tolist(), rows.notes[k].as_py(),
    )  # fmt: skip


def _told(reader: LogReader) -> dict[str, Any]:
    """Its metadata, and on what machines it ran."""
    held = reader.machines
    return reader.about | {"machines": None if held is None else f"{held.replicas} x {held.shards}"}


def _of_metadata(a: Any, b: Any, name: str = "") -> list[str]:
    """Each entry that differs, in words."""
    if a == b:
        return []
    if isinstance(a, dict) and isinstance(b, dict):
        return [
            line
            for key in {**a, **b}
            for line in _of_metadata(a.get(key), b.get(key), f"{name} {key}".strip())
        ]
    shown = [str(side) if len(str(side)) <= 30 else "…" for side in (a, b)]
    return [f"{name}: {shown[0]} / {shown[1]}" if shown[0] != shown[1] else f"{name} differ"]
