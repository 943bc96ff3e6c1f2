"""Checks for networks from arrays, where synapses are given as positions of their ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..support.arrays import Indices, as_positions
from ..support.columns import in_another_order, index_of
from ..support.errors import InputError, NetworkError
from ..support.validation import as_list
from .elements import positions


def as_ends(sources: ArrayLike, targets: ArrayLike) -> tuple[Indices, Indices]:
    """Convert the ends of all synapses to positions.

    Args:
        sources: The position of each synapse's source, from 0 on. Shape (n_synapses,).
        targets: The position of each synapse's target, from 0 on. Shape (n_synapses,).

    Returns:
        The two arrays, each of shape (n_synapses,).

    Raises:
        InputError: One of them does not contain positions, or their labels are in other orders.
        NetworkError: Their lengths differ, or there is no synapse.
    """
    starts, ends = as_positions("sources", sources), as_positions("targets", targets)
    if (labels := index_of(sources)) is not None and in_another_order(index_of(targets), labels):
        raise InputError(
            "targets: its labels are those of sources, in another order: "
            "sort both alike, or take their numbers in their order with .to_numpy()"
        )
    if len(starts) != len(ends) or not len(starts):
        raise NetworkError(
            f"sources and targets must have the same length, at least 1, "
            f"got {len(starts)} and {len(ends)}"
        )
    return starts, ends


def as_ids(ids: Sequence[str] | None, sources: Indices, targets: Indices) -> tuple[str, ...]:
    """Return the ids of all neurons; check that every synapse ends at one of them.

    Args:
        ids: The ids, or None: then they are n0, n1, … up to the largest position.
        sources: The position of each synapse's source. Shape (n_synapses,).
        targets: The position of each synapse's target. Shape (n_synapses,).

    Raises:
        NetworkError: An id is no id or occurs twice, a position has no neuron, or the positions
            leave so many gaps that they cannot be meant.
    """
    if ids is None:
        return _numbered_ids(sources, targets)
    names = tuple(as_list("ids", ids, NetworkError))
    positions(names)
    for what, ends in (("sources", sources), ("targets", targets)):
        check_positions(what, ends, len(names))
    return names


def _numbered_ids(sources: Indices, targets: Indices) -> tuple[str, ...]:
    n = int(max(sources.max(), targets.max())) + 1
    if n > 4 * len(sources) + 1024:  # checked before so many names are made
        raise NetworkError(
            f"sources and targets: {len(sources)} synapses leave gaps in positions up to {n - 1}: "
            "count from 0"
        )
    return tuple([f"n{k}" for k in range(n)])


def as_delays(
    delays: ArrayLike | None, sources: Indices, ids: Sequence[str]
) -> tuple[Indices, dict[int, tuple[int, int]], list[str]]:
    """Let some synapses begin at a delay of their source instead of at the source.

    Args:
        delays: After how many ticks each synapse carries what its source says, or None. Shape
            (n_synapses,).
        sources: The position of each synapse's source. Shape (n_synapses,).
        ids: The ids of all neurons.

    Returns:
        Where each synapse begins, shape (n_synapses,); by the position of each delay that of its
        neuron, and the ticks; and the ids of the delays, such as "a, 2 before".

    Raises:
        InputError: `delays` does not contain whole numbers from 0 on.
        NetworkError: There are not as many as synapses.
    """
    if delays is None:
        return sources, {}, []
    ticks = as_positions("delays", delays)
    if len(ticks) != len(sources):
        raise NetworkError(f"delays: expected {len(sources)}, one a synapse, got {len(ticks)}")
    late = np.flatnonzero(ticks)
    pairs, which = np.unique(
        np.stack([sources[late], ticks[late]], axis=1), axis=0, return_inverse=True
    )
    through = np.array(sources)
    through[late] = len(ids) + which.ravel()
    found = {len(ids) + k: (of, later) for k, (of, later) in enumerate(pairs.tolist())}
    return through, found, [f"{ids[of]}, {later} before" for of, later in pairs.tolist()]


def check_positions(what: str, where: Indices, n_neurons: int) -> None:
    """Check that there is a neuron at each position.

    Args:
        what: What the positions are, for the text of an error.
        where: The positions. Shape (n,).
        n_neurons: The number of neurons.

    Raises:
        NetworkError: A position is too large.
    """
    if len(where) and where.max() >= n_neurons:
        raise NetworkError(
            f"{what}: there are {n_neurons} neurons, so positions go up to {n_neurons - 1}; "
            f"got {where.max()}"
        )


def as_outputs(
    outputs: ArrayLike | None, ids: Sequence[str], fan_in: Indices, fan_out: Indices
) -> Indices:
    """Return the positions of the outputs.

    Args:
        outputs: The positions, or None: then each neuron without an outgoing synapse is an output.
            Shape (n_outputs,).
        ids: The ids of all neurons.
        fan_in: How many synapses lead into each neuron. Shape (n_neurons,).
        fan_out: How many synapses leave each neuron. Shape (n_neurons,).

    Returns:
        The positions, shape (n_outputs,).

    Raises:
        InputError: `outputs` does not contain positions.
        NetworkError: A position has no neuron; or `outputs` is None, and a neuron has no synapse at
            all.
    """
    if outputs is not None:
        chosen = as_positions("outputs", outputs)
        check_positions("outputs", chosen, len(ids))
        return chosen
    alone = np.flatnonzero((fan_in == 0) & (fan_out == 0))
    if len(alone):
        raise NetworkError(
            f"neuron {ids[alone[0]]!r} has no synapse: "
            "give it one, or remove it, or name all outputs"
        )
    return np.flatnonzero(fan_out == 0)


def as_activations(activations: str | Sequence[str], fan_in: Indices) -> tuple[str, ...]:
    """Return the name of each neuron's activation function; an input's is "identity".

    Args:
        activations: One name for all neurons, or one for each.
        fan_in: How many synapses lead into each neuron; an input has none. Shape (n_neurons,).

    Raises:
        NetworkError: There are not as many names as neurons.
    """
    n = len(fan_in)
    if isinstance(activations, str):
        names = [activations] * n
    else:
        names = as_list("activations", activations, NetworkError)
    if len(names) != n:
        raise NetworkError(f"activations: expected {n}, got {len(names)}")
    is_neuron = (fan_in > 0).tolist()
    return tuple(
        [name if neuron else "identity" for name, neuron in zip(names, is_neuron, strict=True)]
    )


def as_entries(matrix: Any) -> tuple[int, tuple[ArrayLike, ArrayLike, ArrayLike]]:
    """Read the synapses of a square scipy sparse matrix, targets by sources.

    Args:
        matrix: The matrix. Shape (n_neurons, n_neurons).

    Returns:
        The number of neurons; sources, targets and weights, each of shape (n_synapses,).

    Raises:
        NetworkError: The matrix is not sparse or not square.
    """
    try:
        entries = matrix.tocoo()
        shape, found = entries.shape, (entries.col, entries.row, entries.data)
    except AttributeError:
        raise NetworkError(f"expected a scipy sparse matrix, got {type(matrix).__name__}") from None
    if len(shape) != 2 or shape[0] != shape[1]:
        raise NetworkError(f"expected a square matrix, targets by sources, got shape {shape}")
    return shape[0], found
