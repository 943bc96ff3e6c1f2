"""Where each row of activations and urgencies lies, so that its reader finds its rows in one piece.

Arrays of places alone: no messages, no tasks.

A neuron that lives at P positions has P rows wherever one row is spoken of below: they follow each
other, and its readers see them as one long row.

Activations: one row per neuron, level after level, and a row of ones behind each level. If a
neuron's sources are one contiguous run that ends a level, the neuron reads them in place, and the
row of ones follows. Otherwise the rows are gathered into a block behind all levels. All neurons
with the same sources share one block.

Urgencies: one row per synapse, and one per output for the loss node's, grouped by reader: the block
of a source holds a row for each follower. A writer whose rows lie at equal distances writes them in
place. Another one writes into rows of its own behind these blocks, from which they are copied. Last
come the rows that inputs write for the environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...network.network import Network
from ...support.arrays import Indices


@dataclass(frozen=True, slots=True)
class Rows:
    """A ragged list of rows: those of item k are `values[start[k]:start[k + 1]]`.

    Attributes:
        values: The rows of all items, one item after another. Shape (n_rows,).
        start: Where each item begins in `values`. Shape (n_items + 1,).
    """

    values: Indices
    start: Indices

    @classmethod
    def of(cls, values: Indices, lengths: Indices) -> Rows:
        """Make the list.

        Args:
            values: The rows of all items. Shape (n_rows,).
            lengths: How many rows each item has. Shape (n_items,).
        """
        return cls(values, np.concatenate([[0], np.cumsum(lengths)]))

    def of_items(self, items: Indices) -> Rows:
        """Return the rows of some items.

        Args:
            items: The numbers of the items. Shape (n,).
        """
        lengths = self.lengths[items]
        return Rows.of(self.values[expand(self.start[items], lengths)], lengths)

    @property
    def lengths(self) -> Indices:
        """How many rows each item has. Shape (n_items,)."""
        return np.diff(self.start)

    def strides(self) -> Indices:
        """Return for each item the distance of its rows, if they all have the same and it is
        positive, otherwise 0. Shape (n_items,)."""
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

    def groups(self, mark: NDArray[np.int8]) -> tuple[Indices, Indices]:
        """Group the items that have the same rows and the same mark.

        Args:
            mark: A number for each item. Shape (n_items,).

        Returns:
            The group of each item, shape (n_items,), and the first item of each group.
        """
        size, data, start = self.values.itemsize, self.values.tobytes(), self.start.tolist()
        known: dict[tuple[int, bytes], int] = {}
        group = [
            known.setdefault((number, data[size * a : size * b]), len(known))
            for number, a, b in zip(mark.tolist(), start, start[1:], strict=False)
        ]
        return np.array(group, dtype=np.intp), np.unique(group, return_index=True)[1]


@dataclass(frozen=True, slots=True)
class Copies:
    """Rows that are not read where they are written, group of readers after group.

    Attributes:
        groups: The groups that have rows copied. Shape (n_copied,).
        written: Where the rows are written. Shape (n_rows,).
        start: Where those of each group begin in `written`. Shape (n_copied + 1,).
        read: The first row of where each group reads them, or -1 if they do not follow each other
            there. Shape (n_copied,).
        scattered: Where each row of such a group is read, by place in `groups`. Shape (rows of the
            group,) each.
    """

    groups: Indices
    written: Indices
    start: Indices
    read: Indices
    scattered: dict[int, Indices]


class Forward:
    """Which rows of activations each member reads. Readers are the neurons, then the loss node.

    Args:
        network: The network.

    Attributes:
        row: The first row of each neuron's activation. Shape (n_neurons,).
        n_rows: How many rows there are, rows of ones and gathered blocks among them.
        group: The group of each reader; readers of the same rows share a group, and its block.
            Shape (n_readers,).
        size: How many rows a group's block has, the row of ones among them. Shape (n_groups,), as
            the following arrays.
        positions: How many positions the sources live at.
        start: Where the block begins.
        need: How many arrivals complete the block: one for each neuron among the sources, one for
            all inputs together. The loss node's: one for the targets, or for there being none.
        begun: Whether the environment arrives at the group's countdown when a step begins.
        copies: The rows of gathered blocks.
        countdowns_of: For each neuron the groups at whose countdown it arrives.
    """

    def __init__(self, network: Network) -> None:
        n = len(network.ids)
        level, wide = network.level, network.n_positions
        order = np.lexsort((np.arange(n), level))
        n_ones = np.zeros(network.depth + 1, dtype=np.intp)  # of each level
        np.maximum.at(n_ones, level, wide)
        ones_before = np.cumsum(n_ones) - n_ones
        self.row = np.empty(n, dtype=np.intp)
        self.row[order] = _starts(wide[order]) + ones_before[level[order]]
        ones = np.cumsum(np.bincount(level, weights=wide).astype(np.intp)) + ones_before
        n_levels = int(wide.sum() + n_ones.sum())

        neurons = np.flatnonzero(~network.is_input)
        incoming = network.incoming
        sources = np.concatenate([network.sources[incoming.order], network.output_positions])
        fans = np.append(incoming.sizes[neurons], len(network.outputs))
        is_loss = np.zeros(len(fans), dtype=np.int8)
        is_loss[-1] = 1
        from_sources = Rows.of(sources, fans)
        per_source = wide[sources[from_sources.start[:-1]]]
        read = Rows.of(expand(self.row[sources], wide[sources]), fans * per_source)
        self.group, first = read.groups(is_loss)
        self.positions = per_source[first]
        self.size: Indices = read.lengths[first] + np.where(is_loss[first], 0, self.positions)
        ends = read.values[read.start[first + 1] - 1] + 1
        in_place = (read.strides()[first] == 1) & (np.isin(ends, ones) | (is_loss[first] == 1))
        self.start = read.values[read.start[first]]
        gathered = np.flatnonzero(~in_place)
        self.start[gathered] = n_levels + _starts(self.size[gathered])
        self.n_rows = n_levels + int(self.size[gathered].sum())
        copied = read.of_items(first[gathered])
        self.copies = Copies(gathered, copied.values, copied.start, self.start[gathered], {})

        groups = np.repeat(np.arange(len(first)), fans[first])
        writers = from_sources.of_items(first).values
        by_input = network.is_input[writers]
        reads_inputs = np.bincount(groups[by_input], minlength=len(first)) > 0
        self.need = np.bincount(groups[~by_input], minlength=len(first)) + reads_inputs
        self.need[-1] = np.count_nonzero(~network.is_input[network.output_positions]) + 1
        self.begun = reads_inputs
        self.begun[-1] = True
        self.countdowns_of = _groups_of(writers[~by_input], groups[~by_input], n)


class Backward:
    """Which rows of urgencies each member reads and writes.

    Readers are the neurons, inputs among them. Writers are the neurons, then the loss node. What an
    input writes is for the environment.

    Args:
        network: The network.
        wrt_inputs: Whether inputs read urgencies.

    Attributes:
        reads: Whether each neuron is a reader. Shape (n_neurons,).
        positions: How many positions each neuron lives at. Shape (n_neurons,).
        size: How many rows each neuron reads. Shape (n_neurons,).
        start: Where its block begins. Shape (n_neurons,).
        input_start: Where the rows begin that inputs write.
        n_rows: How many rows there are.
        loss_rows: The rows that the loss node writes, one for each output that reads. Shape
            (n_reading outputs,).
        length: How many messages each writer writes. Shape (n_neurons + 1,), as the following
            arrays.
        wide: How many rows each of them has.
        first: The first of these rows.
        stride: The distance from one message to the next.
        group: The group of each reader, -1 for others; readers with the same followers share a
            group. Shape (n_neurons,).
        need: How many writers complete the rows of a group's readers. Shape (n_groups,).
        countdowns_of: For each neuron the groups at whose countdown it arrives.
        loss_countdowns: The groups at whose countdown the loss node arrives.
        copies: The rows that are not written in place.
    """

    def __init__(self, network: Network, wrt_inputs: bool) -> None:
        n = len(network.ids)
        outgoing, incoming = network.outgoing, network.incoming
        is_output = np.zeros(n, dtype=np.int8)
        is_output[network.output_positions] = 1
        self.reads = np.ones(n, dtype=bool) if wrt_inputs else ~network.is_input
        wide = self.positions = network.n_positions
        messages = np.where(self.reads, outgoing.sizes + is_output, 0)
        self.size = messages * wide
        self.start = _starts(self.size)
        n_read = int(self.size.sum())
        outputs = network.output_positions[self.reads[network.output_positions]]
        self.loss_rows = self.start[outputs] + outgoing.sizes[outputs] * wide[outputs]

        # writers; of inputs, which write to no neuron, this comes to 0 messages first
        is_read = self.reads[network.sources[incoming.order]]
        written = np.bincount(network.targets[incoming.order][is_read], minlength=n)
        rows = np.concatenate([self.row(network)[incoming.order[is_read]], self.loss_rows])
        self.length = np.append(written, len(outputs))
        readers_of = np.concatenate([network.sources[incoming.order[is_read]], outputs])
        writing = Rows.of(rows, self.length)
        starts = np.minimum(writing.start[:-1], max(len(rows) - 1, 0))
        self.first = rows[starts] if len(rows) else starts
        self.wide = wide[readers_of[starts]] if len(rows) else np.ones_like(starts)
        self.stride = np.where(self.length > 0, writing.strides(), 1)
        is_copied = self.stride == 0
        copies = np.repeat(is_copied, self.length)
        lengths = np.where(is_copied, self.length * self.wide, 0)
        self.first = np.where(is_copied, n_read + _starts(lengths), self.first)
        self.stride = np.where(is_copied, self.wide, self.stride)
        self.input_start = n_read + int(lengths.sum())
        inputs = np.flatnonzero(network.is_input)
        self.length[inputs], self.wide[inputs] = 1, wide[inputs]
        self.first[inputs] = self.input_start + _starts(wide[inputs])
        self.n_rows = self.input_start + int(wide[inputs].sum())

        # readers
        readers = np.flatnonzero(self.reads)
        reading = np.repeat(self.reads, outgoing.sizes)
        followers = Rows.of(network.targets[outgoing.order[reading]], outgoing.sizes[readers])
        group, first = followers.groups(
            is_output[readers] + 2 * network.is_input[readers].astype(np.int8)
        )
        self.group = np.full(n, -1)
        self.group[readers] = group
        heads = readers[first]
        self.need = messages[heads]
        groups = np.repeat(np.arange(len(first)), outgoing.sizes[heads])
        self.countdowns_of = _groups_of(followers.of_items(first).values, groups, n)
        self.loss_countdowns = np.flatnonzero(is_output[heads])

        # rows that are copied, group after group
        owner = np.repeat(np.arange(n), self.size)
        target = expand(rows[copies], wide[readers_of[copies]])
        group_of = self.group[owner[target]]
        order = np.argsort(group_of, kind="stable")
        group_of, into = group_of[order], target[order]
        cuts = np.flatnonzero(np.diff(group_of, prepend=-1, append=-1))
        breaks = np.concatenate([[0], np.cumsum(np.diff(into) != 1)]) if len(into) else into
        is_run = breaks[cuts[:-1]] == breaks[cuts[1:] - 1]
        self.copies = Copies(
            group_of[cuts[:-1]],
            n_read + order,
            cuts,
            np.where(is_run, into[cuts[:-1]], -1),
            {k: into[cuts[k] : cuts[k + 1]].copy() for k in np.flatnonzero(~is_run).tolist()},
        )

    def row(self, network: Network) -> Indices:
        """Return the first row of each synapse. It means nothing for a source that is no reader.

        Args:
            network: The network.

        Returns:
            Shape (n_synapses,).
        """
        outgoing, row = network.outgoing, np.empty(len(network.weights), dtype=np.intp)
        rank = np.arange(len(row)) - np.repeat(outgoing.start[:-1], outgoing.sizes)
        wide = np.repeat(self.positions, outgoing.sizes)
        row[outgoing.order] = np.repeat(self.start, outgoing.sizes) + rank * wide
        return row


def expand(first: Indices, lengths: Indices) -> Indices:
    """Return all rows of runs that begin there and are so long, one run after another.

    Args:
        first: The first row of each run. Shape (n_runs,).
        lengths: How many rows each has. Shape (n_runs,).
    """
    if (lengths == 1).all():
        return first
    run = np.arange(int(lengths.sum())) - np.repeat(_starts(lengths), lengths)
    return np.repeat(first, lengths) + run


def rows_of(columns: tuple[Any, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the rows of a table of whole numbers, given by its columns."""
    return zip(*(column.tolist() for column in columns), strict=True)


def _starts(lengths: Indices) -> Indices:
    """Where each of several blocks begins that lie one after another."""
    return np.cumsum(lengths) - lengths


def _groups_of(members: Indices, groups: Indices, n: int) -> Rows:
    """The groups of each member."""
    return Rows.of(groups[np.argsort(members, kind="stable")], np.bincount(members, minlength=n))
