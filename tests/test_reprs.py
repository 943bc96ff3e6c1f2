"""What a prompt and a notebook show of an object: short, in plain words, and no name of a user is markup."""

from __future__ import annotations

import copy
import pickle
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import trio

import neuro_actors as na

BAD = "<script>alert(1)</script>"
TAGS = {"div", "pre", "b", "span", "table", "thead", "tbody", "tr", "th", "td"}
TAGS |= {"svg", "title", "style", "path", "circle", "text"}


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An object of each kind, all of a network whose input has a hostile name."""
    path = tmp_path_factory.mktemp("log") / "<b>run.arrows"
    neurons = [na.Input(BAD), na.Input("b"), na.Neuron("h", "tanh"), na.Neuron("y", "sigmoid")]
    ends = [na.Synapse(BAD, "h"), na.Synapse("b", "h"), na.Synapse("h", "y")]
    network = na.Network(neurons, ends, ["y"])
    x, t = [[0.0, 1.0], [1.0, 0.5]], [[0.0], [1.0]]
    epochs = tuple(na.Epoch(k, 1 / k, 0.5) for k in range(1, 1001))
    trained = na.TrainingResult(network, epochs, 13_000)  # type: ignore[arg-type]
    na.train(network, x, t, optimizer=na.SGD(0.5), epochs=14, log=path)
    return {
        "result": trained,
        "history": trained.history,
        "network": network,
        "gradient": na.gradient(network, x, t),
        "log": na.open_log(path),
        "trace": na.trace(path, weight=(BAD, "h")),
        "audit": na.audit(path),
    }


SHORT = {
    "result": (5, "<TrainingResult: 1,000 epochs, 13,000 messages\n  epoch 1: loss "),
    "history": (4, "<History: 1,000 epochs\n  epoch 1: loss "),
    "network": (1, "<Network: 2 inputs, 2 neurons, 3 synapses"),
    "gradient": (1, "<Gradient: loss "),
    "log": (1, "<Log '<b>run.arrows': 14 steps (14 train), 197 rows; complete>"),
    "trace": (1, "<Trace: urgency of the weight <script>alert(1)</script> -> h at step 14"),
    "audit": (1, "<Audit: proved; 14 steps, 182 messages>"),
}


@pytest.mark.parametrize("name", SHORT)
def test_a_repr_is_short(things: dict[str, Any], name: str) -> None:
    most, begins = SHORT[name]
    text = repr(things[name])
    assert text.startswith(begins)
    assert text.endswith(">")
    assert len(text.splitlines()) <= most
    assert all(len(line) <= 160 for line in text.splitlines())


@pytest.mark.parametrize("name", SHORT)
def test_a_notebook_shows_more_and_no_name_is_markup(things: dict[str, Any], name: str) -> None:
    text = things[name]._repr_html_()
    tree = ET.fromstring(text)
    assert {element.tag.rpartition("}")[2] for element in tree.iter()} <= TAGS
    assert "<script" not in text
    assert "<b>run" not in text
    assert len(text) > 300


def test_what_a_notebook_shows(things: dict[str, Any]) -> None:
    html = {name: thing._repr_html_() for name, thing in things.items()}
    for name, pictures in {"result": 3, "history": 2, "network": 1, "gradient": 1}.items():
        assert html[name].count("<svg") == pictures, name
    assert html["log"].count("<tr>") == 1 + 5 + 1 + 5
    assert "mean loss" in html["log"]
    assert f">{na.open_log(things['log'].path).step(14).loss:.4f}<" in html["log"]
    assert "→ y → loss" in html["trace"]
    assert "Proved." in html["audit"]
    assert "∂loss/∂weight" in html["gradient"]


def test_of_an_audit_the_text_is_plain_words(things: dict[str, Any]) -> None:
    lines = str(things["audit"]).splitlines()
    assert lines[0] == "4 neurons, 14 steps, 182 messages in 197 rows"
    assert "bit for bit" in lines[1]
    assert lines[-1] == "Proved."
    assert "Audit(" not in str(things["audit"])


def test_a_short_history_is_shown_whole() -> None:
    net = na.Network.layered([1, 1], seed=0)
    result = na.train(net, [[1.0]], [[2.0]], optimizer=na.SGD(0.1), epochs=2)
    assert repr(result.history).count("\n  epoch ") == 2
    assert "…" not in repr(result)


def test_a_history_is_a_tuple_of_epochs(things: dict[str, Any]) -> None:
    result = things["result"]
    assert result.history == tuple(result.history)
    assert isinstance(result.history[0], na.Epoch)
    assert len(result.history[:3]) == 3
    for again in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert again == result
        assert repr(again.history) == repr(result.history)


def test_a_log_without_an_end_and_one_in_part(tmp_path: Path) -> None:
    net = na.Network.layered([1, 1], seed=0)
    path = tmp_path / "a.arrows"
    log = na.Recording(path, every=2, phases=["forward"])
    na.train(net, [[1.0]], [[2.0]], optimizer=na.SGD(0.1), epochs=4, log=log)
    assert "in part>" in repr(na.open_log(path))
    na.open_log(path)._repr_html_()  # it holds no loss
    whole = tmp_path / "b.arrows"
    na.train(net, [[1.0]], [[2.0]], optimizer=na.SGD(0.1), epochs=4, log=whole)
    whole.write_bytes(whole.read_bytes()[:-400])
    assert "without an end" in repr(na.open_log(whole))
    audit = na.audit(whole)
    assert repr(audit).startswith("<Audit: not proved; ")
    assert "✗" in audit._repr_html_()


def test_what_a_society_returns_is_short() -> None:
    network = na.Network.layered([2, 300, 1], seed=0)

    async def main() -> list[object]:
        async with na.open_simulation(network, channels="memory") as simulation:
            done = await simulation.train_step([[1.0, 2.0]], [[1.0]], optimizer=na.SGD(0.1))
            return [simulation, done, simulation.statistics()]

    simulation, done, statistics = map(repr, trio.run(main))
    assert simulation == "<Simulation: step 1; network: 2 inputs, 301 neurons, 900 synapses, 1 output; depth 2, fan-in 2 to 300>"  # fmt: skip
    assert done.startswith("<StepResult: step 1, loss ")
    assert statistics == "<Statistics: 1,508 messages; the fullest mailbox held 299 of 302>"


def test_of_a_log_its_steps_and_a_step_are_short(things: dict[str, Any]) -> None:
    log = things["log"]
    assert len(repr(log.steps)) < 900
    assert repr(log.steps).startswith("<14: StepInfo(number=1, ")
    assert [info.number for info in log.steps] == list(range(1, 15))
    loss = f"{log.step(3).loss:.6g}"
    assert repr(log.step(3)) == f"<RecordedStep 3: train, 2 examples, squared_error {loss}>"
