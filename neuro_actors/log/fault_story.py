"""The faults of a message beside its row: rows of a log with their faults, and faults in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import count

from ..channels.routes import ends_of, message_kinds, shares_row
from ..channels.unreliable.faults import FaultEvent
from ..support.text import escape_controls, format_count
from .fault_log import FaultLog
from .reader import Row
from .row_filter import RowFilter

# kind, sender, receiver if the message has a row of its own, and the output that a target is for
Key = tuple[str, str | None, str | None, str | None]
MOST_SHOWN = 6  # faults of one message in its line
FAILED_ATTEMPT = {  # faults after which an attempt has not arrived
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
    rows: Iterable[Row], fault_log: FaultLog, row_filter: RowFilter
) -> Iterator[tuple[Row | None, list[FaultEvent]]]:
    """Yield each row with the faults of its message.

    Before a step ends, it also yields, without a row, the faults that belong to no row: crashes of
    members, and faults of messages that the log does not contain, such as an empty acknowledgement
    in place of an urgency.

    Args:
        rows: Rows of a log, in their order.
        fault_log: The faults of the same run.
        row_filter: The filter that selected the rows; it selects the faults likewise.

    Raises:
        LogError: The faults are those of another run.
    """
    steps: dict[int, dict[Key, list[FaultEvent]]] = defaultdict(lambda: defaultdict(list))
    for disturbance in fault_log.events:
        if _is_selected(disturbance, row_filter):
            steps[disturbance.step][_key_of_fault(disturbance)].append(disturbance)
    step = 0
    for row in rows:
        if row.step != step or row.kind in ("seal", "end"):
            yield from _without_row(steps.pop(step, {}))
            step = row.step
        if row.kind == "end":
            fault_log.check(row.note)
        yield row, steps[step].pop(_key_of_row(row), []) if step in steps else []
    yield from _without_row(steps.pop(step, {}))


def describe_faults(disturbances: Iterable[FaultEvent]) -> Iterator[str]:
    """Yield one line for each crash and one for each message."""
    messages: dict[tuple[str, str, str], list[FaultEvent]] = defaultdict(list)
    for d in disturbances:
        if d.what == "died":
            yield _describe_crash(d)
        else:
            messages[d.kind, d.source, d.target].append(d)
    for (kind, source, _), faults in messages.items():
        sender, receiver = sender_and_receiver(faults[0])
        of = "" if source in (sender, receiver) else f" of {source}"
        yield escape_controls(f"{kind}{of} {sender} -> {receiver} {_describe_message(faults)}")


def faults_until_received(faults: Iterable[FaultEvent]) -> list[FaultEvent]:
    """Return the faults of one message until it arrived for the first time.

    Later repetitions only brought back an answer.

    Args:
        faults: All faults of the message, in their order.
    """
    own = [d for d in faults if not d.question]
    failed = {d.attempt for d in own if d.what in FAILED_ATTEMPT}
    arrived = next(attempt for attempt in count(1) if attempt not in failed)
    return [d for d in own if d.attempt <= arrived]


def _describe_message(faults: list[FaultEvent]) -> str:
    until = faults_until_received(faults)
    parts = [PHRASES[d.what].format(format_seconds(d.time), d.attempt) for d in until]
    if len(parts) > MOST_SHOWN:
        parts = [*parts[:MOST_SHOWN], f"and {len(parts) - MOST_SHOWN} more", parts[-1]]
    arrived = max((d.attempt for d in until), default=1)
    again = sum(d.what == "repeated" and d.attempt > arrived for d in faults)
    asked = sum(d.what == "asked" for d in faults)
    parts += [f"sent {format_count(again, 'more time')} for want of an answer"] * (again > 0)
    return ", ".join(parts + [f"asked for {format_count(asked, 'time')}"] * (asked > 0))


def sender_and_receiver(d: FaultEvent) -> tuple[str, str]:
    """Return the sender and the receiver of the message that a fault is about."""
    return (d.source, d.target) if d.what == "died" else ends_of(d.kind, d.source, d.target)


def format_seconds(time: float) -> str:
    """Return a virtual time as text: `0.013 s`."""
    return f"{time:.3f} s"


def _describe_crash(d: FaultEvent) -> str:
    again = f" again, death {d.attempt} since it last committed," * (d.attempt > 1)
    where = f"at {format_seconds(d.time)}, {d.kind}"
    return escape_controls(
        f"{d.source} died{again} {where}, and went on from what it had committed"
    )


def _is_selected(d: FaultEvent, row_filter: RowFilter) -> bool:
    if row_filter.step not in (None, d.step):
        return False
    if row_filter.phase is not None and d.kind not in message_kinds(row_filter.phase):
        return False
    return row_filter.neuron is None or row_filter.neuron in (d.source, *sender_and_receiver(d))


def _key_of_fault(d: FaultEvent) -> Key:
    """The same as `_key_of_row` of the message's row."""
    sender, receiver = sender_and_receiver(d)
    of = None if d.source in (sender, receiver) else d.source
    return d.kind, sender, None if shares_row(d.kind, sender) else receiver, of


def _key_of_row(row: Row) -> Key:
    return row.kind, row.sender, row.receiver, row.note


def _without_row(left: dict[Key, list[FaultEvent]]) -> Iterator[tuple[None, list[FaultEvent]]]:
    found = [disturbance for faults in left.values() for disturbance in faults]
    if found:
        yield None, found
