"""Many machines in trouble: workers that die, disagree, hang or are strangers; what comes of it is the same bits, or one clear error."""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import trio
import trio.testing
from helpers.comparing import same_bits
from helpers.in_process_cluster import InProcess
from helpers.interrupting import Place, watched
from helpers.systems import OPEN_FILES
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.cluster import worker, worker_pool
from neuro_actors.cluster.driver import Driver
from neuro_actors.cluster.job import Job
from neuro_actors.cluster.peers import Callers
from neuro_actors.cluster.shard_channels import ShardEnvironment
from neuro_actors.cluster.worker import serve_driver
from neuro_actors.network import functions

RNG = np.random.default_rng(0)
NET = na.Network.layered([3, 4, 3, 2], output_activation="sigmoid", seed=1)
X, TARGETS = RNG.standard_normal((7, 3)), RNG.random((7, 2))
ADAM = na.Adam(0.05)
LINE = re.compile(
    r"^neuro-actors: worker \d \(replica \d, shard \d\) is lost: .*; (it is|\d workers are) replaced(, and steps? .* done again from what was committed)?$"
)


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No socket is."""
    before = sockets()
    yield
    assert sockets() <= before


def sockets() -> int:
    """How many this process has open."""
    count = 0
    for file in OPEN_FILES.iterdir() if OPEN_FILES.is_dir() else ():
        with suppress(OSError):
            count += str(file.readlink()).startswith("socket:")
    return count


async def story(
    log: Path | None = None, meanwhile: Callable[[], Any] | None = None, **settings: Any
) -> list[Any]:
    """A few steps of all kinds."""
    async with na.open_simulation(NET, micro_batches=4, log=log, **settings) as simulation:
        answers = [await simulation.predict(X)]
        for k in range(3):
            result = await simulation.train_step(X[k:], TARGETS[k:], optimizer=ADAM)
            answers += [result.step, result.loss, result.predictions]
            answers.append(await simulation.predict(X[:2]))
        gradient = await simulation.gradient(X, TARGETS, wrt_inputs=True)
        answers += [gradient.loss, gradient.weights, gradient.biases, gradient.inputs]
        answers += [(await simulation.network()).digest(), simulation.statistics().messages]
    return answers


EXPECTED = trio.run(story)


def as_expected(answers: list[Any]) -> bool:
    return len(answers) == len(EXPECTED) and all(map(np.array_equal, answers, EXPECTED))


# --- a bug -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Buggy(na.Ray):
    """Its workers cannot be started, for a reason that nobody has thought of."""

    @asynccontextmanager
    async def open_launcher(self) -> AsyncIterator[Any]:
        raise ZeroDivisionError("a bug")
        yield


async def test_a_bug_while_workers_start_is_reported() -> None:
    with pytest.raises(
        na.SimulationError, match=r"^the workers were stopped before they were there"
    ) as caught:
        await story(engine=Buggy())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


# --- killed ------------------------------------------------------------------------------------------------------


async def struck(
    engine: InProcess, moment: int, victims: int, rng: np.random.Generator, **settings: Any
) -> tuple[list[Any], int, int]:
    """The story, in which after so many turns of the loop so many workers are killed at one blow. What is told, how many
    were struck, and how many turns it took."""
    turns, dead = 0, 0

    async def kill() -> None:
        nonlocal turns, dead
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1
            if turns == moment:
                alive = [one for one in engine.workers if not one.ended.is_set()]
                for one in rng.permutation(np.array(alive, dtype=object))[:victims]:
                    one.kill()
                    dead += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(kill)
        answers = await story(engine=engine, **settings)
        nursery.cancel_scope.cancel()
    return answers, dead, turns


@pytest.mark.parametrize(
    ("replicas", "shards", "in_flight"),
    few([(2, 2, None), (2, 1, 2), (1, 2, None), (3, 1, None)], 1),
)
def test_killed_at_random_moments(
    replicas: int, shards: int, in_flight: int | None, capfd, tmp_path, run_slow: bool
) -> None:
    """From the start on, in steps and between them, one or several at once: same bits, and the same log."""
    engine, rng = (
        InProcess(replicas=replicas, shards=shards),
        np.random.default_rng(replicas * 10 + shards),
    )
    answers, _, turns = trio.run(partial(struck, engine, 0, 0, rng, in_flight=in_flight))
    assert as_expected(answers)
    trio.run(story, tmp_path / "one")
    assert capfd.readouterr().err == ""
    said = 0
    for k in range(10 if run_slow else 3):
        log, victims = tmp_path / f"{k}", int(rng.integers(1, replicas * shards + 1))
        moment = int(rng.integers(1, turns))
        answers, dead, _ = trio.run(
            partial(struck, engine, moment, victims, rng, log=log, in_flight=in_flight)
        )
        assert as_expected(answers), (k, moment)
        assert rows(log).equals(rows(tmp_path / "one"))
        lines = capfd.readouterr().err.splitlines()
        assert all(map(LINE.match, lines)), lines
        assert len(lines) <= (dead > 0)
        assert all(one.crash is None for one in engine.workers)
        said += len(lines)
    assert said >= (5 if run_slow else 1)


def rows(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_stream(file).read_all()


class Stillborn(InProcess):
    """Whose first few workers die as they are born."""

    async def start(self, *arguments: Any) -> Any:
        task = await super().start(*arguments)
        if len(self.workers) <= 3:
            task.kill()
        return task


def test_killed_while_they_start(capfd) -> None:
    assert as_expected(trio.run(partial(story, engine=Stillborn(replicas=2, shards=2))))
    (line,) = capfd.readouterr().err.splitlines()
    assert re.match(
        r"^neuro-actors: worker \d \(replica \d, shard \d\) is lost: it was killed; 3 workers are replaced$",
        line,
    )


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("victims", few([[0], [0, 1, 2, 3], [0, 1], [1], [3]]), ids=str)
async def test_killed_between_two_steps_what_is_committed_is_not_learnt_again(
    victims: list[int], late: bool, capfd
) -> None:
    """Whether the next step begins before it is noticed, or after."""
    engine = InProcess(replicas=2, shards=2)
    settings: dict[str, Any] = {"micro_batches": 2}
    async with (
        na.open_simulation(NET, **settings) as one,
        na.open_simulation(NET, engine=engine, **settings) as many,
    ):
        for k in range(3):
            expected = await one.train_step(X, TARGETS, optimizer=ADAM)
            assert (await many.train_step(X, TARGETS, optimizer=ADAM)).loss == expected.loss
            if k == 1:
                for victim in victims:
                    engine.workers[victim].kill()
                while late and not (
                    len(engine.workers) == 4 + len(victims) and many._runner._settled
                ):
                    await trio.lowlevel.checkpoint()
        assert (await many.network()).digest() == (await one.network()).digest()
    (line,) = capfd.readouterr().err.splitlines()
    assert LINE.match(line)
    if late:
        assert line.endswith("replaced")  # nothing was to be done again


async def test_each_of_three_lost_workers_is_reported(capfd) -> None:
    engine = InProcess(replicas=2)
    async with na.open_simulation(NET, micro_batches=2, engine=engine) as many:
        for k in range(3):
            engine.workers[-1].kill()
            await many.gradient(X, TARGETS)
            assert len(engine.workers) == 3 + k
    assert len(capfd.readouterr().err.splitlines()) == 3


async def test_where_only_the_wire_between_two_is_cut_nobody_is_replaced(
    jobs, capfd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_pool, "SECONDS_TO_REPORT", 0.05)
    connections, welcome = [], Callers.welcome

    async def noted(self, connection: Any) -> None:
        connections.append(connection)
        await welcome(self, connection)

    monkeypatch.setattr(Callers, "welcome", noted)
    engine = InProcess(replicas=1, shards=2)
    async with na.open_simulation(NET, engine=engine) as many:
        await many.predict(X)
        connections[0]._stream.socket.close()
        while len(jobs) < 4:
            await trio.lowlevel.checkpoint()
        assert same_bits(await many.gradient(X, TARGETS), na.gradient(NET, X, TARGETS))
    assert len(engine.workers) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert re.match(
        r"^neuro-actors: worker \d .* has lost another worker: .*; no worker is replaced(, and .*)?$",
        line,
    )


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """All that workers have had."""
    had: list[Job] = []
    init = Job.__init__

    def born(self, *arguments: Any) -> None:
        init(self, *arguments)
        had.append(self)

    monkeypatch.setattr(Job, "__init__", born)
    return had


async def test_one_whose_wire_alone_is_cut_is_lost_once(capfd) -> None:
    class Slow(InProcess):
        async def start(self, *arguments: Any) -> Any:
            if len(self.workers) >= 2:
                former = next(one for one in self.workers if one.rank == 0)
                former.kill()
                await former.ended.wait()
                await trio.testing.wait_all_tasks_blocked(0.05)  # its loss is noticed
            return await super().start(*arguments)

    engine = Slow(shards=2)
    async with na.open_simulation(NET, engine=engine) as many:
        await many.predict(X)
        slot = many._runner._pool[0]
        slot.connection._stream.socket.close()
        assert same_bits(await many.gradient(X, TARGETS), na.gradient(NET, X, TARGETS))
        assert len(engine.workers) == 3, capfd.readouterr().err
    assert len(capfd.readouterr().err.splitlines()) == 1


async def test_one_that_comes_late_to_a_place_that_another_has_is_not_taken(capfd) -> None:
    async with na.open_simulation(NET, engine=InProcess(shards=2)) as many:
        pool = many._runner._pool
        for start in (0, 2):
            await serve_driver(
                "127.0.0.1", pool._start_settings.port, pool._start_settings.secret, 1, start
            )  # it ends by itself
        assert same_bits(await many.gradient(X, TARGETS), na.gradient(NET, X, TARGETS))
        assert [slot.starts for slot in pool] == [1, 1]
    assert capfd.readouterr().err == ""


# --- poison, failures, lies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "steps"), [(2, "steps 2 to 3 are"), (4, "step 4 is")])
async def test_a_step_that_kills_its_worker_each_time_is_given_up(
    at: int, steps: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = ShardEnvironment.begin

    def poisonous(self, step: Any, *arguments: Any) -> None:
        if step.number == at:
            raise MemoryError("too much")
        begin(self, step, *arguments)

    monkeypatch.setattr(ShardEnvironment, "begin", poisonous)
    engine = InProcess(replicas=2)
    message = r"4 times a worker was lost, and nothing was committed in between; the last: worker \d .* it broke down: .*too much.*"
    with pytest.raises(na.SimulationError, match=rf"^{steps} given up: {message}$"):
        async with na.open_simulation(NET, micro_batches=2, engine=engine) as many:
            await many.predict(X)
            await many.train_step(X, TARGETS, optimizer=ADAM)
            await many.predict(X)
    assert len(engine.workers) == 2 + 3


async def test_a_worker_that_cannot_be_started_is_given_up() -> None:
    class Dead(InProcess):
        async def start(self, *arguments: Any) -> Any:
            task = await super().start(*arguments)
            task.kill()
            return task

    engine = Dead(replicas=2)
    with pytest.raises(
        na.SimulationError,
        match=r"^the society is given up: 4 times a worker was lost, .* it was killed$",
    ):
        async with na.open_simulation(NET, micro_batches=2, engine=engine):
            pass
    assert len(engine.workers) == 8


@pytest.fixture
def failing() -> Iterator[None]:
    def value(z: np.ndarray) -> np.ndarray:
        if z.shape[-1:] == (3,):
            raise ZeroDivisionError("not for three")
        return z

    na.add_activation("machines' fails", value=value, slope=lambda z, a: np.ones_like(z))
    yield
    del functions.ACTIVATIONS["machines' fails"]


def small(activation: str = "identity", weight: float = 1.0) -> na.Network:
    """h -> y, and beside them z."""
    return na.Network(
        [
            na.Input("a"),
            na.Input("b"),
            na.Input("c"),
            na.Neuron("h", activation),
            na.Neuron("y", "identity"),
            na.Neuron("z"),
        ],
        [na.Synapse(s, "h", weight) for s in "abc"]
        + [na.Synapse("h", "y", weight), na.Synapse("a", "z", 1.0)],
        ["y", "z"],
    )


def steep() -> na.Network:
    """h -> y, along which an urgency becomes greater than any float."""
    nodes = [
        *map(na.Input, "abc"),
        na.Neuron("h", "identity"),
        na.Neuron("y", "identity"),
        na.Neuron("z"),
    ]
    return na.Network(
        nodes,
        [na.Synapse(s, "h", 1e-308) for s in "abc"]
        + [na.Synapse("h", "y", 1e308), na.Synapse("a", "z", 1.0)],
        ["y", "z"],
    )


FAILURES: dict[str, tuple[Callable[[], na.Network], na.Optimizer, str]] = {
    "a function": (
        partial(small, "machines' fails"),
        ADAM,
        r"^'h' failed in step 3: ZeroDivisionError: not for three$",
    ),
    "what it would say": (
        partial(small, weight=1e200),
        ADAM,
        r"^'y' failed in step 1: .*finite.*$",
    ),
    "what it is urged to": (
        steep,
        ADAM,
        r"^'y' failed in step [23]: its urgency in step [23] would not be finite",
    ),
    "the loss": (
        partial(small, weight=1e100),
        ADAM,
        r"^'loss' failed in step [23]: squared_error: .* finite",
    ),
    "what it would learn": (small, na.SGD(1e308), r"^'\w' failed in step 3: .*finite"),
}


async def failure(net: na.Network, optimizer: na.Optimizer, **settings: Any) -> str:
    """The text of the error."""
    with pytest.raises(na.SimulationError) as caught:
        async with na.open_simulation(net, micro_batches=2, **settings) as simulation:
            await simulation.predict(X[:2])
            await simulation.train_step(
                X, 1e3 * TARGETS, optimizer=optimizer
            )  # of 4 and 3 examples
    return str(caught.value)


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize(("replicas", "shards"), few([(2, 3), (1, 2), (2, 1), (1, 1)]))
def test_what_fails_in_one_process_fails_alike_and_at_once(
    replicas: int, shards: int, kind: str, capfd
) -> None:
    """Where several fail, each alone, whichever is heard first."""
    make, optimizer, match = FAILURES[kind]
    engine = InProcess(replicas=replicas, shards=shards)
    one, many = (
        trio.run(partial(failure, make(), optimizer)),
        trio.run(partial(failure, make(), optimizer, engine=engine)),
    )
    assert re.match(match, one)
    assert re.match(match, many)
    if kind in ("a function", "what it would say") or (
        kind == "what it is urged to" and replicas == 1
    ):
        assert one == many
    assert len(engine.workers) == replicas * shards
    assert capfd.readouterr().err == ""


async def test_replicas_that_disagree_are_noticed(jobs) -> None:
    with pytest.raises(
        na.SimulationError,
        match=r"^step 4 failed: worker 3 \(replica 1, shard 1\) has learned other bits than worker 1 \(replica 0, shard 1\), which has the same neurons$",
    ):
        async with na.open_simulation(
            NET, micro_batches=2, engine=InProcess(replicas=2, shards=2)
        ) as many:
            await many.train_step(X, TARGETS, optimizer=ADAM)
            (job,) = [job for job in jobs if (job.place.replica, job.place.shard) == (1, 1)]
            neuron, *_ = next(iter(job.society.rule.lanes.values()))
            state = neuron.state
            tampered = np.nextafter(state.parameters, 1.0)
            neuron.state = state._replace(parameters=tampered)
            await many.train_step(X, TARGETS, optimizer=ADAM)


@pytest.fixture
def strange(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second worker computes as another kind of machine does."""
    own, count = worker.fingerprint, 0

    def other(sums: str) -> dict[str, Any]:
        nonlocal count
        count += 1
        return own(sums) | ({"numpy": "0.9"} if count == 2 else {})

    monkeypatch.setattr(worker, "fingerprint", other)


