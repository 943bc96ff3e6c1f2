"""The site: it builds from the repository, whole, and asks nothing of the network."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from helpers.doc_blocks import module
from helpers.paths import ROOT
from helpers.tiers import need

pytestmark = pytest.mark.docs
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "deprecat" not in done.stderr.lower()
    return folder


class Loaded(HTMLParser):
    """What a browser fetches for a page without being asked, and which ids there are."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: set[str] = set()
        self.language = None
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        held = {key: value or "" for key, value in attributes}
        if "id" in held:
            self.ids.add(held["id"])
        if tag == "html":
            self.language = held["lang"]
        if tag == "link" and held.get("rel") not in {"next", "prev", "alternate", "canonical"}:
            self.addresses.append(held["href"])
        self.addresses += [
            value for key, value in held.items() if key in {"src", "srcset", "poster", "data"}
        ]


def test_nothing_is_loaded_from_the_network(site: Path) -> None:
    pages = [page for page in site.rglob("*.html") if page.parent.name != "live"]  # these: viewer/
    assert len(pages) > 25
    for page in pages:
        loaded = Loaded(page)
        assert len(loaded.addresses) > 5
        for address in loaded.addresses:
            assert not re.match(r"(\w+:)?//", address), (page, address)
            assert page.name == "404.html" or (page.parent / address.split("?")[0]).exists(), (
                page,
                address,
            )
    for style in site.rglob("*.css"):
        assert not re.search(
            r"(url\(|@import)\s*['\"]?(\w+:)?//", style.read_text(encoding="utf-8")
        ), style
    assert not any(
        'class="mermaid"' in page.read_text(encoding="utf-8") for page in pages
    )  # for that, the theme would


def test_french_pages_are_french_and_others_are_shown_in_english(site: Path) -> None:
    assert Loaded(site / "story.html").language == "en"
    assert Loaded(site / "fr" / "story.html").language == "fr"
    french = (site / "fr" / "story.html").read_text(encoding="utf-8")
    assert "personne ne surveille" in french
    assert 'src="pictures/family.svg"' in french
    assert ">perte<" in (site / "fr" / "pictures" / "family.svg").read_text(encoding="utf-8")
    assert "The floors" in (site / "fr" / "architecture.html").read_text(encoding="utf-8")
    assert 'href="fr/story.html"' in (site / "story.html").read_text(encoding="utf-8")


def titles(page: Path) -> dict[str, str]:
    """The navigation of a page: the title of each page that it leads to."""
    text = page.read_text(encoding="utf-8")
    menu = text[text.index('aria-label="Navigation"') : text.index("<article")]
    links = re.findall(
        r'<a href="([^"#]+\.html)"[^>]*class="md-nav__link[^>]*>(.*?)</a>', menu, re.S
    )
    return {
        href: " ".join(re.sub("<[^>]+>", "", title).split())
        for href, title in links
        if "://" not in href
    }


def test_no_title_in_the_french_navigation_is_english_and_unmarked(site: Path) -> None:
    english, french = titles(site / "index.html"), titles(site / "fr" / "index.html")
    assert len(french) == len(english) > 20
    the_same = {"Architecture"}
    for href, title in french.items():
        translated = (ROOT / "docs" / href).with_suffix(".fr.md").exists()
        assert title.endswith(" (en anglais)") != translated, (href, title)
        plain = title.removesuffix(" (en anglais)")
        assert plain != english[href] or plain in the_same, (href, "nav_translations in mkdocs.yml")


SECTIONS = {
    "Start": "index.html",
    "Tutorials": "tutorials/index.html",
    "How to": "how-to/index.html",
    "Explanation": "explanation.html",
    "Reference": "reference/index.html",
}


def test_each_page_has_its_own_entry_in_the_navigation(site: Path) -> None:
    home = (site / "index.html").read_text(encoding="utf-8")
    tabs = home[home.index('class="md-tabs__list"') : home.index('aria-label="Navigation"')]
    found = re.findall(r'href="([^"]+)" class="md-tabs__link">\s*([^<]*?)\s*<', tabs)
    assert {title: page for page, title in found} == SECTIONS  # each opens its own first page
    navigation = home[home.index('aria-label="Navigation"') : home.index("<article")]
    entries = re.findall(r'<a href="([^"#]+)" class="md-nav__link', navigation)
    assert len(entries) == len(set(entries))
    for page in (ROOT / "docs").rglob("*.md"):
        if not page.name.endswith(".fr.md"):
            address = str(page.relative_to(ROOT / "docs").with_suffix(".html"))
            assert address in entries, f"{address} has no entry of its own"


def test_the_live_run_is_a_page_of_the_site(site: Path) -> None:
    for place in (site, site / "fr"):
        page = place / "live" / "xor.html"
        assert "neuroActors" in page.read_text(encoding="utf-8")
        assert page.stat().st_size < 700_000
        assert 'src="live/xor.html"' in (place / "live.html").read_text(encoding="utf-8")


