"""What a review of the log found: each of these once went wrong."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import trio
from click.testing import CliRunner
from helpers.forgery import read, sealed, write

import neuro_actors as na
from neuro_actors.cli.command_line import cli
from neuro_actors.log import log_page
from neuro_actors.log.recorder import LogRecorder

KIND, NOTE = 1, 6  # columns


async def learn(path, diamond, batch, steps: int = 3, optimizer=None, **options) -> None:
    async with na.open_simulation(diamond, log=na.Recording(path, **options)) as simulation:
        for _ in range(steps):
            await simulation.train_step(*batch, optimizer=optimizer or na.SGD(0.1))


async def test_a_page_is_bounded_in_numbers_too(
    channels: str, diamond, batch, tmp_path, monkeypatch
) -> None:
    """Else a large batch on a small network would ask for as much room as 8,192 rows of it take."""
    monkeypatch.setattr(log_page, "MOST_VALUES", 16 * 200)
    async with na.open_simulation(diamond, channels, log=tmp_path / "a.arrows") as simulation:
        await simulation.gradient(*batch)
        assert simulation._task.log._page.values.size <= 200
        await simulation.gradient(*batch)
    assert na.audit(tmp_path / "a.arrows").passed


async def test_a_log_that_is_open_survives_its_replacement(diamond, batch, tmp_path) -> None:
    """It is mapped into memory: a file that shrinks beneath it would end the process."""
    await learn(tmp_path / "a.arrows", diamond, batch, 200)
    log = na.open_log(tmp_path / "a.arrows")
    await learn(tmp_path / "a.arrows", diamond, batch, 1, overwrite=True)
    assert log.step(150).weights.shape == (5,)
    assert len(na.open_log(tmp_path / "a.arrows")) == 1


def test_a_simulation_that_nobody_leaves_ends_with_the_run(tmp_path) -> None:
    code = """
import sys, numpy as np, trio, neuro_actors as na
async def main():
    block = na.open_simulation(na.Network.layered([2, 3, 1], seed=0), log=sys.argv[1])
    simulation = await block.__aenter__()
    await simulation.predict(np.ones((1, 2)))
trio.run(main)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.arrows")], check=True, timeout=60)
    assert na.open_log(tmp_path / "a.arrows").complete


async def test_a_block_is_entered_once(diamond) -> None:
    block = na.open_simulation(diamond)
    async with block:
        with pytest.raises(na.SimulationError, match="^this block was entered before"):
            async with block:
                pass


async def test_what_fails_between_steps_is_the_simulations_failure(
    diamond, batch, tmp_path, monkeypatch
) -> None:
    """And no internal error of trio's."""
    monkeypatch.setattr("neuro_actors.log.recorder.FLUSH_SECONDS", 0.01)

    def fails(self) -> None:
        raise MemoryError("no room")

    with pytest.raises(na.SimulationError, match="the log cannot be written: MemoryError"):
        async with na.open_simulation(diamond, log=tmp_path / "a.arrows") as simulation:
            with monkeypatch.context() as patch:
                patch.setattr(LogRecorder, "write_what_waits", fails)
                while simulation._task.failure is None:
                    await trio.sleep(0.01)
            await simulation.predict(batch[0])


async def test_a_log_that_could_not_be_closed_is_reported_beside_the_blocks_own_error(
    diamond, tmp_path, monkeypatch
) -> None:
    close = LogRecorder.close

    def fails(self) -> None:
        close(self)  # else the file is open until the collector finds it, in another test
        raise na.LogError("no disk")

    monkeypatch.setattr(LogRecorder, "close", fails)
    with pytest.raises(ValueError, match="mine") as caught:
        async with na.open_simulation(diamond, log=tmp_path / "a.arrows"):
            raise ValueError("mine")
    assert caught.value.__notes__ == ["and on leaving: no disk"]


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": {"name": "StepDecay", "start": 0.1, "every": 1, "factor": 0.5}},
        {"batch": 2**31 - 1},
        {
            "optimizer": {
                "name": "SGD",
                "learning_rate": {
                    "name": "StepDecay",
                    "start": 5.0,
                    "every": 1,
                    "factor": 0.5,
                    "rate": 0.1,
                },
                "momentum": 0.0,
                "weight_decay": 0.0,
            }
        },
        {
            "optimizer": {
                "name": "SGD",
                "learning_rate": {"zzz": 1, "rate": 0.1},
                "momentum": 0.0,
                "weight_decay": 0.0,
            }
        },
        {
            "optimizer": {
                "name": "SGD",
                "learning_rate": {"name": "f", "rate": "0.1"},
                "momentum": 0.0,
                "weight_decay": 0.0,
            }
        },
        {"optimizer": {"learning_rate": 0.1, "name": "SGD", "momentum": 0.0, "weight_decay": 0.0}},
    ],
)
async def test_notes_that_no_run_writes_are_refused(change, diamond, batch, tmp_path) -> None:
    """Though every seal was made anew."""
    await learn(tmp_path / "a.arrows", diamond, batch, 1)
    metadata, rows = read(tmp_path / "a.arrows")
    assert na.audit(tmp_path / "a.arrows").passed
    rows[0][NOTE] = json.dumps(json.loads(rows[0][NOTE]) | change)
    write(tmp_path / "b.arrows", metadata, sealed(metadata, rows))
    audit = na.audit(tmp_path / "b.arrows")
    assert not audit.passed
    assert audit.lie is not None


async def test_counts_that_no_run_can_reach_are_refused(diamond, batch, tmp_path) -> None:
    async with na.open_simulation(
        diamond, log=na.Recording(tmp_path / "a.arrows", every=3)
    ) as simulation:
        for _ in range(2):
            await simulation.predict(batch[0])
        for _ in range(2):
            await simulation.train_step(*batch, optimizer=na.SGD(0.1))
    metadata, rows = read(tmp_path / "a.arrows")
    assert na.audit(tmp_path / "a.arrows").passed
    for row in rows:
        if row[KIND] == "begin":
            row[NOTE] = (
                row[NOTE]
                .replace('"update": 1', '"update": 3')
                .replace('"update": 2', '"update": 4')
            )
    write(tmp_path / "b.arrows", metadata, sealed(metadata, rows))
    assert na.audit(tmp_path / "b.arrows").lie is not None


async def test_info_of_a_log_with_an_unknown_kind(diamond, batch, tmp_path) -> None:
    await learn(tmp_path / "a.arrows", diamond, batch, 1)
    metadata, rows = read(tmp_path / "a.arrows")
    rows[-1][KIND] = "gossip"
    write(tmp_path / "b.arrows", metadata, rows)
    found = CliRunner().invoke(
        cli, ["log", "info", str(tmp_path / "b.arrows")], catch_exceptions=False
    )
    assert "cut off" in found.output


async def test_no_step_is_read_for_what_was_not_recorded(
    diamond, batch, tmp_path, monkeypatch
) -> None:
    await learn(tmp_path / "a.arrows", diamond, batch, 5, phases=["forward"])
    log = na.open_log(tmp_path / "a.arrows")
    monkeypatch.setattr(type(log), "_step", lambda *_: pytest.fail("it cannot hold it"))
    assert np.array_equal(log.network_at(5).weights, diamond.weights)
