"""A Ctrl-C at any moment: a plain interrupt, nothing that hangs, nobody left."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import numpy as np
import pytest
import trio
from helpers.interrupting import interrupt, interrupt_at_every_place

import neuro_actors as na
from neuro_actors.channels import choose_channels as engines
from neuro_actors.channels.bundled import carried_rows
from neuro_actors.rules import Rule
from neuro_actors.simulation.blocking import run
from neuro_actors.society import society

NET = na.Network.layered([2, 3, 1], seed=0)
X, TARGETS = np.ones((2, 2)), np.ones((2, 1))


def test_at_every_place_where_python_looks_for_signals(channels: str, run_slow: bool) -> None:
    """By default at every fifth of them."""
    interrupt_at_every_place(channels, every=1 if run_slow else 5)


async def test_an_interrupt_between_the_way_out_and_its_await_leaves_nobody(
    channels: str, tmp_path
) -> None:
    """CPython 3.11 looks for signals there too; the call that was to be awaited is dropped."""
    before = trio.lowlevel.current_statistics().tasks_living
    opened = na.open_simulation(NET, channels, log=tmp_path / "run.arrows")
    simulation = await opened.__aenter__()
    await simulation.gradient(X, TARGETS)
    opened.__aexit__(None, None, None).close()
    while trio.lowlevel.current_statistics().tasks_living > before:
        await trio.lowlevel.checkpoint()
    assert simulation._task.log is not None
    assert simulation._task.log._file.closed


def test_births_make_room_for_an_interrupt(channels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    born = 0
    make = Rule.member

    def rule(*more: Any) -> Any:
        nonlocal born
        born += 1
        if born == 7:
            interrupt()
        return make(*more)

    monkeypatch.setattr(society, "STARTED_AT_ONCE", 5)
    monkeypatch.setattr(Rule, "member", rule)
    net = na.Network.layered([2, 100, 1], seed=0)
    with pytest.raises(KeyboardInterrupt):
        na.predict(net, X, channels)
    assert 7 <= born <= 20


def test_it_strikes_what_makes_large_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    def struck(*_: Any) -> None:
        interrupt()
        went_on.append(True)

    went_on: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        na.predict(NET, X, channels=struck)
    monkeypatch.setattr(carried_rows, "Backward", struck)
    with pytest.raises(KeyboardInterrupt):
        na.gradient(NET, X, TARGETS)
    assert not went_on


def test_one_that_comes_while_closing_is_raised_when_all_have_ended(channels: str) -> None:
    class Closing(engines.choose_channels(channels)):  # type: ignore[misc]
        def stop(self) -> None:
            interrupt()
            super().stop()

        def close(self) -> None:
            closed.append(trio.lowlevel.current_statistics().tasks_living)
            super().close()

    closed: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        na.predict(NET, X, channels=Closing)
    assert closed == [4]  # trio's own two, the one that asks, and the society


@pytest.mark.parametrize("launched", [True, False])
def test_inside_a_loop_it_takes_a_thread_along_that_is_just_launched(
    launched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start
    threads: list[threading.Thread] = []

    def struck(thread: threading.Thread) -> None:
        if thread.name != "neuro_actors":
            return start(thread)
        if launched:
            threads.append(thread)
            start(thread)
        raise KeyboardInterrupt

    async def main() -> None:
        monkeypatch.setattr(threading.Thread, "start", struck)
        with pytest.raises(KeyboardInterrupt):
            run(trio.sleep_forever)

    asyncio.run(main())
    for thread in threads:
        thread.join()
