"""How often a network whose delays hear earlier and later ticks goes through a sequence."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.all_kinds import both_directions, memory

import neuro_actors as na
from neuro_actors.network.cell import make_cell
from neuro_actors.network.passes import count_passes


def chain(*ticks: int) -> na.Network:
    """Neurons, each of which hears itself, so many ticks before, and the one before it."""
    nodes: list = [na.Input("x")]
    synapses = []
    for k, later in enumerate(ticks):
        nodes += [na.Delay(f"d{k}", f"h{k}", later), na.Neuron(f"h{k}", "tanh")]
        synapses += [na.Synapse(s, f"h{k}", 0.5) for s in (f"d{k}", f"h{k - 1}" if k else "x")]
    return na.Network(nodes, synapses, [f"h{len(ticks) - 1}"])


@pytest.mark.parametrize(
    ("ticks", "passes"),
    [
        ((1,), 1),
        ((2, 1), 1),
        ((-1,), 2),
        ((1, -1), 2),
        ((-2, 1), 3),
        ((1, -1, 3, -1), 4),
        ((-1, -2, -1), 2),
        ((-1, 1, -1), 4),
    ],
)
def test_a_change_of_direction_needs_another_pass(ticks: tuple[int, ...], passes: int) -> None:
    assert count_passes(make_cell(chain(*ticks))) == passes


def test_two_layers_in_both_directions_need_three() -> None:
    """The first layer goes back in pass 2, and so can the second one then. It goes forth in pass 3."""
    assert count_passes(make_cell(both_directions().network)) == 3
    assert count_passes(make_cell(memory().network)) == 1


def test_a_circle_of_both_directions_is_refused() -> None:
    nodes = [na.Input("x"), na.Delay("a", "h"), na.Delay("b", "g", -1)]
    nodes += [na.Neuron("h"), na.Neuron("g")]
    ends = [("x", "h"), ("b", "h"), ("a", "g"), ("h", "g")]
    net = na.Network(nodes, [na.Synapse(*pair) for pair in ends], ["g"])
    with pytest.raises(na.NetworkError, match="by way of an earlier and of a later tick"):
        na.gradient(net, np.zeros((1, 3, 1)), np.zeros((1, 3, 1)))
    assert na.rules.ThroughTime  # one direction alone is no such circle
    make_cell(na.Network([*nodes[:2], na.Delay("b", "g", 2), *nodes[3:]], net.synapses, ["g"]))


def test_a_delay_of_no_ticks_is_refused() -> None:
    with pytest.raises(na.InputError, match="delay 'd': ticks must not be 0"):
        chain_of_none = [na.Input("x"), na.Delay("d", "h", 0), na.Neuron("h")]
        na.Network(chain_of_none, [na.Synapse("x", "h"), na.Synapse("d", "h")], ["h"])


@pytest.mark.parametrize("ticks", [1, 2, 5])
def test_a_network_from_the_end_is_one_on_the_sequence_turned_round(
    ticks: int, channels: str
) -> None:
    rng = np.random.default_rng(0)
    x, targets = rng.standard_normal((2, ticks, 1)), rng.standard_normal((2, ticks, 1))
    forth, back = chain(1, 2), chain(-1, -2)
    one = na.gradient(forth, x, targets, channels=channels, wrt_inputs=True)
    other = na.gradient(back, x[:, ::-1], targets[:, ::-1], channels=channels, wrt_inputs=True)
    assert np.array_equal(one.predictions, other.predictions[:, ::-1])
    assert np.array_equal(one.inputs, other.inputs[:, ::-1])
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-14)
    assert np.array_equal(na.predict(back, x[:, ::-1]), na.predict(forth, x)[:, ::-1])


def test_sequences_of_different_lengths_are_refused() -> None:
    with pytest.raises(na.InputError, match="the delay 'd0' hears later ticks.* batch of each"):
        na.predict(chain(-1), [np.zeros((2, 1)), np.zeros((3, 1))])


def test_dropout_draws_one_mask_a_tick_in_all_passes(channels: str) -> None:
    """What later passes hear is what earlier ones said: or the gradient is not that of the loss."""
    x = na.layers.inputs(2)
    ways = [na.layers.rnn(x, 3, name=name, reverse=name == "b") for name in "ab"]
    net = na.layers.network(na.layers.dropout(na.layers.concatenate(*ways), 0.5, name="d"), seed=0)
    rng = np.random.default_rng(0)
    given, targets = rng.standard_normal((2, 4, 2)), rng.standard_normal((2, 4, 6))
    found = na.gradient(net, given, targets, channels=channels, wrt_inputs=True)
    left = found.predictions != 0
    assert 0.2 < left.mean() < 0.8
    assert len(np.unique(left, axis=1).reshape(-1, 6)) > 2  # ticks have masks of their own
    h, total = 1e-6, []
    for sign in (-1, 1):
        moved = net.with_parameters(
            net.weights + sign * h * (np.arange(len(net.weights)) == 0), net.biases
        )
        total.append(na.gradient(moved, given, targets, channels=channels).loss)
    assert (total[1] - total[0]) / (2 * h) == pytest.approx(found.weights[0], rel=1e-6)
