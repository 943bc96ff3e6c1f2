"""Each slow test belongs to one share; see `--share` of `conftest.py`."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers.paths import ROOT

FILE = "tests/channels/test_engines.py"


def collect(*options: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", *options, FILE],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {line for line in done.stdout.splitlines() if "::" in line}


@pytest.mark.slow
def test_shares_are_apart_and_together_all() -> None:
    whole, default = collect("--run-slow"), collect()
    shares = [collect("--run-slow", f"--share={k}/3") for k in (1, 2, 3)]
    assert set.union(*shares) == whole
    assert all(default < one < whole for one in shares)
    assert sum(len(one - default) for one in shares) == len(whole - default)
