"""The rows of a log as Arrow has them, and numbers computed from them in exact arithmetic, for comparison with what readers say."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa


def raw_rows(path: Path) -> list[dict[str, Any]]:
    """All rows, without any code of the package."""
    with pa.ipc.open_stream(path.read_bytes()) as stream:
        return stream.read_all().to_pylist()


class Exact:
    """A mean as a fraction, with the rounding that a sum of floats may have."""

    def __init__(self, values: list[float], each: int = 1) -> None:
        """`each`: how many sums of floats each value went through before."""
        numbers = [Fraction(value) for value in values]
        self.n = len(numbers)
        self.mean = sum(numbers, Fraction(0)) / self.n
        size = sum(map(abs, numbers), Fraction(0)) / self.n
        self.bound = size * (self.n + 2) * each / 2**52 + each * Fraction(5e-324)

    def agrees(self, found: float) -> bool:
        """Whether a float is the mean but for rounding."""
        return abs(Fraction(found) - self.mean) <= self.bound


def by_key(rows: list[dict[str, Any]], kind: str, *names: str) -> dict[tuple[Any, ...], Any]:
    """The values of the rows of a kind, joined where rows have equal names."""
    found = defaultdict(list)
    for row in rows:
        if row["kind"] == kind and row["value"]:
            found[tuple(row[name] for name in names)].append(row["value"])
    return found
