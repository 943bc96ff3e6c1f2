"""The tiers of the tests: which cases run by default, and which with --run-slow alone; and what needs an extra."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import pytest

ALL = "test-all"
EXTRA = {
    "IPython": "notebook",
    "anywidget": "notebook",
    "duckdb": "query",
    "jupyterlab": ALL,
    "material": ALL,
    "matplotlib": "plot",
    "micrograd": ALL,
    "mpmath": ALL,
    "mkdocs": ALL,
    "mkdocs_static_i18n": ALL,
    "mkdocstrings": ALL,
    "nbclient": ALL,
    "pandas": ALL,
    "perfetto": "perfetto",
    "playwright": ALL,
    "polars": ALL,
    "pykka": ALL,
    "ray": "ray",
    "scipy": ALL,
    "sklearn": ALL,
    "torch": "torch",
    "yaml": "test",
}  # of pyproject.toml, by the module that it brings


def few(cases: Iterable[Any], first: int = 2) -> list[Any]:
    """Return cases for `parametrize`: the first run by default, the others are marked slow."""
    return [
        case
        if number < first
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
        for number, case in enumerate(cases)
    ]


def _reason(module: str) -> str:
    top = module.partition(".")[0]
    return f"needs {top}: pip install -e '.[{EXTRA[top]}]'"


def need(module: str) -> Any:
    """Import a module. Where it is not installed, skip the test and say how to install it."""
    return pytest.importorskip(module, reason=_reason(module))


def skip_without(module: str) -> None:
    """Skip the test where this module is not installed. Do not import it."""
    if find_spec(module) is None:
        pytest.skip(_reason(module))
