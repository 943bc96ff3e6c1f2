"""Engines are equal in every bit: predictions, gradients, input gradients, trained parameters, logs."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from helpers.comparing import everything, same_bits
from helpers.paths import ROOT
from helpers.tiers import few

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.proof.random_cases import draw_case

NETWORKS, PARTS = 1000, 100


def equal(one, other) -> bool:
    return (
        np.array_equal(one[0], other[0])
        and same_bits(one[1], other[1])
        and same_bits(one[2], other[2])
        and one[3:] == other[3:]
    )


@pytest.mark.parametrize("part", few(range(PARTS), 1))
def test_a_thousand_random_graphs(part: int) -> None:
    for seed in range(part * NETWORKS // PARTS, (part + 1) * NETWORKS // PARTS):
        case = draw_case(seed)
        assert equal(everything(case, "bundled"), everything(case, "memory")), seed


@pytest.mark.parametrize("seed", few(range(30), 5))
def test_with_blas_sums_too(seed: int) -> None:
    case = draw_case(seed)
    bundled = everything(case, "bundled", "blas")
    assert equal(bundled, everything(case, "memory", "blas"))
    _, bound = na.reference.with_bound(
        case.network, case.x, case.targets, case.loss, wrt_inputs=True
    )
    gap = np.abs(bundled[1].weights - everything(case, "memory")[1].weights)
    assert (gap <= bound.weights).all()


SHAPES = {
    "a fan-in of one": na.Network.layered([1, 1, 1, 1]),
    "wide": na.Network.layered([300, 2, 40]),
    "ten thousand followers": na.Network.from_matrices(
        [np.ones((1, 2)), np.linspace(-1, 1, 10_000)[:, None]], [np.zeros(1), np.zeros(10_000)], ["tanh", "identity"]
    ),
    "inputs that are outputs and feed outputs": na.Network(
        [na.Input("a"), na.Input("b"), na.Neuron("y", "tanh", 0.1), na.Neuron("z", "sin", 0.2)],
        [na.Synapse("a", "y", 0.5), na.Synapse("b", "z", -1.5), na.Synapse("a", "z", 2.0), na.Synapse("y", "z", 0.25)],
        ["z", "a", "y"],
    ),
    "the same sources in another order": na.Network(
        [na.Input("a"), na.Neuron("h1"), na.Neuron("h2"), na.Neuron("p"), na.Neuron("q")],
        [na.Synapse(*pair, weight=0.1 * k - 0.3) for k, pair in enumerate([("a", "h1"), ("a", "h2"), ("h1", "p"), ("h2", "p"), ("h2", "q"), ("h1", "q")])],
        ["p", "q"],
    ),
}  # fmt: skip


LARGE = "ten thousand followers"
BATCHES = (1, 2, 3, 32, 300)
COMBINED = [  # by default each shape with each batch once, and each loss at least three times
    pytest.param(shape, batch, loss, marks=[pytest.mark.slow] if (i + j + k) % 6 else [])
    for i, shape in enumerate(s for s in SHAPES if s != LARGE)
    for j, batch in enumerate(BATCHES)
    for k, loss in enumerate(functions.LOSSES)
]


@pytest.mark.parametrize(
    ("shape", "batch", "loss"),
    [*COMBINED, *few([(LARGE, 1, "squared_error"), (LARGE, 2, "huber")], 0)],
)
def test_particular_shapes_losses_and_batches(shape: str, batch: int, loss: str) -> None:
    net = SHAPES[shape]
    rng = np.random.default_rng(batch)
    if loss in ("cross_entropy", "kl_divergence"):  # on probabilities
        net = (
            na.Network.layered([3, 4, 3], output_activation="sigmoid") if "inputs" in shape else net
        )
        net = na.Network(
            [na.Input(n.id) if isinstance(n, na.Input) else na.Neuron(n.id, "sigmoid", n.bias) for n in net.neurons], net.synapses, net.outputs
        )  # fmt: skip
    x = rng.standard_normal((batch, len(net.inputs)))
    targets = rng.dirichlet(np.ones(len(net.outputs)), batch)
    found = [
        na.gradient(net, x, targets, loss, channels=channels, wrt_inputs=True)
        for channels in ("bundled", "memory")
    ]
    assert same_bits(*found)


CHILD = """
from helpers.comparing import everything
from neuro_actors.proof.random_cases import draw_case
import neuro_actors as na, numpy as np
rng = np.random.default_rng(0)
net = na.Network.layered([500, 60, 10], seed=3)
for batch in (1, 200):
    x, t = rng.standard_normal((batch, 500)), rng.standard_normal((batch, 10))
    for channels in ("bundled", "memory"):
        g = na.gradient(net, x, t, channels=channels)
        print(g.loss.hex(), hash(g.weights.tobytes()))
