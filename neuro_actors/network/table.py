"""A network as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Indices
from ..support.text import format_table
from .elements import Interneuron
from .field import Grid, show_grid
from .graph import Groups

HEADINGS = ("level", "neurons", "fan-in", "fan-out", "parameters", "activations")
LAYER_HEADINGS = ("layer", "neurons", "interneurons", "parameters", "frozen", "positions", "what")


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


def layer_table(
    ids: Sequence[str],
    activations: Sequence[str],
    interneurons: Mapping[int, Interneuron],
    delays: Mapping[int, object],
    grids: Sequence[Grid],
    grid: Indices,
    n_parameters: Indices,
    n_frozen: Indices,
) -> str:
    """Return a table with one line for each layer: what the ids before the first point say.

    A line shows how many neurons and interneurons a layer has, how many parameters learn, which
    count once, at however many positions they are used, how many are frozen, and where the layer
    lives.

    Args:
        ids: The id of each neuron.
        activations: The name of each neuron's activation function.
        interneurons: The interneurons by position.
        delays: The delays by position.
        grids: All grids.
        grid: The place of each neuron's own among them. Shape (n_neurons,).
        n_parameters: How many parameters each neuron has. Shape (n_neurons,).
        n_frozen: How many of them are frozen. Shape (n_neurons,).
    """
    layers: dict[str, list[int]] = {}
    for k, name in enumerate(ids):
        head, point, _ = name.partition(".")
        layers.setdefault(head if point else name.rstrip("0123456789") or name, []).append(k)
    rows: list[tuple[str, ...]] = [LAYER_HEADINGS]
    for name, here in [*layers.items(), ("all", list(range(len(ids))))]:
        between = [k for k in here if k in interneurons]
        kinds = {activations[k] for k in here if n_parameters[k]}
        what = [*sorted(kinds), *sorted({interneurons[k].combination for k in between})]
        if any(k in delays for k in here):
            what.append("(delays)")
        if any(not n_parameters[k] and k not in interneurons and k not in delays for k in here):
            what.insert(0, "(inputs)")
        frozen = int(n_frozen[here].sum())
        counts = (
            len(here) - len(between),
            len(between),
            int(n_parameters[here].sum()) - frozen,
            frozen,
        )
        where = ", ".join(show_grid(grids[g]) for g in dict.fromkeys(grid[here].tolist()))
        is_sum = name == "all" and here == list(range(len(ids)))
        rest = ("", "") if is_sum else (where, ", ".join(what))
        rows.append((name, *(f"{n:,}" for n in counts), *rest))
    table = format_table(rows, last_is_text=True)
    return "\n".join(line.rstrip() for line in table.split("\n"))
