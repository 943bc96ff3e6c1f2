"""All of a step's rows but their values: which rows there are, in which order, from whom to whom.

They follow from the table of routes, the network and the kind of step alone: rows are sorted by
time, then kind, sender and receiver, in the network's order. So equal runs write equal rows,
whatever the engine, and a reader knows which rows must be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..channels.routes import Moment, RowBlock, Size, StepKind, row_blocks
from ..network.network import Network
from ..support.arrays import Indices
from .recording_settings import Recording
from .schema import kind_codes

NOBODY = -1  # as sender or receiver


class RowSlots:
    """A number for each row that a step of this network can have, block after block.

    Args:
        network: The network.

    Attributes:
        blocks: The blocks of rows, in the order of the table of routes.
        start: The first slot of each block, and the number of all slots. Shape (n_blocks + 1,).
        block: The slots of each block, by its name.
        kind: Codes of `schema.kind_codes`. Shape (n_slots,), as the following arrays.
        sender, receiver: Members as numbers, `NOBODY` as the receiver of a row with several.
        time: Logical time within the step (Lamport).
        of_parameters: True for a row that holds parameters: the number of them says how many.
        n_parameters: How many numbers such a row holds, 0 for other rows.
        of_examples: True for a row that holds one number per example, whatever a rule adds.
        positions: How many positions a row is about: it holds so many times more numbers.
        sealed: True for a row that no replay can prove.
        n_messages: How many messages a row stands for.
        rank: All slots in the order of a log.
    """

    def __init__(self, network: Network) -> None:
        forward, backward = _waves(network)
        codes = kind_codes()
        blocks = self.blocks = row_blocks(network)
        sizes = [len(block) for block in blocks]
        self.start: Indices = np.concatenate([[0], np.cumsum(sizes)])
        self.block = {
            block.name: slice(start, stop)
            for block, (start, stop) in zip(blocks, pairwise(self.start.tolist()), strict=True)
        }
        specs = [block.spec for block in blocks]
        kinds = np.array([codes[spec.kind] for spec in specs], dtype=np.int8)
        self.kind: NDArray[np.int8] = np.repeat(kinds, sizes)
        self.of_examples = np.repeat([spec.size is Size.EXAMPLES for spec in specs], sizes)
        self.of_parameters = np.repeat([spec.size is Size.PARAMETERS for spec in specs], sizes)
        self.sealed = np.repeat([spec.sealed for spec in specs], sizes)
        self.sender = np.concatenate([block.sender for block in blocks])
        self.receiver: Indices = np.concatenate([_receivers(block) for block in blocks])
        self.n_parameters: Indices = np.concatenate([block.n_parameters for block in blocks])
        self.positions: Indices = np.concatenate([block.n_positions for block in blocks])
        self.n_messages: Indices = np.concatenate([block.n_messages for block in blocks])
        times = {
            Moment.BEGIN: np.ones_like(forward),
            Moment.FIRE: forward,
            Moment.RESPOND: backward,
        }
        self.time: Indices = np.concatenate([times[b.spec.moment][b.sender] for b in blocks])
        self.rank = np.lexsort(
            (np.arange(len(self.kind)), self.receiver, self.sender, self.kind, self.time)
        )

    def are_used(self, kind: StepKind) -> NDArray[np.bool_]:
        """Return which slots have a row in a step of this kind. Shape (n_slots,)."""
        return np.concatenate([block.is_used(kind) for block in self.blocks])


def _receivers(block: RowBlock) -> Indices:
    return np.full(len(block), NOBODY) if block.receiver is None else block.receiver


class Section(NamedTuple):
    """Rows start to stop of a step, all of one block and time.

    Attributes:
        block: The block.
        items: Which rows of the block they are. Shape (stop - start,).
        start, stop: Places among the template's rows.
    """

    block: RowBlock
    items: Indices
    start: int
    stop: int


class RowTemplate:
    """The rows of one kind of step, without those that begin and seal it.

    Args:
        network: The network.
        slots: Its slots.
        recording: What of a step is recorded.
        kind: The kind of step.

    Attributes:
        slot: Slots in the order of the log. Shape (n_rows,), as the following arrays.
        kind, sender, receiver, time, of_parameters, n_parameters, of_examples, positions: As in
            `RowSlots`.
        sealed: True for a row that the digest covers: one that no replay can prove, and in a
            partial log every row.
        sections: The rows in runs of one block and time.
    """

    def __init__(
        self, network: Network, slots: RowSlots, recording: Recording, kind: StepKind
    ) -> None:
        recorded = slots.are_used(kind)
        if not recording.whole:
            recorded &= _recorded_slots(network, slots, recording)
        self.slot: Indices = slots.rank[recorded[slots.rank]]
        self.kind, self.sender, self.receiver = (
            column[self.slot] for column in (slots.kind, slots.sender, slots.receiver)
        )
        self.time, self.n_parameters = slots.time[self.slot], slots.n_parameters[self.slot]
        self.of_examples, self.positions = slots.of_examples[self.slot], slots.positions[self.slot]
        self.of_parameters = slots.of_parameters[self.slot]
        self.sealed = slots.sealed[self.slot] | (not recording.whole)
        self.sections = list(self._sections(slots))
        self._with_loss = kind.with_loss

    def lengths(self, batch: int, columns: int) -> Indices:
        """Return how many numbers each row holds. Shape (n_rows,).

        Args:
            batch: How many examples the step has.
            columns: How many numbers an activation or an urgency has for each position.
        """
        per_example = batch if self._with_loss else 0  # a step that predicts has no losses
        others = np.where(self.of_examples, per_example, columns) * self.positions
        return np.where(self.of_parameters, self.n_parameters, others)

    def sealed_numbers(self, lengths: Indices) -> slice | Indices:
        """Return which numbers of a step the digest covers.

        Args:
            lengths: How many numbers each row holds, see `lengths`. Shape (n_rows,).

        Returns:
            Places among the numbers. Shape (n_covered,), or a slice.
        """
        covered = np.flatnonzero(np.repeat(self.sealed, lengths))
        leads = len(covered) == 0 or covered[-1] == len(covered) - 1
        return slice(len(covered)) if leads else covered

    def _sections(self, slots: RowSlots) -> Iterator[Section]:
        block = np.searchsorted(slots.start, self.slot, side="right") - 1
        # Cut where the time changes, too: neurons of one level often lie side by side, and are
        # then copied in one piece.
        cuts = np.flatnonzero(
            np.diff(block, prepend=-1, append=-1) | np.diff(self.time, prepend=-1, append=-1)
        ).tolist()
        for start, stop in pairwise(cuts):
            k = int(block[start])
            items = self.slot[start:stop] - slots.start[k]
            yield Section(slots.blocks[k], items, start, stop)


def _recorded_slots(network: Network, slots: RowSlots, recording: Recording) -> NDArray[np.bool_]:
    """Return which rows a partial log has: messages of the recorded kinds that a selected neuron
    sends or receives."""
    kinds = recording.kinds
    recorded: NDArray[np.bool_] = np.repeat(
        [block.spec.kind in kinds for block in slots.blocks], [len(b) for b in slots.blocks]
    )
    if recording.neurons is None and recording.layers is None:
        return recorded
    selected = np.append(recording.selects(network), [False, False])  # loss node, environment
    touched = selected[slots.sender]
    for block in slots.blocks:
        part = touched[slots.block[block.name]]
        for routes, rows in block.routes:
            part[rows[selected[routes.receiver]]] = True
    recorded &= touched
    return recorded


def _waves(network: Network) -> tuple[Indices, Indices]:
    """Return when each member fires, and when it responds: 1 + the latest time that it has
    received before (Lamport). The environment begins at 1, and inputs, at level 0, fire at 2."""
    n, outputs = len(network.ids), network.output_positions
    loss_time = int(network.level[outputs].max()) + 3
    forward = np.append(network.level + 2, [loss_time, 1])
    backward = np.zeros(n + 2, dtype=np.intp)
    backward[outputs], backward[n] = loss_time + 1, loss_time
    by_level = np.argsort(-network.level[network.targets], kind="stable")
    cuts = np.flatnonzero(np.diff(network.level[network.targets][by_level])) + 1
    for synapses in np.split(by_level, cuts):  # from the last level to the first
        np.maximum.at(backward, network.sources[synapses], backward[network.targets[synapses]] + 1)
    return forward, backward
