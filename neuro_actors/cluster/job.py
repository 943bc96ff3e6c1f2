"""A job of a worker: one shard of one replica, from the committed state to the first failure.

Steps begin in the order in which the driver sends them, each in the next lane, and end in that
order. When a batch is concluded, no step is in progress: the driver sends the next batch after it.
After a failure no step begins, and the job waits for its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeAlias

import trio

from ..network.function_identity import compare
from ..neuron.messages import Step
from ..neuron.optimizer_json import optimizer_from_json
from ..rules.batch_sum import BatchSum
from ..society.failures import step_of
from ..support.errors import NeuroActorsError, SimulationError, WorkerConnectionError
from ..support.numerics import differences
from .message_stream import leaf_errors
from .peers import Callers, PeerLinks, Place
from .replicas import mean_over_replicas
from .shard_society import ShardSociety
from .worker_messages import (
    BatchLearned,
    ConcludeBatch,
    FromWorker,
    JobFailed,
    JobReady,
    PeerLost,
    RunStep,
    StartJob,
)

Task: TypeAlias = RunStep | ConcludeBatch


class Job:
    """Runs the society of one shard, and reports to the driver.

    Attributes:
        place: Which worker this is.
        society: The members of the shard.
        links: The connections to other workers.
    """

    def __init__(self, start: StartJob, to_driver: trio.MemorySendChannel[FromWorker]) -> None:
        """Make the job; `run` starts it.

        Args:
            start: The driver's message.
            to_driver: The messages that wait to be sent to the driver.
        """
        shard, shards = start.shard["number"], start.shard["shards"]
        self.place = Place(start.generation, start.replica, shard, start.replicas, shards)
        self.links = PeerLinks(self.place)
        self.society = ShardSociety(start, self.links.send_to_shard)
        self._to_driver = to_driver
        self._new, self._tasks = trio.open_memory_channel[Task](float("inf"))  # those of one batch
        self._room = trio.Semaphore(start.lanes)  # for steps in progress
        self._batch, self._sum = -1, BatchSum()  # over its steps that have ended
        self._scope, self._ended = trio.CancelScope(), trio.Event()
        self._begins = trio.CancelScope()  # no step begins any more once it is cancelled
        self._functions = start.functions
        self._compared = set[str]()  # losses

    def put(self, task: Task) -> None:
        """Do this after all that was put before."""
        self._new.send_nowait(task)

    async def run(
        self, addresses: tuple[tuple[str, int], ...], secret: bytes, callers: Callers
    ) -> None:
        """Run until `stop`. A failure of the society is reported to the driver.

        Args:
            addresses: Host and port of each worker, by rank.
            secret: The secret of the run.
            callers: The connections from other workers.
        """
        report: FromWorker | None = None
        generation = self.place.generation
        try:
            with self._scope:
                shard = self.society.shard
                self._compare_functions(shard.network.activations, (), shard.combinations)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._run_members)
                    await self.links.connect(
                        nursery, addresses, secret, callers, self.society.receive_rows
                    )
                    begun, in_order = trio.open_memory_channel[tuple[Task, int]](float("inf"))
                    nursery.start_soon(self._end_in_order, in_order)
                    self._to_driver.send_nowait(JobReady(generation))
                    with self._begins:
                        await self._begin_in_order(begun)
                    await trio.sleep_forever()
        except* WorkerConnectionError as group:
            report = PeerLost(generation, str(leaf_errors(group)[0]))
        except* NeuroActorsError as group:
            error = leaf_errors(group)[0]
            report = JobFailed(generation, step_of(error), str(error))
        finally:
            self.society.close()
            self._ended.set()
        if report is not None:
            self._to_driver.send_nowait(report)

    async def stop(self) -> None:
        """End the job, and wait until it has ended."""
        self._scope.cancel()
        await self._ended.wait()

    async def _run_members(self) -> None:
        try:
            await self.society.run()
        except SimulationError as error:
            # The connections stay: without them other workers could not do the steps before. So
            # the driver learns whether one of these fails too, and then it ends the job.
            report = JobFailed(self.place.generation, step_of(error), str(error))
            self._to_driver.send_nowait(report)
            self._begins.cancel()

    def _compare_functions(
        self,
        activations: Sequence[str],
        losses: Sequence[str],
        combinations: Sequence[str] = (),
    ) -> None:
        """Raise `SimulationError` if this process has other functions of these names.

        The driver's table of losses may have some that no step uses. So a loss is compared in its
        first step.
        """
        held = self._functions
        numerics = held.get("numerics")
        exact = not isinstance(numerics, dict) or not differences(numerics, numerics["sums"])
        found = compare(held, activations, losses, combinations, exact=exact)
        if found.problems:
            place = f"worker of shard {self.place.shard}, replica {self.place.replica}"
            raise SimulationError(f"{place}: {'; '.join(found.problems)}")

    # --- steps ------------------------------------------------------------------------------------

    async def _begin_in_order(self, begun: trio.MemorySendChannel[tuple[Task, int]]) -> None:
        async for task in self._tasks:
            lane = -1
            if isinstance(task, RunStep):
                if task.loss is not None and task.loss not in self._compared:
                    self._compared.add(task.loss)
                    losses = [task.loss] if self.society.shard.n_outputs else []
                    self._compare_functions((), losses)
                await self._room.acquire()
                lane = self.society.begin(task)
            begun.send_nowait((task, lane))
            await self.society.wait_sent()

    async def _end_in_order(self, begun: trio.MemoryReceiveChannel[tuple[Task, int]]) -> None:
        async for task, lane in begun:
            if isinstance(task, RunStep):
                await self._end_step(task, lane)
            else:
                await self._conclude(task)

    async def _end_step(self, task: RunStep, lane: int) -> None:
        done, commits = await self.society.wait_end(task, lane, self.place.generation)
        if task.loss is not None:
            self._sum = self._sum_of(task.batch).add(task.place, task.weight, commits)
            self._batch = task.batch
        self._room.release()
        self._to_driver.send_nowait(done)

    def _sum_of(self, batch: int) -> BatchSum:
        """A batch that was broken off is forgotten. A replica may have no micro-batch at all."""
        return self._sum if batch == self._batch else BatchSum()

    async def _conclude(self, task: ConcludeBatch) -> None:
        place, part = self.place, self._sum_of(task.batch)
        mean = await mean_over_replicas(part, task.batch, place.replica, place.replicas, self.links)
        optimizer = None if task.optimizer is None else optimizer_from_json(task.optimizer)
        commits = await self.society.learn(Step(task.number, optimizer=optimizer), mean)
        state = () if optimizer is None else tuple(self.society.optimizer_state())
        total = self.society.total()
        learned = (commits, *state, *(() if total is None else (total,)))
        digest = hashlib.sha256(b"".join(part.tobytes() for part in learned)).hexdigest()
        if place.replica:  # the first replica reports for all
            report = BatchLearned(place.generation, task.number, digest, None, (), None)
        else:
            report = BatchLearned(place.generation, task.number, digest, commits, state, total)
        self._to_driver.send_nowait(report)
