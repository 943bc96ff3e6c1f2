"""Unrolled networks: a node for each neuron, position and tick; and their gradients, laid out back."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from helpers.all_kinds import all_kinds, dropouts, memory, picture
from helpers.any_networks import draw, predict
from helpers.deep_cases import is_within
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.proof.reference import unroll as unrolling
from neuro_actors.proof.reference.bounds import share
from neuro_actors.proof.reference.unroll import NO_COPY, as_plain, unroll


def test_a_plain_network_is_itself() -> None:
    network = na.Network.layered([2, 3, 1])
    found = unroll(network)
    assert found.plain is network
    assert (found.axes, found.out_axes, found.n_rows) == ((), (), 1)
    x = np.ones((4, 2))
    assert as_plain(network, x)[1].tolist() == x.tolist()


def test_a_node_for_each_neuron_position_and_tick() -> None:
    found = unroll(memory(grid=(3,)).network, 4)
    assert found.n_rows == 12
    for name in ("h", "y"):
        assert found.bias_of.tolist().count(found.of.position[name]) == 12
    # 12 of x and v each; before the first tick `h before` says 0 at 3 positions, `gate before` at 6
    assert int((found.input_of == NO_COPY).sum()) == 3 + 6
    assert len(found.input_of) == 2 * 12 + 9
    h = found.of.arrow
    copies = {h(s): int((found.weight_of == s).sum()) for s in range(len(found.of.weights))}
    assert copies["'gate' -> 'y'"] == copies["'gate before' -> 'y'"] == 12
    assert copies["'h' -> 'gate'"] == 0  # no weight
    for synapse, owner in enumerate(found.weight_of.tolist()):
        expected = 1.0 if owner == NO_COPY else found.of.weights[owner]
        assert found.plain.weights[synapse] == expected


def test_predictions_are_those_of_the_recurrence() -> None:
    case = memory(batch=2, ticks=4)
    w = dict(zip(map(case.network.arrow, range(8)), case.network.weights, strict=True))
    for row, found in zip(case.x, na.reference.predict(case.network, case.x), strict=True):
        h, gates = 0.0, [0.0, 0.0]
        for (x, v), y in zip(row, found[:, 0], strict=True):
            h = np.tanh(
                0.1
                + w["'x' -> 'h'"] * x
                + w["'v' -> 'h'"] * v
                + w["'h before' -> 'h'"] * h
                + w["'gate before' -> 'h'"] * gates[-2]
            )
            gates.append(h * x)
            np.testing.assert_allclose(y, 1.1 * gates[-1] + 0.2 * gates[-3], rtol=1e-13)


@pytest.mark.parametrize(
    ("seed", "delays"),
    few([*product(range(3), [False, True]), *product(range(3, 100), [False])], 6),
)
def test_predictions_are_those_of_loops_over_positions(seed: int, delays: bool) -> None:
    network, x, _ = draw(seed, delays)
    np.testing.assert_allclose(na.reference.predict(network, x), predict(network, x), rtol=1e-12)


@pytest.mark.parametrize("case", all_kinds()[1:], ids=["picture", "memory", "memories", "both"])
def test_the_gradient_is_the_societys(case, channels: str) -> None:
    given = case.network, case.x, case.targets, case.loss
    expected, bound = na.reference.with_bound(*given, wrt_inputs=True)
    found = na.gradient(*given, wrt_inputs=True, channels=channels)
    assert is_within(found, expected, bound)
    assert (np.abs(found.inputs - expected.inputs) <= bound.inputs).all()
    assert found.predictions.shape == expected.predictions.shape == case.targets.shape
    assert expected.inputs.shape == case.x.shape
    assert expected.network is case.network
    assert share(expected, bound) < 1e-10  # so a weight off by a billionth is refused


@pytest.mark.parametrize("seed", few(range(200), 3))
def test_softmax_counts_each_position_and_tick_alone(seed: int) -> None:
    """And each other loss: against the same rows as examples of their own."""
    rng = np.random.default_rng(seed)
    nodes = [na.Input("x", positions=(2, 2)), na.Input("v", positions=(2, 2))]
    nodes += [na.Neuron("a", "tanh", 0.2), na.Neuron("p"), na.Neuron("q", bias=0.4)]
    ends = [("x", "a"), ("v", "a"), ("a", "p"), ("v", "p"), ("a", "q")]
    synapses = [na.Synapse(*end, rng.standard_normal()) for end in ends]
    network = na.Network(nodes, synapses, ["p", "q"])
    alone = na.Network([na.Input("x"), na.Input("v"), *nodes[2:]], synapses, ["p", "q"])
    x, targets = rng.standard_normal((3, 2, 2, 2)), rng.dirichlet(np.ones(2), (3, 2, 2))
    for loss in ("softmax_cross_entropy", "squared_error", "absolute_error"):
        found, bound = na.reference.with_bound(network, x, targets, loss, wrt_inputs=True)
        other = na.reference.gradient(alone, x.reshape(-1, 2), targets.reshape(-1, 2), loss, True)
        # a mean over 3 examples of the sum over 4 positions
        np.testing.assert_allclose(found.weights, 4 * other.weights, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(found.loss, 4 * other.loss, rtol=1e-13)
        inputs = 4 * other.inputs.reshape(x.shape)
        np.testing.assert_allclose(found.inputs, inputs, rtol=1e-12, atol=1e-15)
        society = na.gradient(network, x, targets, loss, wrt_inputs=True)
        assert is_within(society, found, bound)


def test_what_hears_nothing_says_a_constant_and_what_leads_nowhere_is_left_out() -> None:
    field = na.field.gather(3, [0, -1, 2])
    nodes = [na.Input("x", positions=3), na.Neuron("h", "tanh")]
    nodes += [na.Interneuron("s", "product", field), na.Interneuron("y", "sum", na.field.at(3, 1))]
    synapses = [na.Synapse("x", "h", 2.0), na.Synapse("h", "s"), na.Synapse("s", "y")]
    network = na.Network(nodes, synapses, ["y"])
    found = unroll(network)
    assert len(found.plain.ids) == 2  # the constant, and y
    x = np.ones((1, 3, 1))
    assert na.reference.predict(network, x).tolist() == [[1.0]]
    gradient = na.reference.gradient(network, x, [[0.0]], wrt_inputs=True)
    assert not gradient.weights.any()
    assert gradient.inputs.shape == (1, 3, 1)
    assert not gradient.inputs.any()
    society = na.gradient(network, x, [[0.0]], wrt_inputs=True)
    assert np.array_equal(society.weights, gradient.weights)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(na.InputError, match=r"expected shape \(batch, ticks, n_inputs\)"):
        na.reference.predict(memory().network, [[1.0, 2.0]])
    with pytest.raises(na.InputError):
        na.reference.predict(picture().network, [[1.0]])


def test_a_copy_that_is_forgotten_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound refuses a gradient that lacks what one tick contributes to one weight."""
    case, sums = memory(), unrolling.sum_of_copies
    given = case.network, case.x, case.targets, case.loss
    expected, bound = na.reference.with_bound(*given)
    weight_of = unroll(case.network, 5).weight_of
    last = int(np.flatnonzero(weight_of != NO_COPY)[-1])

    def without_the_last(values, owners, n):
        is_weights = len(owners) == len(weight_of)
        keep = np.delete(np.arange(len(owners)), last) if is_weights else slice(None)
        return sums(values[keep], owners[keep], n)

    monkeypatch.setattr(unrolling, "sum_of_copies", without_the_last)
    assert not is_within(na.reference.gradient(*given), expected, bound)


