"""Workers' places: who has each, how a loss is noticed, and how whoever is lost is replaced.

The law:

1. A place has one worker at a time, the one that was started for it last: whoever had it before is killed first, and comes he
   late, his wire is not taken.
2. A worker is lost when his wire ends, or his process does, whichever is noticed first. That is failure, until `reset`.
3. One blow may strike several at once, and others notice before the driver does: of a blow one story is told, of somebody
   who is lost himself, and it is counted once.

A Ctrl-C is for the user's own task, which leaves the block: no task here is struck by one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

import trio
from trio.lowlevel import enable_ki_protection

from ..support.errors import InputError, SimulationError, WorkerConnectionError
from ..support.numerics import differences
from ..support.validation import Array
from .connection import Connection, serve
from .launcher import Functions, Worker, WorkerLauncher
from .sender import Outgoing, all_of, write
from .settings import Cluster

PATIENCE, SECOND_HAND, AT_ONCE, GOODBYE = (
    60.0,
    2.0,
    0.02,
    1.0,
)  # seconds: for a worker to be there; see below

OnMessage: TypeAlias = Callable[["WorkerSlot", dict[str, Any], list[Array]], None]


class WorkerSlot:
    """A worker's place.

    ready: he lives the society of the generation that is now.  starts: how many workers it has had, with this one.
    """

    def __init__(self, rank: int, replica: int, shard: int) -> None:
        self.rank, self.replica, self.shard = rank, replica, shard
        self.worker: Worker | None = None
        self.wire: Connection | None = None
        self.address = ("", 0)
        self.ready = self.lost = False
        self.starts = 0
        self.taken = trio.Event()
        self.letters: trio.MemorySendChannel[Outgoing] | None = None

    def tell(self, head: dict[str, Any], arrays: Sequence[Array] = ()) -> None:
        """Nothing where nobody sits."""
        if self.letters is not None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                self.letters.send_nowait((head, arrays))

    def __str__(self) -> str:
        return f"worker {self.rank} (replica {self.replica}, shard {self.shard})"


class WorkerPool:
    """All of a run's. on_message: is handed what each says.

    failure: somebody is lost.  failures: how many there were; whoever has seen that the work goes on may set it to 0.
    story: of the last one, until it is told.  replaced: how many were started since.
    """

    def __init__(
        self, machines: Cluster, shards: int, functions: Functions | None, on_message: OnMessage
    ) -> None:
        self._machines, self._functions, self._on_message = machines, functions, on_message
        self._slots = [
            WorkerSlot(r * shards + s, r, s)
            for r in range(machines.replicas)
            for s in range(shards)
        ]
        self.failure = trio.Event()
        self.failures, self.story, self.replaced = 0, "", 0
        self._cause_of: WorkerSlot | None = None  # whose the story is
        self._changed = trio.Event()
        self._over = False

    def __iter__(self) -> Iterator[WorkerSlot]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    def __getitem__(self, rank: int) -> WorkerSlot:
        return self._slots[rank]

    def of(self, replica: int) -> list[WorkerSlot]:
        """All shards' of it."""
        return [slot for slot in self._slots if slot.replica == replica]

    # --- coming --------------------------------------------------------------------------------------------------

    async def begin(self, nursery: trio.Nursery, cluster: WorkerLauncher, secret: bytes) -> None:
        """Listen. In the nursery workers will be watched, and heard."""
        self._nursery, self._cluster, self._secret = nursery, cluster, secret
        self._port = await nursery.start(
            partial(serve, self._machines.host, secret, {}, self._welcome)
        )

    async def fill(self) -> None:
        """Start a worker for each slot that has none, all at once, and wait until all have called, or are lost again."""
        empty = [slot for slot in self._slots if slot.wire is None]
        self.replaced += sum(slot.starts > 0 for slot in empty)
        async with trio.open_nursery() as nursery:
            for slot in empty:
                nursery.start_soon(self._start, slot)
        for slot in empty:
            self._check_numerics(slot)

    @enable_ki_protection
    async def _start(self, slot: WorkerSlot) -> None:
        before, slot.worker = slot.worker, None  # nobody cares for his end any more
        if before is not None:
            before.kill()
        slot.starts += 1
        slot.taken, slot.lost = trio.Event(), False
        told = (
            self._machines.host,
            self._port,
            self._secret,
            {"rank": slot.rank, "start": slot.starts},
            self._functions,
        )
        with trio.move_on_after(PATIENCE):
            worker = slot.worker = await self._cluster.start(f"worker {slot.rank}", *told)
            self._nursery.start_soon(self._watch, slot, worker)
            await slot.taken.wait()
            return
        raise SimulationError(
            f"{slot} could not be started within {PATIENCE:g} s: is there room for it?"
        )

    def _check_numerics(self, slot: WorkerSlot) -> None:
        if slot.wire is None:
            return
        found = differences(slot.wire.about.get("fingerprint"), "ordered")
        if found:
            told = f"{slot} does not compute as this process does: {'; '.join(found)}"
            if self._machines.exact:
                raise InputError(f"{told}; bits could differ: use equal machines, or exact=False")
            print(f"neuro-actors: {told}; bits may differ", file=sys.stderr, flush=True)

    @enable_ki_protection
    async def _welcome(self, wire: Connection) -> None:
        """A worker's wire, to its end."""
        slot = self._slots[wire.about["rank"]]
        if slot.lost or wire.about["start"] != slot.starts:
            return
        slot.letters, take = trio.open_memory_channel[Outgoing](float("inf"))  # a batch's
        slot.wire, slot.address = wire, (wire.host, wire.about["port"])
        slot.taken.set()
        self.notify_change()
        why = "it has left"
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(write, wire, take)
                while (letter := await wire.receive()) is not None:
                    self._on_message(slot, *letter)
                nursery.cancel_scope.cancel()
        except* WorkerConnectionError as group:
            why = str(all_of(group)[0])
        finally:
            if slot.wire is wire:
                self._lost(slot, why)

    # --- going ---------------------------------------------------------------------------------------------------

    @enable_ki_protection
    async def _watch(self, slot: WorkerSlot, worker: Worker) -> None:
        await worker.died.wait()
        if slot.worker is worker:
            slot.taken.set()
            self._lost(slot, worker.why)

    def _lost(self, slot: WorkerSlot, why: str) -> None:
        """Its wire has ended, or its process, which knows better why."""
        slot.wire = slot.letters = None
        story = f"{slot} is lost: {why}"
        if slot.lost:
            self.story = story if self._cause_of is slot else self.story
            return
        slot.lost = True
        self.note(story, slot)

    def note(self, story: str, slot: WorkerSlot | None = None) -> None:
        """Of a loss: of this one's, or whoever's it may be."""
        self.notify_change()
        if self._over:
            return
        if not self.failure.is_set():
            self.failures += 1
            self.story, self._cause_of = story, slot
        elif self._cause_of is None and slot is not None:
            self.story, self._cause_of = story, slot
        self.failure.set()

    async def wait_cause(self) -> None:
        """Wait, where somebody has noticed it first, until one is lost himself; and a moment for others who were struck."""
        with trio.move_on_after(SECOND_HAND):
            while self._cause_of is None:
                await self.wait_change()
        await trio.sleep(AT_ONCE)

    def reset(self) -> None:
        """What was known of failures is seen to."""
        self.failure, self._cause_of = trio.Event(), None
        for slot in self._slots:
            slot.ready = False

    def told(self) -> str:
        """What there is to tell of losses, since it was told last; empty for nothing."""
        story, self.story = self.story, ""
        replaced, self.replaced = self.replaced, 0
        how = (
            "it is replaced"
            if replaced == 1
            else f"{replaced} workers are replaced"
            if replaced
            else "nobody is replaced"
        )
        return f"{story}; {how}" if story else ""

    def over(self) -> None:
        """Nobody is to be replaced any more, while wires take their time to close."""
        self._over = True

    async def dismiss(self) -> None:
        """Tell everybody to end, and give them a moment: who does not will be ended."""
        self.over()
        for slot in self._slots:
            slot.tell({"letter": "end"})
        with trio.move_on_after(GOODBYE):
            while any(slot.wire is not None for slot in self._slots):
                await self.wait_change()

    # --- waiting -------------------------------------------------------------------------------------------------

    async def wait_change(self) -> None:
        """Wait until something has changed in the state of a slot; any number of tasks may."""
        await self._changed.wait()

    def notify_change(self) -> None:
        """Something has."""
        self._changed.set()
        self._changed = trio.Event()
