"""The data of pages of networks with interneurons, positions, frozen parameters and delays."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import page_networks

import neuro_actors as na
from neuro_actors.viewer.contradictions import find_contradictions
from neuro_actors.viewer.page_data import collect_page_data
from neuro_actors.viewer.step_values import compute_step_numbers

NAMES = ["gated", "pictures", "recurrent pictures", "both ways", "transformer"]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("logs")
    return {name: page_networks.record(folder / f"{name}.arrows", name, batch=3) for name in NAMES}


def unpack(text: str, kind: str = "<f8") -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_has_each_neuron_at_each_position_as_the_log_has_it(
    logs: dict[str, Path], name: str
) -> None:
    log = na.open_log(logs[name])
    network, run = log.network, collect_page_data(log)
    into = [s for s, k in enumerate(network.targets) if int(k) in network.interneurons]
    assert len(run["steps"]) == len(log.steps)
    examples = {}
    for one in run["steps"]:
        step = log.step(one["number"])
        assert one["odd"] == []
        assert one["examples"] == 3
        for key, recorded, positions in (
            ("activations", step.activations, network.n_positions),
            ("messages", step.urgencies[into], network.n_positions[network.sources[into]]),
            ("targets", step.targets, network.n_positions[network.output_positions]),
            ("blame", step.blame, network.n_positions[network.output_positions]),
        ):
            rows = unpack(one["arrays"][key]).reshape(4, -1)
            for example in range(3):
                wanted = [
                    recorded[k, example * p : (example + 1) * p] for k, p in enumerate(positions)
                ]
                assert np.array_equal(rows[example], np.concatenate(wanted), equal_nan=True)
            assert np.allclose(rows[:3].mean(axis=0), rows[3], rtol=1e-12, atol=0, equal_nan=True)
        examples.setdefault(one.get("sequence", one["number"]), set()).add(tuple(one["inputs"]))
    assert {len(found) for found in examples.values()} == {1}  # one example through all rounds
    assert {tuple(sorted(*found)) for found in examples.values()} == {(0, 1, 2)}


def test_what_is_not_plain_is_said_of_the_network(logs: dict[str, Path]) -> None:
    found = collect_page_data(na.open_log(logs["pictures"]))["network"]
    assert found["grids"][0] == []
    assert sorted(found["grids"][1:]) == [[2, 2], [4, 4]]
    ids, grid = found["ids"], unpack(found["grid"], "<i4")
    assert found["grids"][grid[ids.index("pool")]] == [2, 2]
    kinds = {ids[k]: (what, field) for k, what, field in found["interneurons"]}
    assert {who: what for who, (what, _) in kinds.items()} == {
        "shifted": "sum",
        "pool": "max",
        "prod": "product",
    }
    assert kinds["prod"][1] == -1
    pool = found["fields"][kinds["pool"][1]]
    assert found["grids"][pool["sources"]] == [4, 4]
    received = unpack(pool["positions"], "<i4").reshape(4, pool["width"])
    assert received.tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    gated = collect_page_data(na.open_log(logs["gated"]))["network"]
    network = na.open_log(logs["gated"]).network
    (frozen,) = unpack(gated["frozenWeights"], "<i4")
    assert network.arrow(int(frozen)).replace(" ", "").replace("'", "") in ("b->h", "b→h")
    assert [gated["ids"][k] for k in unpack(gated["frozenBiases"], "<i4")] == ["g"]
    assert "grids" not in gated
    delayed = collect_page_data(na.open_log(logs["recurrent pictures"]))["network"]
    assert [(delayed["ids"][a], delayed["ids"][b], n) for a, b, n in delayed["delayed"]] == [
        ("before", "to before", 1)
    ]


def test_a_plain_network_has_no_more_entries(tmp_path: Path) -> None:
    net = na.Network.layered([2, 3, 1], seed=0)
    log = tmp_path / "plain.arrows"
    na.train(net, np.eye(2), np.ones((2, 1)), optimizer=na.SGD(0.1), epochs=1, log=log)
    run = collect_page_data(na.open_log(log))
    more = {"interneurons", "grids", "grid", "fields", "frozenWeights", "frozenBiases", "delayed"}
    assert not more & set(run["network"])
    assert not {"tick", "back", "sequence"} & set(run["steps"][0])
    assert "messages" not in run["steps"][0]["arrays"]


def test_what_neurons_learned_from_is_the_sum_over_the_ticks(logs: dict[str, Path]) -> None:
    log = na.open_log(logs["recurrent pictures"])
    run = collect_page_data(log)
    ticks = [one["tick"] for one in run["steps"] if one["sequence"] == run["steps"][-1]["sequence"]]
    assert ticks == [[t, 5] for t in (1, 2, 3, 4, 5, 5, 4, 3, 2, 1)]
    gradient = [one for one in run["steps"] if one["mode"] == "gradient"][:5]
    total = sum(unpack(one["arrays"]["wants"]) for one in gradient)
    assert [one["tick"][0] for one in gradient] == [5, 4, 3, 2, 1]
    assert ["batch_wants" in one["arrays"] for one in gradient] == [
        False,
        False,
        False,
        False,
        True,
    ]
    learned = unpack(gradient[-1]["arrays"]["batch_wants"])
    assert np.allclose(learned, total, rtol=1e-13, equal_nan=True)
    step = log.step(gradient[-1]["number"])
    commits = np.concatenate([step.weights, step.biases])
    assert np.array_equal(learned[~np.isnan(learned)], commits[~np.isnan(learned)])


def test_what_neurons_learned_from_is_that_of_the_last_pass(logs: dict[str, Path]) -> None:
    """A sequence in both directions has two passes there and two back."""
    log = na.open_log(logs["both ways"])
    run = collect_page_data(log)
    gradient = [one for one in run["steps"] if one["mode"] == "gradient"][:10]
    assert [one["tick"][0] for one in gradient] == [1, 2, 3, 4, 5, 5, 4, 3, 2, 1]
    learned = unpack(gradient[-1]["arrays"]["batch_wants"])
    total = sum(unpack(one["arrays"]["wants"]) for one in gradient[5:])
    assert np.allclose(learned, total, rtol=1e-12, atol=1e-15, equal_nan=True)
    step = log.step(gradient[-1]["number"])
    commits = np.concatenate([step.weights, step.biases])
    assert np.array_equal(learned[~np.isnan(learned)], commits[~np.isnan(learned)])


def changed(log: na.Log, number: int, what: str, at: Any) -> list[int]:
    """The members that contradict the formulas once a number of a step is another one."""
    step = log.step(number)
    array = getattr(step, what)
    array.flags.writeable = True
    array[at] += 1e-6
    numbers = compute_step_numbers(log.network, step)
    return find_contradictions(log.network, step, numbers, set(), {"squared_error"})


@pytest.mark.parametrize("who", ["p", "s", "m", "l"])
def test_a_changed_number_of_an_interneuron_is_found(logs: dict[str, Path], who: str) -> None:
    log = na.open_log(logs["gated"])
    k = log.network.position[who]
    assert k in changed(log, 2, "activations", (k, 1))
    for s in log.network.incoming.of(k).tolist():
        assert k in changed(log, 2, "urgencies", (s, 1))


def test_a_changed_number_at_one_position_is_found(logs: dict[str, Path]) -> None:
    log = na.open_log(logs["pictures"])
    for who in ("shifted", "pool", "prod", "c", "e"):
        k = log.network.position[who]
        last = 3 * int(log.network.n_positions[k]) - 1
        assert k in changed(log, 2, "activations", (k, last)), who
        s = int(log.network.incoming.of(k)[0])
        at = 3 * int(log.network.n_positions[log.network.sources[s]]) - 1
        assert k in changed(log, 2, "urgencies", (s, at)), who
    assert len(log.network.ids) in changed(log, 2, "blame", (0, 11))


def test_a_delay_that_repeats_something_else_is_found(
    logs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = na.open_log(logs["recurrent pictures"])
    k = log.network.position["before"]
    real = log.step

    def step(number: int) -> Any:
        found = real(number)
        if number == 7:
            found.activations.flags.writeable = True
            found.activations[k, 0] += 1e-9
        return found

    monkeypatch.setattr(log, "step", step)
    odd = {one["number"]: one["odd"] for one in collect_page_data(log)["steps"]}
    assert k in odd.pop(7)
    last = len(log.network.outputs) - 1  # what the delay hears
    assert len(log.network.ids) in changed(
        na.open_log(logs["recurrent pictures"]), 12, "blame", (last, 0)
    )
    assert not any(k in found for found in odd.values())


def test_a_combination_that_means_something_else_here_has_no_formula(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the user's own is checked, and not printed; one that changed since the run is neither."""
    double = na.Combination(lambda x: 2.0 * x[0], lambda x, a: np.full(x.shape, 2.0))
    monkeypatch.setitem(na.COMBINATIONS, "twice", double)
    net = na.Network(
        [na.Input("x"), na.Interneuron("t", "twice"), na.Interneuron("s", "sum"), na.Neuron("y")],
        [na.Synapse("x", "t"), na.Synapse("t", "s"), na.Synapse("s", "y")],
        ["y"],
    )
    path = tmp_path / "run.arrows"
    na.train(net, [[1.0], [2.0]], [[0.0], [1.0]], optimizer=na.SGD(0.1), epochs=1, log=path)
    run = collect_page_data(na.open_log(path))
    assert run["network"]["combinations"] == ["sum"]
    assert [one["odd"] for one in run["steps"]] == [[]] * len(run["steps"])
    log = na.open_log(path)
    assert log.network.position["t"] in changed(log, 1, "activations", (1, 0))
    triple = na.Combination(lambda x: 3.0 * x[0], lambda x, a: np.full(x.shape, 3.0))
    monkeypatch.setitem(na.COMBINATIONS, "twice", triple)
    again = collect_page_data(na.open_log(path))
    assert [one["odd"] for one in again["steps"]] == [[]] * len(run["steps"])
