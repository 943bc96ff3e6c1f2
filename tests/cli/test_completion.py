"""The Tab key: what a shell offers, and how a synapse may be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.cli_logs import run

import neuro_actors as na

COMPLETE = "_NEURO_ACTORS_COMPLETE"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a log, and with a command `neuro-actors` in `bin`."""
    folder = tmp_path_factory.mktemp("completion")
    net = na.Network.layered([2, 2, 1], seed=1)
    na.train(net, [[1, 0]], [[1]], optimizer=na.SGD(0.1), epochs=3, log=folder / "run.arrows")
    command = folder / "bin" / "neuro-actors"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m neuro_actors "$@"\n')
    command.chmod(0o755)
    return folder


def environment(folder: Path) -> dict[str, str]:
    root = str(Path(na.__file__).parents[1])
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": root}


def offered(
    monkeypatch: pytest.MonkeyPatch, folder: Path, words: str, last: str, shell: str = "bash"
) -> list[str]:
    """What is offered for the last word of a line."""
    monkeypatch.chdir(folder)
    line = f"neuro-actors {words}".split()
    number = last if shell == "fish" else str(len(line))
    text = " ".join(line) if shell == "fish" else " ".join([*line, last])
    for name, value in (
        (COMPLETE, f"{shell}_complete"),
        ("COMP_WORDS", text),
        ("COMP_CWORD", number),
    ):
        monkeypatch.setenv(name, value)
    found, problem = run()
    assert problem == ""
    return found.split()


@pytest.mark.parametrize(
    ("words", "last", "expected"),
    [
        ("", "lo", ["plain,log"]),
        ("log", "tr", ["plain,trace"]),
        ("log trace", "--wei", ["plain,--weight"]),
        ("log show", "ru", ["file,ru"]),
        ("log show run.arrows --neuron", "h", ["plain,h1.0", "plain,h1.1"]),
        ("log export run.arrows a --neuron", "y", ["plain,y0"]),
        ("log plot run.arrows --neuron", "x", ["plain,x0", "plain,x1"]),
        ("log trace run.arrows --source", "x1", ["plain,x1"]),
        ("log trace run.arrows --weight", "x0", ["plain,x0→h1.0", "plain,x0→h1.1"]),
        ("log plot run.arrows --weight", "h1.0", ["plain,h1.0→y0"]),
        ("log plot run.arrows --weight", "h1.0:", ["plain,h1.0:y0"]),
        ("log export run.arrows a --format", "p", ["plain,parquet", "plain,pftrace"]),
        ("log show run.arrows --phase", "b", ["plain,backward"]),
        ("log show none.arrows --neuron", "h", []),
        ("log show --neuron", "h", []),
    ],
)
def test_what_is_offered(words, last, expected, folder, monkeypatch) -> None:
    assert offered(monkeypatch, folder, words, last) == expected


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_the_same(shell: str, folder, monkeypatch) -> None:
    found = offered(monkeypatch, folder, "log show run.arrows --neuron", "h", shell)
    assert [line for line in found if "h1.0" in line]
    assert any("h1.1" in line for line in found)


BASH = """
eval "$(_NEURO_ACTORS_COMPLETE=bash_source neuro-actors)"
complete -p neuro-actors >&2
COMP_WORDS=(neuro-actors log trace run.arrows --weight x1)
COMP_CWORD=5
$(complete -p neuro-actors | sed 's/.*-F \\([^ ]*\\).*/\\1/') neuro-actors x1 --weight
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
autoload -Uz compinit; compinit -u -D
eval "$(_NEURO_ACTORS_COMPLETE=zsh_source neuro-actors)"
print -r -- $_comps[neuro-actors]
"""
FISH = """
_NEURO_ACTORS_COMPLETE=fish_source neuro-actors | source
complete -C "neuro-actors log trace run.arrows --weight x1"
"""


@pytest.mark.parametrize(
    ("shell", "script", "expected"),
    [("bash", BASH, "x1→h1.0\nx1→h1.1"), ("zsh", ZSH, "_neuro_actors"), ("fish", FISH, "x1→h1.0")],
)
def test_a_shell(shell: str, script: str, expected: str, folder: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [shell, "-c", script],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected in done.stdout, done


def test_help_says_how() -> None:
    text, _ = run("--help")
    assert 'eval "$(_NEURO_ACTORS_COMPLETE=bash_source neuro-actors)"' in text
    assert "zsh_source" in text
    assert "fish_source" in text
    assert "python -m neuro_actors" in text


@pytest.mark.slow
def test_a_synapse_without_quotes(folder: Path) -> None:
    """A shell takes > for itself: `--weight x0->h1.0` arrives as x0-, and makes a file h1.0."""
    log = str(folder / "run.arrows")
    texts = [
        run("log", "trace", log, "--weight", f"x0{arrow}h1.0")[0] for arrow in ("->", "→", ":")
    ]
    assert texts[0] == texts[1] == texts[2]
    assert str(na.trace(log, weight="x0:h1.0")) == texts[0].rstrip("\n")
    for command in ("trace", "plot"):
        _, problem = run("log", command, log, "--weight", "x0-", expected=2)
        assert "Without quotes a shell takes > for itself" in problem
        assert problem.endswith("write x0:b, or 'x0->b' in quotes\n")
        _, problem = run("log", command, log, "--weight", "x0", expected=2)
        assert problem.endswith("the ids of its two ends, as in 'a->b' or 'a:b'\n")
        assert "A:B" in run("log", command, "--help")[0]
    done = subprocess.run(
        f"neuro-actors log trace {log} --weight x0->h1.0",
        shell=True,
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Without quotes a shell takes > for itself" in done.stderr


def test_a_step_that_the_log_does_not_contain(folder: Path, tmp_path) -> None:
    log = str(folder / "run.arrows")
    for words in (["show", log], ["export", log, str(tmp_path / "a.csv")]):
        out, problem = run("log", *words, "--step", "99", expected=2)
        assert out == ""
        assert problem.endswith("there is no step 99; it holds steps 1 to 3\n")
    assert not (tmp_path / "a.csv").exists()
    assert run("log", "show", log, "--step", "3", "--neuron", "x0", "--phase", "loss") == (
        "",
        "neuro-actors: no message matches\n",
    )


def test_a_page_that_exists_is_named_once(folder: Path) -> None:
    log, page = str(folder / "run.arrows"), folder / "page.html"
    page.write_text("mine")
    _, problem = run("view", log, "-o", str(page), expected=2)
    advice = "choose another name, or replace it with --force"
    assert problem == f"neuro-actors: {str(page)!r} exists already: {advice}\n"
