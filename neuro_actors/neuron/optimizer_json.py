"""An optimiser or a schedule as JSON, and back."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from .optimizers import SGD, Adam, CosineDecay, Optimizer, StepDecay

KNOWN: dict[str, type[Any]] = {kind.__name__: kind for kind in (SGD, Adam, StepDecay, CosineDecay)}


def described(value: Any, update: int) -> dict[str, Any]:
    """An optimiser or a schedule as JSON; `update` is its count."""
    kind = type(value)
    if KNOWN.get(kind.__name__) is kind:
        held = {field.name: getattr(value, field.name) for field in fields(value)}
        return {"name": kind.__name__} | {
            name: described(v, update) | _rate(v, update)
            if callable(v)
            else v
            if isinstance(v, int)
            else float(v)
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
    found: Optimizer = kind(
        **{name: _schedule_of(v) if isinstance(v, dict) else v for name, v in arguments.items()}
    )
    return found


def _schedule_of(held: dict[str, Any]) -> Any:
    if "rate" in held:
        given = GivenRate()
        given.rate = float(held["rate"])
        return given
    return KNOWN[held["name"]](**{name: v for name, v in held.items() if name != "name"})
