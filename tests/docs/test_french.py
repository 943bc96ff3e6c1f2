"""The French pages: set as French is set, one word for one thing, and code that the English pages run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.doc_blocks import blocks
from helpers.french import faults_of_setting
from helpers.paths import DOCS

PAGES = sorted(DOCS.rglob("*.fr.md"))
NOT_PROSE = re.compile(
    r"\A---$.*?^---$|^```.*?^```$|^ {4}.*$|`[^`]*`|\]\([^)]*\)|<[^>]*>", re.DOTALL | re.MULTILINE
)
RUN = {"bash", "python", "console"}


def name(path: Path) -> str:
    return str(path.relative_to(DOCS))


def prose(path: Path) -> str:
    """The page without code and addresses, with the apostrophes that the site sets."""
    text = NOT_PROSE.sub("]x", path.read_text(encoding="utf-8"))
    return re.sub(r"(?<=\w)'(?=\w)", "’", text)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_spaces_stand_where_french_has_them(path: Path) -> None:
    assert faults_of_setting(prose(path)) == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_pas_is_neither_a_step_nor_a_rate(path: Path) -> None:
    alone = r"\b(?:un|le|les|des|du|ce|leurs?|seul|grand|petit|chaque|\d+)\s+pas\b(?! «)"
    assert re.findall(alone, prose(path), re.IGNORECASE) == []


def code(path: Path) -> list[tuple[str, str]]:
    """The blocks that tests run, and what stands below them, without comments."""
    found, ran = [], False
    for language, text in blocks(path):
        ran = language in RUN or (ran and language == "text")
        if ran:
            text = re.sub(r" +#.*$", "", text, flags=re.MULTILINE)
            found.append((language, text.replace(" --lang fr", "")))
    return found


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_its_code_is_that_of_the_english_page(path: Path) -> None:
    assert code(path) == code(path.with_name(path.name.replace(".fr.md", ".md")))


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
