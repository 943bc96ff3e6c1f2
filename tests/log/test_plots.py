"""`neuro-actors log plot`, and the numbers that its figures show."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import trio
from helpers.cli_logs import HOSTILE, ask, hostile_batch, hostile_network, write
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.log import plots, series
from neuro_actors.log.reader import LogReader

need("matplotlib")
PNG = b"\x89PNG\r\n"


@pytest.fixture
def run(capsys, monkeypatch):
    return partial(ask, capsys=capsys, monkeypatch=monkeypatch)


@pytest.fixture
def path(diamond, batch, tmp_path):
    trio.run(write, tmp_path / "run.arrows", diamond, batch)
    return tmp_path / "run.arrows"


def test_the_losses_and_the_urgencies(path, diamond) -> None:
    log, reader = na.open_log(path), LogReader(path)
    steps, losses = series.read_losses(reader)
    assert steps.tolist() == [2, 3, 4]
    assert losses == pytest.approx([log.step(k).loss for k in (2, 3, 4)], rel=1e-14)
    steps, strength = series.read_urgency_by_level(reader)
    assert steps.tolist() == [2, 3, 4]
    for k in (2, 3):
        step = log.step(k)
        urgencies = [
            (diamond.level[s], u) for s, u in zip(diamond.sources, step.urgencies, strict=True)
        ]
        urgencies += [
            (diamond.level[o], u) for o, u in zip(diamond.output_positions, step.blame, strict=True)
        ]
        for level in range(diamond.depth + 1):
            values = [
                np.abs(u).mean() for at, u in urgencies if at == level and not np.isnan(u).any()
            ]
            assert strength[level, k - 2] == pytest.approx(
                np.mean(values) if values else np.nan, rel=1e-13, nan_ok=True
            )


def test_one_neuron(path, diamond) -> None:
    log = na.open_log(path)
    found = series.read_neuron(LogReader(path), "h1")
    assert (found.activation_steps.tolist(), found.urgency_steps.tolist()) == (
        [1, 2, 3, 4],
        [2, 3, 4],
    )
    for column, k in enumerate(found.activation_steps):
        said = log.step(int(k)).activations[diamond.position["h1"]]
        assert found.activation[:, column] == pytest.approx(
            [said.mean(), said.min(), said.max()], rel=1e-13
        )
    step = log.step(3)  # it feeds y, and is the second output
    assert found.urgency[1] == pytest.approx(
        (np.abs(step.urgencies[2]).mean() + np.abs(step.blame[1]).mean()) / 2, rel=1e-13
    )


def test_a_weight_bit_for_bit(path, diamond) -> None:
    log = na.open_log(path)
    for k, synapse in enumerate(diamond.synapses):
        assert series.find_synapse(LogReader(path), f"{synapse.source}->{synapse.target}") == k
        steps, values = series.read_weight(LogReader(path), k)
        assert steps.tolist() == [0, 3, 4]
        assert values.tolist() == [synapse.weight, log.step(3).weights[k], log.step(4).weights[k]]


def test_figures_are_written_whole(path, run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    assert run("plot", path) == "run.png\n"
    assert "'run.png' exists already" in run("plot", path, expected=2)
    assert run("plot", path, "--force") == "run.png\n"
    assert path.with_suffix(".png").read_bytes().startswith(PNG)
    run(
        "plot",
        path,
        "-o",
        path.with_name("a.svg"),
        "--neuron",
        "h2",
        "--weight",
        "x -> h2",
        "--loss",
        "--urgency",
    )
    assert "<svg" in path.with_name("a.svg").read_text()
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.svg", "run.arrows", "run.png"]


def test_what_is_asked_for_is_drawn(path) -> None:
    log = na.open_log(path)
    titles = [
        axis.get_title(loc="left")
        for axis in log.plot(neurons=["h2"], weights=["x->h2", "h2->y"]).axes
    ]
    assert titles == [
        "Activations of h2",
        "Urgencies that h2 receives",
        "Weights: above zero excitatory, below inhibitory",
    ]
    assert [axis.get_title(loc="left").split(":")[0] for axis in log.plot().axes] == [
        "Loss",
        "Urgency",
        "",
    ]  # and its scale
    (axis,) = log.plot(weights=["x->h2"]).axes
    assert (
        axis.get_lines()[0].get_ydata().tolist()
        == series.read_weight(LogReader(path), 1)[1].tolist()
    )


def test_many_steps_are_drawn_with_their_running_mean() -> None:
    values = np.arange(400.0)
    assert plots._running_mean(values, 5)[5:-5] == pytest.approx(values[5:-5])
    values[100] = np.inf
    assert np.isfinite(plots._running_mean(values, 5)).all()
    edges, shown = plots._bin_by_step(
        np.array([1, 2, 3, 10_001]), np.array([[1.0, 3.0, np.nan, 5.0]])
    )
    assert (len(edges), shown[0, 0], shown[0, -1], np.isnan(shown[0, 1:-1]).all()) == (
        plots.COLUMNS + 1,
        2.0,
        5.0,
        True,
    )


def test_what_cannot_be_drawn_is_reported(path, diamond, batch, tmp_path, run) -> None:
    trio.run(partial(write, tmp_path / "part.arrows", diamond, batch, phases=["commit"]))
    assert "no step of it has a loss to show" in run("plot", tmp_path / "part.arrows", expected=2)
    assert "it holds no urgency to show" in run(
        "plot", tmp_path / "part.arrows", "--urgency", expected=2
    )
    assert "there is no neuron 'h3'; did you mean 'h2'?" in run(
        "plot", path, "--neuron", "h3", expected=2
    )
    assert "there is no synapse 'x->h3'; did you mean 'x -> h2'?" in run(
        "plot", path, "--weight", "x->h3", expected=2
    )
    assert "weight 'h2': expected the ids of its two ends, as in 'a->b' or 'a:b'" in run(
        "plot", path, "--weight", "h2", expected=2
    )
    assert "a figure is named *.png, *.svg, *.pdf" in run("plot", path, "-o", path, expected=2)
    assert LogReader(path).network == diamond


def test_hostile_ids_are_drawn_as_text(tmp_path, run, run_slow: bool) -> None:
    path = tmp_path / "$\\frac{1}{0}$.arrows"
    trio.run(write, path, hostile_network(), hostile_batch())
    *hidden, last = HOSTILE
    for name in (
        HOSTILE if run_slow else ("<script>alert(1)</script>", "$\\frac{1}{0}$ $x", "_hidden")
    ):
        run("plot", path, f"--neuron={name}", "-o", tmp_path / "a.svg", "--force")
        assert "<script>" not in (tmp_path / "a.svg").read_text()
    run("plot", path, *(f"--weight={name}->{last}" for name in hidden), "-o", tmp_path / "a.png")
    figure = na.open_log(path).plot(weights=[f"{name}->{last}" for name in hidden])
    assert [
        text.get_text().lstrip("\u200b") for text in figure.axes[0].get_legend().get_texts()
    ] == [f"{name} -> {last}" for name in hidden]


def test_without_matplotlib_it_says_how_to_install_it(
    path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    assert "pip install 'neuro-actors[plot]'" in run("plot", path, expected=2)
