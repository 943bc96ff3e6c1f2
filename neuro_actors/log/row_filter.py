"""Selects rows of a log in arrays, before a row becomes an object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ..channels.routes import message_kinds
from ..network.elements import ENVIRONMENT, LOSS_NODE
from ..support.errors import LogError
from ..support.scalars import as_whole_number
from ..support.text import did_you_mean, quote
from .reader import NULL, LogReader, Row
from .recording_settings import PHASES
from .schema import CODE, kind_codes

ROWS_AT_ONCE = 1024  # rows that become objects together


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which rows to select; a row must fulfil all that is given.

    Args:
        neuron: Only messages that this neuron sent or received, including the activations of its
            sources. Its id, "loss" or "environment".
        step: Only rows of this step.
        phase: Only messages of this phase: "forward", "loss", "backward" or "commit".
        kind: Only messages of this kind.
        messages: No begin, seal and end rows. `neuron`, `phase` and `kind` imply it.

    Raises:
        LogError: There is no such phase or kind, or the neuron is not given by its id.
        InputError: The step is not a whole number of 1 or more.
    """

    neuron: str | None = None
    step: int | None = None
    phase: str | None = None
    kind: str | None = None
    messages: bool = False

    def __post_init__(self) -> None:
        if self.neuron is not None and not isinstance(self.neuron, str):
            raise LogError(f"a neuron is named by its id, got {quote(self.neuron)}")
        if self.step is not None:
            object.__setattr__(self, "step", as_whole_number("step", self.step, 1))
        if self.phase is not None and (not isinstance(self.phase, str) or self.phase not in PHASES):
            raise LogError(f"unknown phase {quote(self.phase)}: {did_you_mean(self.phase, PHASES)}")
        if self.kind is not None and (
            not isinstance(self.kind, str) or self.kind not in self._kinds
        ):
            raise LogError(
                f"unknown kind {quote(self.kind)}: {did_you_mean(self.kind, self._kinds)}"
            )

    @property
    def _kinds(self) -> list[str]:
        if self.phase is None:
            return [str(kind) for phase in PHASES for kind in message_kinds(phase)]
        return [str(kind) for kind in message_kinds(self.phase)]

    def batches(self, reader: LogReader) -> Iterator[Any]:
        """Yield the selected rows of a log in record batches.

        Args:
            reader: The log.

        Raises:
            LogError: There is no such neuron, or the log is damaged.
        """
        select = BatchFilter(self, reader)
        for batch in reader.batches():
            selected = select(batch)
            if len(selected):
                yield selected

    def rows(self, reader: LogReader, begins: dict[int, str] | None = None) -> Iterator[Row]:
        """Yield the selected rows of a log one by one.

        Args:
            reader: The log.
            begins: Receives the note of each step's begin row, also if that row is not selected,
                by the step's number. Notes of earlier steps are removed. None: nothing does.

        Raises:
            LogError: There is no such neuron, or the log is damaged.
        """
        select = BatchFilter(self, reader)
        for whole in reader.batches():
            if begins is not None:
                _note_begins(reader, whole, begins)
            batch = select(whole)
            for start in range(0, len(batch), ROWS_AT_ONCE):
                piece = batch.slice(start, ROWS_AT_ONCE)
                yield from map(
                    Row._make,
                    zip(*(piece.column(name).to_pylist() for name in Row._fields), strict=True),
                )


class BatchFilter:
    """Selects rows out of the record batches of one log.

    Args:
        row_filter: Which rows to select.
        reader: The log.

    Raises:
        LogError: There is no such neuron.
    """

    def __init__(self, row_filter: RowFilter, reader: LogReader) -> None:
        self._filter, self._reader = row_filter, reader
        self._codes = None
        given = (row_filter.neuron, row_filter.phase, row_filter.kind)
        if row_filter.messages or given != (None, None, None):
            kinds = [row_filter.kind] if row_filter.kind else row_filter._kinds
            self._codes = [kind_codes()[kind] for kind in kinds]
        self._member: tuple[int, Any] | None = None  # the member and its sources
        if row_filter.neuron is not None:
            self._member = _member_and_sources(row_filter.neuron, reader)

    def __call__(self, batch: Any) -> Any:
        """Return a record batch without the rows that are not selected."""
        selected = np.ones(len(batch), dtype=bool)
        if self._filter.step is not None:
            selected &= batch.column("step").to_numpy() == self._filter.step
        if self._codes is not None and selected.any():
            selected &= np.isin(self._reader.codes(batch, "kind"), self._codes)
        if self._member is not None and selected.any():
            k, sources = self._member
            sender, receiver = (self._reader.codes(batch, end) for end in ("sender", "receiver"))
            from_source = np.isin(sender, sources) & (receiver == NULL)
            selected &= (sender == k) | (receiver == k) | from_source
        if selected.all():
            return batch
        return batch.filter(pa.array(selected)) if selected.any() else batch.slice(0, 0)


def _note_begins(reader: LogReader, batch: Any, begins: dict[int, str]) -> None:
    """Add the notes of a record batch's begin rows, and remove those of steps before the batch."""
    if not len(batch):
        return
    first = batch.column("step")[0].as_py()
    for step in [step for step in begins if step < first]:
        del begins[step]
    found = batch.filter(pa.array(reader.codes(batch, "kind") == CODE["begin"]))
    notes = (found.column(name).to_pylist() for name in ("step", "note"))
    begins.update((step, note or "") for step, note in zip(*notes, strict=True))


def _member_and_sources(neuron: str, reader: LogReader) -> tuple[int, Any]:
    """A member's number, and the numbers of the members whose activations it receives."""
    members, network = reader.members, reader.network
    if neuron not in members:
        raise LogError(
            f"{reader.path!r}: there is no neuron {quote(neuron)}; {did_you_mean(neuron, members)}"
        )
    k = members.index(neuron)
    if neuron in (LOSS_NODE, ENVIRONMENT):
        return k, network.output_positions
    return k, network.sources[network.incoming.of(k)]
