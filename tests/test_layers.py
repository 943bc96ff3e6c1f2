"""The import arrows point one way; the heart knows no trio, no clock, no log; heavy libraries are imported when used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import neuro_actors

ROOT = Path(neuro_actors.__file__).parent
SANS_IO = {"errors", "initial", "describe", "layers", "arrays", "functions", "sums", "graph", "elements", "network", "examples", "learning", "messages", "mail", "neuron", "judge", "gradient", "reference/gradients", "reference/matrices", "reference/products", "rules/__init__", "rules/descriptions", "rules/rule", "rules/backpropagation", "rules/feedback_alignment", "rules/newton", "rules/micro_batches", "tree", "rules/direct_feedback_alignment", "rules/predictive_coding", "rules/weight_perturbation", "activations", "losses", "lines", "parameters", "said", "text", "paths", "faults", "channels/frames", "channels/orders", "channels/reliable", "channels/storm", "channels/ledger", "checkpoint/packing", "checkpoint/keeping", "checkpoint/about", "machines/crossings", "machines/cutting", "machines/partition", "machines/shard", "machines/standins", "machines/letters", "machines/twins", "rules/book", "log/workers"}
ALLOWED = {
    "errors": set(),
    "arrays": {"errors", "text"},
    "activations": {"arrays"},
    "losses": {"arrays"},
    "functions": {"activations", "arrays", "errors", "losses", "text"},
    "sums": {"arrays", "errors", "text"},
    "tree": {"arrays"},
    "parameters": {"arrays", "network"},
    "lines": {"arrays", "elements", "messages", "network", "said"},
    "graph": {"arrays"},
    "elements": {"arrays", "errors", "text"},
    "layers": {"arrays", "errors", "network", "text"},
    "network": {"arrays", "elements", "errors", "describe", "functions", "graph", "initial", "layers", "text"},
    "initial": {"arrays", "functions", "network"},
    "describe": {"network"},
    "examples": {"arrays", "errors", "functions", "network"},
    "learning": {"arrays", "errors", "text"},
    "messages": {"arrays", "learning"},
    "mail": {"arrays", "errors", "messages"},
    "neuron": {"arrays", "errors", "functions", "learning", "messages", "sums"},
    "judge": {"arrays", "errors", "functions", "messages"},
    "gradient": {"arrays", "network"},
    "reference": {"arrays", "examples", "functions", "gradient", "network", "reference"},
    "rules": {"arrays", "errors", "functions", "judge", "messages", "network", "neuron", "rules", "sums", "text", "tree"},
    "channels": {"arrays", "elements", "errors", "faults", "learning", "messages", "network", "mail", "lines", "said", "text", "channels"},
    "faults": {"arrays", "errors", "text"},
    "actor": {"arrays", "channels", "errors", "judge", "messages", "neuron"},
    "outcome": {"arrays", "channels", "gradient", "messages", "network", "parameters"},
    "society": {"actor", "channels", "elements", "errors", "network", "rules", "sums", "turns"},
    "turns": {"actor", "channels", "messages", "neuron", "rules"},
    "course": {"arrays", "channels", "functions", "learning", "machines", "network", "progress", "rules", "simulation"},
    "progress": {"course"},
    "checkpoint": {"arrays", "channels", "checkpoint", "course", "errors", "examples", "functions", "judge", "learning", "log", "network", "neuron", "rules", "simulation", "sums", "text", "version"},
    "machines": {"activations", "arrays", "channels", "checkpoint", "elements", "errors", "judge", "learning", "lines", "log", "losses", "machines", "messages", "network", "neuron", "parameters", "rules", "said", "society", "sums", "text", "tree"},
    "opening": {"arrays", "channels", "checkpoint", "errors", "log", "machines", "network", "rules", "simulation", "society", "sums", "text"},
    "said": {"arrays"},
    "text": set(),
    "files": {"errors"},
    "plots": {"arrays", "errors", "files"},
    "paths": {"arrays", "functions", "graph", "network", "sums"},
    "trace": {"errors", "log", "traced", "tracer"},
    "traced": {"text", "trace"},
    "tracer": {"arrays", "elements", "errors", "functions", "log", "network", "paths", "sums", "text", "trace"},
    "log": {"arrays", "elements", "files", "lines", "errors", "faults", "learning", "messages", "network", "said", "plots", "text", "log", "version"},
    "viewer": {"arrays", "errors", "faults", "functions", "log", "messages", "network", "sums", "text", "viewer"},
    "rounding": {"arrays", "functions", "judge", "learning", "messages", "neuron"},
    "replay": {"arrays", "log", "messages", "network", "neuron", "rounding", "rules", "sums"},
    "audit": {"arrays", "auditor", "errors", "learning", "log", "text"},
    "auditor": {"arrays", "audit", "errors", "functions", "learning", "log", "messages", "replay", "rules", "sums", "text"},
}


def imports(path: Path) -> tuple[set[str], set[str]]:
    """The package's own modules, and the foreign ones, that a file imports wherever in it."""
    own, foreign = set(), set()
    depth = len(path.relative_to(ROOT).parts) - 1
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            foreign |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0:
                foreign.add(str(node.module).split(".")[0])
            elif node.level == depth + 1:
                own |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
            else:
                own.add(path.parent.name)
    return own, foreign


def test_arrows() -> None:
    for path in ROOT.rglob("*.py"):
        layer = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if layer in ALLOWED:
            own, _ = imports(path)
            assert own <= ALLOWED[layer], f"{path.name} imports {own - ALLOWED[layer]}"


def test_the_heart_is_sans_io() -> None:
    for name in SANS_IO:
        _, foreign = imports(ROOT / f"{name}.py")
        assert not foreign & {"trio", "time", "datetime", "pyarrow", "rich", "click", "threading", "asyncio"}, name


def test_the_core_reads_in_one_sitting() -> None:
    core = ["neuron", "mail", "judge", "messages", "actor", "turns", "society", "channels/__init__", "channels/lanes", "channels/memory", "channels/frames", "channels/orders", "channels/reliable", "channels/storm", "channels/post", "channels/mortal", "channels/unreliable", "channels/bells", "channels/bundled", "channels/layout", "sums", "simulation", "opening", "reference/gradients", "reference/matrices", "reference/products", "rules/rule", "rules/backpropagation", "rules/feedback_alignment", "rules/direct_feedback_alignment", "rules/predictive_coding", "rules/weight_perturbation", "rules/micro_batches", "rules/book", "tree"]
    lines = {name: len((ROOT / f"{name}.py").read_text().splitlines()) for name in core}
    assert max(lines.values()) <= 300, lines
    assert max(len(path.read_text().splitlines()) for path in ROOT.rglob("*.py")) <= 350


def test_heavy_libraries_are_imported_when_used() -> None:
    code = "import neuro_actors, sys; print([m for m in ('pyarrow', 'torch', 'matplotlib', 'sklearn', 'click', 'rich', 'safetensors', 'duckdb', 'perfetto', 'pandas', 'polars', 'ray') if m in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
