"""Recurrent layers against PyTorch's, in float64.

PyTorch has two biases where a neuron has one. So the second one is 0 and does not learn there, but for the part of a
GRU's that is inside the gate: it is a bias of its own here, too.
"""

from __future__ import annotations

import numpy as np
import pytest
from helpers.tiers import need
from helpers.torch_mirror import Mirror, check_all

import neuro_actors as na

torch = need("torch")
pytestmark = pytest.mark.torch
L = na.layers
GATES = {
    "rnn": [("{}.{}",)],
    "gru": [("{}.reset{}",), ("{}.update{}",), ("{}.new{}", "{}.past{}")],
    "lstm": [("{}.input{}",), ("{}.forget{}",), ("{}.cell{}",), ("{}.output{}",)],
}


class Stack(torch.nn.Module):
    def __init__(self, kind: str, inputs: int, hidden: int, layers: int, **more) -> None:
        super().__init__()
        kinds = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
        self.cell = kinds[kind](
            inputs, hidden, layers, batch_first=True, dtype=torch.float64, **more
        )
        self.y = torch.nn.Linear(hidden, 2, dtype=torch.float64)

    def forward(self, x):
        return self.y(self.cell(x)[0])


def stack(kind: str, layers: int, hidden: int = 4, **more) -> tuple[Mirror, list]:
    torch.manual_seed(layers)
    module = Stack(kind, 3, hidden, layers, **more)
    h = L.inputs(3)
    activation = {"activation": more["nonlinearity"]} if more else {}
    for k in range(layers):
        h = getattr(L, kind)(h, hidden, name=f"r{k}", **activation)
    net = L.network(L.dense(h, 2, name="y"), seed=1)
    mirror, frozen = Mirror(net, module), []
    for k in range(layers):
        below = [f"x{i}" for i in range(3)] if k == 0 else [f"r{k - 1}.{i}" for i in range(hidden)]
        before = [f"r{k}.{i} before" for i in range(hidden)]
        second = dict(module.named_parameters())[f"cell.bias_hh_l{k}"]
        for g, gate in enumerate(GATES[kind]):
            rows = slice(g * hidden, (g + 1) * hidden)
            ids = [[text.format(f"r{k}", i) for i in range(hidden)] for text in gate]
            mirror.weight(ids[0], f"cell.weight_ih_l{k}", below, rows)
            mirror.weight(ids[-1], f"cell.weight_hh_l{k}", before, rows)
            mirror.bias(ids[0], f"cell.bias_ih_l{k}", rows)
            if len(gate) == 2:
                mirror.bias(ids[1], f"cell.bias_hh_l{k}", rows)
            else:
                with torch.no_grad():
                    second[rows] = 0.0
                frozen.append((f"cell.bias_hh_l{k}", rows))
    return mirror.dense(["y.0", "y.1"], "y"), frozen


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_recurrent(kind: str, layers: int) -> None:
    mirror, frozen = stack(kind, layers)
    rng = np.random.default_rng(layers)
    x, targets = rng.normal(size=(4, 6, 3)), rng.normal(size=(4, 6, 2))
    check_all(mirror, lambda module, x: module(x), x, targets, frozen=frozen)


def test_another_activation_and_another_loss() -> None:
    mirror, frozen = stack("rnn", 1, nonlinearity="relu")
    rng = np.random.default_rng(1)
    x, targets = rng.normal(size=(3, 4, 3)), np.eye(2)[rng.integers(0, 2, (3, 4))]
    check_all(mirror, lambda m, x: m(x), x, targets, "softmax_cross_entropy", frozen=frozen)


def test_a_cell_that_is_wired_wrongly_is_found() -> None:
    mirror, frozen = stack("gru", 1)
    reset = mirror.parts[0]
    mirror.parts[0] = (reset[0], mirror.parts[3][1], *reset[2:])  # the weights of another gate
    rng = np.random.default_rng(1)
    with pytest.raises(AssertionError):
        check_all(
            mirror,
            lambda m, x: m(x),
            rng.normal(size=(2, 3, 3)),
            rng.normal(size=(2, 3, 2)),
            frozen=frozen,
        )
