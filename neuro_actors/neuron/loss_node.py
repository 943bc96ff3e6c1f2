"""The loss, a member of its own after the outputs: it alone hears all of them, so no neuron peeks at its siblings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network import functions
from ..support.errors import MessageError
from ..support.validation import Array, frozen
from .messages import Step


class LossNode:
    """Compares what the outputs said with the targets. It keeps nothing."""

    __slots__ = ("from_input",)

    def __init__(self, from_input: NDArray[np.bool_]) -> None:
        self.from_input = from_input  # (n_outputs,): True where an output is itself an input

    def get_state(self) -> tuple[()]:
        """See `neuron.NeuronRule`."""
        return ()

    def set_state(self, state: tuple[()]) -> None:
        """See `neuron.NeuronRule`."""

    def evaluate(
        self, step: Step, predictions: Array, targets: Array, urgencies_out: Array
    ) -> Array:
        """Each example's loss, (batch,); into `back` the urgency of each output that listens, (listening outputs, batch).

        predictions, targets: (n_outputs, batch), in the order of the network's outputs; in a tangent step predictions are
        (n_outputs, 2 batch), and so are urgencies. Raises `InputError` where the loss is not defined for them.
        """
        assert step.loss is not None
        loss = functions.loss(step.loss)
        batch = targets.shape[1]
        p, t = frozen(predictions[:, :batch].T.copy()), frozen(targets.T.copy())
        functions.check_domain(step.loss, p, t)
        urgencies = -loss.slope(p, t).T
        if step.tangent:
            assert loss.curvature is not None
            tangents = frozen(predictions[:, batch:].T.copy())
            urgencies = np.concatenate([urgencies, -loss.curvature(p, t, tangents).T], axis=1)
        losses = np.array(loss.value(p, t))
        for what, values, shape in (
            ("losses", losses, p.shape[:1]),
            ("urgencies", urgencies, predictions.shape),
        ):
            if values.shape != shape or values.dtype != np.float64:
                got = f"float64 of shape {shape} was expected, got {values.dtype} of shape {values.shape}"
                raise MessageError(f"{step.loss}: for its {what} in step {step.number}, {got}")
            if not np.isfinite(values).all():
                told = "would not be finite; a smaller learning rate often helps"
                raise MessageError(f"{step.loss}: its {what} in step {step.number} {told}")
        urgencies_out[...] = (
            urgencies
            if step.wrt_inputs or not self.from_input.any()
            else urgencies[~self.from_input]
        )
        return frozen(losses)
