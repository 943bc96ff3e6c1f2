"""What of a long or large log fits into a page: digits are cut first, then examples, then steps, at last the synapses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..support.errors import InputError

PER_NEURON, FIXED, NAME = (
    5,
    220_000,
    24,
)  # arrays a neuron and row; bytes of the page itself; of a neuron's name
BASE64 = 4 / 3
LEAST_STEPS = 24  # examples and synapses go before there are fewer than these


@dataclass(frozen=True, slots=True)
class Selection:
    """What is kept: places of steps, examples of each batch, bytes of a number, whether the synapses."""

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
) -> Selection:
    """The most that stays within `budget` bytes. batches: each step's number of examples. First and last steps stay.
    more: bytes that are kept of each step in any case.

    Raises `InputError` if not even two steps of the neurons alone fit.
    """
    most = max(batches, default=1)
    for least, examples, item, synapses in (
        (len(batches), most, 8, True),
        (len(batches), most, 4, True),
        *((min(len(batches), LEAST_STEPS), min(most, n), 4, True) for n in (8, 4, 2, 1)),
        (2, 1, 4, True),
        (1, 1, 4, False),
    ):
        room = budget - FIXED - n_neurons * NAME - (n_synapses * 8 * BASE64 if synapses else 0)
        rows = np.minimum(batches, examples) + (np.array(batches) > 1)
        bytes_of_step = (
            item
            * BASE64
            * (n_neurons * (PER_NEURON * rows + 1) + (2 if synapses else 0) * n_synapses)
        )
        bytes_of_step += 0 if more is None else np.array(more)
        parameters = item * BASE64 * (n_neurons + (n_synapses if synapses else 0))
        # A step that follows another one shares its weights with it; steps far apart share none.
        if bytes_of_step.sum() + parameters <= room:
            return Selection(list(range(len(batches))), examples, item, synapses)
        apart = bytes_of_step.max() + parameters
        fit = int(room // apart)
        if fit >= min(least, len(batches)) and least < len(batches):
            return Selection(spread_evenly(len(batches), fit), examples, item, synapses)
    raise InputError(
        f"a network of {n_neurons:,} neurons does not fit into a page of {budget / 1e6:g} MB: allow more"
    )


def spread_evenly(n: int, kept: int) -> list[int]:
    """At most `kept` places among n, evenly spaced, the first and the last among them (of one, the last)."""
    if kept < 2:
        return [n - 1][:n]
    return np.unique(np.linspace(0, n - 1, min(kept, n)).round().astype(int)).tolist()  # type: ignore[no-any-return]
