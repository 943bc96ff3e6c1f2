"""Initial weights. Each neuron draws from its own stream of the seed, so no draw depends on the other neurons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..support.validation import Array
from . import functions
from .graph import Groups


def drawn_weights(
    incoming: Groups,
    outgoing: Groups,
    activations: Sequence[str],
    is_input: NDArray[np.bool_],
    seed: int,
) -> Array:
    """Normal, variance 2 / (fan-in + fan-out) (Glorot, Bengio 2010) or 2 / fan-in (He et al. 2015), (n_synapses,)."""
    weights = np.zeros(len(incoming.order))
    fan_in, fan_out = incoming.sizes, outgoing.sizes
    for k in np.flatnonzero(~is_input).tolist():
        he = functions.ACTIVATIONS[activations[k]].initial == "he"
        scale = np.sqrt(2.0 / fan_in[k] if he else 2.0 / (fan_in[k] + max(fan_out[k], 1)))
        stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,)))
        weights[incoming.of(k)] = scale * stream.standard_normal(fan_in[k])
    return weights
