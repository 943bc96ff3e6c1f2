"""A hook of `mkdocs`: the site works where a page is opened as a file.

Two things are mended. For each alternate language in a page's head the theme asks for
`sitemap.xml`, which a file cannot have; the menu of languages links to the same page already. And
the search of a file reads `search_index.js`, which the plugin `offline` writes before the index is
complete: it would contain the pages of one language alone.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority


def on_post_page(output: str, **others: object) -> str:
    """Take the alternate languages out of the page's head."""
    return re.sub(r'\s*<link rel="alternate" [^>]*hreflang[^>]*>', "", output)


@event_priority(-200)  # after the plugin i18n, which completes the index
def on_post_build(config: MkDocsConfig) -> None:
    """Write the index for files anew."""
    index = Path(config.site_dir) / "search" / "search_index.json"
    text = f"var __index = {index.read_text(encoding='utf-8')}"
    index.with_suffix(".js").write_text(text, encoding="utf-8")
