"""A Ctrl-C at a chosen place of a run."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest
import trio

import neuro_actors as na

Place = tuple[str, int, str]
NET = na.Network.layered([2, 3, 1], seed=0)
X, TARGETS = np.ones((2, 2)), np.ones((2, 1))


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def watched(ask: Callable[[], object], strike: Callable[[Place], bool]) -> None:
    """Run it, with a Ctrl-C at the first place at which `strike` says so. Asked are the places at which Python looks for
    signals: where a function begins, and where a call into C returns; in tasks alone."""

    def look(frame: FrameType, event: str, arg: Any) -> None:
        if event not in ("call", "c_return") or not trio.lowlevel.in_trio_task():
            return
        if event == "call" and frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti + 1] >= 2:
            return  # not a beginning: it goes on after an await
        if (
            strike((frame.f_code.co_filename, frame.f_lineno, event))
            and not trio.lowlevel.currently_ki_protected()
        ):
            sys.setprofile(None)
            interrupt()

    sys.setprofile(look)
    try:
        ask()
    finally:
        sys.setprofile(None)


def interrupt_at_every_place(channels: str | na.Unreliable, every: int = 1) -> None:
    """Train once for each place where Python looks for signals, with a Ctrl-C there: each run ends with it.

    every: 2 leaves out every second place, and so on.
    """

    def ask() -> None:
        na.train(NET, X, TARGETS, optimizer=na.SGD(0.1), epochs=1, batch_size=1, channels=channels)

    def noted(place: Place) -> bool:
        if not trio.lowlevel.currently_ki_protected():
            places.setdefault(place)
        return False

    places: dict[Place, None] = {}
    ask()
    watched(ask, noted)
    assert len(places) > 20
    gc.freeze()  # so that a collection is quick
    try:
        for place in list(places)[::every]:
            # A generator of the run before, which a Ctrl-C has left suspended, is closed here. If it
            # were closed within the next run, that would be a place, and Python ignores errors there.
            gc.collect()
            with pytest.raises(KeyboardInterrupt):
                watched(ask, place.__eq__)
            assert gc.isenabled()
    finally:
        gc.unfreeze()
