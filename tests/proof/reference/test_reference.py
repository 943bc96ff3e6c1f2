"""The reference itself: hand-worked, by finite differences, and its bound is neither too small nor without teeth."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.proof.random_cases import draw_case
from neuro_actors.proof.verify import verify_case


def test_worked_by_hand() -> None:
    net = na.Network([na.Input("x"), na.Neuron("y", bias=0.5)], [na.Synapse("x", "y", 2.0)], ["y"])
    gradient = na.reference.gradient(net, [[1.0], [3.0]], [[2.0], [7.0]], wrt_inputs=True)
    assert (gradient.loss, gradient.weights.tolist(), gradient.biases.tolist()) == (
        0.25,
        [-1.0],
        [0.0, 0.0],
    )
    assert gradient.inputs.tolist() == [[1.0], [-1.0]]


def test_layered_by_plain_matrices() -> None:
    net = na.Network.layered([3, 5, 2], seed=1)
    (w1, w2), (b1, b2) = net.to_matrices()
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((6, 3)), rng.standard_normal((6, 2))
    hidden = np.tanh(x @ w1.T + b1)
    difference = hidden @ w2.T + b2 - t
    back = (2 * difference @ w2) * (1 - hidden**2)
    gradient = na.reference.gradient(net, x, t, wrt_inputs=True)
    weights, biases = gradient.to_matrices()
    np.testing.assert_allclose(weights[0], back.T @ x / 6, rtol=1e-12)
    np.testing.assert_allclose(weights[1], 2 * difference.T @ hidden / 6, rtol=1e-12)
    np.testing.assert_allclose(biases[0], back.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(gradient.inputs, back @ w1 / 6, rtol=1e-12)
    np.testing.assert_allclose(gradient.loss, (difference**2).sum(axis=1).mean(), rtol=1e-14)


@pytest.mark.parametrize("seed", few(range(12), 6))
def test_every_entry_by_finite_differences(seed: int) -> None:
    case = draw_case(seed)
    net = case.network
    gradient = na.reference.gradient(net, case.x, case.targets, case.loss, wrt_inputs=True)

    def loss(weights=net.weights, biases=net.biases, x=case.x) -> float:
        return na.reference.gradient(
            net.with_parameters(weights, biases), x, case.targets, case.loss
        ).loss

    h, wrong = 1e-6, []
    for name, values, slopes in (
        ("weights", net.weights, gradient.weights),
        ("x", case.x[:3], gradient.inputs[:3]),
    ):
        for place in list(np.ndindex(values.shape))[:60]:
            step = np.zeros_like(values if name == "weights" else case.x)
            step[place] = h
            whole = net.weights if name == "weights" else case.x
            central = (loss(**{name: whole + step}) - loss(**{name: whole - step})) / (2 * h)
            wrong.append(abs(central - slopes[place]) / (1 + abs(slopes[place])))
    assert np.median(wrong) < 1e-8
    assert np.mean(np.array(wrong) < 1e-5) > 0.95  # a kink within h may spoil a few


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_the_bound_holds_against_twice_the_precision(seed: int) -> None:
    """Half the bound is one computation's error: measured against the same sums in extended precision."""
    if np.finfo(np.longdouble).eps > 1e-18:
        pytest.skip("no extended precision here")
    case = draw_case(seed)
    net = case.network
    expected, limit = na.reference.with_bound(net, case.x, case.targets, case.loss)
    a = np.zeros((len(case.x), len(net.ids)), dtype=np.longdouble)
    a[:, net.is_input] = case.x
    for k in np.argsort(net.level, kind="stable"):
        if not net.is_input[k]:
            incoming = net.incoming.of(int(k))
            z = (
                a[:, net.sources[incoming]] @ net.weights[incoming].astype(np.longdouble)
                + net.biases[k]
            )
            a[:, k] = na.ACTIVATIONS[net.activations[k]].value(z)
    exact = a[:, [net.position[name] for name in net.outputs]]
    assert (np.abs(exact - expected.predictions) <= limit.predictions / 2).all()
    assert np.median(limit.predictions) < 1e-9


def test_the_bound_has_teeth() -> None:
    """A billionth of a weight's gradient is far beyond it."""
    case = draw_case(3)
    expected, limit = na.reference.with_bound(case.network, case.x, case.targets, case.loss)
    assert np.median(limit.weights / np.maximum(np.abs(expected.weights), 1e-12)) < 1e-9
    assert verify_case(3, case).passed


def test_input_is_checked() -> None:
    net = na.Network.layered([2, 1])
    with pytest.raises(na.InputError, match="^x: expected shape"):
        na.reference.gradient(net, [1.0, 2.0], [[0.0]])
    with pytest.raises(na.InputError, match="unknown loss"):
        na.reference.gradient(net, [[1.0, 2.0]], [[0.0]], loss="l2")


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "softplus", "relu"])
def test_an_underflow_is_no_error_whatever_the_caller_has_set(activation: str) -> None:
    """Of saturated neurons. A society does not look at the caller's settings, either."""
    net = na.Network.layered([3, 6, 2], activation=activation, output_activation="sigmoid", seed=1)
    net = net.with_parameters(net.weights * 60, net.biases)
    rng = np.random.default_rng(0)
    given = net, rng.normal(size=(8, 3)) * 3, (rng.random((8, 2)) > 0.5) * 1.0, "squared_error"
    expected = na.reference.gradient(*given), na.gradient(*given)
    with np.errstate(all="raise"):
        found = na.reference.gradient(*given), na.gradient(*given)
        na.reference.with_bound(*given)
        na.reference.hessian_vector_product(*given[:3], net.weights, net.biases)
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.weights, other.weights)
