"""Figures. matplotlib (extra `plot`) is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from .errors import NeuroActorsError


def pyplot() -> Any:
    """matplotlib's `pyplot`; raises `NeuroActorsError`, which says how to install it, where it is missing."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise NeuroActorsError("figures need matplotlib: pip install 'neuro-actors[plot]'") from None
    return plt


def plot_curves(
    panels: Mapping[str, Mapping[str, Sequence[float]]], xlabel: str, path: str | PathLike[str] | None = None
) -> Any:
    """A panel beside another, each with some curves over 1, 2, 3, … Returns the figure; writes it to `path` if given."""
    plt = pyplot()
    figure, axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels), 3.2), layout="constrained", squeeze=False)
    for axis, (title, curves) in zip(axes[0], panels.items(), strict=True):
        for (label, values), style in zip(curves.items(), ("-", "--", ":"), strict=False):
            axis.plot(range(1, len(values) + 1), values, style, label=label)
        axis.set(xlabel=xlabel, ylabel=title)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    if path is not None:
        figure.savefig(path, dpi=150)
        plt.close(figure)
    return figure
