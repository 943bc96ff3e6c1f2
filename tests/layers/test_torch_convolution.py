"""Convolutions and poolings against PyTorch's, in float64: stride, padding, dilation, groups, ties."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.tiers import need
from helpers.torch_mirror import Mirror, check_all

import neuro_actors as na

torch = need("torch")
pytestmark = pytest.mark.torch
L = na.layers
F64 = torch.float64


def ids(layer: str, n: int) -> list[str]:
    return [f"{layer}.{k}" for k in range(n)]


def from_ours(x):
    """(batch, *positions, channels) to (batch, channels, *positions)."""
    return torch.movedim(x, -1, 1)


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
    """And what it says at each position is a prediction of its own."""
    how = dict(how)
    kernel = how.pop("kernel", 3)
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 4, kernel, dtype=F64, **how))
    x = L.inputs(2, positions=(6, 5))
    net = L.network(L.conv2d(x, 4, kernel, name="c", **how), seed=0)
    mirror = Mirror(net, module)
    rows = (slice(None),)
    mirror.weight(ids("c", 4), "0.weight", rows=rows)
    if how.get("bias", True):
        mirror.bias(ids("c", 4), "0.bias")
    rng = np.random.default_rng(1)
    out = net.output_grid
    x, targets = rng.normal(size=(3, 6, 5, 2)), rng.normal(size=(3, *out, 4))
    check_all(mirror, lambda m, x: torch.movedim(m(from_ours(x)), 1, -1), x, targets)


def small_net(pool: str) -> Mirror:
    """conv, relu, pool, conv, relu, pool, flatten, dense."""
    torch.manual_seed(1)
    pooling = {"max": torch.nn.MaxPool2d, "mean": torch.nn.AvgPool2d}[pool]
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, padding=1, dtype=F64), torch.nn.ReLU(), pooling(2),
        torch.nn.Conv2d(3, 4, 3, dtype=F64), torch.nn.ReLU(), pooling(2, 1, 1),
        torch.nn.Flatten(), torch.nn.Linear(4 * 5 * 4, 3, dtype=F64),
    )  # fmt: skip
    made = {"max": L.max_pool, "mean": L.mean_pool}[pool]
    h = L.conv2d(L.inputs(1, (12, 10)), 3, 3, "relu", padding=1)
    h = L.conv2d(made(h, 2), 4, 3, "relu")
    h = L.flatten(made(h, 2, 1, 1))
    net = L.network(L.dense(h, 3, name="y"), seed=0)
    return (
        Mirror(net, module)
        .dense(ids("conv1", 3), "0")
        .dense(ids("conv2", 4), "3")
        .dense(ids("y", 3), "7")
    )


@pytest.mark.parametrize("pool", ["max", "mean"])
def test_a_small_convolutional_network(pool: str) -> None:
    mirror = small_net(pool)
    rng = np.random.default_rng(2)
    x, targets = rng.normal(size=(2, 12, 10, 1)), np.eye(3)[[0, 2]]
    check_all(mirror, lambda m, x: m(from_ours(x)), x, targets, "softmax_cross_entropy")


@pytest.mark.parametrize("how", [(2, None, 0), (3, 1, 1), ((2, 3), (1, 2), (1, 0))])
@pytest.mark.parametrize("levels", [2, 3])
def test_ties_of_the_greatest(how: tuple, levels: int) -> None:
    """Inputs have few values, so that many are equal: the first one of a window gets the urgency, as in PyTorch."""
    net = L.network(L.max_pool(L.inputs(1, (6, 7)), *how))
    x = np.random.default_rng(levels).integers(0, levels, (5, 6, 7, 1)).astype(float)
    targets = np.random.default_rng(0).normal(size=(5, *net.output_grid, 1))
    found = na.gradient(net, x, targets, wrt_inputs=True)
    given = torch.tensor(x, requires_grad=True)
    said = torch.movedim(torch.nn.functional.max_pool2d(from_ours(given), *how), 1, -1)
    (((said - torch.tensor(targets)) ** 2).sum() / 5).backward()
    np.testing.assert_allclose(found.inputs, given.grad.numpy(), rtol=1e-14, atol=1e-15)


def test_mean_over_all_positions_and_one_position() -> None:
    x = L.inputs(2, (3, 4))
    net = L.network(L.mean_pool(x), L.max_pool(x), L.at(x, (2, 1)))
    values = np.random.default_rng(0).normal(size=(2, 3, 4, 2))
    expected = [values.mean((1, 2)), values.max((1, 2)), values[:, 2, 1]]
    np.testing.assert_allclose(na.predict(net, values), np.concatenate(expected, 1), rtol=1e-14)


def test_a_tap_that_is_shifted_is_found() -> None:
    mirror = small_net("max")
    part = mirror.parts[0]
    mirror.parts[0] = (part[0], np.roll(part[1], 1, axis=1), *part[2:])
    rng = np.random.default_rng(2)
    with pytest.raises(AssertionError):
        check_all(
            mirror, lambda m, x: m(from_ours(x)), rng.normal(size=(2, 12, 10, 1)), np.eye(3)[[0, 2]]
        )
