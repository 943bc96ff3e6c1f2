"""Writes a log while a society runs. Handed to its members as one callable, `record`."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..elements import ENVIRONMENT
from ..elements import LOSS as JUDGE
from ..errors import LogError
from ..messages import COMMIT, LOSS, TARGET, URGENCY, Message
from ..network import Network
from .schema import KINDS, arrow_schema, members

FLUSH_ROWS, FLUSH_SECONDS = 8192, 0.5


class LogWriter:
    """One log file. Raises `LogError` if it exists already, or cannot be written.

    Whole steps are gathered until there are 8,192 rows or half a second has passed, and then written at once: a run
    that is killed leaves what was written before.
    """

    def __init__(self, path: str | PathLike[str], network: Network) -> None:
        if not isinstance(path, (str, PathLike)) or not str(path):
            raise LogError(f"log must be the name of a file, got {path!r}")
        self._path = Path(path)
        self._schema = arrow_schema(network)
        self._names = pa.array(members(network))
        self._kinds = pa.array(KINDS)
        self._place = {name: k for k, name in enumerate(members(network))}
        self._forward, self._backward = _waves(network)
        self._messages: list[Message] = []
        self._rows: list[tuple[Any, ...]] = []
        self._written = time.monotonic()
        self._failure: str | None = None
        try:
            with self._path.open("xb"):  # refuse what exists, before any work
                pass
            self._file = pa.OSFile(str(self._path), "wb")
            self._stream = pa.ipc.new_stream(self._file, self._schema)
        except FileExistsError:
            raise LogError(f"log file {str(path)!r} exists already: choose another name, or remove it") from None
        except OSError as error:
            raise LogError(f"log file {str(path)!r} cannot be written: {error.strerror or error}") from None
        except ValueError as error:  # a name that no file can have
            raise LogError(f"log file {str(path)!r} cannot be written: {error}") from None

    def record(self, message: Message) -> None:
        """Called with each message as it is sent."""
        self._messages.append(message)

    def finish(self) -> None:
        """Called when a step is over, before another one begins."""
        self._rows.extend(self._sorted_rows())
        self._messages.clear()
        if len(self._rows) >= FLUSH_ROWS or time.monotonic() - self._written >= FLUSH_SECONDS:
            self._flush()

    def close(self) -> None:
        """Write what is left, the beginning of a step that was cut off too, and close the file."""
        try:
            if self._failure is None:
                if self._messages:
                    self._rows.extend(self._sorted_rows())
                    self._messages.clear()
                self._flush()
                self._written_by(self._stream.close)
        finally:
            self._file.close()

    def _sorted_rows(self) -> list[tuple[Any, ...]]:
        first = self._messages[0]
        step, place = first.step, self._place
        about = {
            "mode": "predict" if step.loss is None else "gradient" if step.optimizer is None else "train",
            "loss": step.loss,
            # without the addresses of functions, which differ between equal runs
            "optimizer": None if step.optimizer is None else re.sub(r" at 0x[0-9a-fA-F]+", "", repr(step.optimizer)),
            "batch": len(first.values),
            "wrt_inputs": step.wrt_inputs,
        }
        rows: list[tuple[Any, ...]] = [(0, 0, -1, -1, np.empty(0), json.dumps(about))]
        for message in self._messages:
            _, kind, source, target, values = message
            sender, receiver = (target, source) if kind == URGENCY else (source, target)
            note = None
            if kind == TARGET:
                sender, note = ENVIRONMENT, source
            rows.append((self._time(kind, sender), KINDS.index(kind), place[sender], place[receiver], values, note))
        # a target's rows differ in their notes alone, which stand in the order of the outputs: sorting is stable
        rows.sort(key=lambda row: row[:4])
        return [(step.number, *row) for row in rows]

    def _time(self, kind: str, sender: str) -> int:
        if sender == ENVIRONMENT:
            return 1
        if kind in (URGENCY, COMMIT):
            return self._backward[sender]
        return self._backward[JUDGE] if kind == LOSS else self._forward[sender]

    def _flush(self) -> None:
        self._written = time.monotonic()
        if not self._rows:
            return
        step, wave, kind, sender, receiver, values, notes = zip(*self._rows, strict=True)
        self._rows.clear()
        offsets = np.zeros(len(step) + 1, dtype=np.int32)
        np.cumsum([len(value) for value in values], out=offsets[1:])
        nobody = np.array(sender) < 0
        columns = [
            pa.array(step, pa.int64()),
            pa.DictionaryArray.from_arrays(pa.array(kind, pa.int8()), self._kinds),
            *(
                # 0, not -1, under a null: some readers look there
                pa.DictionaryArray.from_arrays(pa.array(np.where(nobody, 0, ends), pa.int32(), mask=nobody), self._names)
                for ends in (sender, receiver)
            ),
            pa.array(wave, pa.int32()),
            pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.concatenate(values))),
            pa.array(notes, pa.string()),
        ]
        self._written_by(self._stream.write_batch, pa.record_batch(columns, schema=self._schema))

    def _written_by(self, write: Callable[..., None], *arguments: Any) -> None:
        """Once the disk has refused, nothing more is written: what stands in the file can be read."""
        if self._failure is None:
            try:
                write(*arguments)
                return
            except OSError as error:
                self._failure = f"log file {str(self._path)!r} cannot be written: {error.strerror or error}"
        raise LogError(self._failure)


def _waves(network: Network) -> tuple[dict[str, int], dict[str, int]]:
    """When each member sends its activation, and its urgencies: 1 + the latest that it had heard before (Lamport)."""
    outputs = np.array([network.position[name] for name in network.outputs])
    forward = network.level + 2  # the environment speaks at 1, the inputs, at level 0, at 2
    judge = int(forward[outputs].max()) + 1
    back = np.zeros(len(network.ids), dtype=np.intp)
    back[outputs] = judge + 1
    for k in np.argsort(-network.level, kind="stable").tolist():
        followers = network.targets[network.outgoing.of(k)]
        back[k] = max(back[k], back[followers].max(initial=0) + 1)
    return (
        dict(zip(network.ids, forward.tolist(), strict=True)) | {JUDGE: judge},
        dict(zip(network.ids, back.tolist(), strict=True)) | {JUDGE: judge},
    )
