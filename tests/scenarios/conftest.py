"""Experiments can be imported, and their scripts run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest
from helpers.paths import SCENARIOS

import neuro_actors as na
from neuro_actors.log.log import Log

sys.path.insert(0, str(SCENARIOS))


class ScriptRun(NamedTuple):
    """What a quick run printed, and its log, which was proved."""

    out: str
    log: Log


@pytest.fixture
def run_script(tmp_path) -> Callable[..., ScriptRun]:
    """Runs an experiment's script, quickly and with a log; `optimizers` are for the audit."""

    def run(name: str, optimizers: tuple = ()) -> ScriptRun:
        log = tmp_path / "run.arrows"
        command = [
            sys.executable,
            str(SCENARIOS / f"{name}.py"),
            "--quick",
            "--log",
            str(log),
            "--out",
            str(tmp_path),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stderr
        assert not [
            line
            for line in done.stdout.splitlines()
            if len(line) > 80 and str(tmp_path) not in line
        ]
        assert (tmp_path / f"{name}.png").stat().st_size > 20_000
        audit = na.audit(log, optimizers=optimizers)
        assert (audit.lie, audit.passed, audit.remarks) == (None, True, ())
        assert audit.messages > 20
        return ScriptRun(done.stdout, na.open_log(log))

    return run
