"""Reads a log from its beginning to its end, also if its end is missing or it is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from stat import S_ISREG
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..support.arrays import Array, Indices
from ..support.errors import LogError, NeuroActorsError
from ..support.files import absolute_path, describe_content, describe_no_file
from ..support.validation import as_path
from .log_source import LogSource, LogStream, StoredBatches
from .placement import Workers, parse_workers
from .recording_settings import Recording
from .schema import CODE, KEY, MACHINES, about_of, kind_codes, members, network_of

ARROW_STREAM = b"\xff\xff\xff\xff"  # each message begins so
NULL, UNKNOWN = -1, -2  # in place of a member's or a kind's number


class Row(NamedTuple):
    """One row of a log; see `schema` for its columns."""

    step: int
    kind: str
    sender: str | None
    receiver: str | None
    time: int
    value: list[float]
    note: str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive rows in numpy arrays.

    Attributes:
        first: The number of the first row in the file, from 0 on.
        step: The steps' numbers. Shape (n_rows,).
        kind: Codes of `schema.kind_codes`, or `UNKNOWN`. Shape (n_rows,).
        sender: Positions in `LogReader.members`, or `NULL`, or `UNKNOWN` for a name that is not
            a member's. Shape (n_rows,).
        receiver: Likewise. Shape (n_rows,).
        time: Logical times. Shape (n_rows,).
        starts: Where each row's values begin in `values`. Shape (n_rows + 1,).
        values: The values of all rows. Shape (n_values,).
        notes: An Arrow array of strings, or null.
    """

    first: int
    step: NDArray[np.int64]
    kind: NDArray[np.int8]
    sender: Indices
    receiver: Indices
    time: NDArray[np.int32]
    starts: Indices
    values: Array
    notes: Any

    def __len__(self) -> int:
        return len(self.step)

    def cut(self, start: int, stop: int) -> Rows:
        """Return the rows from `start` to before `stop`."""
        some = slice(start, stop)
        first, last = int(self.starts[start]), int(self.starts[stop])
        return Rows(
            self.first + start,
            self.step[some],
            self.kind[some],
            self.sender[some],
            self.receiver[some],
            self.time[some],
            self.starts[start : stop + 1] - first,
            self.values[first:last],
            self.notes[start:stop],
        )


