"""The numbers of one step: of all its examples, and of those that the page shows.

A neuron that lives at several positions has a row for each; see `position_rows.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..network import functions
from ..network.dropout import read_dropout
from ..neuron.dropout_rule import draw_mask_of_round
from ..neuron.sums import ORDERED, Sums
from ..neuron.time_round import TimeRound
from ..support.arrays import Array, Indices
from ..support.means import mean_of
from .position_rows import PositionRows

if TYPE_CHECKING:
    from ..log.steps import RecordedStep
    from ..network.network import Network


@dataclass(frozen=True, slots=True)
class StepNumbers:
    """The numbers of all examples of a step. NaN stands for what the log does not contain.

    Attributes:
        activations: a. Shape (neuron rows, batch).
        signals: z; NaN for interneurons. Shape (neuron rows, batch).
        urgencies: u. Shape (neuron rows, batch).
        slopes: f'(z); of a dropout its mask, of other interneurons NaN. Shape (neuron rows, batch).
        signal_urgencies: v = u · f'(z); NaN for interneurons. Shape (neuron rows, batch).
        messages: What interneurons sent back along their synapses, in synapse order, at the
            positions of the sources. Shape (rows of these synapses, batch).
        wants: The urgency of each weight, then of each bias: the mean over the batch of v · x, and
            of v, added up over the positions, as the neuron adds it; 0 where nothing is learnt.
            Shape (n_synapses + n_neurons,).
    """

    activations: Array
    signals: Array
    urgencies: Array
    slopes: Array
    signal_urgencies: Array
    messages: Array
    wants: Array


@dataclass(frozen=True, slots=True)
class StepValues:
    """The numbers of a step as the page has them.

    Each selected example has a row. If the batch has several examples, a last row has the means
    over the whole batch. NaN stands for what the log does not contain.

    Attributes:
        activations: a. Shape (rows, neuron rows).
        signals: z. Shape (rows, neuron rows).
        urgencies: u. Shape (rows, neuron rows).
        slopes: f'(z); in the row of means the mean of |f'(z)|, which is 0 if the neuron passes no
            urgency on for any example. Shape (rows, neuron rows).
        signal_urgencies: v = u · f'(z). Shape (rows, neuron rows).
        messages: What interneurons sent back. Shape (rows, rows of these synapses).
        targets: Targets. Shape (rows, output rows).
        blame: The urgencies that the loss sent. Shape (rows, output rows).
        losses: Losses. Shape (rows,).
    """

    activations: Array
    signals: Array
    urgencies: Array
    slopes: Array
    signal_urgencies: Array
    messages: Array
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
    rows, batch = PositionRows(network.n_positions), step.info.batch
    a = rows.from_columns(step.activations, batch)
    with np.errstate(all="ignore"):  # a damaged log may contain any numbers
        z, u = _signals(network, rows, a, sums), _urgencies(network, rows, step, sums)
        slopes = _slopes(network, rows, z, a, step, unknown)
        v = np.where(rows.each(network.is_interneuron)[:, None], np.nan, u * slopes)
        wants = _wants(network, rows, a, v, sums)
    number, count = step.info.micro_batch or (1, 1)
    here = TimeRound.read(step.info.round)
    # The commits are these urgencies, except those of the whole batch in its last micro-batch, and
    # the sums over all ticks in the last round through time.
    is_own = not here.is_last if here is not None else number < count or count == 1
    if step.info.mode == "gradient" and is_own:
        commits = np.concatenate([step.weights, step.biases])
        wants = np.where(np.isnan(commits), wants, commits)
    into = into_interneurons(network)
    sent = synapse_rows(network, into).from_columns(step.urgencies[into], batch)
    return StepNumbers(a, z, u, slopes, v, sent, wants)


def into_interneurons(network: Network) -> Indices:
    """Return the synapses whose target is an interneuron. Shape (synapses,)."""
    return np.flatnonzero(network.is_interneuron[network.targets])


def synapse_rows(network: Network, synapses: Indices) -> PositionRows:
    """Return the rows of some synapses' urgencies: they live where their sources live.

    Args:
        network: The network.
        synapses: The positions of the synapses. Shape (some,).
    """
    return PositionRows(network.n_positions[network.sources[synapses]])


def select_step_values(step: RecordedStep, numbers: StepNumbers, chosen: list[int]) -> StepValues:
    """Return the numbers of some examples of a step, and their means.

    Args:
        step: The step.
        numbers: Its numbers.
        chosen: The positions of the examples in the batch.
    """
    batch, network = numbers.activations.shape[1], step.network
    losses = step.losses if len(step.losses) == batch else np.full(batch, np.nan)
    outputs = PositionRows(network.n_positions[network.output_positions])

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
        messages=rows(numbers.messages),
        targets=rows(outputs.from_columns(step.targets, batch)),
        blame=rows(outputs.from_columns(step.blame, batch)),
        losses=rows(losses),
    )


def _learners(network: Network) -> list[int]:
    """The positions of the neurons that are no inputs and no interneurons."""
    return np.flatnonzero(~network.is_input & ~network.is_interneuron).tolist()


def received_columns(network: Network, rows: PositionRows, a: Array, k: int) -> Array:
    """Return what a neuron received, as it had it. Shape (fan_in, columns of the sources).

    Args:
        network: The network.
        rows: Where the rows of each neuron are.
        a: The activations. Shape (neuron rows, batch).
        k: The neuron.
    """
    sources = network.sources[network.incoming.of(k)]
    if rows.total == len(rows.count):
        return a[sources]
    return np.stack([rows.to_columns(a, int(source)) for source in sources])


def _signals(network: Network, rows: PositionRows, a: Array, sums: Sums) -> Array:
    """z of each neuron, with the sum that the neuron uses itself; NaN for others."""
    z = np.full(a.shape, np.nan)
    for k in _learners(network):
        received = received_columns(network, rows, a, k)
        received = np.concatenate([received, np.ones((1, received.shape[1]))])
        weights = np.append(network.weights[network.incoming.of(k)], network.biases[k])
        z[rows.of(k)] = sums.weighted_sum(weights, received).reshape(a.shape[1], -1).T
    return z


def _urgencies(network: Network, rows: PositionRows, step: RecordedStep, sums: Sums) -> Array:
    """u of each neuron: the sum of the urgencies from its followers and the loss."""
    batch = step.info.batch
    u = np.full((rows.total, batch), np.nan)
    output = {int(k): row for row, k in enumerate(network.output_positions)}
    for k, positions in enumerate(network.n_positions.tolist()):
        found = step.urgencies[network.outgoing.of(k)]
        if k in output:
            found = np.concatenate([found, step.blame[[output[k]]]])
        own = np.ascontiguousarray(found[:, : batch * positions])
        u[rows.of(k)] = sums.sum_of_rows(own).reshape(batch, positions).T
    return u


def _slopes(
    network: Network, rows: PositionRows, z: Array, a: Array, step: RecordedStep,
    unknown: frozenset[str],
) -> Array:  # fmt: skip
    """f'(z) of each neuron; NaN for inputs and for activation functions unknown to this process."""
    slopes = np.full(z.shape, np.nan)
    kinds = np.array(network.activations)
    is_learner = ~network.is_input & ~network.is_interneuron
    for name in set(network.activations) & set(functions.ACTIVATIONS) - unknown:
        here = (kinds == name) & is_learner
        for some, function in (
            (here & ~network.is_output, functions.activation(name)),
            (
                here & network.is_output,
                functions.output_activation(name).before(step.info.loss),
            ),
        ):
            if some.any():
                at = rows.index(some)
                slopes[at] = function.slope(z[at], a[at])
    for k, node in network.interneurons.items():
        dropout = read_dropout(node.combination)
        if dropout is not None:
            slopes[rows.of(k)] = _mask(step, node.id, dropout, slopes[rows.of(k)].shape)
    return slopes


def _mask(step: RecordedStep, id: str, dropout: tuple[float, int], shape: tuple[int, ...]) -> Array:
    """By how much a dropout multiplied each of its numbers in a step. Shape (positions, batch)."""
    positions, batch = shape
    about = step.info.number, step.info.round, step.info.loss
    return draw_mask_of_round(dropout, id, about, batch * positions).reshape(batch, positions).T


def _wants(network: Network, rows: PositionRows, a: Array, v: Array, sums: Sums) -> Array:
    """The urgency of each weight, then of each bias, with the sum that the neuron uses itself."""
    n = len(network.weights)
    wants = np.where(network.is_interneuron, 0.0, np.nan)
    wants = np.concatenate([wants[network.targets], wants])
    for k in _learners(network):
        received = received_columns(network, rows, a, k)
        received = np.concatenate([received, np.ones((1, received.shape[1]))])
        found = np.empty(len(received))
        sums.mean_products(received, rows.to_columns(v, k), found, int(rows.count[k]))
        wants[network.incoming.of(k)], wants[n + k] = found[:-1], found[-1]
    return wants
