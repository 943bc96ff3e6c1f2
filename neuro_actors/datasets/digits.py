"""The digits 0 to 9, drawn by hand on 8 x 8 pixels, then shifted and made noisy."""

from __future__ import annotations

import numpy as np

from ..support.arrays import Array
from ..support.errors import InputError
from ..support.hints import explains_arguments
from ..support.scalars import as_number, as_whole_number, got
from .dataset import Dataset, pixel_names

SIDE = 8
DRAWN = """
..##.. ..#... .####. .####. ...##. ###### ..###. ###### .####. .####.
.#..#. .##... #....# #....# ..#.#. #..... .#.... .....# #....# #....#
#....# #.#... .....# ...##. .#..#. #####. #.###. ....#. .####. #....#
#....# ..#... ...##. .....# #...#. .....# ##...# ...#.. #....# .#####
.#..#. ..#... .##... #....# ###### #....# #....# ..#... #....# ....#.
..##.. #####. ###### .####. ....#. .####. .####. ..#... .####. .###..
"""


@explains_arguments
def digits(n: int = 500, noise: float = 0.2, seed: int = 0) -> Dataset:
    """Return pictures of digits: each is shifted by up to one pixel, and its greys are noisy.

    Args:
        n: The number of pictures; the digits 0 to 9 take turns.
        noise: How much of a pixel's grey is random, from 0 to 1. At 0.2, a white pixel has a grey
            from 0 to 0.2, and a black one from 0.8 to 1.
        seed: Seed of the shifts and of the noise.

    Returns:
        Inputs of shape (n, 64), row by row, from 0 (white) to 1 (black). Targets of shape (n, 10)
        with a 1 for the digit.

    Raises:
        InputError: An argument is wrong.
    """
    n, share = as_whole_number("n", n, 1), as_number(noise)
    if not 0.0 <= share <= 1.0:
        raise InputError(f"noise must be a number from 0 to 1, got {got(noise)}")
    rng = np.random.default_rng(as_whole_number("seed", seed, 0))
    shifts, random = rng.integers(0, 3, (n, 2)), rng.random((n, SIDE * SIDE))
    drawn, which = _draw(), np.arange(n) % 10
    pictures = np.zeros((n, SIDE, SIDE))
    side = SIDE - 2
    for picture, digit, (down, right) in zip(pictures, which, shifts.tolist(), strict=True):
        picture[down : down + side, right : right + side] = drawn[digit]
    flat = pictures.reshape(n, -1)
    x = np.round(flat + share * (random - flat), 4)
    classes = tuple("0123456789")
    return Dataset(x, np.eye(10)[which], pixel_names(SIDE, SIDE), classes, (SIDE, SIDE))


def _draw() -> Array:
    """Return the ten digits as they are drawn. Shape (10, 6, 6)."""
    rows = [line.split() for line in DRAWN.split("\n") if line]
    pixels = [[[pixel == "#" for pixel in digit] for digit in row] for row in rows]
    return np.array(pixels, dtype=np.float64).transpose(1, 0, 2)