@pytest.mark.usefixtures("strange")
async def test_a_worker_of_another_kind_is_refused(capfd) -> None:
    message = rf"^worker \d \(replica \d, shard 0\) does not compute as this process does: numpy: 0\.9 there, {np.__version__} here; bits could"
    with pytest.raises(na.InputError, match=message):
        async with na.open_simulation(NET, micro_batches=2, engine=InProcess(replicas=2)):
            pass
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("strange")
async def test_or_warned_of_where_bits_do_not_matter(capfd) -> None:
    async with na.open_simulation(
        NET, micro_batches=2, engine=InProcess(replicas=2, exact=False)
    ) as many:
        await many.gradient(X, TARGETS)
    (line,) = capfd.readouterr().err.splitlines()
    assert re.match(r"^neuro-actors: worker \d .* 0\.9 there, .* here; bits may differ$", line)


# --- cancelled, interrupted, left --------------------------------------------------------------------------------


@pytest.mark.parametrize("killed", [False, True])
async def test_what_has_begun_is_finished_though_nobody_waits(killed: bool) -> None:
    """The step that a cancelled call has begun is ended, wholly, before another begins."""
    engine = InProcess(replicas=2, shards=2)
    async with (
        na.open_simulation(NET, micro_batches=3) as one,
        na.open_simulation(NET, micro_batches=3, engine=engine) as many,
    ):
        for k in range(6):
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(partial(many.train_step, X, TARGETS, optimizer=ADAM))
                    while many.last_step < 3 * (k + 1):
                        await trio.lowlevel.checkpoint()
                    await trio.sleep(0.002 * k)
                    scope.cancel()
            if killed and k % 2:
                engine.workers[-1].kill()
        assert many.last_step == 18
        for _ in range(6):
            await one.train_step(X, TARGETS, optimizer=ADAM)
        assert (await many.network()).digest() == (await one.network()).digest()


