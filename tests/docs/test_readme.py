"""The README tells the truth: its code runs, prints what stands there, and its links hold on PyPI too."""

from __future__ import annotations

import re

import pytest
from helpers.doc_blocks import blocks, follow
from helpers.paths import DOCS, ROOT
from helpers.rule_mutants import MUTANTS, OF_BUNDLED, OF_MEMORY

from neuro_actors.network import activations, functions, losses

README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = (DOCS / "tour.md").read_text(encoding="utf-8")
REPOSITORY = "https://github.com/neuro-actors/neuro-actors"
RAW = "https://raw.githubusercontent.com/neuro-actors/neuro-actors/main/"


@pytest.fixture
def session(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    monkeypatch.setattr(functions, "LOSSES", dict(functions.LOSSES))
    monkeypatch.setattr(functions, "COMBINATIONS", dict(functions.COMBINATIONS))


@pytest.mark.usefixtures("session")
def test_the_five_blocks_of_the_tour() -> None:
    assert follow(ROOT / "README.md") == 5
    assert [language for language, _ in blocks(ROOT / "README.md")].count("text") == 5


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize("ray", [False, pytest.param(True, marks=pytest.mark.ray)])
def test_the_long_tour(ray: bool) -> None:
    assert follow(DOCS / "tour.md", ray=ray) >= 12


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 200
    top = README[: README.index("## Two commands")].strip().splitlines()
    assert len([line for line in top if line]) <= 11  # a title, and ten lines with the picture


def test_its_links_are_absolute_and_lead_to_files() -> None:
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)]+)\)", README)
    assert len(links) > 15
    for picture, link in links:
        assert link.startswith("https://"), f"{link}: on PyPI a relative link leads nowhere"
        for prefix in (f"{REPOSITORY}/blob/main/", f"{REPOSITORY}/tree/main/", RAW):
            if link.startswith(prefix):
                assert (ROOT / link.removeprefix(prefix).partition("#")[0]).exists(), link
        assert not picture or link.startswith(RAW) or link.endswith(".svg"), link


def test_the_bridge_to_the_textbook_stands_in_the_tour() -> None:
    tour = README[README.index("## A tour") : README.index("**2.")]
    assert "u = −∂L/∂a" in tour
    assert "`na.Gradient` holds derivatives (+)" in tour
    assert "urgencies (−)" in tour


def test_the_files_that_it_names_are_there() -> None:
    for name in re.findall(r"`((?:scenarios|benchmarks|docs|channels)/[\w./]*|\w+\.py)`", README):
        assert (
            (ROOT / name).exists()
            or (ROOT / "neuro_actors" / name).exists()
            or list(ROOT.rglob(name))
        ), name


def test_each_scenario_is_in_the_table_with_its_level_and_time() -> None:
    text = (DOCS / "scenarios.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|.* `scenarios/(\w+\.py)` \|(.*)\|$", text, re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(
        path.name for path in (ROOT / "scenarios").glob("[a-z]*.py")
    )
    for name, cells in rows:
        *_, level, time = (cell.strip() for cell in cells.split("|"))
        assert level in ("school", "student", "research"), name
        assert re.fullmatch(r"(about )?(\d+|a) (s|minutes?)", time), name


def test_the_numbers_of_the_tour() -> None:
    assert (
        len(activations.BUILT_IN),
        len(losses.BUILT_IN),
        len(MUTANTS | OF_MEMORY | OF_BUNDLED),
    ) == (19, 7, 30)
    assert "nineteen activations, seven losses" in TOUR
    assert "thirty ways" in TOUR.replace("\n", " ")


def test_ci_runs_the_readmes_own_command() -> None:
    assert "<!-- tests -->\n```bash\npython3 -m venv" in README
    assert "<!-- cats -->\n```bash\npython3 -m venv" in README
    assert "sed -n '/<!-- tests -->/,/^```$/p' README.md" in (ROOT / ".ci" / "run").read_text()
