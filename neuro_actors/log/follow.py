"""Reads a log while it is being written: waits, at the end of what is there, for more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import pyarrow as pa

from .reader import LogReader
from .schema import CODE

AT_ONCE = 2**20
PAUSE = 0.1  # seconds between two looks


class FollowingReader(LogReader):
    """A log that grows. Its record batches come as they are written, until the end row; if the run was killed, no more
    come, and whoever follows waits until interrupted."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self._file: _GrowingFile | None = None
        super().__init__(path)

    def batches(self) -> Iterator[Any]:
        self._file = _GrowingFile(self._path)
        try:
            for batch in super().batches():
                yield batch
                if len(batch) and self.codes(batch, "kind")[-1] == CODE["end"]:
                    return
        finally:
            self._file.close()

    def _open_stream(self) -> Any:
        """Of what is there; or, for `batches`, of what is still to come, too."""
        return (
            super()._open_stream()
            if self._file is None
            else pa.ipc.open_stream(pa.PythonFile(self._file, "r"))
        )


class _GrowingFile:
    """A file whose `read` waits until as much as was asked for is there."""

    closed = False

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("rb")  # noqa: SIM115

    def read(self, size: int) -> bytes:
        parts, missing = [], size
        while missing:
            part = self._file.read(
                min(missing, AT_ONCE)
            )  # a damaged log may ask for more than there is memory for
            if part:
                parts.append(part)
                missing -= len(part)
            else:
                time.sleep(PAUSE)
        return b"".join(parts)

    def close(self) -> None:
        self._file.close()
