"""The connections of a job: to other shards of its replica, and other replicas of its shard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

import trio

from ..support.errors import WorkerConnectionError
from .connection import Connection, connect
from .message_codec import decode_as, encode
from .message_stream import receive_message, send_messages
from .worker_messages import BatchMean, CutRows, Message, PartialSum, PeerHello

SECONDS_TO_CONNECT = 30.0
M = TypeVar("M", PartialSum, BatchMean)


@dataclass(slots=True, eq=False)
class _Caller:
    """Another worker, before it has connected and after.

    Attributes:
        connected: Set once it has.
        dropped: Set once its connection is of no more use.
    """

    connection: Connection | None = None
    connected: trio.Event = field(default_factory=trio.Event)
    dropped: trio.Event = field(default_factory=trio.Event)


class Callers:
    """The workers that connect to this one. They may be ahead: a connection waits for its job."""

    def __init__(self) -> None:
        self._callers: dict[tuple[int, int], _Caller] = {}  # by generation and rank

    async def welcome(self, connection: Connection) -> None:
        """Hold a connection open until it is of no more use."""
        hello = decode_as(PeerHello, connection.hello)
        caller = self._callers.setdefault((hello.generation, hello.rank), _Caller())
        caller.connection = connection
        caller.connected.set()
        await caller.dropped.wait()

    async def wait_connected(self, generation: int, rank: int) -> Connection:
        """Wait for the connection from the worker of that rank, for a job of that generation."""
        caller = self._callers.setdefault((generation, rank), _Caller())
        await caller.connected.wait()
        assert caller.connection is not None
        return caller.connection

    def drop_before(self, generation: int) -> None:
        """Close all connections of earlier generations."""
        for key in [key for key in self._callers if key[0] < generation]:
            self._callers.pop(key).dropped.set()


@dataclass(frozen=True, slots=True)
class Place:
    """Which worker a job is in.

    Attributes:
        generation: Of the job.
        replica, shard: What the worker runs.
        replicas, shards: How many there are.
    """

    generation: int
    replica: int
    shard: int
    replicas: int
    shards: int

    @property
    def rank(self) -> int:
        """Number of the worker."""
        return self.rank_of(self.replica, self.shard)

    def rank_of(self, replica: int, shard: int) -> int:
        """Return the number of another worker."""
        return replica * self.shards + shard

    @property
    def peers(self) -> list[int]:
        """The ranks of the workers that it needs a connection to."""
        shards = [self.rank_of(self.replica, s) for s in range(self.shards) if s != self.shard]
        replicas = [self.rank_of(r, self.shard) for r in range(self.replicas) if r != self.replica]
        return sorted(shards + replicas)


class PeerLinks:
    """A connection to each peer of a job."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._outboxes: dict[int, trio.MemorySendChannel[Message]] = {}  # by rank
        self._received: dict[tuple[int, type[Message], int], Message] = {}  # rank, kind, batch
        self._changed = trio.Condition()

    async def connect(
        self,
        nursery: trio.Nursery,
        addresses: tuple[tuple[str, int], ...],
        secret: bytes,
        callers: Callers,
        on_rows: Callable[[CutRows], None],
    ) -> None:
        """Connect to all peers. Of two workers that with the higher rank calls the other.

        Args:
            nursery: Runs the tasks that send and receive.
            addresses: Host and port of each worker, by rank.
            secret: The secret of the run.
            callers: The connections from peers of higher rank.
            on_rows: Called with all rows of cut edges that arrive.

        Raises:
            WorkerConnectionError: A peer cannot be reached.
        """
        place = self.place
        for rank in place.peers:
            if rank < place.rank:
                hello, _ = encode(PeerHello(place.rank, place.generation))
                connection = await connect(*addresses[rank], secret, hello, SECONDS_TO_CONNECT)
            else:
                connection = await callers.wait_connected(place.generation, rank)
            self._outboxes[rank], queue = trio.open_memory_channel[Message](float("inf"))
            nursery.start_soon(send_messages, connection, queue)
            nursery.start_soon(self._receive, rank, connection, on_rows)

    async def _receive(
        self, rank: int, connection: Connection, on_rows: Callable[[CutRows], None]
    ) -> None:
        while (message := await receive_message(connection)) is not None:
            match message:
                case CutRows():
                    on_rows(message)
                case PartialSum() | BatchMean():
                    async with self._changed:
                        self._received[rank, type(message), message.batch] = message
                        self._changed.notify_all()
        raise WorkerConnectionError(f"worker {rank} has closed its connection")

    def send_to_shard(self, shard: int, message: CutRows) -> None:
        """Send rows to another shard of the same replica. Never waits."""
        self._send(self.place.rank_of(self.place.replica, shard), message)

    def send_to_replica(self, replica: int, message: PartialSum | BatchMean) -> None:
        """Send a sum or a mean to another replica of the same shard. Never waits."""
        self._send(self.place.rank_of(replica, self.place.shard), message)

    def _send(self, rank: int, message: Message) -> None:
        self._outboxes[rank].send_nowait(message)

    async def receive_from_replica(self, replica: int, kind: type[M], batch: int) -> M:
        """Wait for a sum or a mean from another replica of the same shard."""
        key = self.place.rank_of(replica, self.place.shard), kind, batch
        async with self._changed:
            while key not in self._received:
                await self._changed.wait()
            return cast(M, self._received.pop(key))
