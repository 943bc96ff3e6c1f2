"""Where each row of mail lies, so that whoever reads it finds it in one piece. Arrays of places alone: no mail, no tasks.

Activations `a`: a row for each neuron, level after level, and a row of ones behind each level. Who hears one whole run of
rows that ends with a level reads it where it lies, its row of ones included; for others the rows that they hear are
gathered into a block of `heard`, one block for all who hear the same.

Urgencies `u`: a row for each synapse, and one for each output from the loss, grouped by who reads it: the block of a
source holds a row for each follower. Who writes rows that lie at equal distances writes them there; others write into a
block of `told`, from which the rows are carried over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...network.network import Network
from ...support.validation import Indices


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a ragged list: those of item k are values[start[k]:start[k + 1]]."""

    values: Indices
    start: Indices

    @classmethod
    def of(cls, parts: Indices, lengths: Indices) -> Rows:
        return cls(parts, np.concatenate([[0], np.cumsum(lengths)]))

    def __getitem__(self, k: int) -> Indices:
        return self.values[self.start[k] : self.start[k + 1]]

    def strides(self) -> Indices:
        """For each item the distance between its rows where that is always the same and positive, else 0."""
        lengths = np.diff(self.start)
        steps = np.diff(self.values)
        first = np.minimum(self.start[:-1], max(len(steps) - 1, 0))
        stride = np.where(lengths > 1, steps[first] if len(steps) else 1, 1)
        owner = np.repeat(np.arange(len(lengths)), lengths)
        inside = owner[1:] == owner[:-1]
        wrong = np.bincount(
            owner[1:][inside & (steps != stride[owner[1:]])], minlength=len(lengths)
        )
        return np.where((wrong == 0) & (stride > 0), stride, 0)

    def groups(self, extra: NDArray[np.int8]) -> tuple[Indices, Indices]:
        """Items with the same rows, and the same `extra`: the group of each, and the first item of each group."""
        size, data, start = self.values.itemsize, self.values.tobytes(), self.start.tolist()
        known: dict[tuple[int, bytes], int] = {}
        group = [
            known.setdefault((mark, data[size * a : size * b]), len(known))
            for mark, a, b in zip(extra.tolist(), start, start[1:], strict=False)
        ]
        return np.array(group, dtype=np.intp), np.unique(group, return_index=True)[1]


class Forward:
    """Who hears what. Hearers are the neurons in the network's order, and then the loss."""

    def __init__(self, network: Network) -> None:
        n = len(network.ids)
        level = network.level
        order = np.lexsort((np.arange(n), level))
        self.row = np.empty(n, dtype=np.intp)  # of each neuron in `a`
        self.row[order] = np.arange(n) + level[order]
        self.ones = np.cumsum(np.bincount(level)) + np.arange(
            network.depth + 1
        )  # rows of ones in `a`
        self.n_rows = n + network.depth + 1

        neurons = np.flatnonzero(~network.is_input)
        incoming = network.incoming
        sources = np.concatenate([network.sources[incoming.order], network.output_positions])
        fans = np.append(incoming.sizes[neurons], len(network.outputs))
        is_loss = np.zeros(len(fans), dtype=np.int8)
        is_loss[-1] = 1
        hearing = Rows.of(self.row[sources], fans)
        self.group, first = hearing.groups(is_loss)  # of each hearer
        strides = hearing.strides()[first]
        ends = hearing.values[hearing.start[first + 1] - 1] + 1
        in_place = (strides == 1) & (np.isin(ends, self.ones) | (is_loss[first] == 1))
        self.size = (
            fans[first] + 1 - is_loss[first]
        )  # rows in the block of each group, the ones included
        self.start = np.where(
            in_place, hearing.values[hearing.start[first]], 0
        )  # of the block, in `a` or in `heard`
        gathered = np.flatnonzero(~in_place)
        self.start[gathered] = (
            np.concatenate([[0], np.cumsum(self.size[gathered])[:-1]]) if len(gathered) else 0
        )
        self.n_gathered = int(self.size[gathered].sum())
        self.gathered, self.heard = (
            ~in_place,
            hearing,
        )  # which blocks are gathered, and for each hearer of what rows
        self.first = first  # hearer of each group
        # who speaks to which groups; inputs speak by the environment's mouth
        groups = np.repeat(np.arange(len(first)), fans[first])
        speakers = np.concatenate(
            [sources[hearing.start[k] : hearing.start[k + 1]] for k in first.tolist()]
        )
        by_input = network.is_input[speakers]
        self.hears_world = np.bincount(groups[by_input], minlength=len(first)) > 0
        self.need = np.bincount(groups[~by_input], minlength=len(first)) + self.hears_world
        self.hears_world[-1] = True
        self.need[-1] = (
            np.count_nonzero(~network.is_input[network.output_positions]) + 1
        )  # the targets, or none
        self.told = _by(speakers[~by_input], groups[~by_input], n)


