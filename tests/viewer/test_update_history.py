"""What the page says of an update: the optimizer's state before it, and what neurons learned from."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.all_kinds import both_directions

import neuro_actors as na
from neuro_actors.neuron.optimizers import OptimizerState
from neuro_actors.viewer.page_data import collect_page_data
from neuro_actors.viewer.update_history import states_to_replay

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
T = np.array([[0.0], [1.0], [1.0], [0.0]])
OPTIMIZERS = [
    na.SGD(0.5),
    na.SGD(0.5, momentum=0.9, weight_decay=0.01),
    na.SGD(na.StepDecay(0.5, 2), momentum=0.9),
    na.Adam(na.CosineDecay(0.1, 9), weight_decay=0.001),
    na.Adam(lambda count: 0.1 / count),
]


def train(path: Path, optimizer: Any, log: Any = None, **how: Any) -> dict[str, Any]:
    net = na.Network.layered([2, 3, 1], output_activation="sigmoid", seed=0)
    how = {"epochs": 5, "batch_size": 4} | how
    na.train(net, X, T, loss="cross_entropy", optimizer=optimizer, log=log or path, **how)
    return collect_page_data(na.open_log(path))


def parameters(run: dict[str, Any], version: int) -> np.ndarray:
    one = run["versions"][version]
    return np.concatenate([unpacked(one["weights"]), unpacked(one["biases"])])


def unpacked(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f8")


@pytest.mark.parametrize(
    ("optimizer", "micro_batches"),
    [*((one, None) for one in OPTIMIZERS), (OPTIMIZERS[1], 3), (OPTIMIZERS[3], 3)],
)
def test_each_update_follows_from_what_the_page_has(
    tmp_path: Path, optimizer: na.SGD | na.Adam, micro_batches: int | None
) -> None:
    run = train(tmp_path / "a.arrows", optimizer, micro_batches=micro_batches)
    updates = [step for step in run["steps"] if step["mode"] == "train"]
    assert [step["update"]["count"] for step in updates] == [1, 2, 3, 4, 5]
    for step in updates:
        count, arrays, before = (
            step["update"]["count"],
            step["arrays"],
            parameters(run, step["before"]),
        )
        n = len(optimizer.start(1))
        state: OptimizerState = tuple(np.zeros(len(before)) for _ in range(n))
        if count > 1:
            state = tuple(unpacked(arrays[f"state{k}"]) for k in range(n))
        wants = unpacked(arrays.get("batch_wants", arrays.get("wants")))
        found = optimizer.update(before, wants, state, count)[0]
        after = parameters(run, step["after"])
        learning = ~np.isnan(wants)
        assert learning.sum() == 13
        assert np.array_equal(found[learning], after[learning])  # bit for bit
        rate = optimizer.learning_rate
        assert step["update"]["rate"] == (rate(count) if callable(rate) else rate)
        assert step["learnedFrom"] == 4


@pytest.mark.parametrize("micro_batches", [None, 1, 3])
def test_each_update_through_time_too(tmp_path: Path, micro_batches: int | None) -> None:
    case, optimizer, log = both_directions(batch=4), na.SGD(0.1), tmp_path / "a.arrows"
    given = case.network, case.x, case.targets
    na.train(*given, optimizer=optimizer, epochs=2, log=log, micro_batches=micro_batches)
    run = collect_page_data(na.open_log(log))
    updates = [step for step in run["steps"] if step["mode"] == "train"]
    assert len(updates) == 2
    for step in updates:
        before, after = (parameters(run, step[name]) for name in ("before", "after"))
        wants = unpacked(step["arrays"]["batch_wants"])
        known = ~np.isnan(wants)  # inputs learn nothing
        assert known.sum() >= case.network.n_parameters.sum()
        assert np.array_equal(optimizer.update(before, wants, (), 1)[0][known], after[known])
        assert step["learnedFrom"] == 4


def test_updates_that_were_not_recorded(tmp_path: Path) -> None:
    path = tmp_path / "a.arrows"
    run = train(path, na.Adam(0.1), na.Recording(path, every=2))
    updates = [step for step in run["steps"] if step["mode"] == "train"]
    assert [step["update"]["count"] for step in updates] == [1, 3, 5]
    assert "state0" not in updates[0]["arrays"]  # before the first update it is 0
    assert np.isnan(unpacked(updates[1]["arrays"]["state0"])).all()
    assert run["replayed"] is True


def test_a_run_that_was_resumed(tmp_path: Path) -> None:
    net = na.Network.layered([2, 3, 1], output_activation="sigmoid", seed=0)
    how: dict[str, Any] = {"loss": "cross_entropy", "optimizer": na.SGD(0.1, 0.9), "batch_size": 4}
    na.train(net, X, T, epochs=4, checkpoint=tmp_path / "run", every=2, **how)
    first = min(file for file in (tmp_path / "run").iterdir() if "data" not in file.name)
    na.resume(first, log=tmp_path / "b.arrows")
    run = collect_page_data(na.open_log(tmp_path / "b.arrows"))
    assert [step["update"]["count"] for step in run["steps"]] == [3, 4]
    assert all(np.isnan(unpacked(step["arrays"]["state0"])).all() for step in run["steps"])


@dataclass(frozen=True)
class Sign:
    """An optimizer of one's own."""

    def start(self, n_parameters: int) -> OptimizerState:
        return ()

    def update(self, parameters: Any, urgencies: Any, state: Any, count: int) -> Any:
        return parameters + 0.01 * np.sign(urgencies), state


