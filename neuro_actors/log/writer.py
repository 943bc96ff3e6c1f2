"""Writes a log while a society runs: a `Recorder`, which the engine tells what is said."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..channels.routes import Routes
from ..channels.step_record import StepRecord
from ..channels.unreliable.faults import FaultEvent
from ..network.network import Network
from ..neuron.messages import Step
from ..neuron.optimizers import Optimizer
from ..support.errors import LogError
from ..support.validation import Array, Indices
from .digest_chain import DigestChain
from .fault_log import FaultLogWriter, fault_log_path
from .page import Page
from .page_copy import PageCopier
from .placement import Workers
from .recording import Recording
from .row_template import RowSlots, RowTemplate
from .schema import CODE, KEY, KINDS, arrow_schema, members
from .step_note import StepNoteWriter

FLUSH_ROWS, FLUSH_SECONDS = 8192, 0.5
MOST_PAGES = 4  # that are kept, for as many kinds of steps and batch sizes


class Resumed(Protocol):
    """Where a run goes on: after which step of the society, and after how many updates under which optimiser."""

    number: int
    optimizer: Optimizer | None
    updates: int


class _Kind(NamedTuple):
    """What rows a step has."""

    judged: bool
    wrt_inputs: bool
    learnt: bool  # left out, but for what was learnt in it
    tangent: bool


class LogWriter:
    """One log file; a `Recorder`. Raises `LogError` if the file exists already, or cannot be written.

    Whole steps are gathered until there are 8,192 rows or half a second has passed, and then written at once: a run
    that is killed leaves what was written before. The first step is written when it is over.

    channels: the settings of those that disturb, for the file of disturbances, which is begun with the first of these.
    workers: where everybody lives, if not in one process.
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
    ) -> None:
        self._recording, self._network = recording, network
        self._path = Path(recording.path)
        recording.chosen(network)
        self._schema = arrow_schema(
            network, recording, sums, rule, resumed.number if resumed else 0, workers
        )
        self._chain = DigestChain(self._schema.metadata[KEY])
        self._names, self._kinds = pa.array(members(network)), pa.array(KINDS)
        self._slots = RowSlots(network)
        self._slot_of_route: Indices | None = None
        self._templates: dict[_Kind, RowTemplate] = {}
        self._pages: dict[tuple[_Kind, int, int], Page] = {}
        self._copiers: dict[Page, PageCopier] = {}
        self._page: Page | None = None  # that is written on
        self._notes = (
            StepNoteWriter(resumed.optimizer, resumed.updates) if resumed else StepNoteWriter()
        )
        self._step: Step | None = None  # that is told message by message
        self._heard: dict[int, Array] = {}  # its values, by place
        self._learnt: tuple[int, str, Array] | None = (
            None  # in the last step that was left out: step, note, commits
        )
        self._rows = self._steps = self._last = 0
        self._written = float("-inf")
        self._failure: str | None = None
        self._channels = channels
        self._disturbances: FaultLogWriter | None = None  # from the first of them on
        self._open()

    def _open(self) -> None:
        try:
            second = fault_log_path(self._path)
            if self._recording.overwrite:
                for path in (self._path, second):
                    if path.is_file():
                        path.unlink()  # not emptied: whoever reads the old log has it mapped into memory
            elif second.exists():
                raise FileExistsError
            with self._path.open("xb"):  # refuse what exists, before any work
                pass
            self._file = pa.OSFile(os.fsencode(self._path), "wb")
            self._stream = pa.ipc.new_stream(self._file, self._schema)
        except FileExistsError:
            advice = "choose another name, remove it, or ask for it to be overwritten"
            there = self._path if self._path.exists() else second
            raise LogError(f"log file {str(there)!r} exists already: {advice}") from None
        except OSError as error:
            raise LogError(
                f"log file {str(self._path)!r} cannot be written: {error.strerror or error}"
            ) from None
        except ValueError as error:  # a name that no file can have
            raise LogError(f"log file {str(self._path)!r} cannot be written: {error}") from None

    # --- what engines tell ---------------------------------------------------------------------------------------

    def message(self, step: Step, route: int, values: Array) -> None:
        if self._slot_of_route is None:
            self._slot_of_route = _slots_of_routes(self._network, self._slots)
        self._step = step
        self._heard[int(self._slot_of_route[route])] = values

    def messages(self, step: Step, record: StepRecord) -> None:
        columns = record.activations.shape[1]
        page = self._begun(
            step, columns if step.loss is None else record.targets.shape[1], columns, record.commits
        )
        if page is None:
            return
        copier = self._copiers.get(page)
        if copier is None or not copier.fits(record):
            copier = self._copiers[page] = PageCopier(
                self._network, self._slots, page.template, record
            )
        copier.copy(page.next_values, page.starts, record)
        self._conclude(
            page, step.number, _present(self._network, self._slots, page.template, record)
        )

    def disturbance(self, event: FaultEvent) -> None:
        """By channels that disturb: what befell a message or a member. It goes into the second file."""
        if (event.step - 1) % self._recording.every != 0:
            return
        if self._disturbances is None:
            self._written_by(self._begin_disturbances, path=fault_log_path(self._path))
        if self._disturbances is not None and self._disturbances.add(event):
            self._flush_disturbances()

    def finish(self) -> None:
        """Called when a step is over, before another one begins. Raises `LogError` if the disk has refused."""
        self._take_heard()
        self.write_what_waits()
        self._complain()

    def write_what_waits(self) -> None:
        """Write the steps that are gathered, if it is time; whether the disk refused is said when the next one ends."""
        if self._page is not None and (
            self._page.is_full or time.monotonic() - self._written >= FLUSH_SECONDS
        ):
            self._flush()

    def close(self) -> None:
        """Write what is left, the beginning of a step that was broken off too, and the end; close the file."""
        try:
            self._take_heard()
            self._flush()
            self._write(self._end())
            self._written_by(self._stream.close)
            if self._disturbances is not None:
                self._written_by(
                    self._disturbances.close, self._chain.hex, path=fault_log_path(self._path)
                )
            self._complain()
        finally:
            self._file.close()
            if self._disturbances is not None:
                self._disturbances.file.close()

    # --- a step --------------------------------------------------------------------------------------------------

    def _take_heard(self) -> None:
        """What was told message by message, as a step."""
        step, heard, self._step, self._heard = self._step, self._heard, None, {}
        if step is None:
            return
        block = self._slots.block["commits"]
        commits = [heard[place] for place in range(block.start, block.stop) if place in heard]
        columns = len(next(iter(heard.values())))  # the environment speaks first
        wanted = heard.get(self._slots.block["targets"].start)
        batch = columns if wanted is None else len(wanted)
        page = self._begun(
            step, batch, columns, np.concatenate(commits) if commits else np.empty(0)
        )
        if page is None:
            return
        slots = page.template.slot.tolist()
        present = np.array([place in heard for place in slots])
        lengths = page.template.lengths(batch, columns).tolist()
        parts = [
            heard[p] if p in heard else np.zeros(n) for p, n in zip(slots, lengths, strict=True)
        ]
        np.concatenate([*parts, np.empty(0)], out=page.next_values)
        self._conclude(page, step.number, None if present.all() else present)

    def _begun(self, step: Step, batch: int, columns: int, commits: Array) -> Page | None:
        """The page that this step is to stand on, or None if it is left out."""
        left_out = (step.number - 1) % self._recording.every != 0
        if not left_out and self._learnt is not None:
            number, note, learnt = self._learnt
            self._learnt = None
            page = self._turn_to(self._page_for(_Kind(True, False, True, False), 0, 0))
            parts = np.split(learnt, np.cumsum(self._slots.fans)[:-1])
            chosen = page.template.slot - self._slots.block["commits"].start
            page.next_values[...] = np.concatenate(
                [parts[k] for k in chosen.tolist()] or [np.empty(0)]
            )
            self._note = note
            self._conclude(page, number, None)
        if not left_out:
            self._note = self._notes.make_note(step, batch, columns)
            kind = _Kind(step.loss is not None, step.wrt_inputs, False, step.tangent)
            return self._turn_to(self._page_for(kind, batch, columns))
        if step.optimizer is not None:
            note = self._notes.make_note(step, batch, columns, ["commit"])
            if "commit" in self._recording.kinds and len(commits) == self._slots.fans.sum():
                self._learnt = step.number, note, commits.copy()
        return None

    def _page_for(self, kind: _Kind, batch: int, columns: int) -> Page:
        key = kind, batch, columns
        if key not in self._pages:
            if len(self._pages) == MOST_PAGES:
                self._pages.clear()
                self._copiers.clear()
            if kind not in self._templates:
                judged, wrt_inputs, learnt, tangent = kind
                recording = (
                    replace(self._recording, phases=["commit"]) if learnt else self._recording
                )
                self._templates[kind] = RowTemplate(
                    self._network,
                    self._slots,
                    recording,
                    judged=judged,
                    wrt_inputs=wrt_inputs,
                    tangent=tangent,
                )
            outputs, width = self._network.outputs, (batch, columns)
            self._pages[key] = Page(
                self._templates[kind],
                width,
                self._schema,
                self._names,
                self._kinds,
                outputs,
                FLUSH_ROWS,
            )
        return self._pages[key]

    def _turn_to(self, page: Page) -> Page:
        if self._page is not page or page.is_full:
            self._flush()
            self._page = page
        return page

    def _conclude(self, page: Page, number: int, present: NDArray[np.bool_] | None) -> None:
        """The sheet is filled in. present: which of its rows there are, where a step was broken off; it has no seal."""
        note = self._note
        self._steps, self._last = self._steps + 1, number
        if present is None:
            page.add(number, note, self._chain.add(number, note, page.next_values[page.sealed]))
        else:
            sheet = page.next_values.copy()  # for the page is empty after this
            self._flush()
            page.next_values[...] = sheet
            page.add(number, note, "")
            rows = pa.array(np.concatenate([[True], present, [False]]))
            for batch in page.take_batches():
                self._write(batch.filter(rows.slice(0, len(batch))))
                rows = rows.slice(len(batch))

    def _end(self) -> Any:
        nobody = pa.DictionaryArray.from_arrays(pa.array([None], pa.int32()), self._names)
        kind = pa.DictionaryArray.from_arrays(pa.array([CODE["end"]], pa.int8()), self._kinds)
        value = pa.array([[float(self._rows), float(self._steps)]], pa.list_(pa.float64()))
        columns = [
            pa.array([self._last], pa.int64()),
            kind,
            nobody,
            nobody,
            pa.array([0], pa.int32()),
            value,
        ]
        return pa.record_batch([*columns, pa.array([self._chain.hex])], schema=self._schema)

    # --- the file ------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        self._flush_disturbances()
        if self._page is not None and self._page.numbers:
            for batch in self._page.take_batches():
                self._write(batch)
            self._written = time.monotonic()

    def _begin_disturbances(self) -> None:
        self._disturbances = FaultLogWriter(
            self._path, self._schema.metadata[KEY], self._network, self._channels
        )

    def _flush_disturbances(self) -> None:
        if self._disturbances is not None:
            self._written_by(self._disturbances.flush, path=fault_log_path(self._path))

    def _write(self, batch: Any) -> None:
        self._rows += len(batch)
        self._written_by(self._stream.write_batch, batch)

    def _written_by(
        self, write: Callable[..., None], *arguments: Any, path: Path | None = None
    ) -> None:
        """Once the disk has refused, nothing more is written: what stands in the file can be read."""
        if self._failure is None:
            try:
                write(*arguments)
            except OSError as error:
                self._failure = f"log file {str(path or self._path)!r} cannot be written: {error.strerror or error}"

    def _complain(self) -> None:
        if self._failure is not None:
            raise LogError(self._failure)


