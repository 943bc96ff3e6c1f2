"""What the page shows of a run on several workers: shards of neurons, replicas of steps."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..log.log import Log
    from ..log.steps import StepInfo


def placement(log: Log) -> dict[str, Any] | None:
    """Return the numbers of replicas and shards, and each neuron's shard, as JSON.

    It is None for a run in one process.
    """
    workers = log.machines
    if workers is None:
        return None
    shard = base64.b64encode(workers.shard.astype("<i4").tobytes()).decode()
    return {"replicas": workers.replicas, "shards": workers.shards, "shard": shard}


def step_placement(log: Log, info: StepInfo) -> dict[str, Any]:
    """Return which micro-batch a step is and which replica computed it, as JSON.

    Args:
        log: The log.
        info: The step.

    Returns:
        `microBatch`: its number, from 1 on, and the number of micro-batches, if it is one.
        `replica`: the replica, if the run had several workers.
    """
    micro_batch = info.micro_batch
    found: dict[str, Any] = {} if micro_batch is None else {"microBatch": micro_batch}
    return found if log.machines is None else found | {"replica": log.machines.replica(info)}
