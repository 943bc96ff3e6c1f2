"""The arrays that carry activations and urgencies, and each member's views of its own rows.

`row_layout.py` says where the rows lie. Here they are made, and made anew where a step has another
number of columns: views are handed to the ports, and the countdowns are told which rows to copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from trio.lowlevel import disable_ki_protection

from ...network.network import Network
from ...support.arrays import Array, Indices
from ..step_record import RecordedRows
from .countdown import BundledPort, Countdown, Shutdown, attach_readers, per_member
from .row_layout import Backward, Forward, expand, rows_of


class ForwardRows:
    """Rows of activations.

    Args:
        network: The network.
        ports: The ports of its neurons, in its order.
        loss: The loss node's port.
        shutdown: What the countdowns share.

    Attributes:
        row: The first row of each neuron's activation. Shape (n_neurons,).
        values: The rows. Shape (n_rows, columns).
        begun: The countdowns at which the environment arrives when a step begins.
    """

    def __init__(
        self, network: Network, ports: Sequence[BundledPort], loss: BundledPort, shutdown: Shutdown
    ) -> None:
        layout = self._layout = Forward(network)
        self._positions = network.n_positions
        self._ports, self._inputs = ports, np.flatnonzero(network.is_input)
        self._readers = [*(ports[k] for k in np.flatnonzero(~network.is_input).tolist()), loss]
        self._countdowns = [Countdown(shutdown, need) for need in layout.need.tolist()]
        attach_readers(self._countdowns, self._readers, layout.group)
        for port, countdowns in zip(
            ports, per_member(self._countdowns, layout.countdowns_of), strict=True
        ):
            port.forward = countdowns
        del layout.countdowns_of  # large, and of no more use
        self.begun = [self._countdowns[group] for group in np.flatnonzero(layout.begun)]
        self.row: Indices = layout.row
        self.values = np.empty((0, 0))

    @disable_ki_protection  # takes long in a large network, and an interrupt here has begun nothing
    def lay_out(self, columns: int) -> None:
        """Make the arrays for steps of so many columns, if they are not so already."""
        if self.values.shape[1] == columns:
            return
        layout = self._layout
        values = np.ones((layout.n_rows, columns))
        gathered_values = np.ones((layout.n_gathered, columns))
        blocks, first_rows = [], {size: slice(size) for size in set(layout.read.lengths.tolist())}
        rows = layout.read
        places = (layout.start, layout.size, layout.positions, layout.gathered, layout.first)
        for countdown, (start, size, positions, gathered, reader) in zip(
            self._countdowns, rows_of(places), strict=True
        ):
            block = (gathered_values if gathered else values)[start : start + size]
            blocks.append(_as_messages(block, positions))
            if gathered:
                first, count = int(rows.start[reader]), len(rows[reader])
                where = first_rows[count] if count < size else ...
                countdown.copies(block, where, values, rows.values, first, count)
        for port, group in zip(self._readers, layout.group.tolist(), strict=True):
            port.activations_in = blocks[group]
        outputs = rows_of((layout.row, self._positions))
        for port, (row, wide) in zip(self._ports, outputs, strict=True):
            port.activation_out = values[row] if wide == 1 else values[row : row + wide].reshape(-1)
        inputs = layout.row[self._inputs], self._positions[self._inputs]
        for k, (row, wide) in zip(self._inputs.tolist(), rows_of(inputs), strict=True):
            self._ports[k].activations_in = _as_messages(values[row : row + wide], wide)
        self.values = values

    def begin(self, x: Array) -> None:
        """Write what the environment sends to the inputs, which are the first level.

        Args:
            x: For each input its row. Shape (n_inputs, columns · positions).
        """
        wide = x.shape[1] // self.values.shape[1]
        _as_messages(self.values[: len(x) * wide], wide)[...] = x


class BackwardRows:
    """Rows of urgencies.

    Args:
        network: The network.
        ports: The ports of its neurons, in its order.
        loss: The loss node's port.
        shutdown: What the countdowns share.

    Attributes:
        values: The rows that neurons read. Shape (n_rows, columns).
        input_urgencies: What inputs send to the environment. Shape (n_inputs, columns).
    """

    def __init__(
        self, network: Network, ports: Sequence[BundledPort], loss: BundledPort, shutdown: Shutdown
    ) -> None:
        self._network, self._ports, self._loss, self._shutdown = network, ports, loss, shutdown
        self._inputs = np.flatnonzero(network.is_input).tolist()
        self._writers = [*(ports[k] for k in np.flatnonzero(~network.is_input).tolist()), loss]
        self._countdowns: list[Countdown] = []
        self._is_laid_out_for: tuple[int, bool] | None = None
        self._places: tuple[Indices, Indices] | None = None
        self.values = self.input_urgencies = np.empty((0, 0))

    @disable_ki_protection
    def lay_out(self, columns: int, wrt_inputs: bool) -> None:
        """Make the arrays for steps of so many columns, if they are not so already.

        Args:
            columns: The number of columns.
            wrt_inputs: Whether inputs read urgencies.
        """
        if self._is_laid_out_for == (columns, wrt_inputs):
            return
        if self._is_laid_out_for is None or self._is_laid_out_for[1] != wrt_inputs:
            self._connect(wrt_inputs)
        layout, countdowns = self._layout, self._countdowns
        u, scratch = np.empty((layout.n_rows, columns)), np.empty((layout.n_scratch, columns))
        readers = (layout.start, layout.size, layout.positions)
        for port, (start, size, positions) in zip(self._ports, rows_of(readers), strict=True):
            port.urgencies_in = _as_messages(u[start : start + size], positions)
        writers = (layout.first, layout.length, layout.wide, layout.stride, layout.scratch_start)
        for port, (row, length, wide, stride, start) in zip(
            self._writers, rows_of(writers), strict=True
        ):
            if not stride:
                port.urgencies_out = _as_messages(scratch[start : start + length * wide], wide)
            elif wide == 1:
                port.urgencies_out = u[row : row + length * stride : stride]
            else:
                port.urgencies_out = _at_distances(u, row, length, wide, stride)
        copied = (layout.copied, layout.into, layout.cuts[:-1], layout.cuts[1:])
        for group, first, start, end in rows_of(copied):
            head = int(layout.head[group])
            into = u[layout.start[head] : layout.start[head] + layout.size[head]]
            where: Any = ...
            if first < 0:
                assert layout.scattered is not None
                into, where = u, layout.scattered[start:end]
            elif len(countdowns[group].members) > 1 or len(into) != end - start:
                into = u[first : first + end - start]
            countdowns[group].copies(into, where, scratch, layout.rows, start, end - start)
        wide = int(layout.positions[self._inputs[0]])
        self.values, self.input_urgencies = u, np.zeros((len(self._inputs), columns * wide))
        for i, k in enumerate(self._inputs):
            self._ports[k].urgencies_out = self.input_urgencies[i : i + 1]
        self._is_laid_out_for = columns, wrt_inputs

    def _connect(self, wrt_inputs: bool) -> None:
        """Make the countdowns, at which inputs wait, too, if `wrt_inputs`."""
        self._is_laid_out_for = self._places = None
        layout = self._layout = Backward(self._network, wrt_inputs)
        countdowns = [Countdown(self._shutdown, need) for need in layout.need.tolist()]
        readers = np.flatnonzero(layout.reads)
        attach_readers(
            countdowns, [self._ports[k] for k in readers.tolist()], layout.group[readers]
        )
        for port, own in zip(
            self._ports, per_member(countdowns, layout.countdowns_of), strict=True
        ):
            port.backward = own
        self._loss.backward = tuple(countdowns[group] for group in layout.loss_countdowns.tolist())
        del layout.countdowns_of
        self._countdowns = countdowns

    def rows_for_records(self) -> tuple[Indices, Indices]:
        """Return the first row of each synapse, and of each output's urgency from the loss node.

        They mean nothing for a neuron that reads none.

        Returns:
            Arrays of shapes (n_synapses,) and (n_outputs,).
        """
        if self._places is None:
            self._places = self._layout.row(self._network), self._loss_rows()
        return self._places

    def _loss_rows(self) -> Indices:
        outputs = self._network.output_positions
        from_loss = np.zeros(len(outputs), dtype=np.intp)
        from_loss[self._layout.reads[outputs]] = self._layout.loss_rows
        return from_loss

    def copy_all(self) -> None:
        """Copy all rows that were written into the scratch array, in a step that is broken off."""
        for countdown in self._countdowns:
            countdown.copy_rows()


def record_rows(values: Array, first: Indices, positions: Indices) -> RecordedRows:
    """Return the messages whose rows begin there, for a step's record.

    Args:
        values: All rows. Shape (n_rows, columns).
        first: The first row of each message. Shape (n_messages,).
        positions: How many rows each message has. Shape (n_messages,).
    """
    if (positions == 1).all():
        return RecordedRows(values, first)
    taken = values.take(expand(first, positions), 0, mode="clip")
    is_ragged = (positions != positions[0]).any()
    return RecordedRows(taken.reshape(-1) if is_ragged else taken.reshape(len(first), -1))


def _as_messages(rows: Array, positions: int) -> Array:
    """Return rows as messages of `positions` rows. Shape (n_messages, columns · positions)."""
    if positions == 1:
        return rows
    return rows.reshape(len(rows) // positions, positions * rows.shape[1])


def _at_distances(rows: Array, first: int, count: int, wide: int, stride: int) -> Array:
    """Return messages of `wide` rows that lie `stride` rows apart. A view that can be written."""
    columns, size = rows.shape[1], rows.itemsize
    return np.lib.stride_tricks.as_strided(
        rows[first:], (count, wide * columns), (stride * columns * size, size)
    )
