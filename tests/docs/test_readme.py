"""The README tells the truth: its code runs, and prints what stands there."""

from __future__ import annotations

import re

import pytest
from helpers.doc_blocks import follow
from helpers.paths import ROOT
from helpers.rule_mutants import MUTANTS, OF_BUNDLED, OF_MEMORY

from neuro_actors.network import activations, functions, losses

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("ray", [False, pytest.param(True, marks=pytest.mark.ray)])
def test_the_tour(ray: bool, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    monkeypatch.setattr(functions, "LOSSES", dict(functions.LOSSES))
    assert follow(ROOT / "README.md", ray=ray) >= 7


def test_the_files_that_it_names_are_there() -> None:
    for name in re.findall(r"`((?:scenarios|benchmarks|docs|channels)/[\w./]*|\w+\.py)`", README):
        assert (
            (ROOT / name).exists()
            or (ROOT / "neuro_actors" / name).exists()
            or list(ROOT.rglob(name))
        ), name
    assert {path.name for path in (ROOT / "scenarios").glob("[a-z]*.py")} == set(
        re.findall(r"`scenarios/(\w+\.py)` \|", README)
    )


def test_the_numbers_that_it_names() -> None:
    assert (
        len(activations.BUILT_IN),
        len(losses.BUILT_IN),
        len(MUTANTS | OF_MEMORY | OF_BUNDLED),
    ) == (9, 7, 30)
    assert "nine activations, seven losses" in README
    assert "thirty ways" in README.replace("\n", " ")


def test_ci_runs_the_readmes_own_command() -> None:
    assert "<!-- tests -->\n```bash\npython3 -m venv" in README
    assert "sed -n '/<!-- tests -->/,/^```$/p' README.md" in (ROOT / ".ci" / "run").read_text()
