"""The note of a row that begins a step: what the society was told to do.

    {"mode": "train", "loss": "huber", "batch": 32, "wrt_inputs": false,
     "optimizer": {"name": "SGD", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.0}, "update": 7}

mode: predict, gradient, train or product (of the Hessian and a direction).  update: how many updates this one is under
this optimiser, 1 where the neurons start afresh with it; null where nobody learns. Behind wrt_inputs may stand
round: its name, in a step that is one of several rounds of a rule.  columns: how many numbers a message holds, where that
is not one an example.  only: a list of kinds, in a partial log's step that holds no others.
A schedule is an object as the optimiser is; another function is {"name": …, "rate": what it gave for this update}, an
optimiser of somebody's own {"name": …}.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..neuron.messages import Step
from ..neuron.optimizer_json import described
from ..neuron.optimizers import Optimizer


class StepNoteWriter:
    """Writes the notes of a run's steps, one after another."""

    def __init__(self, optimizer: Optimizer | None = None, updates: int = 0) -> None:
        self._optimizer = optimizer
        self._updates = updates  # made under it
        self._start: tuple[object, str] = (None, "")  # of a note, all but the update; and of what

    def make_note(
        self, step: Step, batch: int, columns: int, only: Sequence[str] | None = None
    ) -> str:
        """The note of that step. To be asked for every step, for updates are counted."""
        optimizer, update = step.optimizer, None
        if optimizer is not None:
            if self._optimizer is not optimizer and self._optimizer != optimizer:
                self._optimizer, self._updates = optimizer, 0
            update = self._updates = self._updates + 1
            optimizer = self._optimizer  # the first of those that are equal
        of = (optimizer, step.loss, batch, columns, step.wrt_inputs, step.tangent, step.round, only)
        known, start = self._start
        if (
            not (isinstance(known, tuple) and known[0] is optimizer and known[1:] == of[1:])
            or '"rate":' in start
        ):
            start = self._text(step, batch, columns, update, only)
            self._start = of, start
        return f"{start}{'null' if update is None else update}}}"

    def _text(
        self, step: Step, batch: int, columns: int, update: int | None, only: Sequence[str] | None
    ) -> str:
        mode = "predict" if step.loss is None else "product" if step.tangent else "gradient"
        about: dict[str, Any] = {
            "mode": mode if step.optimizer is None else "train",
            "loss": step.loss,
            "batch": batch,
            "wrt_inputs": step.wrt_inputs,
        }
        if step.round:
            about["round"] = step.round
        if columns != batch:
            about["columns"] = columns
        if only is not None:
            about["only"] = list(only)
        about["optimizer"] = None if update is None else described(step.optimizer, update)
        return json.dumps(about)[:-1] + ', "update": '
