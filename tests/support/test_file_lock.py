"""One holder at a time, who is named; a holder that is killed holds nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from helpers.systems import need_fork

from neuro_actors.support import file_lock
from neuro_actors.support.file_lock import FileLock, lock_file


def test_one_at_a_time(tmp_path) -> None:
    one, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert one.acquire() is None
    holder = other.acquire()
    assert holder is not None
    assert holder.startswith(f"process {os.getpid()} on ")
    one.release()
    assert not list(tmp_path.iterdir())
    assert other.acquire() is None
    one.release()  # it has none: nothing happens
    assert FileLock(tmp_path / "lock").acquire() is not None
    other.release()


def test_a_lock_that_is_forgotten_is_free(tmp_path) -> None:
    lock = FileLock(tmp_path / "lock")
    assert lock.acquire() is None
    del lock
    again = FileLock(tmp_path / "lock")
    assert again.acquire() is None
    again.release()


def test_a_killed_holder_leaves_no_lock(tmp_path) -> None:
    code = (
        "import sys; from pathlib import Path; from neuro_actors.support.file_lock import FileLock\n"
        "lock = FileLock(Path(sys.argv[1])); print(lock.acquire(), flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "None\n"
        lock = FileLock(tmp_path / "lock")
        assert f"process {child.pid} " in str(lock.acquire())
        child.kill()
    assert (tmp_path / "lock").exists()
    assert lock.acquire() is None
    lock.release()
    assert not (tmp_path / "lock").exists()


def test_where_there_are_no_locks(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(opened: int) -> bool:
        raise OSError

    monkeypatch.setattr(file_lock, "_lock", refuses)
    assert FileLock(tmp_path / "lock").acquire() is None
    with (tmp_path / "lock").open("rb") as file:
        assert lock_file(file.fileno())


@need_fork
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_that_outlives_its_parent_holds_no_lock(tmp_path) -> None:
    path = tmp_path / "lock"
    lock = FileLock(path)
    assert lock.acquire() is None
    read_end, write_end = os.pipe()
    is_ready, say_ready = os.pipe()
    child = os.fork()
    if not child:  # it lives until the pipe is closed
        lock.release()
        os.close(write_end)
        os.write(say_ready, b"!")
        os.read(read_end, 1)
        os._exit(0)
    try:
        os.read(is_ready, 1)
        assert path.exists()
        assert FileLock(path).acquire() is not None  # this process still has it
        del lock  # as the end of a killed process does: its files are closed
        assert FileLock(path).acquire() is None
    finally:
        for end in (write_end, read_end, is_ready, say_ready):
            os.close(end)
        os.waitpid(child, 0)


def test_a_full_disk_leaves_no_lock(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder is what cannot be written."""

    def write(*_: object) -> int:
        raise OSError(28, "No space left on device")

    lock = FileLock(tmp_path / "lock")
    with monkeypatch.context() as patch:
        patch.setattr(file_lock.os, "write", write)
        with pytest.raises(OSError, match="No space left"):
            lock.acquire()
    assert not (tmp_path / "lock").exists()
    assert FileLock(tmp_path / "lock").acquire() is None
