"""A network as matrices, level by level: the forward pass, the slopes, the backward pass.

Interneurons have no weights. Their part is in `interneurons.py`: a level adds it to that of its
matrix. An interneuron's signal is its activation, and its slope is 1.

This is a plain network: each neuron lives at one position, and there are no delays. Any other
network is unrolled into such a one first (`unroll.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ...network import functions
from ...network.network import Network
from ...support.arrays import Array, Indices
from .interneurons import Interneurons

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Level:
    """The neurons of one level, and the dense matrix of the synapses that lead into them.

    Attributes:
        targets: The positions of the level's neurons and interneurons. Shape (n_targets,).
        sources: The positions of all neurons that have a weighted synapse into the level, once
            each. Shape (n_sources,).
        weights: The matrix of weights, 0 where there is no synapse, or none with a weight. Shape
            (n_targets, n_sources).
        synapses: The positions of the synapses that have a weight. Shape (n,).
        row: The row of each synapse in `weights`. Shape (n,).
        column: The column of each synapse in `weights`. Shape (n,).
        functions: Each activation function of the level, with the rows of the neurons that have it.
            Shapes (n_rows,).
        interneurons: The level's interneurons. None: it has none.
    """

    targets: Indices
    sources: Indices
    weights: Array
    synapses: Indices
    row: Indices
    column: Indices
    functions: list[tuple[functions.Activation, Indices]]
    interneurons: Interneurons | None = None


class Matrices:
    """A network as matrices.

    Args:
        network: The network.
        loss: The name of the loss that follows the outputs. None: none does.

    Attributes:
        network: The network.
        inputs: The positions of the inputs. Shape (n_inputs,).
        outputs: The positions of the outputs. Shape (n_outputs,).
        levels: All levels after the inputs, in order.
        weights: The matrix of weights of each level.
        interneurons: The positions of the interneurons. Shape (n_interneurons,).
        has_weight: Whether each synapse has a weight: those into interneurons have none. Shape
            (n_synapses,).
        has_bias: Whether each neuron has a bias. Shape (n_neurons,).
        origins: The neuron that each one repeats to the last bit, itself or another: interneurons
            with one source repeat it. Shape (n_neurons,).
    """

    def __init__(self, network: Network, loss: str | None) -> None:
        network.check_rule("the reference")
        self.network, self._loss = network, loss
        self.inputs = np.flatnonzero(network.is_input)
        self.outputs = network.output_positions
        self._is_output = np.zeros(len(network.ids), dtype=bool)
        self._is_output[self.outputs] = True
        self.interneurons = np.flatnonzero(network.is_interneuron)
        self.has_weight = ~network.is_interneuron[network.targets]
        self.has_bias = ~(network.is_input | network.is_interneuron)
        self.levels = [self._level(k) for k in range(1, network.depth + 1)]
        self.weights = [level.weights for level in self.levels]
        self.origins = np.arange(len(network.ids))
        for level in self.levels:
            if level.interneurons is not None:
                level.interneurons.follow_copies(self.origins)

    def _level(self, k: int) -> Level:
        network = self.network
        targets = np.flatnonzero(network.level == k)
        among = targets[network.is_interneuron[targets]]
        synapses = np.flatnonzero((network.level[network.targets] == k) & self.has_weight)
        sources, column = np.unique(network.sources[synapses], return_inverse=True)
        row = np.searchsorted(targets, network.targets[synapses])
        weights = np.zeros((len(targets), len(sources)))
        weights[row, column] = network.weights[synapses]
        is_output = self._is_output[targets].tolist()
        kinds = [(network.activations[t], o) for t, o in zip(targets, is_output, strict=True)]
        has_function = ~network.is_interneuron[targets]
        groups = [
            (self._function(*kind), here)
            for kind in sorted(set(kinds))
            if len(here := np.flatnonzero(has_function & [k == kind for k in kinds]))
        ]
        found = Interneurons.of(network, among) if len(among) else None
        return Level(targets, sources, weights, synapses, row, column, groups, found)

    def _function(self, name: str, is_output: bool) -> functions.Activation:
        if is_output:
            return functions.output_activation(name).before(self._loss)
        return functions.activation(name)

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Compute the signals z and the activations a of all neurons.

        Args:
            x: The values of the inputs. Shape (batch, n_inputs).

        Returns:
            z and a, each of shape (batch, n_neurons). An input's signal is its value.
        """
        z = np.zeros((len(x), len(self.network.ids)))
        z[:, self.inputs] = x
        a = z.copy()
        for level in self.levels:
            z[:, level.targets] = (
                a[:, level.sources] @ level.weights.T + self.network.biases[level.targets]
            )
            for function, here in level.functions:
                a[:, level.targets[here]] = function.value(z[:, level.targets[here]])
            if level.interneurons is not None:
                t = level.interneurons.targets
                z[:, t] = a[:, t] = level.interneurons.values(a)
        return z, a

    def partials(self, a: Array) -> list[Array]:
        """Compute the derivative of each interneuron by each of its sources, for each level.

        Args:
            a: The activations. Shape (batch, n_neurons).

        Returns:
            For each level an array of shape (batch, synapses into its interneurons).
        """
        return [
            np.zeros((len(a), 0)) if level.interneurons is None else level.interneurons.partials(a)
            for level in self.levels
        ]

    @property
    def no_partials(self) -> list[Array]:
        """The partial derivatives of a network without interneurons. Shape (1, 0) each."""
        return [np.zeros((1, 0)) for _ in self.levels]

    def slopes(self, z: Array, a: Array) -> Array:
        """Compute f' of all neurons.

        Args:
            z: The signals. Shape (batch, n_neurons).
            a: The activations. Shape (batch, n_neurons).

        Returns:
            f'(z), of the same shape; 0 for inputs, 1 for interneurons.
        """
        slopes = np.zeros_like(z)
        slopes[:, self.interneurons] = 1.0
        for function, t in self.functions():
            slopes[:, t] = function.slope(z[:, t], a[:, t])
        return slopes

    def functions(self) -> Iterator[tuple[functions.Activation, Indices]]:
        """Yield the activation functions, each with some neurons that have it: no interneurons.

        Yields:
            The function, and the positions of the neurons. Shape (n,).
        """
        for level in self.levels:
            for function, here in level.functions:
                yield function, level.targets[here]

    def backward(self, da: Array, slopes: Array, partials: list[Array]) -> tuple[Array, Array]:
        """Compute the derivatives of each example's loss by all activations and signals.

        Args:
            da: The loss's slope at the outputs, 0 elsewhere. Shape (batch, n_neurons).
            slopes: f' of all neurons. Shape (batch, n_neurons).
            partials: The derivatives of interneurons by their sources, see `partials`. Shapes
                (batch, n).

        Returns:
            The derivatives by the activations and by the signals (0 for inputs), each of shape
            (batch, n_neurons).
        """
        da, dz = da.copy(), np.zeros_like(da)
        for level, own in zip(reversed(self.levels), reversed(partials), strict=True):
            here = dz[:, level.targets] = da[:, level.targets] * slopes[:, level.targets]
            da[:, level.sources] += here @ level.weights
            if level.interneurons is not None:
                level.interneurons.add_out_of(own, dz, da)
        return da, dz

    def matrices_of(self, values: Array) -> list[Array]:
        """Return a value for each weight as one matrix for each level, as `weights` are.

        Args:
            values: A value for each synapse; those into interneurons are left out. Shape
                (n_synapses,).
        """
        matrices = [np.zeros_like(level.weights) for level in self.levels]
        for level, matrix in zip(self.levels, matrices, strict=True):
            matrix[level.row, level.column] = values[level.synapses]
        return matrices

    def into(
        self, matrices: list[Array], values: Array, partials: list[Array] | None = None
    ) -> Array:
        """Compute for each neuron the sum over its sources of matrix entry · value.

        Args:
            matrices: A matrix for each level. Shapes (n_targets, n_sources).
            values: A value for each neuron. Shape (batch, n_neurons).
            partials: What stands for the matrix entry on synapses into interneurons, see
                `partials`. Shapes (batch, n). None: 0.

        Returns:
            The sums, of the same shape; 0 for inputs.
        """
        sums = np.zeros_like(values)
        for level, matrix in zip(self.levels, matrices, strict=True):
            sums[:, level.targets] = values[:, level.sources] @ matrix.T
        return sums if partials is None else sums + self.through(partials, values)

    def out_of(
        self, matrices: list[Array], values: Array, partials: list[Array] | None = None
    ) -> Array:
        """Compute for each neuron the sum over its followers of matrix entry · value.

        Args:
            matrices: A matrix for each level. Shapes (n_targets, n_sources).
            values: A value for each neuron. Shape (batch, n_neurons).
            partials: As in `into`. Shapes (batch, n).

        Returns:
            The sums, of the same shape; 0 for neurons without a follower.
        """
        sums = np.zeros_like(values)
        for level, matrix in zip(self.levels, matrices, strict=True):
            sums[:, level.sources] += values[:, level.targets] @ matrix
        return sums if partials is None else sums + self.through(partials, values, back=True)

    def through(self, partials: list[Array], values: Array, *, back: bool = False) -> Array:
        """Compute the same sums along the synapses into interneurons alone.

        Args:
            partials: A number for each of these synapses. Shapes (batch, n).
            values: A value for each neuron. Shape (batch, n_neurons).
            back: Whether to sum over followers, as `out_of`; else over sources, as `into`.
        """
        sums = np.zeros_like(values)
        for level, own in zip(self.levels, partials, strict=True):
            if level.interneurons is not None and back:
                level.interneurons.add_out_of(own, values, sums)
            elif level.interneurons is not None:
                sums[:, level.interneurons.targets] = level.interneurons.into(own, values)
        return sums

    def products(self, dz: Array, a: Array) -> Array:
        """Compute for each synapse the sum over the batch of its target's dz · its source's a.

        Args:
            dz: A value for each neuron. Shape (batch, n_neurons).
            a: A value for each neuron. Shape (batch, n_neurons).

        Returns:
            The sums, shape (n_synapses,); 0 for synapses into interneurons.
        """
        sums = np.zeros(len(self.network.weights))
        for level in self.levels:
            product = dz[:, level.targets].T @ a[:, level.sources]
            sums[level.synapses] = product[level.row, level.column]
        return sums


def slope_of(function: functions.Activation) -> Callable[[Array], Array]:
    """Return f' as a function of the signal alone.

    Args:
        function: The activation function f.
    """
    return lambda z: function.slope(z, function.value(z))
