"""The numbers of one step: of all its examples, and of those that the page shows."""

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
class StepNumbers:
    """The numbers of all examples of a step. NaN stands for what the log does not contain.

    Attributes:
        activations: a. Shape (n_neurons, batch).
        signals: z. Shape (n_neurons, batch).
        urgencies: u. Shape (n_neurons, batch).
        slopes: f'(z). Shape (n_neurons, batch).
        signal_urgencies: v = u · f'(z). Shape (n_neurons, batch).
        wants: The urgency of each weight, then of each bias: the mean over the batch of v · x, and
            of v, as the neuron adds it. Shape (n_synapses + n_neurons,).
    """

    activations: Array
    signals: Array
    urgencies: Array
    slopes: Array
    signal_urgencies: Array
    wants: Array


@dataclass(frozen=True, slots=True)
class StepValues:
    """The numbers of a step as the page has them.

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
    """

    activations: Array
    signals: Array
    urgencies: Array
    slopes: Array
    signal_urgencies: Array
    targets: Array
    blame: Array
    losses: Array


def compute_step_numbers(
    network: Network,
    step: RecordedStep,
    unknown: frozenset[str] = frozenset(),
    sums: Sums = ORDERED,
) -> StepNumbers:
    """Compute the numbers of a step from its messages.

    Args:
        network: The network with the parameters that the step began with.
        step: The step.
        unknown: Names of activation functions that are other ones here than in the run.
        sums: The kind of sums that the neurons used.
    """
    a = step.activations
    with np.errstate(all="ignore"):  # a damaged log may contain any numbers
        z, u = _signals(network, a, sums), _urgencies(network, step, sums)
        slopes = _slopes(network, z, a, step.info.loss, unknown)
        v = u * slopes
        wants = _wants(network, a, v, sums)
    number, count = step.info.micro_batch or (1, 1)
    # The commits are these urgencies, except those of the whole batch in its last micro-batch.
    if step.info.mode == "gradient" and (number < count or count == 1):
        commits = np.concatenate([step.weights, step.biases])
        wants = np.where(np.isnan(commits), wants, commits)
    return StepNumbers(a, z, u, slopes, v, wants)


def select_step_values(step: RecordedStep, numbers: StepNumbers, chosen: list[int]) -> StepValues:
    """Return the numbers of some examples of a step, and their means.

    Args:
        step: The step.
        numbers: Its numbers.
        chosen: The positions of the examples in the batch.
    """
    batch = numbers.activations.shape[1]
    losses = step.losses if len(step.losses) == batch else np.full(batch, np.nan)

    def rows(values: Array) -> Array:
        selected = values[..., chosen].T
        if batch == 1:
            return np.ascontiguousarray(selected)
        return np.concatenate([selected, mean_of(values, axis=-1)[None]])

    slopes = rows(numbers.slopes)
    if batch > 1:
        slopes[-1] = mean_of(np.abs(numbers.slopes), axis=1)
    return StepValues(
        activations=rows(numbers.activations),
        signals=rows(numbers.signals),
        urgencies=rows(numbers.urgencies),
        slopes=slopes,
        signal_urgencies=rows(numbers.signal_urgencies),
        targets=rows(step.targets),
        blame=rows(step.blame),
        losses=rows(losses),
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


def _wants(network: Network, a: Array, v: Array, sums: Sums) -> Array:
    """The urgency of each weight, then of each bias, with the sum that the neuron uses itself."""
    wants = np.full(len(network.weights) + len(network.ids), np.nan)
    ones = np.ones((1, a.shape[1]))
    for k in np.flatnonzero(~network.is_input).tolist():
        incoming = network.incoming.of(k)
        rows = np.concatenate([a[network.sources[incoming]], ones])
        found = np.empty(len(rows))
        sums.mean_products(rows, v[k].copy(), found)
        wants[incoming], wants[len(network.weights) + k] = found[:-1], found[-1]
    return wants
