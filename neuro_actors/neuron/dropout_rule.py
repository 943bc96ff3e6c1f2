"""The rule of an interneuron that leaves out some of what it hears: see `network/dropout.py`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network.combinations import Combination
from ..network.dropout import draw_mask
from ..network.field import Field
from ..support.arrays import Array
from .interneuron_rule import InterneuronRule
from .messages import Step
from .sums import ORDERED, Sums
from .time_round import PREDICTION, TimeRound


class DropoutRule(InterneuronRule):
    """An interneuron that multiplies each column by its mask, in steps from which neurons learn.

    Attributes:
        rate: The share that is left out.
        seed: The seed of the masks.
    """

    __slots__ = ("rate", "seed")

    def __init__(
        self,
        id: str,
        rate: float,
        seed: int,
        field: Field | None,
        from_input: NDArray[np.bool_],
        sums: Sums = ORDERED,
    ) -> None:
        """Make the rule.

        Args:
            id: The interneuron's id.
            rate: The share that is left out.
            seed: The seed of the masks.
            field: See `InterneuronRule`.
            from_input: True where the source is an input. Shape (fan_in,).
            sums: See `InterneuronRule`.
        """
        super().__init__(id, REPEAT, field, from_input, sums)
        self.rate, self.seed = rate, seed

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """Multiply what arrived by the mask of this step. See `InterneuronRule.fire`.

        Args:
            step: The step that the mail belongs to.
            activations_in: The activation of the source, then a row of ones. Shape (2, columns of
                the source), C-contiguous.
            activation_out: Receives the activation. Shape (columns,).

        Raises:
            MessageError: A number is not finite.
        """
        drawn_for = stream_of(step)
        if drawn_for is None:
            self.combination = REPEAT
        else:
            columns = len(activation_out) // (2 if step.tangent else 1)
            mask = draw_mask(self.rate, self.seed, self.id, drawn_for, columns)
            self.combination = _masked(mask)
        super().fire(step, activations_in, activation_out)


def stream_of(step: Step) -> tuple[int, ...] | None:
    """Return what tells the masks of a step from those of others; None in a prediction.

    All rounds of one tick have the same: the number of the first step of their sequence, which
    another micro-batch has not, and the tick.

    Args:
        step: The step.
    """
    return stream_of_round(step.number, step.round, step.loss)


def stream_of_round(number: int, round: str, loss: str | None) -> tuple[int, ...] | None:
    """Return what tells the masks of a step from those of others, as `stream_of`.

    Args:
        number: The number of the step.
        round: The name of its round.
        loss: The name of its loss, or None.
    """
    here = TimeRound.read(round)
    if here is None:
        return None if loss is None else (number,)
    first = number - here.place + here.part - 1
    return None if round.endswith(PREDICTION) else (first, here.tick)


def draw_mask_of_round(
    dropout: tuple[float, int], id: str, about: tuple[int, str, str | None], columns: int
) -> Array:
    """Return by how much a dropout multiplies each column in a step; ones in a prediction.

    Args:
        dropout: Its rate and its seed.
        id: The id of the interneuron.
        about: The number of the step, the name of its round, and of its loss or None.
        columns: How many columns the step has there.

    Returns:
        Shape (columns,).
    """
    drawn_for = stream_of_round(*about)
    return np.ones(columns) if drawn_for is None else draw_mask(*dropout, id, drawn_for, columns)


def _one(x: Array) -> Array:
    return np.array(x[0])


def _flat(x: Array, a: Array, d: Array) -> Array:
    return np.zeros(x.shape)


def _masked(mask: Array) -> Combination:
    row = mask[None]

    def slopes(x: Array, a: Array) -> Array:
        return row

    def value(x: Array) -> Array:
        found: Array = x[0] * mask
        return found

    return Combination(value, slopes, _flat, nothing=0.0, rounding=0.0)


def _ones(x: Array, a: Array) -> Array:
    return np.ones(x.shape)


REPEAT = Combination(_one, _ones, _flat, nothing=0.0, rounding=0.0)
