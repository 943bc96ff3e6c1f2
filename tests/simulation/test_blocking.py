from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import signal
import sys
import threading
import warnings

import numpy as np
import pytest
import trio
from helpers.comparing import same_bits
from helpers.systems import need_alarm

import neuro_actors as na
from neuro_actors.neuron.sums import ORDERED


def ask(diamond, batch) -> na.Gradient:
    return na.gradient(diamond, *batch, wrt_inputs=True)


def test_the_same_bits_as_an_open_simulation(diamond, batch) -> None:
    async def opened() -> na.Gradient:
        async with na.open_simulation(diamond) as simulation:
            return await simulation.gradient(*batch, wrt_inputs=True)

    assert same_bits(ask(diamond, batch), trio.run(opened))
    assert np.array_equal(na.predict(diamond, batch[0]), ask(diamond, batch).predictions)


def test_each_takes_sums(diamond, batch, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        "neuro_actors.simulation.opening.choose_sums", lambda sums: asked.append(sums) or ORDERED
    )
    na.gradient(diamond, *batch, sums="mine")
    na.predict(diamond, batch[0], sums="mine")
    na.train(diamond, *batch, optimizer=na.SGD(0.01), epochs=1, sums="mine")
    assert asked == ["mine"] * 3


@pytest.mark.parametrize("run", [asyncio.run, trio.run])
def test_inside_a_running_loop(run, diamond, batch) -> None:
    async def inside(*_) -> tuple[na.Gradient, na.TrainingResult]:
        return ask(diamond, batch), na.train(diamond, *batch, optimizer=na.SGD(0.01), epochs=2)

    gradient, result = run(inside()) if run is asyncio.run else run(inside)
    assert same_bits(gradient, ask(diamond, batch))
    assert len(result.history) == 2
    assert not [t for t in threading.enumerate() if t.name == "neuro_actors"]


@pytest.mark.parametrize("run", [asyncio.run, trio.run])
def test_the_callers_context_inside_a_running_loop(run, diamond, batch) -> None:
    """A notebook's thread sees the context variables of the cell."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="missing")
    seen = []

    class Seeing(na.rules.Backpropagation):
        def rounds(self, network, x):
            seen.append(variable.get())
            return super().rounds(network, x)

    async def inside(*_) -> None:
        variable.set("mine")
        na.train(diamond, *batch, optimizer=na.SGD(0.01), epochs=1, rule=Seeing())

    run(inside()) if run is asyncio.run else run(inside)
    assert set(seen) == {"mine"}


@need_alarm
def test_an_interrupted_wait_for_the_thread_ends_the_society(
    diamond, batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Python 3.11 an interrupted `Thread.join` says of a thread that runs that it has ended."""

    async def inside() -> None:
        na.train(diamond, *batch, optimizer=na.SGD(0.01), epochs=10**6)

    async def strike() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        await inside()

    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(strike())
        assert not [t for t in threading.enumerate() if t.name == "neuro_actors"]
    finally:
        signal.signal(signal.SIGALRM, before)


def test_societies_in_threads_leave_the_process_as_it_was(diamond, batch) -> None:
    """What belongs to the process, such as the collector, is never taken and put back: others may do that in between."""
    before = gc.isenabled(), os.environ.copy(), warnings.filters[:], sys.getswitchinterval()
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        for module, name in [(gc, "disable"), (gc, "enable"), (os, "umask"), (os, "chdir")]:
            patch.setattr(module, name, lambda *_, name=name: calls.append(name))
        threads = [threading.Thread(target=ask, args=(diamond, batch)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not calls
    assert before == (
        gc.isenabled(),
        os.environ.copy(),
        warnings.filters[:],
        sys.getswitchinterval(),
    )


@pytest.mark.parametrize("run", [asyncio.run, trio.run])
def test_an_error_inside_a_running_loop_is_the_same(run, diamond) -> None:
    async def inside(*_) -> None:
        na.gradient(diamond, [[1.0, 2.0]], [[0.0, 0.0]])

    with pytest.raises(na.InputError, match="^x: expected shape"):
        run(inside()) if run is asyncio.run else run(inside)


def test_from_another_thread(diamond, batch) -> None:
    results = []
    thread = threading.Thread(target=lambda: results.append(ask(diamond, batch)))
    thread.start()
    thread.join()
    assert same_bits(results[0], ask(diamond, batch))


def test_in_a_notebook_kernel() -> None:
    """What a notebook does: an asyncio loop runs, and cells are executed inside it."""
    code = "import neuro_actors as na\nloss = na.gradient(na.Network.layered([2, 1]), [[1, 2]], [[0]]).loss\n"

    async def cell() -> float:
        scope: dict[str, float] = {}
        exec(compile(code, "<cell>", "exec"), scope)
        return scope["loss"]

    assert asyncio.run(cell()) > 0
