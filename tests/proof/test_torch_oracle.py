"""PyTorch in float64 as the oracle: gradients of random societies, and its own optimizers."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest
from helpers.deep_cases import deep_case, is_within
from helpers.tiers import few, need

import neuro_actors as na
from neuro_actors.network.masks import masked_again
from neuro_actors.proof.any_cases import TAME, draw_any_case
from neuro_actors.proof.random_cases import Case, draw_case
from neuro_actors.proof.torch_oracle import torch_gradient
from neuro_actors.proof.verify import verify

torch = need("torch")
pytestmark = pytest.mark.torch


def test_random_societies(channels: str) -> None:
    verdicts = list(verify(25, seed=500, channels=channels, torch=True))
    assert [v for v in verdicts if not v.passed] == []
    assert all({"PyTorch", "PyTorch's product"} <= set(v.differences) for v in verdicts)


# One engine for each draw: that both give the same bits is tested in tests/channels.
@pytest.mark.parametrize(
    ("first", "channels"),
    few(zip(range(0, 500, 10), cycle(["bundled", "memory"]), strict=False), 2),
)
def test_random_societies_of_any_kind(first: int, channels: str) -> None:
    for verdict in verify(10, seed=first, channels=channels, torch=True, any_kind=True):
        assert (verdict.failure, verdict.passed) == (None, True), (verdict.seed, verdict)
        assert "PyTorch" in {*verdict.differences, *verdict.too_deep}


@pytest.mark.parametrize("name", few([*TAME, "silu", "softsign", "hardtanh", "hardsigmoid"], 2))
def test_a_wrong_slope_of_any_function_is_found(name: str, monkeypatch) -> None:
    """By a millionth of a millionth: what computes with the same table cannot see it."""
    right = na.ACTIVATIONS[name]
    drawn = (draw_any_case(seed) for seed in range(1000))
    cases = (case for case in drawn if name in case.network.activations)

    def agrees(case: Case) -> bool:
        net, x, targets, loss = case.network, case.x, case.targets, case.loss
        found = torch_gradient(net, x, targets, loss, step=1)
        given = net, x, masked_again(targets), loss
        return is_within(found, *na.reference.with_bound(*given, step=1))

    proving = []
    for case in cases:
        with suppress(na.BoundError):
            assert agrees(case)
            proving.append(case)
        if len(proving) == 5:
            break
    wrong = replace(right, slope=lambda z, a: right.slope(z, a) * (1 + 1e-12))
    monkeypatch.setitem(na.ACTIVATIONS, name, wrong)
    assert not all(agrees(case) for case in proving)


def test_a_probability_near_1_is_compared_by_its_logit() -> None:
    """PyTorch's own binary cross-entropy divides by at least 1e-12."""
    (verdict,) = verify(1, seed=249, channels="bundled", torch=True, any_kind=True)
    assert verdict.passed
    assert verdict.differences["PyTorch"] < 0.1


def test_of_equals_the_first_is_the_greatest() -> None:
    """As documented of a maximum, and as `torch.max` along an axis; `amax` would share."""
    nodes = [na.Input("a"), na.Input("b"), na.Interneuron("y", "max")]
    network = na.Network(nodes, [na.Synapse("b", "y"), na.Synapse("a", "y")], ["y"])
    given = network, np.array([[2.0, 2.0], [1.0, 2.0], [2.0, 1.0]]), np.zeros((3, 1))
    found = torch_gradient(*given).inputs
    assert (found != 0).tolist() == [[False, True], [False, True], [True, False]]
    for other in (
        na.gradient(*given, wrt_inputs=True),
        na.reference.gradient(*given, wrt_inputs=True),
    ):
        np.testing.assert_allclose(other.inputs, found, rtol=1e-15)


def test_the_oracle_is_no_copy_of_the_reference() -> None:
    case = draw_case(5)
    expected = na.reference.gradient(case.network, case.x, case.targets, case.loss, wrt_inputs=True)
    found = torch_gradient(case.network, case.x, case.targets, case.loss)
    assert not np.array_equal(expected.weights, found.weights)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            na.SGD(0.05, momentum=0.9, weight_decay=0.01),
            lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01),
        ),
        (na.Adam(0.01), lambda p: torch.optim.Adam(p, lr=0.01)),
        (
            na.Adam(0.02, beta1=0.8, weight_decay=0.1),
            lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.8, 0.999), weight_decay=0.1),
        ),
    ],
    ids=["SGD", "Adam", "Adam with weight decay"],
)
def test_optimizers_are_torchs(ours, theirs) -> None:
    rng = np.random.default_rng(0)
    start, urgencies = rng.standard_normal(20), rng.standard_normal((30, 20))
    parameters, state = start, ours.start(20)
    tensor = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = theirs([tensor])
    for count, urgency in enumerate(urgencies, 1):
        parameters, state = ours.update(parameters, urgency, state, count)
        tensor.grad = torch.tensor(-urgency)
        optimizer.step()
        np.testing.assert_allclose(parameters, tensor.detach().numpy(), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "elu", "gelu"])
def test_at_depth_50_to_1e_12(activation: str) -> None:
    """Of the greatest entry: beyond it the comparison would be of two roundings."""
    case = deep_case(activation, 50, 6)
    found = na.gradient(case.network, case.x, case.targets, wrt_inputs=True)
    other = torch_gradient(case.network, case.x, case.targets)
    for name in ("weights", "biases", "inputs", "predictions"):
        one, two = getattr(found, name), getattr(other, name)
        assert np.abs(one - two).max() <= 1e-12 * np.abs(two).max(), name
    expected, bound = na.reference.with_bound(case.network, case.x, case.targets)
    assert is_within(other, expected, bound)
