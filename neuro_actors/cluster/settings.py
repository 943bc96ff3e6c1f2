"""What a user asks for when a society is to run on a cluster, and how that is checked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from ..network.activations import ACTIVATIONS
from ..network.cell import whole_network
from ..network.combinations import COMBINATIONS
from ..network.elements_json import combinations_of
from ..network.losses import LOSSES
from ..network.network import Network
from ..network.own_functions import is_original
from ..neuron.optimizer_json import KNOWN, optimizer_to_json
from ..neuron.optimizers import Optimizer
from ..rules import Backpropagation, MicroBatches, Rule, ThroughTime
from ..support.errors import InputError
from ..support.scalars import as_whole_number
from ..support.text import quote
from ..support.validation import as_flag
from .cut_edges import check_kinds
from .launcher import Functions, WorkerLauncher
from .partition import Partition, partition


@dataclass(frozen=True, kw_only=True)
class Cluster(ABC):
    """What all clusters have, however their workers are started.

    Attributes:
        replicas, shards, partition, exact: See `na.Ray`.
        host: Where the driver listens.
    """

    replicas: int = 1
    shards: int = 1
    partition: Partition | None = None
    exact: bool = True
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        kind = type(self).__name__
        for name in ("replicas", "shards"):
            object.__setattr__(
                self, name, as_whole_number(f"{kind}: {name}", getattr(self, name), 1)
            )
        object.__setattr__(self, "exact", as_flag(f"{kind}: exact", self.exact))
        if self.partition is not None and not isinstance(self.partition, Partition):
            raise InputError(
                f"{kind}: partition must be such as na.partition(network, 2), "
                f"got {quote(self.partition)}"
            )
        if self.partition is not None and self.shards not in (1, self.partition.shards):
            problem = f"shards={self.shards}, and the partition has {self.partition.shards}"
            raise InputError(f"{kind}: {problem}: leave shards out")

    @abstractmethod
    def open_launcher(self) -> AbstractAsyncContextManager[WorkerLauncher]:
        """Open what starts the workers. On leaving the block all workers are ended.

        Raises:
            InputError: What it takes to start workers is not there.
            SimulationError: It cannot be started.
        """

    def partition_for(self, network: Network, rule: Rule, sums: str) -> Partition:
        """Return the partition of a network on this cluster.

        Args:
            network: The network.
            rule: The rule of the run.
            sums: Name of the sums.

        Raises:
            InputError: The network, the rule or the sums cannot be used on this cluster.
        """
        from . import replicas  # which brings all messages of a cluster

        whole = whole_network(network)
        found = partition(whole, self.shards) if self.partition is None else self.partition
        found.check(whole)
        found = found.of_cell(network)
        inner, count = (rule.rule, rule.count) if isinstance(rule, MicroBatches) else (rule, 1)
        replicas.check(inner, network)
        if found.shards > 1:
            check_kinds()
        if found.shards > 1 and type(inner) not in (Backpropagation, ThroughTime):
            problem = (
                f"{found.shards} shards need the rule na.rules.Backpropagation(), not {inner!r}"
            )
            raise InputError(f"{problem}: use replicas alone")
        if not type(inner).__module__.startswith("neuro_actors."):
            raise InputError(
                f"{inner!r} is none of the package's rules, and workers receive data, not code"
            )
        if count < self.replicas:
            problem = (
                f"{self.replicas} replicas share out the micro-batches of a batch, "
                f"and there are {count}"
            )
            advice = f"say micro_batches={self.replicas}, or more, or replicas={count}"
            raise InputError(f"{problem}: {advice}")
        if sums != "ordered":
            raise InputError(
                "a cluster adds in the same order everywhere: "
                f"sums must be 'ordered', got {quote(sums)}"
            )
        return found


def user_functions(network: Network) -> Functions | None:
    """Return the user's own functions that workers need, by name; None if there are none.

    A function that has replaced one of the package's is the user's own, too.
    """
    own = {
        name: ACTIVATIONS[name]
        for name in set(network.activations) & set(ACTIVATIONS)
        if not is_original(name, ACTIVATIONS[name])
    }
    own_losses = {name: loss for name, loss in LOSSES.items() if not is_original(name, loss)}
    own_combinations = {
        name: COMBINATIONS[name]
        for name in combinations_of(network)
        if name in COMBINATIONS and not is_original(name, COMBINATIONS[name])
    }
    if not (own or own_losses or own_combinations):
        return None
    return {"activations": own, "losses": own_losses, "combinations": own_combinations}


def check_sendable(optimizer: Optimizer) -> None:
    """Check that an optimizer can be sent to workers.

    Raises:
        InputError: It has code of the user's own.
    """
    parts = [optimizer, *(value for value in _values(optimizer) if callable(value))]
    if not all(type(part) in KNOWN.values() for part in parts):
        problem = "workers receive data, not code, and"
        problem += f" {quote(optimizer)} is, or has a schedule that is, your own"
        raise InputError(
            f"{problem}: use na.SGD or na.Adam, with numbers, na.StepDecay or na.CosineDecay"
        )
    optimizer_to_json(optimizer, 1)


def _values(optimizer: Any) -> list[Any]:
    return [
        getattr(optimizer, name) for name in getattr(type(optimizer), "__dataclass_fields__", ())
    ]


def default_lanes(rule: Rule, shards: int) -> int:
    """Return how many micro-batches in progress keep a worker busy.

    A worker that waits for another shard goes on with another micro-batch.
    """
    count = rule.count if isinstance(rule, MicroBatches) else 1
    return min(count, 2 * shards + 2) if shards > 1 else 1
