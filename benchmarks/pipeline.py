"""A simulator of one step of learning on a cluster: when each worker does what. Nothing is learned.

A batch of M micro-batches is divided between R replicas, each cut into S shards: R x S workers, and
a driver. Each of these does one thing at a time, first come, first served. What is simulated:

- The driver sends each worker its micro-batches, a frame each, and reads what each worker reports.
- A micro-batch goes through its replica's shards forward, then back. A worker has at most `window`
  of them in progress.
- The replicas of a shard add up in a binary tree, and receive the mean the same way. Then each
  worker learns, and one replica reports the state of its neurons to the driver.

A frame is under way for hop + byte x its bytes. With `cores` only so many workers are busy at once,
as on one small machine.

    python benchmarks/pipeline.py --shards 4 --micro-batches 8 --forward 5 --draw schedule.png
    python benchmarks/pipeline.py --measured machines.json   beside what machines.py has measured
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DRIVER = (-1, -1)
WITHIN = 0.2  # the greatest relative error that is accepted

Worker = tuple[int, int]  # replica, shard


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done, on what. All times are in seconds.

    Attributes:
        replicas, shards, micro_batches: How many of each there are.
        window: How many micro-batches may be in progress in a worker.
        forward, back: What a micro-batch takes of each shard's worker.
        learn: What learning takes of each shard's worker.
        bytes_in, bytes_out: Bytes that each shard receives from the driver for a micro-batch, and
            reports.
        crossing: Bytes that cross each cut in a micro-batch, one way.
        parameters: Bytes of each shard's parameters.
        hop, byte: How long a frame is under way, and how much longer for each byte.
        frame, frame_byte: What each frame that is sent or read takes of the driver, and each byte
            of it.
        round: What each micro-batch takes of a worker, beside its neurons.
        add: What adding up takes of a worker, for each byte that another replica has sent.
        keep: What the state of all neurons takes of the driver, for each byte.
        cores: How many workers may be busy at once; None for all.
    """

    replicas: int = 1
    shards: int = 1
    micro_batches: int = 8
    window: int = 1
    forward: Sequence[float] = (0.01,)
    back: Sequence[float] = (0.01,)
    learn: Sequence[float] = (0.0,)
    bytes_in: Sequence[float] = (0.0,)
    bytes_out: Sequence[float] = (0.0,)
    crossing: float = 0.0
    parameters: Sequence[float] = (0.0,)
    hop: float = 0.0
    byte: float = 0.0
    frame: float = 0.0
    frame_byte: float = 0.0
    round: float = 0.0
    add: float = 0.0
    keep: float = 0.0
    cores: int | None = None


@dataclass(slots=True, eq=False)
class Job:
    """What one worker or the driver does, once all jobs in `after` have ended, each so long ago."""

    what: str
    who: Worker
    takes: float
    after: list[tuple[Job, float]]
    micro_batch: int = -1
    start: float = 0.0
    end: float = 0.0
    waits_for: int = 0
    before: list[tuple[Job, float]] = field(default_factory=list)


def make_jobs(plan: Plan) -> list[Job]:
    """Return all jobs of a step."""
    R, S, M = plan.replicas, plan.shards, plan.micro_batches  # noqa: N806
    far, made = plan.hop + plan.byte * plan.crossing, []

    def job(
        what: str, who: Worker, takes: float, after: list[tuple[Job, float]], micro_batch: int = -1
    ) -> Job:
        made.append(Job(what, who, takes, after, micro_batch))
        return made[-1]

    # of each worker its micro-batches, on their way back
    done: dict[Worker, list[Job]] = {(r, s): [] for r in range(R) for s in range(S)}
    for m in range(M):
        r = m * R // M
        sent = [
            job("send", DRIVER, plan.frame + plan.frame_byte * plan.bytes_in[s], [], m)
            for s in range(S)
        ]
        there: Job | None = None
        for s in range(S):
            after = [(sent[s], plan.hop + plan.byte * plan.bytes_in[s])]
            after += [(there, far)] if there else []
            earlier = done[r, s]
            after += [(earlier[-plan.window], 0.0)] if len(earlier) >= plan.window else []
            there = job("forward", (r, s), plan.forward[s] + plan.round / 2, after, m)
        for s in reversed(range(S)):
            assert there is not None
            there = job(
                "back",
                (r, s),
                plan.back[s] + plan.round / 2,
                [(there, far if s < S - 1 else 0.0)],
                m,
            )
            done[r, s].append(there)
            size = plan.bytes_out[s]
            job(
                "read",
                DRIVER,
                plan.frame + plan.frame_byte * size,
                [(there, plan.hop + plan.byte * size)],
                m,
            )
    reports = []
    for s in range(S):
        blocks = plan.hop + plan.byte * plan.parameters[s]
        conclude = [job("send", DRIVER, plan.frame, []) for _ in range(R)]
        sums = [
            job("add", (r, s), 0.0, [(conclude[r], plan.hop)] + [(j, 0.0) for j in done[r, s][-1:]])
            for r in range(R)
        ]
        reach, mean = 1, {}
        while reach < R:
            for r in range(0, R - reach, 2 * reach):
                sums[r] = job(
                    "add",
                    (r, s),
                    plan.add * plan.parameters[s],
                    [(sums[r], 0.0), (sums[r + reach], blocks)],
                )
            reach *= 2
        mean[0] = sums[0], 0.0
        while reach > 1:
            reach //= 2
            for r in range(0, R - reach, 2 * reach):
                mean[r + reach] = mean[r][0], mean[r][1] + blocks
        for r in range(R):
            learnt = job("learn", (r, s), plan.learn[s], [mean[r]])
            size = plan.byte * plan.parameters[s] if r == 0 else 0.0
            reports.append(job("read", DRIVER, plan.frame, [(learnt, plan.hop + size)]))
    job("keep", DRIVER, plan.keep * sum(plan.parameters), [(j, 0.0) for j in reports])
    return made


