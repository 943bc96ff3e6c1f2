"""How a network is cut: balanced, with few messages, always in the same way; and cuts of one's own."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.linked_shards import drawn_shards
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.network.cell import make_cell
from neuro_actors.proof.random_cases import draw_case


def counted(net: na.Network, shard: list[int], shards: int) -> tuple[int, int]:
    """Messages across the cut, counted one neuron after another, as the law in `crossings.py` has it."""
    outputs = [int(k) for k in net.output_positions]
    votes = [sum(shard[k] == s for k in outputs) for s in range(shards)]
    loss_shard = max(s for s in range(shards) if votes[s] == max(votes))
    forward = back = 0
    for k in range(len(net.ids)):
        followers = [shard[net.targets[e]] for e in net.outgoing.of(k)] + [loss_shard] * (
            k in outputs
        )
        elsewhere = set(followers) - {shard[k]}
        if not net.is_input[k]:
            forward += len(elsewhere)
            first = next(
                (i for i, s in enumerate(followers) if s != followers[0]), len(followers)
            )  # those that can be added
            back += (followers[0] in elsewhere) + sum(s in elsewhere for s in followers[first:])
    return forward, back


@pytest.mark.parametrize("seed", few(range(20), 8))
def test_messages_are_counted_as_one_neuron_after_another_would(seed: int) -> None:
    net = draw_case(seed, neurons=60).network
    rng = np.random.default_rng(seed)
    n = int(np.count_nonzero(~net.is_input))
    for count in {1, min(2, n), min(5, n), n}:
        for shard in (na.partition(net, count).shard, drawn_shards(rng, net, count)):
            part = na.Partition(net, shard)
            assert part.messages == counted(net, part.shard.tolist(), count)
            assert (part.shards, len(part.sizes)) == (count, count)
            assert sum(size.neurons for size in part.sizes) == n
            assert sum(size.synapses for size in part.sizes) == len(net.weights)
            assert sum(size.inputs for size in part.sizes) == len(net.inputs)
            assert part.crossing == sum(
                part.shard[s] != part.shard[t]
                for s, t in zip(net.sources, net.targets, strict=True)
            )


@pytest.mark.parametrize("seed", few(range(20), 8))
def test_activations_go_one_way(seed: int) -> None:
    """So a pipeline of shards has no detour."""
    net = draw_case(seed).network
    for count in range(1, min(6, int(np.count_nonzero(~net.is_input))) + 1):
        shard = na.partition(net, count).shard
        assert (shard[net.sources] <= shard[net.targets]).all()
        assert np.array_equal(shard, na.partition(net, count).shard)


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ([784, 128, 64, 10], 2),
        ([784, 128, 64, 10], 4),
        ([64] * 9, 4),
        ([20] * 12, 3),
        ([300, 200, 100, 50], 3),
    ],
)
def test_it_is_balanced_with_few_messages(sizes: list[int], count: int) -> None:
    """No shard has a third more than its share; and of what is in another shard a source hears no more than one row, save
    where a level is so large that three shards have a part of it."""
    net = na.Network.layered(sizes)
    part = na.partition(net, count)
    assert max(size.synapses for size in part.sizes) < 4 / 3 * len(net.weights) / count
    forward, back = part.messages
    assert back <= forward * (1 if count < 4 else 20)
    rng = np.random.default_rng(1)
    assert 3 * (forward + back) < min(
        sum(na.Partition(net, drawn_shards(rng, net, count)).messages) for _ in range(5)
    )


def test_between_levels_where_that_is_even() -> None:
    net = na.Network.layered([64] * 7)
    for count in (2, 3):
        assert np.array_equal(
            na.partition(net, count).shard, np.maximum(net.level - 1, 0) * count // 6
        )


def test_where_a_level_is_cut_what_can_be_added_is_behind_the_cut() -> None:
    """The later shard has the first followers of all before them: one row comes back for each activation that goes."""
    part = na.partition(na.Network.layered([128] * 4), 2)
    assert sorted(set(part.shard[part._network.level == 2])) == [0, 1]
    forward, back = part.messages
    assert forward == back < 256


def test_as_many_shards_as_neurons_and_no_more() -> None:
    net = na.Network.layered([3, 2, 1])
    assert sorted(na.partition(net, 3).shard[~net.is_input]) == [0, 1, 2]
    with pytest.raises(
        na.InputError,
        match=r"^shards must be at most 3, the number of neurons beside the inputs, got 4$",
    ):
        na.partition(net, 4)
    with pytest.raises(
        na.InputError, match=r"^shards must be a whole number of at least 1, got 0$"
    ):
        na.partition(net, 0)
    with pytest.raises(na.InputError, match=r"^network must be an na.Network, got int$"):
        na.partition(3, 1)


def test_a_table(diamond) -> None:
    part = na.Partition(diamond, {"x": 0, "h1": 0, "h2": 1, "y": 1})
    assert repr(part) == "<Partition: 2 shards; 3 synapses between them, 1 message and 1 back>"
    assert part.describe() == "\n".join([
        "shard  levels  inputs  neurons  synapses  share  sends  receives",
        "    0  0 to 1       1        1         1  20.0%      1         1",
        "    1  1 to 2       0        2         4  80.0%      1         1",
        "3 of 5 synapses cross: 1 message forward, 1 back",
        "the loss is in shard 1",
    ])  # fmt: skip
    large = na.partition(na.Network.layered([300, 1200, 10]), 4)
    assert max(map(len, large.describe().splitlines())) <= 80


@pytest.mark.parametrize(
    ("shard", "message"),
    [
        ([0, 0, 1], r"shard: expected 4 places, one for each neuron, inputs among them, got 3$"),
        ([0, 0, 2, 2], r"shard 1 is empty: give it a neuron, or count the others without a gap$"),
        ([0, 1, 1, 1], r"shard 0 holds inputs alone: give it a neuron"),
        (
            [0, 1, 2, 3],
            r"shard: there are 3 neurons beside the inputs, so no more shards, 0 to 2; got 3 for 'y'$",
        ),
        (
            [0, 0, 1, 1.5],
            r"shard: expected whole numbers from 0 on, in one axis, got an array of float64",
        ),
        ([0, 0, 1, -1], r"shard: expected whole numbers from 0 on, in one axis, got -1$"),
        ("0011", r"shard must be a list, got '0011'$"),
        (
            {"x": 0, "h1": 0, "h2": 0},
            r"shard: 'y' has no place: give each neuron one, inputs among them$",
        ),
        (
            {"x": 0, "h1": 0, "h2": 0, "y": 0, "h3": 0},
            r"shard: there is no neuron 'h3'; did you mean 'h2'\?$",
        ),
        (
            {"x": 0, "h1": 0, "h2": 0, "y": "a"},
            r"shard: the place of 'y' must be a whole number of at least 0, got 'a'$",
        ),
    ],
)
def test_what_is_no_partition(diamond, shard, message: str) -> None:
    with pytest.raises(na.InputError, match=f"^{message}"):
        na.Partition(diamond, shard)


def test_of_this_network_and_no_other(diamond) -> None:
    part = na.partition(diamond, 2)
    part.check(diamond.with_parameters(2 * diamond.weights, diamond.biases))
    with pytest.raises(
        na.InputError, match="^this is a partition of another network, <Network: 1 input, 3 neurons"
    ):
        part.check(na.Network.layered([1, 2, 1]))
    assert not part.shard.flags.writeable


def test_of_the_same_wiring_with_other_elements() -> None:
    def net(combination: str, shift: int) -> na.Network:
        nodes = [
            na.Input("a", 3),
            na.Interneuron("g", combination, na.field.shift((3,), (shift,))),
            na.Neuron("y"),
        ]
        return na.Network(nodes, [na.Synapse("a", "g"), na.Synapse("g", "y", 1.0)], ["y"])

    part = na.partition(net("sum", 1), 2)
    part.check(net("sum", 1).with_frozen("y"))
    for other in (net("sum", 2), net("product", 1)):
        with pytest.raises(na.InputError, match="^this is a partition of another network"):
            part.check(other)


def test_what_a_delay_repeats_it_hears_in_its_source_s_shard() -> None:
    nodes = [na.Input("x"), na.Delay("before", of="h"), na.Neuron("h"), na.Neuron("y")]
    pairs = [("x", "h"), ("before", "h"), ("h", "y")]
    net = na.Network(nodes, [na.Synapse(*pair, 0.5) for pair in pairs], ["y"])
    part = na.Partition(net, [0, 0, 1, 0])
    of_cell = part.of_cell(make_cell(net))
    assert of_cell.shard.tolist() == [0, 0, 1, 0, 1]
    # the loss node hands the delay's urgency on: it needs what `to before` says
    assert part.messages == of_cell.messages
    assert part.of_cell(net) is part


def test_positions_count_as_work() -> None:
    """Two layers at 64 positions have more work than six at one: they are cut from each other."""
    h = na.layers.inputs(6, positions=(64,))
    for name in ("a", "b"):
        h = na.layers.dense(h, 6, "tanh", name=name)
    h = na.layers.dense(na.layers.at(h, 0), 6, "tanh", name="c0")
    for k in range(1, 6):
        h = na.layers.dense(h, 6, "tanh", name=f"c{k}")
    net = na.layers.network(h, seed=0)
    shard = na.partition(net, 2).shard
    wide = {int(shard[k]) for k, id in enumerate(net.ids) if id[0] in "ab"}
    narrow = {int(shard[k]) for k, id in enumerate(net.ids) if id[0] == "c"}
    assert (wide, narrow) == ({0, 1}, {1})
