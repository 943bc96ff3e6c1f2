"""A run goes on with the code that it began with, or not at all: names do not say which code it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.neuron.local_rule import LocalRule
from neuro_actors.simulation.checkpoint import files
from neuro_actors.simulation.checkpoint.reading import Checkpoint
from neuro_actors.simulation.checkpoint.summary import summarize

RNG = np.random.default_rng(0)
X, TARGETS = RNG.standard_normal((6, 2)), RNG.random((6, 1))


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACTIVATIONS", "LOSSES"):
        monkeypatch.setattr(functions, name, dict(getattr(functions, name)))


def middle(folder: Path, **more: Any) -> Path:
    """The checkpoint in the middle of a run."""
    net = na.Network.layered([2, 3, 1], output_activation="identity", seed=1)
    run = {"optimizer": na.SGD(0.1), "loss": "huber"} | more
    na.train(net, X, TARGETS, epochs=2, batch_size=3, checkpoint=folder, every=2, **run)
    return folder / "step-0000000002.safetensors"


def test_a_replaced_activation(tmp_path: Path) -> None:
    tanh = functions.ACTIVATIONS["tanh"]
    na.add_activation("tanh", lambda z: 1.7 * np.tanh(z), lambda z, a: 1.7 - a * a / 1.7)
    file = middle(tmp_path)
    whole = na.resume(file)
    assert summarize(Checkpoint(file))["differences"] == []
    replaced, functions.ACTIVATIONS["tanh"] = functions.ACTIVATIONS["tanh"], tanh
    (difference,) = summarize(Checkpoint(file))["differences"]
    assert difference.startswith("the activation 'tanh' is another function here than in the run")
    for exact in (True, False):
        with pytest.raises(
            na.CheckpointError,
            match=r"the activation 'tanh' is another function here than in the run \(its value at",
        ):
            na.resume(file, exact=exact)
    functions.ACTIVATIONS["tanh"] = replaced
    assert na.resume(file) == whole


def test_a_replaced_loss(tmp_path: Path) -> None:
    huber = functions.LOSSES["huber"]
    na.add_loss("huber", lambda p, t: 2 * huber.value(p, t), lambda p, t: 2 * huber.slope(p, t))
    file = middle(tmp_path)
    functions.LOSSES["huber"] = huber
    with pytest.raises(na.CheckpointError, match="the loss 'huber' is another function here"):
        na.resume(file)


@dataclass(frozen=True)
class Falling:
    """An optimizer of the user's own. Another class with its `repr` is `Rising`."""

    rate: float = 0.1

    def start(self, n: int) -> tuple[Any, ...]:
        return ()

    def update(self, parameters: Any, urgencies: Any, state: Any, count: int) -> Any:
        return parameters + self.rate / count * urgencies, state


class Rising(Falling):
    def update(self, parameters: Any, urgencies: Any, state: Any, count: int) -> Any:
        return parameters + self.rate * (1.0 if count < 1000 else 2.0) * urgencies, state

    def __repr__(self) -> str:
        return f"Falling(rate={self.rate})"


@dataclass(frozen=True)
class Schedule:
    rate: float = 0.1

    def __call__(self, count: int) -> float:
        return self.rate / count


class LaterOther(Schedule):
    def __call__(self, count: int) -> float:
        return self.rate / count if count < 1000 else 0.5

    def __repr__(self) -> str:
        return f"Schedule(rate={self.rate})"


@pytest.mark.parametrize(
    ("right", "wrong"), [(Falling(), Rising(0.1)), (na.SGD(Schedule()), na.SGD(LaterOther()))]
)
def test_an_optimizer_with_an_equal_repr(right: Any, wrong: Any, tmp_path: Path) -> None:
    file = middle(tmp_path, optimizer=right)
    assert repr(right) == repr(wrong)
    assert na.resume(file, optimizer=right) == na.resume(tmp_path)
    with pytest.raises(na.CheckpointError, match=r"the optimizer .* is another function here"):
        na.resume(file, optimizer=wrong)


class Doubled(LocalRule):
    FACTOR = 2.0

    def conclude(self, step: Any, wanted: Any, commit_out: Any) -> None:
        super().conclude(step, self.FACTOR * wanted if step.optimizer else wanted, commit_out)


@dataclass(frozen=True)
class LearningDouble(na.rules.Rule):
    def neuron(self, network: na.Network, k: int, sums: Any) -> LocalRule:
        return Doubled(*na.rules.own(network, k), sums)


def test_a_rule_whose_class_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = middle(tmp_path, rule=LearningDouble())
    whole = na.resume(file)
    monkeypatch.setattr(Doubled, "FACTOR", 2.5)
    with pytest.raises(
        na.CheckpointError, match=r"the rule LearningDouble\(\) is another function here"
    ):
        na.resume(file)
    monkeypatch.undo()
    assert na.resume(file) == whole


def test_a_checkpoint_of_an_older_version_is_read(tmp_path: Path, capfd: Any) -> None:
    file = middle(tmp_path)
    whole, contents = na.resume(file), files.read(file, "checkpoint")
    older = {name: value for name, value in contents.metadata.items() if name != "functions"}
    for name in ("library", "additions"):
        del older["numerics"][name]
    files.write(file, "checkpoint", older, contents.arrays)
    capfd.readouterr()
    assert na.resume(file) == whole
    assert capfd.readouterr().err == (
        "neuro-actors: not checked, because this checkpoint does not tell of them: the activation "
        "'identity'; the activation 'tanh'; the loss 'huber'; the C library; the order of sums\n"
    )


def test_the_result_of_a_finished_run_needs_its_functions(tmp_path: Path) -> None:
    """The network would predict something else than the run learned."""
    middle(tmp_path)
    result, tanh = na.resume(tmp_path), functions.ACTIVATIONS["tanh"]
    na.add_activation("tanh", lambda z: 1.7 * np.tanh(z), lambda z, a: 1.7 - a * a / 1.7)
    with pytest.raises(na.CheckpointError, match="the activation 'tanh' is another function here"):
        na.resume(tmp_path)
    functions.ACTIVATIONS["tanh"] = tanh
    huber = functions.LOSSES["huber"]
    na.add_loss("huber", lambda p, t: 2 * huber.value(p, t), lambda p, t: 2 * huber.slope(p, t))
    assert na.resume(tmp_path) == result  # the loss has no part in it any more