def test_an_optimizer_of_ones_own_has_no_formula(tmp_path: Path) -> None:
    run = train(tmp_path / "a.arrows", Sign())
    assert all(step["update"] is None for step in run["steps"])


def test_so_many_steps_are_not_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuro_actors.viewer.update_history.MOST_PRODUCTS", 100)
    run = train(tmp_path / "a.arrows", na.SGD(0.1, 0.9))
    assert run["replayed"] is False
    assert not [step for step in run["steps"] if "state0" in step["arrays"]]
    log = na.open_log(tmp_path / "a.arrows")
    assert states_to_replay(list(log.steps), log.network) is None
    assert train(tmp_path / "b.arrows", na.SGD(0.1))["replayed"] is True  # it holds nothing


def test_thinned_steps_have_the_state_of_all_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(tmp_path / "a.arrows", na.Adam(0.1), epochs=30)
    monkeypatch.setattr("neuro_actors.viewer.selection.PAGE_BYTES", 0)
    few = collect_page_data(na.open_log(tmp_path / "a.arrows"), max_mb=0.035)
    assert 2 <= len(few["steps"]) < 30
    for step in few["steps"][1:]:
        same = whole["steps"][step["number"] - 1]["arrays"]["state0"]
        found = np.frombuffer(base64.b64decode(step["arrays"]["state0"]), f"<f{few['item']}")
        assert found == pytest.approx(unpacked(same), rel=1e-6, nan_ok=True)


@pytest.mark.parametrize(
    "damage", [lambda held: held.pop("momentum"), lambda held: held.update(learning_rate="x")]
)
def test_a_damaged_note_gives_no_formula(
    tmp_path: Path, damage: Callable[[dict[str, Any]], Any]
) -> None:
    from dataclasses import replace

    from neuro_actors.viewer.update_history import optimizer_settings, read_optimizer

    train(tmp_path / "a.arrows", na.SGD(0.1))
    info = na.open_log(tmp_path / "a.arrows").steps[0]
    held = dict(info.optimizer)
    damage(held)
    held["name"] = held["name"] if "momentum" in held else "SGD2"
    info = replace(info, optimizer=held)
    assert read_optimizer(info) is None
    assert optimizer_settings(info) is None
