"""A run that fails tells one story: the earliest failure, whatever carries the mail."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import trio
from helpers.in_process_cluster import InProcess
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.society.failures import QUIET

LANES = {"micro_batches": 3, "in_flight": 3}
PLACES: dict[str, dict[str, Any]] = {
    "bundled": {},
    "memory": {"channels": "memory"},
    "micro-batches": {"micro_batches": 3},
    "two lanes": {"micro_batches": 3, "in_flight": 2},
    "lanes": LANES,
    "lanes in memory": {"channels": "memory", **LANES},
    "worker": {"engine": InProcess()},
    "lanes in a worker": {"engine": InProcess(), **LANES},
    "replicas": {"engine": InProcess(replicas=2), "micro_batches": 3},
    "lanes in replicas": {"engine": InProcess(replicas=3), **LANES},
}


def draw_divergence(seed: int) -> tuple[na.Network, np.ndarray, np.ndarray]:
    """Several neurons of a level fail in the same step, and some examples go further than others."""
    rng = np.random.default_rng(seed)
    sizes = [3, *rng.integers(2, 5, 2).tolist(), int(rng.integers(1, 4))]
    activation = str(rng.choice(["identity", "relu", "tanh"]))
    net = na.Network.layered(sizes, activation=activation, seed=seed)
    net = net.with_parameters(
        net.weights * 10.0 ** rng.integers(0, 160, len(net.weights)), net.biases
    )
    x = rng.standard_normal((6, 3)) * 10.0 ** rng.integers(0, 160, (6, 1))
    return net, x, rng.standard_normal((6, sizes[-1]))


async def story(net, x, t, **place) -> str:
    async with na.open_simulation(net, **place) as simulation:
        try:
            for _ in range(20):
                await simulation.train_step(x, t, optimizer=na.SGD(3.0, momentum=0.9))
        except na.SimulationError as error:
            return str(error)
    return "it has not failed"


@pytest.mark.parametrize("seed", few(range(40), 1))
def test_engines_and_lanes_tell_the_same(seed: int) -> None:
    case = draw_divergence(seed)
    texts = {name: trio.run(partial(story, *case, **place)) for name, place in PLACES.items()}
    in_parts = {name: texts[name] for name, place in PLACES.items() if "micro_batches" in place}
    whole = {name: texts[name] for name in texts if name not in in_parts}
    assert len(set(whole.values())) == 1, whole
    assert len(set(in_parts.values())) == 1, in_parts


def test_of_several_failures_the_first_of_the_network_is_reported_and_the_others_are_counted(
    channels: str,
) -> None:
    net = na.Network.layered([2, 3, 1], activation="identity", seed=0)
    net = net.with_parameters(np.full(len(net.weights), 1e200), net.biases)
    for _ in range(6):  # trio draws the order in which tasks run
        text = trio.run(
            partial(story, net, np.full((2, 2), 1e200), np.zeros((2, 1)), channels=channels)
        )
        assert text.startswith("'h1.0' failed in step 1: its activation in")
        assert text.endswith(" (2 more failed with it)")


def test_later_steps_are_not_counted() -> None:
    """In three lanes all micro-batches fail; in one lane the first alone has begun."""
    net = na.Network.layered([1, 2, 1], activation="identity", seed=0)
    net = net.with_parameters(np.full(len(net.weights), 1e200), net.biases)
    case = net, np.full((3, 1), 1e200), np.zeros((3, 1))
    for place in (LANES, {"micro_batches": 3}):
        text = trio.run(partial(story, *case, **place))
        assert text.startswith("'h1.0' failed in step 1: ")
        assert text.endswith("(1 more failed with it)")


def test_a_failure_waits_for_earlier_steps_but_not_for_ever() -> None:
    """Another task of the user's program is always busy."""
    net = na.Network.layered([1, 1], activation="identity", seed=0)
    net = net.with_parameters(np.array([1e200]), net.biases)

    async def busy() -> None:
        while True:
            await trio.lowlevel.checkpoint()

    async def program() -> str:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(busy)
            with trio.fail_after(20):
                text = await story(net, np.full((1, 1), 1e200), np.zeros((1, 1)))
            nursery.cancel_scope.cancel()
        return text

    assert trio.run(program).startswith("'y0' failed in step 1: ")


def test_a_deep_network_fails_at_once() -> None:
    n = 1000
    neurons = [na.Input("x"), *(na.Neuron(f"h{k}", "identity") for k in range(n))]
    names = ["x", *(f"h{k}" for k in range(n))]
    synapses = [na.Synapse(a, b, 1.0) for a, b in pairwise(names)]
    synapses[0] = na.Synapse("x", "h0", 1e200)
    net = na.Network(neurons, synapses, outputs=[names[-1]])
    text = trio.run(partial(story, net, np.full((1, 1), 1e200), np.zeros((1, 1))))
    assert text.startswith("'h0' failed in step 1: ")


def test_others_go_on_after_a_failure_and_one_of_them_may_be_the_first_of_the_network(
    channels: str,
) -> None:
    """`late` is a level deeper than `early`, which fails before it."""
    neurons = [na.Neuron("late", "identity"), na.Neuron("early", "identity")]
    net = na.Network(
        [*neurons, na.Neuron("fine", "identity"), na.Input("x")],
        [
            na.Synapse("x", "early", 1e200),
            na.Synapse("x", "fine", 1.0),
            na.Synapse("fine", "late", 1e200),
        ],
        outputs=["late", "early"],
    )
    for _ in range(4):  # trio draws the order in which tasks run
        text = trio.run(
            partial(story, net, np.full((1, 1), 1e200), np.zeros((1, 2)), channels=channels)
        )
        assert text.startswith("'late' failed in step 1: ")
        assert text.endswith(" (1 more failed with it)")


def test_a_deep_network_looks_for_quiet_and_not_for_its_depth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[None] = []
    statistics = trio.lowlevel.current_statistics
    monkeypatch.setattr(
        trio.lowlevel, "current_statistics", lambda: looks.append(None) or statistics()
    )
    test_a_deep_network_fails_at_once()
    assert QUIET <= len(looks) <= 2 * QUIET
