"""A hook of `mkdocs`: spaces on French pages that do not break. Authors type plain ones."""

from __future__ import annotations

import re

from mkdocs.structure.pages import Page

SPARED = re.compile(r"(<pre.*?</pre>|<code.*?</code>|<[^>]*>)", re.DOTALL)
FULL, THIN = "\u00a0", "\u202f"


def spaced(html: str) -> str:
    """The page's HTML; code and tags stay as they are."""
    parts = SPARED.split(html)
    for k in range(0, len(parts), 2):
        text = re.sub(r" ([;!?%])", rf"{THIN}\1", parts[k])
        parts[k] = re.sub(r" ([:»])", rf"{FULL}\1", text).replace("« ", f"«{FULL}")
    return "".join(parts)


def on_page_content(html: str, page: Page, **others: object) -> str:
    """For pages that have been written in French; others are shown in English there."""
    return spaced(html) if page.file.src_uri.endswith(".fr.md") else html
