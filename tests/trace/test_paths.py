"""Paths, and traces made of them: against all paths walked one by one, the reference, and finite differences."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from helpers.logged_steps import log_steps
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.neuron.sums import ORDERED
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.trace import paths as paths_module
from neuro_actors.trace.paths import Paths, downstream_of, influence, slopes
from neuro_actors.trace.tracer import Tracer


def wild(seed: int, inputs: int = 2, neurons: int = 7) -> na.Network:
    """Any neuron may hear any before it; some outputs feed others, and some inputs skip all levels."""
    rng = np.random.default_rng(seed)
    n = inputs + neurons
    edges = [
        (a, b)
        for b in range(inputs, n)
        for a in range(b)
        if rng.random() < 0.55 or a == b - 1 or b == inputs
    ]
    used = {a for a, _ in edges}
    edges += [(a, n - 1) for a in range(inputs) if a not in used]
    names = [
        str(name) for name in rng.choice(["tanh", "sigmoid", "sin", "relu", "identity", "elu"], n)
    ]
    silent = [k for k in range(inputs, n) if k not in used]
    outputs = sorted({*silent, *rng.choice(np.arange(inputs, n), 2).tolist()})
    sources, targets = zip(*edges, strict=True)
    return na.Network.from_arrays(
        sources, targets, rng.standard_normal(len(edges)), biases=np.append(np.zeros(inputs), rng.standard_normal(neurons)),
        activations=names, outputs=outputs, ids=[f"n{k}" for k in range(n)],
    )  # fmt: skip


def all_ways(network: na.Network, start: int, ends: set[int]) -> list[tuple[int, ...]]:
    """Every path from `start` to an end, as neurons, by walking all of them."""
    onward = {k: network.targets[network.outgoing.of(k)].tolist() for k in range(len(network.ids))}
    found, begun = [], [(start,)]
    while begun:
        path = begun.pop()
        if path[-1] in ends:
            found.append(path)
        begun += [(*path, k) for k in onward[path[-1]]]
    return found


def by_hand(network: na.Network, x, loss_slope, way: tuple[int, ...], slope) -> np.ndarray:
    """A path's product for each example, beginning with the slope of the first; x (batch, n_inputs)."""
    weight = {
        (a, b): w
        for a, b, w in zip(
            network.sources.tolist(), network.targets.tolist(), network.weights, strict=True
        )
    }
    product = slope[way[0]].copy()
    for a, b in itertools.pairwise(way):
        product = product * weight[a, b] * slope[b]
    return product * loss_slope[way[-1]]


@pytest.fixture(params=few(range(12), 6))
def case(request, tmp_path):
    """A wild network, a log of one gradient of it, and everything that a path is made of, found without it."""
    network = wild(request.param)
    rng = np.random.default_rng(request.param)
    batch = (1, 2, 5)[request.param % 3]
    x, targets = (
        rng.standard_normal((batch, len(network.inputs))),
        rng.standard_normal((batch, len(network.outputs))),
    )
    log_steps(tmp_path / "a.arrows", network, x, targets)
    z, a = na.reference.matrices.Matrices(network, None).forward(x)
    slope = np.ones((len(network.ids), batch))
    for k in np.flatnonzero(~network.is_input).tolist():
        slope[k] = na.ACTIVATIONS[network.activations[k]].slope(z[:, k], a[:, k])
    blame = dict(
        zip(
            network.output_positions.tolist(),
            -2 * (a[:, network.output_positions] - targets).T,
            strict=True,
        )
    )
    return network, na.open_log(tmp_path / "a.arrows"), x, targets, a.T, slope, blame


def test_the_greatest_paths_are_those_found_by_walking_all(case) -> None:
    network, log, x, _, a, slope, blame = case
    for synapse in network.synapses:
        p, b = network.position[synapse.source], network.position[synapse.target]
        ways = all_ways(network, b, set(blame))
        products = {way: a[p] * by_hand(network, x, blame, way, slope) for way in ways}
        worth = {way: np.mean(product) for way, product in products.items()}
        found = na.trace(log, step=1, weight=(synapse.source, synapse.target), limit=len(ways))
        assert found.number == len(ways)
        assert found.proved == len(found.paths)
        there = [way for way in ways if worth[way]]
        assert {tuple(network.position[id] for id in path.nodes) for path in found.paths} == set(
            there
        )
        near = pytest.approx  # the reference's signals differ from the neurons' in their last bits
        size = sum(np.mean(np.abs(product)) for product in products.values())
        for path in found.paths:
            way = tuple(network.position[id] for id in path.nodes)
            assert path.value == near(worth[way], rel=1e-9, abs=1e-12 * size)
        values = [abs(path.value) for path in found.paths]
        assert values == sorted(values, reverse=True)
        for most in (1, 3):
            few = na.trace(log, step=1, weight=(synapse.source, synapse.target), limit=most)
            assert [abs(path.value) for path in few.paths] == near(
                values[:most], rel=1e-12, abs=1e-15
            )
            assert few.total == found.total
            carried = sum(
                np.mean(np.abs(products[tuple(network.position[id] for id in p.nodes)]))
                for p in few.paths
            )
            assert few.carried == near(carried / size if carried else 0, rel=1e-9)


