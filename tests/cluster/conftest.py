"""What a test of processes has started is gone when it ends."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.paths import PROGRAMS
from helpers.systems import OPEN_FILES
from helpers.worker_processes import MARK, Traces

if not hasattr(signal, "SIGKILL"):  # Windows: their tests kill processes
    collect_ignore = ["test_launcher.py", "test_ray.py"]


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    if not OPEN_FILES.is_dir():
        pytest.skip("needs /proc, which lists processes")
    folder = Path(tempfile.mkdtemp(prefix="nat"))
    traces = Traces(folder)
    monkeypatch.setenv(MARK, traces.mark)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(sys, "path", [str(PROGRAMS), *sys.path])
    yield traces
    try:
        assert traces.gone(20), [traces.processes(), list(folder.iterdir())]
    finally:
        for pid in traces.processes():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)
