"""How Ray is started, where this needs no Ray."""

from __future__ import annotations

import subprocess

import pytest

import neuro_actors as na
from neuro_actors.cluster.ray_lifecycle import RayRuntime


def test_a_system_without_a_shell_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows: a shell ends what Ray leaves behind."""

    def refuse(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory", "/bin/sh")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(
        na.SimulationError,
        match=r"^Ray cannot be started here: /bin/sh: No such file or directory$",
    ):
        RayRuntime(1, None, "token")._start_local(None)
