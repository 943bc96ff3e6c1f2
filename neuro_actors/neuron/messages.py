"""The whole vocabulary: the messages that members of a society send, and their step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ..support.arrays import Array
from .optimizers import Optimizer
from .time_round import TimeRound


class MessageKind(StrEnum):
    """What a message is about, and from which member to which member it goes."""

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
    """From the environment to a neuron: its part of the direction of a tangent step."""


ACTIVATION = MessageKind.ACTIVATION
TARGET = MessageKind.TARGET
LOSS = MessageKind.LOSS
URGENCY = MessageKind.URGENCY
COMMIT = MessageKind.COMMIT
TANGENT = MessageKind.TANGENT


@dataclass(frozen=True, slots=True)
class Step:
    """One pass of a batch through the society. Every message carries its step.

    So a neuron's mail alone says what the neuron has to do.

    Attributes:
        number: 1, 2, 3, … without gaps.
        loss: The name of the loss. None in a step that only predicts: it has no urgencies.
        optimizer: How to learn from the step. None in a step without learning.
        wrt_inputs: Whether urgencies reach the inputs too.
        tangent: Whether each row holds, behind the numbers of the examples, their derivatives
            along a direction.
        round: The name of the rule's round, where a rule has several rounds.
        micro_batch: Which micro-batch of its batch this is, from 1 on, and of how many. None if
            the step is no micro-batch.
    """

    number: int
    loss: str | None = None
    optimizer: Optimizer | None = None
    wrt_inputs: bool = False
    tangent: bool = False
    round: str = ""
    micro_batch: tuple[int, int] | None = None


class Message(NamedTuple):
    """What one member sends to another in one step, along the synapse source -> target.

    Urgencies go from target to source, all other messages from source to target. A message is
    immutable, and `values` is read-only.

    Attributes:
        step: The step that the message belongs to.
        kind: What the message is about.
        source: The source of the synapse.
        target: The target of the synapse.
        values: One float64 per example, shape (batch,), then the columns that the rule adds: in a
            tangent step one derivative per example, shape (2 * batch,). In a commit or a tangent:
            one number for each incoming synapse, then one for the bias, shape (fan_in + 1,).
    """

    step: Step
    kind: MessageKind
    source: str
    target: str
    values: Array

    @property
    def sender(self) -> str:
        """The member that sends the message."""
        return self.target if self.kind == URGENCY else self.source

    @property
    def receiver(self) -> str:
        """The member that receives the message."""
        return self.source if self.kind == URGENCY else self.target

    def __str__(self) -> str:
        arrow = (
            f"{self.target!r} -> {self.source!r}"
            if self.kind == URGENCY
            else f"{self.source!r} -> {self.target!r}"
        )
        return f"{self.kind} {arrow} of step {self.step.number}"


def micro_batch_round(number: int, count: int) -> str:
    """Return the name of the round that is micro-batch `number`, from 1 on, of `count`.

    Logs hold this name; `micro_batch_of` reads it.
    """
    return f"micro-batch {number} of {count}"


def micro_batch_of(round: str) -> tuple[int, int] | None:
    """Return which micro-batch a round of this name is about, from 1 on, and of how many.

    Returns:
        The number and the count, or None if the name is not that of a micro-batch.
    """
    here = TimeRound.read(round)
    if here is not None:
        return (here.part, here.parts) if here.parts > 1 else None
    found = re.fullmatch(r"micro-batch ([1-9]\d{0,8}) of ([1-9]\d{0,8})", round, re.ASCII)
    number, count = (int(found[1]), int(found[2])) if found else (1, 0)
    return (number, count) if number <= count else None
