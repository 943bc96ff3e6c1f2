"""Systems: what a test needs that only some of them have. Elsewhere the test is skipped, and says why."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

IS_WINDOWS = sys.platform == "win32"
OPEN_FILES = Path("/proc/self/fd")


def _need(has: bool, what: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not has, reason=f"needs {what}, which this system does not have")


need_alarm = _need(hasattr(signal, "SIGALRM"), "SIGALRM")
need_fork = _need(hasattr(os, "fork"), "fork")
need_kill = _need(hasattr(signal, "SIGKILL"), "signals between processes")
need_limits = _need(not IS_WINDOWS, "limits of a process")
need_open_files = _need(OPEN_FILES.is_dir(), "a list of open files")
need_pipes = _need(hasattr(os, "mkfifo"), "named pipes")
need_shell = _need(Path("/bin/sh").exists(), "a POSIX shell")


def make_link(link: Path, target: Path) -> None:
    """Make a symbolic link, or skip the test: Windows lets only some users make one."""
    try:
        link.symlink_to(target)
    except OSError as error:
        pytest.skip(f"needs symbolic links: {error}")


def peak_memory() -> int:
    """Return the most memory that this process has had, in KiB; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1024 if sys.platform == "darwin" else most
