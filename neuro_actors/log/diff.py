"""Compares two logs message by message: the first that differs, how far apart, and how many differ.

Steps are matched by number, messages within a step by kind, sender, receiver and time. Values are
compared bit by bit. Seals and the end depend on the metadata, which are compared on their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Array, Indices
from .example_values import count_positions_of
from .reader import LogReader, Row, Rows
from .schema import CODE, row_kinds

NEVER = 2**62  # a row's number after all others


@dataclass(slots=True)
class Pair:
    """The first difference: a message of each log.

    Attributes:
        a: The message in log a, or None if a does not contain it.
        b: The message in log b, or None if b does not contain it.
        apart: The greatest absolute difference of two values, infinite if it exceeds all floats;
            NaN if a value is not finite, None if the messages have different numbers of values or
            the same values.
        ulps: The greatest difference of two values in units in the last place: the number of
            floats between them, plus one. None if `apart` is None or NaN.
        example: The index, from 0 on, of the first value that differs, or None.
        positions: How many positions the message is about: so many values has each example.
    """

    a: Row | None
    b: Row | None
    apart: float | None = None
    ulps: int | None = None
    example: int | None = None
    positions: int = 1


@dataclass(slots=True)
class Difference:
    """How two logs differ.

    Attributes:
        first: The first difference, or None if all messages are equal.
        messages: How many messages were compared, including begin rows.
        differ: How many of these are in both logs and differ.
        only: How many messages only log a contains, and how many only log b.
        steps: The numbers of the steps with any difference.
        apart: The greatest absolute difference of two finite values, infinite if it exceeds all
            floats.
        cut_off: Whether each log is cut off.
        metadata: The differences of the metadata, in words.
    """

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
        """Whether both logs contain the same messages, bit for bit."""
        return self.first is None


def compare_logs(a: LogReader, b: LogReader) -> Difference:
    """Compare two logs. A log that is cut off is compared as far as it is whole.

    Args:
        a: One log.
        b: The other log.

    Raises:
        LogError: A log is damaged.
    """
    found = Difference(metadata=_describe_metadata(_metadata(a), _metadata(b)))
    names = {name: k for k, name in enumerate(a.members)}
    # a member of b as a number of a; the last two are UNKNOWN and NULL
    number_in_a = np.array(
        [names.get(name, len(names) + k) for k, name in enumerate(b.members)] + [-2, -1],
        dtype=np.intp,
    )
    for left, right in _match_steps(a.steps(), b.steps()):
        either = left if left is not None else right
        assert either is not None
        before = found.differ, sum(found.only)
        _compare(found, (a, left), (b, right), number_in_a)
        if (found.differ, sum(found.only)) != before:
            found.steps.append(int(either.step[0]))
    found.cut_off = [a.cut_off, b.cut_off]
    return found


def _compare(
    found: Difference,
    a: tuple[LogReader, Rows | None],
    b: tuple[LogReader, Rows | None],
    number_in_a: Indices,
) -> None:
    """Compare one step of each log, or a step that only one has."""
    (reader, left), (other, right) = a, b
    if left is not None and right is not None and _are_equal(left, right, number_in_a):
        found.messages += int(_is_compared(left).sum())
        return
    both, alone = _match_rows(left, right, number_in_a)
    unequal = np.empty(0, dtype=np.intp)
    if left is not None and right is not None:
        same, apart = _compare_values(left, both[0], right, both[1])
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
            *_measure_difference(_values(left, i), _values(right, j)),
        )
        lives_at = np.append(reader.network.n_positions, [1, 1])
        found.first.positions = int(count_positions_of(left.cut(i, i + 1), lives_at)[0])
    elif left is not None and firsts[1] == min(firsts):
        found.first = Pair(_row(reader, left, firsts[1]), None)
    elif right is not None:
        found.first = Pair(None, _row(other, right, firsts[2]))


def _is_compared(rows: Rows) -> NDArray[np.bool_]:
    return np.asarray((rows.kind != CODE["seal"]) & (rows.kind != CODE["end"]))


def _match_rows(
    left: Rows | None, right: Rows | None, number_in_a: Indices
) -> tuple[list[Indices], list[Indices]]:
    """The rows that both have, as pairs, and the rows that only one has."""
    compared = [
        np.flatnonzero(_is_compared(rows)) if rows is not None else np.empty(0, dtype=np.intp)
        for rows in (left, right)
    ]
    keys = [_keys(left, None), _keys(right, number_in_a)]
    index = {key: k for k, key in enumerate(keys[1])}
    match = np.array([index.get(key, -1) for key in keys[0]], dtype=np.intp)
    found = match >= 0
    alone = np.setdiff1d(np.arange(len(keys[1])), match)
    return (
        [compared[0][found], compared[1][match[found]]],
        [compared[0][~found], compared[1][alone]],
    )


def _keys(rows: Rows | None, number_in_a: Indices | None) -> list[tuple[int, ...]]:
    """The key of each compared row: kind, sender, receiver, time, and a counter.

    The counter tells rows apart that are equal in these: targets, and repetitions in a damaged log.
    """
    if rows is None:
        return []
    sender, receiver = (
        ends if number_in_a is None else number_in_a[ends] for ends in (rows.sender, rows.receiver)
    )
    columns = np.stack([rows.kind, sender, receiver, rows.time], axis=1).astype(np.int64)
    columns = columns[_is_compared(rows)]
    seen: Counter[tuple[int, ...]] = Counter()
    keys = []
    for key in map(tuple, columns.tolist()):
        keys.append((*key, seen[key]))
        seen[key] += 1
    return keys


def _compare_values(
    left: Rows, i: Indices, right: Rows, j: Indices
) -> tuple[NDArray[np.bool_], float]:
    """Whether each pair of rows has the same bits and note; and the greatest finite difference."""
    lengths, others = (np.diff(rows.starts)[picked] for rows, picked in ((left, i), (right, j)))
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
    with np.errstate(all="ignore"):
        apart = np.abs(x - y)
    finite = np.isfinite(x) & np.isfinite(y)
    return same, float(np.max(apart, where=finite, initial=0.0))


def _are_equal(left: Rows, right: Rows, number_in_a: Indices) -> bool:
    """Whether all rows are equal, in the same order: the usual case, found fast."""
    same = len(left) == len(right) and len(left.values) == len(right.values)
    same = same and all(
        np.array_equal(getattr(left, name), getattr(right, name))
        for name in ("kind", "time", "starts")
    )
    same = same and all(
        np.array_equal(getattr(left, end), number_in_a[getattr(right, end)])
        for end in ("sender", "receiver")
    )
    if not (same and np.array_equal(left.values.view(np.int64), right.values.view(np.int64))):
        return False
    noted = np.flatnonzero((left.kind == CODE["begin"]) | (left.kind == CODE["target"])).tolist()
    return all(left.notes[k].as_py() == right.notes[k].as_py() for k in noted)


def _measure_difference(a: Array, b: Array) -> tuple[float | None, int | None, int | None]:
    """The greatest difference, the greatest in ulps, and the index of the first; see `Pair`."""
    if len(a) != len(b):
        return None, None, None
    bits = a.view(np.int64) != b.view(np.int64)
    if not bits.any():
        return None, None, None
    first = int(np.flatnonzero(bits)[0])
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("nan"), None, first
    ranks = [_rank(float(x)) - _rank(float(y)) for x, y in zip(a[bits], b[bits], strict=True)]
    with np.errstate(all="ignore"):
        return float(np.abs(a - b).max()), max(map(abs, ranks)), first


def _rank(value: float) -> int:
    """The number of floats between 0 and this one, negative below 0; 0 for both zeros."""
    bits = int(np.float64(value).view(np.int64))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def _match_steps(a: Iterator[Rows], b: Iterator[Rows]) -> Iterator[tuple[Rows | None, Rows | None]]:
    """Yield pairs of steps with the same number, and each step that only one log has."""
    left, right = _next_step(a), _next_step(b)
    while left is not None or right is not None:
        if right is None or (left is not None and left.step[0] < right.step[0]):
            yield left, None
            left = _next_step(a)
        elif left is None or right.step[0] < left.step[0]:
            yield None, right
            right = _next_step(b)
        else:
            yield left, right
            left, right = _next_step(a), _next_step(b)


def _next_step(steps: Iterator[Rows]) -> Rows | None:
    """The next step, or None: the end row does not begin a step."""
    return next((rows for rows in steps if rows.kind[0] != CODE["end"]), None)


def _values(rows: Rows, k: int) -> Array:
    return rows.values[rows.starts[k] : rows.starts[k + 1]]


def _row(reader: LogReader, rows: Rows, k: int) -> Row:
    names = [*reader.members, "?", None]  # unknown, null
    return Row(
        int(rows.step[k]),
        row_kinds()[rows.kind[k]],
        names[rows.sender[k]],
        names[rows.receiver[k]],
        int(rows.time[k]),
        _values(rows, k).tolist(),
        rows.notes[k].as_py(),
    )


def _metadata(reader: LogReader) -> dict[str, Any]:
    """The metadata that are compared."""
    workers = reader.machines
    size = None if workers is None else f"{workers.replicas} x {workers.shards}"
    return reader.about | {"machines": size}


def _describe_metadata(a: Any, b: Any, name: str = "") -> list[str]:
    """A line for each entry that differs."""
    if a == b:
        return []
    if isinstance(a, dict) and isinstance(b, dict):
        return [
            line
            for key in {**a, **b}
            for line in _describe_metadata(a.get(key), b.get(key), f"{name} {key}".strip())
        ]
    shown = [str(side) if len(str(side)) <= 30 else "…" for side in (a, b)]
    return [f"{name}: {shown[0]} / {shown[1]}" if shown[0] != shown[1] else f"{name} differ"]
