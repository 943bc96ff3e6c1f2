"""A recorded step: its description, and its messages as arrays in the network's order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..network.network import Network
from ..neuron.messages import micro_batch_of
from ..neuron.time_round import TimeRound
from ..support.arrays import Array, Indices
from ..support.errors import LogError
from ..support.means import mean_in_order
from ..support.text import format_count
from .reader import NULL, Rows
from .schema import CODE

# How many numbers an array may have that no row of the log fills; a damaged log may claim any.
MOST_MISSING = 2**27
MODES = ("predict", "gradient", "train", "product")


@dataclass(frozen=True, slots=True)
class StepInfo:
    """The description of a step.

    Attributes:
        number: Its number, from 1 on.
        mode: "predict", "gradient", "train" or "product".
        loss: The name of the loss, or None in a step that predicts.
        batch: The number of examples.
        wrt_inputs: Whether urgencies reached the inputs.
        optimizer: Name and settings of the optimizer, as in `step_note`; None without learning.
        update: The number of the update under this optimizer, from 1 on; None without learning.
        only: The kinds that a partial log contains of it; None for all that it records.
        whole: Whether the step was completed and sealed.
        columns: How many numbers a message has: one per example, and what else it carries.
        round: The name of its round; empty if the step is its only one.
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

    @property
    def micro_batch(self) -> tuple[int, int] | None:
        """Which micro-batch of its batch it is, from 1 on, and of how many; None for others."""
        return micro_batch_of(self.round)

    @property
    def tick(self) -> tuple[int, int] | None:
        """Which tick of its sequence it goes through, from 1 on, and of how many; None for others.

        Through time a step is a round, forward without a loss, or back with one.
        """
        here = TimeRound.read(self.round)
        return None if here is None else (here.tick, here.ticks)

    @classmethod
    def from_rows(cls, rows: Rows) -> StepInfo:
        """Read the description from a step's rows.

        Args:
            rows: The rows of the step, from its begin row on.

        Raises:
            LogError: The first row is not a begin row, or its note makes no sense.
        """
        if rows.kind[0] != CODE["begin"]:
            raise LogError(f"the log is damaged: row {rows.first} should begin a step")
        return cls.from_note(
            int(rows.step[0]), rows.notes[0].as_py(), bool(rows.kind[-1] == CODE["seal"])
        )

    @classmethod
    def from_note(cls, number: int, note: str | None, whole: bool) -> StepInfo:
        """Read the description from the note of a begin row.

        Args:
            number: The step's number.
            note: The note, as `step_note` documents it.
            whole: Whether the step was completed and sealed.

        Raises:
            LogError: The note makes no sense.
        """
        try:
            about = json.loads(note or "")
            names = ("mode", "loss", "batch", "wrt_inputs", "optimizer", "update")
            mode, loss, batch, wrt_inputs, optimizer, update = (about[name] for name in names)
            only, round = about.get("only"), about.get("round", "")
            columns = about.get("columns", batch)
            learns = isinstance(optimizer, dict) and type(update) is int
            sensible = (
                mode in MODES
                and isinstance(round, str)
                and (loss is None if mode == "predict" else isinstance(loss, str))
                and (learns if mode == "train" else optimizer is update is None)
                and all(type(n) is int and 0 <= n < 2**31 for n in (batch, columns))
                and type(wrt_inputs) is bool
                and (only is None or isinstance(only, list))
                and all(isinstance(kind, str) for kind in only or ())
            )
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
    """A step's messages as arrays of float64; NaN where the log contains none.

    Rows that no run of this network writes are left out. An array has a column for each example;
    what else messages carry is left out. Where neurons live at several positions, a row has a
    number for each position of each example, example after example. An array is as wide as the
    longest row of this network can be; behind shorter rows it has NaN.

    Args:
        network: The network that ran.
        rows: The rows of the step.
        info: The description of the step; None: it is read from the rows.

    Attributes:
        network: The network that ran.
        rows: The rows as they are in the log.
        info: The description of the step.

    Raises:
        LogError: The first row is not a begin row, or its note makes no sense.
    """

    def __init__(self, network: Network, rows: Rows, info: StepInfo | None = None) -> None:
        self.network, self.rows = network, rows
        self.info = StepInfo.from_rows(rows) if info is None else info

    def __repr__(self) -> str:
        info = self.info
        loss = "" if info.loss is None else f", {info.loss} {self.loss:.6g}"
        examples = format_count(info.batch, "example")
        return f"<RecordedStep {info.number}: {info.mode}, {examples}{loss}>"

    @cached_property
    def inputs(self) -> Array:
        """The values that the environment sent to the inputs. Shape (n_inputs, batch)."""
        rows = self.rows
        here = np.flatnonzero(
            (rows.kind == CODE["activation"])
            & (rows.sender == self._environment)
            & self._is_node(rows.receiver)
        )
        return self._scatter(self.network.n_positions, rows.receiver[here], here)[
            self.network.is_input
        ]

    @cached_property
    def activations(self) -> Array:
        """The activations that neurons and inputs sent. Shape (n_neurons, batch)."""
        rows = self.rows
        here = np.flatnonzero(
            (rows.kind == CODE["activation"]) & self._is_node(rows.sender) & (rows.receiver == NULL)
        )
        return self._scatter(self.network.n_positions, rows.sender[here], here)

    @cached_property
    def predictions(self) -> Array:
        """The outputs' activations. Shape (n_outputs, batch)."""
        return self.activations[self.network.output_positions]

    @cached_property
    def targets(self) -> Array:
        """The targets of the outputs. Shape (n_outputs, batch)."""
        index = {name: k for k, name in enumerate(self.network.outputs)}
        here = [
            r
            for r in np.flatnonzero(self.rows.kind == CODE["target"]).tolist()
            if self.rows.notes[r].as_py() in index
        ]
        items = np.array([index[self.rows.notes[r].as_py()] for r in here], dtype=np.intp)
        positions = self.network.n_positions[self.network.output_positions]
        return self._scatter(positions, items, np.array(here, dtype=np.intp), self.info.batch)

    @cached_property
    def losses(self) -> Array:
        """The losses of the examples. Shape (batch,); empty if the log contains none."""
        here = np.flatnonzero(self.rows.kind == CODE["loss"])
        return self._values(int(here[0])) if len(here) else np.empty(0)

    @property
    def loss(self) -> float:
        """The mean of the losses; NaN if the log contains none."""
        return mean_in_order(self.losses) if len(self.losses) else float("nan")

    @cached_property
    def urgencies(self) -> Array:
        """The urgency that each synapse's target sent to its source. Shape (n_synapses, batch)."""
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
        positions = self.network.n_positions[self.network.sources]
        return self._scatter(positions, found[right], here[right])

    @cached_property
    def blame(self) -> Array:
        """The urgencies that the loss sent to the outputs. Shape (n_outputs, batch)."""
        rows = self.rows
        here = np.flatnonzero(
            (rows.kind == CODE["urgency"])
            & (rows.sender == self._loss)
            & self._is_node(rows.receiver)
        )
        return self._scatter(self.network.n_positions, rows.receiver[here], here)[
            self.network.output_positions
        ]

    @cached_property
    def felt(self) -> Array:
        """The urgencies that the inputs sent to the environment. Shape (n_inputs, batch)."""
        rows = self.rows
        here = np.flatnonzero(
            (rows.kind == CODE["urgency"])
            & self._is_node(rows.sender)
            & (rows.receiver == self._environment)
        )
        found = self._scatter(self.network.n_positions, rows.sender[here], here)
        return found[self.network.is_input]

    @property
    def weights(self) -> Array:
        """The weights' part of the neurons' commits. Shape (n_synapses,).

        In a step that learns these are the new weights, in a gradient step the urgencies of the
        weights, in a product step the derivatives of these urgencies along the direction. A synapse
        into an interneuron has the weight 1 and no urgency: 1 and 0.
        """
        return self._commits[0]

    @property
    def biases(self) -> Array:
        """The same for biases, 0 for inputs and interneurons. Shape (n_neurons,)."""
        return self._commits[1]

    @cached_property
    def _commits(self) -> tuple[Array, Array]:
        network, rows = self.network, self.rows
        weights = np.full(len(network.weights), np.nan)
        biases = np.where(network.n_parameters == 0, 0.0, np.nan)
        if network.interneurons:
            weights[network.is_interneuron[network.targets]] = float(self.info.mode == "train")
        here = np.flatnonzero((rows.kind == CODE["commit"]) & self._is_node(rows.sender))
        for row, k in zip(here.tolist(), rows.sender[here].tolist(), strict=True):
            values, incoming = self._values(row), network.incoming.of(k)
            if network.n_parameters[k] and len(values) == len(incoming) + 1:
                weights[incoming], biases[k] = values[:-1], values[-1]
        return weights, biases

    # --- rows into arrays ---------------------------------------------------------------------

    @property
    def _loss(self) -> int:
        """The loss's position in `LogReader.members`."""
        return len(self.network.ids)

    @property
    def _environment(self) -> int:
        """The environment's position in `LogReader.members`."""
        return len(self.network.ids) + 1

    def _is_node(self, members: Indices) -> Any:
        return (members >= 0) & (members < len(self.network.ids))

    def _values(self, row: int) -> Array:
        return self.rows.values[self.rows.starts[row] : self.rows.starts[row + 1]]

    def _scatter(
        self, positions: Indices, items: Indices, here: Indices, columns: int | None = None
    ) -> Array:
        """An array whose row `items[i]` has the values of row `here[i]`, for the examples.

        Rows whose length is not that of this step's messages are left out.

        positions: How many positions each item lives at, (n,). columns: How many numbers a row has
        for each of them.
        """
        columns = self.info.columns if columns is None else columns
        starts, n = self.rows.starts, len(positions)
        batch = min(self.info.batch, columns)  # some rounds send no value of any example
        right = starts[here + 1] - starts[here] == columns * positions[items]
        items, here = items[right], here[right]
        most = int(positions.max(initial=1))
        longest = int(positions[items].max(initial=0))
        if longest < most and n * batch * most > MOST_MISSING:
            what = f"step {self.info.number} does not hold {batch:,} examples, as it says"
            raise LogError(f"the log is damaged: {what}")
        found = np.full((n, batch * most), np.nan)
        for wide in [1] if most == 1 else np.unique(positions[items]).tolist():
            some = positions[items] == wide
            along = np.arange(batch * wide)
            found[items[some], : batch * wide] = self.rows.values[starts[here[some], None] + along]
        return found
