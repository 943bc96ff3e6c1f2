"""Pictures of plain characters, for `neuro-actors demo`: they need no colours and no Unicode."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..support.arrays import Array

INK = " .:*#"
ROWS, COLUMNS = 17, 41  # of a map; a character is about twice as high as it is wide
BAR = 30


def draw_bar(share: float) -> str:
    """Return a bar for a share.

    Args:
        share: From 0 to 1.
    """
    return "#" * max(round(BAR * share), 1)


def draw_picture(greys: Array) -> str:
    """Return a picture: one character for each pixel of every second row.

    Args:
        greys: From 0 (white) to 1 (black). Shape (height, width); the height is even.
    """
    pairs = greys.reshape(len(greys) // 2, 2, -1).mean(axis=1)
    return _draw(pairs)


def draw_map(answer: Callable[[Array], Array], reach: float) -> str:
    """Return a map of what a society says of each point of the plane: dark where it says 1.

    Args:
        answer: Returns the answers, from 0 to 1, for points of shape (n, 2).
        reach: The map is drawn from -reach to reach.
    """
    x, y = np.linspace(-reach, reach, COLUMNS), np.linspace(reach, -reach, ROWS)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return _draw(answer(points).reshape(ROWS, COLUMNS))


def _draw(shades: Array) -> str:
    steps = np.minimum((shades * len(INK)).astype(int), len(INK) - 1)
    return "\n".join(("    " + "".join(INK[step] for step in row)).rstrip() for row in steps)
