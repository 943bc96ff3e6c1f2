"""Pages name files that are there, and the map of each folder names all of its files."""

from __future__ import annotations

import ast
import re

import pytest
from helpers.paths import ROOT

PAGES = [
    "README.md",
    ".github/CONTRIBUTING.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("**/*.md")),
]
NOT_IN_THE_TREE = {"out/", "out/site", ".venv/bin"}  # made by runs and by installing


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_it_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|md))`", text)) - NOT_IN_THE_TREE
    assert named or page not in ("README.md", "docs/glossary.md", "docs/architecture.md")
    for name in named:
        places = [ROOT / name, ROOT / "neuro_actors" / name]
        places += (ROOT / "neuro_actors").glob(f"*/{name}")
        assert any(place.exists() for place in places), name


def test_every_folder_of_the_package_is_in_the_architecture() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    folders = [path.parent.name for path in (ROOT / "neuro_actors").glob("*/__init__.py")]
    assert len(folders) == 16
    assert [folder for folder in folders if f"| `{folder}/` |" not in text] == []


@pytest.mark.parametrize(
    "folder",
    sorted(
        str(path.parent.relative_to(ROOT / "neuro_actors"))
        for path in (ROOT / "neuro_actors").glob("*/**/__init__.py")
    ),
)
def test_the_map_of_a_folder_names_each_of_its_files_once(folder: str) -> None:
    place = ROOT / "neuro_actors" / folder
    docstring = ast.get_docstring(ast.parse((place / "__init__.py").read_text(encoding="utf-8")))
    assert docstring is not None
    listed = re.findall(r"^ {4,}(\w+(?:\.py|/)) +\S", docstring.partition("Files:\n")[2], re.M)
    files = [path.name for path in place.glob("*.py") if path.name != "__init__.py"]
    folders = [
        f"{path.name}/"
        for path in place.iterdir()
        if path.is_dir() and (path.name == "js" or (path / "__init__.py").exists())
    ]
    assert sorted(listed) == sorted(files + folders)
