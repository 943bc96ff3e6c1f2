"""A call without `await` does nothing; when the block is left, an error says which one it was."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import trio

import neuro_actors as na
from neuro_actors.simulation.forgotten_calls import MOST

MATCH = r"^train_step\(\) was called without `await`, .*: write `await simulation\.train_step\(\.\.\.\)`$"


async def test_the_call_is_named(diamond, batch) -> None:
    with pytest.raises(na.SimulationError, match=MATCH):
        async with na.open_simulation(diamond) as simulation:
            await simulation.predict(batch[0])
            for _ in range(MOST + 1):
                # the call that is one too many is dropped, and Python warns of it
                last = simulation.train_step(*batch, optimizer=na.SGD(0.1))
            last.close()
            await simulation.predict(batch[0])
    gc.collect()  # no warning: they are closed


async def test_an_error_that_comes_of_it_has_a_note(diamond, batch) -> None:
    with pytest.raises(AttributeError, match="coroutine") as caught:
        async with na.open_simulation(diamond) as simulation:
            print(simulation.train_step(*batch, optimizer=na.SGD(0.1)).loss)
    (note,) = caught.value.__notes__
    assert note.startswith("train_step() was called without `await`")


async def test_calls_that_tasks_are_started_for_are_none(diamond, batch) -> None:
    found: list[np.ndarray] = []

    async def note(call) -> None:
        found.append(await call)

    async with trio.open_nursery() as nursery, na.open_simulation(diamond) as simulation:
        async with trio.open_nursery() as inner:
            for _ in range(3):
                inner.start_soon(note, simulation.predict(batch[0]))
                inner.start_soon(simulation.predict, batch[0])
        nursery.start_soon(late, simulation.predict, batch[0])
    assert len(found) == 3


async def late(method, *args) -> None:
    """It comes when the block is left, and is refused."""
    with pytest.raises(na.SimulationError, match="closed"):
        await method(*args)


async def test_a_task_that_has_not_begun_when_the_block_is_left(diamond, batch) -> None:
    with pytest.RaisesGroup(
        pytest.RaisesExc(na.SimulationError, match="this simulation is closed")
    ):
        async with trio.open_nursery() as nursery, na.open_simulation(diamond) as simulation:
            await simulation.predict(batch[0])
            nursery.start_soon(simulation.predict, batch[0])
