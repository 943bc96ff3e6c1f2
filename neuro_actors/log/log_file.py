"""The file of a log on the disk, which may refuse to take more."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..support.errors import LogError
from ..support.file_lock import lock_file
from ..support.files import absolute_path
from .fault_log import fault_log_path


class LogFile:
    """A new file, to which record batches are appended.

    Once the disk has refused to write, nothing more is written: what the file holds can be read.

    Args:
        path: Where it is made. Beside it a log of faults may be written (see `fault_log.py`).
        schema: Of all record batches.
        overwrite: Whether a log that exists at this path, and its log of faults, are removed first.

    Attributes:
        path: Where it lies, as an absolute path.
        rows: How many rows have been appended.

    Raises:
        LogError: One of the two files exists already, or another run writes it, or this one cannot
            be written.
    """

    def __init__(self, path: Path, schema: Any, *, overwrite: bool) -> None:
        # the current folder may be changed while the log is written
        self.path, self.rows = absolute_path(path), 0
        self._failure: str | None = None
        try:
            beside = fault_log_path(path)
            if overwrite:
                _remove(path)
                _remove(beside)
            elif os.path.lexists(beside):
                raise FileExistsError
            with ExitStack() as opened:
                self._held = opened.enter_context(path.open("xb"))  # before any work
                opened.callback(_forget, path)  # else it would be in the way of the next try
                lock_file(self._held.fileno())
                self._file = opened.enter_context(pa.OSFile(os.fsencode(path), "wb"))
                self._stream = pa.ipc.new_stream(self._file, schema)
                opened.pop_all()  # `close` closes both
        except FileExistsError:
            how = f"log=na.Recording({str(path)!r}, overwrite=True)"
            advice = f"choose another name, remove it, or replace it: {how}"
            found = path if os.path.lexists(path) else beside
            raise LogError(f"log file {str(found)!r} exists already: {advice}") from None
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            reason = getattr(error, "strerror", None) or error
            raise LogError(f"log file {str(path)!r} cannot be written: {reason}") from None

    def append(self, batch: Any) -> None:
        """Write a record batch."""
        self.rows += len(batch)
        self.attempt(self._stream.write_batch, batch)

    def end(self) -> None:
        """Write that no more batches follow."""
        self.attempt(self._stream.close)

    def close(self) -> None:
        """Close the file, whatever the disk says."""
        try:
            self._file.close()
        finally:
            self._held.close()

    @property
    def closed(self) -> bool:
        """Whether the file has been closed."""
        return bool(self._file.closed)

    def attempt(
        self, write: Callable[..., None], *arguments: Any, path: Path | None = None
    ) -> None:
        """Call a function that writes, unless the disk has refused before.

        Args:
            write: The function. An `OSError` that it raises is kept for `check`.
            arguments: What it is called with.
            path: The file that it writes, None for this one.
        """
        if self._failure is None:
            try:
                write(*arguments)
            except OSError as error:
                reason = error.strerror or error
                self._failure = f"log file {str(path or self.path)!r} cannot be written: {reason}"

    def check(self) -> None:
        """Raise what the disk has refused.

        Raises:
            LogError: The disk has refused to write.
        """
        if self._failure is not None:
            raise LogError(self._failure)


def _forget(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _remove(path: Path) -> None:
    """Remove the log of an earlier run, or the link to one.

    It is not emptied: readers of the old log read on.

    Raises:
        LogError: A run still writes it.
        OSError: It cannot be removed.
    """
    if path.is_file():
        with path.open("rb") as file:
            if not lock_file(file.fileno()):
                raise LogError(
                    f"log file {str(path)!r} is being written by another run: choose another name"
                )
    if path.is_file() or (path.is_symlink() and not path.exists()):
        path.unlink()
