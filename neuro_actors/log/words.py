"""Messages in words: `step 3: h2 told y: activation 0.731`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..errors import LogError
from ..network import Network
from .reader import Row

MOST = 3  # numbers that are shown of a batch


def in_words(row: Row, network: Network) -> str:
    """One line for one row, whatever it holds. Raises `LogError` for one that no run can have written."""
    try:
        line = _line(row, network)
    except (KeyError, ValueError, TypeError) as error:
        raise LogError(f"the log is damaged: a {row.kind} row of step {row.step} makes no sense ({error})") from None
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def _line(row: Row, network: Network) -> str:
    if row.kind == "begin":
        return f"step {row.step}: {_task(row.note or '{}')}"
    head = f"step {row.step}: {row.sender} told {row.receiver}:"
    if row.kind == "activation":
        return f"{head} activation {_numbers(row.value, '.3f')}"
    if row.kind == "target":
        return f"{head} target of {row.note} {_numbers(row.value, '.3f')}"
    if row.kind == "urgency":
        return f"{head} urgency {_numbers(row.value, '+.3f')}"
    if row.kind == "loss":
        return f"{head} loss {_numbers(row.value, '.4f')}" if row.value else f"{head} no loss"
    *weights, bias = row.value
    synapses = network.incoming.of(network.position[str(row.sender)])
    pairs = [(network.ids[source], value) for source, value in zip(network.sources[synapses].tolist(), weights, strict=True)]
    shown = ", ".join(f"{name} {_number(value, '+.4f')}" for name, value in pairs[:MOST])
    more = f", … {len(pairs)} synapses" if len(pairs) > MOST else ""
    return f"{head} for {shown}{more}; bias {_number(bias, '+.4f')}"


def _task(note: str) -> str:
    task = json.loads(note)
    batch = f"{task['batch']} example{'s' if task['batch'] != 1 else ''}"
    if task["mode"] == "predict":
        return f"predict, {batch}"
    if task["mode"] == "gradient":
        return f"gradient of {task['loss']}, {batch}"
    return f"learn from {task['loss']}, {batch}, by {task['optimizer']}"


def _numbers(values: Sequence[float], form: str) -> str:
    shown = " ".join(_number(value, form) for value in values[:MOST])
    if len(values) <= MOST:
        return shown
    return f"{shown} … ({len(values)} examples, mean {_number(sum(values) / len(values), form)})"


def _number(value: float, form: str) -> str:
    """By a power of ten where a fixed point would hide it or make it endless; an exact zero as such."""
    return format(value, form if value == 0 or 1e-3 <= abs(value) < 1e6 else form.replace("f", "e"))
