"""A log as Python sees it: `na.open_log("run.arrows")`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from os import PathLike
from typing import Any

import numpy as np
import pyarrow as pa

from ..channels.unreliable.faults import FaultEvent
from ..network.network import Network
from ..support.errors import LogError
from ..support.validation import as_whole_number
from .fault_log import read_fault_log
from .placement import Workers
from .reader import LogReader, Rows, join_rows
from .row_filter import BatchFilter, RowFilter
from .schema import CODE, columns
from .steps import RecordedStep, StepInfo


class Log:
    """A log on disk, read as it is asked for; what stands there stays there.

    path: of the file.  network: as it began.  about: the metadata, as `docs/log-format.md` describes them.
    complete: whether the run was written to its end.  partial: what was recorded, where that is not everything.
    steps: what each step was, in their order.
    disturbances: what befell messages and members, in a storm; of calm channels none.  channels: the settings of those
        that disturbed, where they are known.
    machines: where everybody lived, of a run on many machines: replicas, shards, the shard of each neuron, and
        `machines.worker(step, k)`, who did neuron k's part of a step; None where all lived in one process.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._reader = LogReader(path)
        self.path = self._reader.path
        self.network: Network = self._reader.network
        self.about: dict[str, Any] = self._reader.about
        self.machines: Workers | None = self._reader.machines
        recorded = self._reader.recording
        self.partial: dict[str, Any] | None = None if recorded.whole else recorded.described()
        self._batches: list[Any] = []
        self._first: list[int] = []  # row of each batch
        self._pieces: list[list[tuple[int, int, int]]] = []  # of each step: batch, from row, to row
        self.digest: str | None = None  # the last one, where the log is complete
        self._scan()

    def _scan(self) -> None:
        """Where the steps are. Only what says so is looked at, not the numbers."""
        begun: list[tuple[int, str | None]] = []  # number and note of each step
        last: list[int] = []  # the kind of its last row
        rows = 0
        for k, batch in enumerate(self._reader.batches()):
            self._reader.check_nulls(batch, rows)
            self._batches.append(batch)
            self._first.append(rows)
            rows += len(batch)
            kinds = self._reader.codes(batch, "kind")
            cuts = np.flatnonzero((kinds == CODE["begin"]) | (kinds == CODE["end"])).tolist()
            if self._pieces and len(batch) and cuts[:1] != [0]:
                self._pieces[-1].append((k, 0, cuts[0] if cuts else len(batch)))
                last[-1] = int(kinds[self._pieces[-1][-1][2] - 1])
            for a, b in pairwise([*cuts, len(batch)]):
                if kinds[a] == CODE["end"]:
                    self.digest = batch.column("note")[a].as_py()
                    continue
                self._pieces.append([(k, a, b)])
                last.append(int(kinds[b - 1]))
                begun.append((batch.column("step")[a].as_py(), batch.column("note")[a].as_py()))
        self.n_rows = rows
        self.complete = self.digest is not None and not self._reader.cut_off
        sealed = [kind == CODE["seal"] for kind in last]
        self.steps: Sequence[StepInfo] = tuple(
            [StepInfo.from_note(*step, whole) for step, whole in zip(begun, sealed, strict=True)]
        )
        self._where = {info.number: k for k, info in enumerate(self.steps)}
        second = read_fault_log(self.path, self._reader.metadata, self.network)
        if second is not None:
            second.check(self.digest)
        self.disturbances: tuple[FaultEvent, ...] = () if second is None else second.events
        self.channels: dict[str, Any] | None = None if second is None else second.channels

    def _rows_of(self, pieces: list[tuple[int, int, int]]) -> Rows:
        return join_rows(
            [
                self._reader.decode(self._batches[k].slice(a, b - a), self._first[k] + a)
                for k, a, b in pieces
            ]
        )

    # --- steps ---------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many steps it holds."""
        return len(self.steps)

    def __iter__(self) -> Iterator[RecordedStep]:
        """Step after step."""
        for k in range(len(self.steps)):
            yield self._step(k)

    def step(self, number: int) -> RecordedStep:
        """One step, by its number. Raises `LogError` if the log has none of it."""
        return self._step(self._place(number))

    def _place(self, number: int) -> int:
        as_whole_number("step", number, 1)
        if number not in self._where:
            known = (
                f"steps {self.steps[0].number} to {self.steps[-1].number}"
                if self.steps
                else "no step"
            )
            what = known if self.partial is None else f"{known}, not all of them"
            raise LogError(f"{self.path!r}: there is no step {number}; it holds {what}")
        return self._where[number]

    def _step(self, k: int) -> RecordedStep:
        return RecordedStep(self.network, self._rows_of(self._pieces[k]), self.steps[k])

    def network_at(self, number: int) -> Network:
        """The network after that step; after step 0, as it began. In a partial log, as far as the log says: neurons
        whose learning was not recorded stand as they were."""
        as_whole_number("step", number, 0)
        if number:
            self._place(number)
        network, recording = self.network, self._reader.recording
        told = (
            recording.chosen(network) & ~network.is_input & ("commit" in recording.kinds)
        )  # who tells what it learnt
        weights, biases = (
            np.where(told[network.targets], np.nan, network.weights),
            np.where(told, np.nan, network.biases),
        )
        for k in range(len(self.steps) - 1, -1, -1):
            if not (np.isnan(weights).any() or np.isnan(biases).any()):
                break
            info = self.steps[k]
            if info.number <= number and info.mode == "train":
                step = self._step(k)
                weights = np.where(np.isnan(weights), step.weights, weights)
                biases = np.where(np.isnan(biases), step.biases, biases)
        weights = np.where(np.isnan(weights), self.network.weights, weights)
        return self.network.with_parameters(
            weights, np.where(np.isnan(biases), self.network.biases, biases)
        )

    # --- messages ------------------------------------------------------------------------------------------------

    def messages(
        self,
        *,
        neuron: str | None = None,
        step: int | None = None,
        phase: str | None = None,
        kind: str | None = None,
    ) -> Any:
        """Messages as a pyarrow.Table with the log's columns; `.to_pandas()`, or `polars.from_arrow` of it.

        neuron: only what it said and heard, the activations of its sources among them.  phase: "forward", "loss",
        "backward" or "commit".  kind: one kind of message. Raises `LogError` where there is no such neuron, phase or step.
        """
        pick = BatchFilter(RowFilter(neuron, step, phase, kind, messages=True), self._reader)
        if step is None:
            found = [pick(batch) for batch in self._batches]
        else:
            found = [
                pick(self._batches[k].slice(a, b - a))
                for k, a, b in self._pieces[self._place(step)]
            ]
        return pa.Table.from_batches(found, schema=columns())

    def query(self, sql: str) -> Any:
        """The answer to one SELECT as a pyarrow.Table, by DuckDB (extra `query`). Tables: messages, mail, neurons,
        synapses, steps, losses, activations, urgencies, weights, biases, gradients, disturbances, rows;
        `neuro-actors log query --help` tells their columns. Nothing but this log can be reached. Raises `LogError` for what
        cannot be answered.
        """
        from .query import connect, run_select, stream_result

        with connect(self.network, self._batches, self.disturbances) as connection:
            schema, batches = stream_result(run_select(connection, sql), 2**16)
            return pa.Table.from_batches(batches, schema=schema)

    def plot(
        self, path: str | PathLike[str] | None = None, *, loss: bool = False, urgency: bool = False,
        neurons: Sequence[str] = (), weights: Sequence[str] = (),
    ) -> Any:  # fmt: skip
        """A matplotlib figure (extra `plot`), also written to `path` if given: the loss and the urgencies, level by level,
        or what is asked for, among it neurons by id, and weights by synapse, as "x0->h2"."""
        from .plots import plot_log

        return plot_log(
            self._reader, path, loss=loss, urgency=urgency, neurons=neurons, weights=weights
        )
