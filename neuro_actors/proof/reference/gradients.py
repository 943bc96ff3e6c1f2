"""The gradient by matrices. How far rounding can bring it from another one is in `bounds.py`.

Matrices know plain networks alone. One whose neurons live at several positions, or that has delays,
is unrolled first, see `unroll.py`; then an example has several rows of outputs, and its loss is
the sum of theirs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...network import functions
from ...network.function_names import AnyLoss
from ...network.gradient import Gradient
from ...network.network import Network
from ...support.arrays import Array
from ...support.hints import explains_arguments
from ...support.means import mean_of
from ...support.validation import as_flag
from .losses_of_rows import over_rows
from .matrices import Matrices
from .unroll import as_plain, as_plain_examples


@explains_arguments
@np.errstate(under="ignore")  # whatever the caller has set
def predict(network: Network, x: ArrayLike) -> Array:
    """Compute the predictions of a network.

    Args:
        network: The network.
        x: The values of the inputs, a row for each example. Shape (batch, *positions, n_inputs), or
            (batch, ticks, *positions, n_inputs) of a network with delays.

    Returns:
        The outputs' activations, shape (batch, *positions, n_outputs), likewise.

    Raises:
        InputError: `x` has another shape, or a value that is not finite.

    Examples:
        >>> network = na.Network.from_matrices([[[0.5, -1.0]]], [[0.25]], ["identity"])
        >>> na.reference.predict(network, [[1.0, 2.0]])
        array([[-1.25]])
    """
    unrolled, rows = as_plain(network, x)
    matrices = Matrices(unrolled.plain, None)
    _, a = matrices.forward(rows)
    return unrolled.predictions(a[:, matrices.outputs])


@explains_arguments
@np.errstate(under="ignore")  # whatever the caller has set
def gradient(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: AnyLoss = "squared_error",
    wrt_inputs: bool = False,
    *,
    step: int | None = None,
    window: int | None = None,
) -> Gradient:
    """Compute the gradient of the mean loss over a batch by matrices.

    Args:
        network: The network.
        x: The values of the inputs, a row for each example. Shape (batch, *positions, n_inputs), or
            (batch, ticks, *positions, n_inputs) of a network with delays.
        targets: What the outputs should be. Shape (batch, *positions, n_outputs), likewise.
        loss: The name of the loss, a key of `na.LOSSES`.
        wrt_inputs: Whether to compute ∂loss/∂x too.
        step: The number of the step whose masks dropouts have, 1 for the first step of a society;
            through time that of its first round. Only a network with a dropout needs it.
        window: After how many ticks derivatives are cut, as in `na.rules.ThroughTime`. None: never.

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
    unrolled, rows, wanted = as_plain_examples(network, x, targets, loss, step, window)
    run = Pass.of(unrolled.plain, rows, wanted, loss, unrolled.n_rows)
    return unrolled.fold(run.gradient(as_flag("wrt_inputs", wrt_inputs)))


class Pass(NamedTuple):
    """One computation of a gradient by matrices: all of its numbers.

    Attributes:
        matrices: The network.
        loss: The loss.
        targets: The targets. Shape (batch, n_outputs).
        z: The signals. Shape (batch, n_neurons).
        a: The activations. Shape (batch, n_neurons).
        slopes: f'(z). Shape (batch, n_neurons).
        da: The derivatives of each example's loss by the activations. Shape (batch, n_neurons).
        dz: Those by the signals. Shape (batch, n_neurons).
        start: The loss's slope at the outputs, 0 elsewhere. Shape (batch, n_neurons).
        partials: The derivatives of interneurons by their sources, see `Matrices.partials`.
            Shapes (batch, n).
    """

    matrices: Matrices
    loss: functions.Loss
    targets: Array
    z: Array
    a: Array
    slopes: Array
    da: Array
    dz: Array
    start: Array
    partials: list[Array]

    @classmethod
    def of(cls, network: Network, x: Array, targets: Array, loss: str, n_rows: int = 1) -> Pass:
        """Compute it.

        Args:
            network: A plain network.
            x: The values of the inputs. Shape (batch, n_inputs).
            targets: The targets. Shape (batch, n_outputs).
            loss: The name of the loss.
            n_rows: How many rows of outputs an example has, each with a loss of its own.

        Raises:
            InputError: The loss is not defined for these predictions and targets.
        """
        loss_function = over_rows(functions.loss(loss), n_rows, targets)
        matrices = Matrices(network, loss)
        z, a = matrices.forward(x)
        p = a[:, matrices.outputs]
        by_row = (len(p) * n_rows, -1)
        functions.check_domain(loss, p.reshape(by_row), targets.reshape(by_row))
        slopes, start = matrices.slopes(z, a), np.zeros_like(z)
        start[:, matrices.outputs] = loss_function.slope(p, targets)
        partials = matrices.partials(a)
        da, dz = matrices.backward(start, slopes, partials)
        return cls(matrices, loss_function, targets, z, a, slopes, da, dz, start, partials)

    @property
    def predictions(self) -> Array:
        """The predictions. Shape (batch, n_outputs)."""
        return self.a[:, self.matrices.outputs]

    def gradient(self, wrt_inputs: bool) -> Gradient:
        """Return the gradient.

        Args:
            wrt_inputs: Whether to include ∂loss/∂x.
        """
        matrices, batch, p = self.matrices, len(self.z), self.predictions
        losses = self.loss.value(p, self.targets)
        weights = matrices.products(self.dz, self.a) / batch
        biases = np.where(matrices.has_bias, self.dz.sum(axis=0) / batch, 0.0)
        inputs = self.da[:, matrices.inputs] / batch if wrt_inputs else None
        return Gradient(matrices.network, mean_of(losses), p, weights, biases, inputs)
