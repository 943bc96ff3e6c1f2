"""Help, errors and printed texts are plain English: terms, not riddles."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import neuro_actors
from neuro_actors.cli.command_line import cli

ROOT = Path(neuro_actors.__file__).parent
RIDDLES = re.compile(
    r"\b(as many|nobody|somebody|everybody|what(ever)? there is|stands? (there|below|twice)|went (well|wrong))\b",
    re.IGNORECASE,
)


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The strings of a program, without its docstrings."""
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings:
            yield node.lineno, node.value


def helps(group: click.Group, path: str = "neuro-actors") -> Iterator[tuple[str, str]]:
    for name, command in group.commands.items():
        options = [getattr(one, "help", None) or "" for one in command.params]
        yield f"{path} {name}", "\n".join([command.help or "", *options])
        if isinstance(command, click.Group):
            yield from helps(command, f"{path} {name}")


@pytest.mark.parametrize(
    "folder", sorted(p.name for p in ROOT.iterdir() if (p / "__init__.py").exists())
)
def test_errors_and_printed_texts(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text[:90]}"
        for path in (ROOT / folder).rglob("*.py")
        for line, text in texts(ast.parse(path.read_text(encoding="utf-8")))
        if RIDDLES.search(text)
    ]
    assert not found, "\n".join(found)


def test_help() -> None:
    assert not [(path, match[0]) for path, text in helps(cli) if (match := RIDDLES.search(text))]


def test_a_riddle_is_found() -> None:
    source = '"""Nobody."""\nraise ValueError(f"{x}: expected as many")\nprint("fine")'
    assert [line for line, text in texts(ast.parse(source)) if RIDDLES.search(text)] == [2]
