"""What a step returns: a gradient, or the result of a step that learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..support.arrays import Array, rebuild
from ..support.hints import explain_missing
from .network import Network


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Gradient:
    """The gradient of the mean loss over a batch, with the loss and the predictions.

    All arrays are float64 and read-only. A gradient is minus the urgencies: to make the loss
    smaller, go against it.

    Attributes:
        network: The network, with the parameters at which the gradient was computed.
        loss: The mean over the batch of each example's loss.
        predictions: The outputs' activations. Shape (batch, n_outputs).
        weights: ∂loss/∂weight, in the order of `network.synapses`. Shape (n_synapses,).
        biases: ∂loss/∂bias, in the order of `network.neurons`; 0 for inputs. Shape (n_neurons,).
        inputs: ∂loss/∂x, the derivative of the mean loss, or None where it was not asked for. Shape
            (batch, n_inputs).
    """

    network: Network
    loss: float
    predictions: Array
    weights: Array
    biases: Array
    inputs: Array | None = None

    if not TYPE_CHECKING:  # a type checker refuses unknown names by itself
        __getattr__ = explain_missing

    def __reduce__(self) -> tuple[Any, ...]:
        fields = self.network, self.loss, self.predictions, self.weights, self.biases, self.inputs
        return rebuild, (type(self), *fields)

    def __repr__(self) -> str:
        shapes = f"weights {self.weights.shape}, biases {self.biases.shape}"
        return f"<Gradient: loss {self.loss:.6g}, predictions {self.predictions.shape}, {shapes}>"

    def _repr_html_(self) -> str:
        from ..support.markup import Markup, block, element
        from .drawing import draw_network

        picture = draw_network(self.network, self.weights, "∂loss/∂weight")
        note = "A step of learning moves each weight against its ∂loss/∂weight."
        return block(element("div", repr(self)), Markup(picture.to_svg()), element("div", note))

    def to_matrices(self) -> tuple[list[Array], list[Array]]:
        """Return the gradient of a layered network, as `Network.from_matrices` takes parameters.

        Returns:
            A matrix of shape (n_out, n_in) and a vector of shape (n_out,) for each layer after the
            inputs.

        Raises:
            NetworkError: The network is not layered.
        """
        return self.network.as_matrices(self.weights, self.biases)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StepResult:
    """What a step that learns returns.

    The loss and the predictions are those before the neurons learned.

    Attributes:
        step: The number of the step in its simulation: 1, 2, 3, …
        loss: The mean over the batch of each example's loss.
        predictions: The outputs' activations. Shape (batch, n_outputs).
    """

    step: int
    loss: float
    predictions: Array

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild, (type(self), self.step, self.loss, self.predictions)

    def __repr__(self) -> str:
        return (
            f"<StepResult: step {self.step}, loss {self.loss:.6g}, "
            f"predictions {self.predictions.shape}>"
        )
