"""An opened message log: steps, messages, queries and plots of `na.open_log("run.arrows")`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..channels.unreliable.faults import FaultEvent
from ..network import functions
from ..network.cell import whole_network
from ..network.elements import LazySequence
from ..network.elements_json import combinations_of
from ..network.function_identity import Comparison, compare
from ..network.network import Network
from ..rules.micro_batches import whole_rule
from ..rules.own_rules import needs_rule
from ..rules.rule_json import rule_from_json
from ..support.errors import InputError, LogError
from ..support.hints import explain_missing
from ..support.markup import block, element
from ..support.means import mean_in_order
from ..support.numerics import differences
from ..support.scalars import as_whole_number
from ..support.signal_exceptions import passes_handler_exceptions
from ..support.text import format_count, quote
from .complete_digest import complete_digest
from .fault_log import read_fault_log
from .log_source import StoredBatches
from .placement import Workers
from .reader import LogReader, Rows, join_rows
from .row_filter import BatchFilter, RowFilter
from .schema import CODE, columns
from .steps import RecordedStep, StepInfo

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Log:
    """A log on disk. The file stays open, and a question reads what it needs.

    `len(log)` is the number of steps; iterating over a log yields each step.

    Args:
        path: The log file.

    Attributes:
        path: The path of the file.
        network: The network that ran, with the parameters that it began with. Of a network with
            delays it is the cell: what the network is in one tick; see `network/cell.py`.
        about: The metadata, as `docs/log-format.md` describes them.
        complete: Whether the log has an end, so that the whole run is in it.
        partial: What was recorded, if that is not everything; else None.
        digest: The last digest, or None if the log has no end.
        n_rows: The number of rows in the file.
        steps: A description of each step, in their order.
        disturbances: The faults of messages and members, for unreliable channels; else empty.
        channels: The settings of the unreliable channels, or None if they are not known.
        machines: Which worker ran which neuron in which step, for a run on several workers:
            `machines.shard` is the shard of each neuron, `machines.worker(step, k)` the worker
            that computed neuron k's part of a step. None if all ran in one process.

    Raises:
        LogError: The file cannot be read, or it is not a message log.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._reader = LogReader(path)
        self.path = self._reader.path
        self.network: Network = self._reader.network
        self.about: dict[str, Any] = self._reader.about
        self.machines: Workers | None = self._reader.machines
        recorded = self._reader.recording
        self.partial: dict[str, Any] | None = None if recorded.whole else recorded.to_json()
        self._batches = StoredBatches(self._reader.source, self.path)
        self._first: list[int] = []  # the number of each batch's first row in the file
        # the pieces of each step: which batch, from which row, to which row
        self._pieces: list[list[tuple[int, int, int]]] = []
        self.digest: str | None = None
        self._scan()

    if not TYPE_CHECKING:  # a type checker refuses unknown names by itself
        __getattr__ = explain_missing

    def _scan(self) -> None:
        """Find the steps. It reads the columns kind, step and note, but none of the values."""
        begins: list[tuple[int, str | None]] = []  # number and note of each step
        last: list[int] = []  # the kind of each step's last row
        rows = 0
        for k, batch in enumerate(self._reader.batches(self._batches)):
            self._reader.check_nulls(batch, rows)
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
                begins.append((batch.column("step")[a].as_py(), batch.column("note")[a].as_py()))
        self.n_rows = rows
        self.complete = self.digest is not None and not self._reader.cut_off
        sealed = [kind == CODE["seal"] for kind in last]
        infos = [
            StepInfo.from_note(*step, whole) for step, whole in zip(begins, sealed, strict=True)
        ]
        self.steps: Sequence[StepInfo] = LazySequence(len(infos), infos.__getitem__)
        self._index_of = {info.number: k for k, info in enumerate(self.steps)}
        fault_log = read_fault_log(self.path, self._reader.metadata, self.network)
        if fault_log is not None:
            fault_log.check(self.digest)
        self.disturbances: tuple[FaultEvent, ...] = () if fault_log is None else fault_log.events
        self.channels: dict[str, Any] | None = None if fault_log is None else fault_log.channels

    def compare_functions(
        self, activations: Iterable[str | None], losses: Iterable[str] = ()
    ) -> Comparison:
        """Compare functions that the run used with those of the same names here.

        The combinations of all interneurons are among them.

        Args:
            activations: Names of activation functions. Those that are not known here are left out.
            losses: Names of losses, likewise.
        """
        exact = not differences(self.about["numerics"], self.about["numerics"]["sums"])
        known = [name for name in activations if name in functions.ACTIVATIONS]
        known_losses = [name for name in losses if name in functions.LOSSES]
        combinations = set(combinations_of(self.network)) & set(functions.COMBINATIONS)
        held = self.about.get("functions")
        return compare(held, known, known_losses, combinations, exact=exact)

    @passes_handler_exceptions
    def complete_digest(self) -> str:
        """Return the digest over all that metadata and rows say, in hexadecimal.

        `digest` covers what the environment sent and asked for. This one names the log; see
        `neuro_actors/log/complete_digest.py`. The whole file is read.
        """
        return complete_digest(self._reader.file)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, also in another process, opens the file anew."""
        return type(self), (self._reader.file,)

    def _rows_of(self, pieces: list[tuple[int, int, int]]) -> Rows:
        return join_rows(
            [
                self._reader.decode(self._batches[k].slice(a, b - a), self._first[k] + a)
                for k, a, b in pieces
            ]
        )

    def __repr__(self) -> str:
        modes = Counter(info.mode for info in self.steps)
        steps = ", ".join(f"{count:,} {mode}" for mode, count in modes.items())
        whole = "complete" if self.complete else "without an end"
        part = "" if self.partial is None else ", in part"
        name = quote(Path(self.path).name)
        counts = f"{format_count(len(self), 'step')}{f' ({steps})' if steps else ''}"
        return f"<Log {name}: {counts}, {format_count(self.n_rows, 'row')}; {whole}{part}>"

    def _repr_html_(self) -> str:
        from .step_table import format_step_table  # HTML is rare

        steps = format_step_table(self.steps, self._mean_loss)
        network = element("div", repr(self.network))
        return block(element("div", repr(self)), network, steps)

    def _mean_loss(self, info: StepInfo) -> float:
        """The mean loss of a step, or NaN; it reads the rows of the loss alone."""
        try:
            values = self.messages(step=info.number, kind="loss").column("value")
            losses = np.array(values[0].as_py()[: info.batch]) if len(values) else np.empty(0)
        except LogError:  # what is damaged has no loss to show
            return float("nan")
        return mean_in_order(losses) if len(losses) else float("nan")

    # --- steps --------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.steps)

    def __iter__(self) -> Iterator[RecordedStep]:
        """Yield each step."""
        for k in range(len(self.steps)):
            yield self._step(k)

    def step(self, number: int) -> RecordedStep:
        """Return one step.

        Args:
            number: The step's number, from 1 on.

        Raises:
            LogError: The log does not contain this step.
            InputError: The number is not a whole number of 1 or more.
        """
        return self._step(self._index(number))

    def _index(self, number: int) -> int:
        number = as_whole_number("step", number, 1)
        if number not in self._index_of:
            known = (
                f"steps {self.steps[0].number} to {self.steps[-1].number}"
                if self.steps
                else "no step"
            )
            what = known if self.partial is None else f"{known}, not all of them"
            raise LogError(f"{self.path!r}: there is no step {number}; it holds {what}")
        return self._index_of[number]

    def _step(self, k: int) -> RecordedStep:
        return RecordedStep(self.network, self._rows_of(self._pieces[k]), self.steps[k])

    @passes_handler_exceptions
    def network_at(self, number: int) -> Network:
        """Return the network with the parameters that it had after a step.

        If its neurons keep more than parameters, it is refused under other rules, as that of a
        simulation is. In a partial log, neurons whose commits were not recorded have the parameters
        that they began with. A network with delays is returned with them.

        Args:
            number: The step's number; 0 is the state before the first step.

        Raises:
            LogError: The log does not contain this step, or an activation function is another one
                here than in the run.
            InputError: The number is not a whole number of 0 or more.
        """
        problems = self.compare_functions(self.network.activations).problems
        if problems:  # it would predict something else than it has learned
            raise LogError(f"{self.path!r}: {'; '.join(problems)}: import what it used")
        return whole_network(self.parameters_at(number))

    def parameters_at(self, number: int) -> Network:
        """Return the same network as `network_at`, whatever its functions are here; or its cell.

        For readers that evaluate no function, or compare functions themselves.

        Args:
            number: The step's number; 0 is the state before the first step.

        Raises:
            LogError: The log does not contain this step.
            InputError: The number is not a whole number of 0 or more.
        """
        number = as_whole_number("step", number, 0)
        if number:
            self._index(number)
        network, recording = self.network, self._reader.recording
        has_commits = recording.selects(network) & (network.n_parameters > 0)
        has_commits &= "commit" in recording.kinds
        # NaN: not known yet. Going back from the step, the first commit of each neuron counts.
        weights = np.where(has_commits[network.targets], np.nan, network.weights)
        biases = np.where(has_commits, np.nan, network.biases)
        for k in range(len(self.steps) - 1, -1, -1):
            if not (np.isnan(weights).any() or np.isnan(biases).any()):
                break
            info = self.steps[k]
            if info.number <= number and info.mode == "train":
                step = self._step(k)
                weights = np.where(np.isnan(weights), step.weights, weights)
                biases = np.where(np.isnan(biases), step.biases, biases)
        weights = np.where(np.isnan(weights), self.network.weights, weights)
        biases = np.where(np.isnan(biases), self.network.biases, biases)
        try:
            learned = self.network.with_parameters(weights, biases)
        except InputError as error:  # an infinity: no run learns one
            problem = f"the log is damaged: what was learnt up to step {number}: {error}"
            raise LogError(f"{self.path!r}: {problem}") from None
        if any(info.number <= number and info.mode == "train" for info in self.steps):
            return self._marked(learned)
        return learned

    def _marked(self, network: Network) -> Network:
        """Return a network that learned under the log's rule; see `Network.learned_under`."""
        try:
            rule = whole_rule(rule_from_json(self._reader.rule))
        except InputError:  # of a module that is not imported: what it does is not known
            return network.learned_under(quote(self._reader.rule["name"]))
        return network.learned_under(quote(rule)) if needs_rule(rule, network) else network

    # --- messages -----------------------------------------------------------------------------

    @passes_handler_exceptions
    def messages(
        self,
        *,
        neuron: str | None = None,
        step: int | None = None,
        phase: str | None = None,
        kind: str | None = None,
    ) -> Any:
        """Return messages as a table with the log's columns.

        Args:
            neuron: Only messages that this neuron sent or received, including the activations of
                its sources. Its id, "loss" or "environment".
            step: Only messages of this step.
            phase: Only messages of this phase: "forward", "loss", "backward" or "commit".
            kind: Only messages of this kind.

        Returns:
            A pyarrow.Table. `.to_pandas()` and `polars.from_arrow` convert it.

        Raises:
            LogError: There is no such neuron, step, phase or kind.
        """
        select = BatchFilter(RowFilter(neuron, step, phase, kind, messages=True), self._reader)
        if step is None:
            found = [select(batch) for batch in self._batches]
        else:
            found = [
                select(self._batches[k].slice(a, b - a))
                for k, a, b in self._pieces[self._index(step)]
            ]
        return pa.Table.from_batches(found, schema=columns())

    @passes_handler_exceptions
    def query(self, sql: str) -> Any:
        """Answer one SELECT with DuckDB (extra `query`).

        The tables are messages, mail, neurons, synapses, steps, losses, activations, urgencies,
        weights, biases, gradients, disturbances and rows. `neuro-actors log query --help` prints
        their columns. A query reaches this log and nothing else.

        Args:
            sql: The query.

        Returns:
            A pyarrow.Table.

        Raises:
            LogError: The query cannot be answered, or DuckDB is not installed.
        """
        from .query import connect, run_select, stream_result

        with connect(self.network, self._batches, self.disturbances) as connection:
            schema, batches = stream_result(run_select(connection, sql), 2**16)
            return pa.Table.from_batches(batches, schema=schema)

    @passes_handler_exceptions
    def plot(
        self, path: str | PathLike[str] | None = None, *, loss: bool = False, urgency: bool = False,
        neurons: Sequence[str] = (), weights: Sequence[str] = (),
    ) -> Figure:  # fmt: skip
        """Draw the loss and the urgencies of each level, or only what is asked for (extra `plot`).

        Args:
            path: Where to write the figure: *.png, *.svg or *.pdf. None: it is not written.
            loss: Draw the loss over the steps.
            urgency: Draw the strength of the urgencies of each level over the steps.
            neurons: The ids of neurons; draw the activations and urgencies of each.
            weights: Synapses, such as "x0->h2"; draw the weight of each over the steps.

        Returns:
            A matplotlib figure.

        Raises:
            LogError: The log does not contain what is asked for, or the file cannot be written.
            NeuroActorsError: matplotlib is not installed.
        """
        from .plots import plot_log

        return plot_log(
            self._reader, path, loss=loss, urgency=urgency, neurons=neurons, weights=weights
        )
