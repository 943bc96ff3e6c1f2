"""Channels that a user has written without the methods that were added later."""

from __future__ import annotations

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.channels.interface import CompletedChannels
from neuro_actors.channels.memory import Memory
from neuro_actors.society.society import set_step_numbers


class Wrapped:
    """Memory channels without `run_member`, `run` and `resume`."""

    def __init__(self, network: na.Network, recorder=None) -> None:
        memory = Memory(network, recorder)
        self.environment, self.loss, self.port = memory.environment, memory.loss, memory.port
        self.waiting, self.statistics = memory.waiting, memory.statistics
        self.stop, self.close = memory.stop, memory.close


class Pumped(Wrapped):
    """The same with a task of its own."""

    runs = 0

    async def run(self) -> None:
        type(self).runs += 1


@pytest.mark.parametrize("channels", [Wrapped, Pumped])
def test_they_give_the_same_bits(channels: type, diamond, batch) -> None:
    expected = na.gradient(diamond, *batch, channels="memory")
    found = na.gradient(diamond, *batch, channels=channels)
    assert np.array_equal(found.weights, expected.weights)


def test_a_task_of_their_own_is_run_though_run_member_is_missing(diamond, batch) -> None:
    before = Pumped.runs
    na.gradient(diamond, *batch, channels=Pumped)
    assert Pumped.runs == before + 1


async def test_an_error_names_the_users_class(diamond) -> None:
    channels = CompletedChannels(Wrapped(diamond))
    with pytest.raises(na.CheckpointError, match="^the engine Wrapped cannot go on after step 5"):
        set_step_numbers(channels, 5)
