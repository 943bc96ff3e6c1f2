"""Figures: a notebook shows them once, and their axes have labels."""

from __future__ import annotations

import pickle

import pytest
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.network.network import Network
from neuro_actors.support.figures import make_figure
from neuro_actors.support.palette import NEGATIVE, POSITIVE

X, T = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [[0.0], [1.0], [1.0]]


def result(epochs: int = 3) -> na.TrainingResult:
    network = Network.layered([2, 2, 1], seed=0)
    return na.train(network, X, T, optimizer=na.SGD(0.1), epochs=epochs, validation=(X, T))


def test_a_notebook_shows_a_figure_once(monkeypatch: pytest.MonkeyPatch) -> None:
    need("matplotlib").use("agg")
    need("IPython")
    import matplotlib.pyplot as plt
    from IPython.core.formatters import DisplayFormatter

    plt.close("all")  # of other tests
    monkeypatch.setattr(plt, "get_backend", lambda: "module://matplotlib_inline.backend_inline")
    shown = DisplayFormatter()
    for figure in (result().plot(), Network.layered([2, 2, 1]).plot()):
        formats, _ = shown.format(figure)  # of the value that a cell returns
        assert formats["image/png"].startswith(b"\x89PNG")
        assert "image/svg+xml" not in formats
    assert plt.get_fignums() == []  # of the figures that a cell has opened: none a second time


def test_a_figure_has_labelled_axes_and_colours_that_mean_no_sign() -> None:
    need("matplotlib").use("agg")
    import matplotlib.pyplot as plt

    figure = result().plot()
    plt.close(figure)
    assert [(axis.get_xlabel(), axis.get_ylabel()) for axis in figure.axes] == [
        ("epoch", "loss"),
        ("epoch", "accuracy"),
    ]
    for axis in figure.axes:
        first, second = axis.lines
        assert [first.get_label(), second.get_label()] == [axis.get_ylabel(), f"validation {axis.get_ylabel()}"]  # fmt: skip
        assert {first.get_color(), second.get_color()}.isdisjoint({POSITIVE, NEGATIVE})
        assert first.get_color() != second.get_color()
        assert list(first.get_xdata()) == [1, 2, 3]
        assert all(tick == int(tick) for tick in axis.get_xticks())


def test_a_figure_can_be_pickled() -> None:
    need("matplotlib").use("agg")
    from matplotlib.figure import Figure

    figure, _ = make_figure(1, 2, (3, 3))
    again = pickle.loads(pickle.dumps(figure))
    assert type(again) is Figure
    assert len(again.axes) == 2
