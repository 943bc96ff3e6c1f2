"""Reads a log, also one whose end is missing."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from ..errors import LogError
from .schema import network_of


class Row(NamedTuple):
    """One row of a log; see `schema`."""

    step: int
    kind: str
    sender: str | None
    receiver: str | None
    time: int
    value: list[float]
    note: str | None


class LogReader:
    """A log on disk. Raises `LogError` if there is none, or what is there is not one.

    network: the network that ran, with the parameters it began with.
    cut_off: after `rows` has come to its end, whether the file ends in the middle of a batch or lacks its end.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = str(path)
        self.cut_off = False
        if not Path(path).is_file():
            what = "it is no regular file" if Path(path).exists() else "there is no such file"
            raise LogError(f"{self._path!r}: {what}")
        with self._stream() as stream:
            try:
                self.network = network_of(stream.schema)
            except LogError as error:
                raise LogError(f"{self._path!r}: {error}") from None
            except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
                raise LogError(f"{self._path!r}: its description of the network is damaged: {error}") from None

    def _stream(self) -> Any:
        try:
            return pa.ipc.open_stream(pa.memory_map(self._path))
        except (pa.ArrowException, OSError) as error:
            empty = Path(self._path).stat().st_size == 0
            what = "it is empty" if empty else f"it is no message log ({str(error).splitlines()[0]})"
            raise LogError(f"{self._path!r}: {what}") from None

    def batches(self) -> Iterator[Any]:
        """The record batches, as far as they are whole."""
        with self._stream() as stream:
            while True:
                try:
                    batch = stream.read_next_batch()
                    batch.validate(full=True)
                except StopIteration:
                    self.cut_off = not self._has_end()
                    return
                except (pa.ArrowException, OSError):
                    self.cut_off = True
                    return
                yield batch

    def rows(self) -> Iterator[Row]:
        """Row after row."""
        for batch in self.batches():
            columns = [batch.column(name).to_pylist() for name in Row._fields]
            yield from map(Row._make, zip(*columns, strict=True))

    def _has_end(self) -> bool:
        """Whether the stream's end marker (Arrow: 0xFFFFFFFF, then a length of zero) is there."""
        with Path(self._path).open("rb") as file:
            file.seek(-8, 2)
            return file.read() == b"\xff\xff\xff\xff\x00\x00\x00\x00"
