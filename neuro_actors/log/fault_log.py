"""The second file of a log, for a run on unreliable channels: faults of messages and members.

It is an Arrow IPC stream.

| column   | type                      | meaning                                                   |
| ---      | ---                       | ---                                                       |
| time     | float64                   | seconds since the society was opened, by trio's clock,    |
|          |                           | which is often a virtual one                              |
| step     | int64                     | the message's step; of a crash, the step that the member  |
|          |                           | was in                                                    |
| what     | dictionary<int8, string>  | one of `faults.DISTURBANCES`; end: the last row           |
| kind     | dictionary<int8, string>  | the message's kind; of a crash, one of `faults.PLACES`;   |
|          |                           | else null                                                 |
| source   | dictionary<int32, string> | source of the synapse that the message travels along; of  |
|          |                           | a crash, the member that crashed; else null               |
| target   | dictionary<int32, string> | target of that synapse; of a crash null                   |
| attempt  | int32                     | the attempt to send the message in its step: 1, 2, 3, …;  |
|          |                           | the crash's number since the member last committed; end: 0|
| question | bool                      | whether the fault is one of the question for the message  |
| note     | string                    | end: the last digest of the log; else null                |

The log itself contains nothing of this. Its bytes are those of a run without faults.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..channels.routes import message_kinds
from ..channels.unreliable.faults import DISTURBANCES, PLACES, FaultEvent
from ..network.network import Network
from ..neuron.messages import MessageKind
from ..support.errors import LogError
from ..support.files import describe_no_file
from ..support.text import quote
from .schema import members

FORMAT = 1
KEY = b"neuro_actors_disturbances"
WHAT = (*DISTURBANCES, "end")
FLUSH_ROWS = 8192  # rows that wait in memory at most
NAMES = pa.dictionary(pa.int32(), pa.string())
OF_ANOTHER_RUN = "it contains the disturbances of another run than the log beside it: move it away"
FIELDS: dict[str, Any] = {
    "time": pa.float64(),
    "step": pa.int64(),
    "what": pa.dictionary(pa.int8(), pa.string()),
    "kind": pa.dictionary(pa.int8(), pa.string()),
    "source": NAMES,
    "target": NAMES,
    "attempt": pa.int32(),
    "question": pa.bool_(),
    "note": pa.string(),
}
NULLABLE = ("kind", "source", "target", "note")
COLUMNS = pa.schema(
    [pa.field(name, kind, nullable=name in NULLABLE) for name, kind in FIELDS.items()]
)


def fault_log_path(log: str | PathLike[str]) -> Path:
    """Return the path of a log's second file: `run.disturbances.arrows` beside `run.arrows`.

    Args:
        log: The path of the log.
    """
    path = Path(log)
    return path.with_name(f"{path.stem}.disturbances{path.suffix}")


class FaultLogWriter:
    """Writes the faults of a run into the second file, batch after batch.

    Args:
        log: The path of the log.
        metadata: The metadata of the log's schema; its digest goes into the file.
        network: The network that runs.
        channels: The settings of the unreliable channels, or None if they are not known.

    Raises:
        OSError: The file exists, or the disk refuses it. `flush` and `close` may raise it, too.
    """

    def __init__(
        self, log: Path, metadata: bytes, network: Network, channels: dict[str, Any] | None
    ) -> None:
        self._names = pa.array(members(network))
        self._codes = {name: code for code, name in enumerate(self._names.to_pylist())}
        about = {
            "format": FORMAT,
            "log": hashlib.sha256(metadata).hexdigest(),
            "channels": channels,
        }
        self._held: list[FaultEvent] = []  # faults that are not yet written
        self._schema = COLUMNS.with_metadata({KEY: json.dumps(about)})
        path = fault_log_path(log)
        with path.open("xb"):  # never overwrite a file
            pass
        self.file = pa.OSFile(os.fsencode(path), "wb")
        self._stream = pa.ipc.new_stream(self.file, self._schema)

    def add(self, disturbance: FaultEvent) -> bool:
        """Hold a fault until the next `flush`; return whether it is time for one."""
        self._held.append(disturbance)
        return len(self._held) >= FLUSH_ROWS

    def flush(self) -> None:
        """Write the faults that are held."""
        events, self._held = self._held, []
        if events:
            self._stream.write_batch(self._batch(events))

    def close(self, digest: str) -> None:
        """Write the faults that are held, then the end row.

        Args:
            digest: The last digest of the log.
        """
        self.flush()
        self._stream.write_batch(self._batch([FaultEvent(0.0, "end", 0, "", "", "", 0)], digest))
        self._stream.close()

    def _batch(self, events: list[FaultEvent], note: str | None = None) -> Any:
        kinds = _kinds()
        what, kind = ({name: code for code, name in enumerate(names)} for names in (WHAT, kinds))
        codes = self._codes
        columns = [
            pa.array([d.time for d in events], pa.float64()),
            pa.array([d.step for d in events], pa.int64()),
            pa.DictionaryArray.from_arrays(
                pa.array([what[d.what] for d in events], pa.int8()), pa.array(WHAT)
            ),
            pa.DictionaryArray.from_arrays(
                pa.array([kind.get(d.kind) for d in events], pa.int8()), pa.array(kinds)
            ),
            pa.DictionaryArray.from_arrays(
                pa.array([codes.get(d.source) for d in events], pa.int32()), self._names
            ),
            pa.DictionaryArray.from_arrays(
                pa.array(
                    [None if d.what == "died" else codes.get(d.target) for d in events], pa.int32()
                ),
                self._names,
            ),
            pa.array([d.attempt for d in events], pa.int32()),
            pa.array([d.question for d in events], pa.bool_()),
            pa.array([note] * len(events), pa.string()),
        ]
        return pa.record_batch(columns, schema=self._schema)


@dataclass(frozen=True, slots=True)
class FaultLog:
    """The content of a log's second file.

    Attributes:
        path: The file.
        channels: The settings of the unreliable channels, or None if they are not known.
        events: The faults, in the order in which they occurred.
        digest: The last digest of the log that the file belongs to. None if the file has no
            end: it was cut off, or it is still written.
    """

    path: str
    channels: dict[str, Any] | None
    events: tuple[FaultEvent, ...]
    digest: str | None

    def check(self, digest: str | None) -> None:
        """Check that the file belongs to a log.

        If one of the two files has no end, only their metadata can tell. `read_fault_log` compares
        these.

        Args:
            digest: The log's last digest, or None if the log has no end.

        Raises:
            LogError: The log is that of another run.
        """
        if None not in (digest, self.digest) and digest != self.digest:
            raise LogError(f"{self.path!r}: {OF_ANOTHER_RUN}")


def read_fault_log(log: str, metadata: bytes, network: Network) -> FaultLog | None:
    """Read the second file of a log, as far as it was written.

    Args:
        log: The path of the log.
        metadata: The metadata of the log's schema.
        network: The network that ran.

    Returns:
        The faults, or None if the log has no second file.

    Raises:
        LogError: The file is damaged, or it belongs to another log.
    """
    path = fault_log_path(log)
    if not os.path.lexists(path):
        return None
    name = str(path)
    if not path.is_file():
        raise LogError(f"{name!r}: {describe_no_file(path)}")
    try:
        with path.open("rb") as file, pa.ipc.open_stream(file) as stream:
            channels = _channels(stream.schema, metadata)
            return FaultLog(name, channels, *_read(stream, frozenset(members(network))))
    except LogError as error:
        raise LogError(f"{name!r}: {error}") from None
    except (pa.ArrowException, OSError) as error:  # Arrow's own text would say nothing to a user
        if isinstance(error, OSError) and error.errno is not None:
            raise LogError(f"{name!r}: it cannot be read: {error.strerror}") from None
        what = "it is damaged, or no log of a run's faults"
        raise LogError(f"{name!r}: {what}: remove it to read the log without the faults") from None


def to_table(events: Iterable[FaultEvent]) -> Any:
    """Return faults as an Arrow table, with names as texts."""
    kinds = {"what": pa.string(), "kind": pa.string(), "source": pa.string(), "target": pa.string()}
    columns = {name: kinds.get(name, kind) for name, kind in FIELDS.items() if name != "note"}
    rows = [asdict(d) | {"target": d.target or None} for d in events]
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def _channels(schema: Any, metadata: bytes) -> dict[str, Any] | None:
    """Return the channels' settings; raise `LogError` if the metadata are not those of this log."""
    text = (schema.metadata or {}).get(KEY)
    if text is None:
        raise LogError(
            "it contains no disturbances of a log, though its name says so: move it away"
        )
    try:
        about = json.loads(text)
        held, log, channels = about["format"], about["log"], about["channels"]
        if not isinstance(channels, (dict, type(None))):
            raise TypeError("the settings of its channels are not an object")
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise LogError(f"its metadata are damaged: {error}") from None
    if held != FORMAT:
        raise LogError(f"its format is {quote(held)}, this version reads {FORMAT}")
    if not schema.equals(COLUMNS):
        raise LogError("its columns are not those of disturbances")
    if log != hashlib.sha256(metadata).hexdigest():
        raise LogError(OF_ANOTHER_RUN)
    return channels


