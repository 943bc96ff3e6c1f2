"""Which worker ran which neuron, in a log of a run on several workers.

Replica r of shard s is worker r · shards + s. The replicas share a batch's micro-batches: replica
⌊(i − 1) · replicas / n⌋ computes the i-th of n micro-batches, counted from 1. The name of the
step's round contains i and n. Replica 0 computes every step that is not a micro-batch. After a
batch, the neurons learn on every replica.

This is an entry of the metadata beside the sealed entry, so it changes no bit of the log. No
digest covers it, and the audit does not check it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..network.network import Network
from ..rules.micro_batches import replica_of
from ..support.arrays import Indices
from ..support.errors import LogError
from ..support.scalars import as_whole_number

MOST_REPLICAS = 2**31
DAMAGED = "its description of the machines is damaged"


class HasMicroBatch(Protocol):
    """A step that knows which micro-batch it is, such as `Step` and `StepInfo`."""

    @property
    def micro_batch(self) -> tuple[int, int] | None:
        """Which micro-batch of its batch, from 1 on, and of how many. None for other steps."""


@dataclass(frozen=True, slots=True, eq=False)
class Workers:
    """The workers of a run.

    Attributes:
        replicas: The number of replicas.
        shards: The number of shards of each replica.
        shard: The shard of each neuron, including inputs, in the network's order. Shape
            (n_neurons,).
    """

    replicas: int
    shards: int
    shard: Indices

    def replica(self, step: HasMicroBatch) -> int:
        """Return the replica that computed a step."""
        return replica_of(step.micro_batch, self.replicas)

    def worker(self, step: HasMicroBatch, k: int) -> int:
        """Return the worker that computed a neuron's part of a step.

        Args:
            step: The step.
            k: The neuron's position in the network.
        """
        k = as_whole_number("neuron", k, 0, len(self.shard) - 1)
        return self.replica(step) * self.shards + int(self.shard[k])

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the metadata."""
        return {
            "replicas": self.replicas,
            "shard": base64.b64encode(self.shard.astype("<i4").tobytes()).decode(),
        }

    def __repr__(self) -> str:
        return f"<Workers: replicas={self.replicas}, shards={self.shards}>"


def parse_workers(text: bytes | None, network: Network) -> Workers | None:
    """Read the workers from a log's metadata.

    Args:
        text: The entry of the metadata, or None if there is none.
        network: The network that ran.

    Returns:
        The workers, or None for a run in one process.

    Raises:
        LogError: The entry is damaged.
        ValueError: The entry is not JSON or not base64. Other wrong content may raise KeyError or
            TypeError.
    """
    if text is None:
        return None
    about = json.loads(text)
    replicas = about["replicas"]
    shard = np.frombuffer(base64.b64decode(about["shard"], validate=True), "<i4").astype(np.intp)
    if type(replicas) is not int or not 1 <= replicas < MOST_REPLICAS:
        raise LogError(f"{DAMAGED}: there are one or more replicas")
    if len(shard) != len(network.ids):
        raise LogError(f"{DAMAGED}: it must have a shard for each neuron")
    used = np.unique(shard[~network.is_input])
    if (
        not np.array_equal(used, np.arange(len(used)))
        or shard.min() < 0
        or shard.max() >= len(used)
    ):
        raise LogError(f"{DAMAGED}: shards are 0, 1, 2, … and each has a neuron")
    shard.setflags(write=False)
    return Workers(replicas, len(used), shard)
