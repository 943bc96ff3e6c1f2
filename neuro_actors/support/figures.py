"""Figures. matplotlib (extra `plot`) is imported when a figure is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError, NeuroActorsError
from .files import whole_file
from .optional import import_optional
from .palette import SERIES
from .validation import as_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = "-", "--", ":"
MARKED = 30  # a curve with fewer points shows each as a dot


def make_figure(
    rows: int, columns: int, size: tuple[float, float], *, shows: bool = False
) -> tuple[Figure, Any]:
    """Make a figure with panels.

    Args:
        rows: How many rows of panels.
        columns: How many columns.
        size: Width and height in inches.
        shows: Whether `matplotlib.pyplot` knows it, and so `show` shows it, where there is a
            display. A notebook shows the figure that a cell returns, so there `pyplot` does not
            know it, and it is shown once.

    Returns:
        The figure, and its axes. Shape (rows, columns). The panels of a column share their x axis.

    Raises:
        NeuroActorsError: matplotlib is not installed, or it cannot be used here. The message says
            what to do.
    """
    missing = "figures need matplotlib: pip install 'neuro-actors[plot]'"
    figures = import_optional("matplotlib.figure", missing)
    figure = _of_pyplot(size, missing) if shows else None
    if figure is None:
        figure = figures.Figure(figsize=size, layout="constrained")
        # IPython knows how to show figures only after pyplot was used
        figure._repr_png_ = partial(_as_png, figure)
    return figure, figure.subplots(rows, columns, squeeze=False, sharex="col")


def _of_pyplot(size: tuple[float, float], missing: str) -> Figure | None:
    """A figure that pyplot knows; None in a notebook, or where pyplot needs a display."""
    plt = import_optional("matplotlib.pyplot", missing)
    if "inline" in plt.get_backend():
        return None
    try:
        figure: Figure = plt.figure(figsize=size, layout="constrained")
    except ImportError:  # such as of a backend that needs a display
        return None
    return figure


def _as_png(figure: Figure) -> bytes:
    """What a notebook shows of a figure."""
    file = BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()


def plot_curves(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    xlabel: str,
    path: str | PathLike[str] | None = None,
) -> Figure:
    """Draw panels side by side, each with some curves over the numbers 1, 2, 3 and so on.

    Args:
        panels: For each panel its title and its curves: their labels and values.
        xlabel: The label of the horizontal axes.
        path: The file to write the figure to. None: it is not written.

    Returns:
        The figure.

    Raises:
        InputError: matplotlib has no file format with the suffix of `path`, or the file cannot be
            written.
        NeuroActorsError: matplotlib is not installed.
    """
    file = None if path is None else as_path("a figure", path)
    figure, axes = make_figure(1, len(panels), (4.5 * len(panels), 3.2), shows=file is None)
    for axis, (title, curves) in zip(axes[0], panels.items(), strict=True):
        unit, in_unit = axis_unit(*curves.values())
        for (label, values), style, colour in zip(curves.items(), STYLES, SERIES, strict=False):
            marker = "o" if len(values) < MARKED else ""
            numbers = range(1, len(values) + 1)
            look = {"label": label, "color": colour, "marker": marker, "markersize": 3}
            axis.plot(numbers, np.divide(values, unit), style, **look)
        axis.set(xlabel=xlabel, ylabel=f"{title}{in_unit}")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    save_figure(figure, file)
    return figure


def save_figure(figure: Figure, file: Path | None) -> None:
    """Write a figure to a file of a format that matplotlib knows.

    Args:
        figure: The figure.
        file: The file. None: it is not written.

    Raises:
        InputError: matplotlib has no file format with this suffix, or the file cannot be written.
    """
    if file is None:
        return
    known = figure.canvas.get_supported_filetypes()
    if file.suffix[1:].lower() not in known:
        raise InputError(f"{str(file)!r}: a figure is named *.{', *.'.join(known)}")
    write_figure(figure, file, InputError)


def axis_unit(*values: Any) -> tuple[float, str]:
    """Return the unit in which an axis shows numbers, and the unit as the end of a label.

    matplotlib computes with differences and margins of what it draws. For the greatest floats these
    are infinite, and for the smallest ones 0.

    Args:
        values: What the axis shows; what is not finite does not count. Any shapes.

    Returns:
        The unit: 1 for all usual numbers, else 1e300 or 1e-300; and "" or such as " / 1e300".
    """
    sizes = np.abs(np.concatenate([np.ravel(np.asarray(part, dtype=float)) for part in values]))
    most = float(np.max(sizes, where=np.isfinite(sizes), initial=0.0))
    if most >= 1e290:
        return 1e300, " / 1e300"
    return (1e-300, " / 1e-300") if 0.0 < most <= 1e-290 else (1.0, "")


def write_figure(figure: Figure, path: Path, failure: type[NeuroActorsError]) -> None:
    """Write a figure to a file, which appears when it is whole and replaces an older one.

    Args:
        figure: A matplotlib figure.
        path: The file; its suffix is the format.
        failure: The error to raise if the file cannot be written.
    """
    with whole_file(path, force=True, failure=failure) as file:
        figure.savefig(file, format=path.suffix[1:].lower(), dpi=150)
