"""Gates, fields, positions and delays: both engines are equal in every bit, and right."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import any_networks
from helpers.tiers import few

import neuro_actors as na

SEEDS = few(range(500), 25)


@pytest.mark.parametrize("delays", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_engines_are_equal_and_right(seed: int, delays: bool) -> None:
    net, x, targets = any_networks.draw(seed, delays)
    found = {
        channels: na.gradient(net, x, targets, channels=channels, wrt_inputs=True)
        for channels in ("memory", "bundled")
    }
    one, other = found.values()
    for name in ("loss", "predictions", "weights", "biases", "inputs"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    said = any_networks.predict(net, x)
    assert np.allclose(one.predictions, said, rtol=1e-12, atol=1e-12)
    assert np.array_equal(na.predict(net, x), one.predictions)
    _check_slopes(net, x, targets, one)


def _check_slopes(net: na.Network, x, targets, gradient: na.Gradient) -> None:
    """Compare along a few directions with central differences of the second opinion's loss."""

    def loss(net: na.Network, x) -> float:
        return float(((any_networks.predict(net, x) - targets) ** 2).sum() / len(x))

    rng, h = np.random.default_rng(0), 1e-6
    is_free = ~net.is_interneuron[net.targets]
    for _ in range(2):
        w = rng.normal(size=len(net.weights)) * is_free
        b = rng.normal(size=len(net.ids)) * (net.n_parameters > 0)
        d = rng.normal(size=x.shape)
        up, down = (
            loss(net.with_parameters(net.weights + s * w, net.biases + s * b), x + s * d)
            for s in (h, -h)
        )
        slope = w @ gradient.weights + b @ gradient.biases + (d * gradient.inputs).sum()
        size = (
            np.abs(w) @ np.abs(gradient.weights)
            + np.abs(b) @ np.abs(gradient.biases)
            + np.abs(d * gradient.inputs).sum()
        )
        assert abs((up - down) / (2 * h) - slope) <= 1e-6 * (1 + size)


@pytest.mark.parametrize("seed", few(range(40), 4))
@pytest.mark.parametrize("delays", [False, True])
def test_a_storm_and_learning_change_no_bit(seed: int, delays: bool) -> None:
    net, x, targets = any_networks.draw(seed, delays)
    optimizer = na.Adam(0.01, weight_decay=0.1)
    storm = na.Unreliable(drop=0.1, duplicate=0.1, crash=0.02, seed=seed)
    results = [
        na.train(
            net, x, targets, optimizer=optimizer, epochs=2, batch_size=2, channels=channels
        ).network
        for channels in ("memory", "bundled", storm)
    ]
    assert results[0].digest() == results[1].digest() == results[2].digest()
    after = results[0]
    assert np.array_equal(after.weights[net.frozen_weights], net.weights[net.frozen_weights])
    assert np.array_equal(after.biases[net.frozen_biases], net.biases[net.frozen_biases])
    learns = ~net.frozen_weights & (na.gradient(net, x, targets).weights != 0)
    assert (after.weights != net.weights)[learns].all()


@pytest.mark.parametrize("seed", few(range(60), 6))
def test_products_with_the_hessian(seed: int) -> None:
    net, x, targets = any_networks.draw(seed)
    rng = np.random.default_rng(seed)
    w = rng.normal(size=len(net.weights)) * ~net.is_interneuron[net.targets]
    b = rng.normal(size=len(net.ids)) * (net.n_parameters > 0)
    one, other = (
        na.hessian_vector_product(net, x, targets, w, b, channels=c) for c in ("memory", "bundled")
    )
    assert np.array_equal(one.weights, other.weights)
    assert np.array_equal(one.biases, other.biases)
    h = 1e-5
    up, down = (
        na.gradient(net.with_parameters(net.weights + s * w, net.biases + s * b), x, targets)
        for s in (h, -h)
    )
    for name in ("weights", "biases"):
        differences = (getattr(up, name) - getattr(down, name)) / (2 * h)
        size = 1 + np.abs(getattr(one, name)).max()
        assert np.allclose(differences, getattr(one, name), atol=1e-4 * size)


@pytest.mark.parametrize("seed", few(range(20), 3))
def test_micro_batches_of_positions(seed: int) -> None:
    net, x, targets = any_networks.draw(seed)
    x, targets = np.concatenate([x] * 3), np.concatenate([targets] * 3)
    more = {"optimizer": na.SGD(0.1, momentum=0.5), "epochs": 2, "micro_batches": 3}
    one = na.train(net, x, targets, **more).network
    lanes = na.train(net, x, targets, **more, in_flight=2, channels="memory").network
    assert one.digest() == lanes.digest()
    whole = na.train(net, x, targets, optimizer=more["optimizer"], epochs=2).network
    assert np.allclose(whole.weights, one.weights, rtol=1e-10, atol=1e-12)
