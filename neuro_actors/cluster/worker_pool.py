"""The workers of a run: how the loss of one is noticed, and how it is replaced.

The law:

1. A slot has one worker at a time: the last that was started for it. The worker before is killed
   first. If it connects late, its connection is refused.
2. A worker is lost when its connection or its process ends, whichever is noticed first. That is a
   failure until `reset`.
3. One fault may end several workers, and other workers may notice it before the driver does. So a
   failure is counted once, however many workers it ends: a worker that outlived a failure, and is
   lost before it is ready again, is not counted anew.
4. The cause of a failure is what the process of a lost worker has ended with. `wait_cause` waits
   for that process to end: its connection ends before, and does not tell why.

A Ctrl-C is for the user's own task, which then leaves the block: no task of this file is
interrupted by one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import trio
from trio.lowlevel import enable_ki_protection

from ..support.console import warn
from ..support.errors import InputError, SimulationError, WorkerConnectionError
from ..support.numerics import differences
from .connection import Connection, serve
from .launcher import Functions, Worker, WorkerCall, WorkerLauncher
from .message_codec import decode_as
from .message_stream import leaf_errors, receive_message, send_messages
from .settings import Cluster
from .worker_messages import Message, Stop, WorkerHello

LOGGER = logging.getLogger("neuro_actors.cluster")
SECONDS_TO_START = 60.0  # for a worker to connect
SECONDS_TO_REPORT = 2.0  # for a loss that another worker has reported to be noticed here
SECONDS_TO_END = 10.0  # for the process of a worker to end whose connection has ended
SECONDS_TO_STOP = 1.0  # for all workers to end when they are asked to

OnMessage: TypeAlias = Callable[["WorkerSlot", Message], None]


class WorkerSlot:
    """A place for a worker: one shard of one replica.

    Attributes:
        rank: Number of the slot among all slots.
        replica, shard: What its worker runs.
        worker: The worker; None before the first, and while another is started.
        connection: The worker's connection; None until it connects, and after it is lost.
        address: Host and port where the worker listens for other workers.
        starts: How many workers the slot has had.
        is_ready: Whether the worker runs the job of this generation.
        is_lost: Whether the worker is lost.
        has_ended: Whether the worker's process has ended.
        outlived_failure: Whether the worker was there at the last failure, and is not ready again
            since.
    """

    def __init__(self, rank: int, replica: int, shard: int) -> None:
        self.rank, self.replica, self.shard = rank, replica, shard
        self.worker: Worker | None = None
        self.connection: Connection | None = None
        self.address = ("", 0)
        self.starts = 0
        self.is_ready = self.is_lost = self.has_ended = self.outlived_failure = False
        self._connected = trio.Event()
        self._outbox: trio.MemorySendChannel[Message] | None = None

    def send(self, message: Message) -> None:
        """Send a message to the worker; do nothing if the slot has none. Never waits."""
        if self._outbox is not None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                self._outbox.send_nowait(message)

    def expect(self) -> None:
        """A worker is started for the slot."""
        self.starts += 1
        self._connected = trio.Event()
        self.is_lost = self.has_ended = self.outlived_failure = False

    def connect(self, connection: Connection, port: int) -> trio.MemoryReceiveChannel[Message]:
        """The worker has connected. Return the messages that are to be sent to it."""
        self._outbox, queue = trio.open_memory_channel[Message](float("inf"))  # those of one batch
        self.connection, self.address = connection, (connection.host, port)
        self._connected.set()
        return queue

    def disconnect(self) -> None:
        """The worker is lost."""
        self.connection = self._outbox = None
        self._connected.set()

    async def wait_connected(self) -> None:
        """Wait until the worker has connected, or is lost."""
        await self._connected.wait()

    def __str__(self) -> str:
        return f"worker {self.rank} (replica {self.replica}, shard {self.shard})"


@dataclass(slots=True, eq=False)
class Failures:
    """What is known of the failures of a run.

    Attributes:
        noticed: Set once a worker is lost, until `reset`.
        count: How many failures there were; the driver sets it to 0 when the run goes on.
        cause: Of the last one; empty once `report` has returned it.
        slot: The slot whose loss is the cause; None if another worker has reported it.
        replaced: How many workers were replaced since the last `report`.
    """

    noticed: trio.Event = field(default_factory=trio.Event)
    count: int = 0
    cause: str = ""
    slot: WorkerSlot | None = None
    replaced: int = 0

    def note(self, cause: str, slot: WorkerSlot | None, counts: bool) -> None:
        """A worker is lost.

        Args:
            cause: What happened.
            slot: The lost worker's slot; None if another worker has reported the loss.
            counts: Whether this is a new failure, if none is noticed.
        """
        if not self.noticed.is_set():
            self.count += counts
            self.cause, self.slot = cause, slot
        elif self.slot is None and slot is not None:
            self.cause, self.slot = cause, slot
        self.noticed.set()

    def reset(self) -> None:
        """The failure is dealt with."""
        self.noticed, self.slot = trio.Event(), None

    def report(self) -> str:
        """Return what to print of the losses since the last report; empty for nothing."""
        cause, self.cause = self.cause, ""
        replaced, self.replaced = self.replaced, 0
        how = (
            "it is replaced"
            if replaced == 1
            else f"{replaced} workers are replaced"
            if replaced
            else "no worker is replaced"
        )
        return f"{cause}; {how}" if cause else ""


@dataclass(frozen=True, slots=True, eq=False)
class _Start:
    """What it takes to start workers: where they are started, and where and how they connect."""

    launcher: WorkerLauncher
    nursery: trio.Nursery
    port: int
    secret: bytes


class WorkerPool:
    """All slots of a run.

    Attributes:
        failures: What is known of the failures.
    """

    def __init__(
        self, cluster: Cluster, shards: int, functions: Functions | None, on_message: OnMessage
    ) -> None:
        """Make the slots; no worker is started.

        Args:
            cluster: What the user asks for.
            shards: How many shards there are.
            functions: The user's own functions, for each worker.
            on_message: Called with each message that a worker sends, and its slot.
        """
        self._cluster, self._functions, self._on_message = cluster, functions, on_message
        self._slots = [
            WorkerSlot(r * shards + s, r, s) for r in range(cluster.replicas) for s in range(shards)
        ]
        self.failures = Failures()
        self._start_settings: _Start | None = None
        self._changed = trio.Event()
        self._closing = False

    def __iter__(self) -> Iterator[WorkerSlot]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    def __getitem__(self, rank: int) -> WorkerSlot:
        return self._slots[rank]

    def of_replica(self, replica: int) -> list[WorkerSlot]:
        """Return the slots of all shards of a replica."""
        return [slot for slot in self._slots if slot.replica == replica]

    # --- workers come -----------------------------------------------------------------------------

    async def open(self, nursery: trio.Nursery, launcher: WorkerLauncher, secret: bytes) -> None:
        """Listen for workers.

        Args:
            nursery: Runs the tasks that watch workers, and receive their messages.
            launcher: Starts workers.
            secret: The secret of the run.
        """
        port = await nursery.start(partial(serve, self._cluster.host, secret, {}, self._welcome))
        self._start_settings = _Start(launcher, nursery, port, secret)

    async def fill(self) -> None:
        """Start a worker for each slot that has none. Wait until all have connected, or are lost.

        Raises:
            SimulationError: A worker cannot be started.
            InputError: A worker does not compute as this process does, and the cluster is to be
                exact.
        """
        empty = [slot for slot in self._slots if slot.connection is None]
        self.failures.replaced += sum(slot.starts > 0 for slot in empty)
        async with trio.open_nursery() as nursery:
            for slot in empty:
                nursery.start_soon(self._start, slot)
        for slot in empty:
            self._check_numerics(slot)

    @enable_ki_protection
    async def _start(self, slot: WorkerSlot) -> None:
        start = self._start_settings
        assert start is not None
        before, slot.worker = slot.worker, None  # the end of the worker before is no news any more
        if before is not None:
            before.kill()
        slot.expect()
        with trio.move_on_after(SECONDS_TO_START):
            worker = slot.worker = await start.launcher.start(
                f"worker {slot.rank}",
                WorkerCall(
                    self._cluster.host,
                    start.port,
                    start.secret,
                    {"rank": slot.rank, "start": slot.starts},
                    self._functions,
                ),
            )
            start.nursery.start_soon(self._watch, slot, worker)
            await slot.wait_connected()
            return
        raise SimulationError(
            f"{slot} could not be started within {SECONDS_TO_START:g} s: is there room for it?"
        )

    def _check_numerics(self, slot: WorkerSlot) -> None:
        if slot.connection is None:
            return
        hello = decode_as(WorkerHello, slot.connection.hello)
        found = differences(hello.fingerprint, "ordered")
        if found:
            problem = f"{slot} does not compute as this process does: {'; '.join(found)}"
            if self._cluster.exact:
                raise InputError(
                    f"{problem}; bits could differ: use equal machines, or exact=False"
                )
            warn(LOGGER, f"{problem}; bits may differ")

    @enable_ki_protection
    async def _welcome(self, connection: Connection) -> None:
        """Receive the messages of a worker, until its connection ends."""
        hello = decode_as(WorkerHello, connection.hello)
        slot = self._slots[hello.rank]
        if slot.is_lost or hello.start != slot.starts:
            return
        queue = slot.connect(connection, hello.port)
        self.notify_change()
        cause = "its connection has ended"
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_messages, connection, queue)
                while (message := await receive_message(connection)) is not None:
                    self._on_message(slot, message)
                nursery.cancel_scope.cancel()
        except* WorkerConnectionError as group:
            cause = str(leaf_errors(group)[0])
        finally:
            if slot.connection is connection:
                self._note_loss(slot, cause)

    # --- workers go -------------------------------------------------------------------------------

    @enable_ki_protection
    async def _watch(self, slot: WorkerSlot, worker: Worker) -> None:
        await worker.ended.wait()
        if slot.worker is worker:
            slot.has_ended = True
            self._note_loss(slot, worker.cause)

    def _note_loss(self, slot: WorkerSlot, cause: str) -> None:
        """The slot's connection has ended, or its process has, which tells more of the cause."""
        slot.disconnect()
        cause = f"{slot} is lost: {cause}"
        if slot.is_lost:
            if self.failures.slot is slot:
                self.failures.cause = cause
            self.notify_change()
            return
        slot.is_lost = True
        self.note_failure(cause, slot)

    def note_failure(self, cause: str, slot: WorkerSlot | None = None) -> None:
        """A worker is lost.

        Args:
            cause: What happened.
            slot: The lost worker's slot; None if another worker has reported the loss.
        """
        self.notify_change()
        if not self._closing:
            self.failures.note(cause, slot, counts=slot is None or not slot.outlived_failure)

    async def wait_cause(self) -> None:
        """Wait until the cause of the failure is known, and for a limited time only."""
        with trio.move_on_after(SECONDS_TO_REPORT):
            while self.failures.slot is None:
                await self.wait_change()
        with trio.move_on_after(SECONDS_TO_END):
            while any(slot.is_lost and not slot.has_ended for slot in self._slots):
                await self.wait_change()

    def reset(self) -> None:
        """The failure is dealt with: each worker that is still there is to begin anew."""
        self.failures.reset()
        for slot in self._slots:
            slot.is_ready = False
            slot.outlived_failure = slot.connection is not None

    def set_ready(self, slot: WorkerSlot) -> None:
        """The worker of this slot runs its job."""
        slot.is_ready, slot.outlived_failure = True, False
        self.notify_change()

    def stop_replacing(self) -> None:
        """The run is over: no loss is a failure any more."""
        self._closing = True

    async def dismiss(self) -> None:
        """Ask all workers to end, and give them a moment. The launcher ends those that do not."""
        self.stop_replacing()
        for slot in self._slots:
            slot.send(Stop())
        with trio.move_on_after(SECONDS_TO_STOP):
            while any(slot.connection is not None for slot in self._slots):
                await self.wait_change()

    # --- waiting ----------------------------------------------------------------------------------

    async def wait_change(self) -> None:
        """Wait until the state of a slot has changed. Any number of tasks may wait."""
        await self._changed.wait()

    def notify_change(self) -> None:
        """The state of a slot has changed."""
        self._changed.set()
        self._changed = trio.Event()
