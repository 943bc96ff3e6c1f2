"""Blocks of transformers against PyTorch's `TransformerEncoderLayer`, in float64; a decoder that learns."""

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


def ids(name: str, n: int, point: str = "") -> list[str]:
    return [f"{name}{point}{k}" for k in range(n)]


def mirror_attention(
    mirror: Mirror, name: str, layer: str, out: str, size: int, heads: int
) -> None:
    share = size // heads
    for g, gate in enumerate(("query", "key", "value")):
        for head in range(heads):
            rows = slice(g * size + head * share, g * size + (head + 1) * share)
            mine = ids(f"{name}.head{head}.{gate}", share)
            mirror.weight(mine, f"{layer}in_proj_weight", rows=rows)
            mirror.bias(mine, f"{layer}in_proj_bias", rows=rows)
    mirror.dense(ids(out, size, "."), f"{layer}out_proj")


def mirror_norm(mirror: Mirror, name: str, layer: str, size: int) -> None:
    mine = ids(name, size, ".")
    mirror.weight(mine, f"{layer}.weight", rows=(slice(None), None)).bias(mine, f"{layer}.bias")


def mirror_block(mirror: Mirror, name: str, layer: str, size: int, heads: int, hidden: int) -> None:
    mirror_attention(mirror, name, f"{layer}self_attn.", f"{name}.attended", size, heads)
    for k in (1, 2):
        mirror_norm(mirror, f"{name}.norm{k}", f"{layer}norm{k}", size)
    mirror.dense(ids(f"{name}.hidden", hidden, "."), f"{layer}linear1")
    mirror.dense(ids(f"{name}.out", size, "."), f"{layer}linear2")


def block(size: int = 8, heads: int = 2, hidden: int = 12, tokens: int = 4, **how) -> Mirror:
    torch.manual_seed(0)
    module = torch.nn.TransformerEncoderLayer(
        size, heads, hidden, 0.0, how["activation"], batch_first=True, norm_first=how["norm_first"], dtype=F64
    )  # fmt: skip
    with torch.no_grad():  # norms and biases are ones and zeros in the beginning
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    net = L.network(L.transformer_block(L.inputs(size, tokens), heads, hidden, name="b", **how))
    mirror = Mirror(net, module)
    mirror_block(mirror, "b", "", size, heads, hidden)
    return mirror


def forward(causal: bool, tokens: int):
    mask = torch.triu(torch.full((tokens, tokens), -torch.inf, dtype=F64), 1) if causal else None
    return lambda module, x: module(x, src_mask=mask)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize("causal", [True, False])
def test_encoder_layer(norm_first: bool, activation: str, causal: bool) -> None:
    mirror = block(norm_first=norm_first, activation=activation, causal=causal)
    assert sum(len(part[1].ravel()) for part in mirror.parts) == (
        sum(p.numel() for p in mirror.module.parameters())
    )
    rng = np.random.default_rng(3)
    x, targets = rng.normal(size=(3, 4, 8)), rng.normal(size=(3, 4, 8))
    check_all(mirror, forward(causal, 4), x, targets)


def test_attention_to_another_layer() -> None:
    """Queries at 3 positions, keys and values at 5: these come of the queries' positions by a field."""
    torch.manual_seed(2)
    module = torch.nn.MultiheadAttention(4, 2, batch_first=True, dtype=F64)
    x = L.inputs(4, 5)
    queries = L.combine(x, "sum", na.field.gather(5, [0, 2, 4]))
    mirror = Mirror(L.network(L.attention(queries, 2, source=x, name="a")), module)
    mirror_attention(mirror, "a", "", "a", 4, 2)
    rng = np.random.default_rng(3)
    x, targets = rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 3, 4))
    check_all(mirror, lambda m, x: m(x[:, [0, 2, 4]], x, x)[0], x, targets)


class Decoder(torch.nn.Module):
    """Words and positions embedded, two blocks, a norm, logits."""

    def __init__(self, words: int, tokens: int, size: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.embedding = torch.nn.Linear(words + tokens, size, bias=False, dtype=F64)
        self.blocks = torch.nn.ModuleList(
            torch.nn.TransformerEncoderLayer(
                size, heads, hidden, 0.0, "gelu", batch_first=True, norm_first=True, dtype=F64
            )
            for _ in range(2)
        )
        self.norm = torch.nn.LayerNorm(size, dtype=F64)
        self.y = torch.nn.Linear(size, words, dtype=F64)
        self.tokens = tokens

    def forward(self, x):
        there = torch.eye(self.tokens, dtype=F64).expand(len(x), -1, -1)
        h = self.embedding(torch.cat([x, there], 2))
        mask = torch.triu(torch.full((self.tokens,) * 2, -torch.inf, dtype=F64), 1)
        for one in self.blocks:
            h = one(h, src_mask=mask)
        return self.y(self.norm(h))


def decoder(words: int, tokens: int, size: int, heads: int, hidden: int) -> na.Network:
    x = L.inputs(words, tokens)
    h = L.embedding(L.concatenate(x, L.positions(x)), size, name="embedding")
    for k in range(2):
        h = L.transformer_block(h, heads, hidden, "gelu", causal=True, name=f"block{k}")
    return L.network(L.dense(L.layer_norm(h, name="norm"), words, name="y"), seed=0)


def copying(
    rng: np.random.Generator, n: int, words: int, length: int
) -> tuple[np.ndarray, np.ndarray]:
    """A text, a sign that says "again", the same text. To say: each next word; it is known in the second half."""
    text = rng.integers(1, words, (n, length))
    whole = np.concatenate([text, np.zeros((n, 1), int), text], axis=1)
    return np.eye(words)[whole[:, :-1]], np.eye(words)[whole[:, 1:]]


def test_a_decoder_of_two_blocks() -> None:
    torch.manual_seed(0)
    words, tokens, size, heads, hidden = 4, 6, 8, 2, 8
    module = Decoder(words, tokens, size, heads, hidden)
    mirror = Mirror(decoder(words, tokens, size, heads, hidden), module)
    mirror.weight(ids("embedding", size, "."), "embedding.weight")
    for k in range(2):
        mirror_block(mirror, f"block{k}", f"blocks.{k}.", size, heads, hidden)
    mirror_norm(mirror, "norm", "norm", size)
    mirror.dense(ids("y", words, "."), "y")
    x, targets = copying(np.random.default_rng(0), 2, words, 3)
    check_all(mirror, lambda m, x: m(x), x, targets, "softmax_cross_entropy")


@pytest.mark.slow
def test_a_decoder_of_two_blocks_learns_to_copy() -> None:
    words, length = 4, 3
    net = decoder(words, 2 * length, 8, 2, 16)
    x, targets = copying(np.random.default_rng(1), 96, words, length)
    result = na.train(
        net, x, targets, "softmax_cross_entropy", optimizer=na.Adam(0.01), epochs=60, batch_size=16
    )
    x, targets = copying(np.random.default_rng(2), 32, words, length)
    said = na.predict(result.network, x).argmax(-1)[:, length:]
    assert (said == targets.argmax(-1)[:, length:]).mean() > 0.95


def test_a_head_that_hears_behind_it_is_found() -> None:
    mirror = block(norm_first=True, activation="relu", causal=False)
    rng = np.random.default_rng(3)
    with pytest.raises(AssertionError):
        check_all(mirror, forward(True, 4), rng.normal(size=(2, 4, 8)), rng.normal(size=(2, 4, 8)))
