"""A society of any kind on workers has the bits of one process: gates, positions, delays, frozen parameters."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio
from helpers import all_kinds, any_networks, forgery, gated_networks
from helpers.cluster_bits import check, three_positions
from helpers.comparing import same_bits
from helpers.forgery import SENDER, VALUE
from helpers.in_process_cluster import InProcess
from helpers.linked_shards import spread
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.cluster import deployment
from neuro_actors.cluster.driver import Driver
from neuro_actors.cluster.launcher import call_in_worker
from neuro_actors.cluster.settings import user_functions
from neuro_actors.cluster.shard import Shard, shards
from neuro_actors.network import functions
from neuro_actors.network.losses import ORIGINALS
from neuro_actors.simulation.checkpoint.reading import Checkpoint


@pytest.mark.parametrize("delays", [False, True])
@pytest.mark.parametrize("seed", few(range(300), 3))
def test_any_network_has_the_bits_and_the_log_of_one_process(
    seed: int, delays: bool, tmp_path: Path
) -> None:
    net, x, t = any_networks.draw(seed, delays)
    engine = InProcess(**any_networks.draw_workers(seed, net))
    check(net, x, t, engine, tmp_path)
    if delays:  # of a batch that is not cut each tick is committed
        check(net, x, t, InProcess(partition=engine.partition), tmp_path, is_cut=False)


@pytest.mark.parametrize("k", few([3, 0, 1, 2, 4], 1))
def test_a_neuron_a_shard(k: int, tmp_path: Path) -> None:
    """All that can be cut is cut: also a shard of an interneuron alone, without parameters."""
    case = all_kinds.all_kinds()[k]
    net = case.network
    shard = np.cumsum(~net.is_input) - 1
    engine = InProcess(partition=na.Partition(net, np.maximum(shard, 0)))
    check(net, case.x, case.targets, engine, tmp_path, is_cut=not net.delays)


def test_a_micro_batch_weighs_as_many_examples_as_it_has(tmp_path: Path) -> None:
    """Not as many columns: three times as much would be rounded otherwise. Four examples are 2, 1 and 1."""
    x = np.random.default_rng(5).standard_normal((4, 3, 1))
    check(three_positions(), x, x[::-1], InProcess(replicas=2, shards=2), tmp_path)


def test_dropout_has_one_mask_wherever_it_lives(tmp_path: Path) -> None:
    nodes = [na.Input("x", (3,)), na.Neuron("h", "tanh"), na.Interneuron("d", "dropout 0.4")]
    nodes += [na.Delay("before", of="d"), na.Neuron("y")]
    pairs = [("x", "h"), ("before", "h"), ("h", "d"), ("d", "y")]
    net = na.Network(nodes, [na.Synapse(*pair) for pair in pairs], ["y"], seed=1)
    x = np.random.default_rng(0).standard_normal((4, 3, 3, 1))
    part = na.Partition(net, [0, 1, 0, 1, 1])
    check(net, x, x, InProcess(partition=part), tmp_path, is_cut=False)
    check(net, x, x, InProcess(partition=part, replicas=2), tmp_path)


async def test_products_with_the_hessian() -> None:
    for case in (all_kinds.gates(), all_kinds.picture()):
        net, rng = case.network, np.random.default_rng(1)
        along = rng.standard_normal(len(net.weights)), rng.standard_normal(len(net.ids))
        along = along[0] * ~net.is_interneuron[net.targets], along[1] * (net.n_parameters > 0)
        ask = case.x, case.targets, *along
        async with na.open_simulation(net) as one:
            expected = await one.hessian_vector_product(*ask)
        async with na.open_simulation(net, engine=InProcess(shards=3)) as many:
            assert same_bits(await many.hessian_vector_product(*ask), expected)


@pytest.mark.parametrize("seed", few(range(60), 2))
async def test_shards_of_any_channels_whatever_overtakes(seed: int, channels: str) -> None:
    net, x, t = any_networks.draw(seed)
    part = any_networks.draw_workers(seed + 1, net)["partition"]
    wide = x.shape[1:-1]
    rows = x.reshape(-1, x.shape[-1]), t.reshape(-1, 1)
    async with (
        na.open_simulation(net, channels) as one,
        spread(net, part.shard, channels, np.random.default_rng(seed), travels=True) as many,
    ):
        said, losses, commits, felt = await many.step(*rows, "squared_error", wrt_inputs=True)
        expected = await one.gradient(x, t, wrt_inputs=True)
    weights, biases = many.parameters.by_element(commits, negated=True)
    assert np.array_equal(weights, expected.weights)
    assert np.array_equal(biases, expected.biases)
    assert np.array_equal(said.T.reshape(expected.predictions.shape), expected.predictions)
    inputs = (-felt / len(losses)).T.reshape(len(x), *wide, -1)
    assert np.array_equal(inputs, expected.inputs)


# --- workers that are lost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", few([5, 8, *(k for k in range(1, 20) if k not in (5, 8))], 2))
def test_a_worker_lost_in_the_middle_of_a_sequence_costs_no_bit(
    begun: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    """It is killed as that many rounds have begun: forward, between two ticks, back, and as neurons learn."""
    case = all_kinds.memory(ticks=3)
    net, engine, count = case.network, InProcess(shards=2), 0
    begin = Driver.begin

    def strike(self: Driver, *args: Any) -> None:
        nonlocal count
        begin(self, *args)
        count += 1
        if count == begun:
            engine.workers[begun % 2].kill()

    monkeypatch.setattr(Driver, "begin", strike)
    check(net, case.x, case.targets, engine, tmp_path)
    assert count > begun
    assert len(engine.workers) == 3
    assert "is lost" in capfd.readouterr().err


@pytest.mark.parametrize("name", few(["memory", "picture"], 1))
def test_a_run_is_stopped_and_goes_on_elsewhere(name: str, tmp_path: Path, stop: Any) -> None:
    """From workers to one process and back; a checkpoint has the same state wherever it was written."""
    case = all_kinds.memory(ticks=3) if name == "memory" else all_kinds.picture()
    ask: Any = case.network, case.x, case.targets
    plan: Any = {"optimizer": na.Adam(0.05), "epochs": 3, "batch_size": 3}
    whole = na.train(*ask, **plan, checkpoint=tmp_path / "one", every=1)
    stop(1)
    with pytest.raises(KeyboardInterrupt):
        na.train(*ask, **plan, checkpoint=tmp_path / "many", every=1, engine=InProcess(shards=2))
    stop(2)
    with pytest.raises(KeyboardInterrupt):
        na.resume(tmp_path / "many")
    assert na.resume(tmp_path / "many", engine=InProcess(shards=3)) == whole
    one, many = (sorted((tmp_path / name).glob("step*"))[-1] for name in ("one", "many"))
    here, there = Checkpoint(one)._contents.arrays, Checkpoint(many)._contents.arrays
    assert here.keys() == there.keys()
    assert all(np.array_equal(here[key], there[key]) for key in here)


async def test_a_call_goes_on_where_the_one_before_ended(capfd) -> None:
    """What delays carry on is the environment's: a lost worker takes nothing of it along."""
    case, engine = all_kinds.memory(ticks=3), InProcess(shards=2)
    rule = na.rules.ThroughTime(carry=True)
    async with (
        na.open_simulation(case.network, rule=rule) as one,
        na.open_simulation(case.network, rule=rule, engine=engine) as many,
    ):
        for k in range(3):
            ask: Any = case.x + k, case.targets
            expected = await one.train_step(*ask, optimizer=na.SGD(0.1))
            found = await many.train_step(*ask, optimizer=na.SGD(0.1))
            assert (found.loss, found.step) == (expected.loss, expected.step)
            engine.workers[k].kill()
        assert (await many.network()).digest() == (await one.network()).digest()
    assert "is lost" in capfd.readouterr().err