async def test_patience_names_who_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    end = Job._end_step

    async def slow(self, *arguments: Any) -> None:
        if self.place.replica == 1:
            await trio.sleep_forever()
        await end(self, *arguments)

    monkeypatch.setattr(Job, "_end_step", slow)
    message = r"^step 2 did not end within 1 s:\n  .*worker 1 \(replica 1, shard 0\).*$"
    with pytest.raises(na.SimulationError, match=message):
        async with na.open_simulation(
            NET, micro_batches=2, engine=InProcess(replicas=2), patience=1.0
        ) as many:
            await many.gradient(X, TARGETS)


async def test_left_in_the_middle() -> None:
    async def asked(many: na.Simulation) -> None:
        with suppress(na.SimulationError):  # where it comes as the block is left
            await many.train_step(X, TARGETS, optimizer=ADAM)

    tasks = trio.lowlevel.current_statistics().tasks_living
    for seconds in (0.0, 0.005, 0.05):
        with trio.move_on_after(60):
            async with (
                trio.open_nursery() as nursery,
                na.open_simulation(
                    NET, micro_batches=5, engine=InProcess(replicas=2, shards=2)
                ) as many,
            ):
                nursery.start_soon(asked, many)
                await trio.sleep(seconds)
                nursery.cancel_scope.cancel()
        assert trio.lowlevel.current_statistics().tasks_living == tasks
    with pytest.raises(ZeroDivisionError):
        async with na.open_simulation(NET, engine=InProcess(shards=3)) as many:
            raise ZeroDivisionError
    assert trio.lowlevel.current_statistics().tasks_living == tasks
    with pytest.raises(na.SimulationError, match=r"^this simulation is closed"):
        await many.predict(X)


