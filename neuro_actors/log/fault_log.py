"""The second file of a log, where the channels disturbed the run: what befell messages and members. An Arrow IPC stream.

| column   | type                      | meaning                                                                          |
| ---      | ---                       | ---                                                                              |
| time     | float64                   | seconds since the society was opened, by trio's clock, often a virtual one       |
| step     | int64                     | of the message; of a death, in which the member was                              |
| what     | dictionary<int8, string>  | one of `faults.DISTURBANCES`; end: the last row                                  |
| kind     | dictionary<int8, string>  | of the message; of a death, the place, one of `faults.PLACES`; else null         |
| source   | dictionary<int32, string> | of the synapse that the message goes along; of a death, who died; else null      |
| target   | dictionary<int32, string> | likewise; of a death null                                                        |
| attempt  | int32                     | 1, 2, 3, … of the message in its step, of deaths since the last commit; end: 0   |
| question | bool                      | whether it befell the question for the message                                   |
| note     | string                    | end: the last digest of the log; else null                                       |

The log itself tells nothing of it: it is the same, byte for byte, as if nothing had happened.
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

from ..channels.unreliable.faults import DISTURBANCES, KINDS, PLACES, FaultEvent
from ..network.network import Network
from ..support.errors import LogError
from ..support.text import shown
from .schema import members

FORMAT = 1
KEY = b"neuro_actors_disturbances"
WHAT, KIND = (*DISTURBANCES, "end"), (*KINDS, *PLACES)
AT_ONCE = 8192  # that wait to be written
NAMES = pa.dictionary(pa.int32(), pa.string())
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
    """Where the disturbances of a log lie: `run.disturbances.arrows` beside `run.arrows`."""
    path = Path(log)
    return path.with_name(f"{path.stem}.disturbances{path.suffix}")


class FaultLogWriter:
    """Writes them, batch after batch. Raises `OSError` where the disk refuses.

    metadata: of the log's schema.  channels: the settings of those that disturb, or None.
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
        self._waiting: list[FaultEvent] = []
        self._schema = COLUMNS.with_metadata({KEY: json.dumps(about)})
        path = fault_log_path(log)
        with path.open("xb"):  # what exists is nobody's to overwrite
            pass
        self.file = pa.OSFile(os.fsencode(path), "wb")
        self._stream = pa.ipc.new_stream(self.file, self._schema)

    def add(self, disturbance: FaultEvent) -> bool:
        """Keep it until the next `flush`; whether it is time for that."""
        self._waiting.append(disturbance)
        return len(self._waiting) >= AT_ONCE

    def flush(self) -> None:
        """Write what waits."""
        held, self._waiting = self._waiting, []
        if held:
            self._stream.write_batch(self._batch(held))

    def close(self, digest: str) -> None:
        """Write what waits, and the end. digest: the log's last one."""
        self.flush()
        self._stream.write_batch(self._batch([FaultEvent(0.0, "end", 0, "", "", "", 0)], digest))
        self._stream.close()

    def _batch(self, held: list[FaultEvent], note: str | None = None) -> Any:
        what, kind = ({name: code for code, name in enumerate(names)} for names in (WHAT, KIND))
        codes = self._codes
        columns = [
            pa.array([d.time for d in held], pa.float64()),
            pa.array([d.step for d in held], pa.int64()),
            pa.DictionaryArray.from_arrays(
                pa.array([what[d.what] for d in held], pa.int8()), pa.array(WHAT)
            ),
            pa.DictionaryArray.from_arrays(
                pa.array([kind.get(d.kind) for d in held], pa.int8()), pa.array(KIND)
            ),
            pa.DictionaryArray.from_arrays(
                pa.array([codes.get(d.source) for d in held], pa.int32()), self._names
            ),
            pa.DictionaryArray.from_arrays(
                pa.array(
                    [None if d.what == "died" else codes.get(d.target) for d in held], pa.int32()
                ),
                self._names,
            ),
            pa.array([d.attempt for d in held], pa.int32()),
            pa.array([d.question for d in held], pa.bool_()),
            pa.array([note] * len(held), pa.string()),
        ]
        return pa.record_batch(columns, schema=self._schema)


