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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import MAX_POSITION, Indices
from ..support.errors import NetworkError
from ..support.hints import explains_arguments
from ..support.scalars import as_whole_number
from ..support.text import quote
from .receptive_field import (
    NOWHERE,
    Field,
    Grid,
    GridLike,
    as_grid,
    count_positions,
    show_grid,
)

__all__ = [
    "NOWHERE", "Field", "Grid", "GridLike", "as_grid", "at", "broadcast", "count_positions",
    "gather", "pairs", "reduce", "shift", "show_grid", "window", "window_grid",
]  # fmt: skip


@explains_arguments
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


@explains_arguments
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


@explains_arguments
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


@explains_arguments
def gather(sources: GridLike, positions: Iterable[Any], grid: GridLike | None = None) -> Field:
    """Return the field in which the k-th position hears the position `positions[k]`.

    Args:
        sources: The grid of the sources.
        positions: For each position of the interneuron one of the sources, counted through their
            grid, or a tuple of one number for each axis; -1 for none.
        grid: The grid of the interneuron. None: as many positions along one axis.

    Raises:
        InputError: There is no such position.
        NetworkError: A tuple has another number of axes.

    Examples:
        >>> na.field.gather((2, 2), [(1, 1), (0, 0)]).positions[:, 0].tolist()
        [3, 0]
    """
    size = as_grid("sources", sources)
    if not isinstance(positions, Iterable):
        raise NetworkError(f"gather: expected a list of positions, got {quote(positions)}")
    chosen = [_as_position("gather: each position", size, one, NOWHERE) for one in positions]
    found = np.array(chosen, dtype=np.intp).reshape(-1, 1)
    return Field(size, len(found) if grid is None else grid, found, "gather")


@explains_arguments
def at(sources: GridLike, position: int | Sequence[int]) -> Field:
    """Return the field that hears one position alone, and lives at one position itself.

    Args:
        sources: The grid of the sources.
        position: The position that is heard, counted through the grid or one number for each axis.

    Raises:
        InputError: There is no such position. A negative number is none.
        NetworkError: A tuple has another number of axes.

    Examples:
        >>> na.field.at((2, 3), (1, 0)).positions.tolist()
        [[3]]
    """
    size = as_grid("sources", sources)
    where = _as_position("at: position", size, position, 0)
    text = _show(tuple(position)) if isinstance(position, (tuple, list)) else str(where)
    return Field(size, (), [[where]], f"at {text}")


@explains_arguments
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


@explains_arguments
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


def _as_position(what: str, size: Grid, position: Any, least: int) -> int:
    """Return a position as its count through a grid; from `least` on, -1 stands for none."""
    if not isinstance(position, (tuple, list)):
        return as_whole_number(what, position, least, count_positions(size) - 1)
    _check_axes(what, tuple(position), size)
    found = 0
    for axis, n in zip(position, size, strict=True):
        found = found * n + as_whole_number(f"{what} along an axis", axis, 0, n - 1)
    return found


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


def _stride(steps: Grid) -> str:
    return "" if set(steps) <= {1} else f", stride {_show(steps)}"
