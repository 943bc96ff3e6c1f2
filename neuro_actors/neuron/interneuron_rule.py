"""The rule of an interneuron: it combines what it receives, and has nothing to learn.

    forward    a = g(x_1, …, x_n)                 send a along every outgoing synapse
    backward   u = Σ urgencies received           send u · ∂g/∂x_i back along the i-th synapse
    learn      nothing: its commit is empty

With a receptive field it hears each source at several positions, and each of them is one more x_i.
In a tangent step (see `tangent.py`) it also sends derivatives along the direction, with a dash:

    forward    a' = Σ ∂g/∂x_i · x_i'
    backward   send u · ∂g/∂x_i, and u' · ∂g/∂x_i + u · Σ_j ∂²g/∂x_i∂x_j · x_j', back
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network.combinations import Combination
from ..network.field import Field
from ..support.arrays import Array
from .local_rule import NOTHING, StatefulRule, refuse, refuse_nan, refuse_response
from .messages import Step
from .neuron_state import FLOAT, all_finite
from .sums import ORDERED, Sums


class InterneuronRule(StatefulRule):
    """The rule of one interneuron, as at the head of this file.

    Attributes:
        id: The interneuron's id.
        combination: How it combines what it receives.
        field: Which positions of its sources it hears. None: its own.
        sums: The sums by which it adds urgencies.
        listening: Positions of the sources that listen for urgencies in a step that is not
            `wrt_inputs`. Shape (listening sources,). None if all sources listen.
        fired: The step between `fire` and `respond`, else None.
        terms: What it combined in that step. Shape (terms, columns).
        activation: What came of it. Shape (columns,).
        tangents: The derivatives of `terms`, in a tangent step. Shape (terms, columns).
    """

    __slots__ = (
        "activation",
        "combination",
        "field",
        "fired",
        "id",
        "listening",
        "sums",
        "tangents",
        "terms",
    )

    def __init__(
        self,
        id: str,
        combination: Combination,
        field: Field | None,
        from_input: NDArray[np.bool_],
        sums: Sums = ORDERED,
    ) -> None:
        """Make the rule of an interneuron.

        Args:
            id: The interneuron's id.
            combination: How it combines what it receives.
            field: Which positions of its sources it hears. None: its own.
            from_input: True where the source is an input. Shape (fan_in,).
            sums: The sums by which it adds urgencies.
        """
        self.id, self.combination, self.field, self.sums = id, combination, field, sums
        self.listening = np.flatnonzero(~from_input) if from_input.any() else None
        self.fired: Step | None = None
        self.terms = self.activation = self.tangents = NOTHING

    def is_answered(self, step: Step) -> bool:
        """See `NeuronRule.is_answered`."""
        return step.loss is not None

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """Combine what arrived, and write the result into `activation_out`.

        Args:
            step: The step that the mail belongs to.
            activations_in: Activations of the sources in synapse order, then a row of ones, which
                is not read. Shape (fan_in + 1, columns of the sources), C-contiguous.
            activation_out: Receives the activation. Shape (columns,).

        Raises:
            MessageError: The combination returned a wrong shape, or a number that is not finite.
        """
        rows = activations_in[:-1]
        tangents = NOTHING
        if step.tangent:
            batch = rows.shape[1] // 2
            rows, tangents = rows[:, :batch], self._gather(rows[:, batch:], 0.0)
        nothing = self.combination.nothing
        terms = self._gather(rows, 0.0 if nothing is None else nothing)
        terms.setflags(write=False)  # a user's function must not change it
        values = self.combination.value(terms)
        shape = terms.shape[1:]
        if values.shape != shape or values.dtype is not FLOAT or not all_finite(values):
            refuse_nan(self.id, "activation", values, terms, step)
            refuse(self.id, "activation", values, shape, step)
        if step.loss is not None:
            self.fired, self.terms, self.activation = step, terms, values
            self.tangents = tangents
        if step.tangent:
            moved = self.sums.sum_of_rows(self._slopes(terms, values, step) * tangents)
            if not all_finite(moved):
                refuse(self.id, "tangent", moved, shape, step)
            activation_out[: len(values)], activation_out[len(values) :] = values, moved
        else:
            activation_out[...] = values

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """Compute the urgencies for the sources.

        Args:
            step: The step, which must be that of the last `fire`.
            urgencies_in: One row from each follower, in synapse order. Shape (fan_out, columns).
            urgencies_out: Receives one row for each source that listens for urgencies. Shape
                (listening sources, columns of the sources).
            commit_out: Empty: an interneuron has no parameters. Shape (0,).

        Raises:
            MessageError: The interneuron has not fired in this step, or a number would not be
                finite.
        """
        if self.fired is not step:
            refuse_response(self.id, step)
        terms, activation = self.terms, self.activation
        total, batch = self.sums.sum_of_rows(urgencies_in), len(activation)
        if len(urgencies_out):
            slopes = self._slopes(terms, activation, step)
            self._write(urgencies_out, slopes * total[:batch], step)
            if step.tangent:
                bends = self.combination.bends
                assert bends is not None
                bent = total[batch:] * slopes + total[:batch] * bends(
                    terms, activation, self.tangents
                )
                self._write(urgencies_out, bent, step, second=True)
            flat = urgencies_out.ravel()
            if not all_finite(flat):
                is_nan = np.isnan(slopes).any(axis=0)
                refuse_nan(self.id, "slope", np.where(is_nan, np.nan, 0.0), terms, step)
                refuse(self.id, "urgency", flat, flat.shape, step)
        self.fired, self.terms, self.activation, self.tangents = None, NOTHING, NOTHING, NOTHING

    def _gather(self, rows: Array, nothing: float) -> Array:
        """Return what it combines. Shape (terms, columns)."""
        if self.field is None:
            return np.ascontiguousarray(rows)
        return self.field.gather_rows(rows, nothing)

    def _slopes(self, terms: Array, activation: Array, step: Step) -> Array:
        slopes = self.combination.slopes(terms, activation)
        if slopes.shape != terms.shape or slopes.dtype is not FLOAT:
            refuse(self.id, "slopes", slopes, terms.shape, step)
        return slopes

    def _write(self, out: Array, terms: Array, step: Step, second: bool = False) -> None:
        """Write the urgencies of the terms, added up for each source and position."""
        rows = terms if self.field is None else self.field.scatter_rows(terms)
        if self.listening is not None and not step.wrt_inputs:
            rows = rows[self.listening]
        if not step.tangent:
            out[...] = rows
        else:
            half = out.shape[1] // 2
            out[:, half if second else 0 : None if second else half] = rows
