"""A lock on a file, which a process holds until it lets go or ends, however it ends.

The operating system keeps the lock (`flock`; on Windows `msvcrt.locking`). So a process that is
killed leaves the file behind, but no lock. The file says who holds it, for the text of an error.

A process that is forked shares its parent's open files, so it would hold the lock for as long as it
lives, also after its parent was killed. So it closes them at once; the parent keeps its lock.
"""

from __future__ import annotations

import os
import platform
import sys
import weakref
from contextlib import suppress
from datetime import datetime
from pathlib import Path

FAR = 1 << 30  # Windows locks bytes: this one, so that others can read the text
MOST_BYTES = 500  # of the text
_LOCKS: weakref.WeakSet[FileLock] = weakref.WeakSet()


class FileLock:
    """A lock; nothing is locked yet.

    Args:
        path: The file. It is made for the lock, and removed when the lock is released.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._close: weakref.finalize[[int], FileLock] | None = None
        _LOCKS.add(self)

    def acquire(self) -> str | None:
        """Take the lock, if no other process and no other part of this one has it.

        Where the file system knows no locks, nothing is locked.

        Returns:
            None; or who has the lock, in words.

        Raises:
            OSError: The file cannot be made.
        """
        while True:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            opened = os.open(self._path, flags, 0o666)
            close = weakref.finalize(self, os.close, opened)
            try:
                if not _lock(opened):
                    holder = os.read(opened, MOST_BYTES).decode(errors="replace").strip()
                    close()
                    return holder or "another process"
            except OSError:  # no locks here
                close()
                return None
            if self._is_at_path(opened):
                break
            close()  # the holder before has just removed the file
        since = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        holder = f"process {os.getpid()} on {platform.node() or 'this machine'}, since {since}"
        self._close = close
        try:
            os.truncate(opened, 0)
            os.write(opened, holder.encode())
        except OSError:  # a full disk
            self.release()
            raise
        return None

    def release(self) -> None:
        """Let go of the lock, if it is held."""
        close, self._close = self._close, None
        if close is None:
            return
        if os.name != "nt":  # where a file that is open cannot be removed
            with suppress(OSError):
                self._path.unlink()
        close()
        if os.name == "nt":
            with suppress(OSError):
                self._path.unlink()

    def leave_to_parent(self) -> None:
        """Hold the lock no longer in this process, which was forked; its parent holds it."""
        close, self._close = self._close, None
        if close is not None:
            close()

    def _is_at_path(self, opened: int) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(opened))
        except FileNotFoundError:
            return False


def lock_file(opened: int) -> bool:
    """Lock a file until it is closed, where the system can: others can read and write it.

    Args:
        opened: The open file.

    Returns:
        Whether no other open file has the lock.
    """
    try:
        return sys.platform == "win32" or _lock(opened)
    except OSError:  # no locks here
        return True


def _lock(opened: int) -> bool:
    """Lock an open file. Return False if another one has locked it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(opened, FAR, os.SEEK_SET)
            try:
                msvcrt.locking(opened, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(opened, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _leave_all_to_parent() -> None:
    for lock in list(_LOCKS):
        lock.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all_to_parent)
