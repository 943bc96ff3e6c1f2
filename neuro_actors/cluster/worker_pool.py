"""Workers' places: who has each, how a loss is noticed, and how whoever is lost is replaced.

The law:

1. A place has one worker at a time, the one that was started for it last: whoever had it before is killed first, and comes he
   late, his wire is not taken.
2. A worker is lost when his wire ends, or his process does, whichever is noticed first. That is trouble, until `calm`.
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

from ..support.errors import InputError, SimulationError, WireError
from ..support.numerics import differences
from ..support.validation import Array
from .connection import Wire, serve
from .launcher import Cluster, Functions, Worker
from .sender import Outgoing, all_of, write
from .settings import Machines

PATIENCE, SECOND_HAND, AT_ONCE, GOODBYE = (
    60.0,
    2.0,
    0.02,
    1.0,
)  # seconds: for a worker to be there; see below

Heard: TypeAlias = Callable[["Seat", dict[str, Any], list[Array]], None]


class Seat:
    """A worker's place.

    ready: he lives the society of the generation that is now.  starts: how many workers it has had, with this one.
    """

    def __init__(self, rank: int, replica: int, shard: int) -> None:
        self.rank, self.replica, self.shard = rank, replica, shard
        self.worker: Worker | None = None
        self.wire: Wire | None = None
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


class Seats:
    """All of a run's. heard: is handed what each says.

    trouble: somebody is lost.  blows: how many there were; whoever has seen that the work goes on may set it to 0.
    story: of the last one, until it is told.  replaced: how many were started since.
    """

    def __init__(
        self, machines: Machines, shards: int, functions: Functions | None, heard: Heard
    ) -> None:
        self._machines, self._functions, self._heard = machines, functions, heard
        self._seats = [
            Seat(r * shards + s, r, s) for r in range(machines.replicas) for s in range(shards)
        ]
        self.trouble = trio.Event()
        self.blows, self.story, self.replaced = 0, "", 0
        self._known: Seat | None = None  # whose the story is
        self._changed = trio.Event()
        self._over = False

    def __iter__(self) -> Iterator[Seat]:
        return iter(self._seats)

    def __len__(self) -> int:
        return len(self._seats)

    def __getitem__(self, rank: int) -> Seat:
        return self._seats[rank]

    def of(self, replica: int) -> list[Seat]:
        """All shards' of it."""
        return [seat for seat in self._seats if seat.replica == replica]

    # --- coming --------------------------------------------------------------------------------------------------

    async def begin(self, nursery: trio.Nursery, cluster: Cluster, secret: bytes) -> None:
        """Listen. In the nursery workers will be watched, and heard."""
        self._nursery, self._cluster, self._secret = nursery, cluster, secret
        self._port = await nursery.start(
            partial(serve, self._machines.host, secret, {}, self._welcome)
        )

    async def fill(self) -> None:
        """Start a worker for each seat that has none, all at once, and wait until all have called, or are lost again."""
        empty = [seat for seat in self._seats if seat.wire is None]
        self.replaced += sum(seat.starts > 0 for seat in empty)
        async with trio.open_nursery() as nursery:
            for seat in empty:
                nursery.start_soon(self._start, seat)
        for seat in empty:
            self._check_numerics(seat)

    @enable_ki_protection
    async def _start(self, seat: Seat) -> None:
        before, seat.worker = seat.worker, None  # nobody cares for his end any more
        if before is not None:
            before.kill()
        seat.starts += 1
        seat.taken, seat.lost = trio.Event(), False
        told = (
            self._machines.host,
            self._port,
            self._secret,
            {"rank": seat.rank, "start": seat.starts},
            self._functions,
        )
        with trio.move_on_after(PATIENCE):
            worker = seat.worker = await self._cluster.start(f"worker {seat.rank}", *told)
            self._nursery.start_soon(self._watch, seat, worker)
            await seat.taken.wait()
            return
        raise SimulationError(
            f"{seat} could not be started within {PATIENCE:g} s: is there room for it?"
        )

    def _check_numerics(self, seat: Seat) -> None:
        if seat.wire is None:
            return
        found = differences(seat.wire.about.get("fingerprint"), "ordered")
        if found:
            told = f"{seat} does not compute as this process does: {'; '.join(found)}"
            if self._machines.exact:
                raise InputError(f"{told}; bits could differ: use equal machines, or exact=False")
            print(f"neuro-actors: {told}; bits may differ", file=sys.stderr, flush=True)

    @enable_ki_protection
    async def _welcome(self, wire: Wire) -> None:
        """A worker's wire, to its end."""
        seat = self._seats[wire.about["rank"]]
        if seat.lost or wire.about["start"] != seat.starts:
            return
        seat.letters, take = trio.open_memory_channel[Outgoing](float("inf"))  # a batch's
        seat.wire, seat.address = wire, (wire.host, wire.about["port"])
        seat.taken.set()
        self.changed()
        why = "it has left"
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(write, wire, take)
                while (letter := await wire.receive()) is not None:
                    self._heard(seat, *letter)
                nursery.cancel_scope.cancel()
        except* WireError as group:
            why = str(all_of(group)[0])
        finally:
            if seat.wire is wire:
                self._lost(seat, why)

    # --- going ---------------------------------------------------------------------------------------------------

    @enable_ki_protection
    async def _watch(self, seat: Seat, worker: Worker) -> None:
        await worker.died.wait()
        if seat.worker is worker:
            seat.taken.set()
            self._lost(seat, worker.why)

    def _lost(self, seat: Seat, why: str) -> None:
        """Its wire has ended, or its process, which knows better why."""
        seat.wire = seat.letters = None
        story = f"{seat} is lost: {why}"
        if seat.lost:
            self.story = story if self._known is seat else self.story
            return
        seat.lost = True
        self.note(story, seat)

    def note(self, story: str, seat: Seat | None = None) -> None:
        """Of a loss: of this one's, or whoever's it may be."""
        self.changed()
        if self._over:
            return
        if not self.trouble.is_set():
            self.blows += 1
            self.story, self._known = story, seat
        elif self._known is None and seat is not None:
            self.story, self._known = story, seat
        self.trouble.set()

    async def all_is_known(self) -> None:
        """Wait, where somebody has noticed it first, until one is lost himself; and a moment for others who were struck."""
        with trio.move_on_after(SECOND_HAND):
            while self._known is None:
                await self.change()
        await trio.sleep(AT_ONCE)

    def calm(self) -> None:
        """What was known of trouble is seen to."""
        self.trouble, self._known = trio.Event(), None
        for seat in self._seats:
            seat.ready = False

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
        for seat in self._seats:
            seat.tell({"letter": "end"})
        with trio.move_on_after(GOODBYE):
            while any(seat.wire is not None for seat in self._seats):
                await self.change()

    # --- waiting -------------------------------------------------------------------------------------------------

    async def change(self) -> None:
        """Wait until something has changed in the state of a seat; any number of tasks may."""
        await self._changed.wait()

    def changed(self) -> None:
        """Something has."""
        self._changed.set()
        self._changed = trio.Event()
