"""The file of a log on the disk, which may refuse to take more."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..support.errors import LogError
from .fault_log import fault_log_path


class LogFile:
    """A new file, to which record batches are appended.

    Once the disk has refused to write, nothing more is written: what the file holds can be read.

    Args:
        path: Where it is made. Beside it a log of faults may be written (see `fault_log.py`).
        schema: Of all record batches.
        overwrite: Whether a log that exists at this path, and its log of faults, are removed first.

    Attributes:
        path: Where it lies.
        rows: How many rows have been appended.

    Raises:
        LogError: One of the two files exists already, or this one cannot be written.
    """

    def __init__(self, path: Path, schema: Any, *, overwrite: bool) -> None:
        self.path, self.rows = path, 0
        self._failure: str | None = None
        try:
            beside = fault_log_path(path)
            if overwrite:
                for old in (path, beside):
                    if old.is_file():
                        old.unlink()  # not emptied: readers of the old log have it in memory
            elif beside.exists():
                raise FileExistsError
            with path.open("xb"):  # refuse a file that exists, before any work
                pass
            self._file = pa.OSFile(os.fsencode(path), "wb")
            self._stream = pa.ipc.new_stream(self._file, schema)
        except FileExistsError:
            advice = "choose another name, remove it, or ask for it to be overwritten"
            found = path if path.exists() else beside
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
        self._file.close()

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
