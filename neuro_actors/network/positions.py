"""At which positions each neuron lives: as its sources do, if no receptive field says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Indices
from ..support.errors import NetworkError
from . import combinations
from .elements import Interneuron
from .field import Grid, show_grid
from .graph import Groups


def find_grids(
    ids: Sequence[str],
    level: Indices,
    sources: Indices,
    incoming: Groups,
    is_input: NDArray[np.bool_],
    interneurons: Mapping[int, Interneuron],
    delays: Mapping[int, tuple[int, int]],
    input_grids: Mapping[int, Grid],
    outputs: Indices,
) -> tuple[tuple[Grid, ...], Indices]:
    """Find the grid of positions at which each neuron lives.

    Args:
        ids: The id of each neuron.
        level: The level of each neuron. Shape (n_neurons,).
        sources: The position of each synapse's source. Shape (n_synapses,).
        incoming: The synapses grouped by target.
        is_input: Whether each neuron is an input or a delay. Shape (n_neurons,).
        interneurons: The interneurons by position.
        delays: By the position of each delay that of the neuron which it repeats, and the ticks.
        input_grids: The grids of inputs that live at more than one position.
        outputs: The positions of the outputs. Shape (n_outputs,).

    Returns:
        All grids, and the place of each neuron's own among them, shape (n_neurons,).

    Raises:
        NetworkError: Sources of one neuron live at different positions, or not at those of its
            field; or inputs, or outputs, live at different positions.
    """
    fields = {k: node.field for k, node in interneurons.items() if node.field is not None}
    if not input_grids and not fields:
        grid = np.zeros(len(ids), dtype=np.intp)
        grid.setflags(write=False)
        return ((),), grid
    inputs = np.array([k for k in np.flatnonzero(is_input).tolist() if k not in delays])
    others = np.argsort(level, kind="stable")[np.count_nonzero(level == 0) :].tolist()
    into = {k: sources[incoming.of(k)] for k in others}
    found: dict[int, Grid] = {k: input_grids.get(k, ()) for k in inputs.tolist()}
    size = -1
    while len(found) > size:  # what delays repeat may be known later, or from those behind them
        size = len(found)
        for k, (of, _) in delays.items():
            for one, other in ((k, of), (of, k)):
                if other in found:
                    found.setdefault(one, found[other])
        for k in others:
            its_sources = into[k].tolist()
            if k in fields:
                found[k], its_grid = fields[k].grid, fields[k].sources
            else:
                alike = [found[one] for one in (*its_sources, k) if one in found]
                if not alike:
                    continue
                its_grid = found[k] = alike[0]
            for one in its_sources:
                found.setdefault(one, its_grid)
    grids: dict[Grid, int] = {(): 0}
    # What hears delays alone, and is heard by no field, lives where the inputs live: nothing else
    # says where, and there delays may live.
    at_inputs = found[int(inputs[0])]
    grid = np.array(
        [grids.setdefault(found.get(k, at_inputs), len(grids)) for k in range(len(ids))]
    )
    names = list(grids)
    _check_alike("inputs", ids, inputs, grid, names)
    for k in others:
        _check_alike(f"the sources of {ids[k]!r}", ids, into[k], grid, names)
        if k in fields:
            at = names[grid[into[k][0]]]
            if fields[k].sources != at:
                raise NetworkError(
                    f"interneuron {ids[k]!r}: its field hears {show_grid(fields[k].sources)}, but "
                    f"its source {ids[into[k][0]]!r} lives at {show_grid(at)}"
                )
            check_field(ids[k], interneurons[k])
    _check_alike("outputs", ids, outputs, grid, names)
    grid.setflags(write=False)
    return tuple(grids), grid


def _check_alike(
    what: str, ids: Sequence[str], members: Indices, grid: Indices, grids: Sequence[Grid]
) -> None:
    other = np.flatnonzero(grid[members] != grid[members[0]])
    if len(other):
        ends = members[0], members[other[0]]
        a, b = (f"{ids[k]!r} at {show_grid(grids[grid[k]])}" for k in ends)
        raise NetworkError(
            f"{what} must live at the same positions, but {a}, and {b}: give interneurons between "
            "them a field, such as na.field.broadcast(…)"
        )


def check_field(id: str, node: Interneuron) -> None:
    """Check that a combination knows what to do where nothing is heard.

    Args:
        id: The id of the interneuron.
        node: The interneuron.

    Raises:
        NetworkError: It does not.
    """
    field, known = node.field, combinations.COMBINATIONS.get(node.combination)
    if field is None or known is None or field.is_full:
        return
    if known.nothing is None:
        problem = "does not say what a source counts as that is not heard"
        raise NetworkError(f"interneuron {id!r}: {node.combination!r} {problem}")
    if np.isinf(known.nothing) and not field.hears_everywhere:
        problem = f"hears nothing at some of its positions, and {node.combination!r} needs a number"
        raise NetworkError(f"interneuron {id!r}: its field {field.name} {problem}")
