"""The page: style, script and the run in one HTML file that asks the network for nothing.

The script is the modules in `js/`, joined in an order in which each stands behind those it imports, without the lines
that import and the words that export: so they share one scope, and no two may declare the same name (tests see to it).
A policy allows this very style and script, by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from .page_data import as_json

FOLDER = Path(__file__).parent / "js"
IMPORT = re.compile(r'^import \{ [\w, ]+ \} from "\./(\w+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:class|const|function) )", re.MULTILINE)


def render_page(run: dict[str, Any]) -> str:
    """The page that shows a run, see `collect_page_data`."""
    script, style = join_modules("main.js"), _text("page.css")
    own = f"script-src '{_hash(script)}'; style-src '{_hash(style)}'"
    policy = f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"
    parts = {"policy": policy, "style": style, "script": script, "run": as_json(run)}
    return Template(_text("page.html")).substitute(parts)


@cache
def join_modules(name: str) -> str:
    """A module and all that it imports, as one script."""
    order: list[str] = []

    def visit(module: str) -> None:
        for needed in IMPORT.findall(_text(module)):
            visit(needed)
        if module not in order:
            order.append(module)

    visit(name)
    return "\n".join(EXPORT.sub("", IMPORT.sub("", _text(module))) for module in order)


@cache
def _text(name: str) -> str:
    # No carriage returns: a browser drops them before it compares hashes.
    return (FOLDER / name).read_text(encoding="utf-8").replace("\r", "")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
