"""A residual network, and a mixture of experts, against PyTorch, in float64."""

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


def linear(n: int, m: int):
    return torch.nn.Linear(n, m, dtype=F64)


def ids(layer: str, n: int) -> list[str]:
    return [f"{layer}.{k}" for k in range(n)]


class Residual(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = linear(3, 6)
        self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(6, dtype=F64) for _ in range(3))
        self.wide = torch.nn.ModuleList(linear(6, 10) for _ in range(3))
        self.back = torch.nn.ModuleList(linear(10, 6) for _ in range(3))
        self.y = linear(6, 2)

    def forward(self, x):
        h = self.first(x)
        for norm, wide, back in zip(self.norms, self.wide, self.back, strict=True):
            h = h + back(torch.nn.functional.silu(wide(norm(h))))
        return self.y(h)


def test_a_residual_network() -> None:
    torch.manual_seed(0)
    h = L.dense(L.inputs(3), 6, name="first")
    for k in range(3):
        norm = L.layer_norm(h, name=f"norm{k}")
        h = L.residual(h, L.dense(L.dense(norm, 10, "silu", name=f"wide{k}"), 6, name=f"back{k}"))
    net = L.network(L.dense(h, 2, name="y"))
    mirror = Mirror(net, Residual()).dense(ids("first", 6), "first").dense(ids("y", 2), "y")
    for k in range(3):
        mirror.weight(ids(f"norm{k}", 6), f"norms.{k}.weight", rows=(slice(None), None))
        mirror.bias(ids(f"norm{k}", 6), f"norms.{k}.bias")
        mirror.dense(ids(f"wide{k}", 10), f"wide.{k}").dense(ids(f"back{k}", 6), f"back.{k}")
    rng = np.random.default_rng(0)
    check_all(mirror, lambda m, x: m(x), rng.normal(size=(5, 3)), rng.normal(size=(5, 2)))


class Experts(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate = linear(3, 4)
        self.hidden = torch.nn.ModuleList(linear(3, 5) for _ in range(4))
        self.out = torch.nn.ModuleList(linear(5, 2) for _ in range(4))

    def forward(self, x):
        gate = torch.softmax(self.gate(x), -1)
        said = [
            out(torch.tanh(hidden(x))) for hidden, out in zip(self.hidden, self.out, strict=True)
        ]
        return sum(gate[..., k : k + 1] * one for k, one in enumerate(said))


def experts(grid: tuple[int, ...] = ()) -> na.Network:
    x = L.inputs(3, grid)
    gate = L.softmax(L.dense(x, 4, name="gate"))
    said = []
    for k in range(4):
        out = L.dense(L.dense(x, 5, "tanh", name=f"hidden{k}"), 2, name=f"out{k}")
        said.append(L.multiply(out, gate[k : k + 1], name=f"said{k}"))
    return L.network(L.add(*said), seed=2)


@pytest.mark.parametrize("grid", [(), (3,)], ids=["one position", "tokens"])
def test_a_mixture_of_experts(grid: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    mirror = Mirror(experts(grid), Experts()).dense(ids("gate", 4), "gate")
    for k in range(4):
        mirror.dense(ids(f"hidden{k}", 5), f"hidden.{k}").dense(ids(f"out{k}", 2), f"out.{k}")
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(4, *grid, 3)), rng.normal(size=(4, *grid, 2))
    check_all(mirror, lambda m, x: m(x), x, targets)
