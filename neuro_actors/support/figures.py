"""Figures. matplotlib (extra `plot`) is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from .errors import InputError, NeuroActorsError
from .files import whole_file
from .validation import as_path


def pyplot() -> Any:
    """matplotlib's `pyplot`; raises `NeuroActorsError`, which says how to install it, where it is missing."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise NeuroActorsError(
            "figures need matplotlib: pip install 'neuro-actors[plot]'"
        ) from None
    return plt


def plot_curves(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    xlabel: str,
    path: str | PathLike[str] | None = None,
) -> Any:
    """A panel beside another, each with some curves over 1, 2, 3, … Returns the figure; writes it to `path` if given."""
    file = None if path is None else as_path("a figure", path)
    plt = pyplot()
    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.5 * len(panels), 3.2), layout="constrained", squeeze=False
    )
    for axis, (title, curves) in zip(axes[0], panels.items(), strict=True):
        for (label, values), style in zip(curves.items(), ("-", "--", ":"), strict=False):
            axis.plot(range(1, len(values) + 1), values, style, label=label)
        axis.set(xlabel=xlabel, ylabel=title)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    if file is not None:
        known = figure.canvas.get_supported_filetypes()
        plt.close(figure)
        if file.suffix[1:].lower() not in known:
            raise InputError(f"{str(file)!r}: a figure is named *.{', *.'.join(known)}")
        with whole_file(file, force=True, failure=InputError) as written:
            figure.savefig(written, format=file.suffix[1:].lower(), dpi=150)
    return figure
