"""What a checkpoint holds, for people and for programs."""

from __future__ import annotations

import textwrap
from typing import Any

from ...support.errors import CheckpointError
from ...support.text import counted, printable
from ..history import Epoch
from .plan_json import whole
from .reading import Checkpoint

WIDTH = 79


def summary(checkpoint: Checkpoint) -> dict[str, Any]:
    """As JSON may hold it. What lies beside it is looked at, too: other checkpoints, and the data."""
    about, place = checkpoint.about, checkpoint.about["place"]
    neurons, inputs, synapses = checkpoint.sizes()
    try:
        data: str = f"whole, {counted(checkpoint.examples(), 'example')}"
    except CheckpointError as error:
        data = str(error)
    return {
        "file": str(checkpoint.file),
        "bytes": checkpoint.file.stat().st_size,
        "finished": about["finished"],
        "steps": {"done": about["steps"], "of": about["of"]},
        "epoch": {
            "under way": place["epoch"],
            "batches": place["batches"],
            "of it": whole(about, "of", 0) // whole(about["run"], "epochs", 1),
            "of": about["run"]["epochs"],
        },
        "history": [str(Epoch(*epoch)) for epoch in place["history"]],
        "messages": about["messages"],
        "network": {
            "inputs": inputs,
            "neurons": neurons,
            "synapses": synapses,
            "digest": checkpoint.digest(),
        },
        "run": about["run"],
        "data": data,
        "versions": about["versions"],
        "numerics": about["numerics"],
        "exact": about["exact"],
        "differences": checkpoint.differences(),
        "others": [
            str(file) for file in checkpoint.folder.checkpoints() if file != checkpoint.file
        ],
    }


def described(about: dict[str, Any]) -> str:
    """The summary in lines of at most 80 columns."""
    run, steps, epoch, network = (about[name] for name in ("run", "steps", "epoch", "network"))
    counts = [counted(network[name], name.removesuffix("s")) for name in ("inputs", "neurons")]
    under_way = f"epoch {epoch['under way']:,} of {epoch['of']:,}, {epoch['batches']:,} of its {epoch['of it']:,} batches done"
    here = "; ".join(about["differences"])
    lines = [
        ("size", f"{about['bytes']:,} bytes"),
        (
            "steps",
            f"{steps['done']:,} of {steps['of']:,}; {'finished' if about['finished'] else under_way}",
        ),
        ("history", about["history"][-1] if about["history"] else "no epoch is over"),
        ("messages", f"{about['messages']:,}"),
        ("network", f"{', '.join(counts)}, {network['synapses']:,} synapses"),
        ("digest", f"{network['digest']}"),
        ("loss", run["loss"]),
        ("learns by", _told(run["optimizer"])),
        ("rule", _told(run["rule"])),
        (
            "channels",
            run["channels"] if isinstance(run["channels"], str) else _told(run["channels"]),
        ),
        ("sums", run["sums"]),
        (
            "data",
            f"{about['data']}; batches of {run['batch_size']:,}, in an order drawn from seed {run['seed']}",
        ),
        ("saved", f"after each {counted(run['every'], 'step')}, the last two stay"),
        ("versions", ", ".join(f"{name} {version}" for name, version in about["versions"].items())),
        (
            "bits",
            "promised here"
            if not here and about["exact"]
            else f"not promised: {here or 'it went on elsewhere before'}",
        ),
    ]
    return "\n".join(
        [printable(about["file"]), *(line for name, text in lines for line in _set(name, text))]
    )


def _told(held: dict[str, Any]) -> str:
    if "own" in held:
        return f"{held['own']}, to be handed over"
    inner = {
        key: _told(value) if isinstance(value, dict) else repr(value)
        for key, value in held.items()
        if key != "name"
    }
    return f"{held['name']}({', '.join(f'{key}={value}' for key, value in inner.items())})"


def _set(name: str, text: str) -> list[str]:
    """An entry beside its name, wrapped."""
    wrapped = textwrap.wrap(printable(text), WIDTH - 13, break_on_hyphens=False)
    return [f"  {name if k == 0 else '':9}  {line}" for k, line in enumerate(wrapped)]
