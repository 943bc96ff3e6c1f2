"""What a signal handler raises is what the caller receives: as it is, whatever it strikes."""

from __future__ import annotations

import functools
import signal
import time

import numpy as np
import pytest
import trio
from helpers.systems import need_alarm
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.neuron.local_rule import LocalRule
from neuro_actors.neuron.optimizer_identity import optimizer_identity
from neuro_actors.simulation import blocking
from neuro_actors.support import signal_exceptions
from neuro_actors.support.signal_exceptions import (
    HandlerExceptions,
    is_from_handler,
    passes_handler_exceptions,
)

pytestmark = need_alarm


class TimeIsUp(Exception):
    pass


class Interrupt(KeyboardInterrupt):
    pass


KINDS = [TimeIsUp, TimeoutError, Interrupt]  # TimeoutError is an OSError, which a disk raises too


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest):
    """The exception that the handler of SIGALRM raises."""

    def handler(*_: object) -> None:
        raise request.param("mine")

    before = signal.signal(signal.SIGALRM, handler)
    yield request.param
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert signal.getsignal(signal.SIGALRM) is handler
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def net() -> na.Network:
    return na.Network.layered([4, 20, 1], seed=0)


X, TARGETS = np.zeros((20, 4)), np.zeros((20, 1))


def train_long(monkeypatch: pytest.MonkeyPatch, seconds: float, **more: object) -> None:
    """Train for ever. The time begins in the fifth step or so, however long the run takes to start."""
    calls = iter(range(10**9))

    def value(z: np.ndarray) -> np.ndarray:
        if z.size == 10 and next(calls) == 100:
            signal.setitimer(signal.ITIMER_REAL, seconds)
        return z.copy()

    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    na.add_activation("times", value=value, slope=lambda z, a: np.ones_like(z))
    net = na.Network.layered([4, 20, 1], activation="times", seed=0)
    na.train(net, X, TARGETS, optimizer=na.SGD(0.01), epochs=10**6, batch_size=10, **more)


@pytest.mark.parametrize("seconds", [0.03, pytest.param(0.11, marks=pytest.mark.slow)])
@pytest.mark.parametrize("channels", few(["bundled", "memory", na.Unreliable(drop=0.1)], 1))
def test_a_time_limit_around_a_run(kind, net, channels, seconds, monkeypatch) -> None:
    with pytest.raises(kind, match="^mine$") as caught:
        train_long(monkeypatch, seconds, channels=channels)
    assert caught.value.__cause__ is None
    assert na.predict(net, X).shape == (20, 1)


def test_what_was_saved_before_the_limit_is_whole(tmp_path, kind, monkeypatch) -> None:
    with pytest.raises(kind):
        files = {"log": tmp_path / "a.arrows", "checkpoint": tmp_path / "run"}
        train_long(monkeypatch, 0.1, every=1, **files)
    assert na.open_log(tmp_path / "a.arrows").complete
    names = {file.name.partition("-")[0] for file in (tmp_path / "run").iterdir()}
    assert names == {"data.safetensors", "step"}


def test_a_function_that_hangs_is_interrupted(kind) -> None:
    calls: list[int] = []

    def value(z: np.ndarray) -> np.ndarray:
        if z.size == 20:
            calls.append(1)
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            time.sleep(30)
            calls.append(2)  # nothing has interrupted it
        return z.copy()

    na.add_activation("hangs", value=value, slope=lambda z, a: np.ones_like(z))
    net = na.Network.layered([1, 3, 2], activation="hangs", seed=0)
    try:
        with pytest.raises(kind):
            na.predict(net, np.ones((20, 1)))
    finally:
        del na.ACTIVATIONS["hangs"]
    assert calls == [1]


async def test_in_a_trio_program_no_neuron_is_blamed(kind) -> None:
    """The exception strikes a neuron's function, and ends the society as it is."""
    na.add_activation(
        "strikes",
        value=lambda z: (z.size == 21 and signal.raise_signal(signal.SIGALRM), z.copy())[1],
        slope=lambda z, a: np.ones_like(z),
    )
    net = na.Network([na.Input("x"), na.Neuron("y", "strikes")], [na.Synapse("x", "y", 1.0)], ["y"])
    try:
        with pytest.raises(kind, match="^mine$"):
            async with na.open_simulation(net) as simulation:
                await simulation.predict(np.ones((21, 1)))
    finally:
        del na.ACTIVATIONS["strikes"]


class Struck(LocalRule):
    """The signal arrives when a neuron fires for the first time."""

    __slots__ = ()
    armed = True

    def fire(self, *args) -> None:
        if Struck.armed:
            Struck.armed = False
            signal.raise_signal(signal.SIGALRM)
        super().fire(*args)


class StrikesOnce(na.rules.Rule):
    def neuron(self, network: na.Network, k: int, sums) -> Struck:
        return Struck(*na.rules.own(network, k), sums)


