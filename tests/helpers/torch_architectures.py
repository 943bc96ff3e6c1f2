"""Architectures twice: as a network of layers, and as a module of PyTorch with the same parameters, in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

import neuro_actors as na

from .torch_mirror import Mirror

L = na.layers
F64 = torch.float64


@dataclass
class Case:
    """An architecture and a batch.

    Attributes:
        mirror: The network, and the module.
        forward: Computes the predictions, of the shape of the network's, from the module and x.
        x: The inputs, as the network takes them.
        targets: The targets.
        loss: The loss.
        frozen: Which parameters of the module, and which of their rows, do not learn.
    """

    mirror: Mirror
    forward: Callable[[Any, Any], Any]
    x: np.ndarray
    targets: np.ndarray
    loss: str = "squared_error"
    frozen: tuple[tuple[str, Any], ...] = ()


def by_module(module: Any, x: Any) -> Any:
    return module(x)


def ids(layer: str, n: int, point: str = ".") -> list[str]:
    return [f"{layer}{point}{k}" for k in range(n)]


def linear(n: int, m: int, bias: bool = True) -> Any:
    return torch.nn.Linear(n, m, bias=bias, dtype=F64)


def numbers(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


# --- recurrent ------------------------------------------------------------------------------------

GATES = {  # the neurons of each part of PyTorch's matrices: what hears x, and what hears the past
    "rnn": [("{}.{}",)],
    "gru": [("{}.reset{}",), ("{}.update{}",), ("{}.new{}", "{}.past{}")],
    "lstm": [("{}.input{}",), ("{}.forget{}",), ("{}.cell{}",), ("{}.output{}",)],
}


class Stack(torch.nn.Module):
    def __init__(self, kind: str, inputs: int, hidden: int, layers: int, **more: Any) -> None:
        super().__init__()
        kinds = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
        self.cell = kinds[kind](inputs, hidden, layers, batch_first=True, dtype=F64, **more)
        self.y = linear(2 * hidden if more.get("bidirectional") else hidden, 2)

    def forward(self, x: Any) -> Any:
        return self.y(self.cell(x)[0])


def recurrent(
    kind: str, layers: int = 1, hidden: int = 4, activation: str = "", both: bool = False
) -> Case:
    """PyTorch has two biases where a neuron has one. The second one is 0 and does not learn.

    But that part of a GRU's which is inside the gate is a bias of its own here, too.

    Args:
        kind: rnn, gru or lstm.
        layers: How many layers.
        hidden: How many units a layer has, in each direction.
        activation: Another activation function.
        both: Whether each layer goes in both directions.
    """
    torch.manual_seed(layers)
    more = {"nonlinearity": activation} if activation else {}
    module = Stack(kind, 3, hidden, layers, **more, bidirectional=both)
    h = L.inputs(3)
    for k in range(layers):
        more = {"activation": activation} if activation else {}
        make = getattr(L, kind)
        ways = [make(h, hidden, name=f"r{k}", **more)]
        if both:
            ways.append(make(h, hidden, name=f"b{k}", reverse=True, **more))
        h = L.concatenate(*ways)
    mirror = Mirror(L.network(L.dense(h, 2, name="y"), seed=1), module)
    frozen = []
    below = ids("x", 3, "")
    for k in range(layers):
        names = [f"r{k}", f"b{k}"][: 1 + both]
        for name, end, when in zip(names, ["", "_reverse"], ["before", "after"], strict=False):
            before = [f"{name}.{i} {when}" for i in range(hidden)]
            second = dict(module.named_parameters())[f"cell.bias_hh_l{k}{end}"]
            for g, gate in enumerate(GATES[kind]):
                rows = slice(g * hidden, (g + 1) * hidden)
                named = [[text.format(name, i) for i in range(hidden)] for text in gate]
                mirror.weight(named[0], f"cell.weight_ih_l{k}{end}", below, rows)
                mirror.weight(named[-1], f"cell.weight_hh_l{k}{end}", before, rows)
                mirror.bias(named[0], f"cell.bias_ih_l{k}{end}", rows)
                if len(gate) == 2:
                    mirror.bias(named[1], f"cell.bias_hh_l{k}{end}", rows)
                else:
                    with torch.no_grad():
                        second[rows] = 0.0
                    frozen.append((f"cell.bias_hh_l{k}{end}", rows))
        below = [id for name in names for id in ids(name, hidden)]
    mirror.dense(["y.0", "y.1"], "y")
    return Case(mirror, by_module, *numbers(layers, (4, 6, 3), (4, 6, 2)), frozen=tuple(frozen))


# --- convolutions ---------------------------------------------------------------------------------


def channels_first(x: Any) -> Any:
    """(batch, *positions, channels) to (batch, channels, *positions)."""
    return torch.movedim(x, -1, 1)


def conv_net(pool: str) -> Case:
    """conv, relu, pool, conv, relu, pool with padding, flatten, dense."""
    torch.manual_seed(1)
    pooling = {"max": torch.nn.MaxPool2d, "mean": torch.nn.AvgPool2d}[pool]
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, padding=1, dtype=F64), torch.nn.ReLU(), pooling(2),
        torch.nn.Conv2d(3, 4, 3, dtype=F64), torch.nn.ReLU(), pooling(2, 1, 1),
        torch.nn.Flatten(), linear(4 * 5 * 4, 3),
    )  # fmt: skip
    made = {"max": L.max_pool, "mean": L.mean_pool}[pool]
    h = L.conv2d(L.inputs(1, (12, 10)), 3, 3, "relu", padding=1)
    h = L.conv2d(made(h, 2), 4, 3, "relu")
    net = L.network(L.dense(L.flatten(made(h, 2, 1, 1)), 3, name="y"), seed=0)
    mirror = Mirror(net, module).dense(ids("conv1", 3), "0").dense(ids("conv2", 4), "3")
    x = numbers(2, (2, 12, 10, 1))[0]
    return Case(
        mirror.dense(ids("y", 3), "7"), lambda m, x: m(channels_first(x)), x, np.eye(3)[[0, 2]],
        "softmax_cross_entropy",
    )  # fmt: skip


# --- transformers ---------------------------------------------------------------------------------


def mirror_attention(
    mirror: Mirror, name: str, layer: str, out: str, size: int, heads: int
) -> None:
    share = size // heads
    for g, gate in enumerate(("query", "key", "value")):
        for head in range(heads):
            rows = slice(g * size + head * share, g * size + (head + 1) * share)
            mine = ids(f"{name}.head{head}.{gate}", share, "")
            mirror.weight(mine, f"{layer}in_proj_weight", rows=rows)
            mirror.bias(mine, f"{layer}in_proj_bias", rows=rows)
    mirror.dense(ids(out, size), f"{layer}out_proj")


def mirror_norm(mirror: Mirror, name: str, layer: str, size: int) -> None:
    mine = ids(name, size)
    mirror.weight(mine, f"{layer}.weight", rows=(slice(None), None)).bias(mine, f"{layer}.bias")


def mirror_block(mirror: Mirror, name: str, layer: str, size: int, heads: int, hidden: int) -> None:
    mirror_attention(mirror, name, f"{layer}self_attn.", f"{name}.attended", size, heads)
    for k in (1, 2):
        mirror_norm(mirror, f"{name}.norm{k}", f"{layer}norm{k}", size)
    mirror.dense(ids(f"{name}.hidden", hidden), f"{layer}linear1")
    mirror.dense(ids(f"{name}.out", size), f"{layer}linear2")


def encoder_block(
    size: int, heads: int, hidden: int, activation: str = "gelu", norm_first: bool = True
) -> Any:
    return torch.nn.TransformerEncoderLayer(
        size, heads, hidden, 0.0, activation, batch_first=True, norm_first=norm_first, dtype=F64
    )


def causal_mask(tokens: int) -> Any:
    return torch.triu(torch.full((tokens, tokens), -torch.inf, dtype=F64), 1)


def transformer(activation: str, norm_first: bool, causal: bool, hidden: int = 12) -> Case:
    size, heads, tokens = 8, 2, 4
    torch.manual_seed(0)
    module = encoder_block(size, heads, hidden, activation, norm_first)
    with torch.no_grad():  # norms and biases are ones and zeros in the beginning
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    block = L.transformer_block(
        L.inputs(size, tokens), heads, hidden, activation, causal=causal, norm_first=norm_first,
        name="b",
    )  # fmt: skip
    mirror = Mirror(L.network(block), module)
    mirror_block(mirror, "b", "", size, heads, hidden)
    mask = causal_mask(tokens) if causal else None
    data = numbers(3, (3, tokens, size), (3, tokens, size))
    return Case(mirror, lambda module, x: module(x, src_mask=mask), *data)


class Decoder(torch.nn.Module):
    """Words and positions embedded, two blocks, a norm, logits."""

    def __init__(self, words: int, tokens: int, size: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.embedding = linear(words + tokens, size, bias=False)
        self.blocks = torch.nn.ModuleList(encoder_block(size, heads, hidden) for _ in range(2))
        self.norm = torch.nn.LayerNorm(size, dtype=F64)
        self.y = linear(size, words)
        self.tokens = tokens

    def forward(self, x: Any) -> Any:
        there = torch.eye(self.tokens, dtype=F64).expand(len(x), -1, -1)
        h = self.embedding(torch.cat([x, there], 2))
        for one in self.blocks:
            h = one(h, src_mask=causal_mask(self.tokens))
        return self.y(self.norm(h))


def decoder() -> Case:
    words, length, size, heads, hidden = 4, 3, 8, 2, 8
    torch.manual_seed(0)
    module = Decoder(words, 2 * length, size, heads, hidden)
    mirror = Mirror(decoder_network(words, 2 * length, size, heads, hidden), module)
    mirror.weight(ids("embedding", size), "embedding.weight")
    for k in range(2):
        mirror_block(mirror, f"block{k}", f"blocks.{k}.", size, heads, hidden)
    mirror_norm(mirror, "norm", "norm", size)
    mirror.dense(ids("y", words), "y")
    x, targets = copying(np.random.default_rng(0), 2, words, length)
    return Case(mirror, by_module, x, targets, "softmax_cross_entropy")


def decoder_network(words: int, tokens: int, size: int, heads: int, hidden: int) -> na.Network:
    x = L.inputs(words, tokens)
    h = L.embedding(L.concatenate(x, L.positions(x)), size, name="embedding")
    for k in range(2):
        h = L.transformer_block(h, heads, hidden, "gelu", causal=True, name=f"block{k}")
    return L.network(L.dense(L.layer_norm(h, name="norm"), words, name="y"), seed=0)


def copying(
    rng: np.random.Generator, n: int, words: int, length: int
) -> tuple[np.ndarray, np.ndarray]:
    """A text, a sign that says "again", the same text. To say: each next word; in the second half it can be known."""
    text = rng.integers(1, words, (n, length))
    whole = np.concatenate([text, np.zeros((n, 1), int), text], axis=1)
    return np.eye(words)[whole[:, :-1]], np.eye(words)[whole[:, 1:]]


# --- residual, experts ----------------------------------------------------------------------------


class Residual(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = linear(3, 6)
        self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(6, dtype=F64) for _ in range(3))
        self.wide = torch.nn.ModuleList(linear(6, 10) for _ in range(3))
        self.back = torch.nn.ModuleList(linear(10, 6) for _ in range(3))
        self.y = linear(6, 2)

    def forward(self, x: Any) -> Any:
        h = self.first(x)
        for norm, wide, back in zip(self.norms, self.wide, self.back, strict=True):
            h = h + back(functional.silu(wide(norm(h))))
        return self.y(h)


def residual() -> Case:
    torch.manual_seed(0)
    h = L.dense(L.inputs(3), 6, name="first")
    for k in range(3):
        norm = L.layer_norm(h, name=f"norm{k}")
        h = L.residual(h, L.dense(L.dense(norm, 10, "silu", name=f"wide{k}"), 6, name=f"back{k}"))
    mirror = Mirror(L.network(L.dense(h, 2, name="y")), Residual())
    mirror.dense(ids("first", 6), "first").dense(ids("y", 2), "y")
    for k in range(3):
        mirror_norm(mirror, f"norm{k}", f"norms.{k}", 6)
        mirror.dense(ids(f"wide{k}", 10), f"wide.{k}").dense(ids(f"back{k}", 6), f"back.{k}")
    return Case(mirror, by_module, *numbers(0, (5, 3), (5, 2)))


class Experts(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate = linear(3, 4)
        self.hidden = torch.nn.ModuleList(linear(3, 5) for _ in range(4))
        self.out = torch.nn.ModuleList(linear(5, 2) for _ in range(4))

    def forward(self, x: Any) -> Any:
        gate = torch.softmax(self.gate(x), -1)
        pairs = zip(self.hidden, self.out, strict=True)
        said = [out(torch.tanh(hidden(x))) for hidden, out in pairs]
        return sum(gate[..., k : k + 1] * one for k, one in enumerate(said))


def experts(grid: tuple[int, ...] = ()) -> Case:
    torch.manual_seed(1)
    x = L.inputs(3, grid)
    gate, said = L.softmax(L.dense(x, 4, name="gate")), []
    for k in range(4):
        out = L.dense(L.dense(x, 5, "tanh", name=f"hidden{k}"), 2, name=f"out{k}")
        said.append(L.multiply(out, gate[k : k + 1], name=f"said{k}"))
    mirror = Mirror(L.network(L.add(*said), seed=2), Experts()).dense(ids("gate", 4), "gate")
    for k in range(4):
        mirror.dense(ids(f"hidden{k}", 5), f"hidden.{k}").dense(ids(f"out{k}", 2), f"out.{k}")
    return Case(mirror, by_module, *numbers(0, (4, *grid, 3), (4, *grid, 2)))


TABLE: dict[str, Callable[[], Case]] = {
    "residual network, 3 blocks": residual,
    "mixture of 4 experts": experts,
    "convolutional, max pooling": lambda: conv_net("max"),
    "convolutional, mean pooling": lambda: conv_net("mean"),
    "RNN": lambda: recurrent("rnn"),
    "RNN of two layers": lambda: recurrent("rnn", 2),
    "GRU": lambda: recurrent("gru"),
    "GRU of two layers": lambda: recurrent("gru", 2),
    "LSTM": lambda: recurrent("lstm"),
    "LSTM of two layers": lambda: recurrent("lstm", 2),
    "transformer block, norm first, gelu, causal": lambda: transformer("gelu", True, True, 32),
    "transformer block, norm first, relu, full": lambda: transformer("relu", True, False, 32),
    "transformer block, norm last, gelu, full": lambda: transformer("gelu", False, False, 32),
    "transformer block, norm last, relu, causal": lambda: transformer("relu", False, True, 32),
    "decoder of two blocks": decoder,
}
