"""What was said in a step on many machines, put together as one process would have said it: for a recorder, such as a log.

Each worker tells of its shard: what its neurons said, what they told their sources, and what they committed; where the loss
lives, also what it told the outputs. Whatever crosses is told by who said it first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..channels.step_record import StepRecord
from ..network.network import Network
from ..neuron.messages import Step
from ..support.validation import Array, Indices
from .shard import Shard


class ShardRecord:
    """A recorder in a worker, which keeps what an engine told it last."""

    def __init__(self, shard: Shard) -> None:
        network = shard.network
        self._n_own = len(shard.members)
        self._own = np.flatnonzero(shard.synapses >= 0)
        self._outputs = network.output_positions[: shard.n_outputs]
        self._listens = ~network.is_input[network.output_positions]
        self._said: StepRecord | None = None

    def message(self, step: Step, line: int, values: Array) -> None:
        raise AssertionError("bundled channels tell a whole step at once")

    def messages(self, step: Step, said: StepRecord) -> None:
        self._said = said

    def told(self, step: Step, commits: Array) -> list[Array]:
        """Of the step that has just ended: activations, (own members, columns); urgencies along the synapses of the shard that
        are the whole network's, (synapses, columns); those of the loss, (n_outputs, columns); and the commits."""
        said = self._said
        assert said is not None
        rows = said.activation_rows[: self._n_own]
        if step.loss is None:
            return [said.activations[rows]]
        blame = np.zeros((len(self._outputs), said.urgencies.shape[1]))
        listens = np.ones_like(self._listens) if step.wrt_inputs else self._listens
        place = (np.cumsum(listens) - 1)[: len(blame)]
        heard = np.flatnonzero(listens[: len(blame)])
        blame[heard] = said.urgencies[said.loss_rows[place[heard]]]
        urgencies = np.take(
            said.urgencies, said.urgency_rows[self._own], 0, mode="clip"
        )  # an input's may be nowhere
        return [said.activations[rows], urgencies, blame, commits.copy()]


class GatheredRecord:
    """All parts, in the order of the whole network."""

    def __init__(self, network: Network, shards: Sequence[Shard], judge: int) -> None:
        self._network, self._shards, self._judge = network, shards, judge
        self._synapses = [shard.synapses[shard.synapses >= 0] for shard in shards]
        n = len(network.weights)
        self._activation_rows, self._urgency_rows = np.arange(len(network.ids)), np.arange(n)
        outputs = network.output_positions
        self._loss_rows: dict[bool, Indices] = {True: n + np.arange(len(outputs))}
        self._loss_rows[False] = self._loss_rows[True][~network.is_input[outputs]]

    def said(self, round: Any, parts: Sequence[Sequence[Array]], commits: Array) -> StepRecord:
        """round: see `driver.Round`.  parts: what each shard has told."""
        network, step = self._network, round.step
        columns = round.x.shape[1]
        activations = np.empty((len(network.ids), columns))
        urgencies = np.zeros((len(network.weights) + len(network.outputs), columns))
        for shard, synapses, part in zip(self._shards, self._synapses, parts, strict=True):
            activations[shard.members] = part[0]
            if step.loss is not None:
                urgencies[synapses] = part[1]
        if step.loss is not None:
            urgencies[len(network.weights) :] = parts[self._judge][2]
        targets = np.empty((len(network.outputs), 0)) if round.targets is None else round.targets
        felt = round.input_urgencies if step.wrt_inputs else np.zeros_like(round.x)
        return StepRecord(
            activations=activations,
            activation_rows=self._activation_rows,
            urgencies=urgencies,
            urgency_rows=self._urgency_rows,
            loss_rows=self._loss_rows[bool(step.wrt_inputs)],
            targets=targets,
            losses=round.losses,
            input_urgencies=felt,
            commits=commits,
            directions=np.empty(0) if round.direction is None else round.direction,
        )
