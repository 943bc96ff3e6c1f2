"""Layers that everybody knows, neuron by neuron and as a whole: reference, finite differences and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.proof.random_cases import Case
from neuro_actors.proof.verify import verify_case


def gru() -> na.Network:
    x = na.layers.inputs(3)
    return na.layers.network(na.layers.dense(na.layers.gru(x, 4), 2), seed=0)


def lstm_of_two() -> na.Network:
    x = na.layers.inputs(3)
    return na.layers.network(na.layers.lstm(na.layers.lstm(x, 3), 3), seed=0)


def convolution() -> na.Network:
    x = na.layers.inputs(2, positions=(8, 8))
    h = na.layers.max_pool(na.layers.conv2d(x, 3, kernel=3, activation="relu"), 2)
    return na.layers.network(na.layers.dense(na.layers.flatten(h), 4), seed=0)


def transformer() -> na.Network:
    x = na.layers.inputs(8, positions=5)
    block = na.layers.transformer_block(x, heads=2, hidden=16, causal=True)
    return na.layers.network(block, seed=0)


@pytest.mark.parametrize(
    "make",
    few([gru, convolution, lstm_of_two, transformer]),
)
def test_it_is_exact_as_a_whole(make) -> None:
    network, rng = make(), np.random.default_rng(0)
    time = (4,) if network.delays else ()
    x = rng.standard_normal((3, *time, *network.input_grid, len(network.inputs)))
    targets = rng.standard_normal((3, *time, *network.output_grid, len(network.outputs)))
    verdict = verify_case(0, Case(network, x, targets, "squared_error"))
    assert (verdict.failure, verdict.passed, verdict.too_deep) == (None, True, ())