def _read(stream: Any, known: frozenset[str]) -> tuple[tuple[FaultEvent, ...], str | None]:
    """Read all whole batches; raise `LogError` for a row that no run writes."""
    found: list[FaultEvent] = []
    digest = None
    while True:
        try:
            batch = stream.read_next_batch()
            batch.validate(full=True)
        except StopIteration:
            break
        except (pa.ArrowException, OSError):
            return tuple(found), None
        for time, step, what, kind, source, target, attempt, question, note in _rows(batch):
            if digest is not None:
                raise LogError(f"row {len(found) + 1} comes after the end row")
            if what == "end" and note is not None:
                digest = note
                continue
            disturbance = FaultEvent(
                time, what, step, kind, source, target or "", attempt, question
            )
            if not _makes_sense(disturbance, known):
                raise LogError(f"row {len(found)} makes no sense: {quote(disturbance)}")
            found.append(disturbance)
    return tuple(found), digest


def _kinds() -> tuple[str, ...]:
    """The dictionary of the column `kind`.

    A kind of message that was added to the table of routes follows behind all that every such file
    has, so that these keep their codes.
    """
    known = (kind.value for kind in MessageKind)
    return tuple(dict.fromkeys((*known, *PLACES, *map(str, message_kinds()))))


def _rows(batch: Any) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _makes_sense(d: FaultEvent, known: frozenset[str]) -> bool:
    """Whether a run can have written this fault; `known`: the names of all members."""
    numbers = (
        None not in (d.time, d.step, d.attempt, d.question)
        and 0 <= d.time < float("inf")
        and d.step >= 1 <= d.attempt
    )
    if d.what == "died":
        return numbers and d.kind in PLACES and d.source in known and not d.target
    is_message = d.what in DISTURBANCES and d.kind in message_kinds()
    return numbers and is_message and {d.source, d.target} <= known
