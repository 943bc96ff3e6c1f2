"""Layered networks: one matrix and one vector a layer, turned into arrays of synapses and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, takewhile
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..support.arrays import MAX_POSITION, Array, Indices
from ..support.errors import NetworkError
from ..support.labelled_arrays import as_floats, check_columns_order, check_order
from ..support.scalars import as_whole_number
from ..support.text import quote
from ..support.validation import as_list


def as_sizes(sizes: Sequence[int], *others: object) -> list[int]:
    """Check the sizes of the layers.

    Args:
        sizes: What was given as the sizes.
        others: The other arguments: the sizes may have been given one by one, without a list.

    Raises:
        NetworkError: There are fewer than two sizes, or the network is too large.
        InputError: A size is no whole number.
    """
    if isinstance(sizes, int):
        listed = list(takewhile(lambda n: isinstance(n, int) and n > 0, (sizes, *others)))
        if len(listed) > 1:
            raise NetworkError(f"sizes must be a list: write na.Network.layered({listed})")
    found = [as_whole_number("each of sizes", n, 1) for n in as_list("sizes", sizes, NetworkError)]
    if len(found) < 2:
        raise NetworkError(f"sizes must be two or more whole numbers, inputs first, got {found}")
    if sum(n_in * n_out for n_in, n_out in pairwise(found)) > MAX_POSITION:
        raise NetworkError(f"sizes {quote(found)} make more than {MAX_POSITION:,} synapses")
    return found


def join_matrices(
    weights: Sequence[ArrayLike], biases: Sequence[ArrayLike], activations: Sequence[str]
) -> dict[str, Any]:
    """Turn the matrices of a layered network into arrays of synapses.

    Args:
        weights: A matrix for each layer after the inputs. Shapes (n_out, n_in).
        biases: A vector for each of these layers. Shapes (n_out,).
        activations: The name of an activation function for each of these layers.

    Returns:
        The arguments of `Network.from_arrays`, by name.

    Raises:
        NetworkError: The lists differ in length, or the shapes do not fit.
        InputError: A matrix or a vector contains something else than finite numbers, or its rows
            or columns have labels in another order.
    """
    weights, biases, activations = (
        as_list(what, values, NetworkError)
        for what, values in (
            ("weights", weights),
            ("biases", biases),
            ("activations", activations),
        )
    )
    if not 0 < len(weights) == len(biases) == len(activations):
        count = f"{len(weights)} weights, {len(biases)} biases, activations {quote(activations)}"
        raise NetworkError(
            f"expected one matrix, one bias vector and one activation for each layer, got {count}"
        )
    w = [as_floats(f"weights[{k}]", matrix) for k, matrix in enumerate(weights)]
    b = [as_floats(f"biases[{k}]", vector) for k, vector in enumerate(biases)]
    _check_shapes(w, b)
    sizes = [w[0].shape[1], *(len(vector) for vector in b)]
    prefixes = ["x", *(f"h{k}." for k in range(1, len(w))), "y"]
    first = np.concatenate([[0], np.cumsum(sizes)])
    names = [[f"{prefix}{i}" for i in range(n)] for prefix, n in zip(prefixes, sizes, strict=True)]
    for k, (matrix, vector) in enumerate(zip(weights, biases, strict=True)):
        check_order(f"weights[{k}]", matrix, names[k + 1])
        check_columns_order(f"weights[{k}]", matrix, names[k])
        check_order(f"biases[{k}]", vector, names[k + 1])
    return {
        "sources": np.concatenate(
            [np.tile(np.arange(m.shape[1]), len(m)) + first[k] for k, m in enumerate(w)]
        ),
        "targets": np.concatenate(
            [np.repeat(np.arange(len(m)), m.shape[1]) + first[k + 1] for k, m in enumerate(w)]
        ),
        "weights": np.concatenate([matrix.ravel() for matrix in w]),
        "biases": np.concatenate([np.zeros(sizes[0]), *b]),
        "activations": ["identity"] * sizes[0]
        + [name for name, vector in zip(activations, b, strict=True) for _ in vector],
        "ids": [name for layer in names for name in layer],
    }


def _check_shapes(weights: Sequence[Array], biases: Sequence[Array]) -> None:
    n_in = weights[0].shape[-1] if weights[0].ndim else 0
    for k, (matrix, vector) in enumerate(zip(weights, biases, strict=True)):
        is_matrix = matrix.ndim == 2 and matrix.size > 0
        if not is_matrix or matrix.shape[1] != n_in or vector.shape != matrix.shape[:1]:
            shapes = f"weights[{k}] {matrix.shape} and biases[{k}] {vector.shape}"
            raise NetworkError(
                f"{shapes} do not fit: expected (n_out, {n_in}) and (n_out,), n_out of this layer"
            )
        n_in = matrix.shape[0]


def split_into_matrices(
    level: Indices,
    sources: Indices,
    targets: Indices,
    outputs: Indices,
    name: Callable[[int], str],
    weights: Array,
    biases: Array,
) -> tuple[list[Array], list[Array]]:
    """Lay out values of synapses and neurons as the matrices and vectors of a layered network.

    Args:
        level: The layer of each neuron. Shape (n_neurons,).
        sources: The position of each synapse's source. Shape (n_synapses,).
        targets: The position of each synapse's target. Shape (n_synapses,).
        outputs: The positions of the outputs. Shape (n_outputs,).
        name: Returns the name of the k-th synapse, for the text of an error.
        weights: A value for each synapse. Shape (n_synapses,).
        biases: A value for each neuron. Shape (n_neurons,).

    Returns:
        A matrix of shape (n_out, n_in) and a vector of shape (n_out,) for each layer after the
        inputs.

    Raises:
        NetworkError: The network is not layered.
    """
    depth = int(level.max())
    layers = [np.flatnonzero(level == k) for k in range(depth + 1)]
    layers[-1] = outputs
    row = np.full(len(level), -1)
    for layer in layers:
        row[layer] = np.arange(len(layer))
    skips = np.flatnonzero(level[targets] != level[sources] + 1)
    if len(skips):
        raise NetworkError(
            f"not layered: synapse {name(skips[0])} skips a level; see the reference for any graph"
        )
    full = sum(len(a) * len(b) for a, b in pairwise(layers))
    if full != len(weights) or set(np.flatnonzero(level == depth)) != set(layers[-1]):
        raise NetworkError(
            "not layered: each level must be fully connected to the next, "
            "and the last level must be the outputs"
        )
    matrices = [np.empty((len(b), len(a))) for a, b in pairwise(layers)]
    for k, matrix in enumerate(matrices):
        here = np.flatnonzero(level[targets] == k + 1)
        matrix[row[targets[here]], row[sources[here]]] = weights[here]
    return matrices, [biases[layer] for layer in layers[1:]]