def test_the_sum_over_all_paths_is_the_logs_urgency_and_the_references(case) -> None:
    network, log, x, targets, *_ = case
    expected, rounding = na.reference.with_bound(network, x, targets)
    committed = log.step(1)
    for k, synapse in enumerate(network.synapses):
        found = na.trace(log, step=1, weight=(synapse.source, synapse.target), limit=10_000)
        assert found.from_log is not None
        assert abs(found.total - found.from_log) <= found.bound
        assert abs(math.fsum(path.value for path in found.paths) - found.total) <= found.bound
        assert (
            found.from_log == committed.weights[k]
        )  # bit for bit: the very sums that the neuron made
        assert abs(found.total + expected.weights[k]) <= found.bound + rounding.weights[k]
        assert found.bound < 1e-11 * max(1, sum(abs(path.value) for path in found.paths))
        assert found.carried == pytest.approx(1 if found.paths else 0)
    for k in np.flatnonzero(~network.is_input).tolist():
        found = na.trace(log, step=1, neuron=network.ids[k])
        assert found.from_log == committed.biases[k]
        assert abs(found.total + expected.biases[k]) <= found.bound + rounding.biases[k]


def test_forward_slopes_are_the_references_and_finite_differences(case) -> None:
    network, log, x, _, a, *_ = case
    batch = len(x)
    for o, output in enumerate(network.outputs):
        # a target half below this output, and right for the others: then ∂loss/∂x is ∂output/∂x
        aim = a[network.output_positions].T.copy()
        aim[:, o] -= 0.5
        by_matrices = na.reference.gradient(network, x, aim, wrt_inputs=True).inputs * batch
        for i, name in enumerate(network.inputs):
            if not downstream_of(network, network.position[name])[network.position[output]]:
                with pytest.raises(
                    na.InputError, match=f"no path leads from '{name}' to the output '{output}'"
                ):
                    na.trace(log, step=1, source=name, output=output)
                continue
            moved = [x.copy(), x.copy()]
            for sign, copy in zip((1, -1), moved, strict=True):
                copy[:, i] += sign * 1e-6
            up, down = (na.reference.predict(network, copy)[:, o] for copy in moved)
            for example in range(batch):
                found = na.trace(
                    log, step=1, source=name, output=output, example=example + 1, limit=10_000
                )
                assert found.from_log is None
                assert (
                    abs(math.fsum(path.value for path in found.paths) - found.total) <= found.bound
                )
                assert found.total == pytest.approx(by_matrices[example, i], rel=1e-9, abs=1e-11)
                assert found.total == pytest.approx((up - down)[example] / 2e-6, rel=1e-6, abs=1e-7)


def test_of_each_example_and_their_mean(case) -> None:
    network, log, x, *_ = case
    synapse = network.synapses[0]
    mean = na.trace(log, step=1, weight=(synapse.source, synapse.target))
    each = [
        na.trace(log, step=1, weight=(synapse.source, synapse.target), example=e + 1)
        for e in range(len(x))
    ]
    assert mean.total == pytest.approx(np.mean([one.total for one in each]), rel=1e-12, abs=1e-15)
    for one in each:
        for path in one.paths:  # of one example the factors do multiply out
            assert math.prod(factor.value for factor in path.factors) == pytest.approx(
                path.value, rel=1e-12
            )


def test_two_ways_to_sum_a_slope(case) -> None:
    """Forwards from an input, and backwards from each output."""
    network, log, *_, slope, _ = case
    tracer = Tracer(log, 1, None, to_loss=False)
    for name in network.inputs:
        forwards = influence(network, network.position[name], slope).mean(axis=1)
        led = tracer.outputs(name)
        sizes = [abs(forwards[network.position[output]]) for output in led]
        assert sizes == pytest.approx(sorted(sizes, reverse=True))
        for output in led:
            found = tracer.output(name, output)
            assert found.total == pytest.approx(
                forwards[network.position[output]], rel=1e-9, abs=1e-12
            )
        reached = downstream_of(network, network.position[name])
        assert set(led) == {
            output for output in network.outputs if reached[network.position[output]]
        }


