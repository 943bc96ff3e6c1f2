"""Curves as a small picture with axes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neuro_actors.support.chart import HEIGHT, WIDTH, draw_chart, ticks
from neuro_actors.support.palette import NEGATIVE, POSITIVE, SERIES
from neuro_actors.support.picture import Label, Line


def curves(values: list[float]) -> list[tuple[tuple[float, float], ...]]:
    """The pieces of one curve, without the sample in the legend."""
    shapes = draw_chart("loss", "epoch", {"loss": values}).shapes
    lines = [shape for shape in shapes if isinstance(shape, Line) and shape.colour == SERIES[0]]
    return [line.points for line in lines][:-1]


def test_a_chart_has_axes_with_labels_and_numbers() -> None:
    picture = draw_chart("loss", "epoch", {"loss": [4.0, 2.0, 1.0], "validation loss": [3, 2, 1]})
    texts = [shape.text for shape in picture.shapes if isinstance(shape, Label)]
    assert {"epoch", "loss", "validation loss", "1", "2", "3", "4", "0"} <= set(texts)
    colours = {shape.colour for shape in picture.shapes if isinstance(shape, Line)}
    assert colours.isdisjoint({POSITIVE, NEGATIVE})
    assert any(shape.is_dashed for shape in picture.shapes if isinstance(shape, Line))


def test_a_lower_value_is_lower() -> None:
    ((first, second, third),) = curves([4.0, 2.0, 1.0])
    assert first[0] < second[0] < third[0]
    assert first[1] < second[1] < third[1]
    assert second[1] - first[1] == pytest.approx(2 * (third[1] - second[1]))


def test_what_is_not_finite_leaves_a_gap() -> None:
    pieces = curves([1.0, 2.0, math.nan, 3.0, math.inf, 1.0, 2.0])
    assert [len(piece) for piece in pieces] == [2, 2, 2]  # the middle one is a dot


@pytest.mark.parametrize("values", [[1.0], [0.0, 0.0], [1e20, 1e20], [1e308, 1e308], [1e308, -1e308], [5e-324, 1e-320], [math.nan], [math.inf]])  # fmt: skip
def test_unusual_values_are_drawn(values: list[float]) -> None:
    text = draw_chart("loss", "epoch", {"loss": values}).to_svg()
    assert "nan" not in text
    assert "inf" not in text


def test_of_a_long_curve_the_extremes_are_drawn() -> None:
    values = np.zeros(100_000)
    values[54_321], values[77_777] = 1.0, -1.0
    (piece,) = curves(values.tolist())
    assert len(piece) <= 300
    heights = [y for _, y in piece]
    assert max(heights) - min(heights) > 0.5 * HEIGHT
    assert all(0 < x < WIDTH for x, _ in piece)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 1.0, [0, 0.5, 1]), (0.0, 0.7, [0, 0.2, 0.4, 0.6]), (-3.0, 5.0, [-2, 0, 2, 4])],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize("last", [2, 3, 7, 10, 60, 1000, 12_345])
def test_ticks_of_epochs_are_whole_and_begin_at_one(last: int) -> None:
    found = ticks(1, last, whole=True)
    assert found[0] == 1
    assert all(tick == int(tick) and 1 <= tick <= last for tick in found)
    assert 2 <= len(found) <= 7
