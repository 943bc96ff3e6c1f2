"""The messages of a cluster: all that the driver and the workers send each other.

    driver -> worker  StartJob, RunStep, ConcludeBatch, Stop
    worker -> driver  JobReady, StepDone, BatchLearned, JobFailed, PeerLost
    worker -> worker  CutRows, between shards of one replica;
                      PartialSum and BatchMean, between replicas of one shard
    in the handshake  WorkerHello, to the driver; PeerHello, to another worker

A message is a frozen dataclass of this file, and its fields are all of its content.
`message_codec.py` says how a message lies in a frame. Both ends have one version of this file: the
handshake compares `framing.VERSION`, which changes with this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from ..neuron.messages import Step
from ..rules.batch_round import BatchRound
from ..support.arrays import Array
from .framing import AnyArray

Direction: TypeAlias = Literal["forward", "back"]


# --- in the handshake -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkerHello:
    """What a worker says of itself to the driver.

    Attributes:
        rank: Number of the worker's slot.
        start: How many workers the slot has had, this one included.
        port: Where the worker listens for other workers.
        fingerprint: How the worker computes; see `support/numerics.py`.
    """

    rank: int
    start: int
    port: int
    fingerprint: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PeerHello:
    """What a worker says of itself to another worker.

    Attributes:
        rank: Number of its slot.
        generation: The generation of the job that it calls for.
    """

    rank: int
    generation: int


# --- from the driver to a worker ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class StartJob:
    """End the job before, and run one shard of one replica from the committed state.

    Attributes:
        generation: How often the driver has started all workers' jobs, this time included.
        replica: Number of the replica.
        replicas: How many replicas there are.
        addresses: Host and port of each worker, by rank.
        shard: The shard as data; see `Shard.to_arrays`.
        shard_arrays: The arrays of the shard.
        rule: The rule of the run as JSON.
        sums: Name of the sums.
        lanes: How many steps may be in progress at once.
        record: Whether `StepDone.record` is wanted.
        optimizer: The optimizer of the last update as JSON; None if there was no update.
        updates: How many updates that optimizer has made.
        state: Parameters of the shard's own neurons, one neuron after another, then each state of
            the optimizer alike. Shape (n_commits,) each.
        total: The sums of the shard's own neurons over the ticks that are done of a sequence in
            progress; None if there is none. Shape (n_commits,).
        functions: The identities of the functions that the driver knows by the names that the shard
            uses, and the driver's numeric fingerprint, `numerics`.
    """

    generation: int
    replica: int
    replicas: int
    addresses: tuple[tuple[str, int], ...]
    shard: dict[str, Any]
    shard_arrays: tuple[AnyArray, ...]
    rule: dict[str, Any]
    sums: str
    lanes: int
    record: bool
    optimizer: dict[str, Any] | None
    updates: int
    state: tuple[Array, ...]
    total: Array | None
    functions: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class RunStep:
    """Run one step, in which no neuron learns.

    Attributes:
        number, loss, wrt_inputs, tangent, round, micro_batch: See `Step`.
        batch: The batch that the step belongs to: the number of the step before its first step.
        weight: The micro-batch's weight in the mean over the batch.
        x: Activations of the shard's inputs (inputs, columns).
        targets: Targets of the outputs (n_outputs, batch), where the shard has the loss node;
            otherwise None.
        direction: The part of the direction that belongs to the shard's own neurons, in a tangent
            step; otherwise None. Shape (n_commits,).
    """

    number: int
    loss: str | None
    wrt_inputs: bool
    tangent: bool
    round: str
    micro_batch: tuple[int, int] | None
    batch: int
    weight: int
    x: Array
    targets: Array | None
    direction: Array | None

    @property
    def step(self) -> Step:
        """The step, without an optimizer."""
        return Step(
            number=self.number,
            loss=self.loss,
            wrt_inputs=self.wrt_inputs,
            tangent=self.tangent,
            round=self.round,
            micro_batch=self.micro_batch,
        )

    @property
    def place(self) -> BatchRound:
        """Its place in its batch. Of a batch that is not cut each tick is a batch of its own."""
        at = BatchRound.of(self.number, self.round, self.micro_batch)
        return at if at.base == self.batch else BatchRound(self.batch, 0)


@dataclass(frozen=True, slots=True, eq=False)
class ConcludeBatch:
    """All steps of the batch were sent: add up the urgencies of all replicas, and learn.

    Attributes:
        number: Number of the batch's last step.
        batch: See `RunStep`.
        optimizer: The optimizer as JSON; None if the neurons only report the mean.
    """

    number: int
    batch: int
    optimizer: dict[str, Any] | None


@dataclass(frozen=True, slots=True, eq=False)
class Stop:
    """The run is over: the worker ends."""


# --- from a worker to the driver ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class JobReady:
    """The job runs, and is connected to all of its peers."""

    generation: int


@dataclass(frozen=True, slots=True, eq=False)
class ShardRecord:
    """The messages of one step within one shard, for the log.

    Attributes:
        blocks: One array for each of `gathered_record.reported_blocks`, such as the activations of
            the shard's own members, or their commits: message after message (numbers,).
    """

    blocks: tuple[Array, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StepDone:
    """A step has ended in this worker.

    Attributes:
        generation: Of the job.
        number: Number of the step.
        predictions: (n_outputs, columns), where the shard has the loss node, else (0, columns).
        losses: (batch,), where the shard has the loss node and the step has a loss, else (0,).
        urgencies: Of the shard's own inputs (own inputs, columns), in a step `wrt_inputs`;
            otherwise None.
        record: For the log, if the job records; otherwise None.
    """

    generation: int
    number: int
    predictions: Array
    losses: Array
    urgencies: Array | None
    record: ShardRecord | None


@dataclass(frozen=True, slots=True, eq=False)
class BatchLearned:
    """The neurons of this worker have concluded a batch.

    Attributes:
        generation: Of the job.
        number: Number of the batch's last step.
        digest: Over the bits of commits and state. Equal in all replicas of a shard.
        commits: What the shard's own neurons committed, one neuron after another; None if another
            replica reports it. Shape (n_commits,).
        state: Each state of the optimizer, likewise; empty in a batch without learning. Shape
            (n_commits,) each.
        total: See `StartJob`, after the batch; None as well if another replica reports it.
            Shape (n_commits,).
    """

    generation: int
    number: int
    digest: str
    commits: Array | None
    state: tuple[Array, ...]
    total: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class JobFailed:
    """The society failed as it would have in one process. To run the batch again would not help.

    Attributes:
        generation: See `StartJob`.
        step: Number of the step in which it failed; 0 if it did not fail in a step.
        cause: The error.
    """

    generation: int
    step: int
    cause: str


@dataclass(frozen=True, slots=True, eq=False)
class PeerLost:
    """The job has ended, as its connection to another worker broke."""

    generation: int
    cause: str


# --- between workers ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class CutRows:
    """The rows of one bundle of cut edges in one step.

    Attributes:
        lane: The lane of the step. All shards of a replica run a step in the same lane.
        bundle: Number of the bundle.
        direction: "forward" for activations, "back" for urgencies.
        number: Number of the step.
        values: (rows, columns).
    """

    lane: int
    bundle: int
    direction: Direction
    number: int
    values: Array


@dataclass(frozen=True, slots=True, eq=False)
class PartialSum:
    """A replica's part of the sum over a batch; see `rules/batch_sum.py`.

    Attributes:
        batch: See `RunStep`.
        count: How many micro-batches are in it.
        weight: The sum of their weights.
        blocks: Height and index of each block of the tree.
        values: The sum in each block. Shape (n_commits,) each.
    """

    batch: int
    count: int
    weight: int
    blocks: tuple[tuple[int, int], ...]
    values: tuple[Array, ...]


@dataclass(frozen=True, slots=True, eq=False)
class BatchMean:
    """The mean over a whole batch of the urgencies of all parameters of a shard.

    Attributes:
        batch: See `RunStep`.
        values: One neuron after another. Shape (n_commits,).
    """

    batch: int
    values: Array


Message: TypeAlias = (
    WorkerHello
    | PeerHello
    | StartJob
    | RunStep
    | ConcludeBatch
    | Stop
    | JobReady
    | StepDone
    | BatchLearned
    | JobFailed
    | PeerLost
    | CutRows
    | PartialSum
    | BatchMean
)
FromWorker: TypeAlias = JobReady | StepDone | BatchLearned | JobFailed | PeerLost
KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Message)}
