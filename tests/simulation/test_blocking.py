from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
import trio
from helpers.comparing import same_bits

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
