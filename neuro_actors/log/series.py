"""Series over the steps of a log, read batch after batch, for figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network.synapse_name import possible_ends
from ..support.arrays import Array, Indices
from ..support.errors import InputError, LogError
from ..support.means import SCALE, finite_mean, mean_of_groups, mean_of_segments
from ..support.text import did_you_mean, quote
from .example_values import WiderSteps
from .reader import NULL, LogReader, Rows
from .row_filter import BatchFilter, RowFilter
from .schema import CODE


def row_means(rows: Rows, absolute: bool = False) -> Array:
    """Return the mean of each row's values.

    Args:
        rows: The rows.
        absolute: Take the mean of the absolute values.

    Returns:
        The means, NaN for a row without values. Shape (n_rows,).
    """
    values = np.abs(rows.values) if absolute else rows.values
    return mean_of_segments(values, rows.starts)


def read_losses(reader: LogReader) -> tuple[NDArray[np.int64], Array]:
    """Read the loss of each step.

    Args:
        reader: The log.

    Returns:
        The numbers of the steps that have a loss, and their mean losses. Shapes (n,) and (n,).
    """
    found = [(rows.step, row_means(rows)) for rows in _select(reader, RowFilter(kind="loss"))]
    steps, values = _concatenate([s for s, _ in found]), _concatenate([v for _, v in found])
    has_loss = ~np.isnan(values)
    return steps[has_loss].astype(np.int64), values[has_loss]


def read_urgency_by_level(reader: LogReader) -> tuple[NDArray[np.int64], Array]:
    """Read how strong the urgencies of each level are.

    Args:
        reader: The log.

    Returns:
        The numbers of the steps, shape (n_steps,), and the mean |urgency| of the messages that each
        level receives, shape (n_levels, n_steps), NaN where a level receives none.
    """
    network = reader.network
    level = np.append(network.level, [-1, -1, -1])  # the loss, the environment, an empty receiver
    depth = network.depth + 1
    steps: list[NDArray[np.int64]] = []
    # of each step and level: the sum, the sum of the numbers divided by SCALE, how many they are
    parts: list[Array] = []
    for rows in _select(reader, RowFilter(kind="urgency")):
        received = np.flatnonzero(level[rows.receiver] >= 0)
        numbers, which = np.unique(rows.step[received], return_inverse=True)
        cells = which * depth + level[rows.receiver[received]]
        strength = row_means(rows, absolute=True)[received]
        with np.errstate(all="ignore"):
            parts.append(
                np.stack(
                    [
                        np.bincount(cells, weights, len(numbers) * depth).reshape(-1, depth)
                        for weights in (strength, strength / SCALE, np.ones(len(received)))
                    ]
                )
            )
        steps.append(numbers)
    # a step may be there twice, if a record batch ends within it
    every = _concatenate(steps).astype(np.int64)
    numbers, which = np.unique(every, return_inverse=True)
    totals = np.zeros((3, len(numbers), depth))
    with np.errstate(all="ignore"):
        if parts:
            for total, added in zip(totals, np.concatenate(parts, axis=1), strict=True):
                np.add.at(total, which, added)
        sums, scaled, counts = totals
        return numbers, finite_mean(sums / counts, scaled / counts).T


class NeuronSeries(NamedTuple):
    """The activations and urgencies of one neuron over the steps.

    Attributes:
        activation_steps: Numbers of the steps in which it sent an activation. Shape (n,).
        activation: Mean, least and greatest activation over the examples. Shape (3, n).
        urgency_steps: Numbers of the steps in which it received urgencies. Shape (m,).
        urgency: The mean |urgency| of the messages that it received. Shape (m,).
    """

    activation_steps: NDArray[np.int64]
    activation: Array
    urgency_steps: NDArray[np.int64]
    urgency: Array


def read_neuron(reader: LogReader, neuron: str) -> NeuronSeries:
    """Read the activations and urgencies of one neuron.

    Args:
        reader: The log.
        neuron: The neuron's id.

    Raises:
        LogError: There is no such neuron.
    """
    sent_steps: list[NDArray[np.int64]] = []
    activation: list[Array] = []
    received_steps: list[NDArray[np.int64]] = []
    urgency: list[Array] = []
    k = reader.members.index(neuron) if neuron in reader.members else NULL
    for rows in _select(reader, RowFilter(neuron)):
        sent = (rows.kind == CODE["activation"]) & (rows.sender == k) & (rows.receiver == NULL)
        received = (rows.kind == CODE["urgency"]) & (rows.receiver == k)
        sent_steps.append(rows.step[sent])
        least, greatest = (
            _reduce_rows(reduce, rows, rows.values) for reduce in (np.minimum, np.maximum)
        )
        activation.append(np.stack([row_means(rows), least, greatest])[:, sent])
        received_steps.append(rows.step[received])
        urgency.append(row_means(rows, absolute=True)[received])
    steps, which = np.unique(_concatenate(received_steps).astype(np.int64), return_inverse=True)
    strength = mean_of_groups(which, _concatenate(urgency), len(steps))
    activations = np.concatenate(activation, axis=1) if activation else np.empty((3, 0))
    return NeuronSeries(_concatenate(sent_steps).astype(np.int64), activations, steps, strength)


def find_synapse(reader: LogReader, text: str) -> int:
    """Return the number of the synapse that a text such as "a->b" names.

    Args:
        reader: The log.
        text: Both ids with "->", "→" or ":" between them. Ids may contain these, too.

    Raises:
        LogError: There is no such synapse.
    """
    network = reader.network
    if not isinstance(text, str):
        raise LogError(f"a weight is named by its synapse, such as 'a->b', got {quote(text)}")
    try:
        possible = possible_ends(text)
    except InputError as error:
        raise LogError(str(error)) from None
    for source, target in possible:
        if source in network.position and target in network.position:
            found = network.incoming.of(network.position[target])
            found = found[network.sources[found] == network.position[source]]
            if len(found):
                return int(found[0])
    known = [synapse_name(reader, k) for k in range(min(len(network.weights), 10_000))]
    raise LogError(
        f"{reader.path!r}: there is no synapse {quote(text)}; {did_you_mean(text, known)}"
    )


def synapse_name(reader: LogReader, synapse: int) -> str:
    """Return a synapse as text, such as "a -> b"."""
    network = reader.network
    return f"{network.ids[network.sources[synapse]]} -> {network.ids[network.targets[synapse]]}"


def read_weight(reader: LogReader, synapse: int) -> tuple[NDArray[np.int64], Array]:
    """Read the weight of a synapse over the steps.

    Args:
        reader: The log.
        synapse: The synapse's number in the network.

    Returns:
        Step 0 and each step in which the weight was learnt, and the weight after each. Shapes
        (n,) and (n,).
    """
    network = reader.network
    target = int(network.targets[synapse])
    index = int(np.flatnonzero(network.incoming.of(target) == synapse)[0])
    steps, values = [0], [float(network.weights[synapse])]
    is_training: dict[int, bool] = {}
    for rows in _select(reader, RowFilter()):
        for row in np.flatnonzero(rows.kind == CODE["begin"]).tolist():
            is_training[int(rows.step[row])] = '"mode": "train"' in (rows.notes[row].as_py() or "")
        for row in np.flatnonzero((rows.kind == CODE["commit"]) & (rows.sender == target)).tolist():
            numbers = rows.values[rows.starts[row] : rows.starts[row + 1]]
            if is_training.get(int(rows.step[row])) and index < len(numbers):
                steps.append(int(rows.step[row]))
                values.append(float(numbers[index]))
    return np.array(steps), np.array(values)


def _select(reader: LogReader, row_filter: RowFilter) -> Iterator[Rows]:
    """The selected rows; of activations and urgencies the numbers of the examples alone."""
    select, wider = BatchFilter(row_filter, reader), WiderSteps()
    for batch in reader.batches():
        wider.note(reader, batch)
        selected = select(batch)
        if len(selected):
            yield wider.keep_examples(reader.decode(selected, 0))


def _reduce_rows(how: np.ufunc, rows: Rows, values: Array) -> Array:
    """The least or the greatest of each row's values; NaN for a row without values."""
    found = np.full(len(rows), np.nan)
    some: Indices = np.flatnonzero(np.diff(rows.starts))
    if len(some):
        found[some] = how.reduceat(values, rows.starts[some])
    return found


def _concatenate(parts: list[NDArray[np.int64]] | list[Array]) -> Array:
    return np.concatenate(parts) if parts else np.empty(0)
