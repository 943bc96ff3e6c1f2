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
import re
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from ..learning import SGD, Adam, CosineDecay, Optimizer, StepDecay
from ..messages import Step

KNOWN: dict[str, type[Any]] = {kind.__name__: kind for kind in (SGD, Adam, StepDecay, CosineDecay)}


class Notes:
    """Writes the notes of a run's steps, one after another."""

    def __init__(self, optimizer: Optimizer | None = None, updates: int = 0) -> None:
        self._optimizer = optimizer
        self._updates = updates  # made under it
        self._start: tuple[object, str] = (None, "")  # of a note, all but the update; and of what

    def next(self, step: Step, batch: int, columns: int, only: Sequence[str] | None = None) -> str:
        """The note of that step. To be asked for every step, for updates are counted."""
        optimizer, update = step.optimizer, None
        if optimizer is not None:
            if self._optimizer is not optimizer and self._optimizer != optimizer:
                self._optimizer, self._updates = optimizer, 0
            update = self._updates = self._updates + 1
            optimizer = self._optimizer  # the first of those that are equal
        of = (optimizer, step.loss, batch, columns, step.wrt_inputs, step.tangent, step.round, only)
        known, start = self._start
        if not (isinstance(known, tuple) and known[0] is optimizer and known[1:] == of[1:]) or '"rate":' in start:
            start = self._text(step, batch, columns, update, only)
            self._start = of, start
        return f'{start}{"null" if update is None else update}}}'

    def _text(self, step: Step, batch: int, columns: int, update: int | None, only: Sequence[str] | None) -> str:
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


def described(value: Any, update: int) -> dict[str, Any]:
    """An optimiser or a schedule as JSON; `update` is its count."""
    kind = type(value)
    if KNOWN.get(kind.__name__) is kind:
        held = {field.name: getattr(value, field.name) for field in fields(value)}
        return {"name": kind.__name__} | {
            name: described(v, update) | _rate(v, update) if callable(v) else v if isinstance(v, int) else float(v)
            for name, v in held.items()
        }
    # without the addresses of functions, which differ between equal runs
    return {"name": re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))}


def _rate(schedule: Any, update: int) -> dict[str, Any]:
    return {} if type(schedule) in KNOWN.values() else {"rate": float(schedule(update))}


class GivenRate:
    """A schedule that only the run knew: the rate that it gave is told anew for each update."""

    def __init__(self) -> None:
        self.rate = 0.0

    def __call__(self, count: int) -> float:
        return self.rate


def optimizer_of(held: dict[str, Any]) -> Optimizer | None:
    """The optimiser that a note describes; None where it is somebody's own. Raises `KeyError`, `TypeError` or
    `ValueError` where the description is damaged. A function's rate is in its `GivenRate`, which equals itself alone."""
    kind = KNOWN.get(held["name"])
    if kind is None:
        return None
    if kind not in (SGD, Adam):
        raise ValueError("a schedule is no optimiser")
    arguments = {name: v for name, v in held.items() if name != "name"}
    found: Optimizer = kind(**{name: _schedule_of(v) if isinstance(v, dict) else v for name, v in arguments.items()})
    return found


def _schedule_of(held: dict[str, Any]) -> Any:
    if "rate" in held:
        given = GivenRate()
        given.rate = float(held["rate"])
        return given
    return KNOWN[held["name"]](**{name: v for name, v in held.items() if name != "name"})
