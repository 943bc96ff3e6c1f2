"""A mean over the examples is of them alone, also in steps whose messages carry other numbers beside those of the examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trio
from helpers.tiers import need

import neuro_actors as na
from neuro_actors.log.reader import LogReader
from neuro_actors.log.series import read_neuron, read_urgency_by_level
from neuro_actors.viewer.step_values import compute_step_numbers

NETWORK = na.Network.layered([2, 3, 2], seed=0)
X = np.array([[1.0, 2.0], [3.0, 4.0], [-5.0, 0.5], [0.25, -1.0]])
T = np.array([[1.0, 0.5], [0.0, 0.5], [2.0, 1.0], [0.0, -1.0]])


def record(path: Path, **how) -> na.Log:
    async def steps() -> None:
        async with na.open_simulation(NETWORK, log=na.Recording(path), **how) as society:
            await society.gradient(X, T)
            if not how:
                await society.hessian_vector_product(X, T, 100 * np.ones(12), np.ones(7))
            await society.train_step(X, T, optimizer=na.SGD(0.1))

    trio.run(steps)
    return na.open_log(path)


RULES = [
    None,
    na.rules.WeightPerturbation(seed=1),
    na.rules.NewtonCG(),
    na.rules.DirectFeedbackAlignment(seed=1),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_means_are_over_the_examples(rule, tmp_path: Path) -> None:
    need("duckdb")
    log = record(tmp_path / "a.arrows", **({} if rule is None else {"rule": rule}))
    reader = LogReader(tmp_path / "a.arrows")
    assert any(info.columns != info.batch for info in log.steps)
    answer = log.query("SELECT * FROM activations").to_pylist()
    found = {(row["step"], row["neuron"]): list(row.values())[2:] for row in answer}
    answer = log.query("SELECT * FROM urgencies").to_pylist()
    sent = {(row["step"], row["sender"], row["receiver"]): row for row in answer}
    for info in log.steps:
        step, number = log.step(info.number), info.number
        for k, name in enumerate(log.network.ids):
            values = step.activations[k]
            expected = [values.mean(), values.min(), values.max()]
            assert found[number, name] == pytest.approx(expected, rel=1e-14)
        for synapse, values in zip(log.network.synapses, step.urgencies, strict=True):
            if not np.isnan(values).any():
                row = sent[number, synapse.target, synapse.source]
                expected = [values.mean(), np.abs(values).mean()]
                assert [row["mean"], row["strength"]] == pytest.approx(expected, rel=1e-14)
    assert len(answer) > 3 * len(log.steps)
    for name in log.network.ids:
        series = read_neuron(reader, name)
        for number, *of_step in zip(
            series.activation_steps.tolist(), *series.activation.tolist(), strict=True
        ):
            assert of_step == pytest.approx(found[number, name], rel=1e-14)
    numbers, strength = read_urgency_by_level(reader)
    blame = [np.abs(log.step(number).blame).mean() for number in numbers.tolist()]
    assert strength[-1] == pytest.approx(blame, rel=1e-14)


def test_the_last_micro_batch_has_its_own_urgencies_in_a_page(tmp_path: Path) -> None:
    log = record(tmp_path / "a.arrows", micro_batches=2)
    for info in log.steps:
        step = log.step(info.number)
        network = log.network_at(max(0, info.number - 1))
        numbers = compute_step_numbers(network, step)
        x, v = numbers.activations[network.sources], numbers.signal_urgencies[network.targets]
        wants = numbers.wants[: len(network.weights)]
        assert wants == pytest.approx((x * v).mean(axis=1), rel=1e-12)
