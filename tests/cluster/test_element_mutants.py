"""The tests of networks of any kind on workers see each fault that is put into what carries them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import all_kinds
from helpers.cluster_bits import check, three_positions
from helpers.in_process_cluster import InProcess
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.cluster import gathered_record, replicas, shard
from neuro_actors.cluster.committed_state import CommittedState
from neuro_actors.cluster.cut_edges import CutEdges
from neuro_actors.cluster.deployment import Deployment
from neuro_actors.cluster.driver import Driver
from neuro_actors.cluster.proxies import ShardLossNode
from neuro_actors.cluster.replicas import ReplicatedRule
from neuro_actors.cluster.shard_channels import ShardChannels
from neuro_actors.cluster.worker_messages import RunStep
from neuro_actors.network.elements import Interneuron
from neuro_actors.rules.batch_round import BatchRound
from neuro_actors.rules.through_time import TimeNeuron

Patch = pytest.MonkeyPatch


def mutant(owner: Any, name: str, make: Callable[[Any], Any]) -> Callable[[Patch], None]:
    """Replace a function by one that is made of it."""
    return lambda patch: patch.setattr(owner, name, make(getattr(owner, name)))


def no_sums_are_committed(self: CommittedState, total: Any) -> CommittedState:
    return replace(self, total=None)


def learns_twice(patch: Patch) -> None:
    """The sum over the ticks is added once more as neurons learn."""

    def learn(self: ReplicatedRule, k: int, step: Any, mean: Any, commit_out: Any) -> None:
        self.lanes[k][0].conclude(step, mean, commit_out)

    patch.setattr(ReplicatedRule, "learn", learn)


def with_sums(old: Any) -> Any:
    def make(self: ReplicatedRule, *args: Any) -> None:
        old(self, *args)
        self._make = self.rule.neuron

    return make


def without(key: str) -> Callable[[Patch], None]:
    """Let a shard travel without some elements."""
    return mutant(
        shard,
        "elements_to_json",
        lambda old: lambda net: {name: held for name, held in old(net).items() if name != key},
    )


def no_fields(patch: Patch) -> None:
    def as_one(id: str, combination: str, field: Any = None) -> Interneuron:
        return Interneuron(id, combination, None)

    patch.setattr("neuro_actors.network.elements_json.Interneuron", as_one)


def heavier(old: Any) -> Any:
    """A micro-batch weighs as many columns as it has."""

    def pending_step(self: Deployment, step: Any, x: Any, targets: Any, direction: Any) -> Any:
        pending = old(self, step, x, targets, direction)
        if step.micro_batch:
            pending.weight *= 3
        return pending

    return pending_step


def narrow(old: Any) -> Any:
    def begin(self: ShardChannels, step: Any, columns: int) -> None:
        for inbound in self._inbound.values():
            object.__setattr__(inbound, "positions", 1)
        old(self, step, columns)

    return begin


FAULTS: dict[str, tuple[str, Callable[[Patch], None]]] = {
    "the loss node takes delays for outputs": (
        "memory",
        mutant(
            ShardLossNode,
            "__init__",
            lambda old: lambda self, rule, n_outputs, handed=0: old(self, rule, n_outputs, 0),
        ),
    ),
    "sums over ticks are not committed": (
        "lost",
        lambda patch: patch.setattr(CommittedState, "with_total", no_sums_are_committed),
    ),
    "sums over ticks are forgotten by a new worker": (
        "lost",
        lambda patch: patch.setattr(replicas, "TimeNeuron", type("Other", (TimeNeuron,), {})),
    ),
    "a sum is added twice": ("memory", learns_twice),
    "a worker takes each tick of a cut batch for the whole": (
        "cut",
        lambda patch: patch.setattr(
            RunStep, "place", property(lambda self: BatchRound(self.batch, 0, *self.micro_batch))
        ),
    ),
    "neurons of a worker add up the ticks, which the worker adds up": (
        "cut",
        mutant(ReplicatedRule, "__init__", with_sums),
    ),
    "frozen parameters travel as others": ("frozen", without("frozen")),
    "inputs travel as if at one position": ("picture", without("input_grid")),
    "fields do not travel": ("picture", no_fields),
    "a block is expected at one position": ("picture", mutant(ShardChannels, "begin", narrow)),
    "a micro-batch weighs its columns": ("frozen", mutant(Deployment, "pending_step", heavier)),
    "rounds do not wait for each other": (
        "memory",
        lambda patch: patch.setattr(Driver, "full", property(lambda self: False)),
    ),
    "a record is read at other places": (
        "picture",
        mutant(gathered_record, "_own_rows", lambda old: lambda s, b: old(s, b)[::-1]),
    ),
}


@pytest.mark.parametrize("fault", few(FAULTS, 3))
def test_a_fault_is_seen(fault: str, tmp_path: Path, monkeypatch: Patch) -> None:
    where, put = FAULTS[fault]
    run(where, tmp_path, monkeypatch)  # without the fault
    put(monkeypatch)
    with pytest.raises((AssertionError, na.NeuroActorsError, AttributeError, ValueError)):
        run(where, tmp_path, monkeypatch)


def run(where: str, tmp_path: Path, patch: Patch) -> None:
    if where == "frozen":
        x = np.random.default_rng(5).standard_normal((4, 3, 1))
        check(three_positions(), x, x[::-1], InProcess(replicas=2, shards=2), tmp_path)
        return
    case = all_kinds.picture() if where == "picture" else all_kinds.memory(ticks=3)
    is_cut = where in ("picture", "cut")
    engine, begin, count = InProcess(shards=2, replicas=1 + (where == "cut")), Driver.begin, 0
    victim = {"lost": 8, "cut": 16}.get(where)  # a step back, of the gradient

    def strike(self: Driver, *args: Any) -> None:
        nonlocal count
        begin(self, *args)
        count += 1
        if count == victim:
            engine.workers[0].kill()

    with patch.context() as here:
        if victim is not None:
            here.setattr(Driver, "begin", strike)
        check(case.network, case.x, case.targets, engine, tmp_path, is_cut)


def test_bundles_are_of_one_grid() -> None:
    """So that a block is a rectangle of numbers."""
    net = all_kinds.picture().network
    part = na.Partition(net, np.arange(len(net.ids)) % 2)
    cut: CutEdges = part._cut_edges
    for b in range(len(cut.sender)):
        assert len(set(net.grid[cut.source[cut.start[b] : cut.start[b + 1]]].tolist())) == 1
