"""Layers that mix positions: convolutions, poolings, flattening."""

from __future__ import annotations

from itertools import product

from ..network import field
from ..network.field import Field, Grid, GridLike, as_grid, count_positions, window_grid
from ..network.function_names import AnyActivation
from ..support.errors import NetworkError
from ..support.scalars import as_whole_number
from ..support.text import quote
from ..support.validation import as_flag
from .builder import builder
from .collect import join
from .layer import Layer, as_layer, choose_name, interneurons, show_layer
from .parts import neurons


@builder
def conv2d(
    x: Layer,
    features: int,
    kernel: GridLike,
    activation: AnyActivation = "identity",
    *,
    stride: GridLike = 1,
    padding: GridLike = 0,
    dilation: GridLike = 1,
    groups: int = 1,
    bias: bool = True,
    name: str | None = None,
) -> Layer:
    """Return a convolution, as PyTorch's `Conv2d`: a sum over a window, with the same weights.

    For each feature of x and each tap of the kernel there is an interneuron that says what the
    feature is so far away; a tap that hears its own position is the feature itself. The weights of
    a neuron are in the order of the features, and within a feature in that of the taps.

    Args:
        x: A layer at a grid of two axes. (One or three are taken as well.)
        features: How many neurons there are: "channels".
        kernel: The size of the window along each axis.
        activation: Their activation function.
        stride: How far windows lie apart.
        padding: How many zeros are added at each end of each axis.
        dilation: How far the taps of a window lie apart.
        groups: Into how many parts the features of x and the new ones are cut; each part of the new
            ones hears its part of x alone.
        bias: Whether they have a bias. If not, it is 0 and frozen.
        name: The name of the layer. None: conv1, conv2, ….

    Raises:
        NetworkError: x lives at one position, the window does not fit, or features do not divide
            into groups.
        InputError: A number is not as it must be.
    """
    grid = _grid(x)
    if isinstance(padding, str):
        advice = "write padding=1 for a kernel of 3 that leaves the grid as it is, 2 for one of 5"
        raise NetworkError(f"padding must be a whole number, got {quote(padding)}: {advice}")
    n = as_whole_number("features", features, 1)
    parts = as_whole_number("groups", groups, 1)
    if n % parts or len(x) % parts:
        raise NetworkError(
            f"{parts} groups must divide the {n} new features as well as those of {show_layer(x)}"
        )
    name = choose_name("conv", name, x)
    taps = _taps(grid, kernel, stride, padding, dilation)
    read = _read_taps(name, x, taps)
    own, fan = n // parts, len(x) // parts * len(taps)
    ids = read.ids
    hears = [[(id, None) for id in ids[k // own * fan :][:fan]] for k in range(n)]
    start = 0.0 if as_flag("bias", bias) else None
    last = neurons(name, [read], hears, activation, bias=start)
    return join(name, "conv", last, [x])


@builder
def max_pool(
    x: Layer,
    kernel: GridLike | None = None,
    stride: GridLike | None = None,
    padding: GridLike = 0,
    *,
    name: str | None = None,
) -> Layer:
    """Return the greatest of each window, of each feature.

    Of several that are equal the first gets the urgency, as in PyTorch.

    Args:
        x: A layer at a grid.
        kernel: The size of the window along each axis. None: all positions.
        stride: How far windows lie apart. None: the size of the window.
        padding: How many positions that do not exist are added at each end of each axis.
        name: The name of the layer. None: max_pool1, ….

    Raises:
        NetworkError: x lives at one position, or the window does not fit.
    """
    name = choose_name("max_pool", name, as_layer(x))
    window = _window(x, kernel, stride, padding)
    return interneurons(name, "max", [x], [[id] for id in x.ids], window, kind="max_pool")


@builder
def mean_pool(
    x: Layer,
    kernel: GridLike | None = None,
    stride: GridLike | None = None,
    padding: GridLike = 0,
    *,
    name: str | None = None,
) -> Layer:
    """Return the mean of each window, of each feature. Positions of the padding count as 0.

    An interneuron adds, and a frozen neuron divides by the size of the window.

    Args:
        x: A layer at a grid.
        kernel: See `max_pool`.
        stride: See `max_pool`.
        padding: See `max_pool`.
        name: The name of the layer. None: mean_pool1, ….

    Raises:
        NetworkError: See `max_pool`.
    """
    name = choose_name("mean_pool", name, as_layer(x))
    window = _window(x, kernel, stride, padding)
    size = count_positions(x.grid)
    if kernel is not None:
        size = count_positions(window_grid(x.grid, kernel, stride, padding, 1)[0])
    sums = interneurons(f"{name}.sum", "sum", [x], [[id] for id in x.ids], window)
    last = neurons(name, [sums], [[(id, 1.0 / size)] for id in sums.ids], bias=None)
    return join(name, "mean_pool", last, [x])


@builder
def flatten(x: Layer, *, name: str | None = None) -> Layer:
    """Return each position of each feature as a feature of its own, at one position.

    Args:
        x: A layer at a grid.
        name: The name of the layer. None: flatten1, ….

    Raises:
        NetworkError: x lives at one position.
    """
    grid = _grid(x)
    name = choose_name("flatten", name, x)
    fields = [field.at(grid, where) for where in product(*map(range, grid))]
    return interneurons(
        name,
        "sum",
        [x],
        [[id] for id in x.ids for _ in fields],
        [at for _ in x.ids for at in fields],
        kind="flatten",
        label=lambda k: f"{name}.{k // len(fields)} {_where(k % len(fields), grid)}",
    )


@builder
def at(x: Layer, position: int | tuple[int, ...], *, name: str | None = None) -> Layer:
    """Return the features of one position alone, such as the last token.

    Args:
        x: A layer at a grid.
        position: The position: its count through the grid, or one number for each axis.
        name: The name of the layer. None: at1, ….

    Raises:
        NetworkError: x lives at one position, or a tuple has another number of axes.
        InputError: There is no such position. A negative number is none.
    """
    grid = _grid(x)
    name = choose_name("at", name, x)
    one = field.at(grid, position)
    return interneurons(name, "sum", [x], [[id] for id in x.ids], one, kind="at")


def _grid(x: Layer) -> Grid:
    if not as_layer(x).grid:
        advice = "give na.layers.inputs(…) its positions, such as positions=(28, 28)"
        raise NetworkError(f"there is one position alone in {show_layer(x)}: {advice}")
    return x.grid


def _window(x: Layer, kernel: GridLike | None, stride: GridLike | None, padding: GridLike) -> Field:
    grid = _grid(x)
    if kernel is None:
        return field.reduce(grid)
    return field.window(grid, kernel, stride, padding)


def _taps(
    grid: Grid, kernel: GridLike, stride: GridLike, padding: GridLike, dilation: GridLike
) -> list[tuple[str, Field | None]]:
    """Return the name and the field of each tap; None: it hears its own position."""
    as_grid("stride", stride)
    sizes, out, steps, pads, gaps = window_grid(grid, kernel, stride, padding, dilation)
    taps: list[tuple[str, Field | None]] = []
    for tap in product(*map(range, sizes)):
        by = tuple(t * d - p for t, d, p in zip(tap, gaps, pads, strict=True))
        here = not any(by) and set(steps) == {1} and out == grid
        text = ",".join(f"{b:+d}" if b else "0" for b in by)
        taps.append((text, None if here else field.shift(grid, by, steps, out)))
    return taps


def _read_taps(name: str, x: Layer, taps: list[tuple[str, Field | None]]) -> Layer:
    """Return what a convolution hears: each tap of each feature."""
    moved = [(id, text, tap) for id in x.ids for text, tap in taps if tap is not None]
    if not moved:
        return x
    made = interneurons(
        f"{name}.taps",
        "sum",
        [x],
        [[id] for id, _, _ in moved],
        [tap for _, _, tap in moved],
        label=[f"{name}.{id} {text}" for id, text, _ in moved].__getitem__,
    )
    rest = iter(made.ids)
    ids = tuple(id if tap is None else next(rest) for id in x.ids for _, tap in taps)
    return Layer(f"{name}.heard", ids, made.grid, (made, x))


def _where(position: int, grid: Grid) -> str:
    numbers = []
    for size in reversed(grid):
        position, k = divmod(position, size)
        numbers.append(str(k))
    return ",".join(reversed(numbers))
