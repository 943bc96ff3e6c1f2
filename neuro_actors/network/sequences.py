"""What users hand over as sequences, and as targets: of different lengths, or masked.

Shorter sequences of a list are filled up with zeros, and behind its end a sequence has no targets
that count. What it was filled up with changes nothing where no delay hears later ticks; where one
does, sequences of different lengths are refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..support.arrays import Array
from ..support.errors import InputError
from ..support.labelled_arrays import as_batch, as_floats
from ..support.text import format_count
from .field import Grid


def count_ticks(x: ArrayLike) -> int:
    """Return how many ticks the longest sequence has.

    Args:
        x: The sequences. Shape (batch, ticks, *positions, n_inputs), or a list of sequences of
            different lengths.

    Raises:
        InputError: x has no axis of ticks.
    """
    if (ends := lengths_of(x)) is not None:
        return max(ends)
    shape = np.shape(x)
    if len(shape) < 3 or not shape[1]:
        problem = "expected shape (batch, ticks, n_inputs), for the network has delays"
        raise InputError(f"x: {problem}, got {shape}")
    return int(shape[1])


def pad_sequences(what: str, values: ArrayLike, ticks: Grid) -> ArrayLike:
    """Fill sequences of different lengths up with zeros; return anything else as it is.

    Args:
        what: What the values are, for the text of an error.
        values: Sequences, of shape (their ticks, *positions, n) each; or an array.
        ticks: How many ticks there are then. (): there is no time, so there are no sequences.

    Raises:
        InputError: A sequence is longer, or they differ in more than their length.
    """
    if not ticks or (ends := lengths_of(values)) is None:
        return values
    parts = [as_floats(f"{what}: sequence {k}", one) for k, one in enumerate(_as_list(values))]
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) > 1:
        two = " and ".join(map(str, sorted(shapes)[:2]))
        raise InputError(f"{what}: sequences may differ in their length alone, got ticks of {two}")
    for k, end in enumerate(ends):
        if not 0 < end <= ticks[0]:
            problem = f"expected 1 to {format_count(ticks[0], 'tick')}, got {end}"
            raise InputError(f"{what}: sequence {k}: {problem}")
    found = np.zeros((len(parts), *ticks, *shapes.pop()))
    for row, part in zip(found, parts, strict=True):
        row[: len(part)] = part
    return found


def as_targets(
    what: str, targets: ArrayLike, names: tuple[str, ...], ticks: Grid, grid: Grid, x: ArrayLike
) -> Array:
    """Convert targets to a float64 array, in which rows that do not count are NaN.

    Args:
        what: What the targets are, for the text of an error.
        targets: Numbers, perhaps masked; or a list of sequences, each perhaps masked. Shape
            (batch, *ticks, *grid, n_outputs).
        names: The ids of the outputs.
        ticks: How many ticks there are; () if there is no time.
        grid: The positions of the outputs.
        x: The inputs as the user handed them over: where they are sequences of different lengths,
            nothing counts behind their ends. Shape (batch, *ticks, *positions, n_inputs).

    Returns:
        A new array of shape (batch, *ticks, *grid, n_outputs).

    Raises:
        InputError: As `as_batch`; a row is masked in part; or a sequence has another length than
            its inputs.
    """
    ends = lengths_of(x) if ticks else None
    own = lengths_of(targets) if ticks else None
    if own is not None:
        expected = [*ticks] * len(own) if ends is None else ends
        for k, (is_, should) in enumerate(zip(own, expected, strict=False)):
            if is_ != should:
                problem = f"{format_count(is_, 'tick')}, but its inputs have {should}"
                raise InputError(f"{what}: sequence {k} has {problem}")
    targets, masks = _take_masks(targets)
    found = as_batch(what, pad_sequences(what, targets, ticks), names, grid, ticks)
    if masks is not None:
        mask = np.array(pad_sequences(what, masks, ticks), dtype=bool)
        left_out = mask.all(axis=-1)
        if (mask.any(axis=-1) != left_out).any():
            where = np.argwhere(mask.any(axis=-1) != left_out)[0].tolist()
            advice = "mask all outputs there, or none"
            raise InputError(f"{what}: of the outputs at {where} some are masked: {advice}")
        found[left_out] = np.nan
    if ends is not None:
        for row, end in zip(found, ends, strict=False):
            row[end:] = np.nan
    return found


def lengths_of(values: ArrayLike) -> list[int] | None:
    """Return the length of each sequence of a list. None: they are equal, or it is no such list.

    Args:
        values: What a user handed over. Any shape; of a list of sequences that of an array of each.
    """
    if not isinstance(values, (list, tuple)):
        return None
    try:
        found = [len(one) for one in _as_list(values)]
    except TypeError:
        return None
    return found if len(set(found)) > 1 else None


def _take_masks(values: ArrayLike) -> tuple[ArrayLike, ArrayLike | None]:
    """Return values with zeros where they are masked, and the masks: of the whole, or of each."""
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.filled(values, 0), np.ma.getmaskarray(values)
    if isinstance(values, (list, tuple)):
        parts = _as_list(values)
        if any(isinstance(part, np.ma.MaskedArray) for part in parts):
            return [np.ma.filled(part, 0) for part in parts], [
                np.ma.getmaskarray(part) for part in parts
            ]
    return values, None


def _as_list(values: Any) -> list[Any]:
    return list(values)
