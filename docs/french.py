"""A hook of `mkdocs` for the French site. Authors type plain spaces.

French pages get spaces that do not break. Pages that exist only in English are
shown in English there; the navigation gives them a French title and says "(en anglais)".
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import AnchorLink

SPARED = re.compile(r"(<pre.*?</pre>|<code.*?</code>|<[^>]*>)", re.DOTALL)
FULL, THIN = "\u00a0", "\u202f"
IN_ENGLISH = " (en anglais)"


def spaced(html: str) -> str:
    """The page's HTML; code and tags stay as they are."""
    parts = SPARED.split(html)
    for k in range(0, len(parts), 2):
        text = re.sub(r" ([;!?%])", rf"{THIN}\1", parts[k])
        parts[k] = re.sub(r" ([:»])", rf"{FULL}\1", text).replace("« ", f"«{FULL}")
    return "".join(parts)


def space_headings(headings: Iterable[AnchorLink]) -> None:
    """Do the same in the table of contents."""
    for heading in headings:
        heading.title = spaced(heading.title)
        space_headings(heading.children)


def on_page_content(html: str, page: Page, config: MkDocsConfig, **others: object) -> str:
    """Set the French of a French page, or the title of a page that is shown in English."""
    if page.file.src_uri.endswith(".fr.md"):
        page.title = spaced(str(page.title))
        space_headings(page.toc)
        return spaced(html)
    site = config.plugins["i18n"]
    if site.current_language == "fr":
        titles = site.current_language_config.nav_translations or {}
        page.title = titles.get(page.title, page.title) + IN_ENGLISH
        page.meta["search"] = {"exclude": True}  # the search finds the English page, and once
    return html
