"""Dropout: its names, its masks, when it is at work; the same bits in all engines and in storms."""

from __future__ import annotations

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.network.dropout import draw_mask, read_dropout, show_dropout
from neuro_actors.neuron.dropout_rule import stream_of
from neuro_actors.neuron.messages import Step

L = na.layers


@pytest.mark.parametrize(
    ("rate", "seed"), [(0.0, 0), (0.1, 0), (0.5, 3), (1e-5, 12), (0.123456789, 0), (1e-300, 1)]
)
def test_a_name_says_rate_and_seed(rate: float, seed: int) -> None:
    assert read_dropout(show_dropout(rate, seed)) == (rate, seed)


@pytest.mark.parametrize(
    "name", ["dropout", "dropout 1.0", "dropout -0.1", "dropout 0.1 seed 3", "sum", None, 3]
)
def test_other_names_are_none(name: object) -> None:
    assert read_dropout(name) is None


def test_a_wrong_one_is_refused_with_advice() -> None:
    for name in ("dropout", "dropout 1.5"):
        with pytest.raises(
            na.NetworkError,
            match=r"interneuron 'd': unknown combination .*write its rate.*'dropout 0.1'",
        ):
            na.Network([na.Input("x"), na.Interneuron("d", name)], [na.Synapse("x", "d")], ["d"])
    with pytest.raises(na.NetworkError, match="'d': a dropout hears one source"):
        na.Network([na.Input("x"), na.Input("z"), na.Interneuron("d", "dropout 0.1")],
                   [na.Synapse("x", "d"), na.Synapse("z", "d")], ["d"])  # fmt: skip


def test_a_mask_has_its_rate_and_its_mean() -> None:
    mask = draw_mask(0.2, 0, "d", (1,), 100_000)
    assert set(np.unique(mask)) == {0.0, 1.25}
    assert (mask == 0).mean() == pytest.approx(0.2, abs=6 * np.sqrt(0.2 * 0.8 / 1e5))
    others = [
        draw_mask(0.2, 1, "d", (1,), 99),
        draw_mask(0.2, 0, "e", (1,), 99),
        draw_mask(0.2, 0, "d", (2,), 99),
    ]
    assert not any(np.array_equal(other, mask[:99]) for other in others)


def test_when_it_is_at_work() -> None:
    assert stream_of(Step(7)) is None
    assert stream_of(Step(7, loss="huber")) == (7,)
    assert stream_of(Step(7, loss="huber", round="micro-batch 1 of 2")) == (7,)
    assert stream_of(Step(7, round="tick 1 of 3 of a prediction")) is None
    forward = [stream_of(Step(11 + t, round=f"tick {t + 1} of 3")) for t in range(3)]
    back = [
        stream_of(Step(14 + k, loss="huber", round=f"back to tick {3 - k} of 3")) for k in range(3)
    ]
    assert forward == back[::-1] == [(11, 1), (11, 2), (11, 3)]


def test_what_is_left_out_has_no_urgency() -> None:
    net = L.network(L.dropout(L.inputs(3, 4), 0.5, seed=2, name="d"))
    x, targets = np.random.default_rng(0).normal(size=(2, 5, 4, 3))
    assert np.array_equal(na.predict(net, x), x)
    found = na.gradient(net, x, targets, wrt_inputs=True)
    mask = np.stack([draw_mask(0.5, 2, f"d.{k}", (1,), 20).reshape(5, 4) for k in range(3)], -1)
    assert np.array_equal(found.predictions, x * mask)
    assert found.loss == pytest.approx(((x * mask - targets) ** 2).sum() / 5)
    np.testing.assert_allclose(found.inputs, 2 * (x * mask - targets) * mask / 5, atol=1e-15)


def society() -> tuple[na.Network, np.ndarray, np.ndarray]:
    h = L.dropout(L.dense(L.inputs(2, 3), 4, "tanh"), 0.4)
    rng = np.random.default_rng(3)
    return (
        L.network(L.dense(h, 2, name="y"), seed=1),
        rng.normal(size=(6, 3, 2)),
        rng.normal(size=(6, 3, 2)),
    )


def train(net: na.Network, x: np.ndarray, targets: np.ndarray, **how) -> str:
    result = na.train(net, x, targets, optimizer=na.Adam(0.05), epochs=3, batch_size=3, **how)
    return result.network.digest()


def test_all_engines_and_a_storm_have_the_same_bits() -> None:
    case = society()
    plain = train(*case)
    assert plain == train(*case, channels="memory")
    storm = na.Unreliable(drop=0.1, duplicate=0.1, crash=0.02, seed=1)
    assert plain == train(*case, channels=storm)
    without = L.network(L.dense(L.dense(L.inputs(2, 3), 4, "tanh"), 2, name="y"), seed=1)
    assert plain != train(without, *case[1:])
    assert train(*case, micro_batches=3) == train(*case, micro_batches=3, in_flight=2)


def test_one_tick_has_one_mask_there_and_back() -> None:
    """By differences: the loss of another step has other masks, so each is the first step of its simulation.

    What is left out of the memory is left out of what all later ticks hear.
    """
    h = na.layers.Layer("h", ("d0", "d1"), (), (L.inputs(2),),
        (na.Neuron("h0", "tanh"), na.Neuron("h1", "tanh"), *(na.Interneuron(f"d{k}", "dropout 0.3") for k in range(2)),
         *(na.Delay(f"d{k} before", f"d{k}") for k in range(2))),
        (*(na.Synapse(a, f"h{k}") for k in range(2) for a in ("x0", "x1", "d0 before", "d1 before")),
         *(na.Synapse(f"h{k}", f"d{k}") for k in range(2))))  # fmt: skip
    net = L.network(L.dense(h, 2, name="y"), seed=4)
    rng = np.random.default_rng(5)
    x, targets = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 4, 2))
    found, h = na.gradient(net, x, targets), 1e-6
    for k in np.flatnonzero(~net.frozen_weights)[::2]:
        moves = h * np.eye(len(net.weights))[k]
        up, down = (
            na.gradient(net.with_parameters(net.weights + m, net.biases), x, targets).loss
            for m in (moves, -moves)
        )
        assert (up - down) / (2 * h) == pytest.approx(found.weights[k], rel=1e-4, abs=1e-7)
    assert np.array_equal(found.weights, na.gradient(net, x, targets, channels="memory").weights)
    assert not np.array_equal(na.predict(net, x), found.predictions)


async def test_its_log_is_audited(tmp_path) -> None:
    """A step that learns, and a prediction, of a network in one tick and of one through time."""
    rng = np.random.default_rng(6)
    h = L.dropout(L.gru(L.inputs(2), 3), 0.3)
    net = L.network(L.dense(h, 2, name="y"), seed=4)
    x, targets = rng.normal(size=(2, 3, 4, 2))
    cases = [(*society(), None), (net, x, targets, na.rules.ThroughTime(4))]
    for k, (network, given, wanted, rule) in enumerate(cases):
        log = tmp_path / f"{k}.arrows"
        async with na.open_simulation(network, log=log, rule=rule) as simulation:
            await simulation.train_step(given, wanted, optimizer=na.Adam(0.1))
            await simulation.predict(given)
        assert na.audit(log).passed