class Backward:
    """Who is told which urgencies, by whom. Readers are the nodes; writers are the neurons, and then the loss.

    wrt_inputs: whether inputs are among the readers.
    """

    def __init__(self, network: Network, wrt_inputs: bool) -> None:
        n = len(network.ids)
        outgoing, incoming = network.outgoing, network.incoming
        is_output = np.zeros(n, dtype=np.int8)
        is_output[network.output_positions] = 1
        self.reads = np.ones(n, dtype=bool) if wrt_inputs else ~network.is_input
        self.size = np.where(self.reads, outgoing.sizes + is_output, 0)
        self.start = np.concatenate([[0], np.cumsum(self.size)[:-1]])
        self.n_rows = int(self.size.sum())
        row = self.row(network)
        outputs = network.output_positions[self.reads[network.output_positions]]
        self.loss_rows = self.start[outputs] + outgoing.sizes[outputs]

        heard = self.reads[network.sources[incoming.order]]
        neurons = np.flatnonzero(~network.is_input)
        listening = np.bincount(network.targets[incoming.order][heard], minlength=n)[neurons]
        rows = np.concatenate([row[incoming.order[heard]], self.loss_rows])
        self.length = np.append(listening, len(outputs))  # how many rows each writer writes
        writing = Rows.of(rows, self.length)
        self.first = (
            rows[np.minimum(writing.start[:-1], len(rows) - 1)] if len(rows) else writing.start[:-1]
        )
        self.stride = np.where(
            self.length > 0, writing.strides(), 1
        )  # from one row to the next; 0: written into `told`
        carried = self.stride == 0
        lengths = np.where(carried, self.length, 0)
        self.told_start = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self.n_told = int(lengths.sum())

        readers = np.flatnonzero(self.reads)
        reading = np.repeat(self.reads, outgoing.sizes)
        followers = Rows.of(network.targets[outgoing.order[reading]], outgoing.sizes[readers])
        group, first = followers.groups(
            is_output[readers] + 2 * network.is_input[readers].astype(np.int8)
        )
        self.group = np.full(n, -1)  # of each reader
        self.group[readers] = group
        heads = readers[first]
        self.need = self.size[heads]
        groups = np.repeat(np.arange(len(first)), outgoing.sizes[heads])
        speakers = (
            np.concatenate([followers[k] for k in first.tolist()])
            if len(first)
            else np.empty(0, dtype=np.intp)
        )
        self.tells = _by(speakers, groups, n)
        self.loss_tells = np.flatnonzero(is_output[heads])
        # what is carried over: for which groups; from cut to cut, its `rows` in `told`; and where it goes in `u`
        owner = np.repeat(np.arange(n), self.size)
        written = rows[np.repeat(carried, self.length)]
        at = self.group[owner[written]]
        order = np.argsort(at, kind="stable")
        at = at[order]
        into = written[order]
        cuts = np.flatnonzero(np.diff(at, prepend=-1, append=-1))
        self.carried, self.cuts = at[cuts[:-1]], cuts
        breaks = np.concatenate([[0], np.cumsum(np.diff(into) != 1)]) if len(into) else into
        one_run = breaks[cuts[:-1]] == breaks[cuts[1:] - 1]
        self.rows = order
        self.into = np.where(one_run, into[cuts[:-1]], -1)  # the first, where they are one run
        self.scattered = into if not one_run.all() else None

    def row(self, network: Network) -> Indices:
        """Of each synapse its row in `u`; meaningless for a source that reads none."""
        outgoing, row = network.outgoing, np.empty(len(network.weights), dtype=np.intp)
        rank = np.arange(len(row)) - np.repeat(outgoing.start[:-1], outgoing.sizes)
        row[outgoing.order] = np.repeat(self.start, outgoing.sizes) + rank
        return row


def _by(members: Indices, groups: Indices, n: int) -> Rows:
    """For each member its groups."""
    return Rows.of(groups[np.argsort(members, kind="stable")], np.bincount(members, minlength=n))


def rows_of(columns: tuple[Any, ...]) -> Iterator[tuple[int, ...]]:
    """Columns of whole numbers, read row by row."""
    return zip(*(column.tolist() for column in columns), strict=True)
