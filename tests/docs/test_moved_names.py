"""Each name on the page of moved names is there, and the names that extending.md says are taken are those that are refused."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
from helpers.paths import ROOT

from neuro_actors.neuron import InputRule, LocalRule, LossNode
from neuro_actors.rules import Rule
from neuro_actors.support.own_names import (
    LOSS_METHODS,
    PORT_METHODS,
    RULE_FACTORY_METHODS,
    RULE_METHODS,
    reserved_names,
)

PAGE = (ROOT / "docs/moved-names.md").read_text(encoding="utf-8")
ROWS = [tuple(re.findall(r"`([^`]+)`", line)) for line in PAGE.splitlines() if line[:3] == "| `"]


def find(name: str) -> Any:
    """A module, or what is in it: `neuro_actors.neuron.Step.number`, or a parameter: `….fire(activations_in)`."""
    name, _, parameter = name.removesuffix(")").partition("(")
    parts = name.split(".")
    size = next(n for n in range(len(parts), 0, -1) if is_module(".".join(parts[:n])))
    found: Any = import_module(".".join(parts[:size]))
    for part in parts[size:]:
        hints = {h for kind in getattr(found, "__mro__", ()) for h in vars(kind).get("__annotations__", ())}  # fmt: skip
        found = getattr(found, part, part if part in hints else None)
        assert found is not None, f"{name} has no {part}"
    assert not parameter or parameter in inspect.signature(found).parameters
    return found


def is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def test_each_row_has_an_old_and_a_new_name() -> None:
    assert len(ROWS) > 200
    assert all(len(row) == 2 and row[1].startswith("neuro_actors.") for row in ROWS)
    assert len({before for before, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize("part", PAGE.split("\n## ")[1:], ids=lambda part: part.split()[0])
def test_each_new_name_is_there(part: str) -> None:
    rows = [row for row in ROWS if f"| `{row[0]}` | `{row[1]}` |" in part]
    assert rows
    for _, now in rows:
        find(now)


@pytest.mark.parametrize("name", ["neuron.Step.tangents", "neuron.Nothing", "nowhere"])
def test_a_name_that_is_not_there_is_found_out(name: str) -> None:
    with pytest.raises((AssertionError, ModuleNotFoundError)):
        find(f"neuro_actors.{name}")


def test_the_page_has_every_old_name_that_is_refused() -> None:
    for names in (RULE_METHODS, LOSS_METHODS, RULE_FACTORY_METHODS, PORT_METHODS):
        for before, now in names.items():
            pair = rf"\| `[^`]*\b{before}\b[^`]*` \| `[^`]*\.(?:{now}|\w+\({now}\))(?:\(\w+\))?` \|"
            assert re.search(pair, PAGE), (before, now)


@pytest.mark.parametrize("kind", [LocalRule, InputRule, LossNode, Rule])
def test_extending_lists_the_names_that_are_taken(kind: type) -> None:
    text = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    name = f"| `{kind.__module__.split('.')[1]}.{kind.__name__}` |"
    row = next(line for line in text.splitlines() if line.startswith(name))
    _, attributes, methods = (re.findall(r"`([\w.]+)`", cell) for cell in row.split("|")[1:-1])
    expected = reserved_names(kind)
    assert (attributes, methods) == (sorted(expected[0]), sorted(expected[1]))
