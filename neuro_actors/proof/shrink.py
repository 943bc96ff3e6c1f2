"""A storm that goes wrong, made as small as it can be and still go wrong (Zeller, Hildebrandt 2002, delta debugging)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..channels.routes import Routes
from ..channels.unreliable.fault_injection import Storm
from ..channels.unreliable.faults import Disturbance, Kill, Lose
from ..channels.unreliable.settings import Unreliable
from .fault_campaign import Schedule, live

TRIES = 200  # at most


def reduced(schedule: Schedule, goes_wrong: Callable[[Schedule], bool] | None = None) -> Schedule:
    """The same society in a storm with fewer faults: chances that are not needed are 0, the others are replaced by the
    particular faults that came of them, and of these as few as can be. goes_wrong: whether a schedule does, if it is not
    `live` that says so."""
    tries = 0

    def still(candidate: Schedule) -> bool:
        nonlocal tries
        tries += 1
        return tries <= TRIES and (goes_wrong or (lambda it: bool(live(it).problem)))(candidate)

    def with_storm(**changes: Any) -> Schedule:
        return replace(schedule, storm=replace(schedule.storm, **changes))

    for steps in range(1, schedule.steps):
        if still(replace(schedule, steps=steps)):
            schedule = replace(schedule, steps=steps)
            break
    for name in ("duplicate", "reorder", "corrupt", "crash", "drop"):
        if getattr(schedule.storm, name) and still(with_storm(**{name: 0.0})):
            schedule = with_storm(**{name: 0.0})
    for name in ("crash", "drop"):
        if getattr(schedule.storm, name):
            particular = _particular(schedule, name)
            if still(with_storm(**{name: 0.0, "faults": particular})):
                schedule = with_storm(**{name: 0.0, "faults": particular})
    size = len(schedule.storm.faults)
    while size:
        faults, start = list(schedule.storm.faults), 0
        while start < len(faults):
            fewer = faults[:start] + faults[start + size :]
            if still(with_storm(faults=fewer)):
                schedule, faults = with_storm(faults=fewer), fewer
            else:
                start += size
        size //= 2
    return schedule


def _particular(schedule: Schedule, chance: str) -> list[Any]:
    """What came of the chance "crash" or "drop", as particular faults, beside those that there are."""
    told: list[Disturbance] = []
    live(schedule, told.append)
    faults = list(schedule.storm.faults)
    if chance == "drop":
        lost = [d for d in told if d.what == "lost" and not d.question]
        return faults + [Lose(d.source, d.target, d.attempt, d.kind, d.step) for d in lost]
    again = Storm(
        schedule.storm, Routes(schedule.case.network)
    )  # it knows when each was there for how manyeth time
    kills = []
    for d in told:
        if d.what == "died" and (doom := again.doom(d.source, d.step)) is not None:
            again.died(d.source, d.step, doom[0], d.time)
            kills.append(Kill(d.source, doom[0], d.step, doom[1]))
    return [fault for fault in faults if not isinstance(fault, Kill)] + kills


def settings(storm: Unreliable) -> str:
    """The storm as one would write it."""
    plain = Unreliable()
    names = [
        name for name in storm.__dataclass_fields__ if getattr(storm, name) != getattr(plain, name)
    ]
    told = [f"{name}={getattr(storm, name)!r}" for name in names if name != "faults"]
    faults = ", ".join(f"na.faults.{fault!r}" for fault in storm.faults)
    return f"na.Unreliable({', '.join(told + ([f'faults=[{faults}]'] if faults else []))})"
