"""Layered networks: from one matrix and one vector a layer to arrays of synapses, and back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..support.errors import NetworkError
from ..support.text import shown
from ..support.validation import Array, Indices, as_floats, as_list


def joined(
    weights: Sequence[ArrayLike], biases: Sequence[ArrayLike], activations: Sequence[str]
) -> dict[str, Any]:
    """What `Network.from_arrays` takes. weights[k]: (n_out, n_in); biases[k]: (n_out,); activations: one name a layer."""
    given = ("weights", weights), ("biases", biases), ("activations", activations)
    weights, biases, activations = (as_list(what, values) for what, values in given)
    if not 0 < len(weights) == len(biases) == len(activations):
        count = f"{len(weights)} weights, {len(biases)} biases, activations {shown(activations)}"
        raise NetworkError(
            f"expected one matrix, one bias vector and one activation for each layer, got {count}"
        )
    w = [as_floats(f"weights[{k}]", matrix) for k, matrix in enumerate(weights)]
    b = [as_floats(f"biases[{k}]", vector) for k, vector in enumerate(biases)]
    for k, matrix in enumerate(w):
        n_in = w[k - 1].shape[0] if k else matrix.shape[-1] if matrix.ndim else 0
        if (
            matrix.ndim != 2
            or not matrix.size
            or matrix.shape[1] != n_in
            or b[k].shape != matrix.shape[:1]
        ):
            shapes = f"weights[{k}] {matrix.shape} and biases[{k}] {b[k].shape}"
            raise NetworkError(
                f"{shapes} do not fit: expected (n_out, {n_in}) and (n_out,), n_out of this layer"
            )
    sizes = [w[0].shape[1], *(len(vector) for vector in b)]
    letters = ["x", *(f"h{k}." for k in range(1, len(w))), "y"]
    first = np.concatenate([[0], np.cumsum(sizes)])
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
        + [name for name, v in zip(activations, b, strict=True) for _ in v],
        "ids": [f"{letter}{i}" for letter, n in zip(letters, sizes, strict=True) for i in range(n)],
    }


def split(
    level: Indices,
    sources: Indices,
    targets: Indices,
    outputs: Indices,
    name: Callable[[int], str],
    weights: Array,
    biases: Array,
) -> tuple[list[Array], list[Array]]:
    """Values per synapse and per neuron as such matrices and vectors.

    Args:
        level: (n_neurons,), the layer of each neuron.
        sources, targets: (n_synapses,), the ends of each synapse, as positions.
        outputs: (n_outputs,), the positions of the outputs.
        name: gives a synapse's name, for errors.
        weights: (n_synapses,).
        biases: (n_neurons,).

    Raises:
        NetworkError: the network is not layered.
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
    full = sum(len(a) * len(b) for a, b in itertools.pairwise(layers))
    if full != len(weights) or set(np.flatnonzero(level == depth)) != set(layers[-1]):
        raise NetworkError(
            "not layered: each level must be fully connected to the next, and the last be the outputs"
        )
    matrices = [np.empty((len(b), len(a))) for a, b in itertools.pairwise(layers)]
    for k, matrix in enumerate(matrices):
        here = np.flatnonzero(level[targets] == k + 1)
        matrix[row[targets[here]], row[sources[here]]] = weights[here]
    return matrices, [biases[layer] for layer in layers[1:]]
