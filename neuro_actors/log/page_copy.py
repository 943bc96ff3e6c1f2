"""From where the numbers of a step lie to where they stand in the log: one copy for each run of rows of one block."""

from __future__ import annotations

import numpy as np

from ..channels.step_record import Said
from ..network.network import Network
from ..support.validation import Array, Indices
from .row_template import Places, Section, Template


class Filling:
    """Fills sheets of one template from what one engine says, whose rows lie as in `said`."""

    def __init__(self, network: Network, places: Places, template: Template, said: Said) -> None:
        self._layout = said.urgency_rows
        outputs = network.output_positions
        listen = len(said.loss_rows) == len(outputs) or ~network.is_input[outputs]
        loss_rows = np.zeros(len(outputs), dtype=np.intp)
        loss_rows[listen if isinstance(listen, np.ndarray) else slice(None)] = (
            said.loss_rows if len(said.loss_rows) else 0
        )
        first = np.concatenate([[0], np.cumsum(places.fans)])  # of each neuron's commit
        self._copies: list[tuple[str, Indices | slice, Section]] = []
        for section in template.sections:
            items = section.items
            if section.block in ("committed", "steered"):
                items = _places_of(first[items], places.fans[items])
            elif section.block == "told":
                items = said.activation_rows[places.inputs[items]]
            elif section.block == "spoken":
                items = said.activation_rows[items]
            elif section.block == "urged":
                items = said.urgency_rows[items]
            elif section.block == "blamed":
                items = loss_rows[items]
            self._copies.append((section.block, _as_slice(items), section))

    def fits(self, said: Said) -> bool:
        """Whether the rows lie where they lay."""
        return said.urgency_rows is self._layout or np.array_equal(
            said.urgency_rows, self._layout
        )  # as in another lane

    def fill(self, sheet: Array, starts: Indices, said: Said) -> None:
        """sheet: (n_values,); starts: where each row of the template begins in it."""
        sources = {
            "told": said.activations,
            "spoken": said.activations,
            "wanted": said.targets,
            "lost": said.losses,
            "urged": said.urgencies,
            "blamed": said.urgencies,
            "felt": said.felt,
            "committed": said.commits,
            "steered": said.directions,
        }
        for block, items, section in self._copies:
            source = sources[block]
            target = sheet[starts[section.start] : starts[section.stop]]
            if block == "lost":
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
    """All places of ranges that begin there and are so long."""
    ends = np.cumsum(lengths)
    places: Indices = np.arange(ends[-1] if len(ends) else 0) + np.repeat(
        starts - (ends - lengths), lengths
    )
    return places