@pytest.mark.parametrize("turns", [0, 1, 5, 20, 60])
async def test_cancelled_while_it_opens(turns: int) -> None:
    tasks = trio.lowlevel.current_statistics().tasks_living
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:

            async def cancel() -> None:
                for _ in range(turns):
                    await trio.lowlevel.checkpoint()
                scope.cancel()

            nursery.start_soon(cancel)
            async with na.open_simulation(
                NET, micro_batches=2, engine=InProcess(replicas=2, shards=2)
            ):
                await trio.sleep_forever()
    assert trio.lowlevel.current_statistics().tasks_living == tasks


@pytest.mark.parametrize("at", [1, 2, 4])
def test_an_interrupt_is_plain_and_leaves_nobody(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    count, begin = 0, Driver.begin

    def interrupted(self, *arguments: Any) -> None:
        nonlocal count
        count += 1
        begin(self, *arguments)
        if count == at:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Driver, "begin", interrupted)
    with pytest.raises(KeyboardInterrupt):
        na.train(
            NET,
            X,
            TARGETS,
            optimizer=ADAM,
            epochs=2,
            micro_batches=3,
            engine=InProcess(replicas=2, shards=2),
        )


@pytest.mark.slow
def test_at_places_where_python_looks_for_signals() -> None:
    """In the user's own task, every seventh of them; the driver's own are not struck, and workers are elsewhere."""

    def ask() -> None:
        na.train(
            NET, X, TARGETS, optimizer=ADAM, epochs=1, micro_batches=2, engine=InProcess(replicas=2)
        )

    def noted(place: Place) -> bool:
        if not trio.lowlevel.currently_ki_protected():
            places.setdefault((trio.lowlevel.current_task().name, place))
        return False

    places: dict[tuple[str, Place], None] = {}
    watched(ask, noted)
    users = [(name, place) for name, place in places if name.endswith("blocking._Run._main")]
    assert len(users) > 50
    assert not [name for name, _ in places if re.search(r"Driver|WorkerPool", name)]
    for name, place in users[::7]:
        with pytest.raises(KeyboardInterrupt):
            watched(
                ask,
                lambda now, name=name, place=place: (
                    now == place and trio.lowlevel.current_task().name == name
                ),
            )


