"""A society that lives in shards has the bits of one process, however it is cut and in whatever order things arrive."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trio
from conftest import same_bits
from sharding import drawn_shards, spread

import neuro_actors as na
from neuro_actors.machines.shard import Shard, shards
from neuro_actors.verify import draw_case

DRAWN = 24


def cut(case, seed: int) -> tuple[np.ndarray, np.random.Generator]:
    """Cut by the package or at random, into 2 to 4."""
    rng = np.random.default_rng(seed)
    net = case.network
    count = min(int(rng.integers(2, 5)), int(np.count_nonzero(~net.is_input)))
    return (na.partition(net, count).shard if seed % 3 == 0 else drawn_shards(rng, net, count)), rng


@pytest.mark.parametrize("seed", range(DRAWN))
async def test_the_bits_are_those_of_one_process(seed: int, channels: str) -> None:
    """Predictions, gradients with and without urgencies of inputs, and several steps of learning."""
    case = draw_case(seed, neurons=40, examples=6)
    net, x, t, loss = case.network, case.x, case.targets, case.loss
    shard, rng = cut(case, seed)
    adam = na.Adam(0.01)
    async with na.open_simulation(net, channels) as one, spread(net, shard, channels, rng if seed % 2 else None, seed % 4 == 0) as many:
        assert np.array_equal((await many.step(x))[0].T, await one.predict(x))
        for wrt_inputs in (False, True, False):
            assert same_bits(await many.gradient(x, t, loss, wrt_inputs), await one.gradient(x, t, loss, wrt_inputs=wrt_inputs))
        assert same_bits(await many.gradient(x[:1], t[:1], loss), await one.gradient(x[:1], t[:1], loss))
        for k in range(3):
            said, losses, commits, _ = await many.step(x, t, loss, adam, wrt_inputs=k == 1)
            result = await one.train_step(x, t, loss, optimizer=adam)
            assert np.array_equal(said.T, result.predictions)
            assert float(np.add.accumulate(losses)[-1] / len(losses)) == result.loss
        learnt = net.with_parameters(*many.parameters.by_element(commits))
        assert learnt.digest() == (await one.network()).digest()
