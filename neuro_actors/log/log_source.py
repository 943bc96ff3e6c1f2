"""The file of a log as it is read: by position, never mapped into memory.

A mapped file that another program shortens ends the process (SIGBUS). A file that is read does not:
fewer bytes come, and the checksum of a part that is read again shows that the file has changed.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

import pyarrow as pa

from ..support.errors import LogError


class LogSource:
    """An open file. It is closed when this object is gone.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._descriptor, self._lock = descriptor, threading.Lock()
        weakref.finalize(self, os.close, descriptor)

    @property
    def size(self) -> int:
        """How many bytes the file has now."""
        return os.fstat(self._descriptor).st_size

    def read(self, start: int, size: int) -> bytes:
        """Read some bytes; fewer if the file ends before.

        A damaged log may ask for more than there is memory for, so the size is compared with the
        file's before.

        Args:
            start: The position of the first.
            size: How many.

        Raises:
            OSError: The operating system refused.
        """
        size = max(0, min(size, self.size - start))
        parts = []
        while size and (part := self._read_once(start, size)):
            parts.append(part)
            start, size = start + len(part), size - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read_once(self, start: int, size: int) -> bytes:
        if sys.platform != "win32":
            return os.pread(self._descriptor, size, start)
        with self._lock:
            os.lseek(self._descriptor, start, os.SEEK_SET)
            return os.read(self._descriptor, size)


class LogStream:
    """A source from its beginning to its end, as Arrow reads it (`pa.PythonFile`).

    Args:
        source: The source.

    Attributes:
        checksum: The CRC-32 of what was read since this was set to 0.
    """

    closed = False

    def __init__(self, source: LogSource) -> None:
        self.source = source
        self.checksum = 0
        self._position = 0

    def read(self, size: int) -> bytes:
        """Read the next bytes; fewer at the end."""
        part = self.source.read(self._position, size)
        self._position += len(part)
        self.checksum = zlib.crc32(part, self.checksum)
        return part

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self._position

    def close(self) -> None:
        """Do nothing: the source may be read again."""


class _Place(NamedTuple):
    """Where a record batch is, with the dictionaries that come right before it.

    parts: how many parts of a stream's beginning it needs; see `StoredBatches`.
    """

    start: int
    stop: int
    checksum: int
    parts: int


class StoredBatches(Sequence[Any]):
    """The record batches of a log, each read from the file when it is asked for.

    Args:
        source: The file.
        path: Its name, for the text of an error.
    """

    def __init__(self, source: LogSource, path: str) -> None:
        self._source, self._path = source, path
        self._places: list[_Place] = []
        self._beginning: list[bytes] = []  # the schema, then each message with a dictionary
        self._dictionaries = 0
        self._last: tuple[int, Any] | None = None

    def begin(self, stop: int) -> None:
        """Note that the schema ends at a position."""
        self._beginning = [self._source.read(0, stop)]

    def add(self, start: int, stop: int, checksum: int, dictionaries: int) -> None:
        """Note where the next batch is.

        Args:
            start: Where the batch before ends.
            stop: Where it ends.
            checksum: The CRC-32 of the bytes between.
            dictionaries: How many dictionaries the stream has had up to here.
        """
        self._places.append(_Place(start, stop, checksum, len(self._beginning)))
        if dictionaries > self._dictionaries:
            self._dictionaries = dictionaries
            raw = pa.py_buffer(self._source.read(start, stop - start))
            for message in pa.ipc.MessageReader.open_stream(raw):
                if message.type == "dictionary":
                    self._beginning.append(message.serialize().to_pybytes())

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._places)

    @overload
    def __getitem__(self, k: int) -> Any: ...

    @overload
    def __getitem__(self, k: slice) -> list[Any]: ...

    def __getitem__(self, k: int | slice) -> Any:
        """Read a batch. The last one stays in memory: its steps are asked for one by one.

        Raises:
            LogError: The file has changed.
        """
        if isinstance(k, slice):
            return [self[one] for one in range(len(self))[k]]
        k = range(len(self))[k]
        if self._last is None or self._last[0] != k:
            self._last = k, self._read(self._places[k])
        return self._last[1]

    def _read(self, place: _Place) -> Any:
        try:
            raw = self._source.read(place.start, place.stop - place.start)
        except OSError as error:
            raise LogError(f"{self._path!r}: it cannot be read ({error.strerror})") from None
        if len(raw) != place.stop - place.start or zlib.crc32(raw) != place.checksum:
            raise LogError(
                f"{self._path!r}: the file has changed since it was opened: open the log again"
            )
        whole = pa.py_buffer(b"".join([*self._beginning[: place.parts], raw]))
        with pa.ipc.open_stream(whole) as stream:
            return stream.read_next_batch()
