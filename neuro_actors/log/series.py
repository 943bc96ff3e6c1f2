"""Numbers over the steps of a log, gathered batch after batch: what figures show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network.elements import MAX_SYNAPSE_NAME
from ..support.errors import LogError
from ..support.text import shown
from ..support.validation import Array, Indices, did_you_mean
from .reader import NULL, LogReader, Rows
from .row_filter import RowFilter
from .schema import CODE


def row_means(rows: Rows, absolute: bool = False) -> Array:
    """The mean of each row's numbers (n,), or of their absolute values; NaN where there are none."""
    values = np.abs(rows.values) if absolute else rows.values
    return _reduced(np.add, rows, values) / np.maximum(np.diff(rows.starts), 1)


def read_losses(reader: LogReader) -> tuple[NDArray[np.int64], Array]:
    """The numbers of the steps that have a loss, and its mean in each."""
    found = [(rows.step, row_means(rows)) for rows in _chosen(reader, RowFilter(kind="loss"))]
    steps, values = _joined([s for s, _ in found]), _joined([v for _, v in found])
    there = ~np.isnan(values)
    return steps[there].astype(np.int64), values[there]


def read_urgency_by_level(reader: LogReader) -> tuple[NDArray[np.int64], Array]:
    """Steps, and (levels, steps): how strong, |urgency|, a message is that a level hears; NaN where it hears none."""
    network = reader.network
    level = np.append(network.level, [-1, -1, -1])  # the loss, the environment, nobody
    depth = network.depth + 1
    steps: list[NDArray[np.int64]] = []
    parts: list[list[NDArray[Any]]] = []
    for rows in _chosen(reader, RowFilter(kind="urgency")):
        heard = np.flatnonzero(level[rows.receiver] >= 0)
        numbers, which = np.unique(rows.step[heard], return_inverse=True)
        cells = which * depth + level[rows.receiver[heard]]
        each: tuple[Array, Array] = row_means(rows, absolute=True)[heard], np.ones(len(heard))
        parts.append(
            [
                np.bincount(cells, weights, len(numbers) * depth).reshape(-1, depth)
                for weights in each
            ]
        )
        steps.append(numbers)
    every = _joined(steps).astype(np.int64)  # a step may be there twice, cut where a batch ends
    numbers, which = np.unique(every, return_inverse=True)
    sums, counts = np.zeros((len(numbers), depth)), np.zeros((len(numbers), depth))
    if parts:
        np.add.at(sums, which, np.concatenate([s for s, _ in parts]))
        np.add.at(counts, which, np.concatenate([c for _, c in parts]))
    with np.errstate(invalid="ignore"):
        return numbers, (sums / counts).T


class NeuronSeries(NamedTuple):
    """What a neuron said and heard: activation (3, steps) its mean, least and greatest over the examples; urgency the
    mean |urgency| of the messages that it heard, each with the numbers of the steps."""

    said: NDArray[np.int64]
    activation: Array
    heard: NDArray[np.int64]
    urgency: Array


def read_neuron(reader: LogReader, neuron: str) -> NeuronSeries:
    """Raises `LogError` if there is no such neuron."""
    said: list[NDArray[np.int64]] = []
    activation: list[Array] = []
    heard: list[NDArray[np.int64]] = []
    urgency: list[Array] = []
    me = reader.members.index(neuron) if neuron in reader.members else NULL
    for rows in _chosen(reader, RowFilter(neuron)):
        spoken = (rows.kind == CODE["activation"]) & (rows.sender == me) & (rows.receiver == NULL)
        told = (rows.kind == CODE["urgency"]) & (rows.receiver == me)
        said.append(rows.step[spoken])
        least, greatest = (
            _reduced(reduce, rows, rows.values) for reduce in (np.minimum, np.maximum)
        )
        activation.append(np.stack([row_means(rows), least, greatest])[:, spoken])
        heard.append(rows.step[told])
        urgency.append(row_means(rows, absolute=True)[told])
    steps, which = np.unique(_joined(heard).astype(np.int64), return_inverse=True)
    summed = np.bincount(which, _joined(urgency), len(steps)) / np.maximum(
        np.bincount(which, minlength=len(steps)), 1
    )
    spoken_all = np.concatenate(activation, axis=1) if activation else np.empty((3, 0))
    return NeuronSeries(_joined(said).astype(np.int64), spoken_all, steps, summed)


def find_synapse(reader: LogReader, text: str) -> int:
    """The synapse that `a->b` names. Raises `LogError` if there is none."""
    network = reader.network
    parts = text.split("->") if isinstance(text, str) and len(text) <= MAX_SYNAPSE_NAME else [""]
    for cut in range(1, len(parts)):
        ends = ["->".join(parts[:cut]), "->".join(parts[cut:])]
        for source, target in (ends, [end.strip() for end in ends]):
            if source in network.position and target in network.position:
                found = network.incoming.of(network.position[target])
                found = found[network.sources[found] == network.position[source]]
                if len(found):
                    return int(found[0])
    if len(parts) == 1:
        raise LogError(f"a weight is named by its synapse, as 'source->target', got {shown(text)}")
    known = [synapse_name(reader, k) for k in range(min(len(network.weights), 10_000))]
    raise LogError(
        f"{reader.path!r}: there is no synapse {shown(text)}; {did_you_mean(text, known)}"
    )


def synapse_name(reader: LogReader, synapse: int) -> str:
    """A synapse as people write it."""
    network = reader.network
    return f"{network.ids[network.sources[synapse]]} -> {network.ids[network.targets[synapse]]}"


def read_weight(reader: LogReader, synapse: int) -> tuple[NDArray[np.int64], Array]:
    """The weight before the first step, 0, and after each step that taught it."""
    network = reader.network
    target = int(network.targets[synapse])
    place = int(np.flatnonzero(network.incoming.of(target) == synapse)[0])
    steps, values = [0], [float(network.weights[synapse])]
    taught: dict[int, bool] = {}
    for rows in _chosen(reader, RowFilter()):
        for row in np.flatnonzero(rows.kind == CODE["begin"]).tolist():
            taught[int(rows.step[row])] = '"mode": "train"' in (rows.notes[row].as_py() or "")
        for row in np.flatnonzero((rows.kind == CODE["commit"]) & (rows.sender == target)).tolist():
            numbers = rows.values[rows.starts[row] : rows.starts[row + 1]]
            if taught.get(int(rows.step[row])) and place < len(numbers):
                steps.append(int(rows.step[row]))
                values.append(float(numbers[place]))
    return np.array(steps), np.array(values)


def _chosen(reader: LogReader, row_filter: RowFilter) -> Iterator[Rows]:
    return (reader.decode(batch, 0) for batch in row_filter.batches(reader))


def _reduced(how: np.ufunc, rows: Rows, values: Array) -> Array:
    """Each row's numbers made one; NaN where there are none."""
    found = np.full(len(rows), np.nan)
    some: Indices = np.flatnonzero(np.diff(rows.starts))
    if len(some):
        with np.errstate(over="ignore"):
            found[some] = how.reduceat(values, rows.starts[some])
    return found


def _joined(parts: list[NDArray[np.int64]] | list[Array]) -> Array:
    return np.concatenate(parts) if parts else np.empty(0)
