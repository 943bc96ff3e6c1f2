"""Parameters in two orders: by neuron and by element.

By neuron: for each neuron that has parameters, in the network's order, the weights of its incoming
synapses in synapse order, then its bias; all in one flat array. By element: the weights in the
order of the network's synapses, and the biases in the order of its neurons. Inputs and interneurons
have no parameters.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..support.arrays import Array, Indices
from .network import Network


class ParameterOrder:
    """Translates the parameters of one network between the two orders.

    Args:
        network: The network.
    """

    def __init__(self, network: Network) -> None:
        self._n_weights, self._n_neurons = len(network.weights), len(network.ids)
        self._neurons = np.flatnonzero(network.n_parameters)
        fans = network.incoming.sizes[self._neurons]
        self._bias_positions = np.cumsum(fans + 1) - 1
        order = network.incoming.order
        if network.interneurons:
            order = order[~network.is_interneuron[network.targets[order]]]
        self._order = order
        # Neurons of one fan-in that follow each other are a matrix. It is copied a good deal faster
        # than value by value.
        cuts = np.flatnonzero(np.diff(fans, prepend=-1, append=-1))
        self._runs = [(int(fans[a]), int(b - a)) for a, b in pairwise(cuts)]
        in_order = bool((self._order == np.arange(len(self._order))).all())
        self._weight_positions: Indices | None = None  # not needed where whole matrices are copied
        if not in_order or len(order) < self._n_weights or len(self._runs) > 8 + len(fans) // 8:
            n_values = len(self._order) + len(self._neurons)
            self._weight_positions = np.delete(np.arange(n_values), self._bias_positions)

    def by_neuron(self, weights: Array, biases: Array) -> Array:
        """Translate from the network's order to the neurons'.

        Args:
            weights: A value for each synapse. Shape (n_synapses,).
            biases: A value for each neuron; those without a bias are left out. Shape (n_neurons,).

        Returns:
            A new array, shape (n_parameters,).
        """
        values = np.empty(len(self._order) + len(self._neurons))
        values[self._bias_positions] = biases[self._neurons]
        is_weight = np.ones(len(values), dtype=bool)
        is_weight[self._bias_positions] = False
        values[is_weight] = weights[self._order]
        return values

    def by_element(
        self, values: Array, *, negated: bool = False, no_parameter: float = 0.0
    ) -> tuple[Array, Array]:
        """Translate from the neurons' order to the network's.

        Args:
            values: What the neurons hold. Shape (n_parameters,).
            negated: Whether to return minus the values, as a gradient is minus the urgencies.
            no_parameter: What stands for the weight of a synapse into an interneuron: 1 where the
                values are parameters.

        Returns:
            New arrays of shapes (n_synapses,) and (n_neurons,). The bias of what has none is 0.
        """
        copy = np.negative if negated else np.positive
        weights, biases = np.full(self._n_weights, no_parameter), np.zeros(self._n_neurons)
        biases[self._neurons] = values[self._bias_positions]
        if self._weight_positions is not None:
            weights[self._order] = copy(values[self._weight_positions])
        else:
            read = written = 0
            for fan, count in self._runs:
                matrix = values[read : read + count * (fan + 1)].reshape(count, fan + 1)
                out = weights[written : written + count * fan].reshape(count, fan)
                copy(matrix[:, :-1], out=out)
                read, written = read + matrix.size, written + count * fan
        return weights, 0.0 - biases if negated else biases
