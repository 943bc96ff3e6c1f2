"""The reference: the same gradient by matrices, at one place, level by level, for any directed acyclic graph.

It shares with the actors the network's description and the tables of functions, and nothing else: derivatives instead
of urgencies, matrix products (BLAS) instead of ordered sums. So the two never agree to the last bit; `bound` says how
far apart rounding alone can bring them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from . import functions
from .arrays import Array, Indices, as_batch
from .examples import as_examples
from .gradient import Gradient
from .network import Network

EPS = float(np.finfo(np.float64).eps)


def predict(network: Network, x: ArrayLike) -> Array:
    """The outputs' activations, (batch, n_outputs). x: (batch, n_inputs)."""
    society = _Matrices(network)
    _, a = society.forward(as_batch("x", x, network.inputs))
    return a[:, society.outputs]


def gradient(
    network: Network, x: ArrayLike, targets: ArrayLike, loss: str = "squared_error", wrt_inputs: bool = False
) -> Gradient:
    """∂(mean loss) by weights, biases and, if asked for, inputs; see `Gradient`. Arguments as in `neuro_actors.gradient`."""
    return _both(network, x, targets, loss, wrt_inputs, with_bound=False)[0]


def bound(
    network: Network, x: ArrayLike, targets: ArrayLike, loss: str = "squared_error", wrt_inputs: bool = False
) -> Gradient:
    """How far, by rounding alone, two correct computations of this gradient can lie apart: a bound for each entry.

    A running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2002, sections 3.1 and 3.3): a sum
    of n products, in whatever order, errs by at most n · eps / (1 - n · eps) · Σ|terms|, and every error is carried on
    through weights, slopes and losses. How far an error moves f, f' or a loss is found by evaluating them on both sides.
    Doubled, for both computations err.
    """
    return _both(network, x, targets, loss, wrt_inputs, with_bound=True)[1]


def with_bound(
    network: Network, x: ArrayLike, targets: ArrayLike, loss: str = "squared_error", wrt_inputs: bool = False
) -> tuple[Gradient, Gradient]:
    """`gradient` and `bound` at once."""
    return _both(network, x, targets, loss, wrt_inputs, with_bound=True)


@dataclass(frozen=True, slots=True)
class _Level:
    """The neurons of one level, and the dense matrix of the synapses into them."""

    targets: Indices
    sources: Indices  # every neuron with a synapse into this level, once
    weights: Array  # (targets, sources), 0 where there is no synapse
    synapses: Indices
    row: Indices  # of each synapse in `weights`
    column: Indices
    functions: list[tuple[functions.Activation, Indices]]  # which columns of the level have which


