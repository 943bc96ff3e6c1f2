"""Imports run one way: a file imports from its own folder and from the floors below it, and no files form a circle."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import neuro_actors

ROOT = Path(neuro_actors.__file__).parent
FLOORS = [  # from the ground up; folders on one floor do not import each other
    {"kernel"},
    {"support"},
    {"datasets", "network"},
    {"layers", "neuron"},
    {"channels", "rules"},
    {"society", "log"},
    {"cluster", "trace", "viewer"},
    {"simulation"},
    {"proof"},
    {"cli", "__init__"},
    {"__main__"},
]
INPUT_OUTPUT = {"trio", "time", "datetime", "pyarrow", "rich", "click", "threading", "asyncio"}
SANS_IO = [
    "network",
    "layers",
    "neuron",
    "rules",
    "channels/routes.py",
    "channels/step_record.py",
    "proof/reference",
    "trace/paths.py",
]
SANS_IO += [
    f"channels/unreliable/{name}.py"
    for name in ("delivery", "fault_injection", "faults", "frames", "invariants")
]
SANS_IO += [
    f"cluster/{name}.py"
    for name in (
        "balance",
        "committed_state",
        "cut_edges",
        "framing",
        "worker_messages",
        "message_codec",
        "partition",
        "proxies",
        "replicas",
        "shard",
    )
]
HEAVY = [
    "pyarrow",
    "torch",
    "matplotlib",
    "sklearn",
    "click",
    "rich",
    "safetensors",
    "duckdb",
    "perfetto",
    "pandas",
    "polars",
    "ray",
]


def imports(path: Path, root: Path) -> tuple[set[str], set[str]]:
    """The package's own modules and the foreign ones that a file imports, at run time or for types, at any place in it."""
    own, foreign = set(), set()
    here = path.relative_to(root).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            foreign |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            foreign.add(str(node.module).split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = [*here[: -node.level], *(node.module.split(".") if node.module else [])]
            own |= {
                found
                for alias in node.names
                if (found := module([*base, alias.name], root) or module(base, root))
            }
    return own, foreign


def module(parts: list[str], root: Path) -> str:
    """The module of that dotted name, or "" if there is none."""
    place = root.joinpath(*parts)
    name = "/".join(parts)
    return (
        name
        if place.with_suffix(".py").is_file()
        else f"{name}/__init__".lstrip("/")
        if (place / "__init__.py").is_file()
        else ""
    )


@cache
def graph(root: Path) -> dict[str, set[str]]:
    return {
        str(path.relative_to(root).with_suffix("")): imports(path, root)[0]
        for path in root.rglob("*.py")
    }


def faults(arrows: dict[str, set[str]]) -> list[str]:
    """Every arrow that does not run down to a lower floor, and a circle if there is one."""
    floor = {folder: k for k, folders in enumerate(FLOORS) for folder in folders}
    found = []
    for start, ends in sorted(arrows.items()):
        for end in sorted(ends):
            one, other = start.split("/")[0], end.split("/")[0]
            if one != other and floor[other] >= floor[one]:
                found.append(f"{start} imports {end}, which is not on a lower floor")
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        found.append("a circle of imports: " + " -> ".join(error.args[1]))
    return found


def test_every_import_runs_down_and_there_is_no_circle() -> None:
    assert faults(graph(ROOT)) == []


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (
            "network/graph",
            "neuron/messages",
            "network/graph imports neuron/messages, which is not on a lower floor",
        ),
        (
            "rules/rule",
            "channels/interface",
            "rules/rule imports channels/interface, which is not on a lower floor",
        ),
        ("network/graph", "network/network", "a circle of imports: "),
    ],
)
def test_an_arrow_back_up_or_a_circle_is_found(start: str, end: str, message: str) -> None:
    arrows = dict(graph(ROOT))
    arrows[start] = arrows[start] | {end}
    assert any(message in fault for fault in faults(arrows))


def test_every_folder_has_a_floor() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "__pycache__"}
    files = {path.stem for path in ROOT.glob("*.py")}
    assert folders | files == set.union(*FLOORS)


@pytest.mark.parametrize("name", SANS_IO)
def test_the_heart_does_no_input_or_output(name: str) -> None:
    place = ROOT / name
    files = [place] if place.is_file() else list(place.rglob("*.py"))
    assert files
    for path in files:
        assert not imports(path, ROOT)[1] & INPUT_OUTPUT, path


LATER = (  # parts of the package that few programs use, and that bring many others
    "cluster.worker_messages",
    "proof.reference.bounds",
    "proof.audit.auditor",
    "rules.dry_run",
    "simulation.checkpoint.reading",
    "simulation.checkpoint.saving",
    "log.log",
    "viewer.page",
)


def test_large_parts_are_imported_when_used() -> None:
    names = [f"neuro_actors.{name}" for name in LATER]
    assert all((ROOT / f"{name.replace('.', '/')}.py").exists() for name in LATER)
    code = f"import neuro_actors, sys; print([name for name in {names} if name in sys.modules])"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "[]"


def test_heavy_libraries_are_imported_when_used() -> None:
    code = f"import neuro_actors, sys; print([name for name in {HEAVY} if name in sys.modules])"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "[]"
