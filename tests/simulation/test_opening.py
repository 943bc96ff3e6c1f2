"""Channels that a user has written without the methods that were added later."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.channels.bundled.bundled_channels import Bundled
from neuro_actors.channels.choose_channels import choose_channels
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


class Passing:
    """Channels with ports of their own, which pass to others whatever they do not have."""

    inner: type | na.Unreliable = Bundled
    sent: ClassVar[list[str]] = []

    def __init__(self, network: na.Network, recorder=None) -> None:
        self.channels = choose_channels(self.inner)(network, recorder)

    def port(self, k: int) -> PassingPort:
        return PassingPort(self.channels.port(k))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.channels, name)


class PassingPort:
    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def send(self, kind, step) -> None:
        Passing.sent.append(kind)
        self.inner.send(kind, step)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.mark.parametrize("inner", [Bundled, Memory])
def test_members_use_the_ports_of_channels_that_pass_the_rest_on(inner, diamond, batch) -> None:
    Passing.sent.clear()
    expected = na.gradient(diamond, *batch)
    found = na.gradient(diamond, *batch, channels=type("P", (Passing,), {"inner": inner}))
    assert np.array_equal(found.weights, expected.weights)
    assert Passing.sent.count("commit") == len(diamond.ids) - len(diamond.inputs)


def test_ports_that_would_not_be_used_are_refused(diamond, batch) -> None:
    channels = type("Storm", (Passing,), {"inner": na.Unreliable()})
    message = "Storm has ports of its own, .* UnreliableChannels says.*give it a method run_member"
    with pytest.raises(na.InputError, match=message):
        na.gradient(diamond, *batch, channels=channels)
