"""What runs where in one run, and what each worker must know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..network import functions
from ..network.field import count_positions
from ..network.function_identity import identities
from ..network.network import Network
from ..neuron.messages import Step
from ..neuron.optimizer_json import optimizer_to_json
from ..rules import MicroBatches, Rule
from ..rules.batch_round import BatchRound
from ..rules.micro_batches import replica_of
from ..rules.rule_json import rule_to_json
from ..support.arrays import Array
from ..support.numerics import fingerprint
from .committed_state import CommittedState
from .partition import Partition
from .pending_step import PendingStep
from .settings import Cluster, default_lanes
from .shard import Shard, shards
from .worker_messages import ConcludeBatch, RunStep, StartJob


@dataclass(frozen=True, slots=True, eq=False)
class Deployment:
    """A network in shards, each of which lives in as many workers as there are replicas.

    Attributes:
        network: The whole network, as the run begins.
        rule: The rule of the run.
        sums: Name of the sums.
        replicas: How many replicas there are.
        shards: All shards, by number.
        loss_shard: Number of the shard that has the loss node.
        lanes: How many steps may be in progress in a worker at once.
        record: Whether each worker reports the messages of its shard.
    """

    network: Network
    rule: Rule
    sums: str
    replicas: int
    shards: tuple[Shard, ...]
    loss_shard: int
    lanes: int
    record: bool

    @classmethod
    def make(
        cls,
        cluster: Cluster,
        partition: Partition,
        network: Network,
        rule: Rule,
        sums: str,
        lanes: int | None,
        record: bool,
    ) -> Deployment:
        """Return the deployment of a network on a cluster.

        Args:
            cluster: What the user asks for.
            partition: The cut of the network; see `Cluster.partition_for`.
            network: The network.
            rule: The rule of the run.
            sums: Name of the sums.
            lanes: How many steps may be in progress in a worker at once; None for a good number.
            record: Whether there is a log.
        """
        parts = shards(network, partition)
        loss_shard = next(shard.number for shard in parts if shard.n_outputs)
        lanes = lanes or default_lanes(rule, partition.shards)
        return cls(network, rule, sums, cluster.replicas, parts, loss_shard, lanes, record)

    def pending_step(
        self, step: Step, x: Array, targets: Array | None, direction: Array | None
    ) -> PendingStep:
        """Return a step that begins, with the replica that does it and its place in its batch.

        Args:
            step: The step; the name of its round says which micro-batch it is.
            x: (n_inputs, columns).
            targets: (n_outputs, batch), or None in a step that only predicts.
            direction: (n_parameters,) in a tangent step, otherwise None.
        """
        # A batch that is not cut has the mean that its neurons have found: a weight of 1 keeps its
        # bits. Through time each of its ticks is a batch here.
        is_cut = isinstance(self.rule, MicroBatches)
        at = BatchRound(step.number - 1, 0)
        if is_cut:
            at = BatchRound.of(step.number, step.round, step.micro_batch)
        wide = count_positions(self.network.output_grid)
        return PendingStep(
            step=step,
            x=x,
            targets=targets,
            direction=direction,
            replica=replica_of(step.micro_batch, self.replicas),
            batch=at.base,
            weight=targets.shape[1] // wide if is_cut and targets is not None else 1,
            is_first=at.place == 0,
            is_last=at.is_last and step.loss is not None,
        )

    # --- messages to a worker ---------------------------------------------------------------------

    def start_job(
        self,
        replica: int,
        shard: Shard,
        generation: int,
        addresses: tuple[tuple[str, int], ...],
        committed: CommittedState,
    ) -> StartJob:
        """Return the job of one worker."""
        about, arrays = shard.to_arrays()
        optimizer = committed.optimizer
        return StartJob(
            generation=generation,
            replica=replica,
            replicas=self.replicas,
            addresses=addresses,
            shard=about,
            shard_arrays=tuple(arrays),
            rule=rule_to_json(self.rule),
            sums=self.sums,
            lanes=self.lanes,
            record=self.record,
            optimizer=None if optimizer is None else optimizer_to_json(optimizer, 1),
            updates=committed.updates,
            state=tuple(committed.part(shard)),
            total=None if committed.total is None else shard.own_part(committed.total),
            functions=self._functions(shard),
        )

    def _functions(self, shard: Shard) -> dict[str, Any]:
        """Return which functions this process knows by the names that a shard uses."""
        losses = functions.LOSSES if shard.n_outputs else ()
        found = identities(shard.network.activations, losses, shard.combinations)
        return found | {"numerics": fingerprint(self.sums)}

    def run_step(self, pending: PendingStep, shard: Shard) -> RunStep:
        """Return what a worker of the step's replica must know of it."""
        step, direction = pending.step, pending.direction
        return RunStep(
            number=step.number,
            loss=step.loss,
            wrt_inputs=step.wrt_inputs,
            tangent=step.tangent,
            round=step.round,
            micro_batch=step.micro_batch,
            batch=pending.batch,
            weight=pending.weight,
            x=np.ascontiguousarray(pending.x[shard.inputs]),
            targets=pending.targets if shard.n_outputs else None,
            direction=None if direction is None else shard.own_part(direction),
        )

    def conclude_batch(self, pending: PendingStep) -> ConcludeBatch:
        """Return how the batch ends whose last step this is."""
        optimizer = pending.step.optimizer
        return ConcludeBatch(
            number=pending.step.number,
            batch=pending.batch,
            optimizer=None if optimizer is None else optimizer_to_json(optimizer, 1),
        )

    # --- what workers report ----------------------------------------------------------------------

    def join_all(self, parts: Sequence[Sequence[Array]]) -> list[Array]:
        """Return several arrays of all neurons (n_parameters,), one neuron after another.

        Args:
            parts: The same of each shard's own neurons, by shard. A shard without parameters has
                none. Shape (n_commits,) each.
        """
        count = max(map(len, parts))
        return [self.join([part[k] if part else None for part in parts]) for k in range(count)]

    def join(self, parts: Sequence[Array | None]) -> Array:
        """Return one array of all neurons (n_parameters,), one neuron after another.

        Args:
            parts: The same of each shard's own neurons, by shard; None of a shard without
                parameters. Shape (n_commits,) each.
        """
        whole = np.empty(int(self.network.n_parameters.sum()))
        for shard, part in zip(self.shards, parts, strict=True):
            if part is not None:
                shard.put(part, whole)
        return whole

    def read_outputs(self, pending: PendingStep) -> None:
        """Join what the shards have reported: predictions, losses and input urgencies."""
        last = pending.parts[self.loss_shard]
        pending.predictions, pending.losses = last.predictions, last.losses
        if pending.step.wrt_inputs:
            pending.input_urgencies = np.empty_like(pending.x)
            for shard in self.shards:
                part = pending.parts[shard.number].urgencies
                assert part is not None
                pending.input_urgencies[shard.inputs[: shard.n_inputs]] = part
