"""Every rival computes the same gradient; nothing here is timed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.paths import BENCHMARKS
from helpers.tiers import few, need
from rich.console import Console

import neuro_actors as na
from neuro_actors.cli.benchmark import __main__ as program
from neuro_actors.cli.benchmark import timing
from neuro_actors.cli.benchmark.__main__ import print_tables
from neuro_actors.cli.benchmark.actors import AsyncioActors, BareTrio, PykkaActors, RulesAlone
from neuro_actors.cli.benchmark.rivals import (
    Matrices,
    MemoryChannels,
    Micrograd,
    Society,
    Torch,
    Work,
)

CHECKED = [Society, MemoryChannels, Matrices, AsyncioActors, PykkaActors, Torch]
NEEDS = {Torch: "torch", Micrograd: "micrograd", PykkaActors: "pykka"}


@pytest.fixture
def rival(request: pytest.FixtureRequest) -> type:
    if request.param in NEEDS:
        need(NEEDS[request.param])
    return request.param


@pytest.mark.parametrize("rival", [*CHECKED, Micrograd], ids=lambda kind: kind.name, indirect=True)
@pytest.mark.parametrize(
    ("batch", "activation"), few([(3, "tanh"), (1, "tanh"), (1, "relu"), (3, "relu")], 1)
)
async def test_a_rivals_gradient_is_the_references(rival, batch: int, activation: str) -> None:
    if rival is Micrograd and (batch, activation) != (1, "relu"):
        return  # it has no other
    work = Work((3, 5, 4, 2), batch, activation)
    (timed,) = await timing.side_by_side(work, (rival,), 2, 0.0, lambda name: None)
    assert timed.checked
    assert (timed.work, timed.batch, timed.rival) == (str(work), batch, rival.name)
    assert timed.cpu > 0


async def test_another_gradient_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Matrices.gradient
    monkeypatch.setattr(Matrices, "gradient", lambda self: right(self) * (1 + 1e-9))
    with pytest.raises(AssertionError, match="numpy matrices computes another gradient"):
        await timing.side_by_side(Work((3, 4, 2), 2), (Matrices,), 1, 0.0, lambda name: None)


async def test_as_many_messages_are_counted_as_a_society_sends() -> None:
    work = Work((3, 5, 4, 2), 1)
    async with na.open_simulation(work.network()) as simulation:
        await simulation.gradient(*work.examples())
        assert simulation.statistics().messages == BareTrio(work).count_messages()


async def test_the_tables(capsys) -> None:
    rivals = (Society, Matrices, BareTrio, RulesAlone)
    found = await timing.side_by_side(Work((3, 5, 2), 1), rivals, 2, 0.0, lambda name: None)
    print_tables(found, Console(width=100))
    out = capsys.readouterr().out
    assert "3-5-2, batch 1: one gradient" in out
    for kind in rivals:
        assert kind.name in out
    assert json.loads(json.dumps(timing.to_json(found)))["machine"]["versions"]["trio"]


def test_quick_is_less() -> None:
    quick, full = (sum(len(rivals) for _, rivals in timing.plan(q)) for q in (True, False))
    assert quick < full


def test_bench_says_what_is_wrong(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "neuro_actors",
        "bench",
        "--json",
        str(tmp_path / "none" / "b.json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no folder" in done.stderr


def test_growth_of_one_size() -> None:
    script = BENCHMARKS / "growth.py"
    done = subprocess.run(
        [sys.executable, str(script), "--one", "20", "10"],
        capture_output=True,
        text=True,
        check=True,
    )
    row = json.loads(done.stdout)
    assert (row["synapses"], row["neurons"]) == (1800, 200)
    assert row["seconds"] > 0


@pytest.mark.parametrize(
    ("error", "code"), [(OSError(28, "No space left"), 2), (KeyboardInterrupt(), 130)]
)
def test_an_output_that_cannot_be_written(
    error, code: int, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    def main(_: list[str]) -> None:
        raise error

    monkeypatch.setattr(program, "main", main)
    monkeypatch.setattr(program, "drop_output", lambda: None)
    with pytest.raises(SystemExit) as ended:
        program._run()
    assert ended.value.code == code
    line = "neuro-actors: the output cannot be written: No space left\n"
    assert capsys.readouterr().err == (line if code == 2 else "")
