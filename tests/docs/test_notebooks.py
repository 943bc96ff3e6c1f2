"""The notebooks: short cells without outputs, the same code in both languages, and each cell does what the text says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.paths import ROOT
from helpers.tiers import need, skip_without

FOLDER = ROOT / "docs" / "notebooks"
ENGLISH, FRENCH = FOLDER / "first_tour.ipynb", FOLDER / "premiere_visite.ipynb"
INLINE = "module://matplotlib_inline.backend_inline"  # of pyplot in a notebook
BOTH = pytest.mark.parametrize("path", [ENGLISH, FRENCH], ids=["English", "French"])


def cells(path: Path, kind: str = "") -> list[dict[str, Any]]:
    return [
        cell
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if kind in ("", cell["cell_type"])
    ]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_there_are_these_notebooks() -> None:
    assert sorted(FOLDER.glob("*.ipynb")) == sorted([ENGLISH, FRENCH])


@BOTH
def test_a_notebook_is_short_and_has_no_outputs(path: Path) -> None:
    for cell in cells(path, "code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        assert source(cell).count("\n") < 8
        assert all(len(line) <= 100 for line in source(cell).splitlines())
    ids = [cell["id"] for cell in cells(path)]
    assert len(set(ids)) == len(ids)
    assert path.stat().st_size < 20_000


def test_both_languages_have_the_same_code() -> None:
    def code(path: Path) -> list[str]:
        strings = re.compile(r'print\(f?"(?:[^"{]|\{[^}]*\})*"\)')  # which are translated
        return [strings.sub("print", source(cell)) for cell in cells(path, "code")]

    assert code(ENGLISH) == code(FRENCH)
    assert [cell["cell_type"] for cell in cells(ENGLISH)] == [
        cell["cell_type"] for cell in cells(FRENCH)
    ]


def test_the_french_one_is_french() -> None:
    for english, french in zip(cells(ENGLISH, "markdown"), cells(FRENCH, "markdown"), strict=True):
        assert source(english) != source(french)
        assert "'" not in re.sub(r"`[^`]*`", "", source(french))  # typographic: ’


def run(path: Path, folder: Path) -> list[dict[str, Any]]:
    """What each code cell printed and returned."""
    skip_without("IPython")
    skip_without("anywidget")
    skip_without("matplotlib")
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "programs" / "run_notebook.py", path],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder), "MPLBACKEND": INLINE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check(found: list[dict[str, Any]]) -> None:
    """What the text beside the cells says."""
    printed = "".join(one["printed"] for one in found)
    assert "prediction 0.6, loss 0.16\ngradient -0.80\n" in printed
    by_messages, derivative = re.findall(r"∂L/∂w[^+−]*? ([+-]\d\.\d+)", printed)
    assert float(by_messages) == -float(derivative) != 0
    losses = [float(number) for number in re.findall(r"^[123] (\d\.\d+)$", printed, re.MULTILINE)]
    assert len(losses) == 3  # of the society that stays alive
    assert losses[0] > losses[1] > losses[2]
    texts = [one["text"] for one in found]
    assert "accuracy 1.000" in next(t for t in texts if t.startswith("<TrainingResult"))
    assert any(text.startswith("<Audit: proved") for text in texts)
    (predictions,) = [text for text in texts if text.startswith("array")]
    assert [float(n) > 0 for n in re.findall(r"-?\d+\.\d+", predictions)] == [False, True, True, False]  # fmt: skip
    formats = [set(one["formats"]) for one in found]
    assert sum("text/html" in one for one in formats) == 9
    assert sum("image/png" in one for one in formats) == 1


@BOTH
@pytest.mark.slow
def test_each_cell_does_what_the_text_says(path: Path, tmp_path: Path) -> None:
    check(run(path, tmp_path))


@BOTH
@pytest.mark.notebook
def test_it_runs_in_a_kernel(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a kernel asyncio runs already, and `%autoawait trio` works beside it."""
    need("nbclient")
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    paths = str(ROOT), os.environ.get("PYTHONPATH")
    code = (
        "import nbformat, sys; from nbclient import NotebookClient\n"
        "notebook = nbformat.read(sys.argv[1], as_version=4)\n"
        "NotebookClient(notebook, timeout=200, kernel_name='python3').execute()\n"
        "nbformat.write(notebook, 'done.ipynb')"
    )
    subprocess.run(
        [sys.executable, "-c", code, path],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        check=True,
    )
    found = []
    for cell in cells(tmp_path / "done.ipynb", "code"):
        data = [out["data"] for out in cell["outputs"] if "data" in out]
        assert len(data) <= 1  # a figure is shown once
        formats = data[0] if data else {}
        printed = "".join(source({"source": out["text"]}) for out in cell["outputs"] if "text" in out)  # fmt: skip
        text = "".join(formats.get("text/plain", ""))
        found.append({"printed": printed, "formats": list(formats), "text": text})
    check(found)


@pytest.mark.slow
def test_without_autoawait_the_error_says_what_to_write(tmp_path: Path) -> None:
    skip_without("IPython")
    cell = {
        "cell_type": "code",
        "source": "import neuro_actors as na\n"
        "async with na.open_simulation(na.Network.layered([1, 1])) as s: pass",
    }
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": [cell]}))
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "programs" / "run_notebook.py", tmp_path / "a.ipynb"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("In a notebook, write %autoawait trio in a cell before this one")  # fmt: skip
