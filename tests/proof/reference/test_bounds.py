"""The bound of the whole gradient: valid at any depth, and so tight that what is wrong is refused."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from helpers.deep_cases import alterations, deep_case, is_within, mail_of, skipping_case
from helpers.exact_functions import ACTIVATIONS as EXACT
from helpers.exact_functions import domain
from helpers.exact_functions import exact as exact_number
from helpers.tiers import few, need
from mpmath import mpf

import neuro_actors as na
from neuro_actors.network.activations import BUILT_IN, ORIGINALS
from neuro_actors.proof.random_cases import Case
from neuro_actors.proof.reference import bounds, propagation, rounding
from neuro_actors.proof.reference.each_neuron import each_neuron
from neuro_actors.proof.reference.ellipsoids import ByEllipsoids
from neuro_actors.proof.reference.propagation import ByPaths, BySizes
from neuro_actors.proof.reference.rounding import known_sum_error

ACTIVATIONS = [
    "identity",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "softplus",
    "elu",
    "gelu",
    "sin",
]
DEPTHS, WIDTHS = (5, 10, 30, 50, 100, 200), (1, 3, 10, 30, 100)
CHEAP = [(5, 1), (30, 3), (5, 10), (30, 10)]
SHAPES = [*CHEAP, *(s for s in product(DEPTHS, WIDTHS) if s not in CHEAP and s[0] * s[1] < 3000)]
# of the largest networks some samples; elu, in which rounding grows most, at each shape
LARGE = [
    *[("gelu", 30, 100), ("sigmoid", 30, 100), ("leaky_relu", 30, 100), ("gelu", 100, 30)],
    *[("elu", 50, 100), ("gelu", 50, 100), ("identity", 50, 100), ("softplus", 50, 100)],
    *[("elu", 100, 100), ("gelu", 100, 100), ("relu", 100, 100), ("sin", 100, 100)],
    *[("elu", 200, 30), ("gelu", 200, 30), ("leaky_relu", 200, 30), ("sigmoid", 200, 30)],
    ("tanh", 200, 100),
]


def check_alterations(gradient: na.Gradient, expected: na.Gradient, bound: na.Gradient) -> None:
    """A gradient is within the bound of what is expected, and what is wrong with it is not."""
    assert is_within(gradient, expected, bound)
    for what, wrong in alterations(gradient):
        same = np.array_equal(wrong.weights, gradient.weights)
        same &= np.array_equal(wrong.biases, gradient.biases)  # of 0 the sign is not turned
        assert same or not is_within(wrong, expected, bound), what


def check_what_is_refused(case: Case, may_be_too_deep: bool) -> None:
    """By each neuron's bound in any case, and by the bound of the whole where it proves something."""
    mail = mail_of(case, wrt_inputs=False)
    (found,) = each_neuron(case.network, case.x, case.targets, case.loss, mail)
    assert max(found.uses().values()) < 0.6
    gradient = mail.gradient(case.network)
    check_alterations(gradient, *found.gradients(case.network))
    try:
        whole = na.reference.with_bound(case.network, case.x, case.targets)
    except na.BoundError:
        assert may_be_too_deep
        return
    check_alterations(gradient, *whole)
    check_alterations(whole[0], *whole)


@pytest.mark.parametrize(("depth", "width"), few(SHAPES, len(CHEAP)))
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_is_wrong_is_refused_at_any_depth(activation: str, depth: int, width: int) -> None:
    case = deep_case(activation, depth, width)
    check_what_is_refused(case, may_be_too_deep=False)


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "depth", "width"), LARGE)
def test_what_is_wrong_is_refused_in_large_networks(
    activation: str, depth: int, width: int
) -> None:
    case = deep_case(activation, depth, width, batch=2 if depth < 200 else 1)
    check_what_is_refused(case, activation == "elu" and depth >= 100)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("activation", ["elu", "gelu"])