def simulate(plan: Plan) -> list[Job]:
    """Return all jobs of a step, each with its start and end."""
    made = make_jobs(plan)
    # when, in which order, and whether it ends or is ready
    events: list[tuple[float, int, Job, bool]] = []
    count = 0

    def note(when: float, job: Job, ends: bool) -> None:
        nonlocal count
        heapq.heappush(events, (when, count, job, ends))
        count += 1

    for job in made:
        job.waits_for = len(job.after)
        for earlier, delay in job.after:
            earlier.before.append((job, delay))
        if not job.after:
            note(0.0, job, False)
    # what each worker can begin, in the order in which it became possible
    queues: dict[Worker, deque[Job]] = {}
    busy: set[Worker] = set()
    touched: set[Worker] = set()
    while events:
        now, _, job, ends = heapq.heappop(events)
        touched.add(job.who)
        if ends:
            busy.discard(job.who)
            for later, delay in job.before:
                later.start = max(later.start, now + delay)
                later.waits_for -= 1
                if not later.waits_for:
                    note(later.start, later, False)
        else:
            queues.setdefault(job.who, deque()).append(job)
        if events and events[0][0] <= now:
            continue  # all that happens at the same moment comes first
        free = (
            touched if plan.cores is None else sorted(queues, key=lambda who: queues[who][0].start)
        )
        for who in free:
            if who in queues and who not in busy and (plan.cores is None or len(busy) < plan.cores):
                job = queues[who].popleft()
                if not queues[who]:
                    del queues[who]
                busy.add(who)
                job.start, job.end = now, now + job.takes
                note(job.end, job, True)
        touched = set()
    return made


def seconds(plan: Plan) -> float:
    """Return how long the step takes."""
    return max(job.end for job in simulate(plan))


