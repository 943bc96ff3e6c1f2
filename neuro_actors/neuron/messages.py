"""The whole vocabulary: what members of a society say to each other, and the step that all of it belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ..support.validation import Array
from .optimizers import Optimizer


class MessageKind(StrEnum):
    """What a message is about; each says from which member to which it goes."""

    ACTIVATION = "activation"
    """Forward: the source's output."""
    TARGET = "target"
    """From the environment to the loss node: what the output `source` should have said."""
    LOSS = "loss"
    """From the loss node to the environment: the loss of each example."""
    URGENCY = "urgency"
    """Backward: how much the loss falls per unit of increase of the source's output."""
    COMMIT = "commit"
    """From a neuron to the environment: its new parameters, or their urgencies."""
    TANGENT = "tangent"
    """From the environment to a neuron: its part of a direction, along which all is differentiated."""


ACTIVATION = MessageKind.ACTIVATION
TARGET = MessageKind.TARGET
LOSS = MessageKind.LOSS
URGENCY = MessageKind.URGENCY
COMMIT = MessageKind.COMMIT
TANGENT = MessageKind.TANGENT


@dataclass(frozen=True, slots=True)
class Step:
    """One batch's pass through the society. Every message carries it, so that mail alone tells a neuron what to do.

    number: 1, 2, 3, … without gaps.
    loss: the penalty's name; None in a step that only predicts, in which no urgency follows.
    optimizer: how to learn from it; None in a step that does not learn.
    wrt_inputs: whether urgencies reach the inputs too.
    tangent: whether each message carries, behind the numbers of the examples, their derivatives along a direction.
    round: which of the rounds of its rule this step is, where the rule has several.
    """

    number: int
    loss: str | None = None
    optimizer: Optimizer | None = None
    wrt_inputs: bool = False
    tangent: bool = False
    round: str = ""


class Message(NamedTuple):
    """What one member tells another in one step, along the synapse source -> target. Immutable; `values` is read-only.

    Urgencies go from target to source, all others from source to target. `values` holds one float64 an example,
    (batch,), and behind them what else the rule has to say, in a tangent step one derivative an example, (2 batch,).
    In a commit (fan-in + 1,): for each incoming synapse, then for the bias, the new parameter, or in a step without
    learning its urgency, or in a tangent step this urgency's derivative. In a tangent likewise: the direction.
    """

    step: Step
    kind: MessageKind
    source: str
    target: str
    values: Array

    @property
    def sender(self) -> str:
        return self.target if self.kind == URGENCY else self.source

    @property
    def receiver(self) -> str:
        return self.source if self.kind == URGENCY else self.target

    def __str__(self) -> str:
        arrow = (
            f"{self.target!r} -> {self.source!r}"
            if self.kind == URGENCY
            else f"{self.source!r} -> {self.target!r}"
        )
        return f"{self.kind} {arrow} of step {self.step.number}"


def place_of(round: str) -> tuple[int, int] | None:
    """Which micro-batch a round of this name is, from 1 on, and of how many; None where it is none."""
    found = re.fullmatch(r"micro-batch ([1-9]\d{0,8}) of ([1-9]\d{0,8})", round, re.ASCII)
    place, count = (int(found[1]), int(found[2])) if found else (1, 0)
    return (place, count) if place <= count else None
