"""Messages in words: `step 3: h2 told y and loss: activation 0.731`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any

from ..network.elements import ENVIRONMENT, LOSS_NODE
from ..network.network import Network
from ..neuron.optimizer_json import KNOWN
from ..support.errors import LogError
from ..support.text import counted, printable
from .reader import Row

MOST = 3  # numbers or names that are shown of many


def describe_row(row: Row, network: Network) -> str:
    """One line for one row, whatever it holds. Raises `LogError` for one that no run can have written."""
    try:
        return printable(_line(row, network))
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise LogError(
            f"the log is damaged: a {row.kind} row of step {row.step} makes no sense ({error})"
        ) from None


def format_call(held: dict[str, Any]) -> str:
    """An optimiser or a schedule as one writes it; what is at its default is left out."""
    name = str(held.get("name", "?"))
    if "rate" in held:
        return f"{held['rate']} from {name}"
    kind = KNOWN.get(name)
    if kind is None:
        return name
    usual = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    given = {
        key: value
        for key, value in held.items()
        if key != "name" and not (key in usual and usual[key] == value)
    }
    shown = (
        f"{key}={format_call(value) if isinstance(value, dict) else value}"
        for key, value in given.items()
    )
    return f"{name}({', '.join(shown)})"


def receivers_of(name: str, network: Network) -> list[str]:
    """Who hears what this neuron says to all: its synapses' targets, and of an output the loss and the environment."""
    place = network.position[name]
    heard = [network.ids[target] for target in network.targets[network.outgoing.of(place)].tolist()]
    return [*heard, LOSS_NODE, ENVIRONMENT] if place in network.output_positions else heard


def _line(row: Row, network: Network) -> str:
    if row.kind == "begin":
        return f"step {row.step}: {_task(row.note or '{}')}"
    if row.kind == "seal":
        return f"step {row.step}: sealed {(row.note or '')[:12]}…"
    if row.kind == "end":
        rows, steps = row.value
        return f"end: {counted(int(steps), 'step')}, {counted(int(rows), 'row')}, the last seal is {row.note}"
    to_all = row.kind == "activation" and row.receiver is None
    head = f"step {row.step}: {row.sender} told {_names(receivers_of(str(row.sender), network)) if to_all else row.receiver}:"
    if row.kind == "activation":
        return f"{head} activation {_numbers(row.value, '.3f')}"
    if row.kind == "target":
        return f"{head} target of {row.note} {_numbers(row.value, '.3f')}"
    if row.kind == "urgency":
        return f"{head} urgency {_numbers(row.value, '+.3f')}"
    if row.kind == "loss":
        return f"{head} loss {_numbers(row.value, '.4f')}" if row.value else f"{head} no loss"
    tangent = row.kind == "tangent"
    *weights, bias = row.value
    synapses = network.incoming.of(network.position[str(row.receiver if tangent else row.sender)])
    pairs = [
        (network.ids[source], value)
        for source, value in zip(network.sources[synapses].tolist(), weights, strict=True)
    ]
    shown = ", ".join(f"{name} {format_number(value, '+.4f')}" for name, value in pairs[:MOST])
    more = f", … {len(pairs)} synapses" if len(pairs) > MOST else ""
    return f"{head} {'direction ' * tangent}for {shown}{more}; bias {format_number(bias, '+.4f')}"


def _task(note: str) -> str:
    task = json.loads(note)
    batch = counted(task["batch"], "example") + (
        f", round {task['round']!r}" if "round" in task else ""
    )
    only = f"; of it only: {', '.join(task['only'])}" if "only" in task else ""
    if task["mode"] == "predict":
        return f"predict, {batch}{only}"
    if task["mode"] == "gradient":
        inputs = ", also of the inputs" if task["wrt_inputs"] else ""
        return f"gradient of {task['loss']}{inputs}, {batch}{only}"
    if task["mode"] == "product":
        return f"product of the Hessian of {task['loss']} with a direction, {batch}{only}"
    return f"learn from {task['loss']}, {batch}, by {format_call(task['optimizer'])}{only}"


def _names(names: Sequence[str]) -> str:
    if not names:
        return "nobody"
    if len(names) > MOST:
        return f"{', '.join(names[: MOST - 1])} and {len(names) - MOST + 1:,} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _numbers(values: Sequence[float], form: str) -> str:
    shown = " ".join(format_number(value, form) for value in values[:MOST])
    if len(values) <= MOST:
        return shown
    return (
        f"{shown} … ({len(values)} numbers, mean {format_number(sum(values) / len(values), form)})"
    )


def format_number(value: float, form: str) -> str:
    """By a power of ten where a fixed point would hide it or make it endless; an exact zero as such."""
    return format(value, form if value == 0 or 1e-3 <= abs(value) < 1e6 else form.replace("f", "e"))
