"""Writes a log while a society runs: a `Recorder`, which the engine tells what is said."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from ..arrays import Array, Indices
from ..errors import LogError
from ..lines import KINDS as LINE_KINDS
from ..lines import Lines
from ..messages import Step
from ..network import Network
from .schema import KINDS, arrow_schema, members

FLUSH_ROWS, FLUSH_SECONDS = 8192, 0.5


# which of the steps begun (counted from 1), which lines, how long each value, all values: of one message, or of many
_Told: TypeAlias = tuple[int | Indices, int | Indices, int | Indices, Array]


class LogWriter:
    """One log file; a `Recorder`. Raises `LogError` if the file exists already, or cannot be written.

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
        self._template = _Template(network)
        self._told: list[_Told] = []  # since the last flush
        self._begun: list[tuple[Step, int]] = []  # step and batch, since then
        self._n_rows = 0
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

    def message(self, step: Step, line: int, values: Array) -> None:
        self._begin(step, len(values))
        self._told.append((len(self._begun), line, len(values), values))
        self._n_rows += 1

    def messages(self, step: Step, lines: Indices, lengths: Indices, values: Array) -> None:
        self._begin(step, int(lengths[0]) if len(lengths) else 0)
        self._told.append((np.full(len(lines), len(self._begun)), lines, lengths, values))
        self._n_rows += len(lines)

    def _begin(self, step: Step, batch: int) -> None:
        if not self._begun or self._begun[-1][0] is not step:
            self._begun.append((step, batch))

    def finish(self) -> None:
        """Called when a step is over, before another one begins."""
        if self._n_rows >= FLUSH_ROWS or time.monotonic() - self._written >= FLUSH_SECONDS:
            self._flush()

    def close(self) -> None:
        """Write what is left, the beginning of a step that was cut off too, and close the file."""
        try:
            if self._failure is None:
                self._flush()
                self._written_by(self._stream.close)
        finally:
            self._file.close()

    def _flush(self) -> None:
        self._written = time.monotonic()
        if not self._begun:
            return
        template, begun = self._template, self._begun
        count = len(begun)
        self._told.append((np.arange(1, count + 1), np.full(count, template.begin), np.zeros(count, np.intp), np.empty(0)))
        columns = ([np.atleast_1d(part) for part in parts] for parts in zip(*self._told, strict=True))
        at, lines, lengths, values = map(np.concatenate, columns)
        notes = pa.concat_arrays([template.notes, pa.array([_about(*step) for step in begun], pa.string())])
        self._told, self._begun, self._n_rows = [], [], 0
        # of each step first its begin row, then all others in the order of the template
        order = np.argsort(at * len(template.rank) + template.rank[lines], kind="stable")
        at, lines = at[order], lines[order]
        note = template.note[lines]
        note[lines == template.begin] = len(template.notes) + np.arange(count)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        numbers = np.array([step.number for step, _ in begun])
        arrays = [
            pa.array(numbers[at - 1], pa.int64()),
            pa.DictionaryArray.from_arrays(pa.array(template.kind[lines], pa.int8()), self._kinds),
            *(
                pa.DictionaryArray.from_arrays(_with_nulls(ends[lines]), self._names)
                for ends in (template.sender, template.receiver)
            ),
            pa.array(template.time[lines], pa.int32()),
            pa.ListArray.from_arrays(pa.array(offsets), pa.array(values)).take(pa.array(order)),
            notes.take(_with_nulls(note)),
        ]
        self._written_by(self._stream.write_batch, pa.record_batch(arrays, schema=self._schema))

    def _written_by(self, write: Callable[..., None], *arguments: Any) -> None:
        """Once the disk has refused, nothing more is written: what stands in the file can be read."""
        if self._failure is None:
            try:
                write(*arguments)
                return
            except OSError as error:
                self._failure = f"log file {str(self._path)!r} cannot be written: {error.strerror or error}"
        raise LogError(self._failure)


class _Template:
    """All of a row but its step and value, for each line of the society; and, last, for the row that begins a step.

    rank: the line's place among a step's rows: by time, then kind, sender, receiver (targets: in the order of outputs).
    """

    def __init__(self, network: Network) -> None:
        lines = Lines(network)
        forward, backward = _waves(network)
        speaks_back = (lines.kind == LINE_KINDS.index("urgency")) | (lines.kind == LINE_KINDS.index("commit"))
        speaks_back[lines.lost] = True
        time = np.where(speaks_back, backward[lines.sender], forward[lines.sender])
        time[lines.felt] = backward[lines.sender[lines.felt]]
        self.begin = len(lines)
        self.kind = np.append(lines.kind + 1, 0)  # begin stands before the kinds of lines
        self.sender, self.receiver = np.append(lines.sender, -1), np.append(lines.receiver, -1)
        self.time = np.append(time, 0)
        self.note = np.full(len(lines) + 1, -1)
        self.note[lines.wanted] = np.arange(len(network.outputs))
        self.notes = pa.array(network.outputs, pa.string())
        order = np.lexsort((np.arange(len(lines) + 1), self.receiver, self.sender, self.kind, self.time))
        self.rank = np.empty(len(order), dtype=np.intp)
        self.rank[order] = np.arange(len(order))


def _about(step: Step, batch: int) -> str:
    """The note of a row that begins a step."""
    about = {
        "mode": "predict" if step.loss is None else "gradient" if step.optimizer is None else "train",
        "loss": step.loss,
        # without the addresses of functions, which differ between equal runs
        "optimizer": None if step.optimizer is None else re.sub(r" at 0x[0-9a-fA-F]+", "", repr(step.optimizer)),
        "batch": batch,
        "wrt_inputs": step.wrt_inputs,
    }
    return json.dumps(about)


def _with_nulls(indices: Indices) -> Any:
    nobody = indices < 0
    return pa.array(np.where(nobody, 0, indices), pa.int32(), mask=nobody)  # 0 under a null: some readers look there


def _waves(network: Network) -> tuple[Indices, Indices]:
    """When each member sends its activation, and its urgencies: 1 + the latest that it had heard before (Lamport)."""
    n, outputs = len(network.ids), network.output_positions
    forward = np.append(network.level + 2, [0, 1])  # the environment speaks at 1, the inputs, at level 0, at 2
    judge = int(forward[outputs].max()) + 1
    backward = np.zeros(n + 2, dtype=np.intp)
    backward[outputs], backward[n] = judge + 1, judge
    by_level = np.argsort(-network.level[network.targets], kind="stable")
    cuts = np.flatnonzero(np.diff(network.level[network.targets][by_level])) + 1
    for synapses in np.split(by_level, cuts):  # from the last level to the first
        np.maximum.at(backward, network.sources[synapses], backward[network.targets[synapses]] + 1)
    return forward, backward
