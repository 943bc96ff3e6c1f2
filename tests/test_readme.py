"""The README tells the truth: its code runs, and prints what stands there."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import neuro_actors as na
from neuro_actors import functions

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def test_the_tour(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    monkeypatch.setattr(functions, "LOSSES", dict(functions.LOSSES))
    scope: dict[str, object] = {}
    printed, compared = "", 0
    for language, text in BLOCKS:
        if language == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(text, "README.md", "exec"), scope)
            printed = out.getvalue()
        elif language == "bash" and text.startswith("neuro-actors ") and ".arrows" in text:
            command = [sys.executable, "-m", "neuro_actors", *shlex.split(text)[1:]]
            printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            printed = re.sub(r"[0-9a-f]{64}", "…", printed)  # the digest also seals versions, and the machine
        elif language == "text":
            assert printed == text
            compared += 1
    assert compared >= 7


def test_the_files_that_it_names_are_there() -> None:
    for name in re.findall(r"`((?:scenarios|benchmarks|docs|channels)/[\w./]*|\w+\.py)`", README):
        assert (ROOT / name).exists() or (ROOT / "neuro_actors" / name).exists() or list(ROOT.rglob(name)), name
    assert {path.name for path in (ROOT / "scenarios").glob("[a-z]*.py")} == set(re.findall(r"`scenarios/(\w+\.py)` \|", README))


def test_the_numbers_that_it_names() -> None:
    from test_verify import MUTANTS, OF_BUNDLED, OF_MEMORY

    assert (len(na.ACTIVATIONS), len(na.LOSSES), len(MUTANTS | OF_MEMORY | OF_BUNDLED)) == (9, 6, 24)
    assert "nine activations, six losses" in README
    assert "twenty-four ways" in README.replace("\n", " ")


def test_ci_runs_the_readmes_own_command() -> None:
    assert "<!-- tests -->\n```bash\npython3 -m venv" in README
    assert "sed -n '/<!-- tests -->/,/^```$/p' README.md" in (ROOT / ".ci" / "run").read_text()
