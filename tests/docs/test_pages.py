"""The pages of the documentation: what they lead to, what their code prints, and what they say of other files."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from helpers.doc_blocks import blocks, follow, module
from helpers.paths import ROOT

import neuro_actors as na
from neuro_actors.cli import command_line as cli
from neuro_actors.network import functions

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TESTED_ELSEWHERE = {
    "asking.md",
    "trace.md",
    "view.md",
    "tour.md",
}  # test_asking, test_trace, viewer/test_notebook, test_readme; French pages have the same code
STORY = [DOCS / "index.md", DOCS / "story.md", *sorted((DOCS / "questions").glob("*.md"))]
QUESTIONS = [
    "which_penalty",
    "uncertain_labels",
    "adversaries",
    "newton",
    "linear_cost",
    "noisy_posterior",
    "landscape",
    "other_rules",
    "hierarchy",
]
COMMON = {  # names that every such library has in some form, or that belong to another name
    "ACTIVATIONS", "Activation", "Audit", "COMBINATIONS", "Combination", "Epoch", "Gradient", "Input", "LOSSES", "Loss", "Network",
    "Neuron", "Partition", "Simulation", "StepResult", "Synapse", "Trace", "TrainingResult",
    "add_activation", "add_combination", "add_loss", "datasets", "gradient", "kernel", "predict",
}  # fmt: skip
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def prose(path: Path) -> str:
    """The page without its code."""
    return re.sub(r"`[^`\n]*`", "code", FENCED.sub("", path.read_text(encoding="utf-8")))


def anchors(path: Path) -> set[str]:
    """Where a link can lead to within a page: its headings, as GitHub and the site write them."""
    headings = re.findall(
        r"^#+ +(.+)$", FENCED.sub("", path.read_text(encoding="utf-8")), re.MULTILINE
    )
    given = {found[1] for heading in headings if (found := re.search(r"\{#([\w-]+)\}$", heading))}
    return given | {
        re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())
        for heading in headings
    }


@pytest.mark.parametrize("path", [ROOT / "README.md", *PAGES], ids=name)
def test_links_and_pictures_lead_to_something(path: Path) -> None:
    for _, _, target in LINK.findall(prose(path)):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.is_file(), f"{target}: no such file"
        assert not anchor or anchor in anchors(there), f"{target}: no such heading"


@pytest.mark.parametrize("path", [ROOT / "README.md", *PAGES], ids=name)
def test_pictures_say_in_words_what_they_show(path: Path) -> None:
    for mark, words, target in LINK.findall(prose(path)):
        assert not mark or len(words.split()) >= 3, target
    for image in re.findall(r"<img[^>]*>", prose(path)):
        assert re.search(r'alt="[^"]+"', image), image


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_has_one_title_and_it_comes_first(path: Path) -> None:
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    text = re.sub(r"\A---\n.*?\n---\n\n", "", text, flags=re.DOTALL)  # settings of the theme
    assert re.findall(r"^# ", text, re.MULTILINE) == ["# "]
    assert text.startswith("# ")


RUNNING = [
    path
    for path in PAGES
    if "python" in dict(blocks(path)) and path.name.replace(".fr.", ".") not in TESTED_ELSEWHERE
]


@pytest.mark.parametrize(
    "path",
    [  # a French page has the code of the English one; see test_french.py
        pytest.param(path, marks=pytest.mark.slow if path.name.endswith(".fr.md") else ())
        for path in RUNNING
    ],
    ids=name,
)
def test_code_prints_what_stands_below_it(
    path: Path, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(functions, "ACTIVATIONS", dict(functions.ACTIVATIONS))
    monkeypatch.setattr(functions, "LOSSES", dict(functions.LOSSES))
    monkeypatch.setattr(functions, "COMBINATIONS", dict(functions.COMBINATIONS))
    na.train(
        na.Network.layered([1, 1]), [[1.0]], [[0.0]], optimizer=na.SGD(0.1), log="run.arrows"
    )  # a log that pages may read
    compared = follow(path)
    assert compared == sum(language == "text" for language, _ in blocks(path))


def test_there_is_code_to_run() -> None:
    assert {"exactness.md", "extending.md"} <= {path.name for path in RUNNING}


@pytest.mark.parametrize(
    "path", [path for path in STORY if not path.name.endswith(".fr.md")], ids=name
)
def test_the_story_has_a_french_page_with_the_same_pictures(path: Path) -> None:
    french = path.with_suffix(".fr.md")
    assert french.exists()
    assert [target for mark, _, target in LINK.findall(prose(path)) if mark] == [
        target for mark, _, target in LINK.findall(prose(french)) if mark
    ]
    assert len(re.findall("^## ", prose(path), re.MULTILINE)) == len(
        re.findall("^## ", prose(french), re.MULTILINE)
    )


def test_no_french_page_without_an_english_one() -> None:
    for path in DOCS.rglob("*.fr.md"):
        assert path.with_name(path.name.replace(".fr.md", ".md")).exists(), path


@pytest.mark.parametrize("index", ["index.md", "index.fr.md"])
def test_each_question_is_introduced_and_linked_where_its_page_is_there(index: str) -> None:
    text = (DOCS / "questions" / index).read_text(encoding="utf-8")
    assert re.findall(r"^- \[?`(\w+)`", text, re.MULTILINE) == QUESTIONS
    pages = {
        path.name
        for path in (DOCS / "questions").glob("*.md")
        if ".fr." not in path.name and path.stem != "index"
    }
    assert pages <= {f"{question}.md" for question in QUESTIONS}
    assert pages == set(re.findall(r"\]\((\w+\.md)\)", text)), (
        f"in questions/{index} write [`name`](name.md) for these pages"
    )


def test_the_picture_of_a_wave_is_what_its_script_draws() -> None:
    wave = module("wave")
    for language, file in (("en", "wave.svg"), ("fr", "wave.fr.svg")):
        assert (DOCS / "pictures" / file).read_text(encoding="utf-8") == wave.picture(language)


def test_the_story_tells_what_one_cat_prints() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scenarios" / "one_cat.py"],
        capture_output=True,
        text=True,
        check=True,
    )
    for english, french, printed in [
        ("(1\u00a0−\u00a00.6)² = 0.16", "(1\u00a0−\u00a00,6)² = 0,16", "p = 0.6, penalty 0.16, urgency 0.8"),
        ("0.8 · 2.5 = 2.0", "0,8 · 2,5 = 2,0", "slope 2.5:  p = 0.6, penalty 0.16, urgency 0.8  ->  signal's urgency 2.0"),
        ("0.75 · 0.8 = +0.6", "0,75 · 0,8 = +0,6", "cat   told face  urgency +0.600"),
        ("0.25 · 0.8 = +0.2", "0,25 · 0,8 = +0,2", "cat   told body  urgency +0.200"),
        ("1.5 · 0.6 = +0.9", "1,5 · 0,6 = +0,9", "face  told eyes  urgency +0.900"),
        ("−0.5 · 0.2 = −0.1", "−0,5 · 0,2 = −0,1", "body  told eyes  urgency -0.100"),
        ("adds them up: +0.8", "additionne : +0,8", "+0.900 -0.100 = +0.800"),
        ("0.8 · 0.1 = +0.08", "0,8 · 0,1 = +0,08", "+0.800 x 0.1 = +0.080"),
        ("0.798", "0,798", "p was 0.600, now it is 0.798"),
    ]:  # fmt: skip
        assert printed in done.stdout
        for page, picture, words in (
            ("story.md", "family.svg", english),
            ("story.fr.md", "family.fr.svg", french),
        ):
            assert words in (DOCS / page).read_text(encoding="utf-8").replace("\n", " "), (
                page,
                words,
            )
            if " told " in printed:  # this is drawn, too
                assert words in (DOCS / "pictures" / picture).read_text(encoding="utf-8"), (
                    picture,
                    words,
                )


def test_the_comparisons_figures_are_those_of_the_benchmarks() -> None:
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text()
    page = (DOCS / "comparison.md").read_text()
    section = results.split("## 784-30-10 relu, batch 1\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([\w. ]+) \| ([\d.]+) \|$", page, re.MULTILINE)
    assert len(rows) == 8
    assert all(f"| {who} | {ms} |" in section for who, ms in rows)
    large = results.split("## 784-128-64-10, batch 256\n")[1].split("\n## ")[0]
    sentence = re.search(
        r"at batch 256 takes ([\d.]+) ms, PyTorch ([\d.]+) and\s+numpy ([\d.]+)\.", page
    )
    assert sentence is not None
    for who, ms in zip(
        ("bundled", "PyTorch eager", "numpy matrices"), sentence.groups(), strict=True
    ):
        assert f"| {who} | {ms} |" in large
    assert "| bare trio channels | 7.958 |" in section
    assert 11.5 < 7.958 / 0.676 < 12.5  # a twelfth


def test_the_comparison_names_what_there_is() -> None:
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"`neuro-actors ([a-z]+(?: [a-z]+)?)`", page))
    names = set(re.findall(r"`na\.(\w+)`", page))
    there = {
        context.command_path.removeprefix("neuro-actors ")
        for context in module("commands").contexts(cli.cli)
    }
    assert names - set(na.__all__) == set()
    assert commands - there == set()
    table = page[page.index("## In one table") : page.index("## Autograd libraries")]
    features = set(na.__all__) - {name for name in na.__all__ if name.endswith("Error")}
    unnamed = features - names - COMMON
    assert not unnamed, f"new: a row of the comparison, or a name in COMMON: {unnamed}"
    top = {name.split()[0] for name in there} - {command.split()[0] for command in commands}
    assert top == {"neuro-actors", "audit", "bench", "checkpoint"}, "a new command: a row for it"
    assert table.count("| no") == 5  # when one of these is there, its row changes


def test_the_page_of_the_command_line_is_what_help_says(
    capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "COLUMNS", "80")
    commands = module("commands")
    page = commands.PAGE.read_text(encoding="utf-8")
    assert page == commands.page(), "python docs/commands.py makes it anew"
    sections = re.findall(
        r"^## neuro-actors([^\n]*)\n\n```text\n(.*?)```$", page, re.DOTALL | re.MULTILINE
    )
    assert len(sections) >= 13
    for command, text in sections:
        monkeypatch.setattr(sys, "argv", ["neuro-actors", *command.split(), "--help"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert (ended.value.code, capsys.readouterr().out) == (0, text)


def test_every_public_name_stands_in_the_reference() -> None:
    shown = [
        name
        for page in (DOCS / "reference").glob("*.md")
        for name in re.findall(r"^::: neuro_actors\.([\w.]+)$", page.read_text(), re.MULTILINE)
    ]
    for public in na.__all__:
        paths = [path for path in shown if path.split(".")[-1] == public]
        assert len(paths) == 1, public
        holder, _, last = f"neuro_actors.{paths[0]}".rpartition(".")
        value = getattr(na, public)
        assert getattr(importlib.import_module(holder), last) is value
        if not isinstance(
            value, ModuleType
        ):  # the site takes a path that is a module's, too, for the module
            assert not (
                holder == "neuro_actors" and importlib.util.find_spec(f"{holder}.{last}")
            ), public
