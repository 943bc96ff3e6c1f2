"""The driver's end of a cluster: what a `Simulation` uses where its society runs in workers.

The law:

1. Steps begin in their order. Each goes to one replica, that is, to all of its shards. The
   micro-batches of a batch are divided between the replicas in runs of consecutive ones, so that
   what a replica adds up are whole blocks of the tree, or nearly.
2. After the last step of a batch all workers conclude the batch. It is committed when all workers
   have reported what they have learned, and all replicas of a shard the same digest. Then the
   driver has the state of all neurons, and only then does the step end.
3. A lost worker is replaced. All workers then begin anew from the committed state, and the batch in
   progress is done again. So no bit depends on losses.
4. Where a member fails, the run ends: the same would happen again. Other replicas first end the
   steps before that one, so that the earliest failure is reported.
5. A batch during which there were MAX_FAILURES failures is given up: it may be their cause.
"""

from __future__ import annotations

import logging
import secrets
import sys
from collections import deque
from collections.abc import Callable

import trio
from trio.lowlevel import enable_ki_protection

from ..channels.interface import Recorder, Statistics, Waiting
from ..channels.routes import count_messages, route_blocks
from ..channels.step_record import RecordedRows
from ..network.elements import ENVIRONMENT
from ..network.losses import LOSSES
from ..network.network import Network
from ..network.own_functions import is_original
from ..neuron.messages import LOSS, Step
from ..neuron.optimizers import Optimizer
from ..rules import MicroBatches, Rule
from ..rules.member_registry import MemberRegistry
from ..support.arrays import Array
from ..support.console import warn
from ..support.errors import InputError, NeuroActorsError, SimulationError
from ..support.text import quote
from .committed_state import CommittedState
from .deployment import Deployment
from .gathered_record import GatheredRecord
from .message_stream import leaf_errors
from .partition import Partition
from .pending_step import PendingBatch, PendingStep
from .settings import Cluster, check_sendable, user_functions
from .worker_messages import (
    BatchLearned,
    FromWorker,
    JobFailed,
    JobReady,
    Message,
    PeerLost,
    StepDone,
)
from .worker_pool import WorkerPool, WorkerSlot

LOGGER = logging.getLogger("neuro_actors.cluster")
MAX_FAILURES = 4
SECONDS_TO_FAIL = 5.0  # that other replicas have for the steps before a failure


def make_driver(
    cluster: Cluster,
    partition: Partition,
    network: Network,
    rule: Rule,
    sums: str,
    lanes: int | None,
    registry: MemberRegistry | None,
    recorder: Recorder | None,
) -> Driver:
    """Return the driver of a new run, or of one that goes on.

    Args:
        cluster: What the user asks for.
        partition: The cut of the network; see `Cluster.partition_for`.
        network: The network, as the run begins.
        rule: The rule of the run.
        sums: Name of the sums.
        lanes: How many steps may be in progress in a worker at once; None for a good number.
        registry: Knows the state to go on from; afterwards it reads the state of the neurons from
            the driver.
        recorder: Records all messages; None if there is no log.
    """
    deployment = Deployment.make(
        cluster, partition, network, rule, sums, lanes, recorder is not None
    )
    committed = CommittedState.first(network, registry)
    driver = Driver(deployment, cluster, committed, recorder)
    if registry is not None:
        registry.elsewhere = lambda: driver.committed.member_states(network, rule)
    return driver


