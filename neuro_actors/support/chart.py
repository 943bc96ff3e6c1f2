"""Curves over steps or epochs as a small picture with axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from .arrays import Array
from .figures import axis_unit
from .palette import MUTED, SERIES
from .picture import Label, Line, Picture, Point

WIDTH, HEIGHT = 330.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 14.0, 30.0, 42.0
MOST_POINTS = 300  # of a curve; of a longer one the extremes of its pieces are drawn


def draw_chart(title: str, xlabel: str, curves: Mapping[str, Sequence[float]]) -> Picture:
    """Draw curves over the numbers 1, 2, 3 and so on.

    Args:
        title: What is drawn; it is the label of the vertical axis too.
        xlabel: The label of the horizontal axis.
        curves: The values of each curve by its label. Values that are not finite leave gaps.
    """
    unit, in_unit = axis_unit(*curves.values())
    values = {label: np.divide(numbers, unit) for label, numbers in curves.items()}
    every = np.concatenate([np.zeros(0), *values.values()])
    finite = every[np.isfinite(every)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if 0.0 < low < 0.5 * high:
        low = 0.0  # so that a height is a size
    if high == low:
        room = 0.5 * abs(low) or 0.5
        low, high = low - room, high + room
    last = max(2, *(len(numbers) for numbers in values.values()))

    def place(number: float, value: float) -> Point:
        return (
            LEFT + (WIDTH - LEFT - RIGHT) * (number - 1) / (last - 1),
            HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low),
        )

    picture = Picture(WIDTH, HEIGHT, f"{title} over the {xlabel}s")
    shapes = picture.shapes
    for tick in ticks(low, high):
        start = place(1, tick)
        shapes += [
            Line((start, place(last, tick)), MUTED, 0.5, opacity=0.5),
            Label(LEFT - 6, start[1] + 3.5, f"{tick:g}", "end", 10),
        ]
    for tick in ticks(1, last, whole=True):
        x, y = place(tick, low)
        shapes.append(Line(((x, y), (x, y + 4)), MUTED))
        shapes.append(Label(x, y + 16, f"{tick:,.0f}", size=10))
    corner = place(1, low)
    shapes.append(Line((place(1, high), corner, place(last, low)), MUTED))
    shapes.append(Label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, f"{xlabel}", size=10))
    x = LEFT
    for k, (label, numbers) in enumerate(values.items()):
        colour = SERIES[k % len(SERIES)]
        for piece in _pieces(numbers):
            points = tuple(place(number, value) for number, value in piece)
            if len(points) == 1:  # a dot
                (x0, y0), *_ = points
                shapes.append(Line(((x0 - 2, y0), (x0 + 2, y0)), colour, 4.0))
            else:
                shapes.append(Line(points, colour, 1.8, is_dashed=k > 0))
        shapes += [
            Line(((x, 14), (x + 20, 14)), colour, 1.8, is_dashed=k > 0),
            Label(x + 26, 18, label, "start"),
        ]
        x += 46 + 6.5 * len(label)
    if in_unit:
        shapes.append(Label(LEFT - 6, TOP - 14, in_unit.strip(), "end", 10))
    return picture


def ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return round numbers between two numbers, for an axis.

    Args:
        low: The least number.
        high: The greatest number; it is greater than `low`.
        whole: Whether they must be whole numbers.
    """
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * min((n for n in (1, 2, 5, 10) if n * power >= rough), default=10)
    if whole:
        step = max(1.0, step)
    first = math.ceil(low / step - 1e-9)
    numbers = [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]
    return [low, *(n for n in numbers if n - low >= 0.6 * step)] if whole else numbers


def _pieces(values: Array) -> list[list[tuple[int, float]]]:
    """The points of a curve, as (number, value) from 1 on, cut where a value is not finite."""
    chosen = np.arange(len(values))
    if len(values) > MOST_POINTS:
        parts = np.array_split(chosen, MOST_POINTS // 2)
        known = np.where(np.isfinite(values), values, np.nan)
        chosen = np.unique(
            [
                part[where(known[part])] if np.isfinite(known[part]).any() else part[0]
                for part in parts
                for where in (np.nanargmin, np.nanargmax)
            ]
        )
    pieces: list[list[tuple[int, float]]] = [[]]
    for k in chosen.tolist():
        if np.isfinite(values[k]):
            pieces[-1].append((k + 1, float(values[k])))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]
