"""The gradient by matrices. How far rounding can bring it from another one is in `bounds.py`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...network import functions
from ...network.examples import as_examples, as_rows
from ...network.function_names import AnyLoss
from ...network.gradient import Gradient
from ...network.network import Network
from ...support.arrays import Array
from ...support.hints import explains_arguments
from ...support.means import mean_of
from ...support.validation import as_flag
from .matrices import Matrices


@explains_arguments
@np.errstate(under="ignore")  # whatever the caller has set
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


@explains_arguments
@np.errstate(under="ignore")  # whatever the caller has set
def gradient(
    network: Network,
    x: ArrayLike,
    targets: ArrayLike,
    loss: AnyLoss = "squared_error",
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
    rows, wanted = as_examples(network, x, targets, loss)
    return Pass.of(network, rows, wanted, loss).gradient(as_flag("wrt_inputs", wrt_inputs))


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

    @classmethod
    def of(cls, network: Network, x: Array, targets: Array, loss: str) -> Pass:
        """Compute it.

        Args:
            network: The network.
            x: The values of the inputs. Shape (batch, n_inputs).
            targets: The targets. Shape (batch, n_outputs).
            loss: The name of the loss.

        Raises:
            InputError: The loss is not defined for these predictions and targets.
        """
        loss_function, matrices = functions.loss(loss), Matrices(network, loss)
        z, a = matrices.forward(x)
        p = a[:, matrices.outputs]
        functions.check_domain(loss, p, targets)
        slopes, start = matrices.slopes(z, a), np.zeros_like(z)
        start[:, matrices.outputs] = loss_function.slope(p, targets)
        da, dz = matrices.backward(start, slopes)
        return cls(matrices, loss_function, targets, z, a, slopes, da, dz, start)

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
        biases = self.dz.sum(axis=0) / batch
        inputs = self.da[:, matrices.inputs] / batch if wrt_inputs else None
        return Gradient(matrices.network, mean_of(losses), p, weights, biases, inputs)
