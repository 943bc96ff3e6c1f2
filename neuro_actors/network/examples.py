"""A batch with its targets, checked against the network and the loss that they are meant for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..support.errors import InputError
from ..support.validation import Array, as_batch, as_floats
from . import functions
from .network import Network


def as_examples(
    network: Network, x: ArrayLike, targets: ArrayLike, loss: str, which: str = ""
) -> tuple[Array, Array]:
    """x as (batch, n_inputs) and targets as (batch, n_outputs), float64.

    `which` stands before "x" and "targets" in an error. Raises `InputError` for another shape, a value that is not
    finite, an unknown loss, or targets that the loss is not defined for.
    """
    functions.loss(loss)
    rows, wanted = as_rows(network, x, which), as_batch(f"{which}targets", targets, network.outputs)
    if len(rows) != len(wanted):
        raise InputError(
            f"{which}x holds {len(rows)} examples, {which}targets {len(wanted)}: expected as many"
        )
    functions.check_domain(loss, np.full_like(wanted, 0.5), wanted)
    return rows, wanted


def as_rows(network: Network, x: ArrayLike, which: str = "") -> Array:
    """x as (batch, n_inputs), float64; raises `InputError` likewise."""
    if not isinstance(network, Network):
        raise InputError(f"network must be an na.Network, got {type(network).__name__}")
    return as_batch(f"{which}x", x, network.inputs)


def as_direction(network: Network, weights: ArrayLike, biases: ArrayLike) -> tuple[Array, Array]:
    """A direction in the space of parameters: weights (n_synapses,) and biases (n_neurons,), float64. Raises `InputError`
    for another shape or a value that is not finite."""
    found = []
    for name, values, wanted, of in (
        ("weights", weights, len(network.weights), "synapse"),
        ("biases", biases, len(network.ids), "neuron, the inputs included"),
    ):
        array = as_floats(f"the direction's {name}", values)
        if array.shape != (wanted,):
            raise InputError(
                f"the direction's {name}: expected shape ({wanted},), one for each {of}, got {array.shape}"
            )
        found.append(array)
    return found[0], found[1]