@pytest.mark.parametrize("seed", few(range(20), 4))
def test_networks_of_all_kinds_in_training(seed: int, tmp_path) -> None:
    """The parameters are those with which the step began, whatever was learnt; any activation, any loss, any batch."""
    case = draw_case(seed)
    network = case.network
    log_steps(tmp_path / "a.arrows", network, case.x, case.targets, "tit", case.loss)
    before = log_steps(tmp_path / "b.arrows", network, case.x, case.targets, "t", case.loss)
    expected, rounding = na.reference.with_bound(
        before, case.x, case.targets, case.loss, wrt_inputs=True
    )
    log = na.open_log(tmp_path / "a.arrows")
    rng = np.random.default_rng(seed)
    for k in rng.integers(0, len(network.weights), 6).tolist():
        synapse = network.synapses[k]
        for step in (2, 3):
            found = na.trace(log, step=step, weight=[synapse.source, synapse.target])
            assert found.from_log is not None
            assert abs(found.total - found.from_log) <= found.bound
            assert abs(found.total + expected.weights[k]) <= found.bound + rounding.weights[k]
            assert found.examples == len(case.x)
    for k, name in enumerate(network.inputs):
        found = na.trace(log, step=2, neuron=name)
        assert found.from_log is not None
        assert abs(found.total - found.from_log) <= found.bound
        assert found.total == pytest.approx(
            -expected.inputs[:, k].sum(), rel=1e-9, abs=1e-12 + 10 * found.bound
        )
        assert na.trace(log, step=3, neuron=name).from_log is None


def test_the_diamond(diamond, batch, tmp_path) -> None:
    """A skip; and an output, h1, that feeds another: from it one path ends at once, and one goes on."""
    log_steps(tmp_path / "a.arrows", diamond, *batch)
    log = na.open_log(tmp_path / "a.arrows")
    found = na.trace(log, step=1, weight="x->h1")
    assert {path.nodes for path in found.paths} == {("h1",), ("h1", "y")}
    assert {path.nodes for path in na.trace(log, step=1, source="x", output="y").paths} == {
        ("x", "y"), ("x", "h1", "y"), ("x", "h2", "y"),
    }  # fmt: skip
    itself = na.trace(log, step=1, source="h1", output="h1")
    assert (itself.total, itself.paths[0].nodes, itself.paths[0].factors) == (1, ("h1",), ())
    assert (
        "slope of y by what h2 said" in na.trace(log, step=1, source="h2").about
    )  # no other can be meant
    assert [(factor.kind, factor.neuron) for factor in na.trace(log, step=1, weight="x -> h2", example=1).paths[0].factors] == [
        ("said", "x"), ("slope", "h2"), ("weight", "y"), ("slope", "y"), ("urgency", "y"),
    ]  # fmt: skip


def test_an_input_that_is_an_output(tmp_path) -> None:
    """The loss does not tell it its urgency, unless it is asked to; it follows from what the log holds."""
    net = na.Network([na.Input("x"), na.Neuron("y")], [na.Synapse("x", "y", 2.0)], ["x", "y"])
    log_steps(tmp_path / "a.arrows", net, [[1.0]], [[0.5, 1.0]], "gi")
    for step in (1, 2):
        found = na.trace(tmp_path / "a.arrows", step=step, neuron="x")
        assert (found.total, found.number) == (-1 - 4, 2)
        assert found.from_log == (None, -5)[step - 1]


def test_where_everybody_sleeps(tmp_path) -> None:
    net = na.Network.from_matrices(
        [[[-1.0], [1.0]], [[1.0, 0.0]]], [[-1, 0], [0]], ["relu", "identity"]
    )
    log_steps(tmp_path / "a.arrows", net, [[1.0], [2.0]], [[1.0], [1.0]])
    for weight in (
        "x0->h1.0",
        "x0->h1.1",
    ):  # a dead neuron; one whose only follower does not listen
        found = na.trace(tmp_path / "a.arrows", step=1, weight=weight)
        assert (found.total, found.from_log, found.number, found.paths, found.all_shown) == (
            0,
            0,
            1,
            (),
            True,
        )
    none = na.trace(tmp_path / "a.arrows", step=1, source="x0")
    assert (none.total, none.number, none.paths) == (0, 2, ())


