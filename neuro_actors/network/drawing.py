"""A network as a picture: levels as columns, neurons as discs, synapses as lines.

A large network is drawn as one box for each level. The numbers of the lines are the weights, or
others of the same shape, such as a gradient.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..support import palette
from ..support.arrays import Array, Indices
from ..support.picture import Box, Disc, Label, Line, Picture, Shape
from ..support.text import format_count
from .graph import Groups

MOST_NEURONS = 200  # that are drawn one by one
MOST_LEVELS = 12  # that are drawn one by one
MOST_LINES = 1500  # the strongest synapses
MOST_NUMBERS, MOST_OF_SOURCE = 12, 2  # synapses, and those of a source, with numbers beside them
FEW = 60  # synapses: of more than these, weak ones are pale
STEEP = 20.0  # a number stands beside a line that rises or falls by more
LONGEST_LABEL = 12
HEIGHT = 560.0  # of the columns, at most, unless their neurons would touch
TOP, BOTTOM, LEGEND = 46.0, 24.0, 30.0
BETWEEN, MARGIN = 170.0, 102.0  # columns; a column and the border
BOX = 116.0, 62.0


class _Network(Protocol):
    """What is needed of `Network`, which imports this module."""

    ids: tuple[str, ...]
    activations: tuple[str, ...]
    weights: Array
    biases: Array
    sources: Indices
    targets: Indices
    level: Indices
    outgoing: Groups

    @property
    def is_output(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]: ...


def draw_network(network: _Network, values: Array | None = None, what: str = "weight") -> Picture:
    """Draw a network.

    Args:
        network: The network.
        values: A number for each synapse, which its line shows: the colour and the dashes are its
            sign, the width its size. None: the weights. Shape (n_synapses,).
        what: What the numbers are, in a word.
    """
    numbers = network.weights if values is None else values
    is_large = len(network.ids) > MOST_NEURONS or int(network.level.max()) >= MOST_LEVELS
    return _draw_levels(network) if is_large else _draw_each(network, numbers, what)


def _draw_each(network: _Network, numbers: Array, what: str) -> Picture:
    """Each neuron as a disc."""
    level = network.level
    sizes = np.bincount(level)
    depth, most = len(sizes) - 1, int(sizes.max())
    row = min(64.0, max(6.0, HEIGHT / most))
    radius = min(12.0, max(2.2, row * 0.32))
    height = row * most
    rank = np.empty(len(level))
    for k in range(depth + 1):
        here = np.flatnonzero(level == k)
        rank[here] = np.arange(len(here)) - (len(here) - 1) / 2
    x = MARGIN + BETWEEN * level
    y = TOP + height / 2 + row * rank
    picture = Picture(
        width=2 * MARGIN + BETWEEN * depth,
        height=TOP + height + BOTTOM + LEGEND,
        title=_title(network),
    )
    largest = float(np.abs(numbers).max())
    order = np.argsort(np.abs(numbers), kind="stable")[-MOST_LINES:].tolist()
    widest = min(4.5, max(0.9, radius * 0.45))
    places = np.stack([x, y], axis=1)
    lines = [_line(network, numbers, what, k, places, largest, widest, row) for k in order]
    picture.shapes.extend(lines)
    for k, name in enumerate(network.ids):
        picture.shapes.append(
            Disc(x[k], y[k], radius, bool(network.is_output[k]), _describe(network, k, name))
        )
    picture.shapes.extend(_names(network, places, row, radius, depth))
    if len(numbers) <= MOST_NUMBERS and network.outgoing.sizes.max() <= MOST_OF_SOURCE:
        for line, k in zip(lines, order, strict=True):
            picture.shapes.append(_number(line, numbers[k]))
    for k in range(depth + 1):
        picture.shapes.append(_caption(network, k, MARGIN + BETWEEN * k))
    shown = "" if len(order) == len(numbers) else f"; {len(order):,} strongest of {len(numbers):,}"
    picture.shapes.extend(_legend(picture, what, largest, shown))
    return picture


def _line(
    network: _Network,
    numbers: Array,
    what: str,
    k: int,
    places: Array,
    largest: float,
    widest: float,
    row: float,
) -> Line:
    """The k-th synapse. One that skips a level is bent, to pass beside what is between."""
    source, target = int(network.sources[k]), int(network.targets[k])
    start, end = places[source], places[target]
    span = int(network.level[target] - network.level[source])
    points = [start, end]
    if span > 1:
        side = -1.0 if (start + end)[1] <= 2 * places[:, 1].mean() else 1.0
        points.insert(1, (start + end) / 2 + (0.0, side * (0.9 * row + 9 * span)))
    value = float(numbers[k])
    share = abs(value) / largest if largest else 0.0
    return Line(
        tuple((float(px), float(py)) for px, py in points),
        palette.sign_colour(value),
        width=0.4 + (widest - 0.4) * share,
        is_dashed=value < 0,
        is_curved=span > 1,
        title=f"{network.ids[source]} → {network.ids[target]}: {what} {_signed(value)}",
        opacity=1.0 if len(numbers) <= FEW else 0.2 + 0.8 * share,
    )


def _signed(value: float, digits: int = 6) -> str:
    return f"{value:+.{digits}g}".replace("-", "−") if value else "0"


def _number(line: Line, value: float) -> Label:
    """The number of a line, above it and not far from its beginning."""
    share = 0.3
    points = np.array(line.points)
    if line.is_curved:
        points = points[:-1] * (1 - share) + points[1:] * share
    x, y = points[0] * (1 - share) + points[1] * share
    rise = points[0, 1] - points[1, 1]
    anchor = "middle" if abs(rise) < STEEP else "end" if rise > 0 else "start"
    return Label(float(x), float(y) - 5, _signed(value, 3), anchor, size=10)


def _names(network: _Network, places: Array, row: float, radius: float, depth: int) -> list[Label]:
    """The ids of the neurons, as far as there is room."""
    found = []
    for k, name in enumerate(network.ids):
        text = name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…"
        x, y = places[k].tolist()
        size = min(11.0, row * 0.8)
        beside = radius * 1.35 + 6
        if network.level[k] == 0 and row >= 9:
            found.append(Label(x - beside, y + size * 0.35, text, "end", size))
        elif network.level[k] == depth and row >= 9:
            found.append(Label(x + beside, y + size * 0.35, text, "start", size))
        elif row >= 32:
            found.append(Label(x, y - radius * 1.35 - 3, text, size=10))
    return found


def _describe(network: _Network, k: int, name: str) -> str:
    if network.level[k] == 0:
        return f"input {name}"
    kind = "output" if network.is_output[k] else "neuron"
    return f"{kind} {name}: {network.activations[k]}, bias {_signed(network.biases[k])}"


def _functions(network: _Network, level: int) -> str:
    """The activation functions of a level."""
    here = np.flatnonzero(network.level == level).tolist()
    names = list(dict.fromkeys(network.activations[k] for k in here))
    return names[0] if len(names) == 1 else f"{len(names)} functions"


def _caption(network: _Network, level: int, x: float) -> Label:
    size = int((network.level == level).sum())
    if level == 0:
        return Label(x, 20, format_count(size, "input"))
    return Label(x, 20, f"{size:,} {_functions(network, level)}")


def _title(network: _Network) -> str:
    inputs = int((network.level == 0).sum())
    counts = [format_count(inputs, "input"), format_count(len(network.ids) - inputs, "neuron")]
    return f"A network of {', '.join(counts)}, {format_count(len(network.weights), 'synapse')}"


def _legend(picture: Picture, what: str, largest: float, shown: str) -> list[Shape]:
    """What the lines say; in two rows, so that it is not wider than the picture of two columns."""
    y, x = picture.height - 26, 14.0
    return [
        Line(((x, y), (x + 26, y)), palette.POSITIVE, 2.5),
        Label(x + 32, y + 4, "positive", "start"),
        Line(((x + 88, y), (x + 114, y)), palette.NEGATIVE, 2.5, is_dashed=True),
        Label(x + 120, y + 4, "negative", "start"),
        Label(x, y + 19, f"width: |{what}|, at most {largest:.3g}{shown}", "start", 10),
    ]


def _draw_levels(network: _Network) -> Picture:
    """Each level as a box, and how many synapses lead to the next one; not all of many levels."""
    sizes = np.bincount(network.level)
    depth = len(sizes) - 1
    all_levels = list(range(depth + 1))
    cut = MOST_LEVELS // 2
    columns: list[int | None] = list(all_levels)
    if depth >= MOST_LEVELS:
        columns = [*all_levels[:cut], None, *all_levels[-cut + 1 :]]
    width, height = BOX
    step = width + 74
    picture = Picture(28 + step * len(columns) - 74, 150, _title(network))
    shapes = picture.shapes
    start, end = network.level[network.sources], network.level[network.targets]
    middle = 36 + height / 2
    for number, column in enumerate(columns):
        x = 14 + step * number
        if column is None:
            left_out = depth + 1 - (len(columns) - 1)
            text = f"… {format_count(left_out, 'level')} …"
            shapes.append(Label(x + width / 2, middle + 4, text))
            continue
        following = columns[number + 1] if number + 1 < len(columns) else None
        if following is not None:
            count = int(((start == column) & (end == following)).sum())
            left, right = x + width + 4, x + step - 5
            tip = (right - 6, middle - 4), (right, middle), (right - 6, middle + 4)
            shapes += [
                Line(((left, middle), (right, middle))),
                Line(tip),
                Label((left + right) / 2, middle - 8, f"{count:,}", size=10),
            ]
        function = "inputs" if column == 0 else _functions(network, column)
        shapes += [
            Box(x, 36, width, height),
            Label(x + width / 2, middle - 2, f"{sizes[column]:,}", size=16, on_fill=True),
            Label(x + width / 2, middle + 17, function, on_fill=True),
            Label(x + width / 2, 24, "level 0" if column == 0 else f"level {column}"),
        ]
    skipping = int((end - start > 1).sum())
    notes = [f"{len(network.weights):,} synapses"]
    if skipping:
        notes.append(f"{skipping:,} of them skip a level")
    shapes.append(Label(14, 126, "; ".join(notes), "start"))
    return picture
