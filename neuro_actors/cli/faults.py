"""`neuro-actors faults`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .guess import CountingCommand, WholeNumber

if TYPE_CHECKING:
    from rich.console import Console

    from ..proof.fault_campaign import Outcome

MEANING = {
    "lost": "by chance, on a dead link, or in a partition",
    "doubled": "arrived twice",
    "late": "held back, so that later ones overtake them",
    "garbled": "damaged on the way",
    "refused": "damaged ones that arrived, and were detected",
    "overflowed": "lost, because a mailbox was full",
    "repeated": "sent again, at a deadline or on a question",
    "asked": "questions for what did not arrive",
    "empty": "empty urgencies, which only acknowledge",
}
SHOWN = 200  # faults of a schedule that is replayed


@click.command(cls=CountingCommand)
@click.option(
    "--schedules",
    default=100,
    show_default=True,
    type=WholeNumber(1),
    help="How many schedules to run.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=WholeNumber(0),
    help="Random seed of the schedules.",
)
@click.option(
    "--replay",
    type=WholeNumber(0),
    metavar="K",
    help="Run only schedule number K, and print its faults.",
)
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write all numbers to this file, as JSON.",
)
@click.option(
    "--any",
    "any_kind",
    is_flag=True,
    help="Draw networks of any kind: interneurons, positions, fields, frozen parts, delays.",
)
def faults(schedules: int, seed: int, replay: int | None, file: str | None, any_kind: bool) -> None:
    """Check that results are the same under random faults.

    \b
    neuro-actors faults --schedules 100 --seed 1
    neuro-actors faults --seed 1 --replay 3

    A schedule is a random society and its random faults. The network has 1 to 20 neurons, layered
    or irregular, and the batch has 1 to 8 examples. Frames are lost, repeated, delayed, reordered
    and damaged. Links fail, members are cut off, neurons and the loss node crash at any time.

    Each society computes a gradient and a prediction. Then it learns for up to three steps, with
    momentum or Adam. Bits and messages must be the same as without faults. Each step must end
    within a time bound that is proved. The rules of the delivery protocol are checked at each frame
    and each commit. Time is virtual, so waiting takes no time.

    Exit code 1: a schedule failed. It is reduced to few faults, and the command that replays it is
    printed.
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
            raise click.UsageError("--json and --replay do not go together: leave one of them out")
        _replay(out, seed, replay, any_kind)
        return
    numbers: Any = range(schedules)
    if err.is_terminal:
        numbers = track(numbers, "running schedules", console=err)
    outcomes = []
    for number in numbers:
        outcome = run_schedule(draw_schedule(seed, number, any_kind))
        outcomes.append(outcome)
        if outcome.problem:
            _print_failure(out, seed, outcome, any_kind)
    _print_table(out, outcomes)
    if file is not None:
        _write(file, seed, outcomes)
    failed = sum(bool(outcome.problem) for outcome in outcomes)
    if failed:
        out.print(f"{failed} of {len(outcomes):,} schedules failed.")
        sys.exit(1)
    out.print(f"All {len(outcomes):,} passed: the same bits, the same messages, no task left over.")


def _print_table(out: Console, outcomes: list[Outcome]) -> None:
    from rich.table import Table

    counts, places = _total(outcomes)
    neurons = sum(len(o.schedule.case.network.ids) for o in outcomes)
    seconds = sorted(o.seconds for o in outcomes)
    expected = sum(o.expected_messages for o in outcomes)
    out.print(f"{len(outcomes):,} schedules, {neurons:,} inputs and neurons")
    out.print(f"{expected:,} messages without faults, {counts['sent']:,} frames with them")
    table = Table("frames", "how often", "", title="faults")
    for name, meaning in MEANING.items():
        table.add_row(name, f"{counts[name]:,}", meaning)
    out.print(table)
    table = Table("crashed", "how often", title=f"{counts['died']:,} crashes and restarts")
    for place, count in places.most_common():
        table.add_row(place, f"{count:,}")
    out.print(table)
    fill, room = max((o.fullest for o in outcomes), key=lambda fullest: fullest[0] / fullest[1])
    share = max(o.seconds / o.bound for o in outcomes)
    out.print(
        f"virtual time: median {seconds[len(seconds) // 2]:,.1f} s, longest {seconds[-1]:,.1f} s"
    )
    out.print(f"longest run: {share:.0%} of the proved time bound of one step")
    out.print(
        f"fullest mailbox: {fill} of {room}; "
        f"most frames in flight: {max(o.peak_in_flight for o in outcomes):,}"
    )


def _total(outcomes: list[Outcome]) -> tuple[Counter[str], Counter[str]]:
    counts: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for outcome in outcomes:
        counts.update(outcome.counts)
        places.update(outcome.places)
    return counts, places


def _print_failure(out: Console, seed: int, outcome: Outcome, any_kind: bool) -> None:
    from ..proof.shrink import format_settings, shrink

    number = outcome.schedule.number
    options = f"{'--any ' if any_kind else ''}--seed {seed} --replay {number}"
    out.print(f"FAILED: neuro-actors faults {options}", markup=False)
    out.print(f"  {outcome.problem}", markup=False)
    smaller = shrink(outcome.schedule)
    out.print(f"  fewer faults are enough: {format_settings(smaller.settings)}", markup=False)
    if smaller.steps < outcome.schedule.steps:
        out.print(f"  and fewer training steps: {smaller.steps}")


def _replay(out: Console, seed: int, number: int, any_kind: bool) -> None:
    from ..channels.unreliable.faults import FaultEvent
    from ..proof.fault_campaign import draw_schedule, run_schedule
    from ..proof.shrink import format_settings

    schedule = draw_schedule(seed, number, any_kind)
    events: list[FaultEvent] = []
    outcome = run_schedule(schedule, events.append)
    case = schedule.case
    out.print(f"{case.network!r}, {len(case.x)} examples, {case.loss}", markup=False)
    out.print(f"{schedule.steps} steps of {schedule.optimizer}", markup=False)
    out.print(format_settings(schedule.settings), markup=False)
    for e in events[:SHOWN]:
        where = f"{e.source} {e.kind}" if e.what == "died" else f"{e.kind} {e.source} -> {e.target}"
        again = f"(attempt {e.attempt})" if e.attempt > 1 and e.what != "died" else ""
        out.print(f"{e.time:10.3f} s  step {e.step}  {e.what:10} {where} {again}", markup=False)
    if len(events) > SHOWN:
        out.print(f"… and {len(events) - SHOWN:,} more")
    if outcome.problem:
        _print_failure(out, seed, outcome, any_kind)
        sys.exit(1)
    out.print(
        f"Passed, in {outcome.seconds:,.3f} s of virtual time: the same bits, the same messages."
    )


def _write(file: str, seed: int, outcomes: list[Outcome]) -> None:
    from ..support.files import whole_file

    counts, places = _total(outcomes)
    figures = {
        "seed": seed,
        "schedules": len(outcomes),
        "calm_messages": sum(o.expected_messages for o in outcomes),
        "counts": dict(counts),
        "deaths_by_place": dict(places),
        "virtual_seconds": [o.seconds for o in outcomes],
        "failed": [
            {"schedule": o.schedule.number, "problem": o.problem} for o in outcomes if o.problem
        ],
    }
    with whole_file(Path(file), force=True) as written:
        written.write((json.dumps(figures, indent=1) + "\n").encode())
