"""`neuro-actors faults`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from ..proof.fault_campaign import Outcome

WHAT = {
    "lost": "by chance, on dead links, between parts",
    "doubled": "came twice",
    "late": "held back, so that later ones came before",
    "garbled": "with bits flipped",
    "refused": "garbled ones that came, and were noticed",
    "overflowed": "found a full mailbox",
    "repeated": "sent again at a deadline, or when asked",
    "asked": "questions for what had not come",
    "empty": "empty urgencies, which only acknowledge",
}


@click.command()
@click.option(
    "--schedules",
    default=100,
    show_default=True,
    type=click.IntRange(1),
    help="How many storms to live through.",
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="Which series of them."
)
@click.option(
    "--replay",
    type=click.IntRange(0),
    metavar="K",
    help="Only number K of the series, and tell what happens.",
)
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write all figures there, as JSON.",
)
def faults(schedules: int, seed: int, replay: int | None, file: str | None) -> None:
    """Let random societies live through random storms, and compare.

    Draws networks of 1 to 20 neurons, layered and wild, with batches of 1 to 8 examples, and for each a storm: letters
    are lost, doubled, late, out of order and garbled, links are dead, parts are cut off, neurons and the loss die at any
    point of their work. Each society is asked for a gradient and a prediction, and learns up to three steps, by momentum
    or Adam. It must come to the very bits, and the very messages, that it comes to without faults, within a time that
    was proved beforehand; the protocol's law is checked at each letter and each commit.

    Time is virtual, so waiting takes none. What goes wrong is reduced to few faults, and printed with the command that
    replays it; exit code 1.
    """
    from rich.console import Console
    from rich.progress import track

    from ..proof.fault_campaign import draw_schedule, run_schedule
    from ..support.errors import InputError
    from ..support.files import check_free

    out, err = Console(highlight=False), Console(stderr=True)
    if file is not None:
        check_free(Path(file), force=True, failure=InputError)
    if replay is not None:
        if file is not None:
            raise click.UsageError("--json tells of a series: leave it out, or --replay")
        _replay(out, seed, replay)
        return
    numbers: Any = range(schedules)
    if err.is_terminal:
        numbers = track(numbers, "living through storms", console=err)
    outcomes = []
    for number in numbers:
        outcome = run_schedule(draw_schedule(seed, number))
        outcomes.append(outcome)
        if outcome.problem:
            _print_failure(out, seed, outcome)
    _print_table(out, outcomes)
    if file is not None:
        _write(file, seed, outcomes)
    failed = sum(bool(outcome.problem) for outcome in outcomes)
    if failed:
        out.print(f"{failed} of {len(outcomes):,} storms were not survived.")
        sys.exit(1)
    out.print(
        f"All {len(outcomes):,} were survived: the same bits, the same messages, nobody left behind."
    )


def _print_table(out: Console, outcomes: list[Outcome]) -> None:
    from rich.table import Table

    counts, places = _total(outcomes)
    neurons = sum(len(v.schedule.case.network.ids) for v in outcomes)
    seconds = sorted(v.seconds for v in outcomes)
    expected = sum(v.expected_messages for v in outcomes)
    out.print(f"{len(outcomes):,} storms, {neurons:,} inputs and neurons")
    out.print(f"{expected:,} messages would do without faults, {counts['sent']:,} were sent")
    table = Table("letters", "how often", "", title="survived")
    for name, meaning in WHAT.items():
        table.add_row(name, f"{counts[name]:,}", meaning)
    out.print(table)
    table = Table("died", "how often", title=f"{counts['died']:,} deaths, as many restarts")
    for place, count in places.most_common():
        table.add_row(place, f"{count:,}")
    out.print(table)
    fill, room = max((v.fullest for v in outcomes), key=lambda fullest: fullest[0] / fullest[1])
    share = max(v.seconds / v.bound for v in outcomes)
    out.print(
        f"virtual time: median {seconds[len(seconds) // 2]:,.1f} s, longest {seconds[-1]:,.1f} s"
    )
    out.print(f"at most {share:.0%} of what was proved to be enough for one step")
    out.print(
        f"fullest mailbox: {fill} of {room}; most letters on their way at once: {max(v.peak_in_flight for v in outcomes):,}"
    )


def _total(outcomes: list[Outcome]) -> tuple[Counter[str], Counter[str]]:
    counts: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for outcome in outcomes:
        counts.update(outcome.counts)
        places.update(outcome.places)
    return counts, places


def _print_failure(out: Console, seed: int, outcome: Outcome) -> None:
    from ..proof.shrink import format_settings, shrink

    number = outcome.schedule.number
    out.print(f"FAILED: neuro-actors faults --seed {seed} --replay {number}", markup=False)
    out.print(f"  {outcome.problem}", markup=False)
    smaller = shrink(outcome.schedule)
    out.print(f"  fewer faults are enough: {format_settings(smaller.settings)}", markup=False)
    if smaller.steps < outcome.schedule.steps:
        out.print(f"  and fewer steps of learning: {smaller.steps}")


def _replay(out: Console, seed: int, number: int) -> None:
    from ..channels.unreliable.faults import FaultEvent
    from ..proof.fault_campaign import draw_schedule, run_schedule
    from ..proof.shrink import format_settings

    schedule = draw_schedule(seed, number)
    events: list[FaultEvent] = []
    outcome = run_schedule(schedule, events.append)
    case = schedule.case
    out.print(f"{case.network!r}, {len(case.x)} examples, {case.loss}", markup=False)
    out.print(f"{schedule.steps} steps of {schedule.optimizer}", markup=False)
    out.print(format_settings(schedule.settings), markup=False)
    for d in events[:200]:
        whom = f"{d.source} {d.kind}" if d.what == "died" else f"{d.kind} {d.source} -> {d.target}"
        again = f"(attempt {d.attempt})" if d.attempt > 1 and d.what != "died" else ""
        out.print(f"{d.time:10.3f} s  step {d.step}  {d.what:10} {whom} {again}", markup=False)
    if len(events) > 200:
        out.print(f"… and {len(events) - 200:,} more")
    if outcome.problem:
        _print_failure(out, seed, outcome)
        sys.exit(1)
    out.print(
        f"Survived, after {outcome.seconds:,.3f} s of virtual time: the same bits, the same messages."
    )


def _write(file: str, seed: int, outcomes: list[Outcome]) -> None:
    from ..support.files import whole_file

    counts, places = _total(outcomes)
    held = {
        "seed": seed,
        "schedules": len(outcomes),
        "calm_messages": sum(v.expected_messages for v in outcomes),
        "counts": dict(counts),
        "deaths_by_place": dict(places),
        "virtual_seconds": [v.seconds for v in outcomes],
        "failed": [
            {"schedule": v.schedule.number, "problem": v.problem} for v in outcomes if v.problem
        ],
    }
    with whole_file(Path(file), force=True) as written:
        written.write((json.dumps(held, indent=1) + "\n").encode())