# --- refused before any work -------------------------------------------------------------------------------------


class Halving:
    """An optimizer of one's own."""

    def start(self, n_parameters: int) -> tuple[Any, ...]:
        return ()

    def update(self, parameters, urgencies, state, count):
        return parameters + urgencies / 2, state


class OwnRuleOfACluster(na.rules.Rule):
    """A rule of one's own."""

    def neuron(self, network, k, sums):
        return na.rules.Backpropagation().neuron(network, k, sums)


MANY = InProcess(replicas=2)
REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"engine": "rays"},
        r"^engine must be such as na\.Ray\(replicas=2\), 'ray', or None, got 'rays'$",
    ),
    ({"engine": 2}, r"^engine must be such as na\.Ray"),
    ({"engine": InProcess}, r"^engine must be such as na\.Ray"),
    (
        {"engine": MANY},
        r"^2 replicas share out the micro-batches of a batch, and there are 1: say micro_batches=2, or more, or replicas=1$",
    ),
    (
        {"engine": InProcess(replicas=3), "micro_batches": 2},
        r"^3 replicas share out .* there are 2: say micro_batches=3",
    ),
    ({"engine": InProcess(shards=10)}, r"10"),
    ({"engine": InProcess(partition=na.partition(na.Network.layered([1, 2, 1]), 2))}, r"partition"),
    (
        {"engine": MANY, "micro_batches": 2, "channels": "memory"},
        r"^workers carry mail in bundled channels, and between them",
    ),
    (
        {"engine": MANY, "micro_batches": 2, "channels": na.Unreliable(seed=1)},
        r"^workers carry mail in bundled channels",
    ),
    (
        {"engine": MANY, "micro_batches": 2, "sums": "blas"},
        r"^a cluster adds in the same order everywhere: sums must be 'ordered', got 'blas'$",
    ),
    (
        {"engine": MANY, "rule": na.rules.WeightPerturbation()},
        r"cannot share out WeightPerturbation",
    ),
    (
        {"engine": InProcess(), "rule": na.rules.PredictiveCoding()},
        r"cannot share out PredictiveCoding",
    ),
    ({"engine": InProcess(), "rule": na.rules.NewtonCG()}, r"cannot share out NewtonCG"),
    (
        {"engine": InProcess(shards=2), "rule": na.rules.FeedbackAlignment()},
        r"^2 shards need the rule na\.rules\.Backpropagation\(\), not Feedback",
    ),
    (
        {"engine": InProcess(), "rule": OwnRuleOfACluster()},
        r"is none of the package's rules, and workers receive data, not code$",
    ),
    (
        {"engine": InProcess(), "optimizer": Halving()},
        r"^workers receive data, not code, and .*Halving.* is, or has a schedule that is, your own: use na\.SGD",
    ),
    (
        {"engine": InProcess(), "optimizer": na.SGD(lambda update: 0.1)},
        r"^workers receive data, not code, and SGD\(.*use na\.SGD",
    ),
]


