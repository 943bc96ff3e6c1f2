"""A network as a picture: what is drawn, in which colour, and that no name of a user is markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.network.drawing import MOST_LINES, MOST_NEURONS, draw_network
from neuro_actors.support.palette import MUTED, NEGATIVE, POSITIVE
from neuro_actors.support.picture import Box, Disc, Label, Line

HOSTILE = ["<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "]]><svg onload=x>", "&amp;"]  # fmt: skip


def small(*names: str) -> na.Network:
    a, b, h, y = names or ("a", "b", "h", "y")
    neurons = [na.Input(a), na.Input(b), na.Neuron(h, "tanh", 0.25), na.Neuron(y)]
    ends = [(a, h, 0.5), (b, h, -1.0), (h, y, 2.0), (a, y, 0.0)]
    return na.Network(neurons, [na.Synapse(*one) for one in ends], [y])


def lines(network: na.Network) -> dict[str, Line]:
    """The line of each synapse by its name."""
    shapes = draw_network(network).shapes
    return {
        shape.title.split(":")[0]: shape
        for shape in shapes
        if isinstance(shape, Line) and shape.title
    }


def test_each_synapse_is_a_line_by_sign_and_size() -> None:
    drawn = lines(small())
    assert {name: line.colour for name, line in drawn.items()} == {
        "a → h": POSITIVE,
        "b → h": NEGATIVE,
        "h → y": POSITIVE,
        "a → y": MUTED,
    }
    assert {name for name, line in drawn.items() if line.is_dashed} == {"b → h"}
    assert {name for name, line in drawn.items() if line.is_curved} == {"a → y"}  # passes beside h
    widths = [drawn[name].width for name in ("a → y", "a → h", "b → h", "h → y")]
    assert widths == sorted(widths)
    assert len(set(widths)) == 4


def test_levels_are_columns_and_neurons_are_discs() -> None:
    network = na.Network.layered([3, 4, 2], seed=0)
    discs = [shape for shape in draw_network(network).shapes if isinstance(shape, Disc)]
    assert len(discs) == 9
    columns = sorted({disc.x for disc in discs})
    assert [sum(disc.x == x for disc in discs) for x in columns] == [3, 4, 2]
    assert [disc.has_ring for disc in discs] == [False] * 7 + [True] * 2
    places = {(disc.x, disc.y) for disc in discs}
    assert len(places) == 9
    assert discs[3].title == "neuron h1.0: tanh, bias 0"


@pytest.mark.parametrize("sizes", [[1, 1], [2, 2, 1], [10, 30, 20, 5], [64, 32, 10], [100, 99, 1]])
def test_nothing_touches_and_all_is_inside(sizes: list[int]) -> None:
    picture = draw_network(na.Network.layered(sizes, seed=0))
    discs = [shape for shape in picture.shapes if isinstance(shape, Disc)]
    assert len(discs) == sum(sizes)
    for x in {disc.x for disc in discs}:
        column = sorted(disc.y for disc in discs if disc.x == x)
        assert all(np.diff(column) > 2 * discs[0].radius)
    for disc in discs:
        assert disc.radius < disc.x < picture.width - disc.radius
        assert disc.radius < disc.y < picture.height - disc.radius
    for label in (shape for shape in picture.shapes if isinstance(shape, Label)):
        width = 0.62 * label.size * len(label.text)
        left = label.x - {"start": 0, "middle": width / 2, "end": width}[label.anchor]
        assert left >= 0
        assert left + width <= picture.width
        assert 0 < label.y < picture.height


@pytest.mark.parametrize(
    "network",
    [
        na.Network.layered([784, 128, 10], seed=0),
        na.Network.layered([1] * 40, seed=0),
        na.Network.layered([1, MOST_NEURONS, 1], seed=0),
    ],
    ids=["wide", "deep", "just too many"],
)
def test_a_large_network_is_drawn_by_levels(network: na.Network) -> None:
    picture = draw_network(network)
    assert not any(isinstance(shape, Disc) for shape in picture.shapes)
    assert sum(isinstance(shape, Box) for shape in picture.shapes) == min(network.depth + 1, 11)
    texts = [shape.text for shape in picture.shapes if isinstance(shape, Label)]
    assert f"{len(network.weights):,} synapses" in texts
    assert ("… 29 levels …" in texts) == (network.depth > 11)
    assert len(network.to_svg()) < 10_000


def test_of_many_synapses_the_strongest_are_drawn_and_it_is_said() -> None:
    network = na.Network.layered([60, 60, 1], seed=0)
    drawn = lines(network)
    assert len(drawn) == MOST_LINES
    least = np.sort(np.abs(network.weights))[-MOST_LINES]
    assert all(abs(float(one.title.split()[-1].replace("−", "-"))) >= least * 0.99999 for one in drawn.values())  # fmt: skip
    assert f"{MOST_LINES:,} strongest of {len(network.weights):,}" in network.to_svg()


def test_no_name_becomes_markup() -> None:
    network = small(*HOSTILE)
    for text in (network.to_svg(), f"<div>{network._repr_html_()}</div>"):
        tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(text).iter()}
        assert tags <= {"svg", "title", "style", "path", "circle", "text", "div"}
        assert "<script" not in text
        assert "<img" not in text
    titles = [one.text for one in ET.fromstring(network.to_svg()).iter() if one.tag.endswith("title")]  # fmt: skip
    assert f"input {HOSTILE[0]}" in titles  # whole, as text


def test_a_file_is_light_or_dark_and_a_page_keeps_its_own_colours() -> None:
    text = small().to_svg()
    assert "prefers-color-scheme:dark" in text
    assert "svg:root{color:" in text  # not the page's own elements
    assert text.count("{") == text.count("}") == 3


def test_it_is_a_matplotlib_figure_also_where_there_is_no_display(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("matplotlib")
    monkeypatch.delenv("DISPLAY", raising=False)
    figure = small(*HOSTILE).plot(tmp_path / "net.png")
    assert (tmp_path / "net.png").read_bytes().startswith(b"\x89PNG")
    (axis,) = figure.axes
    assert "+0.5" in [text.get_text() for text in axis.texts]
    with pytest.raises(na.InputError, match=r"a figure is named \*\."):
        small().plot(tmp_path / "net.doc")
