"""The transport: virtual time that begins anywhere, and a machine that is slower than the deadlines."""

from __future__ import annotations

import time

import numpy as np
import pytest
import trio
from trio.testing import MockClock

import neuro_actors as na
from neuro_actors.channels.unreliable.transport import Transport

NET = na.Network.layered([2, 4, 2], seed=0)
X = np.ones((3, 2))


async def run_storm(before: float) -> na.Gradient:
    await trio.sleep(before)
    storm = na.Unreliable(drop=0.2, crash=0.1, seed=3)
    async with na.open_simulation(NET, channels=storm) as simulation:
        with trio.fail_after(1e6):
            return await simulation.gradient(X, X)


@pytest.mark.parametrize("before", [0.0, 0.1, 7.7, 1000.3, 1e6 + 0.1, 1e15])
def test_virtual_time_may_begin_anywhere(before: float) -> None:
    found = trio.run(run_storm, before, clock=MockClock(autojump_threshold=0))
    assert np.array_equal(found.weights, na.gradient(NET, X, X).weights)


@pytest.mark.parametrize("before", [0.1, 1e6 + 0.1, 1e300])
def test_a_wait_ends_at_its_time(before: float) -> None:
    async def main() -> None:
        await trio.sleep(before)
        transport = Transport(None, [], [], [])  # type: ignore[arg-type]
        transport.now()
        for k in range(1, 200):
            with transport.move_on_at(k * 0.1):
                await trio.sleep_forever()
            assert transport.now() >= k * 0.1

    trio.run(main, clock=MockClock(autojump_threshold=0))


@pytest.fixture
def slow() -> str:
    def value(z):
        time.sleep(0.004)
        return z

    na.add_activation("slow_identity", value, lambda z, a: np.ones_like(z))
    return "slow_identity"


def test_a_slow_machine_repeats_nothing_that_has_arrived(slow: str) -> None:
    """On a real clock forty neurons work longer than the first deadline, which is 0.05 s."""
    net = na.Network.layered([2, 40, 1], slow, slow, seed=0)

    async def main() -> dict[str, int]:
        async with na.open_simulation(net, channels=na.Unreliable(seed=0)) as simulation:
            await simulation.gradient(X, X[:, :1])
            return simulation.statistics().disturbances

    counts = trio.run(main)
    assert counts.get("repeated", 0) + counts.get("asked", 0) == 0


def test_a_frame_that_is_not_delivered_or_not_read_is_mail_that_the_society_is_behind() -> None:
    """The state is set by hand: on a real clock it comes and goes in microseconds."""

    async def main() -> None:
        transport = Transport(None, [], [], [])  # type: ignore[arg-type]
        transport.now()
        await trio.sleep(1.0)
        assert not transport.is_behind(0.0)
        transport._heap = [(0.5, 0, 0, b"", None)]  # type: ignore[list-item]
        assert transport.is_behind(0.0)
        transport._heap = []
        transport._unread, transport._delivered = 1, 0.5
        assert transport.is_behind(0.0)
        transport.mark_read()  # late: it was delivered half a second ago
        assert transport.is_behind(0.9)
        assert not transport.is_behind(1.1)

    trio.run(main, clock=MockClock(autojump_threshold=0))
