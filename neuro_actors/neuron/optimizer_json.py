"""An optimizer or a schedule as JSON, and back."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

from ..support.scalars import EXACT_INTEGERS
from .optimizers import SGD, Adam, CosineDecay, Optimizer, StepDecay, rate_of

KNOWN: dict[str, type[Any]] = {kind.__name__: kind for kind in (SGD, Adam, StepDecay, CosineDecay)}


def optimizer_to_json(value: Any, update: int) -> dict[str, Any]:
    """Return an optimizer or a schedule as JSON.

    Args:
        value: The optimizer or schedule. One of a user's own is given by its repr.
        update: The number of the update, at which a user's own schedule gives the rate.
    """
    kind = type(value)
    if KNOWN.get(kind.__name__) is kind:
        held = {field.name: getattr(value, field.name) for field in fields(value)}
        return {"name": kind.__name__} | {
            name: optimizer_to_json(v, update) | _rate(v, update)
            if callable(v)
            else v
            if isinstance(v, int)
            else float(v)
            for name, v in held.items()
        }
    # without the addresses of functions, which differ between equal runs
    return {"name": re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))}


def same_json(one: Any, other: Any) -> bool:
    """Return whether two JSON values say the same; 1 and 1.0 are the same number.

    Args:
        one: A value for JSON.
        other: Another one, which may come from a damaged file.
    """
    return json.dumps(_with_floats(one)) == json.dumps(_with_floats(other))


def _with_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_floats(item) for name, item in value.items()}
    return float(value) if type(value) is int and abs(value) <= EXACT_INTEGERS else value


def _rate(schedule: Any, update: int) -> dict[str, Any]:
    return {} if type(schedule) in KNOWN.values() else {"rate": rate_of(schedule, update)}


class GivenRate:
    """A schedule that only the run knew. A reader sets its rate anew for each update."""

    def __init__(self) -> None:
        self.rate = 0.0

    def __call__(self, count: int) -> float:
        """Return the rate that was set last, whatever the update."""
        return self.rate


def optimizer_from_json(held: dict[str, Any]) -> Optimizer | None:
    """Return the optimizer that is described so; None if it is a user's own.

    A user's own schedule becomes a `GivenRate`, which is equal to itself alone.

    Args:
        held: The description; see `optimizer_to_json`.

    Raises:
        ValueError: The description is damaged. So it is if `KeyError` or `TypeError` is raised.
    """
    kind = KNOWN.get(held["name"])
    if kind is None:
        return None
    if kind not in (SGD, Adam):
        raise ValueError("a schedule is no optimizer")
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
