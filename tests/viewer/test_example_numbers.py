"""An example has the same number in all steps, however the batches are shuffled."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from helpers.record import record

import neuro_actors as na
from neuro_actors.viewer.page_data import collect_page_data

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
T = np.array([[0.0], [1.0], [1.0], [0.0]])


def shown_inputs(step: dict, n: int) -> np.ndarray:
    rows = np.frombuffer(base64.b64decode(step["arrays"]["activations"]), "<f8").reshape(-1, n)
    return rows[: step["examples"], :2]


def test_shuffled_examples_keep_their_numbers_which_are_sorted_by_value(tmp_path: Path) -> None:
    net = na.Network.layered([2, 3, 1], seed=0)
    for size in (4, 1):
        path = tmp_path / f"{size}.arrows"
        na.train(net, X, T, optimizer=na.SGD(0.1), epochs=6, batch_size=size, log=path)
        run = collect_page_data(na.open_log(path))
        orders = set()
        for step in run["steps"]:
            orders.add(tuple(step["inputs"]))
            assert np.array_equal(X[step["inputs"]], shown_inputs(step, 6))
        assert len(orders) > 3


def test_equal_inputs_with_other_targets_are_other_examples(tmp_path: Path) -> None:
    net = na.Network.layered([2, 3, 1], seed=0)

    async def run(s: na.Simulation) -> None:
        x = [[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [-0.0, 0.0]]
        await s.predict(x[2:])
        await s.train_step(x, [[1.0], [5.0], [1.0], [0.0]], optimizer=na.SGD(0.1))
        await s.predict(x[:1])

    path = record(tmp_path / "a.arrows", net, run)
    found = [step["inputs"] for step in collect_page_data(na.open_log(path))["steps"]]
    assert found == [[1, 0], [1, 2, 1, 0], [1]]


def test_a_thinned_page_keeps_examples_that_occur_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuro_actors.viewer.selection.PAGE_BYTES", 0)
    net = na.Network.layered([2, 20, 1], seed=0)
    rng = np.random.default_rng(0)

    async def run(s: na.Simulation) -> None:
        for _ in range(26):
            others = rng.normal(size=(9, 2))
            x = rng.permutation(np.concatenate([others, X[1:2]]))
            await s.train_step(x, np.ones((10, 1)), optimizer=na.SGD(0.01))

    path = record(tmp_path / "a.arrows", net, run)
    page = collect_page_data(na.open_log(path), max_mb=0.13)
    assert page["notes"]["shownExamples"] < 10
    common = set.intersection(*(set(step["inputs"]) for step in page["steps"]))
    assert len(common) == 1
    shown = {number for step in page["steps"] for number in step["inputs"]}
    assert shown == set(range(len(shown)))


def test_inputs_that_were_not_recorded_have_no_values(tmp_path: Path) -> None:
    path, net = tmp_path / "a.arrows", na.Network.layered([2, 3, 1], seed=0)
    log = na.Recording(path, neurons=["h1.0"])
    na.train(net, X, T, optimizer=na.SGD(0.1), epochs=2, batch_size=4, log=log)
    found = [step["inputs"] for step in collect_page_data(na.open_log(path))["steps"]]
    assert found[0] == found[1]
    assert len(set(found[0])) == 4
