"""Receptive fields: the relation, its way back, the usual ones, and what is refused."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors import field as fields
from neuro_actors.network.field import Field, count_positions

SOME = {
    "shift": fields.shift((3, 4), (1, -1)),
    "shift with a stride": fields.shift((5, 4), (-1, 0), stride=(2, 1)),
    "window": fields.window((5, 5), 3, stride=2, padding=1),
    "window, dilated": fields.window((5, 5), 2, stride=1, dilation=2),
    "queries": fields.pairs(3, 4)[0],
    "keys": fields.pairs(3, 4)[1],
    "causal keys": fields.pairs(4, causal=True)[1],
    "gather": fields.gather((2, 2), [(1, 1), (0, 0), (1, 1)]),
    "at": fields.at((2, 3), 4),
    "broadcast": fields.broadcast((2, 3), axes=1),
    "reduce": fields.reduce((2, 3, 2), axes=(0, 2)),
    "nothing somewhere": Field(3, 2, [[0, 2], [-1, -1]]),
}


@pytest.mark.parametrize("name", SOME)
def test_the_way_back_is_the_transpose(name: str) -> None:
    field, rng = SOME[name], np.random.default_rng(0)
    n, batch, m = 2, 3, count_positions(field.sources)
    x = rng.integers(-9, 9, (n, batch * m)).astype(float)
    y = rng.integers(-9, 9, (n * field.width, batch * len(field.positions))).astype(float)
    assert (field.gather_rows(x, 0.0) * y).sum() == (x * field.scatter_rows(y)).sum()
    back = field.transpose()
    assert (back.sources, back.grid) == (field.grid, field.sources)
    matrix, other = (
        np.zeros((len(f.positions), count_positions(f.sources)), bool) for f in (field, back)
    )
    for f, relation in ((field, matrix), (back, other)):
        for p, row in enumerate(f.positions.tolist()):
            relation[p, [q for q in row if q >= 0]] = True
    assert np.array_equal(matrix.T, other)


def test_sums_of_the_way_back_are_in_the_order_of_positions() -> None:
    field = fields.reduce(2).transpose()  # both positions hear one
    values = np.array([[1e16, 1.0, -1e16, 1.0]])
    assert field.scatter_rows(values).tolist() == [[1e16 + 1.0, -1e16 + 1.0]]
    wide = fields.window(4, 3, stride=1, padding=1)
    for batch in (1, 2, 5):  # the bits of an example do not depend on those beside it
        rows = np.random.default_rng(1).normal(size=(3, 4))
        alone = wide.scatter_rows(rows)
        together = wide.scatter_rows(np.tile(rows, batch))
        assert np.array_equal(np.tile(alone, batch), together)


def test_windows_are_those_of_numpy() -> None:
    picture = np.arange(30.0).reshape(5, 6)
    padded = np.pad(picture, 1, constant_values=-1.0)
    expected = np.lib.stride_tricks.sliding_window_view(padded, (3, 2))[::2, ::2]
    field = fields.window((5, 6), (3, 2), stride=2, padding=1)
    assert field.grid == expected.shape[:2]
    found = field.gather_rows(picture.reshape(1, -1), -1.0)
    for p, window in enumerate(expected.reshape(-1, 6)):
        assert sorted(found[:, p]) == sorted(window)


def test_causal_pairs_are_those_without_a_later_key() -> None:
    by_query, by_key = fields.pairs(4, causal=True)
    pairs = list(
        zip(by_query.positions[:, 0].tolist(), by_key.positions[:, 0].tolist(), strict=True)
    )
    assert pairs == [(q, k) for q in range(4) for k in range(q + 1)]
    assert by_query.transpose().positions.tolist()[1] == [1, 2, -1, -1]


def test_fields_are_compared_by_value_and_are_pickled() -> None:
    one, other = fields.shift(4, 1), fields.shift(4, 1)
    assert one == other
    assert hash(one) == hash(other)
    assert one != fields.shift(4, -1)
    again = pickle.loads(pickle.dumps(one))
    assert again == one
    assert not again.positions.flags.writeable
    assert repr(one) == "<Field shift by 1: 4 to 4>"


REFUSED = {
    "no position": (lambda: Field(3, 1, [[3]]), "its sources have the positions 0 to 2"),
    "twice": (lambda: Field(3, 1, [[1, 1]]), "hears a position twice"),
    "no numbers": (lambda: Field(3, 1, [["a"]]), "expected whole numbers"),
    "other length": (lambda: Field(3, 2, [[1]]), r"of shape \(2, width\)"),
    "a window that is too large": (lambda: fields.window(2, 3), "does not fit"),
    "axes": (lambda: fields.reduce((2, 3), axes=(0, 0)), "different axes"),
    "one number for each axis": (
        lambda: fields.shift((2, 3), (1, 2, 3)),
        "one number for each axis of 2 × 3",
    ),
    "causal": (lambda: fields.pairs(2, 3, causal=True), "one key for each query"),
    "no size": (lambda: fields.shift(0, 1), "at least 1"),
    "the last position": (lambda: fields.at(3, -1), "^at: position .* at most 2, got -1"),
    "half a position": (lambda: fields.at(3, 1.5), "^at: position .* whole number .* got 1.5"),
    "outside": (lambda: fields.at((2, 3), (1, 3)), "^at: position .* at most 2, got 3"),
    "other axes": (lambda: fields.gather((2, 3), [(1,)]), "one number for each axis of 2 × 3"),
    "half a source": (lambda: fields.gather(3, [0.5]), "^gather: each position .* got 0.5"),
    "no list": (lambda: fields.gather(3, 1), "^gather: expected a list of positions, got 1"),
    "no kernel": (lambda: fields.window(3), r"^na\.field\.window: missing .*'kernel', such as"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    call, problem = REFUSED[name]
    with pytest.raises(na.InputError, match=problem):
        call()


def net(*nodes, outputs=("y",), **synapses) -> na.Network:
    edges = [na.Synapse(a, b) for b, sources in synapses.items() for a in sources]
    return na.Network(nodes, edges, outputs)


NETWORKS = {
    "inputs at different positions": (
        lambda: net(na.Input("a", 2), na.Input("b", 3), na.Neuron("y"), y="ab"),
        "^inputs must live at the same positions, but 'a' at 2, and 'b' at 3",
    ),
    "sources at different positions": (
        lambda: net(
            na.Input("a", 2),
            na.Interneuron("g", "sum", fields.reduce(2)),
            na.Neuron("y"),
            g="a",
            y="ag",
        ),
        "^the sources of 'y' must live at the same positions",
    ),
    "another field": (
        lambda: net(na.Input("a", 2), na.Interneuron("y", "sum", fields.reduce(3)), y="a"),
        "^interneuron 'y': its field hears 3, but its source 'a' lives at 2",
    ),
    "nothing heard": (
        lambda: net(na.Input("a", 2), na.Interneuron("y", "max", fields.shift(2, 1)), y="a"),
        "hears nothing at some of its positions, and 'max' needs a number",
    ),
    "a weight of an interneuron": (
        lambda: na.Network(
            [na.Input("a"), na.Interneuron("y", "sum")], [na.Synapse("a", "y", 2.0)], ["y"]
        ),
        "'a' -> 'y': an interneuron has no weights",
    ),
    "an unknown combination": (
        lambda: net(na.Input("a"), na.Interneuron("y", "produkt"), y="a"),
        "interneuron 'y': unknown combination 'produkt': did you mean 'product'",
    ),
    "a field that is none": (
        lambda: net(na.Input("a"), na.Interneuron("y", "sum", "shift"), y="a"),
        "^interneuron 'y': field must be a field",
    ),
    "frozen": (
        lambda: net(na.Input("a"), na.Neuron("y", frozen=1), y="a"),
        "^neuron 'y': frozen must be True or False, got 1",
    ),
    "a delay of nobody": (
        lambda: net(na.Input("a"), na.Delay("d", of="h"), na.Neuron("y"), y="ad"),
        "^delay 'd': there is no neuron 'h'",
    ),
    "a delay of a delay": (
        lambda: net(
            na.Input("a"), na.Delay("d", of="y"), na.Delay("e", of="d"), na.Neuron("y"), y="ade"
        ),
        "^delay 'e': 'd' is a delay too: write na.Delay",
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_refused_networks(name: str) -> None:
    make, problem = NETWORKS[name]
    with pytest.raises(na.NetworkError, match=problem):
        make()


def test_parameters_are_frozen_by_name() -> None:
    whole = na.Network.layered([2, 3, 1])
    one = whole.with_frozen("h1.*")
    assert one.frozen_biases.tolist() == [n.id.startswith("h1.") for n in one.neurons]
    assert one.frozen_weights.tolist() == [s.target.startswith("h1.") for s in one.synapses]
    assert whole.frozen_weights.sum() == 0
    assert whole != one
    two = one.with_frozen("x0->h1.0", frozen=False)
    assert int(two.frozen_weights.sum()) == 5
    assert one.with_frozen("*", frozen=False) == whole
    assert int(whole.with_frozen("x*->h1.1").frozen_weights.sum()) == 2
    with pytest.raises(na.NetworkError, match=r"^no neuron and no synapse is named 'h2\.\*'"):
        whole.with_frozen("h2.*")


@pytest.mark.parametrize("name", ["x0", "gate", "x0->gate", "x*"])
def test_what_has_nothing_to_learn_is_not_frozen(name: str) -> None:
    nodes = [na.Input("x0"), na.Input("x1"), na.Interneuron("gate", "product"), na.Neuron("y")]
    ends = [("x0", "gate"), ("x1", "gate"), ("gate", "y")]
    network = na.Network(nodes, [na.Synapse(*one) for one in ends], ["y"])
    assert network.with_frozen("*").frozen_biases.tolist() == [False, False, False, True]
    with pytest.raises(na.NetworkError, match=f"^'{re.escape(name)}' has nothing to learn: an inp"):
        network.with_frozen(name)


def test_what_has_no_bias_has_none_that_is_frozen() -> None:
    """Otherwise `describe` counts parameters below 0, and rules refuse what they could learn."""
    x = na.layers.inputs(2)
    gates = na.layers.multiply(na.layers.dense(x, 2), na.layers.rnn(x, 2))
    network = na.layers.network(na.layers.dense(gates, 1, name="y"))
    frozen = network.with_frozen("*")
    plain = ~(network.is_input | network.is_interneuron)
    assert np.array_equal(frozen.frozen_biases, plain)
    assert frozen.frozen_weights.all()
    total = frozen.describe().splitlines()[-1].split()
    assert total[:7] == ["all", "2", "5", "2", "2", "0", "19"]  # 2·3 + 2·5 + 3: none learns


def test_rules_that_relay_refuse_what_cannot() -> None:
    gate = net(
        na.Input("a"), na.Input("b"), na.Interneuron("g", "product"), na.Neuron("y"), g="ab", y="g"
    )
    wide = net(na.Input("a", 2), na.Neuron("y"), y="a")
    for rule in (
        na.rules.DirectFeedbackAlignment(),
        na.rules.WeightPerturbation(),
        na.rules.NewtonCG(),
        na.rules.PredictiveCoding(),
    ):
        for network, x, problem in (
            (gate, [[1.0, 2.0]], "'g'"),
            (wide, [[[1.0], [2.0]]], "positions"),
        ):
            with pytest.raises(na.InputError, match=problem):
                na.train(
                    network,
                    x,
                    [[1.0]] if network is gate else [[[1.0], [2.0]]],
                    optimizer=na.SGD(0.1),
                    rule=rule,
                )
    aligned = na.train(
        gate, [[1.0, 2.0]], [[1.0]], optimizer=na.SGD(0.1), rule=na.rules.FeedbackAlignment()
    )
    assert aligned.history[-1].loss >= 0


def test_what_hears_delays_alone_lives_where_the_inputs_do() -> None:
    """Nothing else says where: its sources are delays, and these live where what they repeat does."""
    nodes = [na.Input("x", positions=3), na.Delay("d", "h"), na.Neuron("h", "tanh", 0.3)]
    nodes.append(na.Neuron("z", "tanh"))
    net = na.Network(nodes, [na.Synapse("d", "h", 0.5), na.Synapse("x", "z", 0.2)], ["z", "h"])
    assert net.n_positions.tolist() == [3, 3, 3, 3]
    x, targets = np.ones((2, 3, 3, 1)), np.zeros((2, 3, 3, 2))
    expected, bound = na.reference.with_bound(net, x, targets)
    found = na.gradient(net, x, targets)
    assert (np.abs(found.weights - expected.weights) <= bound.weights).all()
    assert found.weights[0] == pytest.approx(1.78554396, rel=1e-7)
