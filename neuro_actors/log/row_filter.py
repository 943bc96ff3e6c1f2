"""Which rows of a log somebody asks for: chosen in arrays, before a row becomes an object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ..network.elements import ENVIRONMENT, LOSS_NODE
from ..support.errors import LogError
from ..support.text import shown
from ..support.validation import as_whole_number, did_you_mean
from .reader import NULL, LogReader, Row
from .recording import PHASES
from .schema import CODE

AT_ONCE = 1024  # rows that become objects together


@dataclass(frozen=True, slots=True)
class RowFilter:
    """neuron: only what it said and heard, the activations of its sources among them.  step: only this one.

    phase: "forward", "loss", "backward" or "commit".  kind: one kind of message.  messages: no rows that begin, seal or
    end; implied by all but `step`. Raises `LogError` for a phase or kind that there is none of.
    """

    neuron: str | None = None
    step: int | None = None
    phase: str | None = None
    kind: str | None = None
    messages: bool = False

    def __post_init__(self) -> None:
        if self.neuron is not None and not isinstance(self.neuron, str):
            raise LogError(f"a neuron is named by its id, got {shown(self.neuron)}")
        if self.step is not None:
            as_whole_number("step", self.step, 1)
        if self.phase is not None and (not isinstance(self.phase, str) or self.phase not in PHASES):
            raise LogError(
                f"unknown phase {shown(self.phase)}: {did_you_mean(self.phase, list(PHASES))}"
            )
        if self.kind is not None and (
            not isinstance(self.kind, str) or self.kind not in self._kinds
        ):
            raise LogError(
                f"unknown kind {shown(self.kind)}: {did_you_mean(self.kind, self._kinds)}"
            )

    @property
    def _kinds(self) -> list[str]:
        return [
            kind for phase, kinds in PHASES.items() if self.phase in (None, phase) for kind in kinds
        ]

    def batches(self, reader: LogReader) -> Iterator[Any]:
        """The chosen rows, in record batches. Raises `LogError` if there is no such neuron."""
        pick = BatchFilter(self, reader)
        for batch in reader.batches():
            picked = pick(batch)
            if len(picked):
                yield picked

    def rows(self, reader: LogReader) -> Iterator[Row]:
        """The chosen rows, one by one."""
        for batch in self.batches(reader):
            for start in range(0, len(batch), AT_ONCE):
                piece = batch.slice(start, AT_ONCE)
                yield from map(
                    Row._make,
                    zip(*(piece.column(name).to_pylist() for name in Row._fields), strict=True),
                )


class BatchFilter:
    """Picks what was chosen out of the record batches of one log."""

    def __init__(self, row_filter: RowFilter, reader: LogReader) -> None:
        self._choice, self._reader = row_filter, reader
        self._codes = None
        if row_filter.messages or (row_filter.neuron, row_filter.phase, row_filter.kind) != (
            None,
            None,
            None,
        ):
            self._codes = [
                CODE[kind] for kind in ([row_filter.kind] if row_filter.kind else row_filter._kinds)
            ]
        self._mine: tuple[int, Any] | None = None  # the neuron, and whose activations it hears
        if row_filter.neuron is not None:
            self._mine = _heard_by(row_filter.neuron, reader)

    def __call__(self, batch: Any) -> Any:
        """The same record batch without the rows that were not asked for."""
        wanted = np.ones(len(batch), dtype=bool)
        if self._choice.step is not None:
            wanted &= batch.column("step").to_numpy() == self._choice.step
        if self._codes is not None and wanted.any():
            wanted &= np.isin(self._reader.codes(batch, "kind"), self._codes)
        if self._mine is not None and wanted.any():
            me, sources = self._mine
            sender, receiver = (self._reader.codes(batch, end) for end in ("sender", "receiver"))
            wanted &= (
                (sender == me) | (receiver == me) | (np.isin(sender, sources) & (receiver == NULL))
            )
        if wanted.all():
            return batch
        return batch.filter(pa.array(wanted)) if wanted.any() else batch.slice(0, 0)


def _heard_by(neuron: str, reader: LogReader) -> tuple[int, Any]:
    members, network = reader.members, reader.network
    if neuron not in members:
        raise LogError(
            f"{reader.path!r}: there is no neuron {shown(neuron)}; {did_you_mean(neuron, members)}"
        )
    me = members.index(neuron)
    if neuron in (LOSS_NODE, ENVIRONMENT):
        return me, network.output_positions
    return me, network.sources[network.incoming.of(me)]
