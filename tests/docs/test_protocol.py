"""The delivery protocol holds in every state of its small model, its mutants fail, and the page says what the command says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest
from helpers.doc_blocks import module
from helpers.paths import ROOT

SCRIPT = ROOT / "docs" / "protocol" / "check.py"
PAGE = (SCRIPT.parent / "index.md").read_text(encoding="utf-8")
needs_spin = pytest.mark.skipif(
    not (shutil.which("spin") and shutil.which("gcc")),
    reason="needs spin and gcc: apt-get install spin gcc",
)
check = module("protocol/check")
MUTANTS = {mutant.name: mutant for mutant in check.MUTANTS}


def run(*arguments: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": path},
    )


@pytest.mark.slow
@needs_spin
def test_the_small_instances_hold_and_mutants_fail_as_they_must() -> None:
    done = run("--mutants", "COMMIT_IN_TWO_PARTS", "NO_REPEAT", "MAIL_SURVIVES")
    assert done.returncode == 0, done.stdout + done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    table, two_parts, no_repeat, survives, _ = done.stdout.split("\n\n")
    rows = re.findall(r"^(\S.*?) {2,}(cease|for ever) +([\d,]+) .* holds$", table, re.MULTILINE)
    assert [name for name, *_ in rows] == [instance.name for instance in check.SMALL]
    for name, faults, states in rows:
        assert re.search(rf"^{name} +{faults} +{states} .* holds$", PAGE, re.MULTILINE), (
            f"the page does not say {states} of {name}"
        )
    assert "crashes" in two_parts
    assert two_parts.splitlines()[-2:] == [f"    broken: {check.ONCE}", f"  {check.ONCE}"]
    assert two_parts.split("\n", 2)[2].rsplit("\n", 1)[0] in PAGE  # its story
    assert no_repeat.splitlines()[-1] == f"  {check.FOR_EVER}"
    assert "equivalent: it holds in all of its" in survives


@pytest.mark.slow
@needs_spin
def test_what_is_not_as_it_should_be_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert not check.check_instances(
        [check.Instance("a chain", ("N=1", "T=2", "STALE_ACCEPTED"), cease=False)]
    )
    assert "BROKEN" in capsys.readouterr().out
    assert not check.check_mutants([MUTANTS["STALE_ACCEPTED"]._replace(breaks=check.ONCE)])
    assert f"NOT AS EXPECTED: {check.ONCE}" in capsys.readouterr().out
    assert not check.check_mutants([MUTANTS["STALE_ACCEPTED"]._replace(breaks="")])
    assert "NOT AS EXPECTED: it should hold" in capsys.readouterr().out


@pytest.mark.slow
@needs_spin
def test_a_model_in_which_no_run_ends_proves_nothing(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        check.MODEL.read_text(encoding="utf-8")
        .replace(":: over -> break", ":: false -> break")
        .replace("timeout && !over", "false")
    )
    (tmp_path / "protocol.pml").write_text(text.replace("accept:\n", "end:\n"), encoding="utf-8")
    monkeypatch.setattr(check, "MODEL", tmp_path / "protocol.pml")
    with pytest.raises(check.CheckError, match="no run ends"):
        check.check(check.Instance("a chain", ("N=1", "T=1")))


def test_the_page_lists_the_mutants() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [
        (mutant.name, mutant.about, mutant.breaks or "equivalent") for mutant in check.MUTANTS
    ]


def test_the_picture_is_what_its_script_draws() -> None:
    assert (SCRIPT.parent / "step.svg").read_text(encoding="utf-8") == module(
        "protocol/picture"
    ).picture()


def test_each_law_is_broken_by_some_mutant() -> None:
    laws = set(re.findall(r'"broken: (.+?)\\n"', check.MODEL.read_text(encoding="utf-8")))
    assert laws | {check.FOR_EVER, ""} == {mutant.breaks for mutant in check.MUTANTS}
    assert set(re.findall(r"^\| ([^`|]+?) \| .+ \|$", PAGE, re.MULTILINE)) >= laws


def test_each_mutant_is_in_the_model() -> None:
    tested = set(
        re.findall(
            r"(?:#ifdef|#ifndef|defined\()\s*([A-Z_]{3,})", check.MODEL.read_text(encoding="utf-8")
        )
    )
    assert tested - {"FORK", "DIAMOND", "FAULTS_FOR_EVER", "LOCAL_LAWS"} == set(MUTANTS)


@pytest.mark.parametrize(
    ("arguments", "path", "words"),
    [
        ([], "", "spin is not installed: apt-get install spin"),
        (
            ["--mutants", "NO_REPAET"],
            os.environ["PATH"],
            "there is no mutant 'NO_REPAET': choose from COMMIT_AFTER_SENDING",
        ),
    ],
)
def test_errors_are_one_line(arguments: list[str], path: str, words: str) -> None:
    done = run(*arguments, path=path)
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not done.stdout
