"""Interneurons in the reference: their derivatives, and bounds that hold, and refuse what is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.all_kinds import all_kinds, gates
from helpers.deep_cases import is_within, mail_of
from helpers.tiers import few, need

import neuro_actors as na
from neuro_actors.network.combinations import COMBINATIONS
from neuro_actors.proof.random_cases import Case
from neuro_actors.proof.reference import bounds, interneuron_rounding, partials
from neuro_actors.proof.reference.each_neuron import each_neuron
from neuro_actors.proof.reference.propagation import ByPaths, BySizes

NAMES = ["sum", "product", "max", "logsumexp"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_derivatives_are_those_of_the_table(name: str, n: int) -> None:
    combination, rng = COMBINATIONS[name], np.random.default_rng(n)
    x, d = rng.standard_normal((2, n, 50))
    x[:, :5] = np.round(x[:, :5])  # ties, and zeros
    a = combination.value(x)
    found = partials.slopes_of(combination, x, a)
    np.testing.assert_allclose(found, combination.slopes(x, a), rtol=1e-13, atol=1e-300)
    found = partials.bends_of(combination, x, a, d)
    np.testing.assert_allclose(found, combination.bends(x, a, d), rtol=1e-12, atol=1e-14)


# each row of a user's own is moved alone, so products of two large errors are left out
@pytest.mark.parametrize(
    ("name", "size"),
    [(name, size) for name in [*NAMES, "own"] for size in (1e-12, 1e-3, 0.3)][:-1],
)
def test_errors_stay_within_the_bound(name: str, size: float) -> None:
    """Wherever the arguments are moved to within their errors: value, slopes and bends."""
    own = na.Combination(
        lambda x: np.sin(x).sum(axis=0),
        lambda x, a: np.cos(x),
        lambda x, a, d: -np.sin(x) * d,
    )
    combination, rng = (COMBINATIONS | {"own": own})[name], np.random.default_rng(3)
    x, d = rng.standard_normal((2, 4, 400))
    x[1, ::3] = x[0, ::3] + size * rng.standard_normal(134)  # near ties
    e, d_e = size * rng.random((2, 4, 400))
    e[2] = 0.0
    a = combination.value(x)
    slopes, bends = partials.slopes_of(combination, x, a), partials.bends_of(combination, x, a, d)
    alone = np.broadcast_to(np.arange(4.0)[:, None], x.shape)  # no row is a copy of another
    change = interneuron_rounding.slopes_error(combination, x, slopes, e, alone, a)
    rest = interneuron_rounding.value_rounding(combination, x, a, e) + (change * e).sum(axis=0)
    bent = interneuron_rounding._bends_error(combination, x, d, e, d_e, a)
    used = 0.0
    for draw in range(60):
        by = rng.uniform(-1, 1, x.shape) if draw % 2 else rng.choice([-1.0, 1.0], x.shape)
        moved, along = x + by * e, d + rng.choice([-1.0, 1.0], d.shape) * d_e
        value = combination.value(moved)
        off = np.abs(value - a - (slopes * (moved - x)).sum(axis=0))
        assert (off <= rest + 1e-15).all()
        turned = np.abs(combination.slopes(moved, value) - slopes)
        assert (turned <= change + 1e-15).all()
        assert (np.abs(combination.bends(moved, value, along) - bends) <= bent + 1e-15).all()
        used = max(used, (off / (rest + 1e-300)).max())
    if name in ("max", "product", "own") and size > 1e-6:
        assert used > 0.02  # not larger than need be


def test_a_tie_of_what_is_exact_is_no_excuse() -> None:
    """The inputs are equal and exact: the first one has the slope 1 in every computation."""
    nodes = [na.Input("a"), na.Input("b"), na.Interneuron("m", "max"), na.Neuron("y")]
    edges = [na.Synapse("a", "m"), na.Synapse("b", "m"), na.Synapse("m", "y", 2.0)]
    network = na.Network(nodes, edges, ["y"])
    given = network, [[1.0, 1.0]], [[1.0]]
    expected, bound = na.reference.with_bound(*given, wrt_inputs=True)
    assert (expected.inputs[0, 0] != 0, expected.inputs[0, 1]) == (True, 0.0)
    assert bound.inputs[0, 1] == 0.0
    assert np.array_equal(na.gradient(*given, wrt_inputs=True).inputs, expected.inputs)


def test_a_copy_ties_with_what_it_repeats_in_every_computation() -> None:
    """`copy` is `h1` to the last bit, so of the two the first one has the slope."""
    case = gates()
    assert bounds.share(*gradient_and_bound(case)) < 1e-10


def gradient_and_bound(case: Case) -> tuple[na.Gradient, na.Gradient]:
    return bounds.gradient_and_bound(case.network, case.x, case.targets, case.loss, False)


def test_a_tie_that_rounding_may_decide_is_allowed_for() -> None:
    """Two sums of the same numbers in another order: nobody knows which is the greater one."""
    orders = {"s": ["h0", "h1", "h2"], "t": ["h2", "h1", "h0"]}
    nodes = [na.Input("x"), *(na.Neuron(f"h{k}", "tanh", 0.1 * k) for k in range(3))]
    nodes += [na.Interneuron(name, "sum") for name in orders]
    nodes += [na.Interneuron("max", "max"), na.Neuron("y")]
    ends = [(source, name) for name, sources in orders.items() for source in sources]
    edges = [na.Synapse("x", f"h{k}", 0.3 + k) for k in range(3)]
    edges += [na.Synapse(*end) for end in [*ends, ("s", "max"), ("t", "max")]]
    network = na.Network(nodes, [*edges, na.Synapse("max", "y", 1.0)], ["y"])
    case = Case(network, np.array([[0.3]]), np.array([[1.0]]), "squared_error")
    assert bounds.share(*gradient_and_bound(case)) > 0.1
    with pytest.raises(na.BoundError):
        na.reference.with_bound(case.network, case.x, case.targets, case.loss)


@pytest.mark.parametrize("channels", ["bundled", "memory"])
def test_the_whole_gradient_is_within_the_bound_and_what_is_wrong_is_not(channels: str) -> None:
    case = gates()
    network, x, targets = case.network, case.x, case.targets
    expected, bound = na.reference.with_bound(network, x, targets, wrt_inputs=True)
    assert bounds.share(expected, bound) < 1e-10
    found = na.gradient(network, x, targets, wrt_inputs=True, channels=channels)
    assert is_within(found, expected, bound)
    assert (np.abs(found.inputs - expected.inputs) <= bound.inputs).all()
    of_interneurons = network.is_interneuron[network.targets]
    for gradient in (found, expected, bound):
        assert not gradient.weights[of_interneurons].any()
        assert not gradient.biases[network.is_interneuron].any()
    greatest = np.abs(found.weights).max()
    for k in np.flatnonzero(~of_interneurons):
        wrong = found.weights.copy()
        wrong[k] += 1e-9 * greatest
        assert not is_within(replace(found, weights=wrong), expected, bound)


def test_both_computations_are_within_half_of_it_of_the_truth() -> None:
    mp = need("mpmath").mp
    case = gates()
    network, x, targets = case.network, case.x, case.targets
    expected, bound = na.reference.with_bound(network, x, targets)
    found = na.gradient(network, x, targets)
    with mp.workdps(40):
        for k in np.flatnonzero(~network.is_interneuron[network.targets]):
            step = mp.mpf(10) ** -15
            ends = [mean_loss(mp, network, x, targets, {int(k): s * step}) for s in (-1, 1)]
            true = (ends[1] - ends[0]) / (2 * step)
            for one in (found, expected):
                gap = abs(mp.mpf(float(one.weights[k])) - true)
                assert gap <= mp.mpf(float(bound.weights[k])) / 2 + mp.mpf(10) ** -25


def mean_loss(mp, network, x, targets, shift):
    """The mean loss in numbers of 40 digits, where some weights are shifted."""
    functions = {
        "tanh": mp.tanh,
        "sigmoid": lambda z: 1 / (1 + mp.exp(-z)),
        "gelu": lambda z: z * (1 + mp.erf(z / mp.sqrt(2))) / 2,
    }
    combine = {
        "sum": mp.fsum,
        "product": mp.fprod,
        "max": max,
        "logsumexp": lambda rows: mp.log(mp.fsum(map(mp.exp, rows))),
    }
    total = mp.mpf(0)
    for row, wanted in zip(x, targets, strict=True):
        a = {
            k: mp.mpf(float(v)) for k, v in zip(np.flatnonzero(network.is_input), row, strict=True)
        }
        for k in np.argsort(network.level, kind="stable").tolist():
            edges = network.incoming.of(k).tolist()
            terms_in = [a[int(network.sources[s])] for s in edges]
            if k in network.interneurons:
                a[k] = combine[network.interneurons[k].combination](terms_in)
            elif not network.is_input[k]:
                weights = [mp.mpf(float(network.weights[s])) + shift.get(s, 0) for s in edges]
                z = mp.mpf(float(network.biases[k])) + mp.fdot(weights, terms_in)
                a[k] = functions[network.activations[k]](z)
        for k, t in zip(network.output_positions.tolist(), wanted, strict=True):
            total += (a[k] - mp.mpf(float(t))) ** 2
    return total / len(x)


@pytest.mark.parametrize("seed", few(range(20), 2))
def test_paths_through_interneurons_by_hand(seed: int) -> None:
    case = gates(batch=2, seed=seed)
    run = bounds.Pass.of(case.network, case.x, case.targets, case.loss)
    net, n = case.network, len(case.network.ids)
    paths, by_hand = np.zeros((2, n, n)), np.zeros((2, n, n))
    for level, own in zip(run.matrices.levels, run.partials, strict=True):
        if level.interneurons is not None:
            among = level.interneurons
            by_hand[:, among.followers, among.sources] = own
    has_weight = ~net.is_interneuron[net.targets]
    by_hand[:, net.targets[has_weight], net.sources[has_weight]] = net.weights[has_weight]
    for b in range(2):
        paths[b] = np.linalg.solve(np.eye(n) - by_hand[b] * run.slopes[b], by_hand[b])
    rng = np.random.default_rng(seed)
    signals, activations = np.where(net.is_input, 0.0, rng.random((2, 2, n)))
    slopes = np.abs(run.slopes)
    forward = signals + np.einsum("bmk,bk->bm", np.abs(paths), slopes * signals + activations)
    backward = activations + np.einsum("bmk,bm->bk", np.abs(paths), signals + slopes * activations)
    given = run.matrices, run.slopes
    by_paths = ByPaths(*given, True, run.partials)
    by_sizes = BySizes(*given, run.partials)
    np.testing.assert_allclose(by_paths.forward(signals, activations), forward, rtol=1e-9)
    np.testing.assert_allclose(by_paths.backward(activations, signals), backward, rtol=1e-9)
    assert (forward <= by_sizes.forward(signals, activations) * (1 + 1e-9)).all()
    assert (backward <= by_sizes.backward(activations, signals) * (1 + 1e-9)).all()


@pytest.mark.parametrize("number", range(2))
def test_any_one_number_that_is_off_is_found(number: int) -> None:
    """Of an interneuron as of a neuron, at each of its positions."""
    case = all_kinds()[number]
    mail, rng = mail_of(case), np.random.default_rng(0)
    given = case.network, case.x, case.targets, case.loss
    (found,) = each_neuron(*given, mail, True)
    assert max(found.uses().values()) < 0.6
    for name in ("activations", "urgencies", "loss_urgencies", "input_urgencies"):
        values = getattr(mail, name)
        for _ in range(5):
            where = tuple(rng.integers(size) for size in values.shape)
            wrong = values.copy()
            wrong[where] += 1e-9 * np.abs(values).max()
            (other,) = each_neuron(*given, replace(mail, **{name: wrong}), True)
            assert max(other.uses().values()) > 1, name


def test_a_combination_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = na.Combination(
        lambda x: (x * x).sum(axis=0), lambda x, a: 2 * x, lambda x, a, d: 2 * d, nothing=0.0
    )
    monkeypatch.setitem(na.COMBINATIONS, "squares", own)
    nodes = [na.Input("a"), na.Neuron("b", "tanh"), na.Interneuron("s", "squares"), na.Neuron("y")]
    edges = [na.Synapse("a", "b", 0.7), na.Synapse("a", "s"), na.Synapse("b", "s")]
    network = na.Network(nodes, [*edges, na.Synapse("s", "y", 0.3)], ["y"])
    expected, bound = na.reference.with_bound(network, [[0.4], [-1.0]], [[1.0], [2.0]])
    assert is_within(na.gradient(network, [[0.4], [-1.0]], [[1.0], [2.0]]), expected, bound)
    by_hand = 0.3 * 0.4**2 + 0.3 * np.tanh(0.28) ** 2
    np.testing.assert_allclose(expected.predictions[0, 0], by_hand, rtol=1e-14)


def test_a_product_with_the_hessian_needs_bends(monkeypatch: pytest.MonkeyPatch) -> None:
    known = na.COMBINATIONS["product"]
    monkeypatch.setitem(na.COMBINATIONS, "product", replace(known, bends=None))
    case = gates()
    direction = np.ones(len(case.network.weights)), np.ones(len(case.network.ids))
    for compute in (na.reference.hessian_vector_product, na.hessian_vector_product):
        with pytest.raises(na.InputError, match=r"needs the bends of the combination 'product'"):
            compute(case.network, case.x, case.targets, *direction)
