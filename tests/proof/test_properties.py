"""What must hold of any gradient, for networks that hypothesis draws by their seeds."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import neuro_actors as na
from neuro_actors.proof.random_cases import draw_case

seeds = st.integers(0, 10_000).filter(lambda seed: len(draw_case(seed).network.weights) < 400)
few = settings(max_examples=25, deadline=None)


def close(one: np.ndarray, other: np.ndarray, limit: np.ndarray) -> bool:
    return bool((np.abs(one - other) <= limit).all())


@given(seeds)
@few
def test_squared_errors_gradient_is_affine_in_the_targets(seed: int) -> None:
    net, x, t, _ = _parts(seed)
    shift = np.random.default_rng(seed).standard_normal(t.shape)
    g0, g1, g2 = (na.gradient(net, x, t + k * shift) for k in (0, 1, 2))
    limit = sum(na.reference.bound(net, x, t + k * shift).weights for k in (0, 1, 1, 2))
    assert close(g0.weights + g2.weights, 2 * g1.weights, limit + 1e-300)


@given(seeds)
@few
def test_permuting_neurons_and_synapses_permutes_the_gradient(seed: int) -> None:
    net, x, t, loss = _parts(seed)
    rng = np.random.default_rng(seed)
    neurons, synapses = list(net.neurons), list(net.synapses)
    order, edges = rng.permutation(len(neurons)), rng.permutation(len(synapses))
    other = na.Network([neurons[k] for k in order], [synapses[k] for k in edges], net.outputs)
    columns = [net.inputs.index(name) for name in other.inputs]
    one, two = na.gradient(net, x, t, loss), na.gradient(other, x[:, columns], t, loss)
    limit = na.reference.bound(net, x, t, loss)
    assert close(one.weights[edges], two.weights, limit.weights[edges])
    assert close(one.biases[order], two.biases, limit.biases[order])


@given(seeds)
@few
def test_an_urgency_of_zero_stops_everything_upstream(seed: int) -> None:
    """Where the predictions are the targets already, nobody wants to change anything."""
    net, x, _, _ = _parts(seed)
    gradient = na.gradient(net, x, na.predict(net, x), wrt_inputs=True)
    assert gradient.loss == 0
    assert not gradient.weights.any()
    assert not gradient.biases.any()
    assert not gradient.inputs.any()


@given(seeds)
@few
def test_splitting_a_batch_and_averaging(seed: int) -> None:
    net, x, t, loss = _parts(seed)
    if len(x) < 2:
        return
    cut = len(x) // 2
    whole, first, second = (
        na.gradient(net, x, t, loss),
        na.gradient(net, x[:cut], t[:cut], loss),
        na.gradient(net, x[cut:], t[cut:], loss),
    )
    limit = na.reference.bound(net, x, t, loss)
    for name in ("weights", "biases"):
        mean = (cut * getattr(first, name) + (len(x) - cut) * getattr(second, name)) / len(x)
        assert close(mean, getattr(whole, name), 2 * getattr(limit, name))


def _parts(seed: int):
    case = draw_case(seed)
    return case.network, case.x, case.targets, case.loss
