"""A network as matrices, level by level, its forward pass, and how far rounding can carry what it computes."""

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
    """The neurons of one level, and the dense matrix of the synapses into them."""

    targets: Indices
    sources: Indices  # every neuron with a synapse into this level, once
    weights: Array  # (targets, sources), 0 where there is no synapse
    synapses: Indices
    row: Indices  # of each synapse in `weights`
    column: Indices
    functions: list[tuple[functions.Activation, Indices]]  # which columns of the level have which


class Matrices:
    """All levels of a network."""

    def __init__(self, network: Network) -> None:
        self.network = network
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
        names = [network.activations[t] for t in targets]
        groups = [
            (functions.activation(name), np.flatnonzero([n == name for n in names]))
            for name in sorted(set(names))
        ]
        return Level(targets, sources, weights, synapses, row, column, groups)

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Signals z and activations a of all neurons, (batch, n_neurons) each."""
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


def forward_errors(society: Matrices, z: Array, a: Array) -> tuple[Array, Array]:
    """Bounds of the errors of z and a, the shapes of these."""
    z_error, a_error = np.zeros_like(z), np.zeros_like(a)
    for level in society.levels:
        sources, targets, size = level.sources, level.targets, np.abs(level.weights)
        terms = np.abs(a[:, sources]) @ size.T + np.abs(society.network.biases[targets])
        fan_in = society.network.incoming.sizes[targets] + 2
        carried = a_error[:, sources] @ size.T
        z_error[:, targets] = carried + gamma(fan_in) * (terms + carried)
        for function, here in level.functions:
            t = targets[here]
            a_error[:, t] = moves(function.value, z[:, t], z_error[:, t])
    return z_error, a_error


def gamma(n: float | Indices) -> Array:
    """n · eps / (1 - n · eps), the relative error of a sum of n products."""
    return np.asarray(n * EPS / (1.0 - n * EPS))


def slope_of(function: functions.Activation) -> Callable[[Array], Array]:
    """f' as a function of the signal alone."""
    return lambda z: function.slope(z, function.value(z))


def curvature_of(function: functions.Activation) -> Callable[[Array], Array]:
    """f'' as a function of the signal alone."""
    curvature = function.curvature
    assert curvature is not None
    return lambda z: curvature(z, function.value(z))


def moves(f: Callable[[Array], Array], z: Array, error: Array) -> Array:
    """How far f moves where its argument moves by up to `error`, and what its own evaluation errs (a few eps)."""
    reach = 2.0 * error + np.spacing(np.abs(z))
    here = f(z)
    moved = np.maximum(np.abs(f(z + reach) - here), np.abs(f(z - reach) - here))
    return moved + 4 * EPS * np.maximum(np.abs(here), 1.0) * (error > 0)


def loss_moves(f: Callable[[Array], Array], p: Array, error: Array) -> Array:
    """The same for a function of all predictions of an example: each is moved by itself, and the moves add up."""
    here = f(p)
    total = 8 * EPS * np.abs(here)
    reach = 2.0 * error + np.spacing(np.abs(p))
    for k in range(p.shape[1]):
        up, down = p.copy(), p.copy()
        up[:, k] += reach[:, k]
        down[:, k] -= reach[:, k]
        total = total + np.maximum(np.abs(f(up) - here), np.abs(f(down) - here))
    return np.asarray(total)
