"""The loss node, a member of its own after the outputs.

It alone receives the activations of all outputs, so no neuron sees its siblings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import functions
from ..network.masks import skip_masked
from ..support.arrays import Array, freeze
from ..support.errors import MessageError
from ..support.own_code import has_own_code
from ..support.own_names import LOSS_METHODS, check_own_names
from .messages import Step


class LossNode:
    """Computes the loss and the urgencies of the outputs. It has no state.

    Where outputs live at several positions, each position of an example has a loss, and the
    example's loss is their sum.

    Attributes:
        from_input: True where an output is itself an input. Shape (n_outputs,).
        positions: How many positions the outputs live at.
    """

    __slots__ = ("from_input", "positions")

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Check the names that a class of a user's own defines.

        Raises:
            InputError: A name has a meaning already; see `support/own_names.py`.
        """
        super().__init_subclass__(**arguments)
        if has_own_code(cls):
            check_own_names(cls, LOSS_METHODS)

    def __init__(self, from_input: NDArray[np.bool_], positions: int = 1) -> None:
        """Make the loss node's rule.

        Args:
            from_input: True where an output is itself an input. Shape (n_outputs,).
            positions: How many positions the outputs live at.
        """
        self.from_input = from_input
        self.positions = positions

    def get_state(self) -> tuple[()]:
        """See `NeuronRule.get_state`."""
        return ()

    def set_state(self, state: tuple[()]) -> None:
        """See `NeuronRule.set_state`."""

    def evaluate(
        self, step: Step, predictions: Array, targets: Array, urgencies_out: Array
    ) -> Array:
        """Compute the loss of each example, and the urgencies of the outputs.

        Args:
            step: The step, whose loss is computed.
            predictions: Activations in the order of the network's outputs. Shape
                (n_outputs, batch · positions), in a tangent step twice as many columns.
            targets: The targets, in the same order; NaN where they do not count. Shape
                (n_outputs, batch · positions).
            urgencies_out: Receives one row for each output that listens for urgencies. Shape
                (listening outputs, batch · positions), in a tangent step twice as many columns.

        Returns:
            The loss of each example. Shape (batch,).

        Raises:
            InputError: The loss is not defined for these predictions or targets.
            MessageError: The loss returned a wrong shape, or numbers that are not finite.
        """
        assert step.loss is not None
        batch = targets.shape[1]
        p, t = freeze(predictions[:, :batch].T.copy()), freeze(targets.T.copy())
        loss = skip_masked(functions.loss(step.loss), t)
        functions.check_domain(step.loss, p, t)
        urgencies = -loss.slope(p, t).T
        if step.tangent:
            assert loss.curvature is not None
            tangents = freeze(predictions[:, batch:].T.copy())
            urgencies = np.concatenate([urgencies, -loss.curvature(p, t, tangents).T], axis=1)
        losses = np.array(loss.value(p, t))
        if self.positions > 1:
            losses = functions.sum_positions(losses, batch // self.positions)
        for what, values, shape in (
            ("losses", losses, (batch // self.positions,)),
            ("urgencies", urgencies, predictions.shape),
        ):
            if values.shape != shape or values.dtype != np.float64:
                got = f"got {values.dtype} of shape {values.shape}"
                got = f"float64 of shape {shape} was expected, {got}"
                raise MessageError(f"{step.loss}: for its {what} in step {step.number}, {got}")
            if not np.isfinite(values).all():
                problem = "would not be finite; a smaller learning rate often helps"
                if np.isnan(values).any():  # what it received is finite
                    problem = "would not be finite: the loss makes nan of finite predictions"
                raise MessageError(f"{step.loss}: its {what} in step {step.number} {problem}")
        urgencies_out[...] = (
            urgencies
            if step.wrt_inputs or not self.from_input.any()
            else urgencies[~self.from_input]
        )
        return freeze(losses)
