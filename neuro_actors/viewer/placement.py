"""What the page shows of a run on many machines: the shard of each neuron, and which replica did a step."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..log.log import Log
    from ..log.steps import StepInfo


def placement(log: Log) -> dict[str, Any] | None:
    """Of the run; None where all lived in one process."""
    held = log.machines
    if held is None:
        return None
    shard = base64.b64encode(held.shard.astype("<i4").tobytes()).decode()
    return {"replicas": held.replicas, "shards": held.shards, "shard": shard}


def step_placement(log: Log, info: StepInfo) -> dict[str, Any]:
    """microBatch: (which, of how many), where it is one.  replica: who did it, where there are several machines."""
    place = info.micro_batch
    found: dict[str, Any] = {} if place is None else {"microBatch": place}
    return found if log.machines is None else found | {"replica": log.machines.replica(info)}
