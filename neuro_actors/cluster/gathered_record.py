"""The messages of a step in a cluster, put together as one process would have recorded them.

Each worker reports the messages of its shard: the activations of its own members, the urgencies
along its synapses, and the commits; the shard of the loss node also reports the urgencies of the
loss node. A message along a cut edge is reported by the shard that has its first sender.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..channels.bundled.row_layout import expand
from ..channels.routes import End, Over, RowBlock, Size, StepKind, row_blocks
from ..channels.step_record import RecordedRows, StepRecord
from ..channels.unreliable.faults import FaultEvent
from ..network.field import count_positions
from ..network.network import Network
from ..neuron.messages import Step
from ..support.arrays import Array, Indices
from .pending_step import PendingStep
from .shard import Shard
from .worker_messages import ShardRecord

KNOWN = {"inputs", "targets", "losses", "input_urgencies", "directions"}  # to the driver anyway


def reported_blocks(network: Network, step: Step) -> list[RowBlock]:
    """Return the blocks of rows that shards report of a step, in the order of the table."""
    kind = StepKind.of(step)
    return [b for b in row_blocks(network) if b.name not in KNOWN and kind.has(b.spec.steps)]


class ShardRecorder:
    """A recorder in a worker: it holds the record of the step that ended last in its lane.

    Args:
        shard: The shard.
    """

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._record: StepRecord | None = None

    def record(self, step: Step, record: StepRecord) -> None:
        """See `Recorder.record`."""
        self._record = record

    def record_fault(self, event: FaultEvent) -> None:
        """Refuse it: the channels of a shard inject no faults."""
        raise AssertionError("the channels of a shard inject no faults")

    def read(self, step: Step) -> ShardRecord:
        """Return the shard's messages in the step that has just ended."""
        assert self._record is not None
        parts = []
        for block in reported_blocks(self._shard.network, step):
            held = self._record.blocks[block.name]
            if block.spec.size is Size.PARAMETERS:
                part = held.values[: self._shard.n_commits].copy()
            else:
                part = _take(block, held, _own_rows(self._shard, block))
            parts.append(part)
        return ShardRecord(tuple(parts))


class GatheredRecord:
    """Puts the records of all shards together, in the order of the whole network.

    Args:
        network: The whole network.
        shards: Its shards.
    """

    def __init__(self, network: Network, shards: Sequence[Shard]) -> None:
        self._network, self._shards = network, shards
        self._wide = count_positions(network.input_grid), count_positions(network.output_grid)

    def join(self, pending: PendingStep, parts: Sequence[ShardRecord]) -> StepRecord:
        """Return the record of a step that has ended.

        Args:
            pending: The step.
            parts: The records of all shards, by shard.
        """
        step, wide = pending.step, self._wide
        columns = pending.x.shape[1] // wide[0]
        blocks = {
            "inputs": RecordedRows(pending.x),
            "losses": RecordedRows(pending.losses[None]),
        }
        if pending.targets is not None:
            blocks["targets"] = RecordedRows(pending.targets)
        if pending.direction is not None:
            blocks["directions"] = RecordedRows(pending.direction)
        if step.wrt_inputs:
            blocks["input_urgencies"] = RecordedRows(pending.input_urgencies)
        for k, block in enumerate(reported_blocks(self._network, step)):
            rows = [part.blocks[k] for part in parts]
            blocks[block.name] = RecordedRows(self._join(block, rows, columns))
        batch = columns if pending.targets is None else pending.targets.shape[1] // wide[1]
        return StepRecord(batch, columns, blocks)

    def _join(self, block: RowBlock, parts: Sequence[Array], columns: int) -> Array:
        if block.spec.size is Size.PARAMETERS:
            whole = np.empty(int(block.n_parameters.sum()))
            for shard, part in zip(self._shards, parts, strict=True):
                shard.put(part, whole)
            return whole
        lengths = block.n_positions * columns
        whole = np.zeros(int(lengths.sum()))
        starts = np.cumsum(lengths) - lengths
        for shard, part in zip(self._shards, parts, strict=True):
            rows = _whole_rows(shard, block)
            whole[expand(starts[rows], lengths[rows])] = part
        return whole if block.positions is None else whole.reshape(len(block), -1)


def _take(block: RowBlock, held: RecordedRows, rows: Indices) -> Array:
    """Return some rows of a block, one after another. Shape (numbers,)."""
    if held.values.ndim == 2:
        places = rows if held.places is None else held.places[rows]
        return held.values.take(places, 0, mode="clip").ravel()  # an unused row may have no place
    columns = len(held.values) // int(block.n_positions.sum())
    lengths = block.n_positions * columns
    starts = np.cumsum(lengths) - lengths
    return held.values[expand(starts[rows], lengths[rows])]


def _own_rows(shard: Shard, block: RowBlock) -> Indices:
    """Return which rows of a block of the shard's network are the whole network's."""
    if block.spec.sender is End.LOSS_NODE:
        return np.arange(shard.n_outputs)
    if block.spec.over is Over.SYNAPSES and not block.spec.row:
        return np.flatnonzero(shard.synapses >= 0)
    return np.flatnonzero(block.sender < len(shard.members))


def _whole_rows(shard: Shard, block: RowBlock) -> Indices:
    """Return where these rows are in the same block of the whole network."""
    if block.spec.sender is End.LOSS_NODE:
        return np.arange(shard.n_outputs)
    if block.spec.over is Over.SYNAPSES and not block.spec.row:
        return shard.synapses[shard.synapses >= 0]
    row_of = np.full(int(block.sender.max()) + 1, -1)
    row_of[block.sender] = np.arange(len(block))
    members = shard.members[shard.members < len(row_of)]
    rows = row_of[members]
    return rows[rows >= 0]
