"""The French pages: set as French is set, one word for one thing, and code that the English pages run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from helpers.doc_blocks import blocks
from helpers.french import faults_of_setting
from helpers.paths import DOCS, ROOT

PAGES = sorted(DOCS.rglob("*.fr.md"))
NOTEBOOK = DOCS / "notebooks" / "premiere_visite.ipynb"
# One word for one thing: what other words there are for it.
OTHER_WORDS = {
    "perte": "pénalité",
    "justesse": "taux de réussite|exactitude des|bonnes réponses",
    "calibrage": "calibration",
    "écart-type": "écart type",
    "n’en découle pas": "ne s’ensuit pas",
}
NOT_PROSE = re.compile(
    r"\A---$.*?^---$|^```.*?^```$|^ {4}[^\n]*$|`` .*? ``|`[^`]*`|\]\([^)]*\)|<[a-z/!][^>]*>|&\w+;",
    re.DOTALL | re.MULTILINE,
)
RUN = {"bash", "python", "console"}


def name(path: Path) -> str:
    return str(path.relative_to(DOCS))


def prose(path: Path) -> str:
    """The page, or the text of the notebook, without code, addresses and references."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells)
    return NOT_PROSE.sub("]x", text.split("\n## Référence")[0])  # titles there are English


@pytest.mark.parametrize("path", [*PAGES, NOTEBOOK], ids=name)
def test_apostrophes_are_curly_and_spaces_stand_where_french_has_them(path: Path) -> None:
    text = prose(path)
    assert faults_of_setting(text) == []
    assert re.findall(r"^ *[;:!?»] .*|.*«$", text, re.MULTILINE) == []  # a line breaks there


@pytest.mark.parametrize("path", [*PAGES, NOTEBOOK], ids=name)
def test_one_word_for_one_thing(path: Path) -> None:
    text = prose(path).replace("une sorte de pénalité", "")  # the story introduces the loss so
    text = text.replace("| taux de réussite |", "")  # a textbook's word, in the glossary
    found = {word: re.findall(others, text) for word, others in OTHER_WORDS.items()}
    assert {word: others for word, others in found.items() if others} == {}


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_pas_is_neither_a_step_nor_a_rate(path: Path) -> None:
    alone = r"\b(?:un|le|les|des|du|ce|leurs?|seul|grand|petit|chaque|\d+)\s+pas\b(?! «)"
    assert re.findall(alone, prose(path), re.IGNORECASE) == []


@pytest.mark.parametrize("path", [*PAGES, NOTEBOOK], ids=name)
def test_each_example_is_not_par_exemple(path: Path) -> None:
    """« Un nombre par exemple » reads as "a number, for instance"."""
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"\b(?:nombres?|une?|colonne|vote|perte|c’est) par exemple\b", text) == []


def test_french_pages_start_demos_in_french() -> None:
    demos = [
        (name(path), line)
        for path in PAGES
        for _, text in blocks(path)
        for line in re.findall(r"^neuro-actors demo .*$", text, re.MULTILINE)
    ]
    assert len(demos) >= 3
    assert [demo for demo in demos if "--lang fr" not in demo[1]] == []


def test_french_pages_start_scenarios_in_french_that_speak_it() -> None:
    scripts = (ROOT / "scenarios").glob("[!_]*.py")
    speak = {one.stem for one in scripts if "french=True" in one.read_text(encoding="utf-8")}
    assert {"one_cat", "cats", "hierarchy"} <= speak
    runs = [
        (name(path), run)
        for path in PAGES
        for run in re.findall(r"python scenarios/.*", path.read_text(encoding="utf-8"))
        if re.findall(r"\w+", run)[2] in speak
    ]
    assert len(runs) >= 5
    assert [run for run in runs if "--lang fr" not in run[1]] == []


@pytest.mark.parametrize("path", [*sorted(DOCS.rglob("*.md")), *DOCS.rglob("*.ipynb")], ids=name)
def test_a_page_that_installs_from_pypi_says_that_the_package_is_not_there_yet(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if "not on PyPI yet" in (ROOT / "README.md").read_text(encoding="utf-8"):
        assert "PyPI" in text or not re.search(r"pip install [\\'\"]*neuro-actors", text)


def code(path: Path) -> list[tuple[str, str]]:
    """The blocks that tests run, and what stands below them, without comments."""
    found, ran = [], False
    for language, text in blocks(path):
        ran = language in RUN or (ran and language == "text")
        if ran:
            text = re.sub(r"(^| +)# .*$", "", text, flags=re.MULTILINE)
            found.append((language, text.replace(" --lang fr", "")))
    return found


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_its_code_is_that_of_the_english_page(path: Path) -> None:
    assert code(path) == code(path.with_name(path.name.replace(".fr.md", ".md")))


def test_the_errors_are_those_of_the_english_page() -> None:
    def lines(page: str) -> list[list[str]]:
        rows = re.findall(r"^\| `.*$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
        rows = [re.sub(r"<br>[^|]*", "", row) for row in rows]  # what the error means
        return [re.findall(r"`` .*? ``|`[^`]*`", row) for row in rows]

    assert lines("common-errors.fr.md") == lines("common-errors.md")


@pytest.mark.parametrize(
    "path", [*DOCS.glob("view-*[!r].png"), *DOCS.glob("watch*n.png"), DOCS / "pictures/cats.png"]
)
def test_a_picture_with_words_has_a_french_one(path: Path) -> None:
    assert path.with_suffix(".fr.png").exists()


def test_scenarios_take_as_long_in_french() -> None:
    """The last column of each table is the time."""

    def times(page: str) -> dict[str, str]:
        text = (DOCS / page).read_text(encoding="utf-8").replace("une minute", "a minute")
        return dict(
            re.findall(r"^\|[^`|]*`(scenarios/\w+\.py)`.*\| ([^|]*) \|$", text, re.MULTILINE)
        )

    assert times("scenarios.fr.md") == times("scenarios.md")
    assert len(times("scenarios.md")) > 15


def test_the_glossary_has_the_words_of_the_english_one() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in (DOCS / "glossary.fr.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and line.count(" | ") >= 2
    ]
    english = (DOCS / "glossary.md").read_text(encoding="utf-8").replace("'", "’")
    known = {
        word.strip()
        for row in re.findall(r"^\| ([^|]+) \|", english, re.M)
        for word in row.split(", ")
    }
    words = [word for row in rows for word in row[1].split(", ") if len(row) == 4]
    assert len(words) > 60
    new = {
        "accuracy",
        "learning rate",
        "momentum",
        "weight decay",
        "target",
        "epoch",
        "wave",
        "en anglais",
    }
    assert set(words) - known - new == set()