def bound(plan: Plan) -> float:
    """Return a time that no step goes below.

    That is the work of the busiest worker, and the way of one micro-batch.
    """
    most = -(-plan.micro_batches // plan.replicas)
    busiest = max(
        most * (f + b + plan.round) + k
        for f, b, k in zip(plan.forward, plan.back, plan.learn, strict=True)
    )
    return max(
        busiest, sum(plan.forward) + sum(plan.back) + plan.shards * plan.round + max(plan.learn)
    )


def draw(plan: Plan, path: Path, title: str) -> None:
    """Draw the schedule: a row for each worker, time to the right.

    Each micro-batch has a colour, dark on its way forward, light on its way back.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Patch

    from neuro_actors.support.palette import FAINT, INK, PAPER

    made = simulate(plan)
    rows = [(r, s) for r in range(plan.replicas) for s in range(plan.shards)]
    names = ["driver", *(_name(plan, who) for who in rows)]
    place = {DRIVER: 0, **{who: k + 1 for k, who in enumerate(rows)}}
    colours = plt.get_cmap("viridis")
    end = max(job.end for job in made) * 1e3
    figure, axis = plt.subplots(figsize=(10, 1.4 + 0.55 * len(names)), layout="constrained")
    for job in made:
        if not job.takes:
            continue
        shade: Any = INK if job.who == DRIVER else FAINT
        alpha = 1.0
        if job.micro_batch >= 0 and job.who != DRIVER:
            shade = colours(0.08 + 0.84 * job.micro_batch / max(1, plan.micro_batches - 1))
            alpha = 1.0 if job.what == "forward" else 0.45
        start, takes, row = job.start * 1e3, job.takes * 1e3, place[job.who]
        axis.barh(
            row,
            takes,
            left=start,
            height=0.78,
            color=shade,
            alpha=alpha,
            edgecolor=PAPER,
            linewidth=0.6,
        )
        if job.micro_batch >= 0 and job.who != DRIVER and takes > end / 70:
            light = (
                job.what == "back"
                or sum(w * c for w, c in zip((0.3, 0.6, 0.1), shade, strict=False)) > 0.44
            )
            ink = INK if light else PAPER
            axis.text(
                start + takes / 2,
                row,
                str(job.micro_batch + 1),
                ha="center",
                va="center",
                fontsize=8,
                color=ink,
            )
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.set(xlabel="milliseconds", title=title, xlim=(0, end * 1.01))
    axis.spines[["top", "right"]].set_visible(False)
    middle = colours(0.3)
    kinds = [Patch(color=middle, label="forward"), Patch(color=middle, alpha=0.45, label="back")]
    kinds += [
        Patch(color=FAINT, label="adds up, learns"),
        Patch(color=INK, label="the driver's frames"),
    ]
    figure.legend(handles=kinds, ncols=4, loc="outside lower center", frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _name(plan: Plan, who: Worker) -> str:
    parts = [f"replica {who[0]}"] if plan.replicas > 1 else []
    return ", ".join([*parts, f"shard {who[1]}"] if plan.shards > 1 or not parts else parts)


def compare(found: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Return for each run its name, its quickest step and the simulated one, in seconds."""
    return [(run["name"], run["least"], seconds(Plan(**run["plan"]))) for run in found["runs"]]


def print_comparison(found: dict[str, Any]) -> float:
    """Print a table. Return the greatest relative error."""
    print(f"{'':40} {'measured':>11} {'simulated':>11} {'error':>8}")
    worst = 0.0
    for name, measured, model in compare(found):
        error = model / measured - 1
        worst = max(worst, abs(error))
        print(f"{name:40} {measured * 1e3:>8.1f} ms {model * 1e3:>8.1f} ms {error:>+8.1%}")
    print(f"\nfarthest apart: {worst:.1%}; meant to be within {WITHIN:.0%}")
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--measured",
        metavar="FILE",
        type=Path,
        help="what benchmarks/machines.py --json has written",
    )
    parser.add_argument("--draw", metavar="PNG", type=Path, help="draw the schedule")
    for name, default in (("replicas", 1), ("shards", 2), ("micro-batches", 8)):
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"default {default}"
        )
    parser.add_argument(
        "--window",
        type=int,
        metavar="N",
        help="micro-batches in a worker; default 2 x shards + 2, or 1",
    )
    for name, default, what in (
        ("forward", 8.0, "ms of a whole micro-batch forward, which the shards share"),
        ("back", 8.0, "ms of it back"),
        ("learn", 1.0, "ms of learning, which the shards share"),
        ("hop", 0.3, "ms until a frame is there"),
        ("frame", 0.1, "ms of the driver for a frame"),
    ):
        parser.add_argument(
            f"--{name}",
            type=float,
            default=default,
            metavar="MS",
            help=f"{what}; default {default:g}",
        )
    arguments = parser.parse_args()
    if arguments.measured:
        sys.exit(print_comparison(json.loads(arguments.measured.read_text())) > WITHIN)
    S, window = arguments.shards, arguments.window  # noqa: N806
    if window is None:
        window = min(arguments.micro_batches, 2 * S + 2) if S > 1 else 1
    plan = Plan(
        replicas=arguments.replicas,
        shards=S,
        micro_batches=arguments.micro_batches,
        window=window,
        forward=[arguments.forward / 1e3 / S] * S,
        back=[arguments.back / 1e3 / S] * S,
        learn=[arguments.learn / 1e3 / S] * S,
        bytes_in=[0.0] * S,
        bytes_out=[0.0] * S,
        parameters=[0.0] * S,
        hop=arguments.hop / 1e3,
        frame=arguments.frame / 1e3,
    )
    took, alone = (
        seconds(plan),
        plan.micro_batches * (arguments.forward + arguments.back) / 1e3 + arguments.learn / 1e3,
    )
    workers = plan.replicas * S
    one = f"one process alone: {alone * 1e3:.1f} ms"
    print(f"{workers} workers, window {window}: {took * 1e3:.1f} ms; {one}")
    busy = f"each worker is busy {alone / took / workers:.0%} of the time"
    print(f"{alone / took:.2f} times as fast; {busy}")
    if arguments.draw:
        what = (
            f"{plan.micro_batches} micro-batches, {alone / took:.2f} times as fast as one process"
        )
        draw(plan, arguments.draw, what)
        print(f"the schedule: {arguments.draw}")


if __name__ == "__main__":
    main()
