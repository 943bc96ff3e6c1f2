"""A recorded step: what it was, and what was said in it, in arrays in the network's order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..network.network import Network
from ..support.errors import LogError
from ..support.validation import Array, Indices
from .reader import NULL, Rows
from .schema import CODE

MOST_UNTOLD = 2**27  # numbers; where the log says none of them, it may lie about how many there are


@dataclass(frozen=True, slots=True)
class StepInfo:
    """What a step was.

    number: from 1 on.  mode: "predict", "gradient", "train" or "product".  loss: its name, or None.  batch: how many
    examples.  columns: how many numbers a message holds, one an example and what else it carries.  round: its name.
    wrt_inputs: whether urgencies reached the inputs.  optimizer: as described in `about.py`, with `update`, its count.
    only: the kinds that a partial log holds of it; None for all that it records.  whole: whether it was seen to its end.
    """

    number: int
    mode: str
    loss: str | None
    batch: int
    wrt_inputs: bool
    optimizer: dict[str, Any] | None
    update: int | None
    only: tuple[str, ...] | None
    whole: bool
    columns: int
    round: str = ""

    @classmethod
    def from_rows(cls, rows: Rows) -> StepInfo:
        """From a step's rows. Raises `LogError` if the first does not say what it was."""
        if rows.kind[0] != CODE["begin"]:
            raise LogError(f"the log is damaged: row {rows.first} should begin a step")
        return cls.from_note(
            int(rows.step[0]), rows.notes[0].as_py(), bool(rows.kind[-1] == CODE["seal"])
        )

    @classmethod
    def from_note(cls, number: int, note: str | None, whole: bool) -> StepInfo:
        """From the note of a begin row. Raises `LogError` if it makes no sense."""
        try:
            about = json.loads(note or "")
            told = [
                about[name]
                for name in ("mode", "loss", "batch", "wrt_inputs", "optimizer", "update")
            ]
            mode, loss, batch, wrt_inputs, optimizer, update = told
            only, round, columns = (
                about.get("only"),
                about.get("round", ""),
                about.get("columns", batch),
            )
            sensible = (
                mode in ("predict", "gradient", "train", "product")
                and isinstance(round, str) and type(columns) is int and 0 <= columns < 2**31
                and (loss is None if mode == "predict" else isinstance(loss, str))
                and (isinstance(optimizer, dict) and type(update) is int if mode == "train" else optimizer is update is None)
                and type(batch) is int and 0 <= batch < 2**31 and type(wrt_inputs) is bool
                and (only is None or (isinstance(only, list) and all(isinstance(kind, str) for kind in only)))
            )  # fmt: skip
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise LogError(
                f"the log is damaged: the begin row of step {number} makes no sense ({error!r})"
            ) from None
        if not sensible:
            raise LogError(f"the log is damaged: the begin row of step {number} makes no sense")
        only = None if only is None else tuple(only)
        return cls(
            number, mode, loss, batch, wrt_inputs, optimizer, update, only, whole, columns, round
        )


