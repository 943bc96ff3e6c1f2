"""The messages of a step in a cluster, put together as one process would have recorded them.

Each worker reports the messages of its shard: the activations of its own members, the urgencies
along its synapses, and the commits; the shard of the loss node also reports the urgencies of the
loss node. A message along a cut edge is reported by the shard that has its first sender.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..channels.step_record import StepRecord
from ..network.network import Network
from ..neuron.messages import Step
from ..support.validation import Array, Indices
from .messages import ShardRecord
from .pending_step import EMPTY, PendingStep
from .shard import Shard


class ShardRecorder:
    """A recorder in a worker: it holds the record of the step that ended last in its lane."""

    def __init__(self, shard: Shard) -> None:
        network = shard.network
        self._n_own = len(shard.members)
        self._own = np.flatnonzero(shard.synapses >= 0)
        self._outputs = network.output_positions[: shard.n_outputs]
        self._listens = ~network.is_input[network.output_positions]
        self._record: StepRecord | None = None

    def message(self, step: Step, line: int, values: Array) -> None:
        """Refuse a message: bundled channels record a whole step at once.

        Args:
            step: Its step.
            line: Its route.
            values: Its numbers. Shape (columns,).
        """
        raise AssertionError("bundled channels record a whole step at once")

    def messages(self, step: Step, record: StepRecord) -> None:
        """See `Recorder`."""
        self._record = record

    def read(self, step: Step, commits: Array) -> ShardRecord:
        """Return the shard's messages in the step that has just ended.

        Args:
            step: The step.
            commits: What the shard's own neurons committed, one neuron after another.
                Shape (n_commits,).
        """
        record = self._record
        assert record is not None
        activations = record.activations[record.activation_rows[: self._n_own]]
        if step.loss is None:
            return ShardRecord(activations, EMPTY, EMPTY, EMPTY)
        loss_urgencies = np.zeros((len(self._outputs), record.urgencies.shape[1]))
        listens = np.ones_like(self._listens) if step.wrt_inputs else self._listens
        row = (np.cumsum(listens) - 1)[: len(self._outputs)]
        receives = np.flatnonzero(listens[: len(self._outputs)])
        loss_urgencies[receives] = record.urgencies[record.loss_rows[row[receives]]]
        # The urgency of an input may have no row.
        urgencies = np.take(record.urgencies, record.urgency_rows[self._own], 0, mode="clip")
        return ShardRecord(activations, urgencies, loss_urgencies, commits.copy())


class GatheredRecord:
    """Puts the records of all shards together, in the order of the whole network."""

    def __init__(self, network: Network, shards: Sequence[Shard], loss_shard: int) -> None:
        self._network, self._shards, self._loss_shard = network, shards, loss_shard
        self._synapses = [shard.synapses[shard.synapses >= 0] for shard in shards]
        n = len(network.weights)
        self._activation_rows, self._urgency_rows = np.arange(len(network.ids)), np.arange(n)
        outputs = network.output_positions
        self._loss_rows: dict[bool, Indices] = {True: n + np.arange(len(outputs))}
        self._loss_rows[False] = self._loss_rows[True][~network.is_input[outputs]]

    def join(
        self, pending: PendingStep, parts: Sequence[ShardRecord], commits: Array
    ) -> StepRecord:
        """Return the record of a step that has ended.

        Args:
            pending: The step.
            parts: The records of all shards, by shard.
            commits: What all neurons committed (n_parameters,), one neuron after another.
        """
        network, step = self._network, pending.step
        columns = pending.x.shape[1]
        activations = np.empty((len(network.ids), columns))
        urgencies = np.zeros((len(network.weights) + len(network.outputs), columns))
        for shard, synapses, part in zip(self._shards, self._synapses, parts, strict=True):
            activations[shard.members] = part.activations
            if step.loss is not None:
                urgencies[synapses] = part.urgencies
        if step.loss is not None:
            urgencies[len(network.weights) :] = parts[self._loss_shard].loss_urgencies
        targets, direction = pending.targets, pending.direction
        return StepRecord(
            activations=activations,
            activation_rows=self._activation_rows,
            urgencies=urgencies,
            urgency_rows=self._urgency_rows,
            loss_rows=self._loss_rows[bool(step.wrt_inputs)],
            targets=np.empty((len(network.outputs), 0)) if targets is None else targets,
            losses=pending.losses,
            input_urgencies=pending.input_urgencies
            if step.wrt_inputs
            else np.zeros_like(pending.x),
            commits=commits,
            directions=EMPTY if direction is None else direction,
        )
