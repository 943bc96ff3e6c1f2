"""What a user says of the machines on which a society is to live, and what is checked before any of them is started."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from ..network import activations, losses
from ..network.activations import ACTIVATIONS
from ..network.losses import LOSSES
from ..network.network import Network
from ..neuron.optimizer_json import KNOWN, described
from ..neuron.optimizers import Optimizer
from ..rules import Backpropagation, MicroBatches, Rule
from ..support.errors import InputError
from ..support.text import shown
from ..support.validation import as_flag, as_whole_number
from . import replicas as twins
from .launcher import Functions, WorkerLauncher
from .partition import Partition, partition


@dataclass(frozen=True, kw_only=True)
class Cluster(ABC):
    """What all engines of many processes have. replicas, shards, partition, exact: see `na.Ray`."""

    replicas: int = 1
    shards: int = 1
    partition: Partition | None = None
    exact: bool = True
    host: str = "127.0.0.1"  # where the driver listens

    def __post_init__(self) -> None:
        kind = type(self).__name__
        for name in ("replicas", "shards"):
            object.__setattr__(
                self, name, as_whole_number(f"{kind}: {name}", getattr(self, name), 1)
            )
        as_flag(f"{kind}: exact", self.exact)
        if self.partition is not None and not isinstance(self.partition, Partition):
            raise InputError(
                f"{kind}: partition must be such as na.partition(network, 2), got {shown(self.partition)}"
            )
        if self.partition is not None and self.shards not in (1, self.partition.shards):
            told = f"shards={self.shards}, and the partition has {self.partition.shards}"
            raise InputError(f"{kind}: {told}: leave shards out")

    @abstractmethod
    def cluster(self) -> AbstractAsyncContextManager[WorkerLauncher]:
        """Start whatever it takes, or join it; stop it on leaving."""

    def partition_for(self, network: Network, rule: Rule, sums: str) -> Partition:
        """The partition. Raises `InputError` for what cannot live on many machines."""
        found = partition(network, self.shards) if self.partition is None else self.partition
        found.check(network)
        inner, count = (rule.rule, rule.count) if isinstance(rule, MicroBatches) else (rule, 1)
        twins.check(inner, network)
        if found.shards > 1 and type(inner) is not Backpropagation:
            told = f"{found.shards} shards need the rule na.rules.Backpropagation(), not {inner!r}"
            raise InputError(f"{told}: use replicas alone")
        if not type(inner).__module__.startswith("neuro_actors."):
            raise InputError(
                f"{inner!r} is none of the package's rules, and workers are handed data, not code"
            )
        if count < self.replicas:
            told = f"{self.replicas} replicas share out the micro-batches of a batch, and there are {count}"
            raise InputError(
                f"{told}: say micro_batches={self.replicas}, or more, or replicas={count}"
            )
        if sums != "ordered":
            raise InputError(
                f"many machines add in the same order everywhere: sums must be 'ordered', got {shown(sums)}"
            )
        return found


def user_functions(network: Network) -> Functions | None:
    """What of the user's own workers must be handed, by name; None for nothing."""
    own = {
        name: ACTIVATIONS[name]
        for name in set(network.activations) & (set(ACTIVATIONS) - set(activations.BUILT_IN))
    }
    judges = {name: LOSSES[name] for name in set(LOSSES) - set(losses.BUILT_IN)}
    return {"activations": own, "losses": judges} if own or judges else None


def check_optimizer(optimizer: Optimizer) -> None:
    """Raise `InputError` for one that cannot be told to a worker."""
    parts = [optimizer, *(value for value in _values_of(optimizer) if callable(value))]
    if not all(type(part) in KNOWN.values() for part in parts):
        told = f"workers are handed data, not code, and {shown(optimizer)} is, or has a schedule that is, your own"
        raise InputError(
            f"{told}: use na.SGD or na.Adam, with numbers, na.StepDecay or na.CosineDecay"
        )
    described(optimizer, 1)


def _values_of(optimizer: Any) -> list[Any]:
    return [
        getattr(optimizer, name) for name in getattr(type(optimizer), "__dataclass_fields__", ())
    ]


def default_lanes(rule: Rule, shards: int) -> int:
    """How many micro-batches under way keep a worker busy: one that waits for another shard has others to go on with."""
    return (
        min(rule.count if isinstance(rule, MicroBatches) else 1, 2 * shards + 2)
        if shards > 1
        else 1
    )