@dataclass(frozen=True, slots=True)
class FaultLog:
    """What a log's second file holds.

    channels: the settings of those that disturbed, where they are known.  all: in the order in which they befell.
    digest: of the log that it belongs to, where the file is whole; None: it was cut off, or is being written.
    """

    path: str
    channels: dict[str, Any] | None
    events: tuple[FaultEvent, ...]
    digest: str | None

    def check(self, digest: str | None) -> None:
        """Raise `LogError` if the log, whose last digest is this, is of another run. (Of one that is not whole that can
        only be told by its network, and what was recorded.)"""
        if None not in (digest, self.digest) and digest != self.digest:
            raise LogError(
                f"{self.path!r}: it tells the disturbances of another run than the log beside it: move it away"
            )


def read_fault_log(log: str, metadata: bytes, network: Network) -> FaultLog | None:
    """The disturbances of a log, as far as they were written; None where no file lies beside it. metadata: of the log's
    schema. Raises `LogError` for a file that is damaged, or belongs to another log."""
    path = fault_log_path(log)
    if not os.path.lexists(path):
        return None
    name = str(path)
    if not path.is_file():
        raise LogError(f"{name!r}: it is no regular file")
    try:
        with path.open("rb") as file, pa.ipc.open_stream(file) as stream:
            channels = _channels(stream.schema, metadata)
            return FaultLog(name, channels, *_read(stream, frozenset(members(network))))
    except LogError as error:
        raise LogError(f"{name!r}: {error}") from None
    except OSError as error:
        raise LogError(f"{name!r}: it cannot be read ({str(error).splitlines()[0]})") from None
    except pa.ArrowException as error:
        raise LogError(f"{name!r}: it is no Arrow stream ({str(error).splitlines()[0]})") from None


def to_table(held: Iterable[FaultEvent]) -> Any:
    """As an Arrow table, with texts."""
    kinds = {"what": pa.string(), "kind": pa.string(), "source": pa.string(), "target": pa.string()}
    columns = {name: kinds.get(name, kind) for name, kind in FIELDS.items() if name != "note"}
    rows = [asdict(d) | {"target": d.target or None} for d in held]
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def _channels(schema: Any, metadata: bytes) -> dict[str, Any] | None:
    """The settings that the metadata tell. Raises `LogError` where they are not those of this log."""
    text = (schema.metadata or {}).get(KEY)
    if text is None:
        raise LogError("it tells no disturbances of a log, though its name says so: move it away")
    try:
        about = json.loads(text)
        held, log, channels = about["format"], about["log"], about["channels"]
        if not isinstance(channels, (dict, type(None))):
            raise TypeError("its channels are no settings")
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise LogError(f"its metadata are damaged: {error}") from None
    if held != FORMAT:
        raise LogError(f"it is of format {shown(held)}, this version reads {FORMAT}")
    if not schema.equals(COLUMNS):
        raise LogError("its columns are not those of disturbances")
    if log != hashlib.sha256(metadata).hexdigest():
        raise LogError(
            "it tells the disturbances of another run than the log beside it: move it away"
        )
    return channels


def _read(stream: Any, known: frozenset[str]) -> tuple[tuple[FaultEvent, ...], str | None]:
    """As far as whole batches go. Raises `LogError` for a row that nobody can have written."""
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
                raise LogError(f"row {len(found) + 1} stands behind the end")
            if what == "end" and note is not None:
                digest = note
                continue
            disturbance = FaultEvent(
                time, what, step, kind, source, target or "", attempt, question
            )
            if not _makes_sense(disturbance, known):
                raise LogError(f"row {len(found)} makes no sense: {shown(disturbance)}")
            found.append(disturbance)
    return tuple(found), digest


def _rows(batch: Any) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _makes_sense(d: FaultEvent, known: frozenset[str]) -> bool:
    numbers = (
        None not in (d.time, d.step, d.attempt, d.question)
        and 0 <= d.time < float("inf")
        and d.step >= 1 <= d.attempt
    )
    if d.what == "died":
        return numbers and d.kind in PLACES and d.source in known and not d.target
    return numbers and d.what in DISTURBANCES and d.kind in KINDS and {d.source, d.target} <= known