class _Matrices:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.inputs = np.flatnonzero(network.is_input)
        self.outputs = network.output_positions
        self.levels = [self._level(k) for k in range(1, network.depth + 1)]

    def _level(self, k: int) -> _Level:
        network = self.network
        targets = np.flatnonzero(network.level == k)
        synapses = np.flatnonzero(network.level[network.targets] == k)
        sources, column = np.unique(network.sources[synapses], return_inverse=True)
        row = np.searchsorted(targets, network.targets[synapses])
        weights = np.zeros((len(targets), len(sources)))
        weights[row, column] = network.weights[synapses]
        names = [network.activations[t] for t in targets]
        groups = [(functions.activation(name), np.flatnonzero([n == name for n in names])) for name in sorted(set(names))]
        return _Level(targets, sources, weights, synapses, row, column, groups)

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Signals z and activations a of all neurons, (batch, n_neurons) each."""
        z = np.zeros((len(x), len(self.network.ids)))
        z[:, self.inputs] = x
        a = z.copy()
        for level in self.levels:
            z[:, level.targets] = a[:, level.sources] @ level.weights.T + self.network.biases[level.targets]
            for function, here in level.functions:
                a[:, level.targets[here]] = function.value(z[:, level.targets[here]])
        return z, a


def _both(
    network: Network, x: ArrayLike, targets: ArrayLike, loss: str, wrt_inputs: bool, with_bound: bool
) -> tuple[Gradient, Gradient]:
    rows, wanted = as_examples(network, x, targets, loss)
    penalty = functions.loss(loss)
    society = _Matrices(network)
    batch, n = len(rows), len(network.ids)

    z, a = society.forward(rows)
    p = a[:, society.outputs]
    functions.check_domain(loss, p, wanted)
    losses = penalty.value(p, wanted)
    da = np.zeros((batch, n))  # ∂(an example's loss)/∂activation
    da[:, society.outputs] = penalty.slope(p, wanted)
    weights, biases = np.zeros(len(network.weights)), np.zeros(n)

    if with_bound:
        za, aa = _forward_errors(society, z, a)
        p_error = aa[:, society.outputs]
        losses_error = _loss_moves(lambda q: penalty.value(q, wanted)[:, None], p, p_error)[:, 0]
        da_error = np.zeros((batch, n))
        da_error[:, society.outputs] = _loss_moves(lambda q: penalty.slope(q, wanted), p, p_error)
        weights_error, biases_error = np.zeros_like(weights), np.zeros_like(biases)
        fan_out = network.outgoing.sizes + 1
        sums = np.abs(da)  # Σ|terms| of each neuron's sum

    for level in reversed(society.levels):
        slope = np.empty((batch, len(level.targets)))
        for function, here in level.functions:
            slope[:, here] = function.slope(z[:, level.targets[here]], a[:, level.targets[here]])
        dz = da[:, level.targets] * slope
        heard = a[:, level.sources]
        weights[level.synapses] = (dz.T @ heard)[level.row, level.column] / batch
        biases[level.targets] = dz.sum(axis=0) / batch
        da[:, level.sources] += dz @ level.weights
        if not with_bound:
            continue
        slope_error = np.empty_like(slope)
        for function, here in level.functions:
            slope_error[:, here] = _moves(_slope_of(function), z[:, level.targets[here]], za[:, level.targets[here]])
        d_error = da_error[:, level.targets] + _gamma(fan_out[level.targets]) * sums[:, level.targets]
        d = np.abs(da[:, level.targets])
        dz_error = d_error * (np.abs(slope) + slope_error) + d * slope_error + 2 * EPS * np.abs(dz)
        # |dz|, |heard| enlarged by their errors, so that the products of two errors are in
        dz_size, heard_error = np.abs(dz) + dz_error, aa[:, level.sources]
        product_errors = dz_error.T @ np.abs(heard) + dz_size.T @ heard_error + _gamma(batch + 2) * (dz_size.T @ np.abs(heard))
        weights_error[level.synapses] = product_errors[level.row, level.column] / batch
        biases_error[level.targets] = (dz_error + _gamma(batch + 2) * dz_size).sum(axis=0) / batch
        da_error[:, level.sources] += (dz_error + 2 * EPS * dz_size) @ np.abs(level.weights)
        sums[:, level.sources] += dz_size @ np.abs(level.weights)

    inputs = da[:, society.inputs] / batch if wrt_inputs else None
    result = Gradient(network, float(losses.mean()), p, weights, biases, inputs)
    if not with_bound:
        return result, result
    inputs_error = None
    if wrt_inputs:
        total = da_error + _gamma(fan_out) * sums + EPS * np.abs(da)
        inputs_error = 2 * total[:, society.inputs] / batch
    loss_error = float((losses_error + _gamma(batch + 2) * np.abs(losses)).mean())
    return result, Gradient(network, 2 * loss_error, 2 * p_error, 2 * weights_error, 2 * biases_error, inputs_error)


def _forward_errors(society: _Matrices, z: Array, a: Array) -> tuple[Array, Array]:
    """Bounds of the errors of z and a, the shapes of these."""
    z_error, a_error = np.zeros_like(z), np.zeros_like(a)
    for level in society.levels:
        sources, targets, size = level.sources, level.targets, np.abs(level.weights)
        terms = np.abs(a[:, sources]) @ size.T + np.abs(society.network.biases[targets])
        fan_in = society.network.incoming.sizes[targets] + 2
        carried = a_error[:, sources] @ size.T
        z_error[:, targets] = carried + _gamma(fan_in) * (terms + carried)
        for function, here in level.functions:
            t = targets[here]
            a_error[:, t] = _moves(function.value, z[:, t], z_error[:, t])
    return z_error, a_error


def _gamma(n: float | Indices) -> Array:
    """n · eps / (1 - n · eps), the relative error of a sum of n products."""
    return np.asarray(n * EPS / (1.0 - n * EPS))


def _slope_of(function: functions.Activation) -> Callable[[Array], Array]:
    return lambda z: function.slope(z, function.value(z))


def _moves(f: Callable[[Array], Array], z: Array, error: Array) -> Array:
    """How far f moves where its argument moves by up to `error`, and what its own evaluation errs (a few eps)."""
    reach = 2.0 * error + np.spacing(np.abs(z))
    here = f(z)
    moved = np.maximum(np.abs(f(z + reach) - here), np.abs(f(z - reach) - here))
    return moved + 4 * EPS * np.maximum(np.abs(here), 1.0) * (error > 0)


def _loss_moves(f: Callable[[Array], Array], p: Array, error: Array) -> Array:
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
