"""`neuro-actors faults`: what it prints of storms that went well; and of those that did not, reduced to few faults."""

from __future__ import annotations

import json
import re
import sys

import pytest
from helpers.cli_logs import run
from helpers.protocol_mutants import no_answer_to_the_past, parameters_forgotten

import neuro_actors as na
from neuro_actors.channels.unreliable.faults import Kill, Lose
from neuro_actors.cli import main as cli
from neuro_actors.proof import fault_campaign
from neuro_actors.proof import shrink as shrinking


def test_storms_that_are_survived(tmp_path) -> None:
    file = tmp_path / "figures.json"
    out, _ = run("faults", "--schedules", "5", "--seed", "1", "--json", str(file))
    assert out.startswith("5 storms, ")
    assert out.rstrip().endswith(
        "All 5 were survived: the same bits, the same messages, nobody left behind."
    )
    assert max(len(line) for line in out.splitlines()) <= 80
    held = json.loads(file.read_text())
    assert held["failed"] == []
    assert held["schedules"] == len(held["virtual_seconds"]) == 5
    assert held["counts"]["sent"] > held["calm_messages"]
    told = re.search(r"([\d,]+) messages would do without faults, ([\d,]+) were sent", out)
    assert [int(number.replace(",", "")) for number in told.groups()] == [
        held["calm_messages"],
        held["counts"]["sent"],
    ]
    assert sum(held["deaths_by_place"].values()) == held["counts"]["died"] == held["counts"]["died"]


def test_one_is_replayed() -> None:
    first, second = (run("faults", "--seed", "1", "--replay", "3")[0] for _ in range(2))
    assert first == second
    assert "na.Unreliable(drop=" in first
    assert re.search(r"^ +\d+\.\d+ s  step 1  lost       \w+ \S+ -> \S+", first, re.MULTILINE)
    assert first.rstrip().endswith("of virtual time: the same bits, the same messages.")


def test_what_goes_wrong_is_told_and_replayed(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters_forgotten(monkeypatch.setattr)
    outputs = []
    for arguments in (["--schedules", "8", "--seed", "1"], ["--seed", "1", "--replay"]):
        number = re.findall(r"--replay (\d+)", outputs[0])[:1] if outputs else []
        monkeypatch.setattr(sys, "argv", ["neuro-actors", "faults", *arguments, *number])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 1
        outputs.append(capsys.readouterr().out)
    told = "  different bits\n  fewer faults are enough: na.Unreliable("
    assert all(told in output for output in outputs)
    assert "of 8 storms were not survived." in outputs[0]


def test_a_storm_is_reduced_to_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where parameters are forgotten, one death is enough; where the past is not answered, one death or one loss."""
    for mutant, kinds in ((parameters_forgotten, [Kill]), (no_answer_to_the_past, [Kill, Lose])):
        with monkeypatch.context() as patched:
            mutant(patched.setattr)
            for number in range(50):
                schedule = fault_campaign.draw_schedule(1, number)
                if fault_campaign.run_schedule(schedule, patience=0.05).problem:
                    break
            smaller = shrinking.shrink(
                schedule, lambda it: bool(fault_campaign.run_schedule(it, patience=0.05).problem)
            )
            storm = smaller.settings
            assert fault_campaign.run_schedule(smaller, patience=0.05).problem
            assert len(storm.faults) == 1
            assert type(storm.faults[0]) in kinds
            assert [storm.drop, storm.duplicate, storm.corrupt, storm.reorder, storm.crash] == [
                0.0
            ] * 5
        assert (
            eval(shrinking.format_settings(storm), {"na": na}) == storm
        )  # as it is printed, it can be had again


def test_bad_options(tmp_path) -> None:
    _, err = run("faults", "--json", str(tmp_path / "none" / "file"), expected=2)
    assert "there is no folder" in err
    assert (
        "leave it out"
        in run("faults", "--json", str(tmp_path / "file"), "--replay", "1", expected=2)[1]
    )
    assert "Traceback" not in run("faults", "--schedules", "0", expected=2)[1]
