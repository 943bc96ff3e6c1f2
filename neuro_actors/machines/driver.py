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
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import trio

from ..arrays import Array, frozen
from ..channels import Recorder, Statistics, Waiting
from ..checkpoint.keeping import Keeping
from ..elements import ENVIRONMENT
from ..errors import InputError, NeuroActorsError, SimulationError, WireError
from ..lines import sent
from ..log.about import described
from ..log.numerics import differences
from ..messages import LOSS, Step
from ..network import Network
from ..rules import MicroBatches, Rule
from ..rules.descriptions import described as rule_described
from ..rules.micro_batches import place_of
from ..said import Unfinished
from .committed import Committed
from .engine import Machines, check_optimizer, own_functions
from .hosts import Worker
from .recorded import Whole
from .shard import shards
from .wire import Wire, serve

MOST_LOSSES = 4
PATIENCE, SECOND_HAND, AT_ONCE = 60.0, 2.0, 0.02  # seconds: for a worker to be there; see below
NOTHING = frozen(np.empty(0))

Letter = tuple[dict[str, Any], list[Array]]


@dataclass(slots=True, eq=False)
class Round:
    """A step that has begun. replica: who does it.  size: of how many examples.  last: of its batch, which is `batch`."""

    step: Step
    x: Array
    targets: Array | None
    direction: Array | None
    replica: int
    place: int
    batch: int
    last: bool
    parts: dict[int, list[Array]] = field(default_factory=dict)  # by shard, what was said
    done: trio.Event = field(default_factory=trio.Event)
    predictions: Array = field(default_factory=lambda: NOTHING)
    losses: Array = field(default_factory=lambda: NOTHING)
    urgencies: Array = field(default_factory=lambda: NOTHING)
    commits: Array = field(default_factory=lambda: NOTHING)


class Seat:
    """A worker's place: who has it changes where one is lost."""

    def __init__(self, rank: int, replica: int, shard: int) -> None:
        self.rank, self.replica, self.shard = rank, replica, shard
        self.worker: Worker | None = None
        self.wire: Wire | None = None
        self.letters: trio.MemorySendChannel[tuple[dict[str, Any], Sequence[Array]]] | None = None
        self.address = ("", 0)
        self.ready = self.lost = False
        self.taken = trio.Event()

    def tell(self, head: dict[str, Any], arrays: Sequence[Array] = ()) -> None:
        if self.letters is not None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                self.letters.send_nowait((head, arrays))

    def __str__(self) -> str:
        return f"worker {self.rank} (replica {self.replica}, shard {self.shard})"