print([everything(draw_case(seed), "bundled")[3:] for seed in range(3)])
"""


@pytest.mark.slow
def test_the_bits_depend_on_no_number_of_threads(run_slow: bool) -> None:
    said = set()
    for threads in ("1", "2", None) if run_slow else ("1", "2"):
        environment = {k: v for k, v in os.environ.items() if not k.endswith("NUM_THREADS")} | {
            "PYTHONHASHSEED": "0"
        }
        if threads is not None:
            environment["OPENBLAS_NUM_THREADS"] = threads
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
        done = subprocess.run(
            [sys.executable, "-c", CHILD],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        said.add(done.stdout)
    assert len(said) == 1
    lines = said.pop().splitlines()
    assert lines[0] == lines[1]
    assert lines[2] == lines[3]


@pytest.mark.parametrize("seed", [1, 4, 9, 13])
async def test_logs_are_equal_in_every_byte(
    seed: int, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuro_actors.log.recorder.FLUSH_SECONDS", float("inf"))
    case = draw_case(seed)
    for channels in ("bundled", "memory"):
        async with na.open_simulation(
            case.network, channels, log=tmp_path / channels
        ) as simulation:
            for wrt_inputs in (False, True):
                await simulation.predict(case.x[:3])
                await simulation.gradient(case.x, case.targets, case.loss, wrt_inputs=wrt_inputs)
                await simulation.train_step(case.x, case.targets, case.loss, optimizer=na.Adam())
    assert (tmp_path / "bundled").read_bytes() == (tmp_path / "memory").read_bytes()


@pytest.mark.parametrize("seed", few(range(200, 240), 8))
async def test_any_sequence_of_steps(seed: int) -> None:
    """Batches of all sizes, steps of all kinds, one after another; and no result is written over by a later step."""
    case, rng = draw_case(seed), np.random.default_rng(seed)
    saved: list[tuple[np.ndarray, np.ndarray]] = []
    async with (
        na.open_simulation(case.network, "bundled") as one,
        na.open_simulation(case.network, "memory") as other,
    ):
        for _ in range(12):
            rows = rng.integers(0, len(case.x), rng.integers(1, len(case.x) + 1))
            x, targets, kind = case.x[rows], case.targets[rows], rng.integers(4)
            if kind == 0:
                p, q = await one.predict(x), await other.predict(x)
                assert np.array_equal(p, q)
                saved.append((p, p.copy()))
            elif kind == 3:
                a, b = [
                    await s.train_step(x, targets, case.loss, optimizer=na.SGD(0.01, 0.5))
                    for s in (one, other)
                ]
                assert a.loss == b.loss
                assert (await one.network()).digest() == (await other.network()).digest()
            else:
                g, h = [
                    await s.gradient(x, targets, case.loss, wrt_inputs=kind == 2)
                    for s in (one, other)
                ]
                assert same_bits(g, h)
                saved += [
                    (a, a.copy())
                    for a in (g.weights, g.biases, g.predictions, g.inputs)
                    if a is not None
                ]
    assert all(np.array_equal(found, copy) for found, copy in saved)