@pytest.mark.parametrize("window", [1, 2, 3])
def test_windows_cut_derivatives(window: int) -> None:
    case = memory(ticks=6, grid=(2,))
    given = case.network, case.x, case.targets
    rule = na.rules.ThroughTime(window=window)
    found = na.gradient(*given, wrt_inputs=True, rule=rule)
    expected = na.reference.gradient(*given, wrt_inputs=True, window=window)
    whole = na.reference.gradient(*given, wrt_inputs=True)
    for name in ("weights", "biases", "inputs", "predictions"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
    assert not np.allclose(whole.weights, expected.weights)
    assert na.reference.gradient(*given, window=6).weights.tolist() == whole.weights.tolist()


def test_dropouts_have_the_masks_of_a_step(channels: str) -> None:
    """A society's first step is step 1; through time its rounds share the masks of their ticks."""
    x = na.layers.inputs(2)
    ways = [na.layers.rnn(x, 2, name=name, reverse=name == "b") for name in "ab"]
    mixed = na.layers.dropout(na.layers.concatenate(*ways), 0.4, name="d")
    sequences = na.layers.network(na.layers.dense(mixed, 1, name="y"), seed=0)
    rng = np.random.default_rng(2)
    long = rng.standard_normal((3, 4, 2)), rng.standard_normal((3, 4, 1))
    case = dropouts()
    for network, data in ((case.network, (case.x, case.targets)), (sequences, long)):
        found = na.gradient(network, *data, wrt_inputs=True, channels=channels)
        expected, bound = na.reference.with_bound(network, *data, wrt_inputs=True, step=1)
        assert is_within(found, expected, bound)
        assert (np.abs(found.inputs - expected.inputs) <= bound.inputs).all()
        other = na.reference.gradient(network, *data, step=2)
        assert not np.allclose(other.weights, expected.weights)
        said = na.predict(network, data[0], channels=channels)
        np.testing.assert_allclose(said, na.reference.predict(network, data[0]), rtol=1e-13)
        with pytest.raises(na.InputError, match="draws another mask in each step: say which"):
            na.reference.gradient(network, *data)


def test_a_product_with_the_hessian_has_the_masks_too(channels: str) -> None:
    case, rng = dropouts(), np.random.default_rng(0)
    along = (
        rng.standard_normal(len(case.network.weights)),
        rng.standard_normal(len(case.network.ids)),
    )
    given = case.network, case.x, case.targets, *along
    found = na.hessian_vector_product(*given, channels=channels)
    expected = na.reference.hessian_vector_product(*given, step=1)
    bound = na.reference.hessian_vector_bound(*given, step=1)
    assert is_within(found, expected, bound)
