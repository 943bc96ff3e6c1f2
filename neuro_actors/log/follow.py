"""Reads a log while it is written: at the end of the file it waits for more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import pyarrow as pa

from .reader import LogReader
from .schema import CODE

MOST_BYTES = 2**20  # of one read: a damaged log may ask for more than there is memory for
PAUSE = 0.1  # seconds between two looks at the file


class FollowingReader(LogReader):
    """A reader of a log that grows.

    Its record batches come as they are written, until the end row. If the run was killed, no end
    row comes, and `batches` waits until it is interrupted.

    Args:
        path: The log file.

    Raises:
        LogError: The file cannot be read, or it is not a message log.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._file: _GrowingFile | None = None
        super().__init__(path)

    def batches(self) -> Iterator[Any]:
        """Yield the record batches that are written and those that are still to be written."""
        self._file = _GrowingFile(self._path)
        try:
            for batch in super().batches():
                yield batch
                if len(batch) and self.codes(batch, "kind")[-1] == CODE["end"]:
                    return
        finally:
            self._file.close()

    def _open_stream(self) -> Any:
        """Open what is there; for `batches`, also what is still to come."""
        if self._file is None:
            return super()._open_stream()
        return pa.ipc.open_stream(pa.PythonFile(self._file, "r"))


class _GrowingFile:
    """A file whose `read` waits until as many bytes as it is asked for are there."""

    closed = False

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("rb")  # noqa: SIM115

    def read(self, size: int) -> bytes:
        parts, missing = [], size
        while missing:
            part = self._file.read(min(missing, MOST_BYTES))
            if part:
                parts.append(part)
                missing -= len(part)
            else:
                time.sleep(PAUSE)
        return b"".join(parts)

    def close(self) -> None:
        self._file.close()
