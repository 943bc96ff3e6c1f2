"""Convolutions and poolings against PyTorch's, in float64: stride, padding, dilation, groups, ties."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.tiers import need
from helpers.torch_mirror import Mirror, check_case

import neuro_actors as na

torch = need("torch")
from helpers.torch_architectures import F64, Case, channels_first, conv_net, ids, numbers  # noqa: E402

pytestmark = pytest.mark.torch
L = na.layers


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"padding": 1},
        {"stride": 2, "padding": (1, 0)},
        {"dilation": 2, "padding": 2},
        {"groups": 2, "stride": (1, 2)},
        {"bias": False, "padding": 1},
        {"kernel": (1, 1)},
        {"kernel": (2, 3), "stride": (2, 1), "dilation": (1, 2), "padding": (1, 2), "groups": 2},
    ],
    ids=lambda how: " ".join(how) or "plain",
)
def test_conv2d(how: dict) -> None:
    """What it says at each position is a prediction of its own."""
    how = dict(how)
    kernel = how.pop("kernel", 3)
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 4, kernel, dtype=F64, **how))
    net = L.network(L.conv2d(L.inputs(2, (6, 5)), 4, kernel, name="c", **how), seed=0)
    mirror = Mirror(net, module).weight(ids("c", 4), "0.weight")
    if how.get("bias", True):
        mirror.bias(ids("c", 4), "0.bias")
    x, targets = numbers(1, (3, 6, 5, 2), (3, *net.output_grid, 4))
    check_case(Case(mirror, lambda m, x: torch.movedim(m(channels_first(x)), 1, -1), x, targets))


@pytest.mark.parametrize("pool", ["max", "mean"])
def test_a_small_convolutional_network(pool: str) -> None:
    check_case(conv_net(pool))


@pytest.mark.parametrize("how", [(2, None, 0), (3, 1, 1), ((2, 3), (1, 2), (1, 0))])
@pytest.mark.parametrize("levels", [2, 3])
def test_ties_of_the_greatest(how: tuple, levels: int) -> None:
    """Inputs have few values, so that many are equal: the first one of a window gets the urgency, as in PyTorch."""
    net = L.network(L.max_pool(L.inputs(1, (6, 7)), *how))
    x = np.random.default_rng(levels).integers(0, levels, (5, 6, 7, 1)).astype(float)
    targets = np.random.default_rng(0).normal(size=(5, *net.output_grid, 1))
    found = na.gradient(net, x, targets, wrt_inputs=True)
    given = torch.tensor(x, requires_grad=True)
    said = torch.movedim(torch.nn.functional.max_pool2d(channels_first(given), *how), 1, -1)
    (((said - torch.tensor(targets)) ** 2).sum() / 5).backward()
    np.testing.assert_allclose(found.inputs, given.grad.numpy(), rtol=1e-14, atol=1e-15)


def test_a_tap_that_is_shifted_is_found() -> None:
    case = conv_net("max")
    part = case.mirror.parts[0]
    case.mirror.parts[0] = (part[0], np.roll(part[1], 1, axis=1), *part[2:])
    with pytest.raises(AssertionError):
        check_case(case)
