"""Silhouettes of ten kinds of animals, from the package animal-shape-mnist 0.39 (MIT)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Array, Indices
from ..support.errors import InputError
from ..support.hints import explains_arguments
from ..support.scalars import as_whole_number
from ..support.text import did_you_mean, quote
from .dataset import Dataset, pixel_names

SIDE = 28
SIZES = (28, 14, 7, 4)


class Pictures(NamedTuple):
    """All pictures, each of them once.

    Attributes:
        greys: From 0 (white) to 255 (black). Shape (n, 28, 28).
        classes: The class of each picture. Shape (n,).
        names: The names of the classes.
    """

    greys: NDArray[np.uint8]
    classes: Indices
    names: tuple[str, ...]


@explains_arguments
def silhouettes(
    size: int = SIDE,
    animal: str | None = None,
    split: Literal["train", "test"] = "train",
    seed: int = 0,
) -> Dataset:
    """Return silhouettes of animals.

    Each picture occurs once, so none is in both parts. A quarter of the pictures is for the test.

    Args:
        size: Height and width: 28 pixels, or 14, 7 or 4 (then each pixel is a mean of several).
        animal: Such as "cat": the pictures of that animal, and as many of other ones; one target,
            which is 1 for this animal. None: all ten animals, with one target for each.
        split: "train" for the pictures to learn from, "test" for the others.
        seed: Seed of the split, and of which other animals are taken.

    Returns:
        Inputs of shape (n, size * size), row by row, from 0 (white) to 1 (black). Targets of
        shape (n, 1), or of shape (n, 10) with a 1 for the animal.

    Raises:
        InputError: An argument is wrong.

    Examples:
        >>> import neuro_actors as na
        >>> na.datasets.silhouettes(animal="cat")
        Dataset(1,192 examples, 784 inputs (28 x 28 pixels), 1 target: other or cat)
    """
    size = as_whole_number("size", size, 1)
    if size not in SIZES:
        raise InputError(f"size must be 28, 14, 7 or 4, got {size}")
    if split not in ("train", "test"):
        raise InputError(f"split must be 'train' or 'test', got {quote(split)}")
    rng = np.random.default_rng(as_whole_number("seed", seed, 0))
    greys, classes, names = load_pictures()
    if animal is None:
        rows = _part([np.arange(len(classes))], split, rng)
        targets, called = np.eye(len(names))[classes[rows]], names
    else:
        if animal not in names:
            raise InputError(f"unknown animal {quote(animal)}; {did_you_mean(animal, names)}")
        is_animal = classes == names.index(animal)
        rows = _part([np.flatnonzero(is_animal), np.flatnonzero(~is_animal)], split, rng)
        targets, called = is_animal[rows][:, None].astype(np.float64), ("other", animal)
    return Dataset(
        average(greys[rows], SIDE // size), targets, pixel_names(size, size), called, (size, size)
    )


def _part(groups: list[Indices], split: str, rng: np.random.Generator) -> Indices:
    """Return the rows of one part: of each group equally many, three quarters to learn from."""
    mixed = [rng.permutation(group)[: len(groups[0])] for group in groups]
    cut = len(groups[0]) * 3 // 4
    return np.concatenate([rows[:cut] if split == "train" else rows[cut:] for rows in mixed])


def average(greys: NDArray[Any], pool: int) -> Array:
    """Return pictures as inputs: means over squares of pixels, from 0 (white) to 1 (black).

    Args:
        greys: Grey values from 0 to 255. Shape (n, 28, 28).
        pool: The side of a square, in pixels.

    Returns:
        The inputs. Shape (n, n_inputs).
    """
    side = greys.shape[1] // pool
    squares: Array = greys.reshape(-1, side, pool, side, pool).mean(axis=(2, 4)) / 255
    return squares.reshape(len(greys), -1)


@cache
def load_pictures() -> Pictures:
    """Return all pictures, without the copies that the data set has of some."""
    with np.load(Path(__file__).with_name("animals.npz")) as data:
        greys, classes, names = data["images"], data["labels"], data["class_names"].tolist()
    first = np.sort(np.unique(greys.reshape(len(greys), -1), axis=0, return_index=True)[1])
    pictures = Pictures(greys[first], classes[first].astype(int), tuple(names))
    pictures.greys.setflags(write=False)  # later calls return the same arrays
    pictures.classes.setflags(write=False)
    return pictures
