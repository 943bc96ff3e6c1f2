"""The driver's end of a run: what a `Simulation` speaks to where the society lives on many machines.

The law:

1. Rounds are begun in their order, and each goes to one replica, all of whose shards are told of it. A batch's micro-batches
   are shared out in runs, so that what a replica adds up are whole blocks of the tree, or nearly.
2. Behind the last round of a batch everybody is told to conclude it. It is committed when all have told what came of it, and
   all twins the same digest: then the driver holds what everybody keeps, and only then does it say that the step has ended.
3. Whoever is lost is replaced. What was done for a batch that is not committed is dropped everywhere, all begin again from
   what is committed, and the batch is done again: no bit depends on how often.
4. A batch during which MOST_LOSSES times somebody was lost is given up: it may be what kills them.
"""

from __future__ import annotations

import secrets
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import trio
from trio.lowlevel import enable_ki_protection

from ..channels.interface import Recorder, Statistics, Waiting
from ..channels.routes import count_messages
from ..channels.step_record import Progress
from ..network.elements import ENVIRONMENT
from ..network.losses import BUILT_IN, LOSSES
from ..network.network import Network
from ..neuron.messages import LOSS, Step, place_of
from ..neuron.optimizer_json import described
from ..neuron.optimizers import Optimizer
from ..rules import MicroBatches, Rule
from ..rules.micro_batches import replica_of
from ..rules.remembering import Keeping
from ..rules.rule_json import described as rule_described
from ..support.errors import InputError, NeuroActorsError, SimulationError
from ..support.text import shown
from ..support.validation import Array
from .committed_state import CommittedState
from .gathered_record import GatheredRecord
from .partition import Partition
from .pending_step import NOTHING, PendingStep
from .sender import all_of
from .settings import Cluster, check_optimizer, default_lanes, user_functions
from .shard import shards
from .worker_pool import WorkerPool, WorkerSlot

MOST_LOSSES = 4


def make_driver(
    machines: Cluster, partition: Partition, network: Network, rule: Rule, sums: str, lanes: int | None, kept: Keeping | None,
    recorder: Recorder | None,
) -> Driver:  # fmt: skip
    """The driver of a new run, or of one that goes on. partition: as `machines.partition_for` gives it."""
    driver = Driver(
        network,
        machines,
        partition,
        rule,
        sums,
        lanes,
        CommittedState.first(network, kept),
        recorder,
    )
    if kept is not None:
        kept.elsewhere = lambda: driver.committed.kept(network, rule)
    return driver


