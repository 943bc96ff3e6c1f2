"""Dropout in a transformer's block, against the same computation in PyTorch with the same masks, in float64."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.network.dropout import draw_mask
from neuro_actors.simulation import blocking

torch = need("torch")
pytestmark = pytest.mark.torch
L = na.layers
RATE, SIZE, HEADS, HIDDEN, TOKENS, BATCH = 0.25, 6, 2, 8, 4, 3


def mask(ids: list[str], grid: tuple[int, ...], step: int):
    """What each id multiplies by in a step. Shape (batch, *grid, ids)."""
    columns = BATCH * int(np.prod(grid))
    rows = [draw_mask(RATE, 0, name, (step,), columns) for name in ids]
    return torch.tensor(np.stack(rows, -1).reshape(BATCH, *grid, len(ids)))


def by_torch(net: na.Network, weights, biases, x, step: int):
    """The block, norm first, gelu, full attention: by the formulas, with the parameters of the network."""
    position, share = net.position, SIZE // HEADS
    ends = dict(
        zip(
            zip(net.sources.tolist(), net.targets.tolist(), strict=True), range(10**6), strict=False
        )
    )

    def linear(h, name: str, n: int, sources: list[str], point: str = ".") -> torch.Tensor:
        mine = [position[f"{name}{point}{k}"] for k in range(n)]
        which = torch.tensor([[ends[position[s], k] for s in sources] for k in mine])
        return h @ weights[which].T + biases[mine]

    def norm(h, name: str):
        mine = [position[f"{name}.{k}"] for k in range(SIZE)]
        own = torch.tensor([int(net.incoming.of(k)[0]) for k in mine])
        return torch.nn.functional.layer_norm(h, (SIZE,)) * weights[own] + biases[mine]

    def names(name: str, n: int) -> list[str]:
        return [f"{name}.{k}" for k in range(n)]

    h, heads = norm(x, "b.norm1"), []
    for k in range(HEADS):
        head = f"b.head{k}"
        q, key, v = (
            linear(h, f"{head}.{g}", share, names("b.norm1", SIZE), "")
            for g in ("query", "key", "value")
        )
        weight = torch.softmax(q @ key.transpose(1, 2) / share**0.5, -1)
        weight = weight * mask([f"{head}.weight left.0"], (TOKENS, TOKENS), step)[..., 0]
        heads.append(weight @ v)
    attended = linear(
        torch.cat(heads, -1),
        "b.attended",
        SIZE,
        [f"b.head{k}.{i}" for k in range(HEADS) for i in range(share)],
    )
    x = x + attended * mask(names("b.attended left", SIZE), (TOKENS,), step)
    hidden = torch.nn.functional.gelu(
        linear(norm(x, "b.norm2"), "b.hidden", HIDDEN, names("b.norm2", SIZE))
    )
    hidden = hidden * mask(names("b.hidden left", HIDDEN), (TOKENS,), step)
    out = linear(hidden, "b.out", SIZE, names("b.hidden left", HIDDEN))
    return x + out * mask(names("b.out left", SIZE), (TOKENS,), step)


def block() -> na.Network:
    x = L.inputs(SIZE, TOKENS)
    return L.network(L.transformer_block(x, HEADS, HIDDEN, "gelu", dropout=RATE, name="b"), seed=1)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (na.SGD(0.002, momentum=0.9), lambda p: torch.optim.SGD(p, 0.002, momentum=0.9)),
        (na.Adam(0.02, epsilon=0.01), lambda p: torch.optim.Adam(p, 0.02, eps=0.01)),
    ],
    ids=["SGD", "Adam"],
)
def test_three_steps_with_the_same_masks(ours, theirs) -> None:
    """Each step has masks of its own."""
    net = block()
    x, targets = np.random.default_rng(0).normal(size=(2, BATCH, TOKENS, SIZE))

    async def society() -> na.Network:
        async with na.open_simulation(net) as simulation:
            for _ in range(3):
                await simulation.train_step(x, targets, optimizer=ours)
            return await simulation.network()

    found = blocking.run(society, "bundled")
    leaves = [torch.tensor(v, requires_grad=True) for v in (net.weights, net.biases)]
    optimizer = theirs(leaves)
    for step in (1, 2, 3):
        optimizer.zero_grad()
        said = by_torch(net, *leaves, torch.tensor(x), step)
        (((said - torch.tensor(targets)) ** 2).sum() / BATCH).backward()
        for leaf, frozen in zip(leaves, (net.frozen_weights, net.frozen_biases), strict=True):
            leaf.grad[torch.tensor(frozen)] = 0.0
        optimizer.step()
    before, mine = (np.append(network.weights, network.biases) for network in (net, found))
    its = np.concatenate([leaf.detach().numpy() for leaf in leaves])
    assert (mine != before).sum() > 100
    assert np.abs(mine - its).max() <= 1e-13 * np.abs(its).max()


def test_a_block_with_the_same_masks() -> None:
    net = block()
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(2, BATCH, TOKENS, SIZE))
    found = na.gradient(net, x, targets, wrt_inputs=True)
    other = na.gradient(net, x, targets, channels="memory", wrt_inputs=True)
    for name in ("weights", "biases", "inputs"):
        assert np.array_equal(getattr(found, name), getattr(other, name)), name
    leaves = [torch.tensor(v, requires_grad=True) for v in (net.weights, net.biases, x)]
    said = by_torch(net, *leaves, step=1)
    (((said - torch.tensor(targets)) ** 2).sum() / BATCH).backward()
    theirs = [leaf.grad.numpy() for leaf in leaves]
    np.testing.assert_allclose(found.predictions, said.detach().numpy(), rtol=0, atol=1e-14)
    for ours, its in zip((found.weights, found.biases, found.inputs), theirs, strict=True):
        learns = its != 0  # PyTorch's formulas have no frozen parts
        assert learns.sum() > 20
        assert np.abs(ours - its)[learns].max() <= 1e-13 * np.abs(its).max()
    assert not np.allclose(na.predict(net, x), found.predictions)  # which leaves out nothing
