"""Initial weights, each neuron's drawn from its own stream of the seed, so that none depends on who else there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import functions
from .arrays import Array

if TYPE_CHECKING:
    from .network import Network


def drawn_weights(network: Network, seed: int) -> Array:
    """Normal, variance 2 / (fan-in + fan-out) (Glorot, Bengio 2010) or 2 / fan-in (He et al. 2015), (n_synapses,)."""
    weights = np.zeros(len(network.weights))
    fan_in, fan_out = network.incoming.sizes, network.outgoing.sizes
    for k in np.flatnonzero(~network.is_input).tolist():
        he = functions.ACTIVATIONS[network.activations[k]].initial == "he"
        scale = np.sqrt(2.0 / fan_in[k] if he else 2.0 / (fan_in[k] + max(fan_out[k], 1)))
        stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,)))
        weights[network.incoming.of(k)] = scale * stream.standard_normal(fan_in[k])
    return weights
