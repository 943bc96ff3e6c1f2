"""Ctrl-C, SIGTERM and SIGKILL, in real processes; `python tests/programs/kill_trials.py` does more of the same."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from helpers.paths import PROGRAMS
from helpers.systems import need_kill

import neuro_actors as na
from neuro_actors.simulation.checkpoint.reading import Checkpoint
from neuro_actors.simulation.checkpoint.signals import NOTICE, StopSignals, TrainingStopped

KILLS = os.environ.get("NEURO_ACTORS_KILLS", "6")
INTERRUPTS = os.environ.get("NEURO_ACTORS_INTERRUPTS", "4")
X, TARGETS = np.linspace(-1, 1, 8)[:, None], np.linspace(0, 1, 8)[:, None]
NET = na.Network.layered([1, 3, 1], seed=0)


@pytest.fixture(autouse=True)
def not_ignored() -> Iterator[None]:
    """As it is in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def strikes(monkeypatch: pytest.MonkeyPatch, number: int, at: int) -> list[int]:
    """That signal comes in the middle of the at-th step of learning; how many there were."""
    ask, asked = na.Simulation.train_step, [0]

    async def struck(self, *more, **named):
        asked[0] += 1
        if asked[0] == at:
            signal.raise_signal(number)
        return await ask(self, *more, **named)

    monkeypatch.setattr(na.Simulation, "train_step", struck)
    return asked


def train(folder: Path | None = None, **more) -> na.TrainingResult:
    given = {"optimizer": na.Adam(0.1), "epochs": 3, "batch_size": 2} | more
    return na.train(NET, X, TARGETS, checkpoint=folder, **given)


def test_the_first_ctrl_c_ends_the_step_saves_and_says_how_to_go_on(
    tmp_path, monkeypatch, capfd
) -> None:
    folder, before = tmp_path / "my run", signal.getsignal(signal.SIGINT)
    asked = strikes(monkeypatch, signal.SIGINT, 5)
    with pytest.raises(KeyboardInterrupt):
        train(folder)
    assert asked == [5]
    assert signal.getsignal(signal.SIGINT) is before
    assert Checkpoint(folder).metadata["steps"] == 5
    how = f"neuro-actors: stopped after step 5 of 12, which is saved; go on with: neuro-actors resume {shlex.quote(str(folder))}\n"
    assert capfd.readouterr().err == NOTICE + how
    assert na.resume(folder) == train()


def test_handlers_are_given_back_whatever_happens(tmp_path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    train(tmp_path / "run")
    with pytest.raises(ZeroDivisionError), StopSignals():
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_without_checkpoints_no_handler_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_):
        raise AssertionError

    monkeypatch.setattr(StopSignals, "__enter__", refused)
    train()


def test_a_signal_that_is_ignored_stays_ignored(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        strikes(monkeypatch, signal.SIGINT, 5)
        assert train(tmp_path) == train()
    finally:
        signal.signal(signal.SIGINT, before)


def test_somebodys_own_handler_of_sigterm_hears_it_when_all_is_saved(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[int] = []
    before = signal.signal(
        signal.SIGTERM, lambda *_: received.append(Checkpoint(tmp_path).metadata["steps"])
    )
    try:
        strikes(monkeypatch, signal.SIGTERM, 7)
        with pytest.raises(SystemExit) as left:
            train(tmp_path)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (received, left.value.code) == ([7], 143)
    assert na.resume(tmp_path) == train()


def test_one_that_comes_in_the_last_step_is_not_lost(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strikes(monkeypatch, signal.SIGINT, 12)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path)
    assert na.resume(tmp_path) == train()


def test_one_that_comes_before_the_first_step(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    def entered(self) -> StopSignals:
        self.received = signal.SIGINT
        return self

    monkeypatch.setattr(StopSignals, "__enter__", entered)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path)
    monkeypatch.undo()
    assert Checkpoint(tmp_path).metadata["steps"] == 0
    assert na.resume(tmp_path) == train()


def test_stopped_leaves_as_the_signal_would() -> None:
    assert type(TrainingStopped(signal.SIGINT, "").deliver()) is KeyboardInterrupt


SLOW = """
import signal, sys, time
import numpy as np
import neuro_actors as na

calls = -1000  # what is tried out when it is added does not count
signal.signal(signal.SIGINT, signal.default_int_handler)

def slow(z):
    global calls
    calls += 1
    if calls > {quick}:
        print("begun", flush=True)
        time.sleep(0.05)
    return np.tanh(z)

na.add_activation("slow", slow, lambda z, a: 1 - a * a)
net = na.Network.layered([1] * {depth} + [1], activation="slow")
calls = 0
na.train(net, [[1.0], [0.5]], [[0.0], [1.0]], optimizer=na.SGD(0.1), epochs=50, batch_size=1, checkpoint=sys.argv[1])
"""


@contextmanager
def started(folder: Path, depth: int, quick: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A real process, which is in the middle of a step; the first `quick` activations take no time."""
    code = SLOW.format(depth=depth, quick=quick)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=-1, stderr=-1, text=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "begun\n"
            yield child
        finally:
            child.kill()


@need_kill
def test_sigterm_saves_and_ends_the_process_as_it_would_have(tmp_path) -> None:
    with started(tmp_path, 2) as child:
        child.send_signal(signal.SIGTERM)
        _, errors = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGTERM
    steps = Checkpoint(tmp_path).metadata["steps"]
    assert steps > 0
    assert f"stopped after step {steps} of 100, which is saved" in errors


@need_kill
def test_the_second_ctrl_c_leaves_at_once(tmp_path) -> None:
    """In the middle of the second step, which is not saved; in the first, all tasks start in one go of trio's loop."""
    depth = 100
    with started(tmp_path, depth, quick=depth + 1) as child:
        child.send_signal(signal.SIGINT)
        assert child.stderr is not None
        assert [child.stderr.readline(), child.stderr.readline()] == ["\n", NOTICE.lstrip("\n")]
        child.send_signal(signal.SIGINT)
        out, errors = child.communicate(timeout=60)
    assert child.returncode in (130, -signal.SIGINT)
    assert out.count("begun") < depth / 2
    assert "KeyboardInterrupt" in errors
    assert "stopped after" not in errors
    assert Checkpoint(tmp_path).metadata["steps"] == 0


@pytest.mark.slow
def test_processes_killed_and_interrupted_go_on_to_the_same_bits() -> None:
    script = PROGRAMS / "kill_trials.py"
    arguments = ["--kills", KILLS, "--interrupts", INTERRUPTS, "--epochs", "2", "--every-call"]
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == [
        f"{KILLS} x SIGKILL",
        f"{INTERRUPTS} x Ctrl-C",
    ]
    assert "SIGKILL at each of " in lines[2]
    assert "half files aside" in lines[2]


def test_a_handler_that_was_set_in_the_meantime_stays() -> None:
    before = signal.getsignal(signal.SIGTERM)
    mine = signal.SIG_IGN
    try:
        with StopSignals():
            signal.signal(signal.SIGTERM, mine)
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
