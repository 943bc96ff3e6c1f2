"""Where everybody lived, in a log of a run on many machines: which shard each neuron was in, and who did which step.

Replica r of shard s is worker r · shards + s. A batch's micro-batches are shared out in runs: of n of them the i-th, from 1
on, was done by replica ⌊(i − 1) · replicas / n⌋, which the name of the step's round tells; whatever is no micro-batch, by
replica 0. When a batch is over, everybody learns on every replica.

It stands beside the sealed metadata, in an entry of its own: it changes no bit of the log. Nobody vouches for it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..network.network import Network
from ..rules.micro_batches import replica_of
from ..support.errors import LogError
from ..support.validation import Indices, as_whole_number

MOST = 2**31


class HasRound(Protocol):
    """A step that knows the name of its round, such as `Step` and `StepInfo`."""

    @property
    def round(self) -> str: ...


@dataclass(frozen=True, slots=True, eq=False)
class Workers:
    """replicas, shards: how many.  shard: of each neuron, inputs among them, in the network's order, (n_neurons,)."""

    replicas: int
    shards: int
    shard: Indices

    def replica(self, step: HasRound) -> int:
        """Which replica did a step."""
        return replica_of(step.round, self.replicas)

    def worker(self, step: HasRound, k: int) -> int:
        """Where neuron k, a place in the network, lived that took part in a step."""
        k = as_whole_number("neuron", k, 0, len(self.shard) - 1)
        return self.replica(step) * self.shards + int(self.shard[k])

    def described(self) -> dict[str, Any]:
        """As the metadata hold it."""
        return {
            "replicas": self.replicas,
            "shard": base64.b64encode(self.shard.astype("<i4").tobytes()).decode(),
        }

    def __repr__(self) -> str:
        return f"<Workers: replicas={self.replicas}, shards={self.shards}>"


def parse_workers(text: bytes | None, network: Network) -> Workers | None:
    """What a log's metadata tell of the machines; None for one process. Raises `LogError`, or an error of damaged data."""
    if text is None:
        return None
    about = json.loads(text)
    replicas = about["replicas"]
    shard = np.frombuffer(base64.b64decode(about["shard"], validate=True), "<i4").astype(np.intp)
    if type(replicas) is not int or not 1 <= replicas < MOST:
        raise LogError("its description of the machines is damaged: there are one or more replicas")
    if len(shard) != len(network.ids):
        raise LogError(
            "its description of the machines is damaged: as many places as neurons were expected"
        )
    held = np.unique(shard[~network.is_input])
    if (
        not np.array_equal(held, np.arange(len(held)))
        or shard.min() < 0
        or shard.max() >= len(held)
    ):
        raise LogError(
            "its description of the machines is damaged: shards are 0, 1, 2, … and each holds a neuron"
        )
    shard.setflags(write=False)
    return Workers(replicas, len(held), shard)
