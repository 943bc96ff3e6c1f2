"""Ports that hold their views, and ports of large societies, which make them when asked: the same rows, the same bits."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest
import trio
from helpers import any_networks
from helpers.comparing import same_bits

import neuro_actors as na
from neuro_actors.channels.bundled import bundled_channels
from neuro_actors.channels.bundled.bundled_channels import Bundled
from neuro_actors.channels.bundled.ports import BundledPort, LossPort, ViewlessPort
from neuro_actors.proof.random_cases import draw_case

VIEWS = ("activations_in", "activation_out", "urgencies_in", "urgencies_out", "commit_out")


@pytest.fixture
def viewless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every society is a large one."""
    monkeypatch.setattr(bundled_channels, "LARGE", 0)


def tangled(neurons: int, levels: int = 10, fan: int = 10) -> na.Network:
    """Levels of equal size, each neuron with sources at random in the level before: `scenarios/million.py`."""
    rng, size = np.random.default_rng(0), neurons // levels
    rest = size * (levels - 1)
    sources = np.sort(rng.integers(0, size - fan + 1, (rest, fan)), axis=1) + np.arange(fan)
    sources += (np.arange(rest) // size * size)[:, None]
    targets = np.repeat(np.arange(size, size * levels), fan)
    weights = rng.standard_normal(rest * fan) / np.sqrt(fan)
    outputs = np.flatnonzero(np.bincount(sources.ravel(), minlength=size * levels) == 0)
    return na.Network.from_arrays(sources.ravel(), targets, weights, outputs=outputs)


def test_a_large_society_has_ports_without_views(viewless) -> None:
    office = Bundled(na.Network.layered([2, 3, 1]))
    assert {type(office.port(k)) for k in range(6)} == {ViewlessPort}
    assert isinstance(office.loss, LossPort)


def test_a_small_one_has_ports_that_hold_them() -> None:
    office = Bundled(na.Network.layered([2, 3, 1]))
    assert {type(office.port(k)) for k in range(6)} == {BundledPort}


def everything(case, steps: int = 2) -> list[object]:
    """What a society finds: a prediction, gradients at other batches, a product with the Hessian, two steps of learning."""
    net, x, targets, loss = case.network, case.x, case.targets, case.loss
    found: list[object] = []

    async def society() -> None:
        async with na.open_simulation(net) as simulation:
            found.append(await simulation.predict(x))
            found.append(await simulation.gradient(x, targets, loss))
            found.append(await simulation.gradient(x[:1], targets[:1], loss, wrt_inputs=True))
            for _ in range(steps):
                await simulation.train_step(x, targets, loss=loss, optimizer=na.SGD(0.01))
            trained = await simulation.network()
            found.extend([trained.weights, trained.biases])

    trio.run(society)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_equal_bits(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case = draw_case(seed)
    expected = everything(case)
    monkeypatch.setattr(bundled_channels, "LARGE", 0)
    for one, other in zip(everything(case), expected, strict=True):
        same = np.array_equal if isinstance(one, np.ndarray) else same_bits
        assert same(one, other)


@pytest.mark.parametrize("seed", range(8))
def test_equal_bits_at_several_positions(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, targets = any_networks.draw(seed)
    expected = na.gradient(net, x, targets)
    monkeypatch.setattr(bundled_channels, "LARGE", 0)
    assert same_bits(na.gradient(net, x, targets), expected)


def test_equal_bits_of_tangents(monkeypatch: pytest.MonkeyPatch) -> None:
    net, rng = na.Network.layered([3, 4, 2], "tanh", seed=0), np.random.default_rng(0)
    x, targets = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    along = rng.standard_normal(len(net.weights)), rng.standard_normal(len(net.biases))
    expected = na.hessian_vector_product(net, x, targets, *along)
    monkeypatch.setattr(bundled_channels, "LARGE", 0)
    found = na.hessian_vector_product(net, x, targets, *along)
    assert np.array_equal(found.weights, expected.weights)
    assert np.array_equal(found.biases, expected.biases)


def place(array: np.ndarray) -> tuple[object, ...]:
    """Where a view lies in its array, and what it shows."""
    base = array if array.base is None else array.base
    start = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return start if array.size else 0, array.shape, array.strides if array.size else ()


@pytest.mark.parametrize("seed", [3, 8, 12])
async def test_they_show_the_same_rows(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tests/society/test_locality.py` says of the views of small societies that they are the neuron's own and nothing wider."""
    case = draw_case(seed)
    n, places = len(case.network.ids), []
    for large in (bundled_channels.LARGE, 0):
        monkeypatch.setattr(bundled_channels, "LARGE", large)
        office = Bundled(case.network)
        async with na.open_simulation(case.network, lambda *_, office=office: office) as simulation:
            for wrt_inputs in (False, True):
                await simulation.gradient(case.x, case.targets, case.loss, wrt_inputs=wrt_inputs)
                ports = [office.port(k) for k in range(n)]
                places.append(
                    [place(getattr(port, name)) for port in ports for name in VIEWS]
                    + [place(office.loss.activations_in), place(office.loss.urgencies_out)]
                )
    held, held_with_inputs, made, made_with_inputs = places
    assert held == made
    assert held_with_inputs == made_with_inputs
    assert held != held_with_inputs


async def test_memory_of_a_neuron_in_a_large_society(viewless) -> None:
    """Beyond the cache the time of a step is that of walking over these blocks. Here there are ten synapses a neuron."""
    net = tangled(2_000)
    x, targets = np.ones((1, len(net.inputs))), np.zeros((1, len(net.outputs)))
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        async with na.open_simulation(net) as simulation:
            await simulation.gradient(x, targets)
            await simulation.gradient(x, targets)
            after = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    found = after.compare_to(before, "filename")
    blocks = sum(one.count_diff for one in found) / len(net.ids)
    size = sum(one.size_diff for one in found) / len(net.ids)
    assert 15 < blocks < 25  # with views, and an object for each copy, they were 33
    assert 2_000 < size < 3_700
