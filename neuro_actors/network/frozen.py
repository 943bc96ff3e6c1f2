"""Which parameters are frozen: no optimizer moves them. Those of interneurons always are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..support.arrays import Indices
from ..support.errors import NetworkError
from ..support.text import quote
from .parameter_names import find_parameters

Mask: TypeAlias = NDArray[np.bool_]


def frozen_masks(
    weights: Mask, biases: Mask, leads_to_interneuron: Mask | None
) -> tuple[Mask, Mask]:
    """Return the masks of a network, read-only.

    Args:
        weights: Which weights are to be frozen. Shape (n_synapses,).
        biases: Which biases are. Shape (n_neurons,).
        leads_to_interneuron: Which synapses lead to interneurons, shape (n_synapses,); None if
            there are none.

    Returns:
        Which weights are frozen, and which biases. Shapes (n_synapses,) and (n_neurons,).
    """
    if leads_to_interneuron is not None:
        weights = weights | leads_to_interneuron
    for mask in (weights, biases):
        mask.setflags(write=False)
    return weights, biases


def set_frozen(
    masks: tuple[Mask, Mask],
    names: Sequence[str],
    frozen: bool,
    ids: Sequence[str],
    sources: Indices,
    targets: Indices,
    has_bias: Mask,
) -> tuple[Mask, Mask]:
    """Return masks in which more parameters are frozen, or fewer.

    Args:
        masks: Which weights and biases are frozen. Shapes (n_synapses,) and (n_neurons,).
        names: Which parameters, see `find_parameters`.
        frozen: Whether these are frozen.
        ids: The id of each neuron.
        sources: The position of each synapse's source. Shape (n_synapses,).
        targets: The position of each synapse's target. Shape (n_synapses,).
        has_bias: Which neurons have a bias. Shape (n_neurons,).

    Raises:
        NetworkError: There is no such neuron or synapse, or it has nothing to learn.
    """
    weights, biases = (np.array(mask) for mask in masks)
    for name in names:
        neurons, synapses = find_parameters(name, ids, sources, targets)
        neurons, synapses = neurons & has_bias, synapses & has_bias[targets]
        if not (neurons.any() or synapses.any()):
            problem = "an input, a delay or an interneuron has no parameters"
            raise NetworkError(f"{quote(name)} has nothing to learn: {problem}")
        weights[synapses], biases[neurons] = frozen, frozen
    return weights, biases
