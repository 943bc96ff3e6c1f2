"""All messages of one step in arrays, and two such sets compared."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from ...network.field import Grid
from ...network.gradient import Gradient
from ...network.network import Network
from ...support.arrays import Array
from ...support.means import mean_of
from .cells import Cells


@dataclass(frozen=True, slots=True, eq=False)
class Mail:
    """All messages of one step, in arrays. What the step does not have is NaN, or empty.

    `tangents` holds the derivatives of all messages along a direction, in a step that computes a
    product with the Hessian: they have the same shapes.

    Where neurons live at several positions, a row has their numbers neuron after neuron, and
    position after position within a neuron (see `cells.py`): so n_neurons below is the number of
    cells, n_synapses that of ends, and so on.

    Attributes:
        activations: Of each neuron and input. Shape (batch, n_neurons).
        urgencies: Along each synapse, from its target to its source. Shape (batch, n_synapses).
        loss_urgencies: From the loss node to each output. Shape (batch, n_outputs).
        input_urgencies: From each input to the environment. Shape (batch, n_inputs).
        losses: From the loss node. Shape (batch,).
        weights: The mean urgency of each synapse's weight, or the new weight that its neuron
            learned. Of tangents: the product. Shape (n_synapses,).
        biases: The same for each neuron's bias; 0 for inputs. Shape (n_neurons,).
    """

    activations: Array
    urgencies: Array
    loss_urgencies: Array
    input_urgencies: Array
    losses: Array
    weights: Array
    biases: Array
    tangents: Mail | None = None

    def gradient(self, network: Network, sign: float = -1.0) -> Gradient:
        """Return the gradient that `weights`, `biases` and `input_urgencies` are minus.

        Args:
            network: The network.
            sign: -1, or 1 where these are bounds.
        """
        outputs = Cells(network).of(network.output_positions)
        return Gradient(
            network,
            mean_of(self.losses),
            by_position(self.activations[:, outputs], network.output_grid, len(network.outputs)),
            sign * self.weights,
            sign * self.biases,
            by_position(
                sign * self.input_urgencies / len(self.losses),
                network.input_grid,
                int(network.is_input.sum()),
            ),
        )


class Comparison(NamedTuple):
    """What the members of a society sent in a step, beside what they should have sent.

    Attributes:
        sent: What was sent.
        expected: What should have been sent, given what each member received. `weights` and
            `biases` are mean urgencies, also in a step in which neurons learn.
        limit: How far rounding can bring the two apart.
    """

    sent: Mail
    expected: Mail
    limit: Mail

    def uses(self) -> dict[str, float]:
        """Return the greatest use of the bound, difference / bound, for each kind of message.

        What is a number though it should be none, or is none though it should be one, uses
        infinitely much. So does what has an infinite bound, for that proves nothing. Commits are
        not among them: see `gradients`.
        """
        uses = {}
        for name in ("activations", "urgencies", "loss_urgencies", "input_urgencies", "losses"):
            sent, expected, limit = (getattr(mail, name) for mail in self)
            is_bounded = (np.isfinite(limit) | np.isnan(expected)).all()
            uses[name] = greatest_use(sent, expected, limit) if is_bounded else np.inf
        return uses

    def gradients(self, network: Network) -> tuple[Gradient, Gradient]:
        """Return the gradient that the neurons should have committed, and a bound of its entries.

        Args:
            network: The network.
        """
        return self.expected.gradient(network), self.limit.gradient(network, sign=1.0)


def greatest_use(sent: Array | float, expected: Array | float, limit: Array | float) -> float:
    """Return the largest |sent - expected| / limit; infinity for what is no number.

    Never NaN, which `max` would pass over.

    Args:
        sent: What was found. Any shape. NaN where nothing should be.
        expected: What should be. The same shape. NaN where nothing should be.
        limit: The bounds. The same shape.
    """
    with np.errstate(invalid="ignore"):
        apart = np.abs(np.subtract(sent, expected))
    nothing = np.isnan(sent) & np.isnan(expected)
    with np.errstate(over="ignore"):
        use = apart / np.maximum(limit, np.finfo(np.float64).tiny)
    use = np.where(nothing, 0.0, np.where(np.isfinite(apart) & ~np.isnan(use), use, np.inf))
    return float(np.max(use, initial=0.0))


def by_neuron(values: Array) -> Array:
    """Lay out a batch neuron after neuron, as cells are. Shape (batch, n · positions).

    Args:
        values: Shape (batch, *positions, n).
    """
    if values.ndim == 2:
        return values
    rows = values.reshape(len(values), -1, values.shape[-1])
    return rows.transpose(0, 2, 1).reshape(len(values), -1)


def by_position(values: Array, grid: Grid, n: int) -> Array:
    """Lay out numbers of cells as a batch: the way back of `by_neuron`.

    Args:
        values: Shape (batch, n · positions).
        grid: The grid of the positions.
        n: How many neurons there are.

    Returns:
        Shape (batch, *positions, n).
    """
    if not grid:
        return values
    rows = values.reshape(len(values), n, -1).transpose(0, 2, 1)
    return np.ascontiguousarray(rows).reshape(len(values), *grid, n)


def nothing_but(mail: Mail, activations: Array) -> Mail:
    """Return the mail of a step that only predicts.

    Args:
        mail: What a whole step would have.
        activations: The activations. Shape (batch, cells).
    """
    others = [np.full_like(getattr(mail, f.name), np.nan) for f in fields(Mail)[1:-1]]
    return Mail(activations, *others)
