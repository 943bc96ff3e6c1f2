"""What a checkpoint contains, as JSON for programs and as lines for people."""

from __future__ import annotations

from typing import Any

from ...support.errors import CheckpointError
from ...support.text import escape_controls, format_count, wrap_entry
from ..history import Epoch
from .plan_json import OWN, read_whole_number
from .reading import Checkpoint

WIDTH, NAME_WIDTH = 79, 9


def summarize(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what a checkpoint contains, as JSON can hold it.

    Its folder is looked at too: the run's data, and other checkpoints.

    Args:
        checkpoint: The checkpoint.

    Returns:
        A JSON object.

    Raises:
        KeyError: No run wrote this file. ValueError, TypeError: likewise.
    """
    metadata, position = checkpoint.metadata, checkpoint.metadata["place"]
    neurons, inputs, synapses = checkpoint.sizes()
    try:
        data: str = f"whole, {format_count(checkpoint.count_examples(), 'example')}"
    except CheckpointError as error:
        data = str(error)
    epochs = read_whole_number(metadata["run"], "epochs", 1)
    return {
        "file": str(checkpoint.file),
        "bytes": checkpoint.file.stat().st_size,
        "finished": metadata["finished"],
        "steps": {"done": metadata["steps"], "of": metadata["of"]},
        "epoch": {
            "under way": position["epoch"],
            "batches": position["batches"],
            "of it": read_whole_number(metadata, "of", 0) // epochs,
            "of": epochs,
        },
        "history": [str(Epoch(*epoch)) for epoch in position["history"]],
        "messages": metadata["messages"],
        "network": {
            "inputs": inputs,
            "neurons": neurons,
            "synapses": synapses,
            "digest": checkpoint.digest(),
        },
        "run": metadata["run"],
        "data": data,
        "versions": metadata["versions"],
        "numerics": metadata["numerics"],
        "exact": metadata["exact"],
        "differences": [*checkpoint.differences(), *checkpoint.other_functions()],
        "others": [
            str(file) for file in checkpoint.folder.checkpoints() if file != checkpoint.file
        ],
    }


def format_summary(summary: dict[str, Any]) -> str:
    """Return a summary as lines of at most 80 columns.

    Args:
        summary: What `summarize` returned.

    Returns:
        The text, without a newline at its end.

    Raises:
        KeyError: No run wrote this file. ValueError, TypeError: likewise.
    """
    run, steps, epoch, network = (summary[name] for name in ("run", "steps", "epoch", "network"))
    under_way = (
        f"epoch {epoch['under way']:,} of {epoch['of']:,}, "
        f"{epoch['batches']:,} of its {epoch['of it']:,} batches done"
    )
    inputs, neurons = (format_count(network[f"{name}s"], name) for name in ("input", "neuron"))
    batches = f"batches of {run['batch_size']:,}, in an order drawn from seed {run['seed']}"
    channels = run["channels"]
    differing = "; ".join(summary["differences"])
    bits = "promised here"
    if differing or not summary["exact"]:
        bits = f"not promised: {differing or 'it went on elsewhere before'}"
    entries = {
        "size": f"{summary['bytes']:,} bytes",
        "steps": f"{steps['done']:,} of {steps['of']:,}; "
        + ("finished" if summary["finished"] else under_way),
        "history": summary["history"][-1] if summary["history"] else "no epoch is over",
        "messages": f"{summary['messages']:,}",
        "network": f"{inputs}, {neurons}, {network['synapses']:,} synapses",
        "digest": f"{network['digest']}",
        "loss": run["loss"],
        "learns by": _format_object(run["optimizer"]),
        "rule": _format_object(run["rule"]),
        "channels": channels if isinstance(channels, str) else _format_object(channels),
        "sums": run["sums"],
        "data": f"{summary['data']}; {batches}",
        "saved": f"after each {format_count(run['every'], 'step')}, the last two stay",
        "versions": ", ".join(f"{name} {text}" for name, text in summary["versions"].items()),
        "bits": bits,
    }
    lines = [escape_controls(summary["file"])]
    for name, text in entries.items():
        lines += wrap_entry(name, text, NAME_WIDTH, WIDTH)
    return "\n".join(lines)


def _format_object(held: dict[str, Any]) -> str:
    """Write an optimizer, rule or engine as Python would."""
    if OWN in held:
        return f"{held[OWN]}, which must be passed"
    fields = {
        key: _format_object(value) if isinstance(value, dict) else repr(value)
        for key, value in held.items()
        if key != "name"
    }
    return f"{held['name']}({', '.join(f'{key}={value}' for key, value in fields.items())})"
