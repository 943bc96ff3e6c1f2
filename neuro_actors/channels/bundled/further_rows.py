"""Rows of the kinds of messages for which bundled channels have no layout of their own.

`carried_rows.py` carries activations and urgencies, and the engine targets, losses, commits and
directions, each in arrays that most readers read in place. Any other kind that the table of routes
has is carried here: its sender writes its rows in place, its receivers copy theirs when they read.

A message of this kind goes with the next one of the same moment: it must be sent before the
activation (at FIRE), or before the urgencies and the commit (at RESPOND), and can be received as
soon as these have been. Messages of inputs at FIRE are refused, for inputs are not woken there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...network.network import Network
from ...support.arrays import Array, Indices
from ...support.errors import InputError
from ..routes import Moment, RowBlock, Size, StepKind, row_blocks
from ..step_record import RecordedRows

LAID_OUT = {
    "inputs", "activations", "targets", "losses", "backward", "loss_to_outputs", "input_urgencies",
    "commits", "directions",
}  # fmt: skip
REFUSED, ADVICE = "bundled channels do not carry {!r}", 'use channels="memory"'


class FurtherPort:
    """One member's rows of one kind.

    Args:
        rows: All rows of the kind.
        out: The rows that the member sends. Shape (columns,) or (routes, columns).
        places: Where the rows are that it receives. Shape (routes,).

    Attributes:
        out: The rows that it sends, to fill in. Shape (columns,) if all its receivers get the same,
            otherwise (routes, columns).
    """

    __slots__ = ("_places", "_rows", "out")

    def __init__(self, rows: FurtherRows, out: Array, places: Indices) -> None:
        self._rows, self.out, self._places = rows, out, places

    def receive(self) -> Array:
        """Return a copy of the rows that were sent to it, in the order of the routes.

        Returns:
            Shape (routes, columns).
        """
        return self._rows.values.take(self._places, 0)


class FurtherRows:
    """The rows of one kind of message.

    Args:
        block: The block of rows.
        network: The network.

    Attributes:
        block: The block of rows.
        kind: The kind.
        values: All rows, sender after sender. Shape (n_rows, columns).

    Raises:
        InputError: Bundled channels do not carry such messages.
    """

    def __init__(self, block: RowBlock, network: Network) -> None:
        if block.spec.size is Size.PARAMETERS:
            raise InputError(f"{REFUSED.format(block.name)}: they hold parameters: {ADVICE}")
        if (
            block.spec.moment is Moment.FIRE
            and np.append(network.is_input, [False, False])[block.sender].any()
        ):
            problem = "inputs send them, and inputs are not woken when they fire"
            raise InputError(f"{REFUSED.format(block.name)}: {problem}: {ADVICE}")
        if block.positions is None:
            problem = "they are about different numbers of positions"
            raise InputError(f"{REFUSED.format(block.name)}: {problem}: {ADVICE}")
        self.block, self.kind = block, block.spec.kind
        self._n_members = len(network.ids) + 2
        self.values = np.empty((0, 0))
        self._places = np.empty(0, dtype=np.intp)

    def lay_out(self, kind: StepKind, batch: int, columns: int) -> Iterator[FurtherPort]:
        """Make the rows for a step, and yield what each member holds of them.

        Args:
            kind: The kind of step.
            batch: How many examples it has.
            columns: How many numbers an activation has.
        """
        block = self.block
        columns = (columns if block.spec.size is Size.COLUMNS else batch) * (block.positions or 1)
        used = np.flatnonzero(block.is_used(kind))
        order = used[np.argsort(block.sender[used], kind="stable")]
        self.values = np.zeros((len(order), columns))
        self._places = np.zeros(len(block), dtype=np.intp)
        self._places[order] = np.arange(len(order))
        cuts = np.searchsorted(block.sender[order], np.arange(self._n_members + 1)).tolist()
        received = self._received(kind)
        for member in range(self._n_members):
            out = self.values[cuts[member] : cuts[member + 1]]
            if block.spec.row and len(out):
                out = out[0]
            yield FurtherPort(self, out, received[member])

    def _received(self, kind: StepKind) -> Sequence[Indices]:
        """Return for each member where the rows that it receives lie."""
        receivers, places = [], []
        for routes, rows in self.block.routes:
            used = np.broadcast_to(routes.is_used(kind), len(routes))
            receivers.append(routes.receiver[used])
            places.append(self._places[rows[used]])
        receiver, place = np.concatenate(receivers), np.concatenate(places)
        order = np.argsort(receiver, kind="stable")
        cuts = np.searchsorted(receiver[order], np.arange(1, self._n_members))
        return np.split(place[order], cuts)

    def record(self) -> RecordedRows:
        """Return the rows for a step's record."""
        return RecordedRows(self.values, self._places)


def further_rows(network: Network) -> list[FurtherRows]:
    """Return the rows of all kinds of messages that are carried here.

    Args:
        network: The network.

    Raises:
        InputError: The table has a kind that bundled channels do not carry.
    """
    return [FurtherRows(b, network) for b in row_blocks(network) if b.name not in LAID_OUT]
