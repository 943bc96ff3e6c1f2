"""Writes a log while a society runs: the `Recorder` that is called with the record of each step."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..channels.routes import StepKind
from ..channels.step_record import RecordedRows, StepRecord
from ..channels.unreliable.faults import FaultEvent
from ..network.function_probe import Identity
from ..network.network import Network
from ..neuron.messages import Step
from ..neuron.optimizers import Optimizer
from ..support.arrays import Array
from .digest_chain import DigestChain
from .fault_log import FaultLogWriter, fault_log_path
from .log_file import LogFile
from .log_page import Page
from .log_page_copy import Pages
from .placement import Workers
from .recording_settings import Recording
from .schema import CODE, KEY, arrow_schema, members, row_kinds
from .step_note import StepNoteWriter

FLUSH_SECONDS = 0.5


class Resumed(Protocol):
    """Where a run goes on.

    Attributes:
        number: The last step of the society before.
        optimizer: Under which it learnt last.
        updates: How many updates it made under this optimizer.
    """

    number: int
    optimizer: Optimizer | None
    updates: int


class _SkippedUpdate(NamedTuple):
    """What neurons learnt in the last step that a partial log leaves out."""

    number: int
    note: str
    commits: Array


class LogRecorder:
    """One log file, and a second one for faults; a `Recorder`.

    Whole steps are gathered until there are 8,192 rows or half a second has passed, and then
    written at once: a run that is killed leaves what was written before. The first step is written
    when it has ended.

    Args:
        recording: What to record, and where.
        network: The network.
        sums: Name of the sums that the neurons use.
        rule: The rule in JSON. None: backpropagation.
        channels: Settings of channels that inject faults, for the second file. That file is made
            when the first fault occurs.
        resumed: Where the run goes on. None: at its beginning.
        workers: Where each neuron runs. None: in one process.
        rule_identity: What the rule does; see `arrow_schema`.

    Raises:
        LogError: The file exists already or cannot be written, or `recording` names a neuron that
            the network does not have.
    """

    def __init__(
        self,
        recording: Recording,
        network: Network,
        sums: str = "ordered",
        rule: dict[str, Any] | None = None,
        channels: dict[str, Any] | None = None,
        resumed: Resumed | None = None,
        workers: Workers | None = None,
        rule_identity: Identity | None = None,
    ) -> None:
        recording.selects(network)
        self._recording, self._network, self._channels = recording, network, channels
        number = resumed.number if resumed else 0
        about = network, recording, sums, rule, number, workers, rule_identity
        self._schema = arrow_schema(*about)
        self._chain = DigestChain(self._schema.metadata[KEY])
        self._pages = Pages(network, recording, self._schema)
        self._notes = (
            StepNoteWriter(resumed.optimizer, resumed.updates) if resumed else StepNoteWriter()
        )
        self._page: Page | None = None  # the one that holds the steps that are not yet written
        self._skipped: _SkippedUpdate | None = None
        self._steps = self._last = 0  # how many steps the log has, and the number of the last one
        self._written = float("-inf")  # when, by the clock
        self._faults: FaultLogWriter | None = None
        self._file = LogFile(Path(recording.path), self._schema, overwrite=recording.overwrite)

    # --- what channels call ---------------------------------------------------------------------

    def record(self, step: Step, record: StepRecord) -> None:
        """See `Recorder.record`."""
        if (step.number - 1) % self._recording.every != 0:
            self._skip(step, record)
            return
        self._add_skipped()
        note = self._notes.make_note(step, record.batch, record.columns)
        page = self._turn_to(self._pages.page(StepKind.of(step), record.batch, record.columns))
        self._pages.copy(record, page)
        self._add(page, step.number, note, self._pages.rows_sent(record, page))

    def record_fault(self, event: FaultEvent) -> None:
        """See `Recorder.record_fault`. The event goes into the second file."""
        if (event.step - 1) % self._recording.every != 0:
            return
        if self._faults is None:
            self._attempt_fault_log(self._make_fault_log)
        if self._faults is not None and self._faults.add(event):
            self._attempt_fault_log(self._faults.flush)

    # --- what the simulation calls --------------------------------------------------------------

    def finish(self) -> None:
        """End a step, before another one begins.

        Raises:
            LogError: The disk has refused to write.
        """
        self.write_what_waits()
        self._file.check()

    def write_what_waits(self) -> None:
        """Write the steps that are gathered, if it is time.

        If the disk refuses, `finish` raises when the next step ends.
        """
        if self._page is not None and (
            self._page.is_full or time.monotonic() - self._written >= FLUSH_SECONDS
        ):
            self._flush()

    def close(self) -> None:
        """Write the steps that are left and the end, and close the files.

        Raises:
            LogError: The disk has refused to write.
        """
        try:
            self._flush()
            self._file.append(self._end_row())
            self._file.end()
            if self._faults is not None:
                self._attempt_fault_log(self._faults.close, self._chain.hex)
            self._file.check()
        finally:
            self._file.close()
            if self._faults is not None:
                self._faults.file.close()

    # --- a step ---------------------------------------------------------------------------------

    def _skip(self, step: Step, record: StepRecord) -> None:
        """Leave a step out, but keep what neurons have learnt in it until the next one is added."""
        if step.optimizer is None:
            return
        note = self._notes.make_note(step, record.batch, record.columns, ["commit"])
        whole = record.sent is None or record.sent["commits"].all()
        if "commit" in self._recording.kinds and whole:
            commits = record.blocks["commits"].values.copy()
            self._skipped = _SkippedUpdate(step.number, note, commits)

    def _add_skipped(self) -> None:
        if self._skipped is None:
            return
        (number, note, commits), self._skipped = self._skipped, None
        page = self._turn_to(self._pages.page_of_commits())
        self._pages.copy(StepRecord(0, 0, {"commits": RecordedRows(commits)}), page)
        self._add(page, number, note, None)

    def _turn_to(self, page: Page) -> Page:
        if self._page is not page or page.is_full:
            self._flush()
            self._page = page
        return page

    def _add(self, page: Page, number: int, note: str, sent: NDArray[np.bool_] | None) -> None:
        """Add the step whose numbers were copied into the page.

        Args:
            page: The page.
            number: The step's number.
            note: Its begin note.
            sent: Which rows there are of a step that was broken off, which gets no seal. None: all.
        """
        self._steps, self._last = self._steps + 1, number
        if sent is None:
            seal = self._chain.add(number, note, page.next_values[page.sealed])
            page.add(number, note, seal)
            return
        values = page.next_values.copy()  # the page is empty after it is flushed
        self._flush()
        page.next_values[...] = values
        page.add(number, note, "")
        rows = pa.array(np.concatenate([[True], sent, [False]]))
        for batch in page.take_batches():
            self._file.append(batch.filter(rows.slice(0, len(batch))))
            rows = rows.slice(len(batch))

    def _end_row(self) -> Any:
        names, kinds = pa.array(members(self._network)), pa.array(row_kinds())
        null = pa.DictionaryArray.from_arrays(pa.array([None], pa.int32()), names)
        kind = pa.DictionaryArray.from_arrays(pa.array([CODE["end"]], pa.int8()), kinds)
        value = pa.array([[float(self._file.rows), float(self._steps)]], pa.list_(pa.float64()))
        step, zero = pa.array([self._last], pa.int64()), pa.array([0], pa.int32())
        columns = [step, kind, null, null, zero, value, pa.array([self._chain.hex])]
        return pa.record_batch(columns, schema=self._schema)

    # --- the files ------------------------------------------------------------------------------

    def _flush(self) -> None:
        if self._faults is not None:
            self._attempt_fault_log(self._faults.flush)
        if self._page is not None and self._page.numbers:
            for batch in self._page.take_batches():
                self._file.append(batch)
            self._written = time.monotonic()

    def _make_fault_log(self) -> None:
        metadata = self._schema.metadata[KEY]
        self._faults = FaultLogWriter(self._file.path, metadata, self._network, self._channels)

    def _attempt_fault_log(self, write: Callable[..., None], *arguments: Any) -> None:
        self._file.attempt(write, *arguments, path=fault_log_path(self._file.path))
