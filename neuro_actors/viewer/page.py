"""The page: style, script and the run in one HTML file that loads nothing from the network.

The script is the modules in `js/`, each after the modules that it imports, without their import
lines and `export` keywords. So they share one scope, and no two may declare the same name (tests
check it). The page's policy (CSP) allows this style and this script, by their hashes, and nothing
else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from .page_json import as_json

FOLDER = Path(__file__).parent / "js"
IMPORT = re.compile(r'^import \{ [\w, ]+ \} from "\./(\w+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:class|const|function) )", re.MULTILINE)
TYPES = re.compile(  # a comment of types alone in its lines, or beside code
    r"^[ \t]*/\*\*(?:(?!\*/).)*\*/[ \t]*\n|/\*\*(?:(?!\*/).)*\*/ ?", re.MULTILINE | re.DOTALL
)


def render_page(run: dict[str, Any]) -> str:
    """Return the HTML of a page.

    Args:
        run: What `collect_page_data` returned.
    """
    script, style = join_modules("main.js"), _text("page.css")
    own = f"script-src '{_hash(script)}'; style-src '{_hash(style)}'"
    policy = f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"
    parts = {"policy": policy, "style": style, "script": script, "run": as_json(run)}
    return Template(_text("page.html")).substitute(parts)


@cache
def join_modules(name: str) -> str:
    """Return a JavaScript module and all that it imports as one script.

    Comments on types are left out: a browser reads none.

    Args:
        name: The module's file name in `js/`.
    """
    order: list[str] = []

    def visit(module: str) -> None:
        for needed in IMPORT.findall(_text(module)):
            visit(needed)
        if module not in order:
            order.append(module)

    visit(name)
    joined = "\n".join(EXPORT.sub("", IMPORT.sub("", _text(module))) for module in order)
    return TYPES.sub("", joined)


@cache
def _text(name: str) -> str:
    # No carriage returns: a browser drops them before it compares hashes.
    return (FOLDER / name).read_text(encoding="utf-8").replace("\r", "")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
