"""The summary of a log: run, network, numbers of steps and messages, and whether it is complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..channels.routes import message_kinds
from ..network.field import show_grid
from ..network.network import Network
from ..support.means import mean_of
from ..support.text import escape_controls, format_count, wrap_entry
from .fault_log import FaultLog, read_fault_log
from .fault_story import format_seconds
from .reader import NULL, LogReader, Rows
from .schema import CODE, row_kinds
from .steps import StepInfo
from .wording import format_call

WIDTH, NAME_WIDTH = 80, 8
MOST_LEVELS = 16  # of a network's table


def summarize(reader: LogReader) -> dict[str, Any]:
    """Summarize a log in one pass over the file.

    Args:
        reader: The log.

    Returns:
        The object that `neuro-actors log info --json` prints.

    Raises:
        LogError: The log is damaged, or its second file belongs to another run.
    """
    network = reader.network
    n_receivers = np.append(network.outgoing.sizes, [0, 0])
    n_receivers[network.output_positions] += 2  # the loss and the environment
    kinds = np.zeros(len(row_kinds()), dtype=np.int64)
    rows = batches = delivered = examples = 0
    modes: Counter[str] = Counter()
    sizes: Counter[int] = Counter()
    taught: Counter[str] = Counter()
    steps: list[int] = []
    losses: list[dict[str, Any]] = []
    last: tuple[str | None, str | None] = None, None  # kind and note of the last row
    for batch in reader.batches():
        part = reader.decode(batch, rows)
        rows, batches = rows + len(part), batches + 1
        kinds += np.bincount(part.kind[part.kind >= 0], minlength=len(kinds))
        to_all = (part.kind == CODE["activation"]) & (part.receiver == NULL) & (part.sender >= 0)
        delivered += int(n_receivers[part.sender[to_all]].sum()) + int((part.receiver >= 0).sum())
        for row in np.flatnonzero(part.kind == CODE["begin"]).tolist():
            info = StepInfo.from_rows(part.cut(row, row + 1))
            steps.append(info.number)
            if info.only is not None:
                modes["commits alone"] += 1
                continue
            modes[info.mode] += 1
            sizes[info.batch] += 1
            examples += info.batch
            if info.optimizer is not None:
                taught[f"{info.loss} by {format_call(info.optimizer)}"] += 1
        found = _first_and_last_loss(part)
        losses = [(losses or found)[0], (found or losses)[-1]] if losses or found else []
        if len(part):
            last = (
                row_kinds()[part.kind[-1]] if part.kind[-1] >= 0 else "?",
                part.notes[len(part) - 1].as_py(),
            )
    complete = last[0] == "end" and not reader.cut_off
    fault_log = read_fault_log(reader.path, reader.metadata, network)
    if fault_log is not None and complete:
        fault_log.check(last[1])
    return {
        "file": reader.path,
        "bytes": Path(reader.path).stat().st_size,
        "format": reader.about["format"],
        "complete": complete,
        "recorded": None if reader.recording.whole else reader.recording.to_json(),
        "network": repr(network).removeprefix("<Network: ").partition(", fan-in")[0],
        "neurons": len(network.ids) - len(network.inputs),
        "synapses": len(network.weights),
        **_count_elements(network),
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
            **{k: int(n) for k, n in zip(row_kinds(), kinds, strict=True) if n},
        },
        "messages": delivered,
        "loss": {"first": losses[0], "last": losses[-1]} if losses else None,
        "versions": reader.about["versions"],
        "numerics": reader.about["numerics"],
        "rule": reader.rule,
        "disturbances": None if fault_log is None else _summarize_faults(fault_log),
        "machines": reader.machines
        and {"replicas": reader.machines.replicas, "shards": reader.machines.shards},
        "resumed": reader.about.get("resumed"),
        "digest": last[1] if last[0] in ("end", "seal") else None,
    }


def _count_elements(network: Network) -> dict[str, Any]:
    """What the network has besides plain neurons; a plain one has none of these entries."""
    frozen = network.frozen_weights & ~network.is_interneuron[network.targets]
    found: dict[str, Any] = {
        "interneurons": dict(Counter(n.combination for n in network.interneurons.values())),
        "frozen": int(frozen.sum() + network.frozen_biases.sum()),
        "positions": [list(grid) for grid in network.grids if grid],
        "delays": {network.ids[k]: ticks for k, (_, ticks) in network.delayed.items()},
    }
    return {name: held for name, held in found.items() if held}


def _format_elements(about: dict[str, Any]) -> Iterator[str]:
    for combination, count in about.get("interneurons", {}).items():
        yield f"{format_count(count, 'interneuron')} {combination}"
    if "frozen" in about:
        yield format_count(about["frozen"], "frozen parameter")
    for grid in about.get("positions", ()):
        yield f"{show_grid(tuple(grid))} positions"
    if "delays" in about:
        yield format_count(len(about["delays"]), "delay")


def _summarize_faults(fault_log: FaultLog) -> dict[str, Any]:
    events = fault_log.events
    counts = Counter(f"{'questions ' * (d.question and d.what != 'asked')}{d.what}" for d in events)
    return {
        "file": fault_log.path,
        "complete": fault_log.digest is not None,
        "channels": fault_log.channels,
        "count": len(events),
        "what": dict(sorted(counts.items(), key=lambda item: -item[1])),
        "last": events[-1].time if events else None,
    }


def _first_and_last_loss(rows: Rows) -> list[dict[str, Any]]:
    """The first and the last mean loss among these rows."""
    starts = rows.starts
    found = np.flatnonzero((rows.kind == CODE["loss"]) & (np.diff(starts) > 0))
    ends = [int(found[0]), int(found[-1])] if len(found) else []
    return [
        {"step": int(rows.step[r]), "mean": mean_of(rows.values[starts[r] : starts[r + 1]])}
        for r in ends
    ]


def format_summary(about: dict[str, Any], network: str) -> str:
    """Return a summary as text, in lines of at most 80 columns.

    Args:
        about: The summary.
        network: The table of the network.
    """
    rows, steps, examples, loss = (about[name] for name in ("rows", "steps", "examples", "loss"))
    modes = ", ".join(
        f"{n:,} {mode}" for mode, n in steps.items() if mode not in ("count", "first", "last")
    )
    between = f"; numbers {steps['first']:,} to {steps['last']:,}" if steps["count"] else ""
    sizes = list(examples["a step"])
    each = f", {sizes[0]:,}{f' to {sizes[-1]:,}' if len(sizes) > 1 else ''} a step" if sizes else ""
    kinds = ", ".join(f"{rows[kind]:,} {kind}" for kind in message_kinds() if kind in rows)
    numerics = about["numerics"]
    blas = f", {numerics['blas']}" if numerics["blas"] else ""
    whole = "complete" if about["complete"] else "without an end: cut off, or being written"
    lines = [
        ("size", f"{about['bytes']:,} bytes, {rows['count']:,} rows; {whole}"),
        *[("in part", _format_recorded(held)) for held in [about["recorded"]] if held],
        ("network", about["network"]),
        ("", network),
        *[("with", ", ".join(held)) for held in [list(_format_elements(about))] if held],
        *[
            ("resumed", f"after step {number:,}: this log cannot be audited")
            for number in [about["resumed"]]
            if number
        ],
        ("steps", f"{steps['count']:,}{': ' if modes else ''}{modes}{between}"),
        ("examples", f"{examples['count']:,}{each}"),
        *[
            ("learnt", f"{format_count(n, 'step')} from {what}")
            for what, n in _most(about["taught"])
        ],
        ("loss", _format_loss(loss) if loss else "none"),
        (
            "messages",
            f"{about['messages']:,}; in rows, where one tells all followers: {kinds or 'none'}",
        ),
        *[
            ("rule", _format_rule(rule))
            for rule in [about["rule"]]
            if rule != {"name": "Backpropagation"}
        ],
        *[("machines", _format_machines(held)) for held in [about["machines"]] if held],
        *[("storm", text) for text in _format_faults(about["disturbances"])],
        ("versions", ", ".join(f"{name} {version}" for name, version in about["versions"].items())),
        ("sums", f"{numerics['sums']}, on {numerics['machine']}{blas}"),
        ("digest", about["digest"] or "none: the last step is not sealed"),
    ]
    return "\n".join(
        [
            escape_controls(about["file"]),
            *(line for name, text in lines for line in _entry(name, text)),
        ]
    )


def _entry(name: str, text: str) -> list[str]:
    """The lines of an entry: its name and its text, wrapped; a table without a name."""
    if "\n" in text:
        table = [
            line if len(line) <= WIDTH - 4 else line[: WIDTH - 5] + "…"
            for line in map(escape_controls, text.splitlines())
        ]
        return [
            f"    {line}"
            for line in (table if len(table) <= MOST_LEVELS else [*table[:MOST_LEVELS], "…"])
        ]
    return wrap_entry(name, text, NAME_WIDTH, WIDTH)


def _format_rule(settings: dict[str, Any], outer: bool = True) -> str:
    """A rule as Python code; a rule within it likewise."""
    nested = {
        key: outer and isinstance(value, dict) for key, value in settings.items() if key != "name"
    }
    shown = {
        key: _format_rule(settings[key], outer=False) if inner else repr(settings[key])
        for key, inner in nested.items()
    }
    arguments = ", ".join(f"{key}={value}" for key, value in shown.items())
    return f"{settings.get('name')}({arguments})"


def _format_faults(held: dict[str, Any] | None) -> Iterator[str]:
    if held is None:
        return
    whole = "" if held["complete"] else "; it has no end"
    yield f"{format_count(held['count'], 'disturbance')} in {Path(held['file']).name}{whole}"
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


def _format_machines(held: dict[str, int]) -> str:
    replicas, shards = held["replicas"], held["shards"]
    workers = format_count(replicas * shards, "worker")
    return f"{format_count(replicas, 'replica')} x {format_count(shards, 'shard')}: {workers}"


def _format_loss(loss: dict[str, Any]) -> str:
    return ", ".join(
        f"{one['mean']:.6g} in step {one['step']:,}" for one in (loss["first"], loss["last"])
    )


def _most(taught: dict[str, int]) -> list[tuple[str, int]]:
    shown = list(taught.items())
    return (
        shown
        if len(shown) <= 4
        else [*shown[:3], (f"{len(shown) - 3} other tasks", sum(n for _, n in shown[3:]))]
    )


def _format_recorded(recorded: dict[str, Any]) -> str:
    """What a partial log contains."""
    parts = [f"one step of every {recorded['every']:,}"] if recorded["every"] > 1 else []
    for name, what in (("neurons", "mail of"), ("layers", "mail of levels"), ("phases", "phases")):
        held = recorded[name]
        if held is not None:
            more = f" and {len(held) - 5:,} more" if len(held) > 5 else ""
            parts.append(f"{what} {', '.join(map(str, held[:5]))}{more}")
    return "; ".join(parts)
