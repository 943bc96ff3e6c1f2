"""Networks of layers learn in a storm to the same bits: a GRU, and a block of a transformer with dropout."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.channels.interface import Statistics
from neuro_actors.simulation import blocking

L = na.layers
STORM = na.Unreliable(drop=0.2, duplicate=0.2, reorder=0.2, corrupt=0.05, crash=0.1, seed=3)


def gru() -> na.Network:
    return L.network(L.dense(L.gru(L.inputs(2), 2), 1), seed=0)


def both_directions() -> na.Network:
    x = L.inputs(2)
    there_and_back = L.concatenate(L.gru(x, 2), L.gru(x, 2, reverse=True))
    return L.network(L.dense(there_and_back, 1), seed=0)


def block() -> na.Network:
    x = L.inputs(4, 3)
    return L.network(L.transformer_block(x, 2, 4, causal=True, dropout=0.2), seed=0)


def learn(network: na.Network, channels: na.Unreliable | str) -> tuple[na.Network, Statistics]:
    """Three steps of Adam."""
    rng = np.random.default_rng(0)
    time = (3,) if network.delays else ()
    x = rng.normal(size=(2, *time, *network.input_grid, len(network.inputs)))
    targets = rng.normal(size=(2, *time, *network.output_grid, len(network.outputs)))

    async def society() -> tuple[na.Network, Statistics]:
        async with na.open_simulation(network, channels, patience=1e6) as simulation:
            for _ in range(3):
                await simulation.train_step(x, targets, optimizer=na.Adam(0.01))
            return await simulation.network(), simulation.statistics()

    return blocking.run(society, channels)


@pytest.mark.parametrize("make", few([gru, both_directions, block], 1))
def test_it_learns_in_a_storm_to_the_same_bits(make: Callable[[], na.Network]) -> None:
    network = make()
    (calm, _), (stormy, statistics) = (learn(network, channels) for channels in ("memory", STORM))
    assert not np.array_equal(calm.weights, network.weights)
    assert np.array_equal(calm.weights, stormy.weights)
    assert np.array_equal(calm.biases, stormy.biases)
    assert statistics.disturbances is not None
    assert statistics.disturbances["lost"] > 100
    assert statistics.disturbances["restarts"] > 3
