"""Figures. matplotlib (extra `plot`) is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from .errors import NeuroActorsError

if TYPE_CHECKING:
    from .training import Epoch


def pyplot() -> Any:
    """matplotlib's `pyplot`; raises `NeuroActorsError`, which says how to install it, where it is missing."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise NeuroActorsError("figures need matplotlib: pip install 'neuro-actors[plot]'") from None
    return plt


def plot_history(history: Sequence[Epoch], path: str | PathLike[str] | None = None) -> Any:
    """Loss by epoch, and accuracy beside it where there is one. Returns the figure; writes it to `path` if given."""
    plt = pyplot()
    panels = [("loss", "validation_loss")]
    if any(epoch.accuracy is not None for epoch in history):
        panels.append(("accuracy", "validation_accuracy"))
    figure, axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels), 3.2), layout="constrained", squeeze=False)
    epochs = [epoch.epoch for epoch in history]
    for axis, names in zip(axes[0], panels, strict=True):
        for name, label, style in zip(names, ("training", "validation"), ("-", "--"), strict=True):
            values = [getattr(epoch, name) for epoch in history]
            if values[0] is not None:
                axis.plot(epochs, values, style, label=label)
        axis.set(xlabel="epoch", ylabel=names[0])
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    if path is not None:
        figure.savefig(path, dpi=150)
        plt.close(figure)
    return figure