def test_more_paths_than_anyone_can_count(tmp_path) -> None:
    """Ladder of 100 levels of four: 4^99 paths, and the greatest is found and proved at once."""
    rng = np.random.default_rng(0)
    net = na.Network.layered([2, *[4] * 100, 1], activation="sin", seed=1)
    log_steps(tmp_path / "a.arrows", net, rng.standard_normal((3, 2)), rng.standard_normal((3, 1)))
    found = na.trace(tmp_path / "a.arrows", step=1, weight="x0->h1.2")
    assert found.number == 4**99
    assert (len(found.paths), found.proved) == (8, 8)
    assert abs(found.total - found.from_log) <= found.bound
    text = " ".join(str(found).split())
    assert "These 8 of 4.0e59 paths (the greatest first)" in text
    # the bound grows with Σ|product|: along so many paths it would cloak any difference
    assert "along so many paths: that proves nothing, but `neuro-actors audit`" in text
    assert abs(found.total - found.from_log) <= 1e-12 * abs(found.total)
    # by walking back: for one example the greatest product is a matter of maxima alone
    one = na.trace(tmp_path / "a.arrows", step=1, weight="x0->h1.2", example=2)
    step = na.open_log(tmp_path / "a.arrows").step(1)
    slope = slopes(net, step.activations, ~net.is_input, ORDERED)[:, 1]
    most = np.where(
        np.isin(np.arange(len(net.ids)), net.output_positions), abs(step.blame[0, 1]), 0.0
    )
    for k in reversed(range(len(net.ids))):
        for s in net.outgoing.of(k).tolist():
            most[k] = max(
                most[k], abs(net.weights[s] * slope[net.targets[s]]) * most[net.targets[s]]
            )
    b = net.position["h1.2"]
    assert abs(one.paths[0].value) == pytest.approx(
        abs(step.activations[0, 1] * slope[b]) * most[b], rel=1e-12
    )


@pytest.mark.parametrize("work", [1, 30, 60, 100, 150])
def test_a_search_that_is_given_up_says_what_it_knows(
    work: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    net = na.Network.layered([3, 6, 6, 6, 1], seed=3)
    activations = rng.standard_normal((len(net.ids), 16))
    steep = slopes(net, activations, ~net.is_input, ORDERED)
    ways = Paths(net, 0, steep, {len(net.ids) - 1: rng.standard_normal(16)})
    whole = ways.find_greatest(np.ones(16), 216)
    assert (len(whole.paths), whole.proved, whole.cut_off, whole.rest) == (216, 216, False, 0.0)
    monkeypatch.setattr(paths_module, "MOST_STARTED", work)
    some = ways.find_greatest(np.ones(16), 10)
    assert some.cut_off
    assert some.proved < 10
    values, found = ([abs(way.value) for way in one.paths] for one in (whole, some))
    assert found[: some.proved] == values[: some.proved]
    taken = {way.synapses for way in some.paths}
    assert max(abs(way.value) for way in whole.paths if way.synapses not in taken) <= max(
        [some.rest, *found[-1:]]
    )


def test_of_equal_paths_any_are_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a network whose weights are all the same: none of 10^9 is greater than another."""
    monkeypatch.setattr(paths_module, "MOST_STARTED", 2000)
    blank = na.Network.layered([10] * 10 + [1])
    net = blank.with_parameters(np.full(len(blank.weights), 0.5), blank.biases)
    ways = Paths(net, 0, np.ones((len(net.ids), 4)), {len(net.ids) - 1: np.ones(4)})
    found = ways.find_greatest(np.ones(4), 8)
    assert (ways.count, len(found.paths), found.cut_off) == (10**9, 8, False)
    assert {way.value for way in found.paths} == {0.5**10}


def test_large_arrays_are_made_piece_by_piece(case, monkeypatch: pytest.MonkeyPatch) -> None:
    network, log, *_ = case
    synapse = network.synapses[0]
    before = na.trace(log, step=1, weight=(synapse.source, synapse.target))
    forwards = Tracer(log, 1, None, to_loss=False).outputs(network.inputs[0])
    monkeypatch.setattr(paths_module, "MOST_AT_ONCE", 1)
    assert na.trace(log, step=1, weight=(synapse.source, synapse.target)) == before
    assert Tracer(log, 1, None, to_loss=False).outputs(network.inputs[0]) == forwards


@pytest.mark.parametrize("most", [1, 7, 20, 64])
def test_many_neurons_of_a_level_in_pieces(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    net = na.Network.layered([4, 5, 6, 2], seed=4)
    steep = rng.standard_normal((len(net.ids), 3))
    ends = {int(k): rng.standard_normal(3) for k in net.output_positions}
    whole, forwards = Paths(net, 1, steep, ends), influence(net, 1, steep)
    monkeypatch.setattr(paths_module, "MOST_AT_ONCE", most)
    again = Paths(net, 1, steep, ends)
    for one, other in (
        (whole.total, again.total),
        (whole.size, again.size),
        (forwards, influence(net, 1, steep)),
    ):
        assert np.array_equal(one, other)
    assert whole.count == again.count == 5 * 6 * 2
    for one, other in zip(
        whole.find_greatest(np.ones(3), 60).paths,
        again.find_greatest(np.ones(3), 60).paths,
        strict=True,
    ):
        assert (one.synapses, one.end, one.value) == (other.synapses, other.end, other.value)


def test_influence_is_zero_where_no_path_leads(diamond) -> None:
    steep = np.full((4, 2), 0.5)
    assert influence(diamond, 2, steep).tolist() == [[0, 0], [0, 0], [1, 1], [-0.375, -0.375]]
