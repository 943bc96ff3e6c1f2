"""The glossary, the architecture and the README name files that are there."""

from __future__ import annotations

import re

import pytest
from helpers.paths import ROOT

PAGES = ["docs/glossary.md", "docs/architecture.md", "CONTRIBUTING.md"]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_it_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|md))`", text)
    assert named
    for name in named:
        places = [ROOT / name, ROOT / "neuro_actors" / name]
        places += (ROOT / "neuro_actors").glob(f"*/{name}")
        assert any(place.exists() for place in places), name


def test_every_folder_of_the_package_is_in_the_architecture() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    folders = [path.parent.name for path in (ROOT / "neuro_actors").glob("*/__init__.py")]
    assert len(folders) == 13
    assert [folder for folder in folders if f"| `{folder}/` |" not in text] == []