class Driver:
    """Runs the steps of a simulation on a cluster.

    Attributes:
        deployment: What runs where.
        committed: The state of all neurons after the last batch.
        under_way: The steps that have begun and not ended, in their order.
        started: Set once all workers are there, or will not be.
        refused: Why the workers will not be there, otherwise None.
    """

    def __init__(
        self,
        deployment: Deployment,
        cluster: Cluster,
        committed: CommittedState,
        recorder: Recorder | None,
    ) -> None:
        """Make the driver; `run` starts the workers.

        Args:
            deployment: What runs where.
            cluster: What the user asks for.
            committed: The state to begin from.
            recorder: Records all messages; None if there is no log.
        """
        self.deployment, self._cluster, self.committed = deployment, cluster, committed
        network, n_shards = deployment.network, len(deployment.shards)
        self._functions = user_functions(network)
        self._pool = WorkerPool(cluster, n_shards, self._functions, self._receive)
        self._recorder = recorder
        self._gathered = GatheredRecord(network, deployment.shards)
        self._routes = route_blocks(network)
        self._generation = 0  # how often all workers' jobs were started
        self._settled = False  # whether all workers run the job of this generation
        self._batch = PendingBatch()
        self.under_way: deque[Step] = deque()
        self._messages = 0
        self._failed: dict[int, JobFailed] = {}  # by replica
        self._has_failed = trio.Event()
        self._stopped = trio.Event()
        self.started = trio.Event()
        self.refused: NeuroActorsError | None = None

    # --- what a simulation calls ------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Whether no step may begin.

        All micro-batches of a batch may: each worker queues its steps. Their rule says which rounds
        wait for others. A round of another rule may depend on the one before, as through time.
        """
        return bool(self.under_way) and not isinstance(self.deployment.rule, MicroBatches)

    def check(self, loss: str, optimizer: Optimizer | None) -> None:
        """Check that the loss and the optimizer can be sent to workers.

        Raises:
            InputError: They cannot.
        """
        if optimizer is not None:
            check_sendable(optimizer)
        sent = {} if self._functions is None else self._functions["losses"]
        now = LOSSES[loss]
        if not (sent[loss] is now if loss in sent else is_original(loss, now)):
            advice = "add it before na.open_simulation starts them"
            raise InputError(f"workers do not know the loss {quote(loss)}: {advice}")

    def begin(self, step: Step, x: Array, targets: Array | None, *direction: Array) -> None:
        """See `EnvironmentPort.begin`."""
        pending = self.deployment.pending_step(step, x, targets, next(iter(direction), None))
        if pending.is_first:
            self._batch = PendingBatch()  # a batch that was broken off is not waited for any more
        self._batch.steps[step.number] = pending
        self.under_way.append(step)
        if self._settled:
            self._send(pending)

    async def wait_end(self) -> PendingStep:
        """See `StepRunner.wait_end`."""
        pending = self._batch.steps[self.under_way[0].number]
        await pending.done.wait()
        self.under_way.popleft()
        self._record(pending)
        pending.parts.clear()
        self._messages += count_messages(self._routes, pending.step)
        return pending

    def _record(self, pending: PendingStep) -> None:
        """Record a step. As in one process, neurons commit new parameters in the last step."""
        if self._recorder is None:
            return
        parts = []
        for shard in range(len(self.deployment.shards)):
            part = pending.parts[shard].record
            assert part is not None
            parts.append(part)
        record = self._gathered.join(pending, parts)
        if pending.step.loss is not None and pending.is_last:
            record.blocks["commits"] = RecordedRows(pending.commits)
        self._recorder.record(pending.step, record)

    def stop(self) -> None:
        """End the workers: the simulation is over, or has failed."""
        self._stopped.set()

    def close(self) -> None:
        """Do nothing: `run` has ended everything."""

    def statistics(self) -> Statistics:
        """Return how many messages were sent. Only the workers know how full mailboxes were."""
        return Statistics(self._messages, {})

    def who_waits(self) -> tuple[Waiting, ...]:
        """Return for which workers the environment waits. Which neurons wait, workers know."""
        found = []
        for pending in (self._batch.steps[step.number] for step in self.under_way):
            slow = [
                slot
                for slot in self._pool.of_replica(pending.replica)
                if slot.shard not in pending.parts
            ]
            if not slow and pending.is_last:
                slow = [slot for slot in self._pool if slot.rank not in self._batch.learned]
            if slow and not pending.done.is_set():
                missing = tuple(str(slot) for slot in slow)
                found.append(Waiting(ENVIRONMENT, LOSS, pending.step.number, missing))
        return tuple(found)

    # --- starting, and starting anew --------------------------------------------------------------

    async def run(self, is_closed: Callable[[], bool]) -> None:
        """Start the workers, and run until `stop`.

        Args:
            is_closed: Returns whether the simulation is closed already.

        Raises:
            InputError: The workers cannot do this.
            SimulationError: The workers cannot go on.
        """
        failures: list[NeuroActorsError] = []
        if is_closed():
            return
        try:
            async with self._cluster.open_launcher() as launcher, trio.open_nursery() as nursery:
                await self._pool.open(nursery, launcher, secrets.token_bytes(32))
                nursery.start_soon(self._stay_settled)
                nursery.start_soon(self._report_failure)
                await self._stopped.wait()
                await self._pool.dismiss()
                nursery.cancel_scope.cancel()
        except* NeuroActorsError as group:
            failures += leaf_errors(group)
        finally:
            if not self.started.is_set():
                stopped = SimulationError("the workers were stopped before they were there")
                stopped.__cause__ = sys.exc_info()[1]  # a bug, of this package or of Ray
                self.refused = failures[0] if failures else stopped
                self.started.set()
        if failures:
            raise failures[0]

    @enable_ki_protection
    async def _stay_settled(self) -> None:
        while True:
            if await self._settle():
                await self._pool.failures.noticed.wait()
            await self._pool.wait_cause()

    async def _settle(self) -> bool:
        """Let all workers begin from the committed state. Return False if one is lost meanwhile."""
        pool, failures = self._pool, self._pool.failures
        if failures.count >= MAX_FAILURES:
            problem = (
                f"{failures.count} times a worker was lost, and nothing was committed in between"
            )
            what = str(self._batch) or "the society is"
            raise SimulationError(f"{what} given up: {problem}; the last: {failures.cause}")
        self._settled = False
        self._generation += 1
        pool.reset()
        await pool.fill()
        if not failures.noticed.is_set():
            self._start_jobs()
        while not failures.noticed.is_set() and not all(slot.is_ready for slot in pool):
            await pool.wait_change()
        if failures.noticed.is_set():
            return False
        self._settled = True
        self._begin_again()
        self.started.set()
        return True

    def _start_jobs(self) -> None:
        addresses = tuple(slot.address for slot in self._pool)
        for slot in self._pool:
            shard = self.deployment.shards[slot.shard]
            slot.send(
                self.deployment.start_job(
                    slot.replica, shard, self._generation, addresses, self.committed
                )
            )

    def _begin_again(self) -> None:
        """Do the batch in progress again, unless it is committed: its neurons would learn twice."""
        undone, report = str(self._batch), self._pool.failures.report()
        if not undone:  # no worker does anything that could be the cause of a failure
            self._pool.failures.count = 0
        if report:
            again = f", and {undone} done again from what was committed" if undone else ""
            warn(LOGGER, f"{report}{again}")
        self._batch.forget_reports()
        if undone:
            for pending in self._batch.steps.values():
                self._send(pending)

    # --- messages ---------------------------------------------------------------------------------

    def _send(self, pending: PendingStep) -> None:
        for slot in self._pool.of_replica(pending.replica):
            slot.send(self.deployment.run_step(pending, self.deployment.shards[slot.shard]))
        if pending.is_last:
            conclude = self.deployment.conclude_batch(pending)
            for slot in self._pool:
                slot.send(conclude)

    def _receive(self, slot: WorkerSlot, message: Message) -> None:
        if not isinstance(message, FromWorker) or message.generation != self._generation:
            return
        match message:
            case JobFailed():  # as it would in one process: to do it again would not help
                self._pool.stop_replacing()
                first = self._failed.setdefault(slot.replica, message)
                if message.step < first.step:
                    self._failed[slot.replica] = message
                self._has_failed.set()
            case JobReady():
                self._pool.set_ready(slot)
            case PeerLost():
                self._pool.note_failure(f"{slot} has lost another worker: {message.cause}")
            case StepDone():
                pending = self._batch.steps.get(message.number)
                if pending is not None and not pending.done.is_set():
                    pending.parts[slot.shard] = message
                    self._check_end(pending)
            case BatchLearned():
                pending = self._batch.steps.get(message.number)
                if pending is not None:
                    self._batch.learned[slot.rank] = message
                    self._check_end(pending)
        if self._failed:
            self._pool.notify_change()

    @enable_ki_protection
    async def _report_failure(self) -> None:
        """Raise the earliest failure, when no step before it can fail any more."""
        await self._has_failed.wait()
        with trio.move_on_after(SECONDS_TO_FAIL):
            while any(self._may_fail(pending) for pending in self._batch.steps.values()):
                await self._pool.wait_change()
        raise SimulationError(self._first_failure.cause)

    @property
    def _first_failure(self) -> JobFailed:
        return min(self._failed.values(), key=lambda failure: failure.step)

    def _may_fail(self, pending: PendingStep) -> bool:
        """Whether a step could still turn out to have failed before the first known failure."""
        return (
            pending.step.number < self._first_failure.step
            and pending.replica not in self._failed
            and len(pending.parts) < len(self.deployment.shards)
            and not pending.done.is_set()
        )

    def _check_end(self, pending: PendingStep) -> None:
        """End the step if all reports are there."""
        if (
            pending.done.is_set()
            or len(pending.parts) < len(self.deployment.shards)
            or (pending.is_last and len(self._batch.learned) < len(self._pool))
        ):
            return
        self.deployment.read_outputs(pending)
        if pending.is_last:
            self._check_replicas(pending)
            self._commit(pending)
        if pending.is_last or pending.step.loss is None:
            self._pool.failures.count = 0
        pending.done.set()

    def _check_replicas(self, pending: PendingStep) -> None:
        """Raise `SimulationError` if two replicas of a shard have learned different bits."""
        learned = self._batch.learned
        for slot in self._pool:
            first = self._pool[slot.shard]
            if learned[slot.rank].digest != learned[first.rank].digest:
                problem = f"{slot} has learned other bits than {first}, which has the same neurons"
                raise SimulationError(f"step {pending.step.number} failed: {problem}")

    def _commit(self, pending: PendingStep) -> None:
        """The batch is over: its commits are those of the first replica."""
        deployment, optimizer = self.deployment, pending.step.optimizer
        learned = [self._batch.learned[shard.number] for shard in deployment.shards]
        commits = deployment.join([one.commits for one in learned])
        states = deployment.join_all([one.state for one in learned])
        totals = deployment.join_all([() if one.total is None else (one.total,) for one in learned])
        pending.commits = commits
        if optimizer is not None:
            self.committed = self.committed.after(optimizer, commits, states)
        self.committed = self.committed.with_total(totals[0] if totals else None)
        self._batch.learned = {}