def test_the_reference_shows_types_signatures_and_parameters(site: Path) -> None:
    assert {"neuro_actors.Network", "neuro_actors.Network.layered"} <= Loaded(
        site / "reference" / "networks.html"
    ).ids
    page = (site / "reference" / "training.html").read_text(encoding="utf-8")
    text = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert "train( network: Network, x: ArrayLike, targets: ArrayLike, loss:" in text
    assert "epochs: int = 10, batch_size: int = 32," in text  # a line for each, so nothing is cut
    rows = re.findall(
        r"<tr[^>]*>\s*<td>\s*<code>(\w+)</code>\s*</td>\s*<td>\s*(.*?)</td>", page, re.S
    )
    described = [name for name, types in rows if re.sub(r"<[^>]+>", "", types).strip()]
    assert {"network", "x", "targets", "loss", "optimizer", "epochs"} <= set(described)
    functions = (site / "reference" / "functions.html").read_text(encoding="utf-8")
    assert "SGD( learning_rate: Rate, momentum: float = 0.0," in " ".join(
        re.sub(r"<[^>]+>", "", functions).split()
    )
    for section in ("Parameters:", "Returns:", "Raises:", "Examples:"):  # Google style is read
        assert section in text


def test_no_sentence_of_a_docstring_is_torn(site: Path) -> None:
    pages = list((site / "reference").glob("*.html"))
    assert len(pages) > 10
    for page in pages:
        torn = re.findall(r"</ul>\s*<p>[a-z].{0,60}", page.read_text(encoding="utf-8"))
        assert not torn, (page.name, torn)


def test_a_page_that_is_opened_as_a_file_searches_all_languages(site: Path) -> None:
    for_servers = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    for_files = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    assert for_files == f"var __index = {for_servers}"
    places = [entry["location"] for entry in json.loads(for_servers)["docs"]]
    assert {"install.html", "fr/story.html", "story.html"} <= set(places)
    assert "fr/architecture.html" not in places  # it is in English, and found there


def test_no_page_asks_for_a_site_map(site: Path) -> None:
    assert '<link rel="alternate"' not in (site / "index.html").read_text(encoding="utf-8")


def test_the_nav_takes_the_pages_that_are_there(tmp_path) -> None:
    folder = tmp_path / "questions"
    folder.mkdir()
    for name in ("index.md", "index.fr.md", "b.md", "b.fr.md", "a.md", "c.md"):
        (folder / name).write_text("# Title\n\n- [c](c.md)\n- `d`\n- [b](b.md)\n")
    nav = [{"Part": ["x.md", {"Questions": "questions/"}]}, "y.md"]
    module("nav").fill(tmp_path, nav)
    pages = ["questions/index.md", "questions/c.md", "questions/b.md", "questions/a.md"]
    assert nav == [{"Part": ["x.md", {"Questions": pages}]}, "y.md"]


def test_spaces_of_french_do_not_break_and_code_stays() -> None:
    spaced = module("french").spaced
    assert spaced("<p>« oui » : non ; l’un <code>a : 'b'</code> 93 %</p>") == (
        "<p>«\u00a0oui\u00a0»\u00a0: non\u202f; l’un <code>a : 'b'</code> 93\u202f%</p>"
    )


FIRST = {
    "install": "install.html",
    "tutorial": "tutorials/index.html",
    "save model": "how-to/save-a-model.html",
    "learning rate": "how-to/learning-rate.html",
    "backpropagation": "tutorials/backpropagation.html",
    "glossary": "glossary.html",
}


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
def test_in_a_browser_it_finds_and_asks_nothing_of_the_network(site: Path) -> None:
    sync_api = need("playwright.sync_api")
    first = "() => document.querySelector('.md-search-result__link')?.href ?? ''"
    with sync_api.sync_playwright() as engine:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=flags)
        context = browser.new_context(locale="en-GB")
        asked: list[str] = []
        failed: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        context.on("requestfailed", lambda request: failed.append(request.url))
        tab = context.new_page()
        tab.goto((site / "fr" / "story.html").as_uri())
        tab.fill(".md-search__input", "RMSProp")
        tab.wait_for_selector(".md-search-result__link")
        found = tab.eval_on_selector_all(
            ".md-search-result__link", "links => links.map(link => link.href)"
        )
        assert any("/extending.html" in link for link in found)
        for words, page in FIRST.items():
            tab.goto((site / "index.html").as_uri())
            tab.fill(".md-search__input", words)
            tab.wait_for_selector(".md-search-result__link")
            assert tab.evaluate(first).partition("?")[0].endswith(f"/{page}"), words
        tab.goto((site / "live.html").as_uri())
        live = tab.frame_locator("iframe.live")
        live.locator("html[data-started]").wait_for(state="attached")
        browser.close()
    assert len(asked) > 10
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    assert failed == []
