"""PyTorch in float64 as the oracle: gradients of random societies, and its own optimisers."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.proof.torch_oracle import torch_gradient
from neuro_actors.proof.verify import draw_case, verify

torch = need("torch")
pytestmark = pytest.mark.torch


def test_random_societies(channels: str) -> None:
    verdicts = list(verify(25, seed=500, channels=channels, torch=True))
    assert [v for v in verdicts if not v.passed] == []
    assert all({"PyTorch", "PyTorch's product"} <= set(v.differences) for v in verdicts)


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
def test_optimisers_are_torchs(ours, theirs) -> None:
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
