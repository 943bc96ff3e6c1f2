"""A storm that goes wrong, made as small as it can be and still go wrong (Zeller, Hildebrandt 2002, delta debugging)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..channels.routes import Routes
from ..channels.unreliable.fault_injection import FaultInjector
from ..channels.unreliable.faults import FaultEvent, Kill, Lose
from ..channels.unreliable.settings import Unreliable
from .fault_campaign import Schedule, run_schedule

TRIES = 200  # at most


def shrink(schedule: Schedule, fails: Callable[[Schedule], bool] | None = None) -> Schedule:
    """The same society in a storm with fewer faults: chances that are not needed are 0, the others are replaced by the
    concrete faults that came of them, and of these as few as can be. fails: whether a schedule does, if it is not
    `run_schedule` that says so."""
    tries = 0

    def still(candidate: Schedule) -> bool:
        nonlocal tries
        tries += 1
        return tries <= TRIES and (fails or (lambda it: bool(run_schedule(it).problem)))(candidate)

    def with_settings(**changes: Any) -> Schedule:
        return replace(schedule, settings=replace(schedule.settings, **changes))

    for steps in range(1, schedule.steps):
        if still(replace(schedule, steps=steps)):
            schedule = replace(schedule, steps=steps)
            break
    for name in ("duplicate", "reorder", "corrupt", "crash", "drop"):
        if getattr(schedule.settings, name) and still(with_settings(**{name: 0.0})):
            schedule = with_settings(**{name: 0.0})
    for name in ("crash", "drop"):
        if getattr(schedule.settings, name):
            concrete = _concrete_faults(schedule, name)
            if still(with_settings(**{name: 0.0, "faults": concrete})):
                schedule = with_settings(**{name: 0.0, "faults": concrete})
    size = len(schedule.settings.faults)
    while size:
        faults, start = list(schedule.settings.faults), 0
        while start < len(faults):
            fewer = faults[:start] + faults[start + size :]
            if still(with_settings(faults=fewer)):
                schedule, faults = with_settings(faults=fewer), fewer
            else:
                start += size
        size //= 2
    return schedule


def _concrete_faults(schedule: Schedule, chance: str) -> list[Any]:
    """What came of the chance "crash" or "drop", as concrete faults, beside those that there are."""
    events: list[FaultEvent] = []
    run_schedule(schedule, events.append)
    faults = list(schedule.settings.faults)
    if chance == "drop":
        lost = [d for d in events if d.what == "lost" and not d.question]
        return faults + [Lose(d.source, d.target, d.attempt, d.kind, d.step) for d in lost]
    again = FaultInjector(
        schedule.settings, Routes(schedule.case.network)
    )  # it knows when each was there for how manyeth time
    kills = []
    for d in events:
        if d.what == "died" and (crash := again.next_crash(d.source, d.step)) is not None:
            again.record_crash(d.source, d.step, crash[0], d.time)
            kills.append(Kill(d.source, crash[0], d.step, crash[1]))
    return [fault for fault in faults if not isinstance(fault, Kill)] + kills


def format_settings(settings: Unreliable) -> str:
    """The storm as one would write it."""
    plain = Unreliable()
    names = [
        name
        for name in settings.__dataclass_fields__
        if getattr(settings, name) != getattr(plain, name)
    ]
    parts = [f"{name}={getattr(settings, name)!r}" for name in names if name != "faults"]
    faults = ", ".join(f"na.faults.{fault!r}" for fault in settings.faults)
    return f"na.Unreliable({', '.join(parts + ([f'faults=[{faults}]'] if faults else []))})"
