"""A society that lives in shards has the bits of one process, however it is cut and in whatever order things arrive."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trio
import trio.testing
from helpers.comparing import same_bits
from helpers.linked_shards import drawn_shards, spread
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.cluster.proxies import ShardLossNode, ShardRule
from neuro_actors.cluster.shard import Shard, shards
from neuro_actors.neuron.loss_node import LossNode
from neuro_actors.neuron.messages import Step
from neuro_actors.neuron.sums import ORDERED
from neuro_actors.proof.random_cases import draw_case

DRAWN = 24


def cut(case, seed: int) -> tuple[np.ndarray, np.random.Generator]:
    """Cut by the package or at random, into 2 to 4."""
    rng = np.random.default_rng(seed)
    net = case.network
    count = min(int(rng.integers(2, 5)), int(np.count_nonzero(~net.is_input)))
    return (na.partition(net, count).shard if seed % 3 == 0 else drawn_shards(rng, net, count)), rng


@pytest.mark.parametrize("seed", few(range(DRAWN), 4))
async def test_the_bits_are_those_of_one_process(seed: int, channels: str) -> None:
    """Predictions, gradients with and without urgencies of inputs, and several steps of learning."""
    case = draw_case(seed, neurons=40, examples=6)
    net, x, t, loss = case.network, case.x, case.targets, case.loss
    shard, rng = cut(case, seed)
    adam = na.Adam(0.01)
    async with (
        na.open_simulation(net, channels) as one,
        spread(net, shard, channels, rng if seed % 2 else None, seed % 4 == 0) as many,
    ):
        assert np.array_equal((await many.step(x))[0].T, await one.predict(x))
        for wrt_inputs in (False, True, False):
            assert same_bits(
                await many.gradient(x, t, loss, wrt_inputs),
                await one.gradient(x, t, loss, wrt_inputs=wrt_inputs),
            )
        assert same_bits(
            await many.gradient(x[:1], t[:1], loss), await one.gradient(x[:1], t[:1], loss)
        )
        for k in range(3):
            said, losses, commits, _ = await many.step(x, t, loss, adam, wrt_inputs=k == 1)
            result = await one.train_step(x, t, loss, optimizer=adam)
            assert np.array_equal(said.T, result.predictions)
            assert float(np.add.accumulate(losses)[-1] / len(losses)) == result.loss
        learnt = net.with_parameters(*many.parameters.by_element(commits))
        assert learnt.digest() == (await one.network()).digest()


@pytest.mark.parametrize(
    "shard", [[0, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0], [1, 1, 0, 1], [0, 0, 1, 2]]
)
async def test_outputs_that_are_inputs_or_have_followers(shard: list[int], channels: str) -> None:
    nodes = [na.Input("a"), na.Input("b"), na.Neuron("h", "tanh"), na.Neuron("y")]
    edges = [("a", "h"), ("h", "y"), ("a", "y"), ("b", "y")]
    net = na.Network(nodes, [na.Synapse(*edge) for edge in edges], ["b", "y", "h", "a"], seed=2)
    rng = np.random.default_rng(3)
    if 2 in shard:
        nodes.insert(3, na.Neuron("g", "sin"))
        net = na.Network(
            nodes,
            [na.Synapse(*edge) for edge in [*edges, ("a", "g"), ("g", "y")]],
            ["g", "b", "y", "h", "a"],
            seed=2,
        )
        shard = [*shard, 0]
    for batch in (1, 5):
        x, t = rng.standard_normal((batch, 2)), rng.standard_normal((batch, len(net.outputs)))
        async with spread(net, shard, channels) as many:
            for wrt_inputs in (False, True):
                expected = na.gradient(net, x, t, wrt_inputs=wrt_inputs)
                assert same_bits(await many.gradient(x, t, "squared_error", wrt_inputs), expected)


@pytest.mark.parametrize("seed", range(6))
async def test_products_with_the_hessian_cross_too(seed: int, channels: str) -> None:
    case = draw_case(seed, neurons=30, examples=4)
    shard, rng = cut(case, seed)
    net, x = case.network, case.x
    ways = rng.standard_normal(len(net.weights)), rng.standard_normal(len(net.ids))
    expected = na.hessian_vector_product(net, x, case.targets, *ways, case.loss)
    async with spread(net, shard, channels) as many:
        doubled = np.concatenate([x, np.zeros_like(x)])
        along = many.parameters.by_neuron(*ways)
        _, _, commits, _ = await many.step(doubled, case.targets, case.loss, direction=along)
    assert np.array_equal(many.parameters.by_element(commits, negated=True)[0], expected.weights)


async def test_one_shard_is_the_whole(diamond, batch, channels: str) -> None:
    (part,) = shards(diamond, na.partition(diamond, 1))
    assert part.network == diamond
    assert (part.bundles_in, part.bundles_out) == ((), ())
    async with spread(diamond, [0] * 4, channels) as one:
        assert same_bits(await one.gradient(*batch, "squared_error"), na.gradient(diamond, *batch))
        assert one.links.sent == []


# --- what crosses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
async def test_what_crosses_is_what_the_partition_counts(seed: int, channels: str) -> None:
    case = draw_case(seed, neurons=30, examples=4)
    shard, _ = cut(case, seed)
    expected = na.Partition(case.network, shard).messages
    async with spread(case.network, shard, channels) as many:
        sent = many.links.sent
        await many.step(case.x)
        assert (
            sum(len(values) for *_, values in sent),
            {d for _, _, d, *_ in sent} - {"forward"},
        ) == (expected[0], set())
        sent.clear()
        await many.gradient(case.x, case.targets, case.loss)
        rows = {
            way: sum(len(values) for _, _, direction, _, values in sent if direction == way)
            for way in ("forward", "back")
        }
        assert (rows["forward"], rows["back"]) == expected
        assert len(sent) == len(
            {(bundle, direction) for _, bundle, direction, *_ in sent}
        )  # one block each
        crossed = np.sum([channels.crossed for channels in many.channels], axis=0)
        assert crossed.tolist() == [
            2 * expected[0] + expected[1],
            sum(values.nbytes for *_, values in sent) + expected[0] * len(case.x) * 8,
        ]


async def test_between_levels_one_row_a_source_comes_back_and_within_one_as_many_as_must() -> None:
    net = na.Network.layered([3, 6, 5, 2], seed=1)
    level = net.level
    assert na.Partition(net, (level >= 2).astype(int)).messages == (6, 6)
    # h2.0 and h2.1 are behind the cut with y: what they say comes as one row, and h2.4's as one of its own
    shard = (level >= 2).astype(int)
    shard[[net.position["h2.2"], net.position["h2.3"]]] = 0
    assert na.Partition(net, shard).messages == (6 + 2, 12 + 2)
    # the first in the shard of their sources: each of the others is added behind them, in its place
    shard = (level >= 2).astype(int)
    shard[net.position["h2.0"]] = 0
    assert na.Partition(net, shard).messages == (6 + 1, 6 * 4 + 1)


async def test_towards_inputs_rows_cross_only_where_they_are_asked_for(channels: str) -> None:
    net = na.Network.layered([3, 4, 2], seed=1)
    shard = [0, 0, 0, 0, 0, 1, 1, 1, 1]  # two of the first level are elsewhere than the inputs
    async with spread(net, shard, channels) as many:
        for wrt_inputs in (False, True):
            many.links.sent.clear()
            gradient = await many.gradient(
                np.ones((2, 3)), np.ones((2, 2)), "squared_error", wrt_inputs
            )
            back = {
                int(many.parts[0].bundles_out[k].level): len(v)
                for k in (0, 1)
                for _, b, d, _, v in many.links.sent
                if (b, d) == (many.parts[0].bundles_out[k].number, "back")
            }
            assert back == ({0: 6, 1: 2} if wrt_inputs else {1: 2})
    assert same_bits(gradient, na.gradient(net, np.ones((2, 3)), np.ones((2, 2)), wrt_inputs=True))


# --- what comes early, late, twice or wrong ----------------------------------------------------------------------


async def test_mail_of_a_shard_that_runs_ahead_waits_for_the_others(channels: str) -> None:
    """The first shard hears nobody: it predicts all its batches before the second begins its first."""
    net = na.Network.layered([2, 3, 2], seed=1)
    async with spread(net, (net.level == 2).astype(int), channels) as many:
        first, second = (channels.environment for channels in many.channels)
        x = np.arange(8.0).reshape(4, 2)
        for k in range(4):
            first.begin(Step(k + 1), np.ascontiguousarray(x[[k]].T), None)
            await first.wait_end()
        for k in range(4):
            second.begin(Step(k + 1), np.empty((0, 1)), None)
            await second.wait_end()
            assert np.array_equal(second.predictions.T, na.predict(net, x[[k]]))


async def test_what_must_not_be_accepted_is_not(diamond) -> None:
    async with spread(diamond, [0, 0, 1, 1]) as many:
        (_, there) = many.channels
        (bundle,) = [b for b in many.parts[1].bundles_in if b.level == 1]

        def refuses(
            match: str, number: int, values, bundle=bundle.number, direction="forward"
        ) -> None:
            with pytest.raises(na.MessageError, match=match):
                there.deliver(bundle, direction, number, values)

        name = "^shard 1, from shard 0, level 1: the activation rows of step"
        there.deliver(bundle.number, "forward", 9, np.ones((1, 2)))
        refuses(f"{name} 9 cannot be accepted: they have come already$", 9, np.ones((1, 2)))
        refuses(
            rf"{name} 8 .*: float64 of shape \(1, columns\) was expected, got float64 of shape \(2, 2\)$",
            8,
            np.ones((2, 2)),
        )
        refuses(f"{name} 8 .*got float32", 8, np.ones((1, 2), dtype=np.float32))
        refuses("^shard 1: nothing comes back in bundle", 8, np.ones((1, 2)), direction="back")
        refuses("^shard 1: nothing comes forward in bundle 99$", 8, np.ones((1, 2)), bundle=99)
        await many.step(np.ones((3, 1)))
        refuses(f"{name} 1 cannot be accepted: step 1 is over$", 1, np.ones((1, 3)))
        with pytest.raises(
            na.MessageError,
            match="^step 2: 1 rows of x and 2 targets expected, got 0 rows and no targets$",
        ):
            there.environment.begin(Step(2), np.empty((0, 3)), None)
        there.environment.begin(Step(2), np.ones((1, 3)), None)
        refuses(f"{name} 2 cannot be accepted: 3 columns were expected, got 2$", 2, np.ones((1, 2)))


async def test_what_nobody_asked_for_is_of_no_use_later(diamond) -> None:
    async with spread(diamond, [0, 0, 1, 1]) as many:
        here = many.channels[0]
        here._send = lambda *_: None
        for number in (2, 4):  # predictions, in which nothing comes back
            here.environment.begin(Step(number), np.ones((1, 3)), None)
            await here.environment.wait_end()
        back = many.parts[0].bundles_out[1]
        with pytest.raises(
            na.MessageError,
            match="^shard 0, from shard 1, level 1: the urgency rows of step 3 .*: step 3 is over$",
        ):
            here.deliver(back.number, "back", 3, np.ones((back.n_rows, 3)))


async def test_what_came_early_and_has_too_few_columns_ends_the_society(
    diamond, channels: str
) -> None:
    with pytest.RaisesGroup(
        pytest.RaisesExc(
            na.SimulationError,
            match="^'h1 of shard 0' failed in step 1: .*1 columns were expected, got 2",
        ),
        flatten_subgroups=True,
    ):
        async with spread(diamond, [0, 0, 1, 1], channels) as many:
            there = many.channels[1]
            (bundle,) = [b for b in many.parts[1].bundles_in if b.level == 1]
            there.deliver(bundle.number, "forward", 1, np.ones((1, 2)))
            there.environment.begin(Step(1), np.empty((1, 1)), None)
            await there.environment.wait_end()


async def test_who_waits_for_whom_across_the_cut_and_late_mail_does_no_harm(
    diamond, channels: str
) -> None:
    async with spread(diamond, [0, 0, 1, 1], channels) as many:
        here, there = many.channels
        there.environment.begin(Step(1, "squared_error"), np.ones((1, 1)), np.ones((2, 1)))
        await trio.testing.wait_all_tasks_blocked()
        waiting = [str(w) for w in there.waiting()]
        assert "shard 1 waits for the activation of h1 of shard 0" in waiting
        assert [str(w) for w in here.waiting() if w.node == "shard 0"] == []
        here._send = lambda *_: None
        here.environment.begin(Step(1, "squared_error"), np.ones((1, 1)), None)
        await trio.testing.wait_all_tasks_blocked()
        assert "shard 0 waits for the urgency of shard 1, for level 1" in [
            str(w) for w in here.waiting()
        ]
    # all have ended, or the block would not
    assert [str(w) for w in there.waiting() if w.node == "shard 1"] == []
    here.deliver(
        many.parts[0].bundles_out[0].number,
        "back",
        2,
        np.ones((many.parts[0].bundles_out[0].n_rows, 1)),
    )  # nobody minds


# --- shards themselves -------------------------------------------------------------------------------------------


def test_a_shard_travels_as_data(diamond) -> None:
    for part in shards(diamond, na.Partition(diamond, [0, 1, 0, 1])):
        about, arrays = part.to_arrays()
        same = Shard.from_arrays(json.loads(json.dumps(about)), [np.array(a) for a in arrays])
        assert same.network == part.network
        for again, other in zip(same.to_arrays()[1], arrays, strict=True):
            assert np.array_equal(again, other)
        assert same.to_arrays()[0] == about
        with pytest.raises(na.InputError, match="^this is no shard"):
            Shard.from_arrays(about, arrays[:7])
        with pytest.raises(na.InputError, match="^this is no shard"):
            Shard.from_arrays({**about, "bundles": 3}, arrays)


def test_a_shard_is_an_ordinary_network_of_its_own_neurons_and_who_stands_in(diamond) -> None:
    first, second = shards(diamond, na.Partition(diamond, [0, 0, 1, 1]))
    assert first.network.ids == (
        "x",
        "h1",
        "shard 1, for level 0",
        "shard 1, for level 0, turn 2",
        "shard 1, for level 1",
    )
    assert second.network.ids == ("h2", "y", "x", "elsewhere", "h1 of shard 0")
    assert second.network.outputs == ("y", "h1 of shard 0")
    assert (first.n_outputs, second.n_outputs) == (0, 2)
    assert (first.members.tolist(), second.members.tolist()) == ([0, 1], [2, 3])
    assert (first.inputs.tolist(), second.inputs.tolist()) == ([0], [0])
    assert (first.n_inputs, second.n_inputs) == (1, 0)
    assert second.runs.tolist() == [[2, 8]]
    whole = diamond.weights[second.synapses[second.synapses >= 0]]
    assert np.array_equal(second.network.weights[second.synapses >= 0], whole)


async def test_names_that_somebody_has_already_are_not_taken_again(channels: str) -> None:
    long = "n" * 128
    nodes = [
        na.Input("wire"),
        na.Input("wire of shard 0"),
        na.Neuron(long, "tanh"),
        na.Neuron("shard 1, for level 0"),
        na.Neuron(long[1:] + "m"),
    ]
    synapses = [
        ("wire", long),
        ("wire of shard 0", "shard 1, for level 0"),
        (long, "shard 1, for level 0"),
        ("wire", nodes[4].id),
        (nodes[4].id, "shard 1, for level 0"),
    ]
    net = na.Network(
        nodes, [na.Synapse(*pair) for pair in synapses], ["shard 1, for level 0"], seed=3
    )
    x, t = np.ones((2, 2)), np.ones((2, 1))
    for shard in ([0, 0, 1, 1, 0], [0, 1, 0, 1, 0], [1, 0, 1, 0, 1]):
        async with spread(net, shard, channels) as many:
            assert same_bits(await many.gradient(x, t, "squared_error"), na.gradient(net, x, t))


def test_the_loss_node_of_a_shard_leaves_its_argument_as_it_is() -> None:
    whole = LossNode(np.array([True, False, False]))
    part = ShardLossNode(whole, 2)
    assert part.rule.from_input.tolist() == [True, False]
    assert whole.from_input.tolist() == part.from_input.tolist() == [True, False, False]


async def test_lanes_share_what_a_neuron_keeps_and_nothing_of_who_stands_in(diamond) -> None:
    class Shared(na.rules.Rule):
        def members(self, network, k, sums, count):
            return (self.member(network, k, sums),) * count

    _, part = shards(diamond, na.Partition(diamond, [0, 0, 1, 1]))
    rule = ShardRule(Shared(), part)
    made = [rule.members(part.network, k, ORDERED, 3) for k in range(len(part.network.ids))]
    assert [len(set(map(id, lanes))) for lanes in made] == [1, 1, 3, 3, 3]
    assert all(lanes[0].get_state() == () for lanes in made[3:])
