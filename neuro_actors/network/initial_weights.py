"""Initial weights. Each neuron draws from its own stream, so no draw depends on other neurons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Array
from . import functions
from .graph import Groups


def draw_weights(
    incoming: Groups,
    outgoing: Groups,
    activations: Sequence[str],
    is_drawn: NDArray[np.bool_],
    seed: int,
) -> Array:
    """Draw the weights of all synapses from normal distributions with mean 0.

    The variance depends on the target's activation function: 2 / (fan-in + fan-out) for "glorot"
    (Glorot, Bengio 2010), 2 / fan-in for "he" (He et al. 2015). The k-th neuron draws from
    `SeedSequence(seed, spawn_key=(k,))`.

    Args:
        incoming: The synapses grouped by target.
        outgoing: The synapses grouped by source.
        activations: The name of each neuron's activation function.
        is_drawn: Whether each neuron has weights that are drawn. Shape (n_neurons,).
        seed: The seed of all streams.

    Returns:
        The weights, shape (n_synapses,); 0 for those of other neurons.
    """
    weights = np.zeros(len(incoming.order))
    fan_in, fan_out = incoming.sizes, outgoing.sizes
    for k in np.flatnonzero(is_drawn).tolist():
        he = functions.ACTIVATIONS[activations[k]].initial == "he"
        scale = np.sqrt(2.0 / fan_in[k] if he else 2.0 / (fan_in[k] + max(fan_out[k], 1)))
        stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,)))
        weights[incoming.of(k)] = scale * stream.standard_normal(fan_in[k])
    return weights
