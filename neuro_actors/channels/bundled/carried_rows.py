"""The arrays that carry activations, urgencies and parameters, and each member's part of them.

`row_layout.py` says where the rows lie. Here they are made, and made anew where a step has another
number of columns. Ports that hold their views are handed them then.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from trio.lowlevel import disable_ki_protection

from ...network.network import Network
from ...support.arrays import Array, Indices
from ..step_record import RecordedRows
from .copied_rows import CopiedRows
from .countdown import Countdown, Shutdown, attach_readers, per_member
from .ports import NOTHING, BundledPort, LossPort, ViewlessPort
from .row_layout import Backward, Copies, Forward, expand, rows_of


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
        self,
        network: Network,
        ports: Sequence[BundledPort | ViewlessPort],
        loss: LossPort,
        shutdown: Shutdown,
    ) -> None:
        layout = self._layout = Forward(network)
        self._ports, self._inputs = ports, np.flatnonzero(network.is_input).tolist()
        self._readers = [*(ports[k] for k in np.flatnonzero(~network.is_input).tolist()), loss]
        countdowns = [Countdown(shutdown, need) for need in layout.need.tolist()]
        attach_readers(countdowns, self._readers, layout.group)
        for port, own in zip(ports, per_member(countdowns, layout.countdowns_of), strict=True):
            port.forward = own
        self._copied = _attach_copies(countdowns, layout.copies)
        del layout.countdowns_of, layout.copies  # large, and of no more use
        self.begun = [countdowns[group] for group in np.flatnonzero(layout.begun)]
        self.row: Indices = layout.row
        self._row, self._wide = layout.row.data, network.n_positions.data
        self.values = np.empty((0, 0))

    @disable_ki_protection  # takes long in a large network, and an interrupt here has begun nothing
    def lay_out(self, columns: int) -> None:
        """Make the arrays for steps of so many columns, if they are not so already."""
        if self.values.shape[1] == columns:
            return
        layout = self._layout
        values = self._copied.values = np.ones((layout.n_rows, columns))
        blocks = [
            _as_messages(values[start : start + size], positions)
            for start, size, positions in rows_of((layout.start, layout.size, layout.positions))
        ]
        for reader, group in zip(self._readers, layout.group.tolist(), strict=True):
            reader.activations_in = blocks[group]
        for k in self._inputs:
            row, wide = self._row[k], self._wide[k]
            self._ports[k].activations_in = _as_messages(values[row : row + wide], wide)
        self.values = values
        for k, port in enumerate(self._ports):
            if isinstance(port, BundledPort):
                port.activation_out = self.activation_out(k)

    def activation_out(self, k: int) -> Array:
        """Return what the k-th neuron sends. Shape (columns · positions,)."""
        row, wide = self._row[k], self._wide[k]
        return self.values[row] if wide == 1 else self.values[row : row + wide].reshape(-1)

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
        values: The rows. Shape (n_rows, columns).
        input_urgencies: What inputs send to the environment. Shape (n_inputs, columns).
    """

    def __init__(
        self,
        network: Network,
        ports: Sequence[BundledPort | ViewlessPort],
        loss: LossPort,
        shutdown: Shutdown,
    ) -> None:
        self._network, self._ports, self._loss, self._shutdown = network, ports, loss, shutdown
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
        layout = self._layout
        values = self._copied.values = self.values = np.empty((layout.n_rows, columns))
        for k, port in enumerate(self._ports):
            if isinstance(port, BundledPort):
                port.urgencies_in, port.urgencies_out = self.urgencies_in(k), self.urgencies_out(k)
        self._loss.urgencies_out = self.urgencies_out(len(self._ports))
        of_inputs = values[layout.input_start :]
        of_inputs[...] = 0.0
        wide = int(layout.positions[np.argmax(self._network.is_input)])
        self.input_urgencies = _as_messages(of_inputs, wide)
        self._is_laid_out_for = columns, wrt_inputs

    def urgencies_in(self, k: int) -> Array:
        """Return what the k-th neuron receives. Shape (fan_out, columns · positions)."""
        start = self._start[k]
        return _as_messages(self.values[start : start + self._size[k]], self._positions[k])

    def urgencies_out(self, k: int) -> Array:
        """Return what the k-th neuron sends, or the loss node, if there are k neurons.

        Returns:
            Shape (listening sources, columns · positions of the sources).
        """
        first, length, stride = self._first[k], self._length[k], self._stride[k]
        if (wide := self._wide[k]) == 1:
            return self.values[first : first + length * stride : stride]
        if wide == stride:
            return _as_messages(self.values[first : first + length * wide], wide)
        return _at_distances(self.values, first, length, wide, stride)

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
        self._copied = _attach_copies(countdowns, layout.copies)
        del layout.countdowns_of, layout.copies
        self._start, self._size = layout.start.data, layout.size.data
        self._positions, self._wide = layout.positions.data, layout.wide.data
        self._first, self._length = layout.first.data, layout.length.data
        self._stride = layout.stride.data

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
        """Copy all rows that were not written in place, in a step that is broken off."""
        self._copied.copy_all()


class ParameterRows:
    """What neurons commit, and their parts of directions.

    Args:
        network: The network.
        ports: The ports of its neurons, in its order.

    Attributes:
        commits: The commits of all neurons, one after another. Shape (n_parameters,).
        directions: Their parts of the direction of a tangent step. Shape (n_parameters,).
    """

    def __init__(self, network: Network, ports: Sequence[BundledPort | ViewlessPort]) -> None:
        ends = np.cumsum(network.n_parameters)
        self._ends, self._fans = ends.data, network.n_parameters.data
        self.commits, self.directions = np.empty(int(ends[-1])), NOTHING
        self._holders = {
            k: port
            for k, port in enumerate(ports)
            if isinstance(port, BundledPort) and not network.is_input[k]
        }
        for k, port in self._holders.items():
            port.commit_out = self.commit_out(k)

    def commit_out(self, k: int) -> Array:
        """Return what the k-th neuron commits. Shape (n_parameters of the neuron,)."""
        end = self._ends[k]
        return self.commits[end - self._fans[k] : end]

    def direction(self, k: int) -> Array:
        """Return the k-th neuron's part of the direction. Shape (n_parameters of the neuron,)."""
        end = self._ends[k]
        return self.directions[end - self._fans[k] : end]

    def steer(self, directions: Array) -> None:
        """Take the direction of a tangent step.

        Args:
            directions: The parts of all neurons. Shape (n_parameters,).
        """
        self.directions = directions
        for k, port in self._holders.items():
            port.direction = self.direction(k)


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


def _attach_copies(countdowns: Sequence[Countdown], copies: Copies) -> CopiedRows:
    """Have the countdowns of these groups copy their rows."""
    carried = CopiedRows(copies)
    for number, group in enumerate(copies.groups.tolist()):
        countdowns[group].carried, countdowns[group].group = carried, number
    return carried


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