def driven(
    machines: Machines, network: Network, rule: Rule, sums: str, lanes: int, kept: Keeping | None, recorder: Recorder | None
) -> Driver:
    """The driver of a new run, or of one that goes on. Raises `InputError` for what cannot live on many machines."""
    driver = Driver(network, machines, rule, sums, lanes, Committed.first(network, kept), recorder)
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
        machines: Machines,
        rule: Rule,
        sums: str,
        lanes: int,
        committed: Committed,
        recorder: Recorder | None = None,
    ) -> None:
        self._network, self._machines, self._rule = network, machines, rule
        self._inner, self._plain = (rule.rule, False) if isinstance(rule, MicroBatches) else (rule, True)
        self._sums, self._recorder = sums, recorder
        self.committed = committed
        self.partition = machines.divided(network, rule, sums)
        self._shards = shards(network, self.partition)
        self._n_lanes = lanes if lanes > 1 else _busy(rule, self.partition.shards)
        self._R, self._S = machines.replicas, len(self._shards)
        self._seats = [Seat(r * self._S + s, r, s) for r in range(self._R) for s in range(self._S)]
        self._judge = next(s.place for s in self._shards if s.n_outputs)
        self._whole = Whole(network, self._shards, self._judge)
        self._secret = secrets.token_bytes(32)
        self._generation = 0
        self._settled = False
        self.under_way: deque[Step] = deque()
        self._rounds: dict[int, Round] = {}
        self._learnt: dict[int, tuple[str, list[Array]]] = {}  # by rank
        self._losses: list[str] = []  # since something was committed, who was lost, and why
        self._trouble, self._first_hand = trio.Event(), False
        self._changed = trio.Event()  # in the state of the seats
        self._stopped = trio.Event()
        self._failure: str | None = None
        self._messages = 0
        self.started = trio.Event()
        self.refused: NeuroActorsError | None = None

    # --- what a Simulation needs ---------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Whether no step may begin: a whole batch may, and each worker takes as much of it as it has lanes."""
        return False

    def begin(self, step: Step, x: Array, targets: Array | None, *direction: Array) -> None:
        """See `EnvironmentPort`."""
        if step.optimizer is not None:
            check_optimizer(step.optimizer)
        place, count = place_of(step.round) or (1, 1)
        batch = step.number - place
        if place == 1:
            self._rounds = {}  # what was left of a batch that nobody waits for any more
            self._learnt = {}
        last = place == count and step.loss is not None
        replica, along = (place - 1) * self._R // count, direction[0] if direction else None
        self._rounds[step.number] = round = Round(step, x, targets, along, replica, place - 1, batch, last)
        self.under_way.append(step)
        if self._settled:
            self._tell(round)

    async def end(self) -> Round:
        """See `Lanes.end`."""
        round = self._rounds[self.under_way[0].number]
        await round.done.wait()
        self.under_way.popleft()
        self._record(round)
        everyone = np.ones(len(self._network.ids), dtype=bool)
        done = everyone if round.step.wrt_inputs else ~self._network.is_input
        self._messages += sent(self._network, round.step, Unfinished(everyone, done, True))
        return round

    def stop(self) -> None:
        """The simulation is over, or has failed."""
        self._stopped.set()

    def close(self) -> None:
        """Everything has ended by itself."""

    def statistics(self) -> Statistics:
        """Messages of the society, not letters between machines. How full a mailbox is, its worker alone knows."""
        return Statistics(self._messages, {})

    def _record(self, round: Round) -> None:
        """As one process would have said it: in the last round of a batch neurons commit what they have learnt."""
        if self._recorder is None:
            return
        told = [round.parts[s][3:] for s in range(self._S)]
        commits = NOTHING if round.step.loss is None else round.commits if round.last else self._joined([t[3] for t in told])
        self._recorder.messages(round.step, self._whole.said(round, told, commits))

    def who_waits(self) -> tuple[Waiting, ...]:
        """The world for workers; who waits in one of them, it alone knows."""
        found = []
        for round in (self._rounds[step.number] for step in self.under_way):
            slow = [seat for seat in self._seats if seat.replica == round.replica and seat.shard not in round.parts]
            slow = slow or [seat for seat in self._seats if round.last and seat.rank not in self._learnt]
            if slow:
                found.append(Waiting(ENVIRONMENT, LOSS, round.step.number, tuple(str(seat) for seat in slow)))
        return tuple(found)

    # --- its life ------------------------------------------------------------------------------------------------

    async def live(self, closed: Callable[[], bool]) -> None:
        """Until it is stopped. Raises `InputError` where it cannot begin, and `SimulationError` where it cannot go on."""
        failures: list[NeuroActorsError] = []
        if closed():
            return
        try:
            async with self._machines.cluster() as cluster, trio.open_nursery() as nursery:
                host = self._machines.host
                self._port = await nursery.start(partial(serve, host, self._secret, {}, self._welcome))
                self._nursery, self._cluster = nursery, cluster
                nursery.start_soon(self._settle_again_and_again)
                await self._stopped.wait()
                await self._dismiss()
                nursery.cancel_scope.cancel()
        except* NeuroActorsError as group:
            failures += _all(group)
        finally:
            if not self.started.is_set():
                self.refused = failures[0] if failures else SimulationError("the workers were stopped before they were there")
                self.started.set()
        if failures:
            raise failures[0]

    async def _dismiss(self) -> None:
        """Tell everybody to end, and give them a moment: who does not will be ended."""
        for seat in self._seats:
            seat.tell({"letter": "end"})
        with trio.move_on_after(1):
            for seat in self._seats:
                while seat.wire is not None:
                    await self._change()

    async def _settle_again_and_again(self) -> None:
        while True:
            await self._settle()
            await self._trouble.wait()
            with trio.move_on_after(SECOND_HAND):  # whoever has noticed first, it is soon known who is lost
                while not self._first_hand and self._failure is None:
                    await self._change()
            await trio.sleep(AT_ONCE)  # who else is lost by the same blow

    async def _settle(self) -> None:
        """Everybody in his seat, and at the same place: where the last batch was committed."""
        while True:
            if self._failure is not None:
                raise SimulationError(self._failure)
            if len(self._losses) >= MOST_LOSSES:
                told = f"{len(self._losses)} times a worker was lost, and nothing was committed in between"
                raise SimulationError(f"{self._what or 'a society is'} given up: {told}; the last: {self._losses[-1]}")
            self._settled, self._trouble, self._first_hand = False, trio.Event(), False
            self._generation += 1
            for seat in self._seats:
                seat.ready = False
                if seat.wire is None:
                    await self._seat(seat)
            self._check_numerics()
            if self._trouble.is_set():
                continue
            for seat in self._seats:
                seat.tell(*self._job(seat))
            while not self._trouble.is_set() and not all(seat.ready for seat in self._seats):
                await self._change()
            if not self._trouble.is_set():
                break
        self._settled = True
        self._learnt = {}
        if self._losses:
            again = f", and {self._what} done again from what was committed" if self._what else ""
            print(f"neuro-actors: {self._losses[-1]}; it is replaced{again}", file=sys.stderr, flush=True)
        for round in self._rounds.values():
            if not round.done.is_set():
                round.parts.clear()
            self._tell(round)
        self.started.set()

    @property
    def _what(self) -> str:
        """The steps that are not committed."""
        numbers = sorted(self._rounds)
        if all(round.done.is_set() for round in self._rounds.values()):
            return ""
        return f"step {numbers[0]} is" if len(numbers) == 1 else f"steps {numbers[0]} to {numbers[-1]} are"

    async def _seat(self, seat: Seat) -> None:
        """A new worker."""
        if seat.worker is not None:
            seat.worker.kill()
        seat.taken, seat.lost = trio.Event(), False
        host = self._machines.host
        told = host, self._port, self._secret, {"rank": seat.rank}, own_functions(self._network)
        with trio.move_on_after(PATIENCE):
            worker = seat.worker = await self._cluster.start(f"worker {seat.rank}", *told)
            self._nursery.start_soon(self._watch, seat, worker, seat.taken)
            await seat.taken.wait()
            return
        raise SimulationError(f"{seat} could not be started within {PATIENCE:g} s: is there room for it?")

    async def _watch(self, seat: Seat, worker: Any, taken: trio.Event) -> None:
        await worker.died.wait()
        if seat.worker is worker:
            taken.set()
            self._lost(seat, worker.why)

    async def _change(self) -> None:
        self._changed = trio.Event()
        await self._changed.wait()

    def _lost(self, seat: Seat, why: str) -> None:
        """Its wire has ended, or its process, which knows better why."""
        seat.wire = seat.letters = None
        if seat.lost and self._losses:
            self._losses[-1] = f"{seat} is lost: {why}"
            return
        seat.lost = True
        self._note(f"{seat} is lost: {why}", first_hand=True)

    def _note(self, story: str, *, first_hand: bool) -> None:
        """Of one blow one story: of who is lost himself, rather than of who has noticed."""
        self._changed.set()
        if self._stopped.is_set():
            return
        if not self._trouble.is_set():
            self._losses.append(story)
        elif first_hand and not self._first_hand:
            self._losses[-1] = story
        self._first_hand |= first_hand
        self._trouble.set()

    def _check_numerics(self) -> None:
        for seat in self._seats:
            if seat.wire is None:
                continue
            found = differences(seat.wire.about.get("fingerprint"), self._sums)
            if found:
                told = f"{seat} does not compute as this process does: {'; '.join(found)}"
                if self._machines.exact:
                    raise InputError(f"{told}; bits could differ: use equal machines, or exact=False")
                print(f"neuro-actors: {told}; bits may differ", file=sys.stderr, flush=True)

    # --- letters -------------------------------------------------------------------------------------------------

    def _job(self, seat: Seat) -> tuple[dict[str, Any], list[Array]]:
        shard, committed = self._shards[seat.shard], self.committed
        about, arrays = shard.to_arrays()
        head = {
            "letter": "job",
            "generation": self._generation,
            "replica": seat.replica,
            "replicas": self._R,
            "shards": self._S,
            "addresses": [other.address for other in self._seats],
            "record": self._recorder is not None,
            "shard": about | {"arrays": len(arrays)},
            "rule": rule_described(self._inner),
            "sums": self._sums,
            "lanes": self._n_lanes,
            "optimizer": None if committed.optimizer is None else described(committed.optimizer, 1),
            "updates": committed.updates,
        }
        return head, [*arrays, *committed.part(shard)]

    def _tell(self, round: Round) -> None:
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
        for seat in self._seats[round.replica * self._S : (round.replica + 1) * self._S]:
            shard = self._shards[seat.shard]
            targets = round.targets if round.targets is not None and shard.n_outputs else np.empty((0, 0))
            direction = [] if round.direction is None else [shard.own_part(round.direction)]
            seat.tell(head, [np.ascontiguousarray(round.x[shard.inputs]), targets, *direction])
        if round.last:
            examples = sum(other.targets.shape[1] for other in self._rounds.values() if other.targets is not None)
            optimizer = None if step.optimizer is None else described(step.optimizer, 1)
            more = {"letter": "conclude", "examples": examples, "optimizer": optimizer}
            for seat in self._seats:
                seat.tell(head | more)

    async def _welcome(self, wire: Wire) -> None:
        """A worker's wire, to its end."""
        seat = self._seats[wire.about["rank"]]
        give, take = trio.open_memory_channel[tuple[dict[str, Any], Sequence[Array]]](float("inf"))  # of one batch, at most
        seat.wire, seat.letters, seat.address = wire, give, (wire.host, wire.about["port"])
        seat.taken.set()
        self._changed.set()
        why = "it has left"
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_write, wire, take)
                while (letter := await wire.receive()) is not None:
                    self._heard(seat, *letter)
                nursery.cancel_scope.cancel()
        except* WireError as group:
            why = str(_all(group)[0])
        finally:
            if seat.wire is wire:
                self._lost(seat, why)

    def _heard(self, seat: Seat, head: dict[str, Any], arrays: list[Array]) -> None:
        kind = head["letter"]
        if kind == "failed":
            self._failure = self._failure or head["story"]
            self._trouble.set()
            self._changed.set()
        if head["generation"] != self._generation:
            return
        if kind == "ready":
            seat.ready = True
            self._changed.set()
        elif kind == "lost":
            self._note(f"{seat} has lost another: {head['story']}", first_hand=False)
        elif kind == "said":
            round = self._rounds.get(head["number"])
            if round is not None and not round.done.is_set():
                round.parts[seat.shard] = arrays
                self._see(round)
        elif kind == "learnt":
            round = self._rounds.get(head["number"])
            if round is not None:
                self._learnt[seat.rank] = head["digest"], arrays
                self._see(round)

    def _see(self, round: Round) -> None:
        """Whether it is over."""
        if round.done.is_set() or len(round.parts) < self._S or (round.last and len(self._learnt) < len(self._seats)):
            return
        round.predictions, round.losses = round.parts[self._judge][:2]
        if round.step.wrt_inputs:
            round.urgencies = np.empty_like(round.x)
            for shard in self._shards:
                round.urgencies[shard.inputs] = round.parts[shard.place][2]
        if round.last:
            if not self._all_twins_agree(round):
                return
            flats = zip(*(self._learnt[s][1] for s in range(self._S)), strict=True)
            wholes = [self._joined(flat) for flat in flats]
            round.commits = wholes[0]
            if round.step.optimizer is not None:
                self.committed = self.committed.after(round.step.optimizer, wholes[0], wholes[1:])
        if round.last or round.step.loss is None:
            self._losses.clear()
        round.done.set()

    def _all_twins_agree(self, round: Round) -> bool:
        for seat in self._seats[self._S :]:
            if self._learnt[seat.rank][0] != self._learnt[seat.shard][0]:
                first = self._seats[seat.shard]
                self._failure = f"step {round.step.number}: {seat} has learnt other bits than {first}, which has the same neurons"
                self._trouble.set()
                return False
        return True

    def _joined(self, parts: Sequence[Array]) -> Array:
        whole = np.empty(len(self.committed.parameters))
        for shard, part in zip(self._shards, parts, strict=True):
            shard.put(part, whole)
        return whole


def _busy(rule: Rule, shards: int) -> int:
    """How many micro-batches under way keep a worker busy: one that waits for another shard has others to go on with."""
    return min(rule.count if isinstance(rule, MicroBatches) else 1, 2 * shards + 2) if shards > 1 else 1


async def _write(wire: Wire, letters: trio.MemoryReceiveChannel[tuple[dict[str, Any], Sequence[Array]]]) -> None:
    async for head, arrays in letters:
        await wire.send(head, arrays)


def _all(group: BaseExceptionGroup[Any]) -> list[Any]:
    found: list[Any] = []
    for error in group.exceptions:
        found += _all(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
