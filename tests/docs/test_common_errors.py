"""The page of common errors: each mistake gives its message, and each right line runs."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import trio
from helpers.cli_logs import run
from helpers.doc_blocks import blocks
from helpers.paths import DOCS
from helpers.tiers import need

import neuro_actors as na

PAGE = DOCS / "common-errors.md"
CODE = r"(`` .*? ``|`[^`]*`)"
ROWS = [
    tuple(cell.strip("`").strip() for cell in row)
    for row in re.findall(
        rf"^\| {CODE} \| {CODE} \| {CODE} \|$", PAGE.read_text(encoding="utf-8"), re.M
    )
]
LIBRARIES = {"pandas": "pandas", "sparse": "scipy.sparse"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("common_errors")


@pytest.fixture(scope="module")
def scope(folder: Path) -> dict[str, object]:
    """What the page's first block defines, and in the folder the files that the rows speak of."""
    found: dict[str, object] = {"numpy": numpy}
    with contextlib.chdir(folder):
        exec(dict(blocks(PAGE))["python"], found)
        for more in ('log="old.arrows"', 'checkpoint="old"'):
            exec(f"na.train(net, x, targets, optimizer=sgd, {more})", found)
        Path("old.html").write_text("mine", encoding="utf-8")
    return found


@pytest.fixture
def names(scope, folder, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.chdir(folder)
    return dict(scope)


def execute(line: str, names: dict[str, object]) -> None:
    for name, library in LIBRARIES.items():
        if f"{name}." in line:
            names[name] = need(library)
    if "async with" in line or "await " in line or line.startswith("with "):
        exec(f"async def main():\n    {line}\n", names)
        trio.run(names["main"])
    else:
        exec(line, names)


@pytest.mark.parametrize(("mistake", "message", "right"), ROWS, ids=[row[0] for row in ROWS])
def test_a_mistake_gives_its_message_and_the_right_line_runs(
    mistake, message, right, names
) -> None:
    expected = re.escape(message).replace("…", ".*")
    if mistake.startswith("neuro-actors "):
        as_a_shell_passes_it = re.sub(r"(x0-)>\S+", r"\1", mistake)
        problem = run(*shlex.split(as_a_shell_passes_it)[1:], expected=2)[1]
        assert re.fullmatch(f"neuro-actors: {expected}\n", problem), problem
        run(*shlex.split(right)[1:])
        return
    with pytest.raises(Exception) as caught:
        execute(mistake, names)
    assert re.fullmatch(expected, str(caught.value)), str(caught.value)
    assert isinstance(caught.value, (na.NeuroActorsError, AttributeError, ValueError))
    execute(right, names)


def test_the_page_has_the_mistakes_that_users_make() -> None:
    assert len(ROWS) >= 35
    assert len(ROWS) == PAGE.read_text(encoding="utf-8").count("\n| `")


def test_the_page_about_logging_prints_what_it_says() -> None:
    """In a process of its own: `basicConfig` does nothing where logging is set up already."""
    found = dict(blocks(DOCS / "logging.md"))
    root = str(Path(na.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", found["python"]],
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert (done.stdout, done.stderr) == (found["log"], "")
    assert len(found["python"].splitlines()) <= 5
