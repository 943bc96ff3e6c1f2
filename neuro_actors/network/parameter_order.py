"""Parameters in two orders: as the neurons hold them, each its weights and then its bias, and as the network lists them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..support.validation import Array
from .network import Network


class Parameters:
    """Translates from the one to the other. What the neurons hold comes in one flat array, in the network's order."""

    def __init__(self, network: Network) -> None:
        self._n_weights, self._n_neurons = len(network.weights), len(network.ids)
        self._neurons = np.flatnonzero(~network.is_input)
        fans = network.incoming.sizes[self._neurons]
        self._bias_places = np.cumsum(fans + 1) - 1
        self._order = network.incoming.order
        # Neurons of one fan-in that follow each other are a matrix, which is copied a good deal faster than place by place.
        cuts = np.flatnonzero(np.diff(fans, prepend=-1, append=-1))
        self._runs = [(int(fans[a]), int(b - a)) for a, b in pairwise(cuts)]
        in_runs = len(self._runs) <= 8 + len(fans) // 8 and bool(
            (self._order == np.arange(len(self._order))).all()
        )
        self._weight_places = (
            None if in_runs else np.delete(np.arange(fans.sum() + len(fans)), self._bias_places)
        )

    def by_neuron(self, weights: Array, biases: Array) -> Array:
        """The other way: what the neurons hold, out of values in the network's order."""
        held = np.empty(len(self._order) + len(self._neurons))
        held[self._bias_places] = biases[self._neurons]
        places = np.ones(len(held), dtype=bool)
        places[self._bias_places] = False
        held[places] = weights[self._order]
        return held

    def by_element(self, held: Array, *, negated: bool = False) -> tuple[Array, Array]:
        """Values in the order of the network's synapses, (n_synapses,), and of its neurons, (n_neurons,), 0 for inputs;
        or minus these values."""
        copy = np.negative if negated else np.positive
        weights, biases = np.empty(self._n_weights), np.zeros(self._n_neurons)
        biases[self._neurons] = held[self._bias_places]
        if self._weight_places is not None:
            weights[self._order] = copy(held[self._weight_places])
        else:
            read = written = 0
            for fan, count in self._runs:
                matrix = held[read : read + count * (fan + 1)].reshape(count, fan + 1)
                copy(
                    matrix[:, :-1], out=weights[written : written + count * fan].reshape(count, fan)
                )
                read, written = read + matrix.size, written + count * fan
        return weights, 0.0 - biases if negated else biases
