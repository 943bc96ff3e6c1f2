"""The societies that must remember: how large the urgency is that comes back to a tick."""

from __future__ import annotations

import memory
import numpy as np
import pytest

import neuro_actors as na

from .test_scenarios import run


def test_urgencies_are_those_of_backpropagation_through_time(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(memory, "TICKS", 6)
    net = memory.make_network("plain", (3,), seed=0)
    test = memory.Sequences.draw(5, np.random.default_rng(0))
    recorded = memory.record_gradient(net, test, na.Recording(tmp_path / "one.arrows"))

    index = {id: k for k, id in enumerate(net.ids)}
    units = [index[f"h1.{k}"] for k in range(3)]
    matrix = np.array([net.weights[net.incoming.of(k)] for k in units])
    into, before, bias = matrix[:, :3], matrix[:, 3:], net.biases[units]
    out = net.weights[net.incoming.of(index["answer.0"])]
    h, said = np.zeros((5, 3)), []
    for t in range(6):
        h = np.tanh(test.x[:, t] @ into.T + h @ before.T + bias)
        said.append(h)
    urgency = 2 * (test.signs - h @ out - net.biases[index["answer.0"]])[:, None] * out
    sizes = []
    for h in said[:0:-1]:
        urgency = (urgency * (1 - h**2)) @ before
        sizes.append(np.sqrt(np.mean(urgency**2)))
    assert recorded.urgencies == pytest.approx(np.array(sizes[::-1]) / sizes[0], rel=1e-9)


def test_gates_are_open_in_one_of_them_alone() -> None:
    for name, bias in (("gated", 0.0), ("gated, open", memory.OPEN)):
        net = memory.make_network(name, (2,), seed=0)
        gates = [k for k, id in enumerate(net.ids) if ".update" in id]
        assert net.biases[gates].tolist() == [bias, bias]
        assert np.delete(net.biases, gates).tolist() == [0.0] * (len(net.ids) - 2)


def test_an_answer_is_right_if_it_has_the_sign() -> None:
    net = memory.make_network("plain", (2,), seed=0)
    test = memory.Sequences.draw(200, np.random.default_rng(0))
    said = na.predict(net, test.x)[:, -1, 0]
    always = test._replace(signs=np.sign(said))
    assert (memory.is_right(net, always), memory.is_right(net, always._replace(signs=-said))) == (
        1,
        0,
    )


@pytest.mark.slow
def test_open_gates_remember(tmp_path) -> None:
    out = run("memory", "--out", str(tmp_path))
    right = [
        float(line.split()[-2])
        for line in out.split("\n")
        if line.startswith(("  plain", "  gated"))
    ]
    assert right[2] > 0.99
    assert right[0] < 0.7
    assert max(map(len, (line for line in out.splitlines() if str(tmp_path) not in line))) <= 80
