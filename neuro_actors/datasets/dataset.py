"""A data set: inputs and targets, and what they are called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..support.arrays import Array
from ..support.hints import explain_missing


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Dataset:
    """Examples to learn from. `x, targets = dataset` takes the two arrays.

    Attributes:
        x: The inputs. Shape (n, n_inputs).
        targets: What a network should say, for each example. Shape (n, n_targets).
        names: The names of the inputs.
        classes: The names of the classes; None if there are none. With one target, the first
            name is that of target 0 and the second that of target 1. With several targets, there
            is one name for each.
        picture: (height, width) if the inputs are the pixels of a picture, row by row; else None.

    Examples:
        >>> import neuro_actors as na
        >>> na.datasets.xor()
        Dataset(4 examples, 2 inputs, 1 target: equal or different)
        >>> x, targets = na.datasets.xor()
        >>> targets.T
        array([[0., 1., 1., 0.]])
    """

    x: Array
    targets: Array
    names: tuple[str, ...]
    classes: tuple[str, ...] | None = None
    picture: tuple[int, int] | None = None

    if not TYPE_CHECKING:  # a type checker refuses unknown names by itself
        __getattr__ = explain_missing

    def __iter__(self) -> Iterator[Array]:
        return iter((self.x, self.targets))

    def __repr__(self) -> str:
        (n, n_inputs), n_targets = self.x.shape, self.targets.shape[1]
        pixels = "" if self.picture is None else " ({} x {} pixels)".format(*self.picture)
        targets = f"{n_targets} target{'s' * (n_targets != 1)}"
        classes = "" if self.classes is None else f": {_list(self.classes)}"
        return f"Dataset({n:,} examples, {n_inputs} inputs{pixels}, {targets}{classes})"


def _list(classes: tuple[str, ...]) -> str:
    """Return the names of the classes, or the first and the last of many."""
    if len(classes) > 4:
        return f"{classes[0]} to {classes[-1]}"
    return " or ".join(classes)


def pixel_names(height: int, width: int) -> tuple[str, ...]:
    """Return a name for each pixel, row by row, such as `r0c0`.

    Args:
        height: The number of rows.
        width: The number of columns.
    """
    return tuple(f"r{row}c{column}" for row in range(height) for column in range(width))
