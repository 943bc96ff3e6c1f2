"""Runs of networks with interneurons, frozen parameters, positions and delays stop, and go on to the same bits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.gated_networks import IN_TIME, NETWORKS, examples

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.simulation.checkpoint import files, reading

ALL = NETWORKS | IN_TIME


def train(network: na.Network, folder: Path | None = None, **more) -> na.TrainingResult:
    x, targets = examples(network, 5)
    given = {
        "optimizer": na.Adam(0.05),
        "epochs": 2,
        "batch_size": 2,
        "validation": (x[:2], targets[:2]),
    }
    return na.train(network, x, targets, checkpoint=folder, **given | more)


@pytest.mark.parametrize("name", ALL)
def test_stopped_and_gone_on(name: str, tmp_path, stop) -> None:
    network = ALL[name]()
    rule = na.rules.ThroughTime(window=2) if network.delays else None
    whole = train(network, rule=rule)
    assert not np.array_equal(whole.network.weights, network.weights)
    assert np.array_equal(
        whole.network.weights[network.frozen_weights], network.weights[network.frozen_weights]
    )
    folder = tmp_path / "run"
    stop(1)
    with pytest.raises(KeyboardInterrupt):
        train(network, folder, rule=rule)
    stop(4)
    with pytest.raises(KeyboardInterrupt):
        na.resume(folder, channels="memory")
    stop(0)
    assert na.resume(folder, log=tmp_path / "rest.arrows") == whole
    assert na.resume(folder) == whole  # which is finished
    log = na.open_log(tmp_path / "rest.arrows")
    assert log.network_at(log.steps[-1].number) == whole.network
    assert log.about["resumed"] > 0


def test_the_state_between_steps_holds_no_sum(tmp_path, stop) -> None:
    network = ALL["recurrent"]()
    stop(2)
    with pytest.raises(KeyboardInterrupt):
        train(network, tmp_path)
    stop(0)
    checkpoint = reading.Checkpoint(tmp_path)
    forms = [form for form in checkpoint.metadata["forms"] if form[0] == "tuple" and len(form) == 3]
    assert forms
    assert all(form[2] == ["array", "float64", [0]] for form in forms)  # TimeNeuron.total
    assert checkpoint.sizes() == (4, 1, 7)


def test_earlier_versions_refuse_it(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(ALL["gated"](), tmp_path)
    monkeypatch.setattr(files, "WITH_ELEMENTS", files.FORMAT)
    with pytest.raises(
        na.CheckpointError, match="has checkpoint format 2; this version reads format 1$"
    ):
        na.resume(tmp_path)


def test_a_combination_that_was_replaced_is_named(tmp_path, stop, monkeypatch) -> None:
    stop(1)
    with pytest.raises(KeyboardInterrupt):
        train(ALL["gated"](), tmp_path)
    stop(0)
    monkeypatch.setitem(functions.COMBINATIONS, "product", functions.COMBINATIONS["sum"])
    with pytest.raises(
        na.CheckpointError, match="the combination 'product' is another function here"
    ):
        na.resume(tmp_path)


def test_its_text_is_json(tmp_path) -> None:
    train(ALL["recurrent"](), tmp_path)
    held = reading.Checkpoint(tmp_path)._contents.arrays["network.elements"].tobytes()
    assert json.loads(held)["delays"] == [[1, 5, 1], [2, 6, 2]]
