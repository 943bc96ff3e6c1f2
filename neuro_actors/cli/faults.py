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

    from ..proof.fault_campaign import Verdict

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

    from ..proof.fault_campaign import draw_schedule, live
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
    verdicts = []
    for number in numbers:
        verdict = live(draw_schedule(seed, number))
        verdicts.append(verdict)
        if verdict.problem:
            _complain(out, seed, verdict)
    _matrix(out, verdicts)
    if file is not None:
        _write(file, seed, verdicts)
    failed = sum(bool(verdict.problem) for verdict in verdicts)
    if failed:
        out.print(f"{failed} of {len(verdicts):,} storms were not survived.")
        sys.exit(1)
    out.print(
        f"All {len(verdicts):,} were survived: the same bits, the same messages, nobody left behind."
    )


def _matrix(out: Console, verdicts: list[Verdict]) -> None:
    from rich.table import Table

    counts, places = _total(verdicts)
    neurons = sum(len(v.schedule.case.network.ids) for v in verdicts)
    seconds = sorted(v.seconds for v in verdicts)
    calm = sum(v.calm for v in verdicts)
    out.print(f"{len(verdicts):,} storms, {neurons:,} inputs and neurons")
    out.print(f"{calm:,} messages would do without faults, {counts['sent']:,} were sent")
    table = Table("letters", "how often", "", title="survived")
    for name, meaning in WHAT.items():
        table.add_row(name, f"{counts[name]:,}", meaning)
    out.print(table)
    table = Table("died", "how often", title=f"{counts['died']:,} deaths, as many restarts")
    for place, count in places.most_common():
        table.add_row(place, f"{count:,}")
    out.print(table)
    fill, room = max((v.fullest for v in verdicts), key=lambda fullest: fullest[0] / fullest[1])
    share = max(v.seconds / v.bound for v in verdicts)
    out.print(
        f"virtual time: median {seconds[len(seconds) // 2]:,.1f} s, longest {seconds[-1]:,.1f} s"
    )
    out.print(f"at most {share:.0%} of what was proved to be enough for one step")
    out.print(
        f"fullest mailbox: {fill} of {room}; most letters on their way at once: {max(v.under_way for v in verdicts):,}"
    )


def _total(verdicts: list[Verdict]) -> tuple[Counter[str], Counter[str]]:
    counts: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for verdict in verdicts:
        counts.update(verdict.counts)
        places.update(verdict.places)
    return counts, places


def _complain(out: Console, seed: int, verdict: Verdict) -> None:
    from ..proof.shrink import reduced, settings

    number = verdict.schedule.number
    out.print(f"FAILED: neuro-actors faults --seed {seed} --replay {number}", markup=False)
    out.print(f"  {verdict.problem}", markup=False)
    smaller = reduced(verdict.schedule)
    out.print(f"  fewer faults are enough: {settings(smaller.storm)}", markup=False)
    if smaller.steps < verdict.schedule.steps:
        out.print(f"  and fewer steps of learning: {smaller.steps}")


def _replay(out: Console, seed: int, number: int) -> None:
    from ..channels.unreliable.faults import Disturbance
    from ..proof.fault_campaign import draw_schedule, live
    from ..proof.shrink import settings

    schedule = draw_schedule(seed, number)
    told: list[Disturbance] = []
    verdict = live(schedule, told.append)
    case = schedule.case
    out.print(f"{case.network!r}, {len(case.x)} examples, {case.loss}", markup=False)
    out.print(f"{schedule.steps} steps of {schedule.optimizer}", markup=False)
    out.print(settings(schedule.storm), markup=False)
    for d in told[:200]:
        whom = f"{d.source} {d.kind}" if d.what == "died" else f"{d.kind} {d.source} -> {d.target}"
        again = f"(attempt {d.attempt})" if d.attempt > 1 and d.what != "died" else ""
        out.print(f"{d.time:10.3f} s  step {d.step}  {d.what:10} {whom} {again}", markup=False)
    if len(told) > 200:
        out.print(f"… and {len(told) - 200:,} more")
    if verdict.problem:
        _complain(out, seed, verdict)
        sys.exit(1)
    out.print(
        f"Survived, after {verdict.seconds:,.3f} s of virtual time: the same bits, the same messages."
    )


def _write(file: str, seed: int, verdicts: list[Verdict]) -> None:
    from ..support.files import whole_file

    counts, places = _total(verdicts)
    held = {
        "seed": seed,
        "schedules": len(verdicts),
        "calm_messages": sum(v.calm for v in verdicts),
        "counts": dict(counts),
        "deaths_by_place": dict(places),
        "virtual_seconds": [v.seconds for v in verdicts],
        "failed": [
            {"schedule": v.schedule.number, "problem": v.problem} for v in verdicts if v.problem
        ],
    }
    with whole_file(Path(file), force=True) as written:
        written.write((json.dumps(held, indent=1) + "\n").encode())
