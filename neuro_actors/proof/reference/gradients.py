"""The gradient by matrices. How far rounding can bring it from another one is in `bounds.py`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...network.examples import as_examples, as_rows
from ...network.gradient import Gradient
from ...network.network import Network
from ...support.validation import Array, as_flag
from .bounds import Pass
from .matrices import Matrices


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


@np.errstate(under="ignore")  # whatever the caller has set
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
    rows, wanted = as_examples(network, x, targets, loss)
    return Pass.of(network, rows, wanted, loss).gradient(as_flag("wrt_inputs", wrt_inputs))
