"""Where in a step's numbers each member finds its mail, and where it writes what it sends.

Places alone: nothing is computed here. `width` is the number of numbers of a message: columns for
each position that it is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ...channels.routes import Moment, StepKind
from ...network.network import Network
from ...support.arrays import Array, Indices
from .expected_rows import ExpectedRows

NONE = np.empty(0)


class MemberRows(NamedTuple):
    """One member's part in a step. A member whose mail is not all recorded is not replayed.

    Places are those of the step's numbers. Rows are counted among the rows that the log has.

    Attributes:
        member: The neuron's position in the network.
        input_values: Of an input, the places of what the environment sent. None: not recorded.
        direction: Of a neuron, the places of its part of a direction. None: not recorded.
        block: Of a neuron, the number of its activations in `MailMap.mail`. None: not all recorded.
        urgencies_in: The places of the urgencies that it receives. Shape (followers, width). None:
            not all recorded, or it receives none.
        activation_out: Receives its activation: its part of `should`, or a buffer. Shape (width,).
        urgencies_out: Receives its urgencies likewise. Shape (listening sources, their width).
        commit_out: Receives its commit likewise. Shape (n_parameters,).
        order: If `urgencies_out` is a buffer, those of its rows that are recorded. Shape (rows,).
        scattered: If `urgencies_out` is a buffer, the places of these rows. Shape (rows, width).
        commit: The places of its commit. None: not recorded.
        activation_row: The row of its activation. None: not recorded.
        response_rows: The rows of its urgencies and its commit, those that are recorded.
    """

    member: int
    input_values: slice | None
    direction: slice | None
    block: int | None
    urgencies_in: Indices | None
    activation_out: Array
    urgencies_out: Array
    commit_out: Array
    order: Indices
    scattered: Indices | None
    commit: slice | None
    activation_row: int | None
    response_rows: list[int]


class _Grid:
    """The activations of all neurons that live at so many positions; behind them a row of ones.

    Args:
        width: How many numbers each activation has.
        neurons: The neurons, in order. Shape (n,).
        places: Where their numbers are. Shape (n, width). None: the log has no activation.
    """

    def __init__(self, width: int, neurons: Indices, places: Indices | None) -> None:
        self.neurons, self._places = neurons, places
        self.values = np.ones((len(neurons) + 1, width))

    def read(self, recorded: Array) -> None:
        """Take the activations of a step, whose numbers are `recorded`, (n_numbers,)."""
        if self._places is not None:
            np.take(recorded, self._places, out=self.values[:-1], mode="clip")


class MailMap:
    """Where, in one kind of step, each member finds its mail and writes what it sends.

    Args:
        network: The network.
        expected: The rows of the step.
        with_loss: Whether the step has a loss.
        wrt_inputs: Whether urgencies reach the inputs.
        bounded: Whether bounds on rounding are computed beside the numbers.
        present: Which of the expected rows the log has. None: all of them. Shape (n_present,).

    Attributes:
        expected: The rows of the step.
        with_loss: Whether the step has a loss.
        starts: Where the numbers of each row begin. Shape (n_rows + 1,).
        should: Receives what the numbers should be. Shape (n_numbers,).
        slack: Receives how far rounding may carry each. Shape (n_numbers,), or (0,).
        columns: How many numbers an activation has for each position; 0 if the log has no
            activation or urgency.
        parts: The part of each neuron.
        margins: The same, for bounds on rounding.
        predictions: Places of the outputs' activations. Shape (n_outputs, width). None: not all
            recorded.
        targets: Places of the targets. Shape (n_outputs, batch · positions). None: not all
            recorded.
        output_width: How many numbers a prediction has.
        loss_row: The row of the losses, -1 if it is not recorded.
        loss_urgency_rows: The rows of the loss node's urgencies, -1 for those not recorded. Shape
            (listening outputs,).
        n_messages: How many messages each row stands for. Shape (n_rows,).
        messages: How many messages there are.
        given: How many of them no replay can prove, as those of the environment.
        early: Rows whose sender had not received all its mail when it sent them.
    """

    def __init__(
        self,
        network: Network,
        expected: ExpectedRows,
        *,
        with_loss: bool,
        wrt_inputs: bool,
        bounded: bool,
        present: Indices | None = None,
    ) -> None:
        self.expected, self.with_loss, self._wrt_inputs = expected, with_loss, wrt_inputs
        slots = self._slots = expected.slots
        self._network, self._block = network, slots.block
        rows = np.arange(len(expected.slot)) if present is None else present
        lengths = np.diff(expected.starts)[rows]
        self.starts: Indices = np.concatenate([[0], np.cumsum(lengths)])
        self._row = np.full(len(slots.kind), -1)  # of each slot
        self._row[expected.slot[rows]] = np.arange(len(rows))
        self.should = np.empty(self.starts[-1])
        self.slack = np.zeros(self.starts[-1] if bounded else 0)
        template = expected.template
        # Where no activation or urgency is recorded nothing is replayed, whatever the log says of
        # the number of columns.
        has_columns = ~template.of_parameters[rows] & ~template.of_examples[rows]
        self.columns = columns = expected.columns if has_columns.any() else 0
        activation_rows = self._row[self._block["activations"]]
        wide = self._positions = network.n_positions
        self._grids = [
            _Grid(
                columns * positions,
                np.flatnonzero(wide == positions),
                self._places(np.maximum(activation_rows[wide == positions], 0), columns * positions)
                if (activation_rows >= 0).any()
                else None,
            )
            for positions in np.unique(wide).tolist()
        ]
        self._grid_of = np.searchsorted(np.unique(wide), wide)
        self._blocks: dict[bytes, int] = {}
        self._block_rows: list[tuple[_Grid, Indices]] = []
        self._urgency_rows = self._urgencies_by_source()
        self.parts = list(self._parts(self.should))
        self.margins = list(self._parts(self.slack)) if bounded else []
        outputs = network.output_positions
        at = int(wide[outputs[0]])
        self.output_width = columns * at
        self.predictions = self._all(activation_rows[outputs], self.output_width)
        self.targets = self._all(self._row[self._block["targets"]], expected.batch * at)
        to_outputs = self._row[self._block["loss_to_outputs"]]
        self.loss_urgency_rows = (
            to_outputs if wrt_inputs else to_outputs[~network.is_input[outputs]]
        )
        self.loss_row = int(self._row[self._block["losses"]][0])
        self.n_messages: Indices = slots.n_messages[expected.slot[rows]]
        self.messages = int(self.n_messages.sum())
        self.given = int(self.n_messages[slots.sealed[expected.slot[rows]]].sum())
        self.early = [] if present is None else self._sent_too_early()

    def mail(self, recorded: Array) -> list[Array]:
        """Return the activations of a step in the blocks in which neurons receive them.

        Args:
            recorded: The step's numbers. Shape (n_numbers,).

        Returns:
            Arrays of shape (fan_in + 1, width of the sources), C-contiguous.
        """
        for grid in self._grids:
            grid.read(recorded)
        return [grid.values.take(rows, 0) for grid, rows in self._block_rows]

    def rows_of(self, k: int) -> slice:
        """Return the places of the numbers of row k."""
        return slice(int(self.starts[k]), int(self.starts[k + 1]))

    def _places(self, rows: Indices, width: int) -> Indices:
        places: Indices = np.minimum(
            self.starts[rows][:, None] + np.arange(width), max(self.starts[-1] - 1, 0)
        )
        return places

    def _all(self, rows: Indices, width: int) -> Indices | None:
        return self._places(rows, width) if (rows >= 0).all() else None

    def _urgencies_by_source(self) -> list[Indices]:
        """For each neuron the rows of the urgencies that it receives: from its followers in synapse
        order, then from the loss node."""
        network = self._network
        by_synapse, outgoing = self._row[self._block["backward"]], network.outgoing
        rows = [by_synapse[outgoing.of(k)] for k in range(len(network.ids))]
        from_loss = self._row[self._block["loss_to_outputs"]].tolist()
        for k, row in zip(network.output_positions.tolist(), from_loss, strict=True):
            rows[k] = np.append(rows[k], row)
        return rows

    def _parts(self, numbers: Array) -> Iterator[MemberRows]:
        """Yield the part of each neuron, which writes into `numbers`, (n_numbers,)."""
        network, columns, block = self._network, self.columns, self._block
        activations, by_synapse = self._row[block["activations"]], self._row[block["backward"]]
        inputs, neurons = np.flatnonzero(network.is_input), np.flatnonzero(~network.is_input)
        input_values, input_urgencies = (
            self._by_neuron(name, inputs) for name in ("inputs", "input_urgencies")
        )
        commits, directions = (self._by_neuron(name, neurons) for name in ("commits", "directions"))
        for k in range(len(network.ids)):
            responds = self.with_loss and (self._wrt_inputs or not network.is_input[k])
            width = columns * int(self._positions[k])
            urgencies_in = self._all(self._urgency_rows[k], width) if responds else None
            row = int(activations[k])
            activation_out = numbers[self.rows_of(row)] if row >= 0 else np.empty(width)
            back_rows, commit_out, commit, sources = input_urgencies[k : k + 1], NONE, None, None
            if not network.is_input[k]:
                incoming = network.incoming.of(k)
                ends = network.sources[incoming]
                width = columns * int(self._positions[ends[0]])
                sources = self._block_of(ends) if (activations[ends] >= 0).all() else None
                listening = incoming if self._wrt_inputs else incoming[~network.is_input[ends]]
                back_rows = by_synapse[listening]
                commit_out = np.empty(int(network.n_parameters[k]))
                commit = self._slot(commits[k])
                if commit is not None:
                    commit_out = numbers[commit]
            responses = [int(r) for r in (*back_rows, commits[k]) if r >= 0] if responds else []
            urgencies_out, order, scattered = self._out(numbers, back_rows, width)
            yield MemberRows(
                k, self._slot(input_values[k]), self._slot(directions[k]), sources, urgencies_in,
                activation_out, urgencies_out, commit_out, order, scattered, commit,
                row if row >= 0 else None, sorted(responses),
            )  # fmt: skip

    def _slot(self, row: int) -> slice | None:
        return self.rows_of(int(row)) if row >= 0 else None

    def _out(
        self, numbers: Array, rows: Indices, width: int
    ) -> tuple[Array, Indices, Indices | None]:
        """Where to write these rows: in place, if they follow each other, otherwise a buffer."""
        there = np.flatnonzero(rows >= 0)
        if len(rows) and len(there) == len(rows) and (np.diff(rows) == 1).all():
            start = int(self.starts[rows[0]])
            return numbers[start : start + len(rows) * width].reshape(-1, width), there, None
        places = self._places(rows[there], width) if len(there) else None
        return np.empty((len(rows), width)), there, places

    def _by_neuron(self, block: str, owners: Indices) -> Indices:
        found = np.full(len(self._network.ids), -1)
        found[owners] = self._row[self._block[block]]
        return found

    def _block_of(self, sources: Indices) -> int:
        """Neurons with the same sources share a block."""
        key = sources.tobytes()
        if key not in self._blocks:
            self._blocks[key] = len(self._block_rows)
            grid = self._grids[self._grid_of[sources[0]]]
            rows = np.searchsorted(grid.neurons, sources)
            self._block_rows.append((grid, np.append(rows, len(grid.neurons))))
        return self._blocks[key]

    def _sent_too_early(self) -> list[int]:
        """The rows of a step that was broken off whose sender cannot have known their content.

        A member fires when it has received what is sent at BEGIN and FIRE, and responds when it has
        received all its mail; see `channels/routes.py`.
        """
        slots, n_members = self._slots, len(self._network.ids) + 2
        recorded = np.zeros(len(self._row), dtype=bool)
        recorded[self.expected.slot] = True
        missing = recorded & (self._row < 0)
        cannot_fire, cannot_respond = np.zeros((2, n_members), dtype=bool)
        kind = StepKind(self.with_loss, self._wrt_inputs, tangent=True)
        for block in slots.blocks:
            is_missing = missing[slots.block[block.name]]
            for routes, rows in block.routes:
                receivers = routes.receiver[is_missing[rows] & routes.is_used(kind)]
                cannot_respond[receivers] = True
                if block.spec.moment is not Moment.RESPOND:
                    cannot_fire[receivers] = True
        early = []
        for block in slots.blocks:
            if block.spec.moment is not Moment.BEGIN:
                fires = block.spec.moment is Moment.FIRE
                cannot_send = (cannot_fire if fires else cannot_respond)[block.sender]
                early += self._row[slots.block[block.name]][cannot_send].tolist()
        return sorted(row for row in early if row >= 0)
