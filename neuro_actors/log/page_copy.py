"""From where the numbers of a step lie to where they stand in the log: one copy for each run of rows of one block."""

from __future__ import annotations

import numpy as np

from ..channels.step_record import StepRecord
from ..network.network import Network
from ..support.validation import Array, Indices
from .row_template import RowSlots, RowTemplate, Section


class PageCopier:
    """Fills sheets of one template from what one engine says, whose rows lie as in `record`."""

    def __init__(
        self, network: Network, slots: RowSlots, template: RowTemplate, record: StepRecord
    ) -> None:
        self._layout = record.urgency_rows
        outputs = network.output_positions
        listen = len(record.loss_rows) == len(outputs) or ~network.is_input[outputs]
        loss_rows = np.zeros(len(outputs), dtype=np.intp)
        loss_rows[listen if isinstance(listen, np.ndarray) else slice(None)] = (
            record.loss_rows if len(record.loss_rows) else 0
        )
        first = np.concatenate([[0], np.cumsum(slots.fans)])  # of each neuron's commit
        self._copies: list[tuple[str, Indices | slice, Section]] = []
        for section in template.sections:
            items = section.items
            if section.block in ("commits", "directions"):
                items = _places_of(first[items], slots.fans[items])
            elif section.block == "inputs":
                items = record.activation_rows[slots.inputs[items]]
            elif section.block == "activations":
                items = record.activation_rows[items]
            elif section.block == "backward":
                items = record.urgency_rows[items]
            elif section.block == "loss_to_outputs":
                items = loss_rows[items]
            self._copies.append((section.block, _as_slice(items), section))

    def fits(self, record: StepRecord) -> bool:
        """Whether the rows lie where they lay."""
        return record.urgency_rows is self._layout or np.array_equal(
            record.urgency_rows, self._layout
        )  # as in another lane

    def copy(self, sheet: Array, starts: Indices, record: StepRecord) -> None:
        """sheet: (n_values,); starts: where each row of the template begins in it."""
        sources = {
            "inputs": record.activations,
            "activations": record.activations,
            "targets": record.targets,
            "losses": record.losses,
            "backward": record.urgencies,
            "loss_to_outputs": record.urgencies,
            "input_urgencies": record.input_urgencies,
            "commits": record.commits,
            "directions": record.directions,
        }
        for block, items, section in self._copies:
            source = sources[block]
            target = sheet[starts[section.start] : starts[section.stop]]
            if block == "losses":
                target[...] = (
                    source if len(target) == len(source) else 0.0
                )  # nothing where a step was broken off
                continue
            if source.ndim == 2:
                target = target.reshape(-1, source.shape[1])
            if isinstance(items, slice):
                target[...] = source[items]
            else:
                np.take(source, items, 0, target, "clip")  # "raise" would take a detour


def _as_slice(items: Indices) -> Indices | slice:
    """The same as a slice, if they follow each other."""
    if len(items) and (np.diff(items) == 1).all():
        return slice(int(items[0]), int(items[-1]) + 1)
    return items


def _places_of(starts: Indices, lengths: Indices) -> Indices:
    """All slots of ranges that begin there and are so long."""
    ends = np.cumsum(lengths)
    slots: Indices = np.arange(ends[-1] if len(ends) else 0) + np.repeat(
        starts - (ends - lengths), lengths
    )
    return slots
