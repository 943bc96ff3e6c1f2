"""What befell a message, beside the message: rows of a log, each with its disturbances, and these in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import count

from ..channels.unreliable.faults import FaultEvent
from ..network.elements import ENVIRONMENT, LOSS_NODE
from ..support.text import counted, printable
from .fault_log import FaultLog
from .reader import Row
from .recording import PHASES
from .row_filter import RowFilter

Key = tuple[str, str | None, str | None]
MOST = 6  # things that befell one message, which are told
FAILED_ATTEMPT = {
    "lost": "lost at {}",
    "garbled": "garbled at {}",
    "overflowed": "lost at {} for want of room",
}
PHRASES = FAILED_ATTEMPT | {
    "doubled": "doubled at {}",
    "late": "held back at {}",
    "repeated": "sent again at {} (attempt {})",
}


def join_faults(
    rows: Iterable[Row], held: FaultLog, row_filter: RowFilter
) -> Iterator[tuple[Row | None, list[FaultEvent]]]:
    """Each row with what befell its message. Before a step ends, with no row: who died in it, and what befell messages
    that no row tells, such as an urgency where there was nothing to feel."""
    steps: dict[int, dict[Key, list[FaultEvent]]] = defaultdict(lambda: defaultdict(list))
    for disturbance in held.events:
        if _chosen(disturbance, row_filter):
            steps[disturbance.step][_key_of(disturbance)].append(disturbance)
    step = 0
    for row in rows:
        if row.step != step or row.kind in ("seal", "end"):
            yield from _without_row(steps.pop(step, {}))
            step = row.step
        if row.kind == "end":
            held.check(row.note)
        yield row, steps[step].pop(_key(row), []) if step in steps else []
    yield from _without_row(steps.pop(step, {}))


def describe_faults(disturbances: Iterable[FaultEvent]) -> Iterator[str]:
    """In lines: one for each death, one for each message."""
    messages: dict[tuple[str, str, str], list[FaultEvent]] = defaultdict(list)
    for d in disturbances:
        if d.what == "died":
            yield _death(d)
        else:
            messages[d.kind, d.source, d.target].append(d)
    for (kind, source, _), befell in messages.items():
        sender, receiver = sender_and_receiver(befell[0])
        of = f" of {source}" if kind == "target" else ""
        yield printable(f"{kind}{of} {sender} -> {receiver} {_fate(befell)}")


def faults_until_received(befell: Iterable[FaultEvent]) -> list[FaultEvent]:
    """Of what befell one message: all that did until it came for the first time. What was sent again after that only
    brought back an answer."""
    own = [d for d in befell if not d.question]
    failed = {d.attempt for d in own if d.what in FAILED_ATTEMPT}
    came = next(attempt for attempt in count(1) if attempt not in failed)
    return [d for d in own if d.attempt <= came]


def _fate(befell: list[FaultEvent]) -> str:
    until = faults_until_received(befell)
    parts = [PHRASES[d.what].format(format_seconds(d.time), d.attempt) for d in until]
    if len(parts) > MOST:
        parts = [*parts[:MOST], f"and {len(parts) - MOST} more", parts[-1]]
    came = max((d.attempt for d in until), default=1)
    again = sum(d.what == "repeated" and d.attempt > came for d in befell)
    asked = sum(d.what == "asked" for d in befell)
    parts += [f"sent {counted(again, 'more time')} for want of an answer"] * (again > 0)
    return ", ".join(parts + [f"asked for {counted(asked, 'time')}"] * (asked > 0))


def sender_and_receiver(d: FaultEvent) -> tuple[str, str]:
    """Who sent the message to whom."""
    if d.kind == "target":
        return ENVIRONMENT, d.target
    return (d.target, d.source) if d.kind == "urgency" else (d.source, d.target)


def format_seconds(time: float) -> str:
    """Of virtual time: `0.013 s`."""
    return f"{time:.3f} s"


def _death(d: FaultEvent) -> str:
    again = f" again, death {d.attempt} since it last committed," * (d.attempt > 1)
    return printable(
        f"{d.source} died{again} at {format_seconds(d.time)}, {d.kind}, and went on from what it had committed"
    )


def _chosen(d: FaultEvent, row_filter: RowFilter) -> bool:
    if row_filter.step not in (None, d.step):
        return False
    if row_filter.phase is not None and d.kind not in PHASES[row_filter.phase]:
        return False
    return row_filter.neuron is None or row_filter.neuron in (d.source, *sender_and_receiver(d))


def _key_of(d: FaultEvent) -> Key:
    """As `_key` of the row that tells the message."""
    to_all = d.kind == "activation" and d.source != ENVIRONMENT
    return d.kind, d.source, None if to_all else d.target


def _key(row: Row) -> Key:
    if row.kind == "urgency":
        return row.kind, row.receiver, row.sender
    return row.kind, *(
        (row.note, LOSS_NODE) if row.kind == "target" else (row.sender, row.receiver)
    )


def _without_row(left: dict[Key, list[FaultEvent]]) -> Iterator[tuple[None, list[FaultEvent]]]:
    found = [disturbance for befell in left.values() for disturbance in befell]
    if found:
        yield None, found