def test_rounding_that_grows_with_depth(activation: str, seed: int) -> None:
    """These are bounded by the signs of what bends slopes: by sizes elu of (50, 30) was too deep."""
    for depth, width in ((10, 30), (30, 10), (50, 10), (100, 3), (50, 30)):
        check_what_is_refused(deep_case(activation, depth, width, seed), may_be_too_deep=False)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_other_losses_and_outputs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    loss = str(rng.choice(["huber", "cross_entropy", "softmax_cross_entropy", "kl_divergence"]))
    output = "sigmoid" if loss in ("cross_entropy", "kl_divergence") else "identity"
    case = deep_case(str(rng.choice(ACTIVATIONS[1:4])), 40, 5, seed, loss=loss, output=output)
    targets = case.targets / case.targets.sum(axis=1, keepdims=True)
    given = case.network, case.x, targets, loss
    expected, bound = na.reference.with_bound(*given)
    assert is_within(na.gradient(*given), expected, bound)
    for what, wrong in alterations(expected):
        assert not is_within(wrong, expected, bound), what


def test_it_grows_with_depth_no_faster_than_errors_do() -> None:
    """It was 3e-7 of the greatest entry at depth 10, and 3e11 at depth 30."""
    shares = {}
    for depth in (10, 30, 100):
        case = deep_case("tanh", depth, 6)
        found = na.reference.with_bound(case.network, case.x, case.targets)
        shares[depth] = bounds.share(*found)
    assert max(shares.values()) < 1e-10, shares


@pytest.mark.parametrize("seed", few(range(30), 4))
def test_paths_carry_errors_as_products_of_matrices_do(seed: int) -> None:
    """T by hand: of each neuron's small change, what happens to all signals."""
    case = skipping_case(6, 3, seed, batch=2)
    run = bounds.Pass.of(case.network, case.x, case.targets, case.loss)
    n = len(case.network.ids)
    paths = np.zeros((2, n, n))
    for b in range(2):
        weights = np.zeros((n, n))
        weights[case.network.targets, case.network.sources] = case.network.weights
        paths[b] = np.linalg.solve(np.eye(n) - weights * run.slopes[b], weights)
    rng = np.random.default_rng(seed)
    signals, activations = np.where(case.network.is_input, 0.0, rng.random((2, 2, n)))
    slopes = np.abs(run.slopes)
    forward = signals + np.einsum("bmk,bk->bm", np.abs(paths), slopes * signals + activations)
    backward = activations + np.einsum("bmk,bm->bk", np.abs(paths), signals + slopes * activations)
    by_paths, by_sizes = ByPaths(run.matrices, run.slopes), BySizes(run.matrices, run.slopes)
    np.testing.assert_allclose(by_paths.forward(signals, activations), forward, rtol=1e-9)
    np.testing.assert_allclose(by_paths.backward(activations, signals), backward, rtol=1e-9)
    assert (forward <= by_sizes.forward(signals, activations) * (1 + 1e-9)).all()
    assert (backward <= by_sizes.backward(activations, signals) * (1 + 1e-9)).all()


@pytest.mark.parametrize("seed", few(range(30), 4))
def test_ellipsoids_contain_what_paths_carry(seed: int) -> None:
    """For paths are what errors of the worst signs do."""
    case = skipping_case(12, 4, seed) if seed % 2 else deep_case("gelu", 12, 9, seed)
    run = bounds.Pass.of(case.network, case.x, case.targets, case.loss)
    signals, activations = np.random.default_rng(seed).random((2, *run.z.shape)) ** 20 * 1e-200
    signals[:, case.network.is_input] = activations[:, case.network.is_input] = 0.0
    by_paths, others = ByPaths(run.matrices, run.slopes), ByEllipsoids(run.matrices, run.slopes)
    for way in ("forward", "backward"):
        least = getattr(by_paths, way)(signals, activations)
        found = getattr(others, way)(signals, activations)
        assert (found >= least * (1 - 1e-12)).all()
        assert found.sum() <= 10 * least.sum()


