"""From a step's record to a log's page: one copy for each run of rows of one block and time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..channels.routes import Size, StepKind
from ..channels.step_record import RecordedRows, StepRecord
from ..network.network import Network
from ..support.arrays import Array, Indices
from .log_page import Page
from .recording_settings import Recording
from .row_template import RowSlots, RowTemplate, Section
from .schema import members, row_kinds

FLUSH_ROWS = 8192
MOST_PAGES = 4  # kept, for as many kinds of steps and batch sizes
COMMITS_ALONE = StepKind(with_loss=True, wrt_inputs=False, tangent=False)


class PageCopier:
    """Copies records into pages of one template. All its records have their rows in equal places.

    Args:
        template: The rows of the pages.
        record: The first record, which says where the rows lie.
    """

    def __init__(self, template: RowTemplate, record: StepRecord) -> None:
        self._sizes = {Size.COLUMNS: record.columns, Size.EXAMPLES: record.batch}
        self._places = {name: held.places for name, held in record.blocks.items()}
        self._copies = [
            (section, _as_slice(self._positions(section))) for section in template.sections
        ]

    def fits(self, record: StepRecord) -> bool:
        """Return whether the record's rows lie where those of the first record lie."""
        return all(
            held.places is self._places.get(name)
            or np.array_equal(held.places, self._places.get(name))  # type: ignore[arg-type]
            for name, held in record.blocks.items()
        )

    def copy(self, record: StepRecord, values: Array, starts: Indices) -> None:
        """Copy all messages of a record.

        Args:
            record: The record.
            values: Receives the numbers of all rows, one row after another. Shape (n_values,).
            starts: Where each row begins in `values`. Shape (n_rows + 1,).
        """
        nothing = RecordedRows(np.empty(0))
        for section, places in self._copies:
            source = record.blocks.get(section.block.name, nothing).values
            target = values[starts[section.start] : starts[section.stop]]
            if source.ndim == 2:
                target = target.reshape(section.stop - section.start, -1)
            if source.size == 0:  # nothing was sent: the rows are left out
                target[...] = 0.0
            elif isinstance(places, slice):
                target[...] = source[places]
            else:
                np.take(source, places, 0, target, "clip")  # "raise" would make a copy

    def _positions(self, section: Section) -> Indices:
        """Where the rows of a section lie in the record's values; of flat values, their numbers."""
        block, items = section.block, section.items
        if block.spec.size is Size.PARAMETERS:
            ends = np.cumsum(block.n_parameters)
            return _ranges(ends[items] - block.n_parameters[items], block.n_parameters[items])
        if block.positions is None:  # the values are flat
            lengths = block.n_positions * self._sizes[block.spec.size]
            ends = np.cumsum(lengths)
            return _ranges(ends[items] - lengths[items], lengths[items])
        places = self._places.get(block.name)
        return items if places is None else places[items]


class Pages:
    """The pages of one log, each made once, and how records are copied into them.

    Args:
        network: The network.
        recording: What is recorded.
        schema: The Arrow schema of the log.
    """

    def __init__(self, network: Network, recording: Recording, schema: Any) -> None:
        self._network, self._recording, self._schema = network, recording, schema
        self._names, self._kinds = pa.array(members(network)), pa.array(row_kinds())
        self._slots = RowSlots(network)
        self._templates: dict[tuple[StepKind, bool], RowTemplate] = {}
        self._pages: dict[tuple[StepKind, bool, int, int], Page] = {}
        self._copiers: dict[Page, PageCopier] = {}

    def page(self, kind: StepKind, batch: int, columns: int) -> Page:
        """Return the page for steps of this kind and size."""
        return self._page(kind, False, batch, columns)

    def page_of_commits(self) -> Page:
        """Return the page for commits alone, of steps that are left out otherwise."""
        return self._page(COMMITS_ALONE, True, 0, 0)

    def copy(self, record: StepRecord, page: Page) -> None:
        """Copy a record's messages into the page's next step."""
        copier = self._copiers.get(page)
        if copier is None or not copier.fits(record):
            copier = self._copiers[page] = PageCopier(page.template, record)
        copier.copy(record, page.next_values, page.starts)

    def rows_sent(self, record: StepRecord, page: Page) -> NDArray[np.bool_] | None:
        """Return which of the page's rows the record has, shape (n_rows,); None for all."""
        if record.sent is None:
            return None
        sent = np.concatenate([record.sent[block.name] for block in self._slots.blocks])
        found: NDArray[np.bool_] = sent[page.template.slot]
        return None if found.all() else found

    def _page(self, kind: StepKind, commits_alone: bool, batch: int, columns: int) -> Page:
        key = kind, commits_alone, batch, columns
        if key not in self._pages:
            if len(self._pages) == MOST_PAGES:
                self._pages.clear()
                self._copiers.clear()
            self._pages[key] = Page(
                self._template(kind, commits_alone), (batch, columns), self._schema,
                self._names, self._kinds, self._network.outputs, FLUSH_ROWS,
            )  # fmt: skip
        return self._pages[key]

    def _template(self, kind: StepKind, commits_alone: bool) -> RowTemplate:
        key = kind, commits_alone
        if key not in self._templates:
            recording = self._recording
            if commits_alone:
                recording = replace(recording, phases=["commit"])
            self._templates[key] = RowTemplate(self._network, self._slots, recording, kind)
        return self._templates[key]


def _as_slice(places: Indices) -> Indices | slice:
    """Return the same places as a slice, if they follow each other."""
    if len(places) and (np.diff(places) == 1).all():
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def _ranges(starts: Indices, lengths: Indices) -> Indices:
    """Return all places of ranges that begin there and are so long, one range after another."""
    ends = np.cumsum(lengths)
    places: Indices = np.arange(ends[-1] if len(ends) else 0) + np.repeat(
        starts - (ends - lengths), lengths
    )
    return places
