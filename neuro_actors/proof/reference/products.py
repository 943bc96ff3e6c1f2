"""The Hessian times a direction by matrices, and how far two correct computations can differ.

It is the derivative of the gradient's computation along the direction, forward and back
(Pearlmutter 1994). Endings of names: `_t` (tangent) is a quantity's derivative along the direction,
`_e` a bound of its rounding error, `_te` a bound of the tangent's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...network import functions
from ...network.examples import as_direction, as_examples
from ...network.gradient import Gradient
from ...network.network import Network
from ...support.validation import Array
from .matrices import (
    EPS,
    Level,
    Matrices,
    curvature_of,
    forward_errors,
    gamma,
    loss_variation,
    slope_of,
    variation,
)


def hessian_vector_product(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    weights: ArrayLike,
    biases: ArrayLike,
    loss: str = "squared_error",
) -> Gradient:
    """Compute the Hessian of the mean loss times a direction by matrices.

    Args:
        network: The network.
        x: The values of the inputs, a row for each example. Shape (batch, n_inputs).
        targets: What the outputs should be. Shape (batch, n_outputs).
        weights: The direction's component for each synapse. Shape (n_synapses,).
        biases: The direction's component for each neuron. Shape (n_neurons,).
        loss: The name of the loss, a key of `na.LOSSES`.

    Returns:
        The same as `neuro_actors.hessian_vector_product`, up to rounding: the product in `weights`
        and `biases`, with the loss and the predictions.

    Raises:
        InputError: A shape is wrong, a value is not finite, a function has no curvature, or the
            loss is not defined for these predictions and targets.
    """
    return _product_and_bound(network, x, targets, weights, biases, loss, with_bound=False)[0]


def hessian_vector_bound(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    weights: ArrayLike,
    biases: ArrayLike,
    loss: str = "squared_error",
) -> Gradient:
    """Compute how far rounding alone can bring two correct computations of this product apart.

    The same running error analysis as in `bound`, of one more derivative.

    Args:
        network: The network.
        x: The values of the inputs, a row for each example. Shape (batch, n_inputs).
        targets: What the outputs should be. Shape (batch, n_outputs).
        weights: The direction's component for each synapse. Shape (n_synapses,).
        biases: The direction's component for each neuron. Shape (n_neurons,).
        loss: The name of the loss, a key of `na.LOSSES`.

    Returns:
        A `Gradient` whose entries are no gradient, but a bound of each entry's difference.

    Raises:
        InputError: As `hessian_vector_product`.
    """
    return _product_and_bound(network, x, targets, weights, biases, loss, with_bound=True)[1]


def _product_and_bound(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    weights: ArrayLike,
    biases: ArrayLike,
    loss: str,
    with_bound: bool,
) -> tuple[Gradient, Gradient]:
    """Compute the product and, at the side of each line, the bound of its error."""
    rows, wanted = as_examples(network, x, targets, loss)
    v, v_bias = as_direction(network, weights, biases)
    functions.check_curvature(network.activations, loss)
    loss_function, matrices = functions.loss(loss), Matrices(network, loss)
    curvature = loss_function.curvature
    assert curvature is not None
    batch, n, outputs = len(rows), len(network.ids), matrices.outputs
    along = [_matrix(level, v) for level in matrices.levels]

    z, a = matrices.forward(rows)
    z_t, a_t = _forward(matrices, z, a, along, v_bias)
    p, p_t = a[:, outputs], a_t[:, outputs]
    functions.check_domain(loss, p, wanted)
    losses = loss_function.value(p, wanted)
    d, d_t = np.zeros((batch, n)), np.zeros((batch, n))  # ∂(an example's loss)/∂activation
    d[:, outputs], d_t[:, outputs] = loss_function.slope(p, wanted), curvature(p, wanted, p_t)
    product, product_bias = np.zeros(len(network.weights)), np.zeros(n)

    if with_bound:
        z_e, a_e = forward_errors(matrices, z, a)
        z_te, a_te = _forward_tangent_errors(matrices, along, v_bias, (z, a, z_t, a_t), (z_e, a_e))
        p_e, p_te = a_e[:, outputs], a_te[:, outputs]
        d_e, d_te = np.zeros((batch, n)), np.zeros((batch, n))
        d_e[:, outputs] = loss_variation(lambda q: loss_function.slope(q, wanted), p, p_e)
        moved = loss_variation(lambda q: curvature(q, wanted, p_t), p, p_e)
        for k in range(len(outputs)):  # it is linear in the direction: each prediction alone
            one = np.zeros_like(p)
            one[:, k] = 1.0

            def bent(q: Array, one: Array = one) -> Array:
                return curvature(q, wanted, one)

            column = np.abs(bent(p)) + loss_variation(bent, p, p_e)
            moved = moved + column * p_te[:, k : k + 1]
        d_te[:, outputs] = moved
        bound, bound_bias = np.zeros_like(product), np.zeros_like(product_bias)
        fan_out = 2 * (network.outgoing.sizes + 1)
        sums, sums_t = np.abs(d), np.abs(d_t)  # Σ|terms| of each neuron's sums

    for level, matrix in zip(reversed(matrices.levels), reversed(along), strict=True):
        here, sources = level.targets, level.sources
        slope, bend = _slopes(level, z, a)
        dz = d[:, here] * slope
        dz_t = d_t[:, here] * slope + d[:, here] * bend * z_t[:, here]
        a_in, a_in_t = a[:, sources], a_t[:, sources]
        product[level.synapses] = (dz_t.T @ a_in + dz.T @ a_in_t)[level.row, level.column] / batch
        product_bias[here] = dz_t.sum(axis=0) / batch
        d[:, sources] += dz @ level.weights
        d_t[:, sources] += dz_t @ level.weights + dz @ matrix
        if not with_bound:
            continue
        slope_e, bend_e = _slope_errors(level, z, z_e)
        size, size_t = np.abs(d[:, here]), np.abs(d_t[:, here])
        err = d_e[:, here] + gamma(fan_out[here]) * sums[:, here]
        err_t = d_te[:, here] + gamma(fan_out[here]) * sums_t[:, here]
        slope_size, bend_size = np.abs(slope) + slope_e, np.abs(bend) + bend_e
        reach = np.abs(z_t[:, here]) + z_te[:, here]
        dz_e = err * slope_size + size * slope_e + 2 * EPS * np.abs(dz)
        dz_te = err_t * slope_size + size_t * slope_e
        dz_te += (
            err * bend_size * reach + size * bend_e * reach + size * np.abs(bend) * z_te[:, here]
        )
        dz_te += 4 * EPS * (size_t * np.abs(slope) + size * np.abs(bend * z_t[:, here]))
        dz_size, dz_tsize = np.abs(dz) + dz_e, np.abs(dz_t) + dz_te
        total = (
            dz_te.T @ np.abs(a_in)
            + dz_tsize.T @ a_e[:, sources]
            + dz_e.T @ np.abs(a_in_t)
            + dz_size.T @ a_te[:, sources]
        )
        total += gamma(2 * batch + 3) * (dz_tsize.T @ np.abs(a_in) + dz_size.T @ np.abs(a_in_t))
        bound[level.synapses] = total[level.row, level.column] / batch
        bound_bias[here] = (dz_te + gamma(batch + 2) * dz_tsize).sum(axis=0) / batch
        w, u = np.abs(level.weights), np.abs(matrix)
        d_e[:, sources] += (dz_e + 2 * EPS * dz_size) @ w
        d_te[:, sources] += (dz_te + 2 * EPS * dz_tsize) @ w + (dz_e + 2 * EPS * dz_size) @ u
        sums[:, sources] += dz_size @ w
        sums_t[:, sources] += dz_tsize @ w + dz_size @ u

    result = Gradient(network, float(losses.mean()), p, product, product_bias)
    if not with_bound:
        return result, result
    losses_e = loss_variation(lambda q: loss_function.value(q, wanted)[:, None], p, p_e)[:, 0]
    loss_e = float((losses_e + gamma(batch + 2) * np.abs(losses)).mean())
    return result, Gradient(network, 2 * loss_e, 2 * p_e, 2 * bound, 2 * bound_bias)


def _matrix(level: Level, values: Array) -> Array:
    """Return the direction's components for one level, laid out as the level's weights."""
    matrix = np.zeros_like(level.weights)
    matrix[level.row, level.column] = values[level.synapses]
    return matrix


def _forward(
    matrices: Matrices, z: Array, a: Array, along: list[Array], v_bias: Array
) -> tuple[Array, Array]:
    """Compute the tangents of signals and activations, each of shape (batch, n_neurons)."""
    z_t, a_t = np.zeros_like(z), np.zeros_like(a)
    for level, matrix in zip(matrices.levels, along, strict=True):
        here, sources = level.targets, level.sources
        z_t[:, here] = a_t[:, sources] @ level.weights.T + a[:, sources] @ matrix.T + v_bias[here]
        a_t[:, here] = _slopes(level, z, a)[0] * z_t[:, here]
    return z_t, a_t


def _forward_tangent_errors(
    matrices: Matrices,
    along: list[Array],
    v_bias: Array,
    values: tuple[Array, ...],
    errors: tuple[Array, Array],
) -> tuple[Array, Array]:
    """Bound the rounding errors of these tangents."""
    (z, a, z_t, a_t), (z_e, a_e) = values, errors
    z_te, a_te = np.zeros_like(z), np.zeros_like(a)
    for level, matrix in zip(matrices.levels, along, strict=True):
        here, sources, w, u = level.targets, level.sources, np.abs(level.weights), np.abs(matrix)
        terms = np.abs(a_t[:, sources]) @ w.T + np.abs(a[:, sources]) @ u.T + np.abs(v_bias[here])
        carried = a_te[:, sources] @ w.T + a_e[:, sources] @ u.T
        fan_in = 2 * matrices.network.incoming.sizes[here] + 3
        z_te[:, here] = carried + gamma(fan_in) * (terms + carried)
        slope, slope_e = _slopes(level, z, a)[0], _slope_errors(level, z, z_e)[0]
        reach = np.abs(z_t[:, here])
        a_te[:, here] = (
            z_te[:, here] * (np.abs(slope) + slope_e)
            + reach * slope_e
            + 2 * EPS * np.abs(slope) * reach
        )
    return z_te, a_te


def _slopes(level: Level, z: Array, a: Array) -> tuple[Array, Array]:
    """Compute f' and f'' at the level's signals, each of shape (batch, n_targets)."""
    slope, bend = np.empty((2, len(z), len(level.targets)))
    for function, here in level.functions:
        at = level.targets[here]
        assert function.curvature is not None
        slope[:, here], bend[:, here] = (
            function.slope(z[:, at], a[:, at]),
            function.curvature(z[:, at], a[:, at]),
        )
    return slope, bend


def _slope_errors(level: Level, z: Array, z_error: Array) -> tuple[Array, Array]:
    """Bound the errors of f' and f''."""
    slope, bend = np.empty((2, len(z), len(level.targets)))
    for function, here in level.functions:
        at = level.targets[here]
        slope[:, here] = variation(slope_of(function), z[:, at], z_error[:, at])
        bend[:, here] = variation(curvature_of(function), z[:, at], z_error[:, at])
    return slope, bend