class RecordedStep:
    """Arrays of float64, NaN where the log does not say. Rows that no run of this network can have written are left out.

    info: what the step was.  rows: as they stand in the log.
    """

    def __init__(self, network: Network, rows: Rows, info: StepInfo | None = None) -> None:
        self.network, self.rows = network, rows
        self.info = StepInfo.from_rows(rows) if info is None else info

    @cached_property
    def inputs(self) -> Array:
        """What the world told each input, (n_inputs, batch)."""
        rows = self.rows
        here = np.flatnonzero(
            (rows.kind == CODE["activation"])
            & (rows.sender == self._world)
            & self._is_node(rows.receiver)
        )
        return self._scattered(len(self.network.ids), rows.receiver[here], here)[
            self.network.is_input
        ]

    @cached_property
    def activations(self) -> Array:
        """What each neuron told its followers, (n_neurons, batch)."""
        rows = self.rows
        here = np.flatnonzero(
            (rows.kind == CODE["activation"]) & self._is_node(rows.sender) & (rows.receiver == NULL)
        )
        return self._scattered(len(self.network.ids), rows.sender[here], here)

    @cached_property
    def predictions(self) -> Array:
        """The outputs' activations, (n_outputs, batch)."""
        return self.activations[self.network.output_positions]

    @cached_property
    def targets(self) -> Array:
        """(n_outputs, batch)."""
        place = {name: k for k, name in enumerate(self.network.outputs)}
        here = [
            r
            for r in np.flatnonzero(self.rows.kind == CODE["target"]).tolist()
            if self.rows.notes[r].as_py() in place
        ]
        items = np.array([place[self.rows.notes[r].as_py()] for r in here], dtype=np.intp)
        return self._scattered(len(place), items, np.array(here, dtype=np.intp), self.info.batch)

    @cached_property
    def losses(self) -> Array:
        """(batch,); empty in a step that predicts, or where the log has none."""
        here = np.flatnonzero(self.rows.kind == CODE["loss"])
        return self._values(int(here[0])) if len(here) else np.empty(0)

    @property
    def loss(self) -> float:
        """The mean of the losses; NaN where there are none."""
        return (
            float(np.add.accumulate(self.losses)[-1] / len(self.losses))
            if len(self.losses)
            else float("nan")
        )

    @cached_property
    def urgencies(self) -> Array:
        """What each synapse's target told its source, (n_synapses, batch)."""
        rows, n = self.rows, len(self.network.ids)
        here = np.flatnonzero(
            (rows.kind == CODE["urgency"])
            & self._is_node(rows.sender)
            & self._is_node(rows.receiver)
        )
        keys = self.network.targets * n + self.network.sources
        order = np.argsort(keys)
        wanted = rows.sender[here] * n + rows.receiver[here]
        found = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
        right = keys[found] == wanted
        return self._scattered(len(keys), found[right], here[right])

    @cached_property
    def blame(self) -> Array:
        """What the loss told each output, (n_outputs, batch)."""
        rows = self.rows
        here = np.flatnonzero(
            (rows.kind == CODE["urgency"])
            & (rows.sender == self._world - 1)
            & self._is_node(rows.receiver)
        )
        return self._scattered(len(self.network.ids), rows.receiver[here], here)[
            self.network.output_positions
        ]

    @cached_property
    def felt(self) -> Array:
        """What each input told the world: its urgency, (n_inputs, batch)."""
        rows = self.rows
        here = np.flatnonzero(
            (rows.kind == CODE["urgency"])
            & self._is_node(rows.sender)
            & (rows.receiver == self._world)
        )
        return self._scattered(len(self.network.ids), rows.sender[here], here)[
            self.network.is_input
        ]

    @property
    def weights(self) -> Array:
        """What the neurons committed, (n_synapses,): the weights that they have learnt; in a gradient step, which
        teaches nothing, the weights' urgencies; in a product step the derivatives of these."""
        return self._committed[0]

    @property
    def biases(self) -> Array:
        """The same of biases, (n_neurons,), 0 for inputs."""
        return self._committed[1]

    @cached_property
    def _committed(self) -> tuple[Array, Array]:
        network, rows = self.network, self.rows
        weights = np.full(len(network.weights), np.nan)
        biases = np.where(network.is_input, 0.0, np.nan)
        here = np.flatnonzero((rows.kind == CODE["commit"]) & self._is_node(rows.sender))
        for row, k in zip(here.tolist(), rows.sender[here].tolist(), strict=True):
            values, incoming = self._values(row), network.incoming.of(k)
            if not network.is_input[k] and len(values) == len(incoming) + 1:
                weights[incoming], biases[k] = values[:-1], values[-1]
        return weights, biases

    # --- rows into arrays ----------------------------------------------------------------------------------------

    @property
    def _world(self) -> int:
        return len(self.network.ids) + 1

    def _is_node(self, members: Indices) -> Any:
        return (members >= 0) & (members < len(self.network.ids))

    def _values(self, row: int) -> Array:
        return self.rows.values[self.rows.starts[row] : self.rows.starts[row + 1]]

    def _scattered(self, n: int, items: Indices, here: Indices, length: int | None = None) -> Array:
        """(n, batch): of each row `here` the examples' values in the place of its item; rows of another length than a
        message of this step has are left out."""
        length = self.info.columns if length is None else length
        batch, starts = (
            min(self.info.batch, length),
            self.rows.starts,
        )  # there are rounds in which nothing is of an example
        right = starts[here + 1] - starts[here] == length
        if not right.any() and n * batch > MOST_UNTOLD:
            raise LogError(
                f"the log is damaged: step {self.info.number} does not hold {batch:,} examples, as it says"
            )
        found = np.full((n, batch), np.nan)
        found[items[right]] = self.rows.values[starts[here[right], None] + np.arange(batch)]
        return found
