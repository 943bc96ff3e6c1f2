"""Figures of a log: the loss, the urgencies of each level, one neuron, some weights.

They need matplotlib (extra `plot`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Array
from ..support.errors import LogError
from ..support.figures import STYLES, axis_unit, make_figure, write_figure
from ..support.files import check_free
from ..support.means import SCALE, finite_mean, mean_of_groups
from ..support.palette import KINDS, SERIES
from ..support.text import escape_controls, format_count
from ..support.validation import as_flag, as_list, as_path
from .reader import LogReader
from .series import (
    find_synapse,
    read_losses,
    read_neuron,
    read_urgency_by_level,
    read_weight,
    synapse_name,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Panel = Callable[[Any], None]  # draws onto a matplotlib axis
SUFFIXES = ("png", "svg", "pdf")
GREY = "0.8"
MEMBERS = "input", "neuron"  # of level 0, and of the other levels
COLUMNS = 400  # of a heat map, at most
SMALLEST = 1e-290  # of a logarithmic axis
POINTS = 120  # a curve with more points is drawn with its running mean


def plot_log(
    reader: LogReader,
    path: str | PathLike[str] | None = None,
    *,
    loss: bool = False,
    urgency: bool = False,
    neurons: Sequence[str] = (),
    weights: Sequence[str] = (),
    force: bool = True,
) -> Figure:
    """Draw panels, one below the other: by default the loss and the urgencies.

    Args:
        reader: The log.
        path: The file of the figure; see `Log.plot`.
        loss: Draw the loss.
        urgency: Draw the urgencies that each level received.
        neurons: Draw the activations and urgencies of these neurons.
        weights: Draw these weights.
        force: Whether the figure may replace a file.

    Returns:
        A matplotlib figure.

    Raises:
        LogError: The log does not contain what is asked for, or the file cannot be written.
        NeuroActorsError: matplotlib is not installed.
    """
    file = None if path is None else as_path("a figure", path)
    loss, urgency = as_flag("loss", loss), as_flag("urgency", urgency)
    neurons, weights = as_list("neurons", neurons), as_list("weights", weights)
    if file is not None and file.suffix[1:] not in SUFFIXES:
        raise LogError(f"{str(file)!r}: a figure is named *.{', *.'.join(SUFFIXES)}")
    if file is not None:
        check_free(file, force)
    panels: list[Panel] = []
    overview = not (loss or urgency or neurons or weights)
    if loss or overview:
        panels.append(_loss_panel(reader))
    if urgency or overview:
        panels.append(_urgency_panel(reader))
    for neuron in neurons:
        panels.extend(_neuron_panels(reader, neuron))
    if weights:
        panels.append(_weights_panel(reader, weights))
    # unknown to pyplot, so that a notebook shows the returned figure once, not twice
    figure, axes = make_figure(len(panels), 1, (8, 0.5 + 2.9 * len(panels)))
    for k, (axis, draw) in enumerate(zip(axes[:, 0], panels, strict=True)):
        draw(axis)
        axis.spines[["top", "right"]].set_visible(False)
        if k == len(panels) - 1:
            axis.set_xlabel("step")
    figure.suptitle(
        escape_controls(Path(reader.path).name), fontsize=10, color="0.4", parse_math=False
    )
    if file is not None:
        write_figure(figure, file, LogError)
    return figure


def _loss_panel(reader: LogReader) -> Panel:
    steps, values = read_losses(reader)
    if not len(steps):
        raise LogError(f"{reader.path!r}: no step of it has a loss to show")

    unit, in_unit = axis_unit(values)
    shown = values / unit

    def draw(axis: Any) -> None:
        _set_title(axis, "Loss: the mean over each step's examples")
        _draw_curve(axis, steps, shown, SERIES[0])
        smooth = _running_mean(shown, len(shown) // 80)
        smooth = smooth[np.isfinite(smooth)]
        least, most = (float(smooth.min()), float(smooth.max())) if len(smooth) else (0.0, 0.0)
        if least > SMALLEST and most > 30 * least:
            axis.set_yscale("log")
        elif least > 0:
            axis.set_ylim(bottom=0)
        axis.set_ylabel(f"loss{in_unit}")

    return draw


def _urgency_panel(reader: LogReader) -> Panel:
    steps, strength = read_urgency_by_level(reader)
    urged = (
        np.flatnonzero(~np.isnan(strength).all(axis=1))
        if len(steps)
        else np.empty(0, dtype=np.intp)
    )
    if not len(urged):
        raise LogError(f"{reader.path!r}: it holds no urgency to show")
    edges, image = _bin_by_step(steps, strength[urged[0] : urged[-1] + 1])
    unit, in_unit = axis_unit(image)
    image = np.where(image > 0, np.maximum(image / unit, SMALLEST), image)

    def draw(axis: Any) -> None:
        from matplotlib.colors import LogNorm
        from matplotlib.ticker import LogLocator

        levels = np.arange(urged[0], urged[-1] + 1)
        positive = image[np.isfinite(image) & (image > 0)]
        low, high = (float(positive.min()), float(positive.max())) if len(positive) else (0.1, 1.0)
        norm = LogNorm(low, high if high > low else low * 10)
        cells = np.ma.masked_invalid(np.where(image > 0, image, np.nan))
        heights = np.append(levels, levels[-1] + 1) - 0.5
        mesh = axis.pcolormesh(edges, heights, cells, norm=norm, cmap="viridis", rasterized=True)
        ticks = LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,))
        axis.figure.colorbar(
            mesh,
            ax=axis,
            label=f"mean |urgency|{in_unit}",
            pad=0.01,
            aspect=12,
            ticks=ticks,
            format="{x:g}",
        )
        sizes = np.bincount(reader.network.level).tolist()
        named = levels[:: max(1, len(levels) // 12)].tolist()
        axis.set_yticks(
            named,
            [f"level {k}: {format_count(sizes[k], MEMBERS[k > 0])}" for k in named],
            fontsize=9,
        )
        axis.set_facecolor("0.92")  # where no urgency was received
        _set_title(axis, "Urgency: mean strength of the messages that a level receives")

    return draw


def _neuron_panels(reader: LogReader, neuron: str) -> list[Panel]:
    series = read_neuron(reader, neuron)
    name = escape_controls(neuron)
    if not len(series.activation_steps):
        raise LogError(f"{reader.path!r}: it holds no activation that {neuron!r} sent")

    def activation(axis: Any) -> None:
        unit, in_unit = axis_unit(series.activation)
        mean, least, greatest = series.activation / unit
        band = {
            "color": SERIES[0],
            "alpha": 0.15,
            "linewidth": 0,
            "label": "least to greatest of the examples",
        }
        axis.fill_between(series.activation_steps, least, greatest, **band)
        _draw_curve(axis, series.activation_steps, mean, SERIES[0], "mean")
        axis.set_ylabel(f"activation{in_unit}")
        _set_title(axis, f"Activations of {name}")

    def urgency(axis: Any) -> None:
        unit, in_unit = axis_unit(series.urgency)
        _draw_curve(axis, series.urgency_steps, series.urgency / unit, SERIES[1])
        axis.set_ylim(bottom=0)
        axis.set_ylabel(f"mean |urgency|{in_unit}")
        _set_title(axis, f"Urgencies that {name} receives")

    return [activation, urgency] if len(series.urgency_steps) else [activation]


def _weights_panel(reader: LogReader, names: Sequence[str]) -> Panel:
    synapses = [find_synapse(reader, name) for name in names]
    curves = [(synapse_name(reader, k), *read_weight(reader, k)) for k in synapses]
    unit, in_unit = axis_unit(*(values for *_, values in curves))

    def draw(axis: Any) -> None:
        for k, (name, steps, values) in enumerate(curves):
            dash = STYLES[k // len(KINDS) % len(STYLES)]
            look = {"color": KINDS[k % len(KINDS)], "linestyle": dash, "linewidth": 1.4}
            line = axis.step(steps, values / unit, where="post", **look)[0]
            # matplotlib hides labels that begin with an underscore
            line.set_label("\u200b" + escape_controls(name))
        axis.axhline(0, color="0.6", linewidth=0.8)
        axis.set_ylabel(f"weight{in_unit}")
        axis.grid(alpha=0.3)
        for text in axis.legend(frameon=False, fontsize=8).get_texts():
            text.set_parse_math(False)
        _set_title(axis, "Weights: above zero excitatory, below inhibitory")

    return draw


def _draw_curve(
    axis: Any, steps: NDArray[np.int64], values: Array, colour: str, label: str = ""
) -> None:
    """Draw all values; if there are many, draw them in grey with their running mean."""
    half = len(values) // 80
    if len(steps) > POINTS:
        axis.plot(steps, values, color=GREY, linewidth=0.6, label="each step")
        label = f"running mean of {2 * half + 1:,} steps"
        axis.plot(steps, _running_mean(values, half), color=colour, linewidth=1.8, label=label)
    else:
        marker = "o" if len(steps) < 30 else ""
        axis.plot(
            steps, values, color=colour, linewidth=1.4, marker=marker, markersize=3, label=label
        )
    axis.grid(alpha=0.3)
    if axis.get_legend_handles_labels()[1]:
        axis.legend(frameon=False, fontsize=8)


def _running_mean(values: Array, half: int) -> Array:
    """The mean of the finite values among each value and its `half` neighbours on each side."""
    finite = np.isfinite(values)
    numbers = np.where(finite, values, 0.0)
    with np.errstate(all="ignore"):
        counts = _window_sums(finite.astype(np.float64), half)
        sums, scaled = (_window_sums(part, half) / counts for part in (numbers, numbers / SCALE))
    mean: Array = finite_mean(sums, scaled)
    return mean


def _window_sums(values: Array, half: int) -> Array:
    """The sum of each value and its `half` neighbours on each side.

    A window is the end of one block of its length and the beginning of the next one. Nothing is
    subtracted, so one great value does not erase the small ones after it.
    """
    n, width = len(values), 2 * half + 1
    padded = np.zeros((-(-(n + 2 * half) // width) + 1) * width)
    padded[half : half + n] = values
    blocks = padded.reshape(-1, width)
    begins = np.cumsum(blocks, axis=1).ravel()
    ends = np.cumsum(blocks[:, ::-1], axis=1)[:, ::-1].ravel()
    first = np.arange(n)
    whole = first % width == 0  # such a window is one block
    sums: Array = np.where(whole, 0.0, ends[:n]) + begins[first + width - 1]
    return sums


def _bin_by_step(steps: NDArray[np.int64], values: Array) -> tuple[Array, Array]:
    """Edges of columns along the steps, and the mean in each column; missing steps leave gaps."""
    first, last = int(steps[0]), int(steps[-1])
    n = min(COLUMNS, last - first + 1)
    edges = np.linspace(first - 0.5, last + 0.5, n + 1)
    column = np.minimum(((steps - first + 0.5) * n / (last - first + 1)).astype(int), n - 1)
    finite = np.isfinite(values)
    means = [mean_of_groups(column[k], row[k], n) for row, k in zip(values, finite, strict=True)]
    return edges, np.stack(means)


def _set_title(axis: Any, title: str) -> None:
    axis.set_title(title, loc="left", fontsize=11, parse_math=False)
