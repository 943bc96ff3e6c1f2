"""Dropout: the combination of an interneuron that leaves out some of what it hears.

Its name says its rate, and its seed if that is not 0: "dropout 0.1", "dropout 0.1, seed 3". It has
one source. In a step that has a loss it multiplies each column, so each example and position, by 0
or by 1 / (1 - rate). In a prediction it repeats what it hears.

The mask comes from a stream of the interneuron's own, by (seed, id, step): not by what other
interneurons draw, nor by the engine, the process or a restart. So:

* One seed and one run give one mask, in all engines, faults and replicas, and when it is resumed.
* The rounds "tick t" and "back to tick t" of one sequence have the same mask.
* A micro-batch is a step: a batch in micro-batches has other masks than the batch as a whole.
* In two steps with the same numbers the masks differ, for steps have numbers.
"""

from __future__ import annotations

import hashlib
import re

import numpy as np

from ..support.arrays import Array
from ..support.errors import NetworkError
from ..support.scalars import as_number, as_whole_number, got

_NAME = re.compile(r"dropout (0(?:\.\d+)?(?:e-\d+)?|[1-9]\d*(?:\.\d+)?e-\d+)(?:, seed (\d+))?")


def show_dropout(rate: float, seed: int = 0) -> str:
    """Return the name of a dropout, as an interneuron takes it.

    Args:
        rate: The share that is left out, from 0 on and below 1.
        seed: The seed of the masks.

    Raises:
        NetworkError: The rate is no such number.
        InputError: The seed is no whole number from 0 on.
    """
    number = as_number(rate)
    if not 0.0 <= number < 1.0:
        raise NetworkError(f"dropout: rate must be from 0 on and below 1, got {got(rate)}")
    seed = as_whole_number("dropout: seed", seed, 0)
    return f"dropout {number!r}" + (f", seed {seed}" if seed else "")


def read_dropout(name: object) -> tuple[float, int] | None:
    """Return the rate and the seed of a dropout, by its name; None if it is none.

    Args:
        name: The name of a combination.
    """
    found = _NAME.fullmatch(name) if isinstance(name, str) else None
    return (float(found[1]), int(found[2] or 0)) if found else None


def draw_mask(rate: float, seed: int, id: str, step: tuple[int, ...], columns: int) -> Array:
    """Return by how much each column is multiplied: by 0, or by 1 / (1 - rate).

    Args:
        rate: The share that is left out.
        seed: The seed.
        id: The id of the interneuron.
        step: What tells the step from others.
        columns: How many columns there are.

    Returns:
        Shape (columns,).
    """
    own = int.from_bytes(hashlib.sha256(id.encode()).digest()[:8], "little")
    stream = np.random.default_rng(np.random.SeedSequence([seed, own, *step]))
    left = stream.random(columns) >= rate
    return np.where(left, 1.0 / (1.0 - rate), 0.0)
