"""Selects what of a long or large log fits into a page.

Digits are cut first, then examples, then steps, and synapses last.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ..support.errors import InputError

NUMBERS_PER_NEURON = 5  # in each row of a step
PAGE_BYTES = 400_000  # of the page without a run, with the curves of some functions and the loss
STEP_BYTES, INPUT_BYTES, NAME_BYTES = 700, 6, 24  # of text
BASE64 = 4 / 3  # characters per byte
LEAST_STEPS = 24  # examples are dropped before there are fewer steps than this


@dataclass(frozen=True, slots=True)
class Selection:
    """What a page contains of a log.

    Attributes:
        steps: The indices of the steps.
        examples: How many examples of each batch.
        item: Bytes of a number: 8 or 4.
        synapses: Whether it contains the synapses.
    """

    steps: list[int]
    examples: int
    item: int
    synapses: bool


def select_steps(
    n_neurons: int,
    n_synapses: int,
    batches: list[int],
    budget: float,
    more: list[int] | None = None,
    per_parameter: int = 1,
    per_row: int | None = None,
    sequences: list[int] | None = None,
) -> Selection:
    """Select the most that fits into a page.

    The first and the last step are always selected. The rounds of a sequence are selected together
    if one sequence fits.

    Args:
        n_neurons: The number of neurons.
        n_synapses: The number of synapses.
        batches: The number of examples of each step.
        budget: Bytes of the page.
        more: Bytes of each step that do not depend on the selection. None: 0.
        per_parameter: How many numbers of each parameter a step has, beside its value.
        per_row: How many numbers an example of a step has. None: those of neurons at one position.
        sequences: To which sequence each step belongs; equal numbers stand side by side. None: each
            step is alone.

    Raises:
        InputError: Not even one step without synapses fits.
    """
    most = max(batches, default=1)
    per_row = n_neurons * NUMBERS_PER_NEURON if per_row is None else per_row
    groups = _group(list(range(len(batches))) if sequences is None else sequences)
    for least, examples, item, synapses in (
        (len(batches), most, 8, True),
        (len(batches), most, 4, True),
        *((min(len(batches), LEAST_STEPS), min(most, n), 4, True) for n in (8, 4, 2, 1)),
        (2, 1, 4, True),
        (1, 1, 4, False),
    ):
        room = budget - PAGE_BYTES - n_neurons * NAME_BYTES
        room -= n_synapses * 8 * BASE64 if synapses else 0
        rows = np.minimum(batches, examples) + (np.array(batches) > 1)
        parameters = n_neurons + (n_synapses if synapses else 0)
        numbers = per_row * rows + rows + (1 + per_parameter) * parameters
        bytes_of_step = STEP_BYTES + INPUT_BYTES * rows + item * BASE64 * numbers
        bytes_of_step += 0 if more is None else np.array(more)
        version = item * BASE64 * parameters
        # Consecutive steps share the weights between them; steps far apart share none.
        if bytes_of_step.sum() + version <= room:
            return Selection(list(range(len(batches))), examples, item, synapses)
        apart = max(bytes_of_step[group].sum() for group in groups) + version
        fit = int(room // apart)
        if fit >= min(least, len(groups)) and least < len(batches):
            chosen = spread_evenly(len(groups), fit)
            return Selection([k for g in chosen for k in groups[g]], examples, item, synapses)
    if sequences is not None:  # then not whole ones
        return select_steps(n_neurons, n_synapses, batches, budget, more, per_parameter, per_row)
    size = f"a page of {budget / 1e6:g} MB"
    raise InputError(f"a network of {n_neurons:,} neurons does not fit into {size}: allow more")


def _group(sequences: list[int]) -> list[list[int]]:
    """The steps of each sequence."""
    return [
        [k for k, _ in steps] for _, steps in groupby(enumerate(sequences), lambda pair: pair[1])
    ]


def spread_evenly(n: int, most: int) -> list[int]:
    """Return evenly spaced indices, including the first and the last; of one alone the last.

    Args:
        n: The number of items.
        most: How many indices to return at most.
    """
    if most < 2:
        return [n - 1][:n]
    found: list[int] = np.unique(np.linspace(0, n - 1, min(most, n)).round().astype(int)).tolist()
    return found