class Driver:
    """The society, as a `Simulation` sees it; `live` is its whole life.

    started: once everybody is there, or nobody will be: refused, why.
    """

    def __init__(
        self,
        network: Network,
        machines: Cluster,
        partition: Partition,
        rule: Rule,
        sums: str,
        lanes: int | None,
        committed: CommittedState,
        recorder: Recorder | None = None,
    ) -> None:
        self._network, self._machines, self._rule = network, machines, rule
        self._inner, self._plain = (
            (rule.rule, False) if isinstance(rule, MicroBatches) else (rule, True)
        )
        self._sums, self._recorder = sums, recorder
        self.committed = committed
        self.partition = partition
        self._shards = shards(network, self.partition)
        self._n_lanes = lanes or default_lanes(rule, self.partition.shards)
        self._R, self._S = machines.replicas, len(self._shards)
        self._functions = user_functions(network)
        self._pool = WorkerPool(machines, self._S, self._functions, self._heard)
        self._judge = next(s.place for s in self._shards if s.n_outputs)
        self._whole = GatheredRecord(network, self._shards, self._judge)
        self._generation = 0
        self._settled = False
        self.under_way: deque[Step] = deque()
        self._rounds: dict[int, PendingStep] = {}
        self._learnt: dict[int, tuple[str, list[Array]]] = {}  # by rank
        self._stopped = trio.Event()
        self._messages = 0
        self.started = trio.Event()
        self.refused: NeuroActorsError | None = None

    # --- what a Simulation needs ---------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Whether no step may begin: a whole batch may, and each worker takes as much of it as it has lanes."""
        return False

    def check(self, loss: str, optimizer: Optimizer | None) -> None:
        """Raise `InputError` where workers cannot be told of these."""
        if optimizer is not None:
            check_optimizer(optimizer)
        theirs = {} if self._functions is None else self._functions["losses"]
        if loss not in BUILT_IN and theirs.get(loss) is not LOSSES[loss]:
            raise InputError(
                f"workers do not know the loss {shown(loss)}: add it before na.open_simulation starts them"
            )

    def begin(self, step: Step, x: Array, targets: Array | None, *direction: Array) -> None:
        """See `EnvironmentPort`."""
        place, count = place_of(step.round) or (1, 1)
        batch = step.number - place
        if place == 1:
            self._rounds = {}  # what was left of a batch that nobody waits for any more
            self._learnt = {}
        last = place == count and step.loss is not None
        replica, along = replica_of(step.round, self._R), direction[0] if direction else None
        self._rounds[step.number] = round = PendingStep(
            step, x, targets, along, replica, place - 1, batch, last
        )
        self.under_way.append(step)
        if self._settled:
            self._tell(round)

    async def wait_end(self) -> PendingStep:
        """See `Lanes.end`."""
        round = self._rounds[self.under_way[0].number]
        await round.done.wait()
        self.under_way.popleft()
        self._record(round)
        round.parts.clear()
        everyone = np.ones(len(self._network.ids), dtype=bool)
        done = everyone if round.step.wrt_inputs else ~self._network.is_input
        self._messages += count_messages(self._network, round.step, Progress(everyone, done, True))
        return round

    def stop(self) -> None:
        """The simulation is over, or has failed."""
        self._stopped.set()

    def close(self) -> None:
        """Everything has ended by itself."""

    def statistics(self) -> Statistics:
        """Messages of the society, not letters between machines. How full a mailbox is, its worker alone knows."""
        return Statistics(self._messages, {})

    def _record(self, round: PendingStep) -> None:
        """As one process would have said it: in the last round of a batch neurons commit what they have learnt."""
        if self._recorder is None:
            return
        told = [round.parts[s][3:] for s in range(self._S)]
        commits = (
            NOTHING
            if round.step.loss is None
            else round.commits
            if round.last
            else self._joined([t[3] for t in told])
        )
        self._recorder.messages(round.step, self._whole.said(round, told, commits))

    def who_waits(self) -> tuple[Waiting, ...]:
        """The world for workers; who waits in one of them, it alone knows."""
        found = []
        for round in (self._rounds[step.number] for step in self.under_way):
            slow = [slot for slot in self._pool.of(round.replica) if slot.shard not in round.parts]
            slow = slow or [
                slot for slot in self._pool if round.last and slot.rank not in self._learnt
            ]
            if slow and not round.done.is_set():
                found.append(
                    Waiting(ENVIRONMENT, LOSS, round.step.number, tuple(str(slot) for slot in slow))
                )
        return tuple(found)

    # --- its life ------------------------------------------------------------------------------------------------

    async def live(self, closed: Callable[[], bool]) -> None:
        """Until it is stopped. Raises `InputError` where it cannot begin, and `SimulationError` where it cannot go on."""
        failures: list[NeuroActorsError] = []
        if closed():
            return
        try:
            async with self._machines.cluster() as cluster, trio.open_nursery() as nursery:
                await self._pool.begin(nursery, cluster, secrets.token_bytes(32))
                nursery.start_soon(self._settle_again_and_again)
                await self._stopped.wait()
                await self._pool.dismiss()
                nursery.cancel_scope.cancel()
        except* NeuroActorsError as group:
            failures += all_of(group)
        finally:
            if not self.started.is_set():
                stopped = SimulationError("the workers were stopped before they were there")
                stopped.__cause__ = sys.exc_info()[1]  # a bug, of ours or of Ray's
                self.refused = failures[0] if failures else stopped
                self.started.set()
        if failures:
            raise failures[0]

    @enable_ki_protection
    async def _settle_again_and_again(self) -> None:
        while True:
            if await self._settle():
                await self._pool.failure.wait()
            await self._pool.wait_cause()

    async def _settle(self) -> bool:
        """Everybody in his slot, and at the same place: where the last batch was committed. False where somebody is lost."""
        pool = self._pool
        if pool.failures >= MOST_LOSSES:
            told = f"{pool.failures} times a worker was lost, and nothing was committed in between"
            raise SimulationError(
                f"{self._undone or 'the society is'} given up: {told}; the last: {pool.story}"
            )
        self._settled = False
        self._generation += 1
        pool.reset()
        await pool.fill()
        if not pool.failure.is_set():
            for slot in pool:
                slot.tell(*self._job(slot))
        while not pool.failure.is_set() and not all(slot.ready for slot in pool):
            await pool.wait_change()
        if pool.failure.is_set():
            return False
        self._settled, self._learnt = True, {}
        undone, told = self._undone, pool.told()
        if not undone:  # nothing that could kill them is asked of anybody
            pool.failures = 0
        if told:
            again = f", and {undone} done again from what was committed" if undone else ""
            print(f"neuro-actors: {told}{again}", file=sys.stderr, flush=True)
        for round in (
            self._rounds.values() if undone else ()
        ):  # done again, what is committed would be learnt twice
            if not round.done.is_set():
                round.parts.clear()
            self._tell(round)
        self.started.set()
        return True

    @property
    def _undone(self) -> str:
        """The steps that are not committed."""
        numbers = sorted(self._rounds)
        if all(round.done.is_set() for round in self._rounds.values()):
            return ""
        return (
            f"step {numbers[0]} is"
            if len(numbers) == 1
            else f"steps {numbers[0]} to {numbers[-1]} are"
        )

    # --- letters -------------------------------------------------------------------------------------------------

    def _job(self, slot: WorkerSlot) -> tuple[dict[str, Any], list[Array]]:
        shard, committed = self._shards[slot.shard], self.committed
        about, arrays = shard.to_arrays()
        head = {
            "letter": "job",
            "generation": self._generation,
            "replica": slot.replica,
            "replicas": self._R,
            "shards": self._S,
            "addresses": [other.address for other in self._pool],
            "record": self._recorder is not None,
            "shard": about | {"arrays": len(arrays)},
            "rule": rule_described(self._inner),
            "sums": self._sums,
            "lanes": self._n_lanes,
            "optimizer": None if committed.optimizer is None else described(committed.optimizer, 1),
            "updates": committed.updates,
        }
        return head, [*cast("list[Array]", arrays), *committed.part(shard)]

    def _tell(self, round: PendingStep) -> None:
        step = round.step
        head = {
            "letter": "round",
            "number": step.number,
            "loss": step.loss,
            "wrt_inputs": step.wrt_inputs,
            "tangent": step.tangent,
            "round": step.round,
            "batch": round.batch,
            "place": round.place,
            "size": 0 if round.targets is None else round.targets.shape[1],
            "plain": self._plain,
        }
        for slot in self._pool.of(round.replica):
            shard = self._shards[slot.shard]
            targets = (
                round.targets if round.targets is not None and shard.n_outputs else np.empty((0, 0))
            )
            direction = [] if round.direction is None else [shard.own_part(round.direction)]
            slot.tell(head, [np.ascontiguousarray(round.x[shard.inputs]), targets, *direction])
        if round.last:
            examples = sum(
                other.targets.shape[1]
                for other in self._rounds.values()
                if other.targets is not None
            )
            optimizer = None if step.optimizer is None else described(step.optimizer, 1)
            more = {"letter": "conclude", "examples": examples, "optimizer": optimizer}
            for slot in self._pool:
                slot.tell(head | more)

    def _heard(self, slot: WorkerSlot, head: dict[str, Any], arrays: list[Array]) -> None:
        kind = head["letter"]
        if head["generation"] != self._generation:
            return
        if kind == "failed":  # as it would in one process: to do it again would be of no use
            self._pool.over()
            raise SimulationError(head["story"])
        if kind == "ready":
            slot.ready = True
            self._pool.notify_change()
        elif kind == "lost":
            self._pool.note(f"{slot} has lost another: {head['story']}")
        elif kind == "said":
            round = self._rounds.get(head["number"])
            if round is not None and not round.done.is_set():
                round.parts[slot.shard] = arrays
                self._see(round)
        elif kind == "learnt":
            round = self._rounds.get(head["number"])
            if round is not None:
                self._learnt[slot.rank] = head["digest"], arrays
                self._see(round)

    def _see(self, round: PendingStep) -> None:
        """Whether it is over."""
        if (
            round.done.is_set()
            or len(round.parts) < self._S
            or (round.last and len(self._learnt) < len(self._pool))
        ):
            return
        round.predictions, round.losses = round.parts[self._judge][:2]
        if round.step.wrt_inputs:
            round.input_urgencies = np.empty_like(round.x)
            for shard in self._shards:
                round.input_urgencies[shard.inputs[: shard.n_inputs]] = round.parts[shard.place][2]
        if round.last:
            self._check_twins(round)
            flats = zip(*(self._learnt[s][1] for s in range(self._S)), strict=True)
            wholes = [self._joined(flat) for flat in flats]
            round.commits = wholes[0]
            if round.step.optimizer is not None:
                self.committed = self.committed.after(round.step.optimizer, wholes[0], wholes[1:])
            self._learnt = {}
        if round.last or round.step.loss is None:
            self._pool.failures = 0
        round.done.set()

    def _check_twins(self, round: PendingStep) -> None:
        for slot in self._pool:
            first = self._pool[slot.shard]
            if self._learnt[slot.rank][0] != self._learnt[first.rank][0]:
                told = f"{slot} has learnt other bits than {first}, which has the same neurons"
                raise SimulationError(f"step {round.step.number} failed: {told}")

    def _joined(self, parts: Sequence[Array]) -> Array:
        whole = np.empty(len(self.committed.parameters))
        for shard, part in zip(self._shards, parts, strict=True):
            shard.put(part, whole)
        return whole
