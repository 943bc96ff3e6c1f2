"""The numbers of one step as the page shows them, for some examples and for their mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..network import functions
from ..neuron.sums import ORDERED, Sums
from ..support.arrays import Array
from ..support.means import mean_of

if TYPE_CHECKING:
    from ..log.steps import RecordedStep
    from ..network.network import Network


@dataclass(frozen=True, slots=True)
class StepValues:
    """The numbers of a step.

    Each selected example has a row. If the batch has several examples, a last row has the means
    over the whole batch. NaN stands for what the log does not contain.

    Attributes:
        activations: a. Shape (rows, n_neurons).
        signals: z. Shape (rows, n_neurons).
        urgencies: u. Shape (rows, n_neurons).
        slopes: f'(z); in the row of means the mean of |f'(z)|, which is 0 if the neuron passes no
            urgency on for any example. Shape (rows, n_neurons).
        signal_urgencies: v = u · f'(z). Shape (rows, n_neurons).
        targets: Targets. Shape (rows, n_outputs).
        blame: The urgencies that the loss sent. Shape (rows, n_outputs).
        losses: Losses. Shape (rows,).
        wants: The urgency of each weight, the mean over the batch; None for a batch of one, where
            it is v · x. Shape (n_synapses,).
    """

    activations: Array
    signals: Array
    urgencies: Array
    slopes: Array
    signal_urgencies: Array
    targets: Array
    blame: Array
    losses: Array
    wants: Array | None


def read_step_values(
    network: Network,
    step: RecordedStep,
    n_examples: int,
    unknown: frozenset[str] = frozenset(),
    sums: Sums = ORDERED,
) -> StepValues:
    """Compute the numbers of a step from its messages.

    Args:
        network: The network with the parameters that the step began with.
        step: The step.
        n_examples: How many examples to select.
        unknown: Names of activation functions that are other ones here than in the run.
        sums: The kind of sums that the neurons used.
    """
    a = step.activations
    losses = step.losses if len(step.losses) == a.shape[1] else np.full(a.shape[1], np.nan)
    with np.errstate(all="ignore"):  # a damaged log may contain any numbers
        z, u = _signals(network, a, sums), _urgencies(network, step, sums)
        slopes = _slopes(network, z, a, step.info.loss, unknown)
        v = u * slopes
    wants = None
    number, count = step.info.micro_batch or (1, 1)
    # The commits are these urgencies, except those of the whole batch in its last micro-batch.
    if a.shape[1] > 1 and step.info.mode == "gradient" and (number < count or count == 1):
        wants = step.weights
    elif a.shape[1] > 1:
        with np.errstate(all="ignore"):
            wants = mean_of(a[network.sources] * v[network.targets], axis=1)

    def rows(values: Array) -> Array:
        selected = values[..., :n_examples].T
        if values.shape[-1] == 1:
            return np.ascontiguousarray(selected)
        return np.concatenate([selected, mean_of(values, axis=-1)[None]])

    slope_rows = rows(slopes)
    if a.shape[1] > 1:
        slope_rows[-1] = mean_of(np.abs(slopes), axis=1)
    return StepValues(
        activations=rows(a),
        signals=rows(z),
        urgencies=rows(u),
        slopes=slope_rows,
        signal_urgencies=rows(v),
        targets=rows(step.targets),
        blame=rows(step.blame),
        losses=rows(losses),
        wants=wants,
    )


def _signals(network: Network, a: Array, sums: Sums) -> Array:
    """z of each neuron, with the sum that the neuron uses itself; NaN for inputs."""
    z = np.full(a.shape, np.nan)
    ones = np.ones((1, a.shape[1]))
    for k in np.flatnonzero(~network.is_input).tolist():
        incoming = network.incoming.of(k)
        rows = np.concatenate([a[network.sources[incoming]], ones])
        z[k] = sums.weighted_sum(np.append(network.weights[incoming], network.biases[k]), rows)
    return z


def _urgencies(network: Network, step: RecordedStep, sums: Sums) -> Array:
    """u of each neuron: the sum of the urgencies from its followers and the loss."""
    u = np.full(step.activations.shape, np.nan)
    output = {int(k): row for row, k in enumerate(network.output_positions)}
    for k in range(len(u)):
        rows = step.urgencies[network.outgoing.of(k)]
        if k in output:
            rows = np.concatenate([rows, step.blame[[output[k]]]])
        u[k] = sums.sum_of_rows(np.ascontiguousarray(rows))
    return u


def _slopes(
    network: Network, z: Array, a: Array, loss: str | None, unknown: frozenset[str]
) -> Array:
    """f'(z) of each neuron; NaN for inputs and for activation functions unknown to this process."""
    slopes = np.full(z.shape, np.nan)
    kinds = np.array(network.activations)
    is_output = np.isin(np.arange(len(kinds)), network.output_positions)
    for name in set(network.activations) & set(functions.ACTIVATIONS) - unknown:
        here = (kinds == name) & ~network.is_input
        for rows, function in (
            (here & ~is_output, functions.activation(name)),
            (here & is_output, functions.output_activation(name).before(loss)),
        ):
            if rows.any():
                slopes[rows] = function.slope(z[rows], a[rows])
    return slopes
