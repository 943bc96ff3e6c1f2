"""What GitHub and PyPI read: workflows, forms, metadata, changelog. All of it is well formed, and says the same."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from helpers.paths import ROOT
from helpers.tiers import need

from neuro_actors.support.version import __version__

GITHUB = ROOT / ".github"
HOME = "https://github.com/neuro-actors/neuro-actors"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def from_yaml(path: Path) -> Any:
    """Read a file. `on` is a key of workflows, and no truth value as in YAML 1.1."""
    text = path.read_text("utf-8")
    return need("yaml").safe_load(re.sub(r"^on:", '"on":', text, flags=re.MULTILINE))


def needed_by(extra: str) -> set[str]:
    """The packages that an extra installs, through the extras that it names."""
    found = set()
    for wanted in EXTRAS[extra]:
        name, inner = re.fullmatch(r"([\w-]+)(?:\[([\w,-]+)\])?[^\[]*", wanted).groups()  # type: ignore[union-attr]
        if name == "neuro-actors":
            found |= set().union(*map(needed_by, inner.split(",")))
        else:
            found.add(name)
    return found


def steps() -> list[dict[str, Any]]:
    jobs = from_yaml(GITHUB / "workflows" / "tests.yml")["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize(
    "path",
    [
        *sorted(GITHUB.rglob("*.yml")),
        *[ROOT / name for name in ("CITATION.cff", ".pre-commit-config.yaml")],
    ],
    ids=lambda path: path.name,
)
def test_yaml_is_read(path: Path) -> None:
    assert isinstance(from_yaml(path), dict)


def test_workflows_may_only_read_and_pin_their_actions() -> None:
    for path in (GITHUB / "workflows").iterdir():
        workflow = from_yaml(path)
        assert workflow["permissions"] == {"contents": "read"}
        assert workflow["concurrency"]["cancel-in-progress"] is True
        assert all("timeout-minutes" in job for job in workflow["jobs"].values())
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    assert [one for one in used if not re.fullmatch(r"actions/[\w-]+@v\d+", one)] == []


def test_workflows_run_what_is_there() -> None:
    commands = "\n".join(step["run"] for step in steps() if "run" in step)
    assert "bash .ci/run" in commands
    for name in re.findall(r"(?:bash|python) (\.?[\w/]+(?:\.py|/run))", commands):
        assert (ROOT / name).is_file(), name
    for extra in re.findall(r"\[([\w,-]+)\]\"", commands):
        assert set(extra.split(",")) <= set(EXTRAS)


def test_every_system_and_every_python_is_tried() -> None:
    jobs = from_yaml(GITHUB / "workflows" / "tests.yml")["jobs"]
    matrix = jobs["default"]["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert matrix["python"] == PYTHONS
    named = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if ":: Python :: 3." in one]
    assert named == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


def test_what_an_issue_asks_for_can_be_typed() -> None:
    """The bug form and the page on security ask for the version in the same words."""
    form = from_yaml(GITHUB / "ISSUE_TEMPLATE" / "bug.yml")
    asked = {field["id"]: field["attributes"] for field in form["body"]}
    command = asked["version"]["description"].partition(": ")[2]
    assert command == 'python -c "import neuro_actors as na; print(na.__version__)"'
    assert command in (GITHUB / "SECURITY.md").read_text("utf-8")
    system = asked["system"]["description"].partition(": ")[2]
    for line in (command, system):
        code = line.removeprefix('python -c "').removesuffix('"')
        compile(code, "form", "exec")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1


def test_dependabot_looks_after_packages_and_actions() -> None:
    updates = from_yaml(GITHUB / "dependabot.yml")["updates"]
    assert [one["package-ecosystem"] for one in updates] == ["pip", "github-actions"]
    assert all((ROOT / one["directory"].lstrip("/")).is_dir() for one in updates)


def test_links_of_the_pages_for_github() -> None:
    for page in GITHUB.glob("*.md"):
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
            assert "://" in link or (page.parent / link).exists(), (page, link)


def test_the_address_is_the_same_everywhere() -> None:
    assert set(PROJECT["urls"]) == {"Homepage", "Documentation", "Source", "Changelog", "Issues"}
    for url in PROJECT["urls"].values():
        assert url == HOME or url.startswith(f"{HOME}/")
        _, blob, file = url.partition("/blob/main/")
        assert not blob or (ROOT / file).is_file()
    for path in [*GITHUB.rglob("*.*"), ROOT / "README.md", ROOT / "CITATION.cff"]:
        for owner in re.findall(r"github\.com/([\w-]+/neuro[\w-]*)", path.read_text("utf-8")):
            assert f"https://github.com/{owner}" == HOME, path


def test_one_version_everywhere() -> None:
    citation = from_yaml(ROOT / "CITATION.cff")
    assert citation["version"] == __version__
    assert PROJECT["dynamic"] == ["version"]
    released = dict(re.findall(r"^## \[([\d.]+)\] - (\d{4}-\d{2}-\d{2})$", CHANGELOG, re.MULTILINE))
    assert released[__version__] == str(citation["date-released"])
    assert list(released) == sorted(released, reverse=True)
    printed = [
        found
        for page in (ROOT / "docs").rglob("*.md")
        for found in re.findall(r"versions +neuro-actors ([\d.]+),", page.read_text("utf-8"))
    ]
    assert set(printed) == {__version__}


def test_the_citation_has_what_its_format_needs() -> None:
    citation = from_yaml(ROOT / "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert citation["repository-code"] == PROJECT["urls"]["Source"] == HOME
    assert [one["name"].lower() for one in citation["authors"]] == [
        one["name"].lower() for one in PROJECT["authors"]
    ]
    assert {"message", "title", "abstract", "keywords"} <= set(citation)


def test_the_changelog_keeps_its_form() -> None:
    """Of https://keepachangelog.com: versions with dates, and the kinds of change below them."""
    headings = re.findall(r"^(#+) (.+)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == ("#", "Changelog")
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    for level, text in headings[1:]:
        if level == "##":
            assert re.fullmatch(r"\[(Unreleased|\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2})\]?", text), (
                text
            )
        elif level == "###":
            assert text in kinds, text
    after_lists = re.findall(r"^(?:- |  ).*\n\n(.)", CHANGELOG, re.MULTILINE)
    assert set(after_lists) == {"#"}


def test_the_extra_all_is_light() -> None:
    assert needed_by("all") == {"anywidget", "duckdb", "matplotlib", "perfetto"}
    assert needed_by("torch") == {"torch"}
    assert needed_by("ray") == {"ray"}


def test_an_error_about_a_missing_package_names_an_extra_that_brings_it() -> None:
    """`pip install 'neuro-actors[EXTRA]'` in a text about a module that is imported when it is used."""
    names = {"anywidget", "duckdb", "matplotlib", "perfetto", "ray", "torch"}
    for path in (ROOT / "neuro_actors").rglob("*.py"):
        text = path.read_text("utf-8")
        extras = re.findall(r"neuro-actors\[([\w-]+)\]", text)
        assert set(extras) <= set(EXTRAS), path
        for module in re.findall(r"import_optional\(\s*\"(\w+)", text):
            assert module in names
            assert any(module in needed_by(extra) for extra in extras), (path, module)
        assert "pip install torch" not in text
        assert "pip install ray" not in text


def test_text_files_are_opened_with_their_encoding() -> None:
    """Without one, Windows takes another than UTF-8."""
    found = []
    for path in [*(ROOT / "neuro_actors").rglob("*.py"), *(ROOT / "scenarios").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            named = {one.arg for one in node.keywords}
            at = {"read_text": 0, "write_text": 1}.get(node.func.attr)
            if at is not None and len(node.args) <= at and "encoding" not in named:
                found.append(f"{path.name}:{node.lineno}")
    assert found == []


def test_just_and_pre_commit_call_what_is_there() -> None:
    just = (ROOT / "justfile").read_text("utf-8")
    for extras in re.findall(r"\.\[([\w,-]+)\]", just):
        assert set(extras.split(",")) <= set(EXTRAS)
    hooks = from_yaml(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    tools = {hook["entry"].split()[0] for hook in hooks}
    assert tools == {"ruff", "mypy"}
    assert tools <= needed_by("dev")
    assert re.findall(r"\.venv/bin/(\w+)", just).count("ruff") == 2
