"""A worker: a process that lives one shard of one replica, for as long as its wire to the driver holds.

It is told all by letters. A `job` makes it live a society, from what is committed there; another job ends that one first. A
`round` is a step of it, without learning; up to so many are under way at once, one in each lane, and they are concluded in
their order. A `conclude` ends a batch: twins add up, everyone learns, and the driver is told what has come of it.

If anything goes wrong a worker mends nothing: it tells the driver, drops the batch, and waits for another job.
"""

from __future__ import annotations

import hashlib
import socket
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import trio

from ..channels.bundled.engine import Bundled
from ..neuron.messages import Step
from ..neuron.optimizer_json import optimizer_of
from ..neuron.sums import named
from ..rules.rule_json import rule_of
from ..society.society import run_society
from ..support.errors import NeuroActorsError, SimulationError, WorkerConnectionError
from ..support.numerics import fingerprint
from ..support.validation import Array
from .committed_state import neuron_states
from .connection import Connection, connect, serve
from .gathered_record import ShardRecord
from .proxies import ShardRule
from .replicas import LEARN, BatchSum, ReplicatedRule
from .sender import Letter, Outgoing, all_of, write
from .shard import Shard
from .shard_channels import Direction, ShardChannels, told

TIMEOUT = 30.0  # seconds, for a wire to be made


def live(host: str, port: int, secret: bytes, about: Mapping[str, Any]) -> None:
    """A worker's whole life: until the driver ends it, or is gone. about: its `rank`, and how many
    workers in that place it is, `start`."""
    trio.run(life, host, port, secret, int(about["rank"]), int(about["start"]))


async def life(host: str, port: int, secret: bytes, rank: int, start: int = 1) -> None:
    """The same in trio."""
    peers: dict[tuple[int, int], Peer] = {}  # by generation and rank

    async def welcome(wire: Connection) -> None:
        """Somebody else's society calls; it may be ahead of this one, so the wire waits for its job."""
        peer = peers.setdefault((wire.about["generation"], wire.about["rank"]), Peer())
        peer.wire = wire
        peer.met.set()
        await peer.parted.wait()

    async with trio.open_nursery() as nursery:
        at = await nursery.start(
            partial(serve, address_towards(host, port), secret, {"rank": rank}, welcome)
        )
        hello = {"rank": rank, "start": start, "port": at, "fingerprint": fingerprint("ordered")}
        driver = await connect(host, port, secret, hello, TIMEOUT)
        say, said = trio.open_memory_channel[Outgoing](float("inf"))
        nursery.start_soon(
            write, driver, said
        )  # not by jobs: one that ends in the middle of a letter would break the wire
        job: Job | None = None
        try:
            while (letter := await driver.receive()) is not None:
                head = letter[0]
                if head["letter"] == "end":
                    break
                if head["letter"] == "job":
                    if job is not None:
                        await job.end()
                    for key in [key for key in peers if key[0] < head["generation"]]:
                        peers.pop(key).parted.set()
                    job = Job(letter, say, secret, peers)
                    nursery.start_soon(job.live)
                elif job is not None:
                    job.letters.send_nowait(letter)
        except WorkerConnectionError:  # the driver is gone
            pass
        nursery.cancel_scope.cancel()


def address_towards(host: str, port: int) -> str:
    """This machine's own address, by which it is reached from there; nothing is sent."""
    kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(kind, socket.SOCK_DGRAM) as probe:
        probe.connect(address)
        return str(probe.getsockname()[0])


class Peer:
    """Another worker, as one knows it before it has called, and after."""

    def __init__(self) -> None:
        self.wire: Connection | None = None
        self.met, self.parted = trio.Event(), trio.Event()


