"""Handlers of signals belong to the process: whatever strikes, those before are put back."""

from __future__ import annotations

import signal

import pytest

from neuro_actors.simulation.checkpoint.signals import StopSignals
from neuro_actors.support import signal_exceptions
from neuro_actors.support.signal_exceptions import HandlerExceptions

if not hasattr(signal, "SIGALRM"):
    pytest.skip("needs SIGALRM, which this system does not have", allow_module_level=True)

NUMBERS = signal.SIGALRM, signal.SIGINT, signal.SIGTERM


@pytest.fixture(autouse=True)
def handlers():
    """A handler of the user's own for each signal."""
    before = {number: signal.signal(number, lambda *_: None) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def current() -> list[object]:
    return [signal.getsignal(number) for number in NUMBERS]


MANAGERS = [StopSignals, HandlerExceptions, lambda: HandlerExceptions(lambda: None)]


@pytest.mark.parametrize("manager", MANAGERS)
@pytest.mark.parametrize("is_done", [True, False])
@pytest.mark.parametrize("call", range(1, 3))
def test_a_ctrl_c_while_handlers_are_put_back_leaves_none_behind(
    manager, is_done: bool, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, put, calls = current(), signal.signal, []

    def interrupted(number, handler) -> None:
        calls.append(number)
        if len(calls) == call:
            if is_done:
                put(number, handler)
            raise KeyboardInterrupt
        put(number, handler)

    with pytest.raises(KeyboardInterrupt), manager():
        assert current() != before
        monkeypatch.setattr(signal, "signal", interrupted)
    assert len(calls) >= call
    assert current() == before


@pytest.mark.parametrize("manager", MANAGERS)
def test_a_ctrl_c_while_they_are_taken_leaves_none_behind(
    manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, put, calls = current(), signal.signal, []

    def interrupted(number, handler) -> None:
        put(number, handler)
        calls.append(number)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(signal, "signal", interrupted)
    with pytest.raises(KeyboardInterrupt), manager():
        raise AssertionError
    assert current() == before


def test_a_ctrl_c_at_the_end_of_a_cancelled_run_does_not_cancel_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a handler has raised is noted for the trials of user functions, until the run has ended."""

    def strike(*_: object) -> None:
        raise TimeoutError

    def interrupted(*_: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, strike)
    with pytest.raises(KeyboardInterrupt), HandlerExceptions(lambda: None):
        signal.raise_signal(signal.SIGALRM)
        monkeypatch.setattr(signal, "signal", interrupted)
    signal_exceptions.raise_noted()


def test_a_handler_that_was_set_in_the_meantime_may_call_the_one_before() -> None:
    def strike(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, strike)
    with HandlerExceptions(lambda: None):
        inner = signal.getsignal(signal.SIGALRM)
        signal.signal(signal.SIGALRM, lambda *given: inner(*given))
    with pytest.raises(TimeoutError):  # it was noted, and never raised
        signal.raise_signal(signal.SIGALRM)
    signal_exceptions.raise_noted()
