"""A package that is missing, or whose import raises anything: one error, which says what to do."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import numpy as np
import pytest
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.cluster.ray_lifecycle import RayRuntime
from neuro_actors.proof import torch_oracle
from neuro_actors.support import optional
from neuro_actors.support.optional import import_optional

NET = na.Network.layered([2, 2, 1], seed=1)
USES = {
    "matplotlib": lambda log: na.open_log(log).plot(),
    "duckdb": lambda log: na.open_log(log).query("SELECT 1"),
    "anywidget": lambda log: na.show(log),
    "ray": lambda log: RayRuntime(1, "127.0.0.1:1", "token").start(),
    "torch": lambda log: torch_oracle.torch_gradient(
        NET, np.ones((1, 2)), np.ones((1, 1)), "huber"
    ),
}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "a.arrows"
    na.train(NET, [[0.0, 1.0]], [[1.0]], optimizer=na.SGD(0.1), epochs=3, log=path)
    return path


@pytest.mark.parametrize("package", USES)
@pytest.mark.parametrize(
    "error",
    [
        ValueError("'nonsense' is not\na backend"),
        OSError("libmkl.so: cannot open shared object file"),
        ModuleNotFoundError("No module named 'numpy.core'", name="numpy.core"),
        AttributeError("module 'numpy' has no attribute 'bool'"),
    ],
)
def test_an_import_may_raise_anything(package, error, log, monkeypatch) -> None:
    def broken(name: str) -> object:
        raise error

    monkeypatch.setattr(optional.importlib, "import_module", broken)
    with pytest.raises(na.NeuroActorsError) as caught:
        USES[package](log)
    text = f"{package} cannot be used here: {type(error).__name__}: {error}"
    assert str(caught.value) == " ".join(text.split())


@pytest.mark.parametrize("package", USES)
def test_a_package_that_is_missing(package, log, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(na.NeuroActorsError, match="pip install"):
        USES[package](log)


def test_what_is_there_is_returned() -> None:
    assert import_optional("os.path", "missing") is importlib.import_module("os.path")


@pytest.mark.parametrize("backend", few(["nonsense", "module://missing"], 0))
def test_a_backend_that_does_not_exist(backend: str, log, tmp_path) -> None:
    """A figure in a file needs no backend; where matplotlib itself refuses, it is one line."""
    done = subprocess.run(
        [sys.executable, "-m", "neuro_actors", "log", "plot", str(log)],
        env=os.environ | {"MPLBACKEND": backend},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    if done.returncode:
        assert done.returncode == 2
        assert done.stderr.startswith("neuro-actors: matplotlib cannot be used here: ValueError: ")
        assert done.stderr.count("\n") == 1
    else:
        assert (tmp_path / "a.png").exists()


def test_a_figure_where_the_display_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    plt = importlib.import_module("matplotlib.pyplot")
    tried: list[object] = []

    def refuses(**how: object) -> None:
        tried.append(how)
        raise ImportError("Cannot load backend 'TkAgg', as 'headless' is currently running")

    monkeypatch.setattr(plt, "figure", refuses)
    result = na.train(NET, [[0.0, 1.0]], [[1.0]], optimizer=na.SGD(0.1), epochs=3)
    assert len(result.plot().axes) == 2  # it can be written to a file
    assert tried
