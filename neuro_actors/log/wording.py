"""Messages in words: `step 3: h2 told y and loss: activation 0.731`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any

from ..channels import routes
from ..network.elements import ENVIRONMENT, LOSS_NODE
from ..network.network import Network
from ..neuron.optimizer_json import KNOWN
from ..support.errors import LogError
from ..support.means import mean_of
from ..support.text import escape_controls, format_count, format_number
from .reader import Row

MOST_SHOWN = 3  # numbers or names
# what a row that makes no sense raises; an infinity is no whole number
BROKEN = (KeyError, ValueError, TypeError, AttributeError, OverflowError)


# what the numbers of a commit are, by the mode of its step: for the synapses, for the bias
COMMITS = {
    "train": ("new weight{s} for", "new bias"),
    "gradient": ("urgenc{ies} −∂L/∂w of the weight{s} for", "of the bias"),
    "product": (
        "change along the direction of the urgenc{ies} of the weight{s} for",
        "of the bias",
    ),
}


def describe_row(row: Row, network: Network, mode: str | None = None) -> str:
    """Describe a row in one line.

    Args:
        row: The row.
        network: The network that ran.
        mode: The mode of the row's step, which says what a commit holds; see `mode_of`. None: it
            is not known.

    Raises:
        LogError: No run writes such a row.
    """
    try:
        return escape_controls(_line(row, network, mode))
    except (*BROKEN, RecursionError) as error:
        raise LogError(
            f"the log is damaged: a {row.kind} row of step {row.step} makes no sense ({error})"
        ) from None


def mode_of(note: str | None) -> str | None:
    """Return the mode of a step: "predict", "gradient", "train" or "product"; None if unknown.

    Args:
        note: The note of its begin row.
    """
    try:
        return str(json.loads(note or "")["mode"])
    except (*BROKEN, RecursionError):
        return None


def format_call(settings: dict[str, Any]) -> str:
    """Return an optimizer or a schedule as Python code; settings at their default are left out.

    Args:
        settings: Its name and settings, as in `step_note`.
    """
    name = str(settings.get("name", "?"))
    if "rate" in settings:
        return f"{settings['rate']} from {name}"
    kind = KNOWN.get(name)
    if kind is None:
        return name
    usual = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    given = {
        key: value
        for key, value in settings.items()
        if key != "name" and not (key in usual and usual[key] == value)
    }
    shown = (
        f"{key}={format_call(value) if isinstance(value, dict) else value}"
        for key, value in given.items()
    )
    return f"{name}({', '.join(shown)})"


def receivers_of(name: str, network: Network) -> list[str]:
    """Return the members that receive a neuron's activation.

    These are the targets of its synapses and, for an output, the loss and the environment.

    Args:
        name: The neuron's id.
        network: The network that runs.
    """
    k = network.position[name]
    targets = [network.ids[target] for target in network.targets[network.outgoing.of(k)].tolist()]
    return [*targets, LOSS_NODE, ENVIRONMENT] if k in network.output_positions else targets


def _line(row: Row, network: Network, mode: str | None) -> str:
    if row.kind == "begin":
        return f"step {row.step}: {_describe_task(row.note or '{}')}"
    if row.kind == "seal":
        return f"step {row.step}: sealed {(row.note or '')[:12]}…"
    if row.kind == "end":
        rows, steps = (int(value) for value in row.value)
        what = f"{format_count(steps, 'step')}, {format_count(rows, 'row')}"
        return f"end: {what}, the last seal is {row.note}"
    if row.receiver is not None:
        receivers = row.receiver
    elif row.kind == "activation":
        receivers = _join_names(receivers_of(str(row.sender), network))
    else:
        receivers = _join_names(routes.receivers_of(network, row.kind, str(row.sender)))
    head = f"step {row.step}: {row.sender} told {receivers}:"
    if row.kind == "activation":
        return f"{head} activation {_numbers(row.value, '.3f')}"
    if row.kind == "target":
        wanted = _numbers(row.value, ".3f").replace("nan", "none")  # it does not count
        return f"{head} target of {row.note} {wanted}"
    if row.kind == "urgency":
        return f"{head} urgency {_numbers(row.value, '+.3f')}"
    if row.kind == "loss":
        return f"{head} loss {_numbers(row.value, '.4f')}" if row.value else f"{head} no loss"
    specs = [spec for spec in routes.ROUTES if spec.kind == row.kind]
    if not specs:
        raise ValueError(f"unknown kind {row.kind!r}")
    if specs[0].size is not routes.Size.PARAMETERS:
        return f"{head} {row.kind} {_numbers(row.value, '+.3f')}"
    by_environment = specs[0].sender is routes.End.ENVIRONMENT
    neuron = str(row.receiver if by_environment else row.sender)
    if not row.value and network.position[neuron] in network.interneurons:
        return f"{head} nothing: an interneuron has no parameters"
    *weights, bias = row.value
    synapses = network.incoming.of(network.position[neuron])
    pairs = [
        (network.ids[source], value)
        for source, value in zip(network.sources[synapses].tolist(), weights, strict=True)
    ]
    first = pairs[:MOST_SHOWN]
    shown = ", ".join(f"{name} {format_number(value, '+.4f')}" for name, value in first)
    more = f", … {len(pairs)} synapses" if len(pairs) > MOST_SHOWN else ""
    what, of_bias = "values for", "bias"
    if row.kind == "commit":
        what, of_bias = COMMITS.get(mode or "", (what, of_bias))
    elif row.kind == "tangent":
        what = "direction for"
    many = len(pairs) != 1
    what = what.format(s="s" * many, ies="ies" if many else "y")
    return f"{head} {what} {shown}{more}; {of_bias} {format_number(bias, '+.4f')}"


def _describe_task(note: str) -> str:
    task = json.loads(note)
    batch = format_count(task["batch"], "example") + (
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


def _join_names(names: Sequence[str]) -> str:
    if not names:
        return "no member"
    if len(names) > MOST_SHOWN:
        return f"{', '.join(names[: MOST_SHOWN - 1])} and {len(names) - MOST_SHOWN + 1:,} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _numbers(values: Sequence[float], form: str) -> str:
    shown = " ".join(format_number(value, form) for value in values[:MOST_SHOWN])
    if len(values) <= MOST_SHOWN:
        return shown
    return f"{shown} … ({len(values)} numbers, mean {format_number(mean_of(values), form)})"