async def test_a_call_is_cancelled_in_the_middle_of_a_sequence() -> None:
    """Its ticks so far are forgotten: the next sequence begins its own sums."""
    case = all_kinds.memory(ticks=3)
    async with na.open_simulation(case.network, engine=InProcess(shards=2)) as simulation:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(simulation.gradient, case.x, case.targets))
                while simulation.last_step < 5:  # in the second tick back
                    await trio.lowlevel.checkpoint()
                scope.cancel()
        many = await simulation.gradient(case.x, case.targets)
    assert same_bits(many, na.gradient(case.network, case.x, case.targets))


# --- a user's own, and what makes no sense ---------------------------------------------------------------------------


@pytest.fixture
def own_combination():
    na.add_combination(
        "workers' mean",
        value=lambda x: x.sum(axis=0) / len(x),
        slopes=lambda x, a: np.full(x.shape, 1 / len(x)),
    )
    yield "workers' mean"
    functions.COMBINATIONS.pop("workers' mean", None)


def mean_network(name: str) -> na.Network:
    nodes = [na.Input("x"), na.Input("v"), na.Interneuron("m", name), na.Neuron("y")]
    pairs = [na.Synapse("x", "m"), na.Synapse("v", "m"), na.Synapse("m", "y", 0.5)]
    return na.Network(nodes, pairs, ["y"])


