"""Receptive fields: which positions of its sources an interneuron hears at each of its own.

A neuron may live at several positions: the pixels of a picture, the tokens of a text. It has one
activation at each. Its sources live at the same positions as it does. An interneuron may hear its
sources at others. Which ones, its receptive field says: a relation between two grids, that of the
sources and its own. The relation is all there is: shift, stride, padding, window, pairs and causal
pairs, gather, broadcast and reduce differ in it alone.

    picture, kernel = (28, 28), (2, 2)
    pool = na.Interneuron("p", "max", field=na.field.window(picture, kernel, stride=2))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

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


# --- the usual fields -----------------------------------------------------------------------------


def shift(
    sources: GridLike, by: GridLike, stride: GridLike = 1, grid: GridLike | None = None
) -> Field:
    """Return the field in which the position p hears the position stride · p + by, if there is one.

    One tap of a convolution: padding is a negative `by`, dilation a multiple of one.

    Args:
        sources: The grid of the sources.
        by: How far away the position is that is heard, along each axis.
        stride: How far the positions that neighbours hear lie apart, along each axis.
        grid: The grid of the interneuron. None: as many positions along each axis as there are
            strides in `sources`.

    Examples:
        >>> na.field.shift(4, -1).positions[:, 0].tolist()
        [-1, 0, 1, 2]
    """
    size = as_grid("sources", sources)
    steps = _along(size, "stride", stride, 1)
    offsets = _along(size, "by", by, -MAX_POSITION)
    out = (
        tuple(-(-n // s) for n, s in zip(size, steps, strict=True))
        if grid is None
        else as_grid("grid", grid)
    )
    _check_axes("grid", out, size)
    axes = [np.arange(n) * s + b for n, s, b in zip(out, steps, offsets, strict=True)]
    found = _ravel(np.meshgrid(*axes, indexing="ij"), size).reshape(-1, 1)
    return Field(size, out, found, f"shift by {_show(offsets)}{_stride(steps)}")


def window(
    sources: GridLike,
    kernel: GridLike,
    stride: GridLike | None = None,
    padding: GridLike = 0,
    dilation: GridLike = 1,
) -> Field:
    """Return the field in which each position hears a window: of a pooling, say.

    Args:
        sources: The grid of the sources.
        kernel: The size of the window along each axis.
        stride: How far windows lie apart. None: the size of the window.
        padding: How many positions that do not exist are added at each end of each axis.
        dilation: How far neighbours in a window lie apart.

    Examples:
        >>> na.field.window(4, 2).positions.tolist()
        [[0, 1], [2, 3]]
    """
    size = as_grid("sources", sources)
    taps, out, steps, pads, gaps = window_grid(size, kernel, stride, padding, dilation)
    columns = []
    for tap in product(*map(range, taps)):
        by = [t * d - p for t, d, p in zip(tap, gaps, pads, strict=True)]
        columns.append(shift(size, by, steps, out).positions[:, 0])
    return Field(size, out, np.stack(columns, axis=1), f"window {show_grid(taps)}{_stride(steps)}")


def window_grid(
    sources: Grid,
    kernel: GridLike,
    stride: GridLike | None,
    padding: GridLike,
    dilation: GridLike,
) -> tuple[Grid, Grid, Grid, Grid, Grid]:
    """Return how many windows there are, and the settings along each axis.

    Args:
        sources: The grid of the sources.
        kernel: See `window`.
        stride: See `window`.
        padding: See `window`.
        dilation: See `window`.

    Returns:
        The kernel, the grid of the windows, the strides, the paddings and the dilations.

    Raises:
        NetworkError: The window is larger than the grid with its padding.
    """
    taps = _along(sources, "kernel", kernel, 1)
    steps = taps if stride is None else _along(sources, "stride", stride, 1)
    pads = _along(sources, "padding", padding, 0)
    gaps = _along(sources, "dilation", dilation, 1)
    settings = zip(sources, taps, steps, pads, gaps, strict=True)
    out = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in settings)
    if min(out, default=1) < 1:
        raise NetworkError(
            f"a window of {show_grid(taps)} does not fit into {show_grid(sources)} "
            f"with padding {_show(pads)} and dilation {_show(gaps)}"
        )
    return taps, out, steps, pads, gaps


def pairs(queries: int, keys: int | None = None, causal: bool = False) -> tuple[Field, Field]:
    """Return the two fields of the pairs (query, key): each pair hears its query, or its key.

    Attention lives at such pairs. With `causal` there are the pairs alone in which the key is not
    behind the query. Their transposes lead back: `by_query.transpose()` hears, from each query, all
    of its pairs.

    Args:
        queries: How many queries there are.
        keys: How many keys there are. None: as many.
        causal: Whether a query hears no later key. Then there are as many keys as queries.

    Returns:
        The field in which pairs hear their queries, and that in which they hear their keys.

    Raises:
        NetworkError: Causal pairs have other numbers of keys than of queries.

    Examples:
        >>> by_query, by_key = na.field.pairs(2, causal=True)
        >>> by_query.positions[:, 0].tolist(), by_key.positions[:, 0].tolist()
        ([0, 1, 1], [0, 0, 1])
    """
    n = as_whole_number("queries", queries, 1)
    m = n if keys is None else as_whole_number("keys", keys, 1)
    if causal and n != m:
        raise NetworkError(f"causal pairs need one key for each query, got {n} and {m}")
    query, key = np.divmod(np.arange(n * m), m)
    if causal:
        there = key <= query
        query, key = query[there], key[there]
    grid = (len(query),) if causal else (n, m)
    kind = "causal pairs" if causal else "pairs"
    return (
        Field(n, grid, query, f"queries of {kind}"),
        Field(m, grid, key, f"keys of {kind}"),
    )


def gather(sources: GridLike, positions: Iterable[Any], grid: GridLike | None = None) -> Field:
    """Return the field in which the k-th position hears the position `positions[k]`.

    Args:
        sources: The grid of the sources.
        positions: For each position of the interneuron one of the sources, counted through their
            grid, or a tuple of one number for each axis; -1 for none.
        grid: The grid of the interneuron. None: as many positions along one axis.

    Examples:
        >>> na.field.gather((2, 2), [(1, 1), (0, 0)]).positions[:, 0].tolist()
        [3, 0]
    """
    size = as_grid("sources", sources)
    chosen = [
        int(np.ravel_multi_index(p, size)) if isinstance(p, (tuple, list)) else p for p in positions
    ]
    found = np.array(chosen, dtype=np.intp).reshape(-1, 1)
    return Field(size, len(found) if grid is None else grid, found, "gather")


def at(sources: GridLike, position: int | Sequence[int]) -> Field:
    """Return the field that hears one position alone, and lives at one position itself.

    Args:
        sources: The grid of the sources.
        position: The position that is heard, counted through the grid or one number for each axis.

    Examples:
        >>> na.field.at((2, 3), (1, 0)).positions.tolist()
        [[3]]
    """
    where = tuple(position) if isinstance(position, (tuple, list)) else position
    return Field(sources, (), gather(sources, [where]).positions, f"at {_show_position(where)}")


def broadcast(grid: GridLike, axes: int | Sequence[int] = ()) -> Field:
    """Return the field in which positions hear a source that lives at fewer axes, or at one place.

    Args:
        grid: The grid of the interneuron.
        axes: The axes of it that the sources have. (): they live at one position.

    Examples:
        >>> na.field.broadcast((2, 3), axes=0).positions[:, 0].tolist()
        [0, 0, 0, 1, 1, 1]
    """
    size = as_grid("grid", grid)
    there = _as_axes(size, axes)
    index = np.indices(size).reshape(len(size), -1) if size else np.zeros((0, 1), dtype=np.intp)
    sources = tuple(size[k] for k in there)
    found = np.zeros(count_positions(size), dtype=np.intp)
    for k in there:
        found = found * size[k] + index[k]
    return Field(sources, size, found, "broadcast")


def reduce(sources: GridLike, axes: int | Sequence[int] | None = None) -> Field:
    """Return the field in which a position hears all positions along some axes of the sources.

    Args:
        sources: The grid of the sources.
        axes: The axes that vanish. None: all, so that the interneuron lives at one position.

    Examples:
        >>> na.field.reduce((2, 3), axes=1).positions.tolist()
        [[0, 1, 2], [3, 4, 5]]
    """
    size = as_grid("sources", sources)
    gone = tuple(range(len(size))) if axes is None else _as_axes(size, axes)
    left = tuple(k for k in range(len(size)) if k not in gone)
    return broadcast(size, left).transpose("reduce")


# --- checks ---------------------------------------------------------------------------------------


def _along(size: Grid, what: str, values: GridLike, least: int) -> Grid:
    given = values if isinstance(values, (tuple, list, np.ndarray)) else [values] * len(size)
    found = tuple(as_whole_number(f"{what}: each number", v, least) for v in given)
    _check_axes(what, found, size)
    return found


def _check_axes(what: str, found: Grid, size: Grid) -> None:
    if len(found) != len(size):
        raise NetworkError(
            f"{what}: expected one number for each axis of {show_grid(size)}, got {_show(found)}"
        )


def _as_axes(size: Grid, axes: int | Sequence[int]) -> Grid:
    given = axes if isinstance(axes, (tuple, list, np.ndarray)) else (axes,)
    found = tuple(as_whole_number("axes: each", axis, 0, max(len(size) - 1, 0)) for axis in given)
    if len(set(found)) < len(found) or (found and not size):
        raise NetworkError(
            f"axes: expected different axes of {show_grid(size)}, got {_show(found)}"
        )
    return tuple(sorted(found))


def _ravel(index: Sequence[NDArray[np.intp]], size: Grid) -> Indices:
    """Count positions through a grid; NOWHERE for those outside."""
    inside = np.ones(np.shape(index[0]) if index else (), dtype=bool)
    flat = np.zeros(inside.shape, dtype=np.intp)
    for axis, n in zip(index, size, strict=True):
        inside &= (axis >= 0) & (axis < n)
        flat = flat * n + axis
    return np.where(inside, flat, NOWHERE).ravel()


def _show(numbers: Grid) -> str:
    return ", ".join(map(str, numbers)) or "0"


def _show_position(position: Any) -> str:
    return _show(tuple(position)) if isinstance(position, tuple) else str(position)


def _stride(steps: Grid) -> str:
    return "" if set(steps) <= {1} else f", stride {_show(steps)}"