class LogReader:
    """A log on disk.

    Args:
        path: The log file.

    Attributes:
        path: The name of the file as it was given.
        file: Its absolute path.
        schema: The Arrow schema.
        about: The metadata.
        metadata: The bytes of the metadata that the digest chain begins with.
        network: The network that ran, with the parameters that it began with.
        recording: What was recorded.
        rule: The name and the settings of the rule.
        machines: The workers, or None for a run in one process.
        members: The names of all members: neurons, loss, environment.
        cut_off: After all batches were read: whether the file ends within a batch or has no end.
        read: How many bytes were read.
        size: How many bytes the file had when it was opened.
        source: The open file.

    Raises:
        LogError: The file cannot be read, or it is not a message log.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        file = as_path("a log", path)
        self._path = self.path = str(file)
        self.file = absolute_path(file)  # the folder may be changed
        self.cut_off = False
        self.read = self.size = 0
        # Arrow dictionaries that were met, each with the code of each of its names
        self._codes: list[tuple[str, Any, Indices]] = []
        try:
            regular = S_ISREG(file.stat().st_mode)
            if regular:
                self.source = LogSource(file)
        except FileNotFoundError:
            raise LogError(f"{self._path!r}: there is no such file") from None
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            raise LogError(f"{self._path!r}: {getattr(error, 'strerror', error)}") from None
        if not regular:
            raise LogError(f"{self._path!r}: {describe_no_file(file)}")
        self.size = self.source.size
        with self._open_stream() as stream:
            try:
                self.schema = stream.schema
                self.about = about_of(stream.schema)
                self.metadata: bytes = stream.schema.metadata[KEY]
                self.network = network_of(self.about)
                self.recording = Recording.from_json(self._path, self.about["recorded"])
                self.recording.selects(self.network)
                self.rule: dict[str, Any] = dict(self.about["rule"])
                if not isinstance(self.rule["name"], str):
                    raise ValueError("a rule's name is a text")
                self.machines: Workers | None = parse_workers(
                    stream.schema.metadata.get(MACHINES), self.network
                )
            except LogError as error:
                raise LogError(f"{self._path!r}: {error}") from None
            except (
                KeyError,
                ValueError,
                TypeError,
                AttributeError,
                IndexError,
                RecursionError,
                NeuroActorsError,
            ) as error:
                raise LogError(f"{self._path!r}: its metadata are damaged: {error}") from None
        self.members = members(self.network)
        self._known = {
            "kind": kind_codes(),
            "members": {name: code for code, name in enumerate(self.members)},
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, also in another process, opens the file anew."""
        return type(self), (self.file,)

    def _open_stream(self) -> Any:
        self._stream = self._make_stream()
        try:
            return pa.ipc.open_stream(pa.PythonFile(self._stream, "r"))
        except (pa.ArrowException, OSError) as error:
            raise LogError(f"{self._path!r}: {self._describe_no_stream(error)}") from None

    def _describe_no_stream(self, error: Exception) -> str:
        """Say why the file cannot be opened. Arrow's own text would say nothing to a user."""
        if isinstance(error, OSError) and error.errno is not None:
            return f"it cannot be read: {error.strerror}"
        head = self.source.read(0, 256)
        if not head:
            return "it is empty"
        if head.startswith(ARROW_STREAM):
            return "it is cut off or damaged at its beginning, so nothing of it can be read"
        kind = describe_content(head)
        what = f"it is {kind}, not a message log" if kind else "it is no message log"
        return f"{what}: name the file that a run wrote, such as run.arrows"

    def _make_stream(self) -> LogStream:
        return LogStream(self.source)

    def batches(self, stored: StoredBatches | None = None) -> Iterator[Any]:
        """Yield the record batches, as far as they are whole.

        Args:
            stored: Receives where each one is. None: nothing does.
        """
        with self._open_stream() as stream:
            start = self._stream.tell()
            if stored is not None:
                stored.begin(start)
            while True:
                self._stream.checksum = 0
                try:
                    batch = stream.read_next_batch()
                    batch.validate(full=True)
                    self.read = self._stream.tell()
                except StopIteration:
                    self.read = self._stream.tell()
                    self.cut_off = not self._has_end()
                    return
                except (pa.ArrowException, OSError):
                    self.cut_off = True
                    return
                if stored is not None:
                    dictionaries = stream.stats.num_dictionary_batches
                    stored.add(start, self.read, self._stream.checksum, dictionaries)
                start = self.read
                yield batch

    def rows(self) -> Iterator[Row]:
        """Yield each row."""
        for batch in self.batches():
            columns = [batch.column(name).to_pylist() for name in Row._fields]
            yield from map(Row._make, zip(*columns, strict=True))

    def steps(self) -> Iterator[Rows]:
        """Yield the rows of each step, then those of the end.

        The rows of a step go from its begin row to the next one, those of the end from the end row
        on. In a damaged log there may be rows before the first begin row; they come first.

        Raises:
            LogError: There is a null where no null is allowed.
        """
        parts: list[Rows] = []
        first = 0
        for batch in self.batches():
            rows = self.decode(batch, first)
            first += len(rows)
            start = 0
            for stop in np.flatnonzero(
                (rows.kind == CODE["begin"]) | (rows.kind == CODE["end"])
            ).tolist():
                if stop > start:
                    parts.append(rows.cut(start, stop))
                if parts:
                    yield join_rows(parts)
                parts, start = [], stop
            if start < len(rows):
                parts.append(rows.cut(start, len(rows)))
        if parts:
            yield join_rows(parts)

    def decode(self, batch: Any, first: int) -> Rows:
        """Return a record batch as numpy arrays.

        Args:
            batch: The record batch.
            first: The number of its first row in the file.

        Raises:
            LogError: There is a null where no null is allowed.
        """
        self.check_nulls(batch, first)
        value = batch.column("value")
        offsets = value.offsets.to_numpy().astype(np.intp)
        numbers = value.values
        return Rows(
            first,
            batch.column("step").to_numpy(),
            self.codes(batch, "kind").astype(np.int8),
            self.codes(batch, "sender"),
            self.codes(batch, "receiver"),
            batch.column("time").to_numpy(),
            offsets - offsets[0],
            numbers.slice(offsets[0], offsets[-1] - offsets[0]).to_numpy(zero_copy_only=False),
            batch.column("note"),
        )

    def check_nulls(self, batch: Any, first: int) -> None:
        """Check that there is no null where no null is allowed.

        Args:
            batch: A record batch.
            first: The number of its first row in the file.

        Raises:
            LogError: There is one.
        """
        for name in ("step", "kind", "time", "value"):
            if batch.column(name).null_count:
                where = first + batch.column(name).is_null().to_numpy(
                    zero_copy_only=False
                ).tolist().index(True)
                raise LogError(f"{self._path!r}: row {where} has no {name}")
        if batch.column("value").flatten().null_count:
            where = f"rows {first} to {first + len(batch) - 1}"
            raise LogError(f"{self._path!r}: one of the values in {where} is null")

    def codes(self, batch: Any, name: str) -> Indices:
        """Return a column of names as numbers, whatever Arrow dictionary it is written with.

        Args:
            batch: A record batch.
            name: "kind", "sender" or "receiver".

        Returns:
            Numbers as in `Rows`. Shape (n_rows,).
        """
        column = batch.column(name)
        what = "kind" if name == "kind" else "members"
        for which, dictionary, known in self._codes:
            if which == what and dictionary.equals(column.dictionary):
                codes = known
                break
        else:
            ours = self._known[what]
            codes = np.array(
                [ours.get(text, UNKNOWN) for text in column.dictionary.to_pylist()] + [NULL],
                dtype=np.intp,
            )
            self._codes.append((what, column.dictionary, codes))
        indices = column.indices
        raw = indices.fill_null(len(codes) - 1) if indices.null_count else indices
        found: Indices = codes[raw.to_numpy(zero_copy_only=False)]
        return found

    def _has_end(self) -> bool:
        """Whether the file ends with Arrow's end marker: 0xFFFFFFFF, then a length of zero."""
        end = b"\xff\xff\xff\xff\x00\x00\x00\x00"
        return self.source.read(self.source.size - len(end), len(end)) == end


def join_rows(parts: list[Rows]) -> Rows:
    """Return consecutive rows in one piece."""
    if len(parts) == 1:
        return parts[0]
    ends = np.cumsum([0, *(part.starts[-1] for part in parts)])
    starts = [part.starts[1:] + end for part, end in zip(parts, ends[:-1], strict=True)]
    names = ("step", "kind", "sender", "receiver", "time", "values")
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in names
    }
    notes = pa.concat_arrays([part.notes for part in parts])
    return Rows(first=parts[0].first, starts=np.concatenate([[0], *starts]), notes=notes, **columns)