def test_a_combination_of_the_user_s_own_travels_and_is_compared(
    own_combination: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, x, t = mean_network(own_combination), np.ones((2, 2)), np.zeros((2, 1))
    sent = user_functions(net)
    assert sent is not None
    assert list(sent["combinations"]) == [own_combination]
    mine = functions.COMBINATIONS.pop(own_combination)
    call_in_worker("builtins:print", '["here", 1, "", {}]', sent)
    assert functions.COMBINATIONS[own_combination] is mine
    assert same_bits(na.gradient(net, x, t, engine=InProcess(shards=2)), na.gradient(net, x, t))

    def other(*args: Any, **more: Any) -> Any:
        found = identities(*args, **more)
        for known in found.get("combinations", {}).values():
            known["digest"] = "0" * 64
        return found

    identities = deployment.identities
    monkeypatch.setattr(deployment, "identities", other)
    with pytest.raises(na.SimulationError, match="combination .*workers' mean"):
        na.gradient(net, x, t, engine=InProcess(shards=2))


def test_plain_combinations_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuro_actors.cluster.settings.LOSSES", dict(ORIGINALS))
    assert user_functions(mean_network("sum")) is None


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize("k", [0, 1, 2])
def test_replicas_share_out_micro_batches_of_sequences(k: int, shards: int, tmp_path: Path) -> None:
    case = [
        all_kinds.memory(5),
        all_kinds.memory(4, ticks=3, grid=(3,)),
        all_kinds.both_directions(4),
    ][k]
    engine = InProcess(replicas=2, shards=shards)
    check(case.network, case.x, case.targets, engine, tmp_path)


def test_replicas_of_sequences_need_micro_batches() -> None:
    case = all_kinds.memory()
    with pytest.raises(na.InputError, match="say micro_batches=2, or more, or replicas=1"):
        na.gradient(case.network, case.x, case.targets, engine=InProcess(replicas=2))


def test_a_shard_travels_with_all_elements() -> None:
    for case in all_kinds.all_kinds():
        net = na.rules.ThroughTime().society(case.network) if case.network.delays else case.network
        for part in shards(net, na.partition(net, 2)):
            again = Shard.from_arrays(*part.to_arrays())
            assert again.network == part.network
            assert np.array_equal(again.network.is_output, part.network.is_output)
            assert (again.n_outputs, again.n_handed) == (part.n_outputs, part.n_handed)


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_an_output_knows_that_it_is_one_in_every_shard(loss: str) -> None:
    """Its slope beside a loss on probabilities is another one than a hidden neuron's."""
    net = na.Network.layered([3, 4, 4], output_activation="sigmoid", seed=1)
    net = net.with_parameters(20 * net.weights, net.biases)
    rng = np.random.default_rng(0)
    ask: Any = net, 3 * rng.standard_normal((5, 3)), rng.random((5, 4)), loss
    part = na.Partition(net, [0] * 8 + [1, 1, 1])
    assert same_bits(na.gradient(*ask, engine=InProcess(partition=part)), na.gradient(*ask))


# --- a gathered log ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", few(["recurrent pictures", "gated", "pictures"], 1))
def test_who_lied_by_one_last_bit_in_a_gathered_log(
    name: str, tmp_path: Path, run_slow: bool
) -> None:
    path, other = tmp_path / "a.arrows", tmp_path / "b.arrows"
    net = (gated_networks.NETWORKS | gated_networks.IN_TIME)[name]()
    gated_networks.record(path, net, engine=InProcess(shards=2))
    metadata, rows = forgery.read(path)
    rng = np.random.default_rng(0)
    chosen = [k for k in range(len(rows)) if rows[k][SENDER] not in (None, "environment")]
    for k in rng.permutation([k for k in chosen if rows[k][VALUE]])[: 60 if run_slow else 6]:
        forged = forgery.copied(rows)
        i = int(rng.integers(len(forged[k][VALUE])))
        forged[k][VALUE][i] = float(np.nextafter(forged[k][VALUE][i], 2.0))
        forgery.write(other, metadata, forged)
        lie = na.audit(other).lie
        who = "the loss" if rows[k][SENDER] == "loss" else rows[k][SENDER]
        assert lie is not None, rows[k]
        assert (lie.row, lie.who) == (k, who), (str(lie), rows[k])
