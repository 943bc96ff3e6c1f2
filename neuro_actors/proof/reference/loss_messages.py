"""What the loss node should send, given what it received."""

from __future__ import annotations

import numpy as np

from ...network import functions
from ...network.network import Network
from ...support.arrays import Array
from .losses_of_rows import over_rows
from .rounding import loss_slopes_error, loss_tangents_error, losses_error
from .step_mail import by_neuron


class LossMessages:
    """The loss node: what it should send, given what the outputs sent.

    In a cell (see `network/cell.py`) its last outputs are what delays hear. Their targets are
    urgencies, which it hands on.

    Args:
        network: The network, or the cell.
        loss: The name of the loss.
        sent: What the outputs sent. Shape (batch, cells of outputs).
        targets: The targets. Shape (batch, *positions, n_outputs).
    """

    def __init__(self, network: Network, loss: str, sent: Array, targets: Array) -> None:
        self.handed = len(network.delayed)
        self.n_outputs, self.wide = len(network.outputs), sent.shape[1] // len(network.outputs)
        self.p, self.of_delays = self._rows(sent)
        self.t, self.urgencies_handed = self._rows(by_neuron(targets))
        self.loss = over_rows(functions.loss(loss), self.wide, self.t)

    def _rows(self, values: Array) -> tuple[Array, Array]:
        """Return rows of outputs, position after position, and what is about delays."""
        by_output = values.reshape(len(values), self.n_outputs, self.wide)
        n = self.n_outputs - self.handed
        outputs, delays = by_output[:, :n], by_output[:, n:]
        rows = outputs.transpose(0, 2, 1).reshape(len(values), -1)
        return rows, delays.reshape(len(values), -1)

    def _laid_out(self, rows: Array, of_delays: Array) -> Array:
        outputs = rows.reshape(len(rows), self.wide, -1).transpose(0, 2, 1)
        return np.concatenate([outputs.reshape(len(rows), -1), of_delays], axis=1)

    def losses(self) -> tuple[Array, Array]:
        """Return the loss of each row, and its bound. Shape (batch, rows) each."""
        nothing = np.zeros_like(self.p)
        return self.loss.value(self.p, self.t), losses_error(self.loss, self.p, self.t, nothing)

    def urgencies(self) -> tuple[Array, Array]:
        """Return the urgency of each output, and its bound. Shape (batch, cells) each."""
        error = loss_slopes_error(self.loss, self.p, self.t, np.zeros_like(self.p))
        return (
            self._laid_out(-self.loss.slope(self.p, self.t), self.urgencies_handed),
            self._laid_out(error, np.zeros_like(self.urgencies_handed)),
        )

    def tangents(self, sent: Array) -> tuple[Array, Array]:
        """Return how urgencies change along a direction, and the bound.

        Args:
            sent: How the activations of the outputs change. Shape (batch, cells of outputs).

        Returns:
            Shape (batch, cells of outputs) each.
        """
        p_t, nothing = self._rows(sent)[0], np.zeros_like(self.p)
        assert self.loss.curvature is not None
        error = loss_tangents_error(self.loss, self.p, self.t, p_t, nothing, nothing)
        none = np.zeros_like(self.urgencies_handed)
        bent = -self.loss.curvature(self.p, self.t, p_t)
        return self._laid_out(bent, none), self._laid_out(error, none)
