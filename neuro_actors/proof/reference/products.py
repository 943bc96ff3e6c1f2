"""The Hessian times a direction by matrices, and how far two correct computations can differ.

It is the derivative of the gradient's computation along the direction, forward and back
(Pearlmutter 1994). Endings of names: `_t` (tangent) is a quantity's derivative along the direction,
`_te` a bound of its rounding error. Tangents are carried on as errors are, so `propagation.py`
carries their errors too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...network import functions
from ...network.examples import as_direction
from ...network.function_names import AnyLoss
from ...network.gradient import Gradient
from ...network.network import Network
from ...support.arrays import Array
from ...support.hints import explains_arguments
from ...support.means import mean_of
from .bounds import (
    SHARP,
    errors_of,
    fold_bound,
    greatest_share,
    loss_bound,
    mean_errors,
    settle,
    share,
    sharpest,
)
from .gradients import Pass
from .interneuron_rounding import bends_errors, slopes_errors
from .propagation import Propagation
from .rounding import curvature_error, loss_tangents_error, sum_error
from .unroll import Unrolled, as_plain_examples


@explains_arguments
@np.errstate(under="ignore")  # whatever the caller has set
def hessian_vector_product(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    weights: ArrayLike,
    biases: ArrayLike,
    loss: AnyLoss = "squared_error",
    *,
    step: int | None = None,
) -> Gradient:
    """Compute the Hessian of the mean loss times a direction by matrices.

    Args:
        network: The network.
        x: The values of the inputs, a row for each example. Shape (batch, *positions, n_inputs),
            as in `gradient`.
        targets: What the outputs should be. Shape (batch, *positions, n_outputs).
        weights: The direction's component for each synapse. Shape (n_synapses,).
        biases: The direction's component for each neuron. Shape (n_neurons,).
        loss: The name of the loss, a key of `na.LOSSES`.
        step: The number of the step whose masks dropouts have, as in `gradient`.

    Returns:
        The same as `neuro_actors.hessian_vector_product`, up to rounding: the product in `weights`
        and `biases`, with the loss and the predictions.

    Raises:
        InputError: A shape is wrong, a value is not finite, a function has no curvature, or the
            loss is not defined for these predictions and targets.
    """
    unrolled, tangents = _TangentPass.of(network, x, targets, weights, biases, loss, step)
    return unrolled.fold(tangents.product())


@explains_arguments
@np.errstate(under="ignore")  # whatever the caller has set
def hessian_vector_bound(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    weights: ArrayLike,
    biases: ArrayLike,
    loss: AnyLoss = "squared_error",
    *,
    step: int | None = None,
) -> Gradient:
    """Compute how far rounding alone can bring two correct computations of this product apart.

    The same running error analysis as in `bound`, of one more derivative.

    Args:
        network: The network.
        x: The values of the inputs, a row for each example. Shape (batch, *positions, n_inputs),
            as in `gradient`.
        targets: What the outputs should be. Shape (batch, *positions, n_outputs).
        weights: The direction's component for each synapse. Shape (n_synapses,).
        biases: The direction's component for each neuron. Shape (n_neurons,).
        loss: The name of the loss, a key of `na.LOSSES`.
        step: The number of the step whose masks dropouts have, as in `gradient`.

    Returns:
        A `Gradient` whose entries are no gradient, but a bound of each entry's difference. It may
        be so large that it proves nothing.

    Raises:
        InputError: As `hessian_vector_product`.
    """
    return product_and_bound(network, x, targets, weights, biases, loss, step)[1]


def product_and_bound(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    weights: ArrayLike,
    biases: ArrayLike,
    loss: AnyLoss = "squared_error",
    step: int | None = None,
) -> tuple[Gradient, Gradient]:
    """Compute the product and its bound, also one that proves nothing.

    Args:
        network: The network.
        x: The values of the inputs, a row for each example. Shape (batch, *positions, n_inputs),
            as in `gradient`.
        targets: What the outputs should be. Shape (batch, *positions, n_outputs).
        weights: The direction's component for each synapse. Shape (n_synapses,).
        biases: The direction's component for each neuron. Shape (n_neurons,).
        loss: The name of the loss, a key of `na.LOSSES`.
        step: The number of the step whose masks dropouts have, as in `gradient`.

    Raises:
        InputError: As `hessian_vector_product`.
    """
    unrolled, tangents = _TangentPass.of(network, x, targets, weights, biases, loss, step)
    of_copies = tangents.product()
    expected = unrolled.fold(of_copies)

    def attempt(propagation: Propagation) -> tuple[float, Gradient]:
        limit = fold_bound(unrolled, of_copies, _bound(tangents, propagation))
        return share(expected, limit), limit

    sharp = SHARP * greatest_share(expected)
    return expected, sharpest(tangents.run, attempt, sharp, with_inputs=False)


class _TangentPass(NamedTuple):
    """One computation of a product by matrices.

    run: The gradient's computation. along: The direction as matrices. v_bias: Its biases. z_t, a_t,
    da_t, dz_t: Tangents. bends: f''(z). start_t: The tangent of the loss's slope at the outputs, 0
    elsewhere. All of shape (batch, n_neurons). partials_t: The tangents of the interneurons'
    derivatives by their sources.
    """

    run: Pass
    along: list[Array]
    v_bias: Array
    bends: Array
    z_t: Array
    a_t: Array
    start_t: Array
    da_t: Array
    dz_t: Array
    partials_t: list[Array]

    @classmethod
    def of(
        cls,
        network: Network,
        x: ArrayLike,
        targets: ArrayLike,
        weights: ArrayLike,
        biases: ArrayLike,
        loss: str,
        step: int | None,
    ) -> tuple[Unrolled, _TangentPass]:
        unrolled, rows, wanted = as_plain_examples(network, x, targets, loss, step)
        v, v_bias = unrolled.direction(*as_direction(network, weights, biases))
        functions.check_curvature(network.activations, loss)
        functions.check_bends(node.combination for node in network.interneurons.values())
        run = Pass.of(unrolled.plain, rows, wanted, loss, unrolled.n_rows)
        matrices, curvature = run.matrices, run.loss.curvature
        assert curvature is not None
        along, outputs = matrices.matrices_of(v), matrices.outputs
        z_t, a_t, bends = np.zeros_like(run.z), np.zeros_like(run.z), np.zeros_like(run.z)
        for function, t in matrices.functions():
            assert function.curvature is not None
            bends[:, t] = function.curvature(run.z[:, t], run.a[:, t])
        partials_t: list[Array] = []
        for level, matrix in zip(matrices.levels, along, strict=True):
            t, s = level.targets, level.sources
            z_t[:, t] = a_t[:, s] @ level.weights.T + run.a[:, s] @ matrix.T + v_bias[t]
            if level.interneurons is not None:
                own = run.partials[len(partials_t)]
                z_t[:, level.interneurons.targets] = level.interneurons.into(own, a_t)
                partials_t.append(level.interneurons.bends(run.a, a_t))
            else:
                partials_t.append(np.zeros((len(a_t), 0)))
            a_t[:, t] = run.slopes[:, t] * z_t[:, t]
        start_t = np.zeros_like(z_t)
        start_t[:, outputs] = curvature(run.predictions, run.targets, a_t[:, outputs])
        da_t, dz_t = start_t.copy(), np.zeros_like(z_t)
        edges = list(zip(matrices.levels, along, run.partials, partials_t, strict=True))
        for level, matrix, own, own_t in reversed(edges):
            t, s = level.targets, level.sources
            dz_t[:, t] = da_t[:, t] * run.slopes[:, t] + run.da[:, t] * bends[:, t] * z_t[:, t]
            da_t[:, s] += dz_t[:, t] @ level.weights + run.dz[:, t] @ matrix
            if level.interneurons is not None:
                level.interneurons.add_out_of(own, dz_t, da_t)
                level.interneurons.add_out_of(own_t, run.dz, da_t)
        found = cls(run, along, v_bias, bends, z_t, a_t, start_t, da_t, dz_t, partials_t)
        return unrolled, found

    def product(self) -> Gradient:
        run, batch = self.run, len(self.z_t)
        matrices = run.matrices
        sums = matrices.products(self.dz_t, run.a) + matrices.products(run.dz, self.a_t)
        losses = run.loss.value(run.predictions, run.targets)
        return Gradient(
            matrices.network,
            mean_of(losses),
            run.predictions,
            sums / batch,
            np.where(matrices.has_bias, self.dz_t.sum(axis=0) / batch, 0.0),
        )


def _bound(tangents: _TangentPass, propagation: Propagation) -> Gradient:
    """Bound the errors of a product."""
    run = tangents.run
    matrices, errors = run.matrices, errors_of(run, propagation)
    weights = [np.abs(values) for values in matrices.weights]
    along = [np.abs(values) for values in tangents.along]
    v_bias = np.abs(tangents.v_bias)
    partials, partials_t = (
        [np.abs(own) for own in each] for each in (run.partials, tangents.partials_t)
    )
    partials_e = slopes_errors(matrices, run.a, run.partials, errors.a)
    z_t, a_t, da_t, dz_t = (
        np.abs(values) for values in (tangents.z_t, tangents.a_t, tangents.da_t, tangents.dz_t)
    )
    a, da, dz, slopes, bends = (
        np.abs(values) for values in (run.a, run.da, run.dz, run.slopes, tangents.bends)
    )
    fan_in = 2 * matrices.network.incoming.sizes + 6
    fan_out = 2 * matrices.network.outgoing.sizes + 6

    def forward(signals: Array, activations: Array) -> tuple[Array, Array]:
        terms = matrices.into(weights, a_t + 2 * activations, partials)
        terms += matrices.into(along, a + errors.a) + v_bias
        made = errors.slopes * (z_t + signals) + sum_error(2, a_t + activations)
        turned = matrices.through(partials_e, a_t + activations)
        terms += turned
        return matrices.into(along, errors.a) + sum_error(fan_in, terms) + turned, made

    def carried_forward(signals: Array, activations: Array) -> tuple[Array, Array]:
        carried = propagation.forward(signals, activations)
        return carried, slopes * carried + activations

    (z_te, a_te), _ = settle(forward, carried_forward, z_t)
    bends_error = np.zeros_like(z_t)
    for function, t in matrices.functions():
        bends_error[:, t] = curvature_error(function, run.z[:, t], errors.z[:, t])
    start_error = np.zeros_like(z_t)
    o = matrices.outputs
    start_error[:, o] = loss_tangents_error(
        run.loss, run.predictions, run.targets, tangents.a_t[:, o], errors.a[:, o], a_te[:, o]
    )
    partials_te = bends_errors(matrices, run.a, tangents.a_t, errors.a, a_te)
    reach, bend = z_t + z_te, bends + bends_error
    bent_error = errors.da * bend * reach + da * (bends_error * reach + bends * z_te)
    bent = (da + errors.da) * bend * reach

    def backward(activations: Array, signals: Array) -> tuple[Array, Array]:
        made = errors.slopes * (da_t + activations) + bent_error
        made += sum_error(6, (da_t + activations) * (slopes + errors.slopes) + bent)
        terms = matrices.out_of(weights, dz_t + 2 * signals, partials)
        terms += matrices.out_of(along, dz + errors.dz, partials_t) + np.abs(tangents.start_t)
        turned = matrices.through(partials_e, dz_t + signals, back=True)
        turned += matrices.through(partials_te, dz + errors.dz, back=True)
        terms += turned
        made_out = start_error + matrices.out_of(along, errors.dz, partials_t) + turned
        return made_out + sum_error(fan_out, terms), made

    def carried_backward(activations: Array, signals: Array) -> tuple[Array, Array]:
        carried = propagation.backward(activations, signals)
        return carried, slopes * carried + signals

    (_, dz_te), _ = settle(backward, carried_backward, z_t)
    by_synapse, by_neuron = mean_errors(
        matrices, (tangents.dz_t, dz_te), (run.a, errors.a), (run.dz, errors.dz), (a_t, a_te)
    )
    p_error = errors.a[:, matrices.outputs]
    return Gradient(matrices.network, loss_bound(run, p_error), p_error, by_synapse, by_neuron)
