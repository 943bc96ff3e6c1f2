"""The batch in progress: its steps as the driver knows them, and what workers have reported."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import trio

from ..neuron.messages import Step
from ..support.arrays import Array, freeze
from .worker_messages import BatchLearned, StepDone

EMPTY = freeze(np.empty(0))


@dataclass(slots=True, eq=False)
class PendingStep:
    """A step that has begun. From its end on it holds its outputs: see `StepOutputs`.

    Attributes:
        step: The step.
        x: Activations of the inputs (n_inputs, columns).
        targets: (n_outputs, batch), or None in a step that only predicts.
        direction: In a tangent step the direction (n_parameters,), one neuron after another;
            otherwise None.
        replica: Number of the replica that does the step.
        batch: The batch that the step belongs to: the number of the step before its first step.
        weight: The weight of the micro-batch in the mean over the batch.
        is_first: Whether a batch begins with this step.
        is_last: Whether the batch is concluded after this step.
        parts: What each shard has reported, by shard.
        done: Set once the step has ended.
        predictions: See `StepOutputs`. Shape (n_outputs, columns).
        losses: See `StepOutputs`. Shape (batch,).
        input_urgencies: See `StepOutputs`. Shape (n_inputs, columns).
        commits: See `StepOutputs`. Shape (n_parameters,).
    """

    step: Step
    x: Array
    targets: Array | None
    direction: Array | None
    replica: int
    batch: int
    weight: int
    is_first: bool
    is_last: bool
    parts: dict[int, StepDone] = field(default_factory=dict)
    done: trio.Event = field(default_factory=trio.Event)
    predictions: Array = field(default_factory=lambda: EMPTY)
    losses: Array = field(default_factory=lambda: EMPTY)
    input_urgencies: Array = field(default_factory=lambda: EMPTY)
    commits: Array = field(default_factory=lambda: EMPTY)


@dataclass(slots=True, eq=False)
class PendingBatch:
    """The steps of the batch in progress, in their order.

    Attributes:
        steps: The steps that have begun, by number.
        learned: What each worker has reported of the end of the batch, by rank.
    """

    steps: dict[int, PendingStep] = field(default_factory=dict)
    learned: dict[int, BatchLearned] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether nothing of it would have to be done again."""
        return all(pending.done.is_set() for pending in self.steps.values())

    def forget_reports(self) -> None:
        """Forget what workers have reported of steps that have not ended."""
        self.learned = {}
        for pending in self.steps.values():
            if not pending.done.is_set():
                pending.parts.clear()

    def __str__(self) -> str:
        """As the subject of an error: `step 4 is`, `steps 2 to 3 are`; empty if it is done."""
        numbers = sorted(self.steps)
        if self.is_done:
            return ""
        return (
            f"step {numbers[0]} is"
            if len(numbers) == 1
            else f"steps {numbers[0]} to {numbers[-1]} are"
        )
