"""A society on many machines has the bits of one process, however many they are and whatever is asked of it."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import trio
from helpers.comparing import same_bits
from helpers.in_process_cluster import InProcess
from helpers.linked_shards import drawn_shards
from helpers.small_network import NET, TARGETS, X
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.cluster import deployment
from neuro_actors.cluster.job import Job
from neuro_actors.cluster.settings import user_functions
from neuro_actors.cluster.shard_channels import ShardEnvironment
from neuro_actors.network import activations, functions, losses
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.simulation.checkpoint.reading import Checkpoint

GRIDS = [(replicas, shards) for replicas in (1, 2, 3) for shards in (1, 2, 3)]
OPTIMIZERS = [
    na.SGD(0.05),
    na.SGD(na.StepDecay(0.1, 1, 0.5), momentum=0.9, weight_decay=0.01),
    na.Adam(0.01),
]


async def story(network: na.Network, x, t, loss: str, **settings: Any) -> list[Any]:
    """All that can be asked, and what is answered."""
    answers: list[Any] = []
    async with na.open_simulation(network, **settings) as simulation:
        answers.append(await simulation.predict(x))
        for wrt_inputs in (False, True):
            for some in (slice(None), slice(1), slice(2)):
                answers.append(
                    await simulation.gradient(x[some], t[some], loss, wrt_inputs=wrt_inputs)
                )
        for optimizer in (*OPTIMIZERS, OPTIMIZERS[-1]):  # the last goes on with what it keeps
            for some in (slice(None), slice(-1, None)):
                result = await simulation.train_step(x[some], t[some], loss, optimizer=optimizer)
                answers += [result.step, result.loss, result.predictions]
        answers += [
            await simulation.network(),
            await simulation.predict(x[:1]),
            simulation.statistics().messages,
        ]
        assert simulation.who_waits() == ()
    return answers


def equal(one: list[Any], other: list[Any]) -> bool:
    """In every bit."""
    return len(one) == len(other) and all(map(_equal, one, other))


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, na.Gradient):
        return same_bits(a, b)
    if isinstance(a, na.Network):
        return a.digest() == b.digest()
    return np.array_equal(a, b)


@pytest.mark.parametrize("seed", few(range(4), 1))
@pytest.mark.parametrize(("replicas", "shards"), few([*GRIDS[1::2], *GRIDS[::2]], 3))
def test_the_bits_are_those_of_one_process(replicas: int, shards: int, seed: int) -> None:
    """Networks layered and wild, micro-batches that divide no batch, batches smaller than there are of these or of replicas,
    divided by the package or at random, and as many under way as may be."""
    seed = seed + 4 * GRIDS.index((replicas, shards))
    rng = np.random.default_rng(seed)
    case = draw_case(seed, neurons=24, examples=9)
    net = case.network
    parts = min(shards, int(np.count_nonzero(~net.is_input)))
    count = max(replicas, int(rng.integers(1, 8)))
    flights = [None, *range(1, 5)] if count > 1 else [None, 1]
    asked: dict[str, Any] = {
        "micro_batches": count,
        "in_flight": flights[int(rng.integers(len(flights)))],
    }
    own = na.Partition(net, drawn_shards(rng, net, parts)) if seed % 2 else None
    engine = InProcess(replicas=replicas, shards=1 if own is not None else parts, partition=own)
    args = net, case.x, case.targets, case.loss
    expected = trio.run(lambda: story(*args, micro_batches=count))
    assert equal(trio.run(lambda: story(*args, engine=engine, **asked)), expected)
    assert [worker.crash for worker in engine.workers] == [None] * (replicas * parts)


@pytest.mark.parametrize("shards", [1, 2, 3])
@pytest.mark.parametrize("seed", [3, 4, 17])
def test_products_with_the_hessian(shards: int, seed: int) -> None:
    case = draw_case(seed, neurons=24, examples=5)
    net, rng = case.network, np.random.default_rng(seed)
    shards = min(shards, int(np.count_nonzero(~net.is_input)))
    ask = (
        net,
        case.x,
        case.targets,
        rng.standard_normal(len(net.weights)),
        rng.standard_normal(len(net.ids)),
        case.loss,
    )
    expected = na.hessian_vector_product(*ask)
    assert same_bits(na.hessian_vector_product(*ask, engine=InProcess(shards=shards)), expected)


@pytest.mark.parametrize(("replicas", "in_flight"), [(2, None), (3, 2)])
def test_another_rule_on_replicas(replicas: int, in_flight: int | None) -> None:
    settings: dict[str, Any] = {
        "rule": na.rules.FeedbackAlignment(seed=3),
        "micro_batches": 4,
        "in_flight": in_flight,
    }

    async def ask(**more: Any) -> list[Any]:
        async with na.open_simulation(NET, **settings, **more) as simulation:
            for _ in range(3):
                await simulation.train_step(X, TARGETS, optimizer=na.Adam(0.1))
            return [await simulation.gradient(X, TARGETS), await simulation.network()]

    expected = trio.run(ask)
    assert equal(trio.run(lambda: ask(engine=InProcess(replicas=replicas))), expected)


@pytest.fixture
def own_functions() -> Iterator[None]:
    """An activation function and a loss of one's own."""
    na.add_activation("machines' cube", value=lambda z: z**3 / 9, slope=lambda z, a: z**2 / 3)
    na.add_loss(
        "machines' fourth",
        value=lambda p, t: ((p - t) ** 4).sum(axis=1),
        slope=lambda p, t: 4 * (p - t) ** 3,
    )
    yield
    del functions.ACTIVATIONS["machines' cube"], functions.LOSSES["machines' fourth"]


