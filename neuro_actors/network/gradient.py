"""What a step gives back, with and without learning."""

from __future__ import annotations

from dataclasses import dataclass

from ..support.validation import Array
from .network import Network


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Gradient:
    """The gradient of the mean loss over a batch, and the loss and predictions beside it. All float64, read-only.

    loss: the mean over the batch of each example's loss.
    predictions: (batch, n_outputs).
    weights: (n_synapses,), ∂loss/∂weight in the order of the network's synapses.
    biases: (n_neurons,), ∂loss/∂bias in the order of the network's neurons; 0 for inputs.
    inputs: (batch, n_inputs), ∂loss/∂x, where it was asked for; else None.
    """

    network: Network
    loss: float
    predictions: Array
    weights: Array
    biases: Array
    inputs: Array | None = None

    def __repr__(self) -> str:
        shapes = f"weights {self.weights.shape}, biases {self.biases.shape}"
        return f"<Gradient: loss {self.loss:.6g}, predictions {self.predictions.shape}, {shapes}>"

    def to_matrices(self) -> tuple[list[Array], list[Array]]:
        """(weights, biases) shaped as `Network.from_matrices` takes them; raises `NetworkError` unless layered."""
        return self.network.as_matrices(self.weights, self.biases)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StepResult:
    """What a step of learning gives back: its number, the mean loss and the predictions (batch, n_outputs), both as they
    were before the neurons learned."""

    step: int
    loss: float
    predictions: Array

    def __repr__(self) -> str:
        return f"<StepResult: step {self.step}, loss {self.loss:.6g}, predictions {self.predictions.shape}>"