@pytest.mark.parametrize("seed", few(range(30), 4))
def test_bent_slopes_by_hand(seed: int) -> None:
    """Of each neuron's small error, how it bends slopes, and what that does to all derivatives."""
    case = skipping_case(6, 3, seed, batch=2)
    run = bounds.Pass.of(case.network, case.x, case.targets, case.loss)
    n, net, rng = len(case.network.ids), case.network, np.random.default_rng(seed)
    signals, activations = np.where(net.is_input, 0.0, rng.random((2, 2, n)))
    bends, loss_bends = np.where(net.is_input, 0.0, rng.standard_normal((2, 2, n)))
    da, dz = np.zeros((2, 2, n))
    for b in range(2):
        weights = np.zeros((n, n))
        weights[net.targets, net.sources] = net.weights
        by_activation = np.linalg.inv(np.eye(n) - run.slopes[b][:, None] * weights)
        by_signal = weights @ by_activation
        made = bends[b][:, None] * by_signal
        back = np.linalg.solve(
            np.eye(n) - weights.T * run.slopes[b],
            weights.T @ made + loss_bends[b][:, None] * by_activation,
        )
        errors = np.abs(run.slopes[b]) * signals[b] + activations[b]
        da[b] = np.abs(back) @ errors
        dz[b] = np.abs(run.slopes[b][:, None] * back + made) @ errors
    given = signals, activations, bends, loss_bends
    for ours, exact in zip(ByPaths(run.matrices, run.slopes).bent(*given), (da, dz), strict=True):
        np.testing.assert_allclose(ours, exact, rtol=1e-9)
    for way in (BySizes, ByEllipsoids):
        for ours, least in zip(way(run.matrices, run.slopes).bent(*given), (da, dz), strict=True):
            assert (ours >= least * (1 - 1e-12)).all()


@pytest.mark.parametrize(
    ("activation", "depth", "width"),
    few([("elu", 30, 10), ("gelu", 10, 30), ("elu", 100, 30), ("softplus", 50, 10)], 1),
)
def test_roundings_of_the_worst_signs_do_a_good_part_of_it(
    activation: str, depth: int, width: int
) -> None:
    """So no bound that holds for sums in any order could be much smaller."""
    case = deep_case(activation, depth, width, batch=1)
    net, given = case.network, (case.x, case.targets)
    run = bounds.Pass.of(net, *given, case.loss)
    expected, bound = bounds.gradient_and_bound(net, *given, case.loss, False)
    terms = run.matrices.into([np.abs(w) for w in run.matrices.weights], np.abs(run.a))
    made = known_sum_error(net.incoming.sizes, terms + np.abs(net.biases), np.abs(run.z))
    made = np.where(net.is_input, 0.0, made)[0]
    use = 0.0
    for k in np.argsort(bound.weights)[-3:]:
        one = np.eye(1, len(net.weights), k)[0]
        by_bias = na.reference.hessian_vector_product(net, *given, one, np.zeros(len(net.ids)))
        shift = 1e3 * np.sign(by_bias.biases) * made  # far above the rounding of this test
        moved = na.reference.gradient(net.with_parameters(net.weights, net.biases + shift), *given)
        change = abs(moved.weights[k] - expected.weights[k]) / 1e3
        assert change <= 1.01 * bound.weights[k]
        use = max(use, change / bound.weights[k])
    assert use > 0.2


def test_paths_are_computed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    case = deep_case("sin", 12, 5)
    run = bounds.Pass.of(case.network, case.x, case.targets, case.loss)
    whole = bounds.errors_of(run, ByPaths(run.matrices, run.slopes))
    monkeypatch.setattr(propagation, "CHUNK", 1000)
    monkeypatch.setattr(propagation, "HELD", 0)
    pieces = bounds.errors_of(run, ByPaths(run.matrices, run.slopes))
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_a_network_that_is_too_deep_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chaos: weights so large that each level multiplies a difference."""
    net = na.Network.layered([3, *[20] * 30, 1], "sin", seed=0)
    net = net.with_parameters(5 * net.weights, net.biases)
    x, targets = np.ones((2, 3)), np.zeros((2, 1))
    with pytest.raises(
        na.BoundError, match=r"^too deep to compare as a whole: rounding may change"
    ):
        na.reference.with_bound(net, x, targets)
    bound = na.reference.bound(net, x, targets)  # it tells the numbers all the same
    gradient = na.reference.gradient(net, x, targets)
    assert bound.weights.max() > 1e-9 * np.abs(gradient.weights).max()
    assert not np.isnan(bound.weights).any()
    # as is a network that is too large for sums over paths
    case = deep_case("tanh", 60, 6)
    monkeypatch.setattr(bounds, "AFFORDABLE", 0)
    monkeypatch.setattr(bounds, "CHEAP", 0)
    with pytest.raises(na.BoundError):
        na.reference.with_bound(case.network, case.x, case.targets)


def test_a_neuron_that_is_known_to_be_silent_has_one_slope() -> None:
    """At an argument that is exact a kink is no error: x is 0, so z is 0, and relu'(0) is 0."""
    net = na.Network.from_matrices(
        [[[1.0]], [[1.0], [2.0]]], [[0.0], [0.0, 0.5]], ["relu", "identity"]
    )
    expected, bound = na.reference.with_bound(net, [[0.0]], [[1.0, 0.0]])
    assert not expected.weights.any()
    assert not bound.weights.any()
    assert bound.biases[net.position[net.ids[1]]] == 0.0