@pytest.mark.usefixtures("own_functions")
def test_functions_of_ones_own() -> None:
    net = na.Network.layered(
        [3, 4, 2], activation="machines' cube", output_activation="sigmoid", seed=1
    )
    args = net, X, TARGETS, "machines' fourth"
    expected = trio.run(lambda: story(*args, micro_batches=3))
    assert equal(
        trio.run(lambda: story(*args, micro_batches=3, engine=InProcess(replicas=2, shards=2))),
        expected,
    )


def test_workers_are_handed_their_own_functions_and_no_others(
    own_functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[Any] = []
    start = InProcess.start

    async def noted(self, *arguments: Any) -> Any:
        handed.append(arguments[-1].functions)
        return await start(self, *arguments)

    monkeypatch.setattr(InProcess, "start", noted)
    na.predict(NET, X, engine=InProcess())
    na.predict(
        na.Network.layered([3, 2], output_activation="machines' cube"), X, engine=InProcess()
    )
    assert [list(one["activations"]) for one in handed] == [[], ["machines' cube"]]
    assert all("machines' fourth" in one["losses"] for one in handed)
    assert not set(activations.BUILT_IN) & set(handed[1]["activations"])
    assert not set(losses.BUILT_IN) & set(handed[1]["losses"])


def test_a_replaced_function_is_handed_over_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for table, own in (
        (functions.ACTIVATIONS, {"tanh": replace(functions.ACTIVATIONS["sin"])}),
        (functions.LOSSES, {"huber": replace(functions.LOSSES["squared_error"])}),
    ):
        for name, function in own.items():
            monkeypatch.setitem(table, name, function)  # type: ignore[arg-type]
    handed = user_functions(na.Network.layered([1, 2, 1], activation="tanh"))
    assert handed is not None
    assert list(handed["activations"]) == ["tanh"]
    assert "huber" in handed["losses"]
    with pytest.raises(na.InputError, match="workers do not know the loss 'huber'"):
        trio.run(_huber_is_put_back_while_workers_live, monkeypatch)


async def _huber_is_put_back_while_workers_live(monkeypatch: pytest.MonkeyPatch) -> None:
    async with na.open_simulation(NET, engine=InProcess()) as simulation:
        await simulation.gradient(X, TARGETS, "huber")
        monkeypatch.undo()
        await simulation.gradient(X, TARGETS, "huber")


@pytest.mark.parametrize("name", ["tanh", "huber"])
def test_a_worker_with_another_function_of_that_name_refuses(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one whose launcher sends no functions."""
    made = deployment.identities

    def other(*names: Any) -> Any:
        found = copy.deepcopy(made(*names))
        for table in ("activations", "losses"):
            if name in found[table]:
                found[table][name]["digest"] = "0" * 64
        return found

    monkeypatch.setattr(deployment, "identities", other)
    with pytest.raises(
        na.SimulationError,
        match=rf"worker of shard \d, replica \d: the \w+ '{name}' is another function here",
    ):
        na.gradient(NET, X, TARGETS, "huber", engine=InProcess(shards=2))
    if name == "huber":  # a loss that no step uses does not matter
        na.gradient(NET, X, TARGETS, "squared_error", engine=InProcess(shards=2))


async def test_a_loss_that_workers_do_not_know_is_refused_and_nothing_is_lost() -> None:
    async with na.open_simulation(NET, engine=InProcess(shards=2)) as simulation:
        na.add_loss(
            "machines' late",
            value=lambda p, t: ((p - t) ** 2).sum(axis=1),
            slope=lambda p, t: 2 * (p - t),
        )
        try:
            with pytest.raises(
                na.InputError,
                match=r"^workers do not know the loss \"?machines' late\"?: add it before na.open_simu",
            ):
                await simulation.gradient(X, TARGETS, "machines' late")
        finally:
            del functions.LOSSES["machines' late"]
        assert same_bits(await simulation.gradient(X, TARGETS), na.gradient(NET, X, TARGETS))


# --- ordinary calls ----------------------------------------------------------------------------------------------


def test_the_calls_from_ordinary_code() -> None:
    assert np.array_equal(na.predict(NET, X, engine=InProcess(shards=2)), na.predict(NET, X))
    expected = na.gradient(NET, X, TARGETS, micro_batches=3, wrt_inputs=True)
    many = InProcess(replicas=3, shards=2)
    assert same_bits(
        na.gradient(NET, X, TARGETS, micro_batches=3, wrt_inputs=True, in_flight=2, engine=many),
        expected,
    )
    plan: dict[str, Any] = {
        "optimizer": na.Adam(0.02),
        "epochs": 2,
        "batch_size": 3,
        "validation": (X, TARGETS),
    }
    expected = na.train(NET, X, TARGETS, **plan, micro_batches=2)
    assert (
        na.train(NET, X, TARGETS, **plan, micro_batches=2, engine=InProcess(replicas=2)) == expected
    )


def test_two_at_once() -> None:
    async def one(shards: int, found: dict[int, list[Any]]) -> None:
        found[shards] = await story(
            NET,
            X,
            TARGETS,
            "squared_error",
            micro_batches=2,
            engine=InProcess(replicas=2, shards=shards),
        )

    async def both() -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = {}
        async with trio.open_nursery() as nursery:
            for shards in (1, 2):
                nursery.start_soon(one, shards, found)
        return found

    found = trio.run(both)
    assert equal(found[1], found[2])


# --- logs --------------------------------------------------------------------------------------------------------


def logged(path, **settings: Any) -> pa.Table:
    async def ask() -> None:
        async with na.open_simulation(NET, log=path, **settings) as simulation:
            await simulation.predict(X[:2])
            await simulation.gradient(X, TARGETS, wrt_inputs=True)
            for k in range(3):
                await simulation.train_step(
                    X[: 7 - 3 * k], TARGETS[: 7 - 3 * k], optimizer=na.Adam(0.05)
                )
            if settings["micro_batches"] == 1:
                along = np.arange(len(NET.weights)) / 10, np.arange(len(NET.ids)) / 10
                await simulation.hessian_vector_product(X, TARGETS, *along)

    trio.run(ask)
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_stream(file).read_all()


@pytest.mark.parametrize(
    ("replicas", "shards", "count"), [(1, 2, 1), (1, 3, 3), (2, 1, 2), (3, 2, 4)]
)
def test_a_log_is_that_of_one_process(replicas: int, shards: int, count: int, tmp_path) -> None:
    expected = logged(tmp_path / "one.arrows", micro_batches=count)
    many = logged(
        tmp_path / "many.arrows",
        micro_batches=count,
        engine=InProcess(replicas=replicas, shards=shards),
    )
    assert many.equals(expected)  # its seals, too
    audit = na.audit(tmp_path / "many.arrows")
    assert (audit.lie, audit.passed, audit.exact, audit.unproved) == (None, True, True, 0)


# --- checkpoints -------------------------------------------------------------------------------------------------

PLAN: dict[str, Any] = {
    "epochs": 2,
    "batch_size": 3,
    "validation": (X[:2], TARGETS[:2]),
    "micro_batches": 3,
}  # of 6 steps
PLACES = [InProcess(replicas=2, shards=2), None, InProcess(replicas=3), InProcess(shards=2)]


@pytest.mark.parametrize(
    "optimizer", few([na.SGD(na.StepDecay(0.2, 2), momentum=0.9), na.Adam(0.05)], 1)
)
@pytest.mark.parametrize("first", few(range(4), 2))
def test_stopped_after_every_step_and_gone_on_elsewhere(
    first: int, optimizer: na.Optimizer, tmp_path, stop
) -> None:
    """In one process or on many machines, each time on others; a checkpoint tells nothing of where it was written."""
    places = itertools.cycle(PLACES[first:] + PLACES[:first])
    more: dict[str, Any] = {"optimizer": optimizer, "in_flight": 2 if first % 2 else None} | PLAN
    whole = na.train(NET, X, TARGETS, **more)
    assert na.train(NET, X, TARGETS, checkpoint=tmp_path / "one", every=1, **more) == whole
    for k in range(1, 6):
        stop(k)
        with pytest.raises(KeyboardInterrupt):
            if k == 1:
                na.train(
                    NET,
                    X,
                    TARGETS,
                    checkpoint=tmp_path / "many",
                    every=1,
                    engine=next(places),
                    **more,
                )
            else:
                na.resume(tmp_path / "many", engine=next(places))
    assert na.resume(tmp_path / "many", engine=next(places)) == whole
    many, one = (
        [Checkpoint(file) for file in sorted((tmp_path / name).glob("step*"))]
        for name in ("many", "one")
    )
    assert len(one) > 1
    for here, there in zip(many, one, strict=True):
        assert (
            here.metadata | {"data": there.metadata["data"]} == there.metadata
        )  # of a file that can be written in several orders
        assert here._contents.arrays.keys() == there._contents.arrays.keys()
        assert all(
            np.array_equal(here._contents.arrays[name], array)
            for name, array in there._contents.arrays.items()
        )


def test_a_run_on_other_channels_goes_on_on_machines(tmp_path, stop) -> None:
    more: dict[str, Any] = {"optimizer": na.Adam(0.05), "channels": "memory"} | PLAN
    stop(2)
    with pytest.raises(KeyboardInterrupt):
        na.train(NET, X, TARGETS, checkpoint=tmp_path, **more)
    with pytest.raises(na.InputError, match=r"^workers carry mail in bundled channels"):
        na.resume(tmp_path, channels="memory", engine=PLACES[0])
    with pytest.raises(
        na.InputError,
        match=r"^engine must be such as na\.Ray\(replicas=2\), 'ray', or None, got 'rays'$",
    ):
        na.resume(tmp_path, engine="rays")  # type: ignore[arg-type]
    assert na.resume(tmp_path, engine=PLACES[0]) == na.train(NET, X, TARGETS, **more)


# --- what is under way -------------------------------------------------------------------------------------------


@pytest.fixture
def most_under_way(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """In each worker, the most rounds that it had begun at any time and not ended."""
    jobs: list[Job] = []
    begun: dict[int, int] = {}
    most: dict[int, int] = {}
    init, begin, end = Job.__init__, ShardEnvironment.begin, ShardEnvironment.wait_end

    def born(self, *arguments: Any) -> None:
        init(self, *arguments)
        jobs.append(self)

    def begins(self, *arguments: Any) -> None:
        begin(self, *arguments)
        begun[id(self)] = 1
        for job in jobs:
            count = sum(begun.get(id(lane.environment), 0) for lane in job.society.lanes)
            most[id(job)] = max(most.get(id(job), 0), count)

    async def ends(self) -> None:
        await end(self)
        begun[id(self)] = 0

    monkeypatch.setattr(Job, "__init__", born)
    monkeypatch.setattr(ShardEnvironment, "begin", begins)
    monkeypatch.setattr(ShardEnvironment, "wait_end", ends)
    return lambda: [most[id(job)] for job in jobs]


@pytest.mark.parametrize("lanes", few([2, 3, 5], 1))
@pytest.mark.parametrize(("replicas", "shards"), [(1, 2), (2, 1), (2, 2)])
def test_no_worker_has_more_rounds_under_way(
    replicas: int, shards: int, lanes: int, most_under_way
) -> None:
    x, t = np.tile(X, (2, 1)), np.tile(TARGETS, (2, 1))
    engine = InProcess(replicas=replicas, shards=shards)
    na.gradient(NET, x, t, micro_batches=12, in_flight=lanes, engine=engine)
    found = most_under_way()
    assert len(found) == replicas * shards
    assert 1 < max(found) <= lanes


@pytest.mark.parametrize(("in_flight", "lanes"), [(None, 6), (1, 1), (2, 2)])
def test_as_many_lanes_as_are_asked_for(in_flight: int | None, lanes: int) -> None:
    """Where nobody has said how many, as many as keep shards busy."""
    net = na.Network.layered([2, 3, 2])

    async def count() -> int:
        async with na.open_simulation(
            net, micro_batches=8, in_flight=in_flight, engine=InProcess(shards=2)
        ) as simulation:
            return int(simulation._runner.deployment.lanes)  # type: ignore[union-attr]

    assert trio.run(count) == lanes


def draw_inputs_among_outputs(rng: np.random.Generator) -> na.Network:
    """A network whose elements are in any order; inputs are outputs too, and feed anything."""
    inputs = [f"x{k}" for k in range(rng.integers(1, 5))]
    ids = inputs + [f"h{k}" for k in range(rng.integers(1, 9))]
    synapses = [
        na.Synapse(str(source), target, float(rng.normal()))
        for k, target in enumerate(ids[len(inputs) :], len(inputs))
        for source in rng.choice(ids[:k], int(rng.integers(1, k + 1)), replace=False)
    ]
    sources = {synapse.source for synapse in synapses}
    outputs = [name for name in ids if name not in sources or rng.random() < 0.4]
    neurons = [na.Input(name) for name in inputs]
    neurons += [na.Neuron(name, "tanh", bias=float(rng.normal())) for name in ids[len(inputs) :]]
    mixed = [[things[k] for k in rng.permutation(len(things))] for things in (neurons, synapses)]
    return na.Network(*mixed, outputs=[outputs[k] for k in rng.permutation(len(outputs))])


@pytest.mark.parametrize("seed", few(range(60), 2))
def test_inputs_among_the_outputs_on_any_shards(seed: int, tmp_path) -> None:
    """All calls in any order, cut anywhere, in lanes and replicas: the bits and the log of one process."""
    rng = np.random.default_rng(seed)
    net = draw_inputs_among_outputs(rng)
    shards = min(3, int(np.count_nonzero(~net.is_input)))
    own = na.Partition(net, drawn_shards(rng, net, shards))
    replicas = int(rng.integers(1, 3))
    parts = int(rng.integers(replicas, 4))
    calls = rng.permutation(["predict", "gradient", "felt", "train", "felt", "train", "gradient"])
    mail = [
        [rng.standard_normal((b, len(names))) for names in (net.inputs, net.outputs)]
        for b in rng.integers(1, 5, len(calls))
    ]

    async def results(log: str, **place) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        about = {"micro_batches": parts, "in_flight": min(parts, 2), "log": tmp_path / log}
        async with na.open_simulation(net, **about, **place) as simulation:
            for call, (x, t) in zip(calls, mail, strict=True):
                if call == "predict":
                    found.append(await simulation.predict(x))
                elif call == "train":
                    result = await simulation.train_step(x, t, optimizer=na.Adam(0.01))
                    found.append(result.predictions)
                else:
                    g = await simulation.gradient(x, t, wrt_inputs=call == "felt")
                    found += [g.weights, g.biases, g.predictions, np.array(g.loss)]
                    found += [] if g.inputs is None else [g.inputs]
            found.append((await simulation.network()).weights)
        return found

    expected = trio.run(partial(results, "one.arrows"))
    engine = InProcess(replicas=replicas, shards=shards, partition=own)
    found = trio.run(partial(results, "many.arrows", engine=engine))
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    logs = [na.open_log(str(tmp_path / name)).digest for name in ("one.arrows", "many.arrows")]
    assert logs[0] == logs[1]
