"""Reads a log while it is written: at the end of the file it waits for more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from os import PathLike
from typing import Any

from ..support.errors import LogError
from .log_source import LogStream, StoredBatches
from .reader import LogReader
from .schema import CODE

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
        self._follows = False
        super().__init__(path)

    def batches(self, stored: StoredBatches | None = None) -> Iterator[Any]:
        """Yield the record batches that are written and those that are still to be written."""
        self._follows = True
        for batch in super().batches(stored):
            yield batch
            if len(batch) and self.codes(batch, "kind")[-1] == CODE["end"]:
                return

    def _make_stream(self) -> LogStream:
        """Read what is there; for `batches`, also what is still to come."""
        if not self._follows:
            return super()._make_stream()
        return _GrowingStream(self.source, self.path)


class _GrowingStream(LogStream):
    """A stream whose `read` waits until as many bytes as it is asked for are there."""

    def __init__(self, source: Any, path: str) -> None:
        super().__init__(source)
        self._path = path

    def read(self, size: int) -> bytes:
        parts, missing = [], size
        while missing:
            part = super().read(missing)
            if part:
                parts.append(part)
                missing -= len(part)
            elif self.source.size < self.tell():
                raise LogError(f"{self._path!r}: the file has become shorter while it was read")
            else:
                time.sleep(PAUSE)
        return b"".join(parts)
