"""What a log is, in one table: which run, which network, how many steps and messages, whether it is whole."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..support.text import counted, printable
from .fault_log import FaultLog, read_fault_log
from .fault_story import format_seconds
from .reader import NULL, LogReader, Rows
from .schema import CODE, KINDS
from .steps import StepInfo
from .wording import format_call

WIDTH = 80
MOST_LEVELS = 16  # of a network that are shown


def summarize(reader: LogReader) -> dict[str, Any]:
    """What `neuro-actors log info --json` prints, in one pass over the file."""
    network = reader.network
    hearers = np.append(network.outgoing.sizes, [0, 0])
    hearers[network.output_positions] += 2  # the loss and the environment
    kinds = np.zeros(len(KINDS), dtype=np.int64)
    rows = batches = delivered = examples = 0
    modes: Counter[str] = Counter()
    sizes: Counter[int] = Counter()
    taught: Counter[str] = Counter()
    steps: list[int] = []
    losses: list[dict[str, Any]] = []
    last: tuple[str | None, str | None] = None, None  # kind and note of the last row
    for batch in reader.batches():
        held = reader.decode(batch, rows)
        rows, batches = rows + len(held), batches + 1
        kinds += np.bincount(held.kind[held.kind >= 0], minlength=len(KINDS))
        to_all = (held.kind == CODE["activation"]) & (held.receiver == NULL) & (held.sender >= 0)
        delivered += int(hearers[held.sender[to_all]].sum()) + int((held.receiver >= 0).sum())
        for row in np.flatnonzero(held.kind == CODE["begin"]).tolist():
            info = StepInfo.from_rows(held.cut(row, row + 1))
            steps.append(info.number)
            if info.only is not None:
                modes["commits alone"] += 1
                continue
            modes[info.mode] += 1
            sizes[info.batch] += 1
            examples += info.batch
            if info.optimizer is not None:
                taught[f"{info.loss} by {format_call(info.optimizer)}"] += 1
        found = _losses(held)
        losses = [(losses or found)[0], (found or losses)[-1]] if losses or found else []
        if len(held):
            last = (
                KINDS[held.kind[-1]] if held.kind[-1] >= 0 else "?",
                held.notes[len(held) - 1].as_py(),
            )
    complete = last[0] == "end" and not reader.cut_off
    befell = read_fault_log(reader.path, reader.metadata, network)
    if befell is not None and complete:
        befell.check(last[1])
    return {
        "file": reader.path,
        "bytes": Path(reader.path).stat().st_size,
        "format": reader.about["format"],
        "complete": complete,
        "recorded": None if reader.recording.whole else reader.recording.described(),
        "network": repr(network).removeprefix("<Network: ").partition(", fan-in")[0],
        "neurons": len(network.ids) - len(network.inputs),
        "synapses": len(network.weights),
        "steps": {
            "count": len(steps),
            "first": min(steps, default=None),
            "last": max(steps, default=None),
            **modes,
        },
        "examples": {"count": examples, "a step": dict(sorted(sizes.items()))},
        "taught": dict(taught),
        "rows": {
            "count": rows,
            "record batches": batches,
            **{k: int(n) for k, n in zip(KINDS, kinds, strict=True) if n},
        },
        "messages": delivered,
        "loss": {"first": losses[0], "last": losses[-1]} if losses else None,
        "versions": reader.about["versions"],
        "numerics": reader.about["numerics"],
        "rule": reader.rule,
        "disturbances": None if befell is None else _disturbed(befell),
        "machines": reader.machines
        and {"replicas": reader.machines.replicas, "shards": reader.machines.shards},
        "resumed": reader.about.get("resumed"),
        "digest": last[1] if last[0] in ("end", "seal") else None,
    }


def _disturbed(held: FaultLog) -> dict[str, Any]:
    """What the channels did to the run."""
    counts = Counter(
        f"{'questions ' * (d.question and d.what != 'asked')}{d.what}" for d in held.events
    )
    return {
        "file": held.path,
        "complete": held.digest is not None,
        "channels": held.channels,
        "count": len(held.events),
        "what": dict(sorted(counts.items(), key=lambda item: -item[1])),
        "last": held.events[-1].time if held.events else None,
    }


def _losses(held: Rows) -> list[dict[str, Any]]:
    """The first and the last mean loss among these rows."""
    starts = held.starts
    found = np.flatnonzero((held.kind == CODE["loss"]) & (np.diff(starts) > 0))
    ends = [int(found[0]), int(found[-1])] if len(found) else []
    return [
        {"step": int(held.step[r]), "mean": float(held.values[starts[r] : starts[r + 1]].mean())}
        for r in ends
    ]


def describe_summary(about: dict[str, Any], network: str) -> str:
    """The summary in lines of at most 80 columns. network: its table."""
    rows, steps, examples, loss = (about[name] for name in ("rows", "steps", "examples", "loss"))
    modes = ", ".join(
        f"{n:,} {mode}" for mode, n in steps.items() if mode not in ("count", "first", "last")
    )
    between = f"; numbers {steps['first']:,} to {steps['last']:,}" if steps["count"] else ""
    sizes = list(examples["a step"])
    each = f", {sizes[0]:,}{f' to {sizes[-1]:,}' if len(sizes) > 1 else ''} a step" if sizes else ""
    kinds = ", ".join(f"{rows[kind]:,} {kind}" for kind in KINDS[1:-2] if kind in rows)
    numerics = about["numerics"]
    whole = "complete" if about["complete"] else "without an end: cut off, or being written"
    lines = [
        ("size", f"{about['bytes']:,} bytes, {rows['count']:,} rows; {whole}"),
        *[("in part", _recorded(held)) for held in [about["recorded"]] if held],
        ("network", about["network"]),
        ("", network),
        *[
            ("resumed", f"after step {number:,}: this log cannot be audited")
            for number in [about["resumed"]]
            if number
        ],
        ("steps", f"{steps['count']:,}{': ' if modes else ''}{modes}{between}"),
        ("examples", f"{examples['count']:,}{each}"),
        *[("learnt", f"{counted(n, 'step')} from {what}") for what, n in _most(about["taught"])],
        ("loss", _loss(loss) if loss else "none"),
        (
            "messages",
            f"{about['messages']:,}; in rows, where one tells all followers: {kinds or 'none'}",
        ),
        *[("rule", _rule(rule)) for rule in [about["rule"]] if rule != {"name": "Backpropagation"}],
        *[("machines", _machines(held)) for held in [about["machines"]] if held],
        *[("storm", text) for text in _storm(about["disturbances"])],
        ("versions", ", ".join(f"{name} {version}" for name, version in about["versions"].items())),
        (
            "sums",
            f"{numerics['sums']}, on {numerics['machine']}{', ' + numerics['blas'] if numerics['blas'] else ''}",
        ),
        ("digest", about["digest"] or "none: the last step is not sealed"),
    ]
    return "\n".join(
        [printable(about["file"]), *(line for name, text in lines for line in _set(name, text))]
    )


def _set(name: str, text: str) -> list[str]:
    """An entry beside its name, wrapped; a table below."""
    if "\n" in text:
        table = [
            line if len(line) <= WIDTH - 4 else line[: WIDTH - 5] + "…"
            for line in map(printable, text.splitlines())
        ]
        return [
            f"    {line}"
            for line in (table if len(table) <= MOST_LEVELS else [*table[:MOST_LEVELS], "…"])
        ]
    wrapped = textwrap.wrap(printable(text), WIDTH - 12, break_on_hyphens=False)
    return [f"  {name if k == 0 else '':8}  {line}" for k, line in enumerate(wrapped)]


def _rule(held: dict[str, Any], outer: bool = True) -> str:
    """As one writes it, and a rule within it too."""
    nested = {
        key: outer and isinstance(value, dict) for key, value in held.items() if key != "name"
    }
    shown = {
        key: _rule(held[key], outer=False) if inner else repr(held[key])
        for key, inner in nested.items()
    }
    return f"{held.get('name')}({', '.join(f'{key}={value}' for key, value in shown.items())})"


def _storm(held: dict[str, Any] | None) -> Iterator[str]:
    if held is None:
        return
    whole = "" if held["complete"] else "; it has no end"
    yield f"{counted(held['count'], 'disturbance')} in {Path(held['file']).name}{whole}"
    if held["count"]:
        yield (
            ", ".join(f"{n:,} {what}" for what, n in held["what"].items())
            + f"; the last at {format_seconds(held['last'])}"
        )
    if held["channels"]:
        settings = {name: value for name, value in held["channels"].items() if value}
        if isinstance(settings.get("faults"), list):
            settings["faults"] = len(settings["faults"])
        yield ", ".join(f"{name} {value}" for name, value in settings.items())


def _machines(held: dict[str, int]) -> str:
    replicas, shards = held["replicas"], held["shards"]
    return f"{counted(replicas, 'replica')} x {counted(shards, 'shard')}: {counted(replicas * shards, 'worker')}"


def _loss(loss: dict[str, Any]) -> str:
    first, last = loss["first"], loss["last"]
    return f"{first['mean']:.6g} in step {first['step']:,}, {last['mean']:.6g} in step {last['step']:,}"


def _most(taught: dict[str, int]) -> list[tuple[str, int]]:
    shown = list(taught.items())
    return (
        shown
        if len(shown) <= 4
        else [*shown[:3], (f"{len(shown) - 3} other tasks", sum(n for _, n in shown[3:]))]
    )


def _recorded(recorded: dict[str, Any]) -> str:
    """What a partial log holds."""
    told = [f"one step of every {recorded['every']:,}"] if recorded["every"] > 1 else []
    for name, what in (("neurons", "mail of"), ("layers", "mail of levels"), ("phases", "phases")):
        held = recorded[name]
        if held is not None:
            more = f" and {len(held) - 5:,} more" if len(held) > 5 else ""
            told.append(f"{what} {', '.join(map(str, held[:5]))}{more}")
    return "; ".join(told)
