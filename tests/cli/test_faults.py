"""`neuro-actors faults`: what it prints of schedules that went well, and of others, shrunk to few faults."""

from __future__ import annotations

import json
import re
import sys

import pytest
from helpers.cli_logs import run
from helpers.protocol_mutants import no_answer_to_the_past, parameters_forgotten

import neuro_actors as na
from neuro_actors.channels.unreliable.faults import Kill, Lose
from neuro_actors.cli import command_line as cli
from neuro_actors.proof import fault_campaign
from neuro_actors.proof import shrink as shrinking


def test_schedules_that_go_well(tmp_path) -> None:
    file = tmp_path / "figures.json"
    out, _ = run("faults", "--schedules", "5", "--seed", "1", "--json", str(file))
    assert out.startswith("5 schedules, ")
    assert out.rstrip().endswith(
        "All 5 passed: the same bits, the same messages, no task left over."
    )
    assert max(len(line) for line in out.splitlines()) <= 80
    figures = json.loads(file.read_text())
    assert figures["failed"] == []
    assert figures["schedules"] == len(figures["virtual_seconds"]) == 5
    assert figures["counts"]["sent"] > figures["calm_messages"]
    found = re.search(r"([\d,]+) messages without faults, ([\d,]+) frames with them", out)
    assert [int(number.replace(",", "")) for number in found.groups()] == [
        figures["calm_messages"],
        figures["counts"]["sent"],
    ]
    assert sum(figures["deaths_by_place"].values()) == figures["counts"]["died"]


def test_one_is_replayed() -> None:
    first, second = (run("faults", "--seed", "1", "--replay", "3")[0] for _ in range(2))
    assert first == second
    assert "na.Unreliable(drop=" in first
    assert re.search(r"^ +\d+\.\d+ s  step 1  lost       \w+ \S+ -> \S+", first, re.MULTILINE)
    assert first.rstrip().endswith("of virtual time: the same bits, the same messages.")


def test_networks_of_any_kind_have_a_series_of_their_own() -> None:
    out = run("faults", "--any", "--seed", "18", "--replay", "3")[0]
    assert "Passed" in out
    assert out != run("faults", "--seed", "18", "--replay", "3")[0]


def test_what_goes_wrong_is_printed_and_replayed(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters_forgotten(monkeypatch.setattr)
    outputs = []
    for arguments in (["--schedules", "8", "--seed", "1"], ["--seed", "1", "--replay"]):
        number = re.findall(r"--replay (\d+)", outputs[0])[:1] if outputs else []
        monkeypatch.setattr(sys, "argv", ["neuro-actors", "faults", *arguments, *number])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 1
        outputs.append(capsys.readouterr().out)
    expected = "  different bits\n  fewer faults are enough: na.Unreliable("
    assert all(expected in output for output in outputs)
    assert "of 8 schedules failed." in outputs[0]


def test_a_schedule_is_shrunk_to_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, run_slow: bool
) -> None:
    """If parameters are forgotten, one crash is enough; if the past is not answered, one crash or one lost frame."""
    mutants = ((parameters_forgotten, [Kill]), (no_answer_to_the_past, [Kill, Lose]))
    for mutant, kinds in mutants if run_slow else mutants[:1]:
        with monkeypatch.context() as patched:
            mutant(patched.setattr)
            for number in range(50):
                schedule = fault_campaign.draw_schedule(1, number)
                if fault_campaign.run_schedule(schedule, patience=0.05).problem:
                    break
            smaller = shrinking.shrink(
                schedule, lambda it: bool(fault_campaign.run_schedule(it, patience=0.05).problem)
            )
            settings = smaller.settings
            assert fault_campaign.run_schedule(smaller, patience=0.05).problem
            assert len(settings.faults) == 1
            assert type(settings.faults[0]) in kinds
            assert not any(getattr(settings, name) for name in fault_campaign.MOST)
        # what is printed is code that makes the settings again
        assert eval(shrinking.format_settings(settings), {"na": na}) == settings


def test_bad_options(tmp_path) -> None:
    _, err = run("faults", "--json", str(tmp_path / "none" / "file"), expected=2)
    assert "there is no folder" in err
    assert (
        "leave one of them out"
        in run("faults", "--json", str(tmp_path / "file"), "--replay", "1", expected=2)[1]
    )
    assert "Traceback" not in run("faults", "--schedules", "0", expected=2)[1]
