"""Shrinks a schedule that goes wrong to few faults with which it still does.

This is delta debugging (Zeller, Hildebrandt 2002).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..channels.routes import Routes
from ..channels.unreliable.fault_injection import FaultInjector
from ..channels.unreliable.faults import Fault, FaultEvent, Kill, Lose
from ..channels.unreliable.settings import Unreliable
from .fault_campaign import Schedule, run_schedule

TRIES = 200  # at most


def shrink(schedule: Schedule, fails: Callable[[Schedule], bool] | None = None) -> Schedule:
    """Return the same society with fewer faults, with which it still goes wrong.

    Chances that do not matter become 0. The others are replaced by the particular faults that they
    produced, and of these as few as possible are left.

    Args:
        schedule: A schedule that goes wrong.
        fails: Whether a schedule goes wrong. None: `run_schedule` reports a problem.
    """
    tries = 0

    def still_fails(candidate: Schedule) -> bool:
        nonlocal tries
        tries += 1
        return tries <= TRIES and (fails or _has_problem)(candidate)

    def with_settings(**changes: Any) -> Schedule:
        return replace(schedule, settings=replace(schedule.settings, **changes))

    for steps in range(1, schedule.steps):
        if still_fails(replace(schedule, steps=steps)):
            schedule = replace(schedule, steps=steps)
            break
    for name in ("duplicate", "reorder", "corrupt", "crash", "drop"):
        if getattr(schedule.settings, name) and still_fails(with_settings(**{name: 0.0})):
            schedule = with_settings(**{name: 0.0})
    for name in ("crash", "drop"):
        if getattr(schedule.settings, name):
            particular = _particular_faults(schedule, name)
            if still_fails(with_settings(**{name: 0.0, "faults": particular})):
                schedule = with_settings(**{name: 0.0, "faults": particular})
    size = len(schedule.settings.faults)
    while size:
        faults, start = list(schedule.settings.faults), 0
        while start < len(faults):
            fewer = faults[:start] + faults[start + size :]
            if still_fails(with_settings(faults=fewer)):
                schedule, faults = with_settings(faults=fewer), fewer
            else:
                start += size
        size //= 2
    return schedule


def _has_problem(schedule: Schedule) -> bool:
    return bool(run_schedule(schedule).problem)


def _particular_faults(schedule: Schedule, chance: str) -> list[Fault]:
    """The schedule's particular faults, and those that the chance "crash" or "drop" produced."""
    events: list[FaultEvent] = []
    run_schedule(schedule, events.append)
    faults = list(schedule.settings.faults)
    if chance == "drop":
        lost = [e for e in events if e.what == "lost" and not e.question]
        return faults + [Lose(e.source, e.target, e.attempt, e.kind, e.step) for e in lost]
    # an injector of the same settings: it knows at which visit each crash was
    again = FaultInjector(schedule.settings, Routes(schedule.society))
    kills = []
    for e in events:
        if e.what == "died" and (crash := again.next_crash(e.source, e.step)) is not None:
            place, visit = crash
            again.record_crash(e.source, e.step, place, e.time)
            kills.append(Kill(e.source, place, e.step, visit))
    return [fault for fault in faults if not isinstance(fault, Kill)] + kills


def format_settings(settings: Unreliable) -> str:
    """Return the settings as Python code, without those that have their default."""
    default = Unreliable()
    changed = {
        name: value
        for name in settings.__dataclass_fields__
        if (value := getattr(settings, name)) != getattr(default, name) and name != "faults"
    }
    parts = [f"{name}={value!r}" for name, value in changed.items()]
    if settings.faults:
        faults = ", ".join(f"na.faults.{fault!r}" for fault in settings.faults)
        parts.append(f"faults=[{faults}]")
    return f"na.Unreliable({', '.join(parts)})"
