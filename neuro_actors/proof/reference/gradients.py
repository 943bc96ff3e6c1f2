"""The gradient by matrices, and how far two correct computations of it can lie apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...network import functions
from ...network.examples import as_examples, as_rows
from ...network.gradient import Gradient
from ...network.network import Network
from ...support.validation import Array, as_flag
from .matrices import EPS, Matrices, forward_errors, gamma, loss_variation, slope_of, variation


def predict(network: Network, x: ArrayLike) -> Array:
    """Compute the predictions of a network.

    Args:
        network: The network.
        x: The values of the inputs, a row for each example. Shape (batch, n_inputs).

    Returns:
        The outputs' activations, shape (batch, n_outputs).

    Raises:
        InputError: `x` has another shape, or a value that is not finite.

    Examples:
        >>> network = na.Network.from_matrices([[[0.5, -1.0]]], [[0.25]], ["identity"])
        >>> na.reference.predict(network, [[1.0, 2.0]])
        array([[-1.25]])
    """
    rows = as_rows(network, x)
    matrices = Matrices(network, None)
    _, a = matrices.forward(rows)
    return a[:, matrices.outputs]


def gradient(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: str = "squared_error",
    wrt_inputs: bool = False,
) -> Gradient:
    """Compute the gradient of the mean loss over a batch by matrices.

    Args:
        network: The network.
        x: The values of the inputs, a row for each example. Shape (batch, n_inputs).
        targets: What the outputs should be. Shape (batch, n_outputs).
        loss: The name of the loss, a key of `na.LOSSES`.
        wrt_inputs: Whether to compute ∂loss/∂x too.

    Returns:
        The same as `neuro_actors.gradient`, up to rounding; see `bound`.

    Raises:
        InputError: A shape is wrong, a value is not finite, the loss is unknown, or it is not
            defined for these predictions and targets.

    Examples:
        >>> network = na.Network.from_matrices([[[0.5]]], [[0.1]], ["identity"])
        >>> gradient = na.reference.gradient(network, x=[[1.0]], targets=[[1.0]])
        >>> f"loss {gradient.loss:.2f}, by the bias {gradient.biases[1]:.1f}"
        'loss 0.16, by the bias -0.8'
    """
    return _gradient_and_bound(network, x, targets, loss, wrt_inputs, with_bound=False)[0]


def bound(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: str = "squared_error",
    wrt_inputs: bool = False,
) -> Gradient:
    """Compute how far rounding alone can bring two correct computations of a gradient apart.

    A running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2002,
    sections 3.1 and 3.3). A sum of n products errs by at most n · eps / (1 - n · eps) · Σ|terms|,
    whatever the order of its terms, and each error is carried on through weights, slopes and
    losses. How far an error moves f, f' or a loss is found by evaluating them on both sides. The
    result is doubled, because both computations err.

    Args:
        network: The network.
        x: The values of the inputs, a row for each example. Shape (batch, n_inputs).
        targets: What the outputs should be. Shape (batch, n_outputs).
        loss: The name of the loss, a key of `na.LOSSES`.
        wrt_inputs: Whether to bound ∂loss/∂x too.

    Returns:
        A `Gradient` whose entries are no gradient, but a bound of each entry's difference: of the
        loss, the predictions, the weights, the biases and, if asked for, the inputs.

    Raises:
        InputError: As `gradient`.
    """
    return _gradient_and_bound(network, x, targets, loss, wrt_inputs, with_bound=True)[1]


def with_bound(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: str = "squared_error",
    wrt_inputs: bool = False,
) -> tuple[Gradient, Gradient]:
    """Compute `gradient` and `bound` at once.

    Args:
        network: The network.
        x: The values of the inputs, a row for each example. Shape (batch, n_inputs).
        targets: What the outputs should be. Shape (batch, n_outputs).
        loss: The name of the loss, a key of `na.LOSSES`.
        wrt_inputs: Whether to compute ∂loss/∂x, and its bound, too.

    Returns:
        The gradient, and the bound of each of its entries.

    Raises:
        InputError: As `gradient`.

    Examples:
        >>> network = na.Network.layered([3, 5, 2])
        >>> x, targets = np.ones((4, 3)), np.zeros((4, 2))
        >>> expected, bound = na.reference.with_bound(network, x, targets)
        >>> difference = na.gradient(network, x, targets).weights - expected.weights
        >>> bool((abs(difference) <= bound.weights).all())
        True
    """
    return _gradient_and_bound(network, x, targets, loss, wrt_inputs, with_bound=True)


def _gradient_and_bound(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: str,
    wrt_inputs: bool,
    with_bound: bool,
) -> tuple[Gradient, Gradient]:
    """Compute the gradient and, at the side of each line, the bound of its error."""
    rows, wanted = as_examples(network, x, targets, loss)
    wrt_inputs = as_flag("wrt_inputs", wrt_inputs)
    loss_function = functions.loss(loss)
    matrices = Matrices(network, loss)
    batch, n = len(rows), len(network.ids)

    z, a = matrices.forward(rows)
    p = a[:, matrices.outputs]
    functions.check_domain(loss, p, wanted)
    losses = loss_function.value(p, wanted)
    da = np.zeros((batch, n))  # ∂(an example's loss)/∂activation
    da[:, matrices.outputs] = loss_function.slope(p, wanted)
    weights, biases = np.zeros(len(network.weights)), np.zeros(n)

    if with_bound:
        z_error, a_error = forward_errors(matrices, z, a)
        p_error = a_error[:, matrices.outputs]
        losses_error = loss_variation(
            lambda q: loss_function.value(q, wanted)[:, None], p, p_error
        )[:, 0]
        da_error = np.zeros((batch, n))
        da_error[:, matrices.outputs] = loss_variation(
            lambda q: loss_function.slope(q, wanted), p, p_error
        )
        weights_error, biases_error = np.zeros_like(weights), np.zeros_like(biases)
        fan_out = network.outgoing.sizes + 1
        sums = np.abs(da)  # Σ|terms| of each neuron's sum

    for level in reversed(matrices.levels):
        slope = np.empty((batch, len(level.targets)))
        for function, here in level.functions:
            slope[:, here] = function.slope(z[:, level.targets[here]], a[:, level.targets[here]])
        dz = da[:, level.targets] * slope
        a_in = a[:, level.sources]
        weights[level.synapses] = (dz.T @ a_in)[level.row, level.column] / batch
        biases[level.targets] = dz.sum(axis=0) / batch
        da[:, level.sources] += dz @ level.weights
        if not with_bound:
            continue
        slope_error = np.empty_like(slope)
        for function, here in level.functions:
            slope_error[:, here] = variation(
                slope_of(function), z[:, level.targets[here]], z_error[:, level.targets[here]]
            )
        d_error = (
            da_error[:, level.targets] + gamma(fan_out[level.targets]) * sums[:, level.targets]
        )
        d = np.abs(da[:, level.targets])
        dz_error = d_error * (np.abs(slope) + slope_error) + d * slope_error + 2 * EPS * np.abs(dz)
        # |dz| is enlarged by its error, so that products of two errors are included
        dz_size, a_in_error = np.abs(dz) + dz_error, a_error[:, level.sources]
        product_errors = (
            dz_error.T @ np.abs(a_in)
            + dz_size.T @ a_in_error
            + gamma(batch + 2) * (dz_size.T @ np.abs(a_in))
        )
        weights_error[level.synapses] = product_errors[level.row, level.column] / batch
        biases_error[level.targets] = (dz_error + gamma(batch + 2) * dz_size).sum(axis=0) / batch
        da_error[:, level.sources] += (dz_error + 2 * EPS * dz_size) @ np.abs(level.weights)
        sums[:, level.sources] += dz_size @ np.abs(level.weights)

    inputs = da[:, matrices.inputs] / batch if wrt_inputs else None
    result = Gradient(network, float(losses.mean()), p, weights, biases, inputs)
    if not with_bound:
        return result, result
    inputs_error = None
    if wrt_inputs:
        total = da_error + gamma(fan_out) * sums + EPS * np.abs(da)
        inputs_error = 2 * total[:, matrices.inputs] / batch
    loss_error = float((losses_error + gamma(batch + 2) * np.abs(losses)).mean())
    return result, Gradient(
        network, 2 * loss_error, 2 * p_error, 2 * weights_error, 2 * biases_error, inputs_error
    )