@pytest.mark.parametrize("use", ["log", "channels", "micro_batches", "network"])
async def test_in_a_trio_program_no_trial_of_a_rule_swallows_it(
    kind, net, tmp_path, monkeypatch, use: str
) -> None:
    """Before work, and for what was learned, a rule of one's own is tried: what it raises there means nothing."""
    settings = {
        "log": {"log": tmp_path / "run.arrows"},
        "channels": {"channels": na.Unreliable()},
        "micro_batches": {"micro_batches": 2},
        "network": {},
    }
    monkeypatch.setattr(Struck, "armed", use != "network")
    with pytest.raises(kind, match=r"^mine$"):
        async with na.open_simulation(net, rule=StrikesOnce(), **settings[use]) as simulation:
            await simulation.train_step(X, TARGETS, optimizer=na.SGD(0.1))
            Struck.armed = True
            await simulation.network()
    assert not Struck.armed


def test_in_a_trio_program_no_trial_of_an_optimizer_swallows_it(kind) -> None:
    class Strikes(na.SGD):
        def update(self, *args):
            if args[-1] == 7:  # a number that other numbers follow
                signal.raise_signal(signal.SIGALRM)
            return super().update(*args)

    with pytest.raises(kind, match=r"^mine$"):
        optimizer_identity(Strikes(0.1))


def test_a_time_limit_makes_no_liar(kind, net, tmp_path) -> None:
    """Where it strikes the replay of a neuron, the audit would say that the neuron lies."""
    path = tmp_path / "a.arrows"
    na.train(net, X, TARGETS, optimizer=na.SGD(0.01), epochs=1, batch_size=10, log=path)

    with pytest.MonkeyPatch.context() as patch:
        tanh = na.ACTIVATIONS["tanh"]
        strikes = functions.Activation(
            lambda z: (signal.raise_signal(signal.SIGALRM), tanh.value(z))[1],
            tanh.slope,
            tanh.curvature,
        )
        patch.setitem(na.ACTIVATIONS, "tanh", strikes)
        with pytest.raises(kind, match="^mine$"):
            na.audit(path)


@passes_handler_exceptions
def turns_errors_into_its_own(swallows: bool) -> int:
    try:
        signal.raise_signal(signal.SIGALRM)
    except (Exception, KeyboardInterrupt) as error:
        if not swallows:
            raise na.LogError(f"it cannot be read: {error}") from error
    return 1


@pytest.mark.parametrize("swallows", [True, False])
def test_a_function_can_neither_swallow_nor_rename_it(kind, swallows: bool) -> None:
    with pytest.raises(kind, match="^mine$") as caught:
        turns_errors_into_its_own(swallows)
    assert caught.value.__context__ is None


def test_handlers_that_return_are_called_and_stay(net) -> None:
    numbers: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: numbers.append(number))
    handler = signal.getsignal(signal.SIGALRM)
    try:
        with HandlerExceptions():
            signal.raise_signal(signal.SIGALRM)
        assert numbers == [signal.SIGALRM]
        assert signal.getsignal(signal.SIGALRM) is handler
        with HandlerExceptions():
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN  # set in the meantime
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_run_that_is_cancelled_before_it_begins(kind) -> None:
    def strike(*_: object) -> None:
        signal.raise_signal(signal.SIGALRM)

    with pytest.MonkeyPatch.context() as patch:
        run = trio.run
        patch.setattr(trio, "run", lambda *a, **k: (strike(), run(*a, **k))[1])
        begun: list[None] = []

        async def society() -> None:
            begun.append(None)

        with pytest.raises(kind):
            blocking.run(society)
        assert not begun


class Callable:
    def __call__(self, *_: object) -> None:
        raise TimeIsUp

    def method(self, *_: object) -> None:
        raise TimeIsUp


@pytest.mark.parametrize(
    "handler", [Callable(), Callable().method, functools.partial(Callable().method, 1)]
)
def test_the_traceback_says_that_a_handler_raised(handler) -> None:
    before = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(TimeIsUp) as caught:
            signal.raise_signal(signal.SIGALRM)
        assert is_from_handler(caught.value)
        assert not is_from_handler(ValueError())
        with pytest.raises(ZeroDivisionError) as other:
            _ = 1 / 0
        assert not is_from_handler(other.value)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_only_the_main_thread_looks_at_handlers(monkeypatch: pytest.MonkeyPatch, net) -> None:
    asked: list[int] = []
    monkeypatch.setattr(signal_exceptions, "_python_handled", lambda: asked.append(1) or [])
    na.predict(net, X)
    assert asked == [1, 1]
    trio.run(trio.to_thread.run_sync, na.predict, net, X)
    assert asked == [1, 1]


def test_trios_handler_of_a_ctrl_c_stays_where_it_is() -> None:
    """A run of trio puts Python's handler back only if it finds its own at its end."""

    async def main() -> tuple[object, object]:
        here = signal.getsignal(signal.SIGINT)
        return here, passes_handler_exceptions(lambda: signal.getsignal(signal.SIGINT))()

    outside, inside = trio.run(main)
    assert inside is outside is not signal.default_int_handler
