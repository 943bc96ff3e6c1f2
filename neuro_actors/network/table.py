"""A network as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Indices
from ..support.text import format_table
from .graph import Groups

HEADINGS = ("level", "neurons", "fan-in", "fan-out", "parameters", "activations")


def level_table(
    level: Indices,
    incoming: Groups,
    outgoing: Groups,
    activations: Sequence[str],
    is_input: NDArray[np.bool_],
) -> str:
    """Return a table with one line for each level of a network.

    A line shows how many neurons the level has, their fan-in and fan-out, the number of parameters
    and the activation functions.

    Args:
        level: The level of each neuron. Shape (n_neurons,).
        incoming: The synapses grouped by target.
        outgoing: The synapses grouped by source.
        activations: The name of each neuron's activation function.
        is_input: Whether each neuron is an input. Shape (n_neurons,).
    """
    rows: list[tuple[str, ...]] = [HEADINGS]
    fan_in, fan_out = incoming.sizes, outgoing.sizes
    for k in range(int(level.max()) + 1):
        here = np.flatnonzero(level == k).tolist()
        names = sorted({activations[i] for i in here if not is_input[i]}) or ["(inputs)"]
        n_parameters = int(fan_in[here].sum()) + int((~is_input[here]).sum())
        fans = (f"{f[here].min()} to {f[here].max()}" for f in (fan_in, fan_out))
        rows.append((str(k), f"{len(here):,}", *fans, f"{n_parameters:,}", ", ".join(names)))
    return format_table(rows, last_is_text=True)
