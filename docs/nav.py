"""A hook of `mkdocs`: folders in the nav become their pages, in the order of their index's links.

So the nav need not name each page of a question. Titles come from the pages' headings.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig


def pages(docs: Path, folder: str) -> list[str]:
    """Return the pages of a folder, in English: index.md, those that it links, all others."""
    here = docs / folder
    there = {path.name for path in here.glob("*.md") if not path.name.endswith(".fr.md")}
    linked = re.findall(r"\]\((\w+\.md)\)", (here / "index.md").read_text(encoding="utf-8"))
    order = dict.fromkeys(["index.md", *linked, *sorted(there)])
    return [f"{folder}{name}" for name in order if name in there]


def fill(docs: Path, entries: list[Any]) -> None:
    """Replace each folder in a part of the nav by its pages."""
    for entry in entries:
        if isinstance(entry, dict):
            for title, held in entry.items():
                if isinstance(held, list):
                    fill(docs, held)
                elif held.endswith("/"):
                    entry[title] = pages(docs, held)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in the folders of the nav."""
    fill(Path(config.docs_dir), config.nav or [])
    return config
