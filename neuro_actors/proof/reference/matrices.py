"""A network as matrices, level by level: its forward pass, and bounds of rounding errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...network import functions
from ...network.network import Network
from ...support.validation import Array, Indices

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Level:
    """The neurons of one level, and the dense matrix of the synapses that lead into them.

    Attributes:
        targets: The positions of the level's neurons. Shape (n_targets,).
        sources: The positions of all neurons that have a synapse into the level, once each. Shape
            (n_sources,).
        weights: The matrix of weights, 0 where there is no synapse. Shape (n_targets, n_sources).
        synapses: The positions of these synapses. Shape (n,).
        row: The row of each synapse in `weights`. Shape (n,).
        column: The column of each synapse in `weights`. Shape (n,).
        functions: Each activation function of the level, with the rows of the neurons that have it.
            Shapes (n_rows,).
    """

    targets: Indices
    sources: Indices
    weights: Array
    synapses: Indices
    row: Indices
    column: Indices
    functions: list[tuple[functions.Activation, Indices]]


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
    """

    def __init__(self, network: Network, loss: str | None) -> None:
        network.check_rule("the reference")
        self.network, self._loss = network, loss
        self.inputs = np.flatnonzero(network.is_input)
        self.outputs = network.output_positions
        self.levels = [self._level(k) for k in range(1, network.depth + 1)]

    def _level(self, k: int) -> Level:
        network = self.network
        targets = np.flatnonzero(network.level == k)
        synapses = np.flatnonzero(network.level[network.targets] == k)
        sources, column = np.unique(network.sources[synapses], return_inverse=True)
        row = np.searchsorted(targets, network.targets[synapses])
        weights = np.zeros((len(targets), len(sources)))
        weights[row, column] = network.weights[synapses]
        is_output = np.isin(targets, self.outputs).tolist()
        kinds = [(network.activations[t], o) for t, o in zip(targets, is_output, strict=True)]
        groups = [
            (self._function(*kind), np.flatnonzero([k == kind for k in kinds]))
            for kind in sorted(set(kinds))
        ]
        return Level(targets, sources, weights, synapses, row, column, groups)

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
        return z, a


def forward_errors(matrices: Matrices, z: Array, a: Array) -> tuple[Array, Array]:
    """Bound the rounding errors of a forward pass.

    Args:
        matrices: The network.
        z: The signals. Shape (batch, n_neurons).
        a: The activations. Shape (batch, n_neurons).

    Returns:
        Bounds of the errors of z and of a, each of shape (batch, n_neurons).
    """
    z_error, a_error = np.zeros_like(z), np.zeros_like(a)
    for level in matrices.levels:
        sources, targets, size = level.sources, level.targets, np.abs(level.weights)
        terms = np.abs(a[:, sources]) @ size.T + np.abs(matrices.network.biases[targets])
        fan_in = matrices.network.incoming.sizes[targets] + 2
        carried = a_error[:, sources] @ size.T
        z_error[:, targets] = carried + gamma(fan_in) * (terms + carried)
        for function, here in level.functions:
            t = targets[here]
            a_error[:, t] = variation(function.value, z[:, t], z_error[:, t])
    return z_error, a_error


def gamma(n: float | Indices) -> Array:
    """Return γ_n = n · eps / (1 - n · eps), the relative error of a sum of n products.

    Args:
        n: The number of products. Any shape.

    Returns:
        γ_n for each n, of the same shape.
    """
    return np.asarray(n * EPS / (1.0 - n * EPS))


def slope_of(function: functions.Activation) -> Callable[[Array], Array]:
    """Return f' as a function of the signal alone.

    Args:
        function: The activation function f.
    """
    return lambda z: function.slope(z, function.value(z))


def curvature_of(function: functions.Activation) -> Callable[[Array], Array]:
    """Return f'' as a function of the signal alone.

    Args:
        function: The activation function f, which has a curvature.
    """
    curvature = function.curvature
    assert curvature is not None
    return lambda z: curvature(z, function.value(z))


def variation(f: Callable[[Array], Array], z: Array, error: Array) -> Array:
    """Bound how far f(z) changes where z is changed by up to `error`, and what f itself errs.

    f is evaluated on both sides of z; its own evaluation errs by a few eps.

    Args:
        f: An elementwise function.
        z: The arguments. Any shape.
        error: Bounds of the arguments' errors. The same shape.

    Returns:
        Bounds of the errors of f(z), of the same shape.
    """
    reach = 2.0 * error + np.spacing(np.abs(z))
    here = f(z)
    moved = np.maximum(np.abs(f(z + reach) - here), np.abs(f(z - reach) - here))
    return moved + 4 * EPS * np.maximum(np.abs(here), 1.0) * (error > 0)


def loss_variation(f: Callable[[Array], Array], p: Array, error: Array) -> Array:
    """Bound the same for a function of all predictions of an example.

    Each prediction is changed alone, and the changes are added up.

    Args:
        f: A function of arrays of shape (batch, n_outputs), row by row.
        p: The predictions. Shape (batch, n_outputs).
        error: Bounds of the predictions' errors. Shape (batch, n_outputs).

    Returns:
        Bounds of the errors of f(p), of the same shape as f(p).
    """
    here = f(p)
    total = 8 * EPS * np.abs(here)
    reach = 2.0 * error + np.spacing(np.abs(p))
    for k in range(p.shape[1]):
        up, down = p.copy(), p.copy()
        up[:, k] += reach[:, k]
        down[:, k] -= reach[:, k]
        total = total + np.maximum(np.abs(f(up) - here), np.abs(f(down) - here))
    return np.asarray(total)
