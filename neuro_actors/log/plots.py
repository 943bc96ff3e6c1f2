"""Figures of a log: the loss, who was urged how much, one neuron, some weights. matplotlib is the extra `plot`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..support.errors import LogError
from ..support.figures import pyplot
from ..support.files import check_free, whole_file
from ..support.text import counted, printable, shown
from ..support.validation import Array, as_flag, as_list, as_path
from .reader import LogReader
from .series import (
    find_synapse,
    read_losses,
    read_neuron,
    read_urgency_by_level,
    read_weight,
    synapse_name,
)

SUFFIXES = ("png", "svg", "pdf")
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "0.8"
WHO = "input", "neuron"
COLUMNS = 400  # of a heat map
POINTS = 120  # a curve with more is drawn with its running mean


def plot_log(
    reader: LogReader,
    path: str | PathLike[str] | None = None,
    *,
    loss: bool = False,
    urgency: bool = False,
    neurons: Sequence[str] = (),
    weights: Sequence[str] = (),
) -> Any:
    """A panel below another; unless something is asked for, the loss and the urgencies. Returns the figure, and writes it
    to `path` (*.png, *.svg, *.pdf). Raises `LogError` where the log holds nothing to show, or no such neuron."""
    file = None if path is None else as_path("a figure", path)
    loss, urgency = as_flag("loss", loss), as_flag("urgency", urgency)
    neurons, weights = as_list("neurons", neurons), as_list("weights", weights)
    if file is not None and file.suffix[1:] not in SUFFIXES:
        raise LogError(f"{str(file)!r}: a figure is named *.{', *.'.join(SUFFIXES)}")
    if file is not None:
        check_free(file, force=True)
    plt = pyplot()
    draw: list[Callable[[Any], None]] = []
    overview = not (loss or urgency or neurons or weights)
    if loss or overview:
        draw.append(_loss(reader))
    if urgency or overview:
        draw.append(_urgency(reader))
    for neuron in neurons:
        draw.extend(_neuron(reader, neuron))
    if weights:
        draw.append(_weights(reader, weights))
    size = 8, 0.5 + 2.9 * len(draw)
    figure, axes = plt.subplots(
        len(draw), 1, figsize=size, layout="constrained", squeeze=False, sharex=True
    )
    plt.close(figure)  # a notebook shows what is returned, and that once
    for k, (axis, onto) in enumerate(zip(axes[:, 0], draw, strict=True)):
        onto(axis)
        axis.spines[["top", "right"]].set_visible(False)
        if k == len(draw) - 1:
            axis.set_xlabel("step")
    figure.suptitle(printable(Path(reader.path).name), fontsize=10, color="0.4", parse_math=False)
    if file is not None:
        with whole_file(file, force=True) as written, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of letters in ids that the font lacks
            figure.savefig(written, format=file.suffix[1:], dpi=150)
    return figure


def _loss(reader: LogReader) -> Callable[[Any], None]:
    steps, values = read_losses(reader)
    if not len(steps):
        raise LogError(f"{reader.path!r}: no step of it has a loss to show")

    def onto(axis: Any) -> None:
        _titled(axis, "Loss: the mean over each step's examples")
        _curve(axis, steps, values, BLUE)
        smooth = _running_mean(values, len(values) // 80)
        least, most = float(np.nanmin(smooth)), float(np.nanmax(smooth))
        if least > 0 and most > 30 * least:
            axis.set_yscale("log")
        elif least > 0:
            axis.set_ylim(bottom=0)
        axis.set_ylabel("loss")

    return onto


def _urgency(reader: LogReader) -> Callable[[Any], None]:
    steps, strength = read_urgency_by_level(reader)
    heard = (
        np.flatnonzero(~np.isnan(strength).all(axis=1))
        if len(steps)
        else np.empty(0, dtype=np.intp)
    )
    if not len(heard):
        raise LogError(f"{reader.path!r}: it holds no urgency to show")
    edges, shown = _binned(steps, strength[heard[0] : heard[-1] + 1])

    def onto(axis: Any) -> None:
        from matplotlib.colors import LogNorm
        from matplotlib.ticker import LogLocator

        levels = np.arange(heard[0], heard[-1] + 1)
        positive = shown[np.isfinite(shown) & (shown > 0)]
        low, high = (float(positive.min()), float(positive.max())) if len(positive) else (0.1, 1.0)
        norm = LogNorm(low, high if high > low else low * 10)
        cells = np.ma.masked_invalid(np.where(shown > 0, shown, np.nan))
        heights = np.append(levels, levels[-1] + 1) - 0.5
        mesh = axis.pcolormesh(edges, heights, cells, norm=norm, cmap="viridis", rasterized=True)
        ticks = LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,))
        axis.figure.colorbar(
            mesh, ax=axis, label="mean |urgency|", pad=0.01, aspect=12, ticks=ticks, format="{x:g}"
        )
        sizes = np.bincount(reader.network.level).tolist()
        named = levels[:: max(1, len(levels) // 12)].tolist()
        axis.set_yticks(
            named, [f"level {k}: {counted(sizes[k], WHO[k > 0])}" for k in named], fontsize=9
        )
        axis.set_facecolor("0.92")  # nothing heard
        _titled(axis, "Urgency: how strong a message is that a level hears")

    return onto


def _neuron(reader: LogReader, neuron: str) -> list[Callable[[Any], None]]:
    if not isinstance(neuron, str):
        raise LogError(f"a neuron is named by its id, got {shown(neuron)}")
    found = read_neuron(reader, neuron)
    name = printable(neuron)
    if not len(found.said):
        raise LogError(f"{reader.path!r}: it holds nothing that {neuron!r} said to its followers")

    def activation(axis: Any) -> None:
        mean, least, greatest = found.activation
        band = {
            "color": BLUE,
            "alpha": 0.15,
            "linewidth": 0,
            "label": "least to greatest of the examples",
        }
        axis.fill_between(found.said, least, greatest, **band)
        _curve(axis, found.said, mean, BLUE, "mean")
        axis.set_ylabel("activation")
        _titled(axis, f"What {name} said")

    def urgency(axis: Any) -> None:
        _curve(axis, found.heard, found.urgency, ORANGE)
        axis.set_ylim(bottom=0)
        axis.set_ylabel("mean |urgency|")
        _titled(axis, f"The urgencies that {name} heard")

    return [activation, urgency] if len(found.heard) else [activation]


def _weights(reader: LogReader, names: Sequence[str]) -> Callable[[Any], None]:
    synapses = [find_synapse(reader, name) for name in names]
    curves = [(synapse_name(reader, k), *read_weight(reader, k)) for k in synapses]

    def onto(axis: Any) -> None:
        from matplotlib import colormaps

        for k, (name, steps, values) in enumerate(curves):
            colour = [BLUE, ORANGE][k] if len(curves) < 3 else colormaps["tab10"](k % 10)
            line = axis.step(steps, values, where="post", color=colour, linewidth=1.4)[0]
            line.set_label(
                "\u200b" + printable(name)
            )  # matplotlib hides labels that begin with an underscore
        axis.axhline(0, color="0.6", linewidth=0.8)
        axis.set_ylabel("weight")
        axis.grid(alpha=0.3)
        for text in axis.legend(frameon=False, fontsize=8).get_texts():
            text.set_parse_math(False)
        _titled(axis, "Weights: above zero excitatory, below inhibitory")

    return onto


def _curve(
    axis: Any, steps: NDArray[np.int64], values: Array, colour: str, label: str = ""
) -> None:
    """All values; where they are many in grey, with their running mean."""
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
    """Over so many on each side, less at both ends; over those that are finite."""
    there = np.isfinite(values)
    sums, counts = (
        np.concatenate([[0.0], np.cumsum(part)]) for part in (np.where(there, values, 0.0), there)
    )
    places = np.arange(len(values))
    first, last = np.maximum(places - half, 0), np.minimum(places + half + 1, len(values))
    with np.errstate(invalid="ignore"):
        mean: Array = (sums[last] - sums[first]) / (counts[last] - counts[first])
    return mean


def _binned(steps: NDArray[np.int64], values: Array) -> tuple[Array, Array]:
    """Edges of columns along the steps, and the mean in each; steps that are not there leave gaps."""
    first, last = int(steps[0]), int(steps[-1])
    n = min(COLUMNS, last - first + 1)
    edges = np.linspace(first - 0.5, last + 0.5, n + 1)
    column = np.minimum(((steps - first + 0.5) * n / (last - first + 1)).astype(int), n - 1)
    sums, counts = np.zeros((len(values), n)), np.zeros((len(values), n))
    there = np.isfinite(values)
    for row in range(len(values)):
        sums[row] = np.bincount(column[there[row]], values[row, there[row]], n)
        counts[row] = np.bincount(column[there[row]], minlength=n)
    with np.errstate(invalid="ignore"):
        return edges, sums / counts


def _titled(axis: Any, title: str) -> None:
    axis.set_title(title, loc="left", fontsize=11, parse_math=False)
