"""A receptive field: a relation between the positions of the sources and those of an interneuron.

Its transpose carries urgencies back. The usual fields are in `field.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..support.arrays import MAX_POSITION, Array, Indices
from ..support.errors import NetworkError
from ..support.scalars import as_whole_number
from ..support.text import quote

Grid: TypeAlias = tuple[int, ...]
"""The shape of the positions at which a neuron lives, such as (28, 28). () is one position."""

GridLike: TypeAlias = int | Sequence[int]
"""What users write for a grid: 5 for (5,)."""

NOWHERE = -1  # stands for a position that is not heard


class Field:
    """A receptive field: which positions of its sources an interneuron hears at each of its own.

    Positions are counted through a grid, the last axis fastest. Fields are compared by value.

    Args:
        sources: The grid of the sources.
        grid: The grid of the interneuron.
        positions: For each position of the interneuron those of the sources that it hears, in the
            order in which it combines them; -1 where there is one less. Shape (positions, width),
            or (positions,) if it hears one at most.
        name: How `describe` and logs show the field.

    Raises:
        NetworkError: There is no such position, one is heard twice from one position, or nothing
            is heard at all.

    Attributes:
        sources: The grid of the sources.
        grid: The grid of the interneuron.
        positions: As above. Shape (positions, width), read-only.
        name: As above.
    """

    __slots__ = ("_scatter", "grid", "name", "positions", "sources")

    def __init__(
        self, sources: GridLike, grid: GridLike, positions: Any, name: str = "field"
    ) -> None:
        self.sources, self.grid = as_grid("sources", sources), as_grid("grid", grid)
        self.name = str(name)
        found = np.asarray(positions)
        if found.ndim == 1:
            found = found[:, None]
        n, m = count_positions(self.grid), count_positions(self.sources)
        if found.ndim != 2 or len(found) != n or found.dtype.kind not in "iu":
            raise NetworkError(
                f"the field {self.name}: expected whole numbers of shape ({n}, width), "
                f"got {found.dtype} of shape {np.shape(positions)}"
            )
        found = found.astype(np.intp)
        if ((found < NOWHERE) | (found >= m)).any():
            raise NetworkError(
                f"the field {self.name}: its sources have the positions 0 to {m - 1}, and -1 "
                f"stands for none; got {found.min()} to {found.max()}"
            )
        in_order = np.sort(found, axis=1)
        twice = (in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] != NOWHERE)
        if twice.any():
            where = int(np.flatnonzero(twice.any(axis=1))[0])
            raise NetworkError(f"the field {self.name}: position {where} hears a position twice")
        width = max(1, int((found != NOWHERE).sum(axis=1).max(initial=0)))
        if width < found.shape[1]:  # what is heard comes first, in its order
            rank = np.argsort(found == NOWHERE, axis=1, kind="stable")
            found = np.take_along_axis(found, rank, axis=1)[:, :width]
        self.positions: Indices = np.ascontiguousarray(found)
        self.positions.setflags(write=False)
        self._scatter: Indices | None = None

    @property
    def width(self) -> int:
        """How many positions of a source are heard from one position, at most."""
        return int(self.positions.shape[1])

    @property
    def is_full(self) -> bool:
        """Whether as many positions are heard from everywhere."""
        return not (self.positions == NOWHERE).any()

    @property
    def hears_everywhere(self) -> bool:
        """Whether at least one position is heard from everywhere."""
        return not (self.positions == NOWHERE).all(axis=1).any()

    def transpose(self, name: str = "") -> Field:
        """Return the field of the way back: a position hears those from which it was heard.

        Args:
            name: The new field's name; "" adds a mark to this one's.
        """
        n, m = len(self.positions), count_positions(self.sources)
        at, by = np.nonzero(self.positions != NOWHERE)
        ends = self.positions[at, by]
        order = np.argsort(ends, kind="stable")
        counts = np.bincount(ends, minlength=m)
        width = max(1, int(counts.max(initial=0)))
        back = np.full((m, width), NOWHERE, dtype=np.intp)
        rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        back[ends[order], rank] = at[order]
        assert not len(back) or back.max() < n
        return Field(self.grid, self.sources, back, name or f"{self.name}, transposed")

    def gather_rows(self, rows: Array, nothing: float) -> Array:
        """Return what is heard, one row for each source and each of `width` positions.

        Args:
            rows: The activations of the sources. Shape (n, examples · positions of the sources),
                example after example.
            nothing: What stands where nothing is heard.

        Returns:
            Shape (n · width, examples · positions), the rows of one source together.
        """
        n, m = len(rows), count_positions(self.sources)
        batch = rows.shape[1] // m
        taken = rows.reshape(n, batch, m)[:, :, self.positions.T]  # (n, batch, width, positions)
        if not self.is_full:
            taken[:, :, self.positions.T == NOWHERE] = nothing
        wide = np.ascontiguousarray(taken.transpose(0, 2, 1, 3))
        return wide.reshape(n * self.width, -1)

    def scatter_rows(self, rows: Array) -> Array:
        """Add up what belongs to each position of the sources: the way back of `gather_rows`.

        Args:
            rows: A number for each source, each of `width` positions, and each column. Shape
                (n · width, examples · positions).

        Returns:
            Shape (n, examples · positions of the sources). The sums are in the order of the
            interneuron's positions.
        """
        n, p, m = len(rows) // self.width, len(self.positions), count_positions(self.sources)
        batch = rows.shape[1] // p
        if self._scatter is None:
            self._scatter = _places_of_scatter(self.positions, m)
        flat = rows.reshape(n, self.width, batch, p).transpose(0, 2, 1, 3).reshape(n, batch, -1)
        padded = np.concatenate([flat, np.zeros((n, batch, 1))], axis=2)
        terms = padded[:, :, self._scatter]  # (n, batch, most, m)
        # an axis in the middle: numpy adds along it in order
        return np.ascontiguousarray(np.add.accumulate(terms, axis=2)[:, :, -1]).reshape(n, -1)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Field)
            and (self.sources, self.grid) == (other.sources, other.grid)
            and np.array_equal(self.positions, other.positions)
        )

    def __hash__(self) -> int:
        return hash((self.sources, self.grid, self.positions.tobytes()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.sources, self.grid, np.array(self.positions), self.name)

    def __repr__(self) -> str:
        return f"<Field {self.name}: {show_grid(self.sources)} to {show_grid(self.grid)}>"


def _places_of_scatter(positions: Indices, n_sources: int) -> Indices:
    """Where the terms of each position of the sources are, among (width, positions) and a 0."""
    n, width = positions.shape
    at, by = np.nonzero(positions != NOWHERE)
    ends = positions[at, by]
    order = np.lexsort((by, at, ends))
    counts = np.bincount(ends, minlength=n_sources)
    most = max(1, int(counts.max(initial=0)))
    places = np.full((most, n_sources), n * width, dtype=np.intp)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    places[rank, ends[order]] = (by * n + at)[order]
    return places


# --- grids ----------------------------------------------------------------------------------------


def as_grid(what: str, grid: object) -> Grid:
    """Convert what a user wrote to a grid.

    Args:
        what: What it is, for the text of an error.
        grid: A whole number from 1 on, or several of them.

    Raises:
        NetworkError: It is something else, or the grid has too many positions.
    """
    sizes = grid if isinstance(grid, (tuple, list, np.ndarray)) else (grid,)
    found = tuple(as_whole_number(f"{what}: each size", size, 1) for size in sizes)
    if count_positions(found) > MAX_POSITION:
        raise NetworkError(f"{what}: {quote(grid)} has more than {MAX_POSITION:,} positions")
    return found


def count_positions(grid: Grid) -> int:
    """Return how many positions a grid has; () has one."""
    count = 1
    for size in grid:
        count *= size
    return count


def show_grid(grid: Grid) -> str:
    """Return a grid as a text, such as "28 × 28"."""
    return " × ".join(map(str, grid)) if grid else "one position"
