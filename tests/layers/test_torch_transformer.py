"""Blocks of transformers against PyTorch's `TransformerEncoderLayer`, in float64; a decoder of two blocks."""

from __future__ import annotations

import pytest
from helpers.tiers import need
from helpers.torch_mirror import Mirror, check_case

import neuro_actors as na

torch = need("torch")
from helpers.torch_architectures import (  # noqa: E402
    F64,
    Case,
    decoder,
    mirror_attention,
    numbers,
    transformer,
)

pytestmark = pytest.mark.torch
L = na.layers


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize("causal", [True, False])
def test_encoder_layer(norm_first: bool, activation: str, causal: bool) -> None:
    case = transformer(activation, norm_first, causal)
    mirrored = sum(len(part[1].ravel()) for part in case.mirror.parts)
    assert mirrored == sum(p.numel() for p in case.mirror.module.parameters())
    check_case(case)


def test_attention_to_another_layer() -> None:
    """Queries at 3 positions, keys and values at 5."""
    torch.manual_seed(2)
    module = torch.nn.MultiheadAttention(4, 2, batch_first=True, dtype=F64)
    x = L.inputs(4, 5)
    queries = L.combine(x, "sum", na.field.gather(5, [0, 2, 4]))
    mirror = Mirror(L.network(L.attention(queries, 2, source=x, name="a")), module)
    mirror_attention(mirror, "a", "", "a", 4, 2)
    data = numbers(3, (2, 5, 4), (2, 3, 4))
    check_case(Case(mirror, lambda m, x: m(x[:, [0, 2, 4]], x, x)[0], *data))


def test_a_decoder_of_two_blocks() -> None:
    check_case(decoder())


def test_a_head_that_hears_what_is_behind_it_is_found() -> None:
    case, other = transformer("relu", True, False), transformer("relu", True, True)
    case.forward = other.forward
    with pytest.raises(AssertionError):
        check_case(case)
