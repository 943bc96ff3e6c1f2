"""The gradient by matrices, and how far two correct computations of it can lie apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...network import functions
from ...network.examples import as_examples, as_rows
from ...network.gradient import Gradient
from ...network.network import Network
from ...support.validation import Array, as_flag
from .matrices import EPS, Matrices, forward_errors, gamma, loss_moves, moves, slope_of


def predict(network: Network, x: ArrayLike) -> Array:
    """The outputs' activations, (batch, n_outputs). x: (batch, n_inputs)."""
    rows = as_rows(network, x)
    society = Matrices(network)
    _, a = society.forward(rows)
    return a[:, society.outputs]


def gradient(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: str = "squared_error",
    wrt_inputs: bool = False,
) -> Gradient:
    """∂(mean loss) by weights, biases and, if asked for, inputs; see `Gradient`. Arguments as in `neuro_actors.gradient`."""
    return _both(network, x, targets, loss, wrt_inputs, with_bound=False)[0]


def bound(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: str = "squared_error",
    wrt_inputs: bool = False,
) -> Gradient:
    """How far, by rounding alone, two correct computations of this gradient can lie apart: a bound for each entry.

    A running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2002, sections 3.1 and 3.3): a sum
    of n products, in whatever order, errs by at most n · eps / (1 - n · eps) · Σ|terms|, and every error is carried on
    through weights, slopes and losses. How far an error moves f, f' or a loss is found by evaluating them on both sides.
    Doubled, for both computations err.
    """
    return _both(network, x, targets, loss, wrt_inputs, with_bound=True)[1]


def with_bound(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: str = "squared_error",
    wrt_inputs: bool = False,
) -> tuple[Gradient, Gradient]:
    """`gradient` and `bound` at once."""
    return _both(network, x, targets, loss, wrt_inputs, with_bound=True)


def _both(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: str,
    wrt_inputs: bool,
    with_bound: bool,
) -> tuple[Gradient, Gradient]:
    rows, wanted = as_examples(network, x, targets, loss)
    wrt_inputs = as_flag("wrt_inputs", wrt_inputs)
    penalty = functions.loss(loss)
    society = Matrices(network)
    batch, n = len(rows), len(network.ids)

    z, a = society.forward(rows)
    p = a[:, society.outputs]
    functions.check_domain(loss, p, wanted)
    losses = penalty.value(p, wanted)
    da = np.zeros((batch, n))  # ∂(an example's loss)/∂activation
    da[:, society.outputs] = penalty.slope(p, wanted)
    weights, biases = np.zeros(len(network.weights)), np.zeros(n)

    if with_bound:
        za, aa = forward_errors(society, z, a)
        p_error = aa[:, society.outputs]
        losses_error = loss_moves(lambda q: penalty.value(q, wanted)[:, None], p, p_error)[:, 0]
        da_error = np.zeros((batch, n))
        da_error[:, society.outputs] = loss_moves(lambda q: penalty.slope(q, wanted), p, p_error)
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
            slope_error[:, here] = moves(
                slope_of(function), z[:, level.targets[here]], za[:, level.targets[here]]
            )
        d_error = (
            da_error[:, level.targets] + gamma(fan_out[level.targets]) * sums[:, level.targets]
        )
        d = np.abs(da[:, level.targets])
        dz_error = d_error * (np.abs(slope) + slope_error) + d * slope_error + 2 * EPS * np.abs(dz)
        # |dz|, |heard| enlarged by their errors, so that the products of two errors are in
        dz_size, heard_error = np.abs(dz) + dz_error, aa[:, level.sources]
        product_errors = (
            dz_error.T @ np.abs(heard)
            + dz_size.T @ heard_error
            + gamma(batch + 2) * (dz_size.T @ np.abs(heard))
        )
        weights_error[level.synapses] = product_errors[level.row, level.column] / batch
        biases_error[level.targets] = (dz_error + gamma(batch + 2) * dz_size).sum(axis=0) / batch
        da_error[:, level.sources] += (dz_error + 2 * EPS * dz_size) @ np.abs(level.weights)
        sums[:, level.sources] += dz_size @ np.abs(level.weights)

    inputs = da[:, society.inputs] / batch if wrt_inputs else None
    result = Gradient(network, float(losses.mean()), p, weights, biases, inputs)
    if not with_bound:
        return result, result
    inputs_error = None
    if wrt_inputs:
        total = da_error + gamma(fan_out) * sums + EPS * np.abs(da)
        inputs_error = 2 * total[:, society.inputs] / batch
    loss_error = float((losses_error + gamma(batch + 2) * np.abs(losses)).mean())
    return result, Gradient(
        network, 2 * loss_error, 2 * p_error, 2 * weights_error, 2 * biases_error, inputs_error
    )