def test_a_function_with_a_wrong_slope_widens_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The activation moves as f does, whatever its slope says."""
    monkeypatch.setitem(
        na.ACTIVATIONS,
        "steep",
        na.Activation(lambda z: 100.0 * np.tanh(z), lambda z, a: np.ones_like(z)),
    )
    net = na.Network.layered([3, 5, 1], "steep", seed=1)
    rng = np.random.default_rng(0)
    x, targets = rng.standard_normal((4, 3)), rng.standard_normal((4, 1))
    by_hand = na.reference.bound(net, x, targets)
    right = na.Activation(lambda z: 100.0 * np.tanh(z), lambda z, a: 100.0 - a * a / 100.0)
    monkeypatch.setitem(na.ACTIVATIONS, "steep", right)
    assert (by_hand.predictions >= 0.5 * na.reference.bound(net, x, targets).predictions).all()


@pytest.mark.parametrize("loss", ["cross_entropy", "kl_divergence"])
@pytest.mark.parametrize("followed", [False, True])
def test_an_output_that_is_nearly_sure(loss: str, followed: bool) -> None:
    """The loss's slope is 1e9 and the sigmoid's 1e-9: each errs much of itself, their product does not."""
    net = na.Network(
        [na.Input("x"), na.Neuron("y", "sigmoid"), na.Neuron("z", "sigmoid")],
        [na.Synapse("x", "y", 20.0), na.Synapse("y" if followed else "x", "z", 1.5)],
        ["y", "z"],
    )
    given = net, [[1.0], [-1.0], [0.3]], [[0.0, 1.0], [1.0, 0.5], [0.5, 0.0]], loss
    expected, bound = na.reference.with_bound(*given)
    assert bounds.share(expected, bound) < 1e-12  # it was 1e-7
    assert is_within(na.gradient(*given), expected, bound)


def test_products_below_all_floats_are_within_half_of_it_of_the_truth() -> None:
    """An underflow loses up to half of the least float, whatever the size of what underflows."""
    net = na.Network.from_matrices([[[0.75]]], [[0.0]], ["identity"])
    x, targets = np.array([[2.0], [3.0], [7.0]]) * 1e-162, np.array([[9.0], [2.0], [5.0]]) * 1e-162
    expected, bound = bounds.gradient_and_bound(net, x, targets, "squared_error", False)
    a, t = ([Fraction(float(value)) for value in values.ravel()] for values in (x, targets))
    exact = sum(2 * (a[k] * 3 / 4 - t[k]) * a[k] for k in range(3)) / 3
    assert (
        abs(Fraction(float(expected.weights[0])) - exact) <= Fraction(float(bound.weights[0])) / 2
    )
    assert 0 < bound.weights[0] < 1e-322


@pytest.mark.parametrize("name", ["sigmoid", "elu", "softplus", "leaky_relu", "gelu", "tanh"])
def test_the_last_bit_of_a_result_that_is_nearly_0_is_not_sure(name: str) -> None:
    function = na.ACTIVATIONS[name]
    z = np.array([-744.0, -37.0, -1e-321, 0.0])
    a = function.value(z)
    error = rounding.value_error(function, z, a)
    assert (error[a != 0] >= 2.0**-1074).all()
    assert (error[a == 0] == 0).all() or name == "gelu"  # which errs by a share of z
    slope, slope_error = function.slope(z, a), rounding.sent_slope_error(function, z, a, 0 * z)
    assert (slope_error[slope != 0] >= 2.0**-1074).all() or name == "leaky_relu"


ERRORS = [1e-9, 1e-4, 0.02, 0.1, 0.3, 1.0, np.pi, 10.0]
BY_WHAT_IT_MOVES = {  # each by the function, the arguments and their errors
    "value": rounding.value_moved,
    "slope": rounding.slope_error,
    "curvature": rounding.curvature_error,
}


def check_changes(name: str, error: float) -> None:
    """No change of a function within an error, or beside its tangent, is larger than the bound."""
    function = ORIGINALS[name]
    z = np.concatenate([np.linspace(-6, 6, 121), error * np.linspace(-2.2, 2.2, 33)])
    z = domain(name, z[z != 0])  # at 0 some have no value
    d, errors = np.linspace(-error, error, 201), np.full_like(z, error)
    kinds = derivatives(name)
    here = [f(z) for f in kinds]
    with np.errstate(all="ignore"):
        there = [f(z[:, None] + d) for f in kinds]
    for f, (kind, bound) in enumerate(BY_WHAT_IT_MOVES.items()):
        change = np.abs(there[f] - here[f][:, None]).max(axis=1)
        limit = bound(function, z, errors)
        lost = np.isnan(change)
        assert np.isinf(limit[lost]).all(), (name, kind)
        assert (change <= limit + 1e-14 * (1 + np.abs(here[f])))[~lost].all(), (name, kind)
    lines = (
        (here[1], rounding.remainder(function, z, here[0], here[1], errors)),
        rounding.slope_line(function, z, here[0], errors)[:2],
    )
    for f, (bend, limit) in enumerate(lines):
        rest = np.abs(there[f] - here[f][:, None] - bend[:, None] * d).max(axis=1)
        lost = np.isnan(rest)
        assert np.isinf(limit[lost]).all(), (name, f)
        slack = 1e-14 * (1 + np.abs(there[f]).max(axis=1))
        assert (rest <= limit + slack)[~lost].all(), (name, f)


def derivatives(name: str) -> tuple[Callable[[np.ndarray], np.ndarray], ...]:
    function = ORIGINALS[name]
    curvature = function.curvature
    assert curvature is not None
    return (
        function.value,
        lambda z: function.slope(z, function.value(z)),
        lambda z: curvature(z, function.value(z)),
    )


@pytest.mark.parametrize("error", ERRORS)
def test_no_change_within_an_error_is_larger_than_its_bound(error: float) -> None:
    """Of any function of the table, its slope and its curvature, though it turns, jumps or ends there."""
    for name in ORIGINALS:
        check_changes(name, error)


def test_an_error_that_reaches_where_a_function_ends_has_no_bound() -> None:
    z, error = np.array([0.3, 0.3, 0.0]), np.array([0.1, 0.2, 0.0])
    for name in ("log", "sqrt", "rsqrt", "reciprocal"):
        for bound in BY_WHAT_IT_MOVES.values():
            limit = bound(ORIGINALS[name], z[:2], error[:2])
            assert np.isfinite(limit).tolist() == [True, False], name
    assert rounding.value_moved(ORIGINALS["sqrt"], z, error)[2] == 0.0  # known exactly
    wide = rounding.slope_error(ORIGINALS["exp"], np.array([700.0]), np.array([10.0]))
    assert np.isinf(wide).all()


@pytest.mark.parametrize("steepest", [1.0, 2.5])
def test_a_smaller_steepness_is_too_little(steepest: float, monkeypatch) -> None:
    """Softsign's curvature jumps at 0, and changes six times as fast as its argument beside that."""
    monkeypatch.setattr(rounding, "STEEPEST", steepest)
    with pytest.raises(AssertionError):
        for error in ERRORS:
            check_changes("softsign", error)


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_two_evaluations_err_is_within_the_bound(name: str) -> None:
    """Each beside the truth by half of it; and 100 of its last bits are not."""
    function, exact_at = ORIGINALS[name], EXACT[name]
    z = domain(name, np.concatenate([np.linspace(-12, 12, 97), np.geomspace(1e-8, 6, 40)]))
    zeros, a = np.zeros_like(z), function.value(z)
    slope = function.slope(z, a)
    bounds_of = (
        rounding.value_error(function, z, a),
        rounding.slope_error(function, z, zeros),
        rounding.curvature_error(function, z, zeros),
    )
    assert (rounding.sent_slope_error(function, z, a, zeros) <= bounds_of[1] + 1e-300).all()
    found = (a, slope, derivatives(name)[2](z))
    for kind, numbers, right, limit in zip("vsc", found, exact_at, bounds_of, strict=True):
        gaps = np.array(
            [
                float(abs(exact_number(right, at) - mpf(n)))
                for n, at in zip(numbers.tolist(), z, strict=True)
            ]
        )
        assert (gaps <= limit / 2).all(), (name, kind, z[np.argmax(gaps - limit / 2)])
        large = np.abs(numbers) >= 1.0
        if not rounding.is_linear(function):
            off = 100 * rounding.EPS * np.abs(numbers)
            assert (off > limit)[large].all(), (name, kind)