@pytest.mark.parametrize(("settings", "match"), REFUSED, ids=range(len(REFUSED)))
def test_refused_before_any_work(
    settings: dict[str, Any], match: str, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setattr(InProcess, "open_launcher", None)  # nothing is started
    monkeypatch.setattr(na.Simulation, "train_step", None)
    with pytest.raises(na.InputError, match=match):
        na.train(
            NET,
            X,
            TARGETS,
            **{"optimizer": ADAM, "epochs": 1, "checkpoint": tmp_path / "run"} | settings,
        )
    assert not list(tmp_path.rglob("*.safetensors"))


async def test_an_optimizer_of_ones_own_is_refused_and_nothing_is_lost() -> None:
    async with na.open_simulation(NET, engine=InProcess(shards=2)) as many:
        with pytest.raises(na.InputError, match=r"^workers receive data, not code"):
            await many.train_step(X, TARGETS, optimizer=Halving())
        assert many.last_step == 0
        assert same_bits(await many.gradient(X, TARGETS), na.gradient(NET, X, TARGETS))


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"replicas": 0}, r"^InProcess: replicas must be .*1.*got 0"),
        ({"shards": 0}, r"^InProcess: shards must be"),
        ({"replicas": -1}, r"^InProcess: replicas must be"),
        ({"shards": 1.5}, r"^InProcess: shards must be"),
        ({"replicas": True}, r"^InProcess: replicas must be"),
        ({"exact": 1}, r"^InProcess: exact must be"),
        (
            {"partition": [0, 1]},
            r"^InProcess: partition must be such as na\.partition\(network, 2\), got \[0, 1\]$",
        ),
        (
            {"shards": 3, "partition": na.partition(NET, 2)},
            r"^InProcess: shards=3, and the partition has 2: leave shards out$",
        ),
    ],
)
def test_engines_that_are_none(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(na.InputError, match=match):
        InProcess(**settings)