class Job:
    """One society, or the shard of it that lives here, from birth to the end or to the first trouble."""

    def __init__(
        self,
        letter: Letter,
        say: trio.MemorySendChannel[Outgoing],
        secret: bytes,
        peers: dict[tuple[int, int], Peer],
    ) -> None:
        head, arrays = letter
        self._driver, self._secret, self._peers = say, secret, peers
        self.generation: int = head["generation"]
        self._replica, self._replicas, self._shards = (
            head["replica"],
            head["replicas"],
            head["shards"],
        )
        self._addresses: list[tuple[str, int]] = [(host, port) for host, port in head["addresses"]]
        n_arrays = head["shard"]["arrays"]
        self._shard = Shard.from_arrays(head["shard"], arrays[:n_arrays])
        network, n_own = self._shard.network, len(self._shard.members)
        self._neurons = np.flatnonzero(
            ~network.is_input[:n_own]
        ).tolist()  # its own, which come first
        self._others = {b.number: b.sender for b in self._shard.hears} | {
            b.number: b.receiver for b in self._shard.tells
        }
        memories = neuron_states(
            network, self._neurons, head["optimizer"], head["updates"], arrays[n_arrays:]
        )
        self._replicated = ReplicatedRule(rule_of(head["rule"]), memories)
        self._rule = ShardRule(self._replicated, self._shard)
        self._sums = named(head["sums"])
        self._recorders = [
            ShardRecord(self._shard) if head["record"] else None for _ in range(head["lanes"])
        ]
        self._lanes = [
            ShardChannels(Bundled(network, recorder), self._shard, partial(self._cross, lane))
            for lane, recorder in enumerate(self._recorders)
        ]
        self._room = trio.Semaphore(len(self._lanes))
        give, self._mail = trio.open_memory_channel[Letter](
            float("inf")
        )  # the driver sends one batch at a time
        self.letters = give
        self._under_way: deque[tuple[Letter, Step | None, int]] = (
            deque()
        )  # rounds with their lanes, and conclusions
        self._more = trio.Event()
        self._begun = 0
        self._untold, self._all_told = set[int](), trio.Event()  # bundles of the last round
        self._tally: tuple[int, BatchSum] | None = None  # of the batch that began after this step
        self._told: dict[tuple[int, str, int], Letter] = {}  # by twins: who, what, of which batch
        self._heard = trio.Condition()
        self._outgoing: dict[int, trio.MemorySendChannel[Outgoing]] = {}
        self._columns, self._wrt_inputs = 1, False  # of the last round
        self._scope = trio.CancelScope()
        self._ended = trio.Event()

    # --- life and death ------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Raises nothing but what a worker cannot go on after; the driver is told of all else."""
        story: dict[str, Any] | None = None
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._members)
                    await self._connect(nursery)
                    nursery.start_soon(self._conclude_in_order)
                    self._say({"letter": "ready"})
                    await self._begin_in_order()
        except* WorkerConnectionError as group:
            story = {"letter": "lost", "story": str(all_of(group)[0])}
        except* NeuroActorsError as group:
            story = {"letter": "failed", "story": str(all_of(group)[0])}
        finally:
            for lane in self._lanes:
                lane.close()
            self._ended.set()
        if story is not None:
            self._say(story)

    async def end(self) -> None:
        """Another job is to follow."""
        self._scope.cancel()
        await self._ended.wait()

    async def _members(self) -> None:
        network = self._shard.network
        try:
            await run_society(network, self._lanes, self._rule, self._sums, lambda: False)
        except (
            SimulationError
        ) as error:  # it is told before any other worker can notice, and tells something else
            self._say({"letter": "failed", "story": str(error)})
            self._scope.cancel()

    async def _connect(self, nursery: trio.Nursery) -> None:
        """A wire to each of the other shards of this replica, and to each twin; who is lower is called."""
        me = self._rank_of(self._replica, self._shard.place)
        others = [
            self._rank_of(self._replica, s) for s in range(self._shards) if s != self._shard.place
        ]
        others += [
            self._rank_of(r, self._shard.place) for r in range(self._replicas) if r != self._replica
        ]
        for rank in sorted(others):
            if rank < me:
                host, port = self._addresses[rank]
                about = {"rank": me, "generation": self.generation}
                wire = await connect(host, port, self._secret, about, TIMEOUT)
            else:
                peer = self._peers.setdefault((self.generation, rank), Peer())
                await peer.met.wait()
                assert peer.wire is not None
                wire = peer.wire
            give, take = trio.open_memory_channel[Outgoing](float("inf"))
            self._outgoing[rank] = give
            nursery.start_soon(write, wire, take)
            nursery.start_soon(self._read, rank, wire)

    def _rank_of(self, replica: int, shard: int) -> int:
        return replica * int(self._shards) + shard

    def _say(self, head: dict[str, Any], arrays: Sequence[Array] = ()) -> None:
        self._driver.send_nowait((head | {"generation": self.generation}, arrays))

    # --- between workers -----------------------------------------------------------------------------------------

    async def _read(self, rank: int, wire: Connection) -> None:
        while (letter := await wire.receive()) is not None:
            head, arrays = letter
            if head["letter"] == "cross":
                self._lanes[head["lane"]].deliver(
                    head["bundle"], head["direction"], head["number"], arrays[0]
                )
            else:
                async with self._heard:
                    self._told[rank, head["letter"], head["batch"]] = letter
                    self._heard.notify_all()
        raise WorkerConnectionError(f"worker {rank} has left")

    def _cross(
        self, lane: int, bundle: int, direction: Direction, number: int, values: Array
    ) -> None:
        """All shards of a replica begin the same rounds in the same order, each in the same lane."""
        there = self._others[bundle]
        if direction == "forward":
            self._untold.discard(bundle)
            if not self._untold:
                self._all_told.set()
        head = {
            "letter": "cross",
            "bundle": bundle,
            "direction": direction,
            "number": number,
            "lane": lane,
        }
        self._tell(self._rank_of(self._replica, there), head, [values])

    def _tell(self, rank: int, head: dict[str, Any], arrays: Sequence[Array]) -> None:
        self._outgoing[rank].send_nowait((head, arrays))

    async def _hear(self, rank: int, what: str, batch: int) -> Letter:
        async with self._heard:
            while (rank, what, batch) not in self._told:
                await self._heard.wait()
            return self._told.pop((rank, what, batch))

    # --- rounds --------------------------------------------------------------------------------------------------

    async def _begin_in_order(self) -> None:
        async for letter in self._mail:
            head, arrays = letter
            if head["letter"] == "round":
                await self._room.acquire()
                lane, self._begun = self._begun % len(self._lanes), self._begun + 1
                step = Step(
                    head["number"],
                    head["loss"],
                    None,
                    head["wrt_inputs"],
                    head["tangent"],
                    head["round"],
                )
                x, targets, *direction = arrays
                self._untold, self._all_told = (
                    {b.number for b in self._shard.tells if told(b, step)},
                    trio.Event(),
                )
                wanted = targets if head["loss"] is not None and self._shard.n_outputs else None
                self._lanes[lane].environment.begin(step, x, wanted, *direction)
                self._under_way.append((letter, step, lane))
            else:
                self._under_way.append((letter, None, 0))
            self._more.set()
            if self._untold:  # else all lanes would go through each level side by side, and other shards wait for the last
                await self._all_told.wait()

    async def _conclude_in_order(self) -> None:
        while True:
            while not self._under_way:
                self._more = trio.Event()
                await self._more.wait()
            letter, step, lane = self._under_way.popleft()
            if step is None:
                await self._conclude(letter[0])
            else:
                await self._finish(letter[0], step, lane)

    async def _finish(self, head: dict[str, Any], step: Step, lane: int) -> None:
        """See a round to its end, and tell the driver what was said."""
        port = self._lanes[lane].environment
        await port.wait_end()
        said = [
            port.predictions.copy(),
            port.losses.copy(),
            port.input_urgencies.copy() if step.wrt_inputs else np.empty((0, 0)),
        ]
        if step.loss is not None:
            if self._tally is None or self._tally[0] != head["batch"]:
                self._tally = head["batch"], BatchSum()
            self._tally[1].add(head["place"], head["size"], port.commits, plain=head["plain"])
            self._columns, self._wrt_inputs = said[0].shape[1], step.wrt_inputs
        recorder = self._recorders[lane]
        if recorder is not None:
            said += recorder.told(step, port.commits)
        self._room.release()
        self._say({"letter": "said", "number": step.number}, said)

    async def _conclude(self, head: dict[str, Any]) -> None:
        """Add up what twins have found, and learn from it, or say what it is."""
        batch = head["batch"]
        tally = (
            self._tally[1] if self._tally is not None and self._tally[0] == batch else BatchSum()
        )
        self._tally = None
        mean = await self._added_up(tally, batch, head)
        optimizer = None if head["optimizer"] is None else optimizer_of(head["optimizer"])
        lane = self._lanes[0].environment
        step = Step(head["number"], head["loss"], optimizer, self._wrt_inputs, True, LEARN)
        x, targets = (
            np.zeros((n, self._columns)) for n in (len(self._shard.inputs), self._shard.n_outputs)
        )
        lane.begin(step, x, targets if len(targets) else None, mean)
        await lane.wait_end()
        learnt = (
            [lane.commits.copy(), *self._states()]
            if optimizer is not None
            else [lane.commits.copy()]
        )
        digest = hashlib.sha256(b"".join(part.tobytes() for part in learnt)).hexdigest()
        self._say(
            {"letter": "learnt", "number": head["number"], "digest": digest},
            () if self._replica else learnt,
        )

    async def _added_up(self, tally: BatchSum, batch: int, head: dict[str, Any]) -> Array:
        """By a binary tree over the replicas; the lowest one tells the others. See `twins.py`: it changes no bit."""
        me, far = self._replica, 1
        while far < self._replicas:
            if me & far:
                places = {
                    "letter": "blocks",
                    "batch": batch,
                    "blocks": [block[:2] for block in tally.blocks],
                }
                self._tell(
                    self._rank_of(me - far, self._shard.place),
                    places,
                    [block[2] for block in tally.blocks],
                )
                mean = (
                    await self._hear(self._rank_of(me - far, self._shard.place), "mean", batch)
                )[1][0]
                break
            if me + far < self._replicas:
                told, arrays = await self._hear(
                    self._rank_of(me + far, self._shard.place), "blocks", batch
                )
                tally.merge(
                    tuple(
                        (h, k, values)
                        for (h, k), values in zip(told["blocks"], arrays, strict=True)
                    )
                )
            far *= 2
        else:
            mean = tally.mean(head["examples"], plain=head["plain"])
        while far > 1:
            far //= 2
            if me + far < self._replicas:
                self._tell(
                    self._rank_of(me + far, self._shard.place),
                    {"letter": "mean", "batch": batch},
                    [mean],
                )
        return mean

    def _states(self) -> list[Array]:
        """Of the optimiser, each flat, as parameters lie."""
        states = [self._replicated.states[k].state.optimizer_state for k in self._neurons]
        return [np.concatenate(parts) for parts in zip(*states, strict=True)]
