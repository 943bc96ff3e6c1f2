"""The site: it builds from the repository, whole, and asks nothing of the network."""

from __future__ import annotations

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
    pages = list(site.rglob("*.html"))
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
    assert "Why order matters" in (site / "fr" / "exactness.html").read_text(encoding="utf-8")
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
    the_same = {"neuro_actors", "Questions", "Architecture", "Python"}
    for href, title in french.items():
        translated = (ROOT / "docs" / href).with_suffix(".fr.md").exists()
        section = title in {"Aller plus loin", "Référence"}  # its first page has no line of its own
        assert title.endswith(" (en anglais)") != (translated or section), (href, title)
        plain = title.removesuffix(" (en anglais)")
        assert plain != english[href] or plain in the_same, (href, "nav_translations in mkdocs.yml")


def test_each_page_is_in_the_navigation(site: Path) -> None:
    home = (site / "index.html").read_text(encoding="utf-8")
    navigation = home[home.index('aria-label="Navigation"') : home.index("<article")]
    for page in (ROOT / "docs").rglob("*.md"):
        if not page.name.endswith(".fr.md"):
            assert f'href="{page.relative_to(ROOT / "docs").with_suffix(".html")}"' in navigation, (
                page
            )


def test_the_reference_shows_signatures_and_docstrings(site: Path) -> None:
    page = site / "reference" / "index.html"
    assert {
        "neuro_actors.Network.layered",
        "neuro_actors.Simulation.gradient",
        "neuro_actors.SGD",
    } <= Loaded(page).ids
    text = re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))
    assert "SGD(learning_rate, momentum=0.0, weight_decay=0.0)" in " ".join(text.split()).replace(
        "( ", "("
    ).replace(", )", ")")
    text = " ".join(text.split())
    assert "Make a network of layers, each fully connected to the next" in text
    assert "The number of neurons in each layer, the inputs first, the outputs last." in text
    for section in ("Parameters:", "Returns:", "Raises:", "Examples:"):  # Google style is read
        assert section in text


def test_the_nav_takes_the_pages_that_are_there(tmp_path) -> None:
    folder = tmp_path / "questions"
    folder.mkdir()
    for name in ("index.md", "index.fr.md", "b.md", "b.fr.md", "a.md", "c.md"):
        (folder / name).write_text("# Title\n\n- [c](c.md)\n- `d`\n- [b](b.md)\n")
    pages = module("nav").pages(tmp_path, "questions/")
    assert pages == ["questions/index.md", "questions/c.md", "questions/b.md", "questions/a.md"]


def test_spaces_of_french_do_not_break_and_code_stays() -> None:
    spaced = module("french").spaced
    assert spaced("<p>« oui » : non ; l'un <code>a : 'b'</code> 93 %</p>") == (
        "<p>«\u00a0oui\u00a0»\u00a0: non\u202f; l’un <code>a : 'b'</code> 93\u202f%</p>"
    )


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
def test_in_a_browser_it_finds_and_asks_nothing_of_the_network(site: Path) -> None:
    sync_api = need("playwright.sync_api")
    with sync_api.sync_playwright() as engine:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=flags)
        context = browser.new_context(locale="en-GB")
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        tab = context.new_page()
        tab.goto((site / "fr" / "story.html").as_uri())
        tab.fill(".md-search__input", "RMSProp")
        tab.wait_for_selector(".md-search-result__link")
        found = tab.eval_on_selector_all(
            ".md-search-result__link", "links => links.map(link => link.href)"
        )
        assert any("/extending.html" in link for link in found)
        tab.goto((site / "reference" / "index.html").as_uri())
        browser.close()
    assert len(asked) > 10
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
