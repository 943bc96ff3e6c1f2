"""Replicas have one mean of a batch, bit by bit, however many there are, and their neurons learn the same from it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import trio

import neuro_actors as na
from neuro_actors.cluster.replicas import ReplicatedRule, mean_over_replicas
from neuro_actors.cluster.worker_messages import BatchMean, PartialSum
from neuro_actors.neuron.messages import Step
from neuro_actors.neuron.sums import ORDERED
from neuro_actors.rules.batch_sum import BatchSum
from neuro_actors.rules.micro_batches import replica_of

NET = na.Network.layered([3, 4, 2], seed=1)
BATCH = 7


class Links:
    """Connections between replicas within one trio loop. sent: by whom, to whom, what."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, int, Any]] = []
        self.changed = trio.Condition()

    def of(self, replica: int) -> Any:
        links = self

        class Own:
            def send_to_replica(self, other: int, message: Any) -> None:
                links.sent.append((replica, other, message))

            async def receive_from_replica(self, other: int, kind: Any, batch: int) -> Any:
                while True:
                    for sender, receiver, message in links.sent:
                        here = (sender, receiver) == (other, replica)
                        if here and isinstance(message, kind) and message.batch == batch:
                            return message
                    await trio.lowlevel.checkpoint()

        return Own()


def terms(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(count)
    return list(rng.standard_normal((count, 5)) * 10.0 ** rng.integers(-8, 8, (count, 1)))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 13])
@pytest.mark.parametrize("replicas", range(1, 10))
async def test_all_replicas_have_the_mean_of_one_process(replicas: int, count: int) -> None:
    """Also where there are more replicas than micro-batches."""
    whole, parts = BatchSum(), [BatchSum()] * replicas
    for index, mean in enumerate(terms(count)):
        term = BatchSum.of(index, 3 + index, mean)
        whole = whole.merge(term)
        k = replica_of((index + 1, count), replicas)
        parts[k] = parts[k].merge(term)
    links, found = Links(), dict[int, np.ndarray]()

    async def add(k: int) -> None:
        found[k] = await mean_over_replicas(parts[k], BATCH, k, replicas, links.of(k))

    async with trio.open_nursery() as nursery:
        for k in np.random.default_rng(count).permutation(replicas).tolist():
            nursery.start_soon(add, k)
    assert len(found) == replicas
    assert all(np.array_equal(mean, whole.mean()) for mean in found.values())
    kinds = [type(message) for _, _, message in links.sent]
    assert (kinds.count(PartialSum), kinds.count(BatchMean)) == (replicas - 1, replicas - 1)
    last = {other for k, other, _ in links.sent if k == 0}  # so many messages one after another
    assert len(last) == (replicas - 1).bit_length()


def test_weights_are_counted_and_one_batch_has_its_own_mean() -> None:
    """A batch that is not cut is one term of weight 1: its bits are those that its neurons have found."""
    (mean,) = terms(1)
    assert np.array_equal(BatchSum.of(0, 1, mean).mean(), mean)
    two = BatchSum.of(0, 3, mean).merge(BatchSum.of(1, 2, mean))
    assert (two.count, two.weight, two.contains(1), two.contains(2)) == (2, 5, True, False)
    assert np.array_equal(two.mean(), (3 * mean + 2 * mean) / 5)


@pytest.mark.parametrize("optimizer", [None, na.Adam(0.1)])
def test_a_neuron_learns_in_all_lanes_at_once(optimizer: na.Optimizer | None) -> None:
    rule = ReplicatedRule(na.rules.Backpropagation(), {}, {})
    lanes = rule.members(NET, 3, ORDERED, 3)
    alone = na.rules.Backpropagation().neuron(NET, 3, ORDERED)
    mean = np.arange(4.0)
    for number in (1, 2):
        step = Step(number, optimizer=optimizer)
        commit, expected = mean.copy(), mean.copy()
        rule.learn(3, step, mean.copy(), commit)
        alone.conclude(step, mean.copy(), expected)
        assert np.array_equal(commit, expected)
        assert np.array_equal(lanes[0].state.parameters, alone.state.parameters)
        assert {id(lane.state) for lane in lanes} == {id(lanes[0].state)}
    assert (optimizer is None) == np.array_equal(commit, mean)


def test_a_neuron_goes_on_from_its_state() -> None:
    alone = na.rules.Backpropagation().neuron(NET, 3, ORDERED)
    alone.conclude(Step(1, optimizer=na.Adam(0.1)), np.ones(4), np.empty(4))
    lanes = ReplicatedRule(na.rules.Backpropagation(), {3: alone.state}, {}).members(
        NET, 3, ORDERED, 2
    )
    assert all(lane.state is alone.state for lane in lanes)


async def test_in_lanes_a_step_without_learning_changes_nothing() -> None:
    """The neuron commits the mean urgencies of each step alone."""
    rule = ReplicatedRule(na.rules.Backpropagation(), {}, {})
    (lane,) = rule.members(NET, 3, ORDERED, 1)
    before = lane.state
    respond = partial(lane.respond, urgencies_in=np.ones((2, 2)), urgencies_out=np.empty((0, 2)))
    step = Step(1, "squared_error")
    lane.fire(step, np.ones((4, 2)), np.empty(2))
    respond(step, commit_out=np.empty(4))
    assert lane.state is before