def _present(
    network: Network, slots: RowSlots, template: RowTemplate, record: StepRecord
) -> NDArray[np.bool_] | None:
    """Which rows of the template there are; None for all."""
    progress = record.progress
    if progress is None:
        return None
    there: dict[str, Any] = {
        "inputs": np.ones(len(slots.inputs), dtype=bool),
        "activations": progress.sent_activation,
        "targets": np.ones(len(network.outputs), dtype=bool),
        "losses": np.array([progress.loss_done]),
        "backward": progress.finished[network.targets],
        "loss_to_outputs": np.full(len(network.outputs), progress.loss_done),
        "input_urgencies": progress.finished[slots.inputs],
        "commits": progress.finished[slots.neurons],
        "directions": np.ones(len(slots.neurons), dtype=bool),
    }
    present: NDArray[np.bool_] = np.concatenate([there[name] for name in slots.names])[
        template.slot
    ]
    return None if present.all() else present


def _slots_of_routes(network: Network, slots: RowSlots) -> Indices:
    """For each route that a message may go along, its place: one for all routes of an activation."""
    routes, block = Routes(network), slots.block
    found = np.empty(len(routes), dtype=np.intp)
    spoken = block["activations"].start
    for name in ("forward", "to_loss", "to_environment"):
        found[getattr(routes, name)] = spoken + routes.sender[getattr(routes, name)]
    pairs = {
        "inputs": "inputs",
        "targets": "targets",
        "losses": "losses",
        "backward": "backward",
        "loss_to_outputs": "loss_to_outputs",
        "input_urgencies": "input_urgencies",
    }
    for route, place in {**pairs, "commits": "commits", "directions": "directions"}.items():
        found[getattr(routes, route)] = np.arange(block[place].start, block[place].stop)
    return found
