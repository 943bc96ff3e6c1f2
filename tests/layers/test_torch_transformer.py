"""Blocks of transformers against PyTorch's `TransformerEncoderLayer`, in float64; a decoder of two blocks."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.tiers import need
from helpers.torch_mirror import Mirror, check_case, compute

import neuro_actors as na
from neuro_actors.simulation import blocking

torch = need("torch")
from helpers.torch_architectures import (  # noqa: E402
    F64,
    Case,
    copying,
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


@pytest.mark.slow
def test_a_decoder_of_two_blocks_learns_as_pytorchs_does() -> None:
    """To copy a text: what it says in the second half, and the losses on the way there."""
    case = decoder()
    x, targets = copying(np.random.default_rng(0), 12, 4, 3)
    network, losses = case.mirror.load(), []

    async def society() -> na.Network:
        async with na.open_simulation(network) as simulation:
            for _ in range(80):
                step = await simulation.train_step(
                    x, targets, case.loss, optimizer=na.Adam(0.03, epsilon=0.01)
                )
                losses.append(step.loss)
            return await simulation.network()

    learned = blocking.run(society, "bundled")
    optimizer = torch.optim.Adam(case.mirror.module.parameters(), 0.03, eps=0.01)
    for loss in losses:
        optimizer.zero_grad()
        case.x, case.targets = x, targets
        _, value = compute(case, case.mirror.module, torch.tensor(x))
        assert value.item() == pytest.approx(loss, rel=1e-7)
        value.backward()
        optimizer.step()
    said = na.predict(learned, x).argmax(-1)
    assert (said == targets.argmax(-1))[:, 3:].mean() == 1.0
    assert losses[-1] < 0.6 * losses[0]


def test_a_head_that_hears_what_is_behind_it_is_found() -> None:
    case, other = transformer("relu", True, False), transformer("relu", True, True)
    case.forward = other.forward
    with pytest.raises(AssertionError):
        check_case(case)