def test_wide_networks_are_compared() -> None:
    """A sum of 3,000 terms errs by more than one of 100; that is no matter of depth."""
    net = na.Network.layered([3000, 20, 3], seed=0)
    rng = np.random.default_rng(0)
    x, targets = rng.random((4, 3000)), rng.random((4, 3))
    expected, bound = na.reference.with_bound(net, x, targets)
    assert is_within(na.gradient(net, x, targets), expected, bound)
    assert 1e-9 < bounds.greatest_share(expected) < 2e-8


def exact_weights(case, mp) -> list:
    """∂loss/∂weight of each synapse, by the chain rule in 50 digits; tanh and identity, squared error."""
    net, batch = case.network, len(case.x)
    order = np.argsort(net.level, kind="stable").tolist()
    total = [mp.mpf(0)] * len(net.weights)
    for x, targets in zip(case.x, case.targets, strict=True):
        a = {int(k): mp.mpf(float(v)) for k, v in zip(np.flatnonzero(net.is_input), x, strict=True)}
        slope = {}
        for k in order:
            if not net.is_input[k]:
                z = mp.mpf(float(net.biases[k])) + mp.fsum(
                    mp.mpf(float(net.weights[s])) * a[int(net.sources[s])]
                    for s in net.incoming.of(k)
                )
                a[k] = mp.tanh(z) if net.activations[k] == "tanh" else z
                slope[k] = 1 - a[k] ** 2 if net.activations[k] == "tanh" else mp.mpf(1)
        da = dict.fromkeys(order, mp.mpf(0))
        for k, t in zip(net.output_positions.tolist(), targets, strict=True):
            da[k] += 2 * (a[k] - mp.mpf(float(t)))
        for k in reversed(order):
            if not net.is_input[k]:
                dz = da[k] * slope[k]
                for s in net.incoming.of(k).tolist():
                    source = int(net.sources[s])
                    total[s] += dz * a[source] / batch
                    da[source] += dz * mp.mpf(float(net.weights[s]))
    return total


@pytest.mark.parametrize(
    "case",
    few([deep_case("tanh", 30, 3, 1, batch=2), skipping_case(30, 3), deep_case("tanh", 200, 2)], 1),
    ids=["30", "30 with skips", "200"],
)
def test_both_computations_are_within_half_of_it_of_the_truth(case) -> None:
    """The bound allows each computation its own roundings, which are half of all."""
    mp = need("mpmath").mp
    given = case.network, case.x, case.targets
    expected, bound = na.reference.with_bound(*given)
    with mp.workdps(50):
        exact = exact_weights(case, mp)
        for found in (expected.weights, na.gradient(*given).weights):
            for one, true, limit in zip(found, exact, bound.weights, strict=True):
                assert abs(mp.mpf(float(one)) - true) <= mp.mpf(float(limit)) / 2
