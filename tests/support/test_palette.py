"""One code of colours: the viewer's are the palette's; signs differ for all eyes, text is legible."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.paths import BENCHMARKS, SCENARIOS
from helpers.tiers import need

from neuro_actors.support import palette
from neuro_actors.viewer.page import FOLDER

LIGHT, DARK = "#ffffff", "#10151c"
# what eyes without one of the three cones see of linear red, green, blue (Machado, Oliveira, Fernandes 2009)
BLIND = (
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
)  # fmt: skip


def linear(colour: str) -> np.ndarray:
    rgb = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    bright, dark = sorted((linear(c) @ [0.2126, 0.7152, 0.0722] for c in (a, b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def css(name: str) -> list[str]:
    """The values of a variable of the viewer: light, dark, dark by the system."""
    return re.findall(
        rf"--{name}: (#[0-9a-f]{{6}});", (FOLDER / "page.css").read_text(encoding="utf-8")
    )


def test_the_viewer_has_the_same_colours() -> None:
    assert css("plus") == [
        palette.POSITIVE_ON_LIGHT,
        palette.POSITIVE_ON_DARK,
        palette.POSITIVE_ON_DARK,
    ]
    assert css("minus") == [
        palette.NEGATIVE_ON_LIGHT,
        palette.NEGATIVE_ON_DARK,
        palette.NEGATIVE_ON_DARK,
    ]
    assert css("loss") == [palette.LOSS_ON_LIGHT, palette.LOSS_ON_DARK, palette.LOSS_ON_DARK]
    assert css("paper") == [LIGHT, DARK, DARK]


def test_blue_is_positive() -> None:
    assert [palette.sign_colour(x) for x in (1.0, -1.0)] == [palette.POSITIVE, palette.NEGATIVE]
    for positive, negative in (
        (palette.POSITIVE, palette.NEGATIVE),
        (palette.POSITIVE_ON_LIGHT, palette.NEGATIVE_ON_LIGHT),
        (palette.POSITIVE_ON_DARK, palette.NEGATIVE_ON_DARK),
    ):
        red, _, blue = linear(positive)
        assert blue > 2 * red
        red, _, blue = linear(negative)
        assert red > 2 * blue


@pytest.mark.parametrize(
    ("positive", "negative", "loss", "ground"),
    [
        (palette.POSITIVE_ON_LIGHT, palette.NEGATIVE_ON_LIGHT, palette.LOSS_ON_LIGHT, LIGHT),
        (palette.POSITIVE_ON_DARK, palette.NEGATIVE_ON_DARK, palette.LOSS_ON_DARK, DARK),
    ],
)
def test_legible_and_apart_for_all_eyes(
    positive: str, negative: str, loss: str, ground: str
) -> None:
    assert min(contrast(colour, ground) for colour in (positive, negative, loss)) >= 4.4
    for eyes in BLIND:
        seen = [np.clip(np.array(eyes) @ linear(colour), 0, 1) ** (1 / 2.2) for colour in (positive, negative)]  # fmt: skip
        assert np.linalg.norm(seen[0] - seen[1]) > 0.3


def test_kinds_are_no_signs() -> None:
    assert len(set(palette.SERIES)) == len(palette.SERIES) >= 3
    assert not {palette.POSITIVE, palette.NEGATIVE} & set(palette.SERIES)
    assert min(contrast(colour, LIGHT) for colour in palette.SERIES) >= 3
    assert set(palette.SERIES) <= set(palette.KINDS)
    assert not {palette.POSITIVE, palette.NEGATIVE} & set(palette.KINDS)
    assert min(contrast(colour, LIGHT) for colour in palette.KINDS) >= 3


ARGUMENT = re.compile(r"c|m[fe]c|[fe]c|.*colou?rs?")
MAPS = {"Greys", "gray_r", "viridis"}  # of how much, not of signs


def own_colours(code: str) -> Iterator[str]:
    """The colours that a script writes itself: hex, matplotlib's names, and maps of colours."""
    colours, maps = need("matplotlib.colors"), {*need("matplotlib").colormaps} - MAPS
    names = {*colours.CSS4_COLORS, *colours.TABLEAU_COLORS, *colours.XKCD_COLORS, *maps}
    for node in ast.walk(ast.parse(code)):
        values = []  # of arguments, and of entries in a dict of them, that are colours
        if isinstance(node, ast.keyword) and ARGUMENT.fullmatch(node.arg or ""):
            values = [node.value]
        elif isinstance(node, ast.Dict):
            keys = (key.value if isinstance(key, ast.Constant) else None for key in node.keys)
            values = [
                value
                for key, value in zip(keys, node.values, strict=True)
                if ARGUMENT.fullmatch(str(key))
            ]
        elif texts := strings(node):
            yield from (text for text in texts if re.fullmatch("#[0-9a-fA-F]{3,8}", text) or text in names)  # fmt: skip
        parts = [part for value in values for part in ast.walk(value)]
        yield from (text for part in parts for text in strings(part) if text != "none" and colours.is_color_like(text))  # fmt: skip


def strings(node: ast.AST) -> list[str]:
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


@pytest.mark.parametrize("code", ['plot(color="#0072b2")', 'COLOUR = "orange"', 'plot(c="0.6")', 'look = {"color": "C0"}', 'plot(mfc="w")', 'a = ("tab:blue", 1)', 'plot(cmap="Blues")'])  # fmt: skip
def test_a_colour_of_a_script_itself_is_found(code: str) -> None:
    assert list(own_colours(code))


@pytest.mark.parametrize("path", [*SCENARIOS.glob("*.py"), *BENCHMARKS.glob("*.py")], ids=lambda path: path.stem)  # fmt: skip
def test_figures_take_their_colours_from_the_palette(path: Path) -> None:
    assert list(own_colours(path.read_text(encoding="utf-8"))) == []
