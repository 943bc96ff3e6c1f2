"""The page prints no formula that the messages of a log contradict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.all_kinds import memory
from helpers.record import record

import neuro_actors as na
from neuro_actors.viewer.contradictions import find_contradictions
from neuro_actors.viewer.page_data import collect_page_data
from neuro_actors.viewer.step_values import compute_step_numbers

X, T = np.eye(3)[:, :2], np.array([[0.5], [1.0], [0.0]])
NET = na.Network.layered([2, 3, 2, 1], seed=0)


def pages_odd(path: Path, **how: Any) -> list[list[int]]:
    async def run(s: na.Simulation) -> None:
        await s.gradient(X, T)
        for _ in range(2):
            await s.train_step(X, T, optimizer=na.SGD(0.1))

    record(path, NET, run, **how)
    return [step["odd"] for step in collect_page_data(na.open_log(path))["steps"]]


@pytest.mark.parametrize("sums", ["ordered", "blas"])
def test_a_run_by_backpropagation_contradicts_nothing(tmp_path: Path, sums: str) -> None:
    assert pages_odd(tmp_path / "a.arrows", sums=sums) == [[], [], []]
    assert not any(pages_odd(tmp_path / "b.arrows", micro_batches=2))


def test_messages_of_other_rules_do(tmp_path: Path) -> None:
    for k, rule in enumerate((na.rules.FeedbackAlignment(), na.rules.WeightPerturbation())):
        found = pages_odd(tmp_path / f"{k}.arrows", rule=rule)
        assert all({5, 6, 7} <= set(odd) for odd in found)  # all that send to neurons


@pytest.mark.parametrize("what", ["activation", "urgency", "loss", "commit"])
def test_one_number_that_was_changed_is_found(tmp_path: Path, what: str) -> None:
    assert pages_odd(tmp_path / "a.arrows") == [[], [], []]
    log = na.open_log(tmp_path / "a.arrows")
    step, network = log.step(1), log.network
    position, s = network.position["h2.0"], int(network.incoming.of(network.position["h2.0"])[0])
    for name, place, culprit in (
        ("activation", (step.activations, position), position),
        ("urgency", (step.urgencies, s), position),
        ("loss", (step.blame, 0), len(network.ids)),
        ("commit", (step.weights, s), position),
    ):
        array, row = place
        array.flags.writeable = True
        if name == what:
            array[row] += 1e-6
            numbers = compute_step_numbers(network, step)
            found = find_contradictions(network, step, numbers, set(), {"squared_error"})
            assert culprit in found


@pytest.mark.parametrize("neurons", [["y0"], ["h1.0", "y0"], ["h1.0"]])
def test_what_a_partial_log_does_not_contain_contradicts_nothing(
    tmp_path: Path, neurons: list[str]
) -> None:
    """A target that is not on record is no target that does not count."""
    path = tmp_path / "a.arrows"
    na.train(NET, X, T, optimizer=na.SGD(0.1), epochs=2, log=na.Recording(path, neurons=neurons))
    steps = collect_page_data(na.open_log(path))["steps"]
    assert all(len(NET.ids) not in step["odd"] for step in steps)


def test_targets_that_do_not_count_contradict_nothing(tmp_path: Path) -> None:
    masked = np.ma.masked_array(T, [[True], [False], [False]])
    path = tmp_path / "a.arrows"
    na.train(NET, X, masked, optimizer=na.SGD(0.1), epochs=2, log=path)
    assert [step["odd"] for step in collect_page_data(na.open_log(path))["steps"]] == [[]] * 2


def test_micro_batches_of_sequences_contradict_nothing(tmp_path: Path) -> None:
    """The last round of one commits its own tick; that of the last one the mean of all, or parameters."""
    case = memory(batch=5)

    async def run(s: na.Simulation) -> None:
        await s.gradient(case.x, case.targets)
        await s.train_step(case.x, case.targets, optimizer=na.SGD(0.1))

    record(tmp_path / "a.arrows", case.network, run, micro_batches=2)
    steps = collect_page_data(na.open_log(tmp_path / "a.arrows"))["steps"]
    assert len(steps) == 40
    assert not any(step["odd"] for step in steps)
    assert {step["sequence"] for step in steps} == {1, 2, 21, 22}
    assert [step["learnedFrom"] for step in steps[18:20]] == [3, 5]
