"""Each loss, its slope and its curvature against mpmath; and with the outputs before it."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from helpers.exact_functions import (
    LOSSES,
    ON_LOGITS,
    ON_PROBABILITIES,
    exact,
    relative_error,
    signals,
    softmax,
)

import neuro_actors as na
from neuro_actors.network import functions
from neuro_actors.network.losses import BUILT_IN

MOST = np.finfo(np.float64).max
TARGETS = 0.0, 1.0, 0.3, 1e-20, 1.0 - 2.0**-53


def pairs(name: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and targets, (cases, 1) each."""
    z = signals(n) if n > 100 else signals(n)[::4]
    p = z
    targets = TARGETS
    if name in ON_PROBABILITIES:
        z = np.concatenate([z, [-800.0, 800.0]])
        p = np.unique(
            np.concatenate([na.ACTIVATIONS["sigmoid"].value(z), [0.3, 0.301, 1.0 - 2.0**-53]])
        )
    elif name not in ON_LOGITS:
        targets = (*TARGETS, -745.0, 745.0, 2.5)
    p, t = (array.ravel() for array in np.meshgrid(p, targets))
    inside = np.abs(p - t) != 1.0 if name == "huber" else p == p  # where p - t rounds to a corner
    return p[inside, None], t[inside, None]


def compute(name: str, p: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, ...]:
    loss = functions.loss(name)
    with np.errstate(all="raise", under="ignore"):
        return (
            loss.value(p, t),
            loss.slope(p, t)[:, 0],
            loss.curvature(p, t, np.full_like(p, 2.0**-50))[:, 0],
        )


def worst(name: str, n: int) -> list[float]:
    """The greatest relative error of value, slope and curvature.

    Where a slope crosses 0 between two numbers, its terms s and t are the unit.
    """
    p, t = pairs(name, n)
    found = []
    numbers = compute(name, p, t)
    for kind in range(3):
        most = 0.0
        for got, a, b in zip(numbers[kind], p[:, 0], t[:, 0], strict=True):
            right = exact(LOSSES[name][kind], a, b)
            if kind == 2:
                right = right * mp.mpf(2.0**-50)
            error = relative_error(got, right)
            if name == "sigmoid_cross_entropy" and kind == 1 and b not in (0.0, 1.0):
                error = min(error, abs(got - float(right)) / 1e-3)
            if abs(right) > MOST:
                assert abs(got) == MOST, (name, kind, a, b)
            else:
                most = max(most, error)
        found.append(most)
    return found


def test_all_are_compared() -> None:
    assert set(LOSSES) == set(BUILT_IN)


ALONE = [name for name in BUILT_IN if name != "softmax_cross_entropy"]


@pytest.mark.parametrize("name", ALONE)
def test_against_mpmath(name: str) -> None:
    assert max(worst(name, 16)) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("name", ALONE)
def test_against_mpmath_densely(name: str) -> None:
    assert max(worst(name, 600)) < 1e-12


@pytest.mark.parametrize("n", [8, pytest.param(300, marks=pytest.mark.slow)])
def test_softmax_against_mpmath(n: int) -> None:
    """One-hot targets: no slope cancels, however sure the class is. Soft ones: s and t are the unit."""
    loss = functions.loss("softmax_cross_entropy")
    for z in signals(n) if n > 100 else signals(n)[::6]:
        for p in ([z, 0.0], [0.0, z, -z], [z]):
            for t in [*np.eye(len(p)), np.full(len(p), 1.0 / len(p))]:
                found, slopes = (
                    loss.value(np.array([p]), t[None]),
                    loss.slope(np.array([p]), t[None]),
                )
                with mp.workdps(60):
                    value, right = softmax(
                        [mp.mpf(float(x)) for x in p], [mp.mpf(float(x)) for x in t]
                    )
                assert relative_error(found[0], value) < 1e-12, (p, t)
                for got, expected in zip(slopes[0], right, strict=True):
                    assert relative_error(got, expected) < 1e-12 or (
                        t.max() < 1.0 and abs(got - float(expected)) < 1e-15
                    ), (p, t)


def test_softmax_curvature_where_one_class_is_sure() -> None:
    """Of two classes it is s (1 - s) (d - e), s the sigmoid of the logits' difference."""
    loss = functions.loss("softmax_cross_entropy")
    for z in (0.0, 5.0, 30.0, 100.0, 700.0):
        found = loss.curvature(np.array([[z, 0.0]]), np.array([[1.0, 0.0]]), np.array([[3.0, 5.0]]))
        right = -2.0 * math.exp(-z) / (1.0 + math.exp(-z)) ** 2
        assert found[0] == pytest.approx([right, -right], rel=1e-12, abs=0.0)


def test_sigmoid_cross_entropy_has_several_outputs() -> None:
    loss = functions.loss("sigmoid_cross_entropy")
    p, t = np.array([[2.0, -3.0]]), np.array([[1.0, 0.25]])
    one = [loss.value(p[:, [k]], t[:, [k]])[0] for k in range(2)]
    assert loss.value(p, t)[0] == sum(one)
    assert np.array_equal(
        loss.slope(p, t)[0], [loss.slope(p[:, [k]], t[:, [k]])[0, 0] for k in range(2)]
    )
    assert loss.slope(np.zeros((1, 1)), np.ones((1, 1))) == [[-0.5]]
    assert loss.value(np.zeros((1, 1)), np.ones((1, 1)))[0] == math.log(2.0)


def neuron(activation: str, z: float) -> na.Network:
    return na.Network([na.Input("x"), na.Neuron("y", activation)], [na.Synapse("x", "y", z)], ["y"])


# With the loss's derivative by the signal.
COMPOSED = {
    ("sigmoid", "cross_entropy"): lambda s, t: s - t,
    ("sigmoid", "kl_divergence"): lambda s, t: -t * (1 - s),
    ("identity", "sigmoid_cross_entropy"): lambda s, t: s - t,
}


@pytest.mark.parametrize("pair", COMPOSED)
def test_gradient_by_a_signal(pair: tuple[str, str]) -> None:
    """The loss's slope by the signal is s - t to rounding, from -745 to 745."""
    z = [-745, -740, -709, -300, -30, -1, 0, 5, 16, 27.6, 28, 30, 33, 36, 36.7, 37, 40, 300, 745]
    z, t = (array.reshape(-1, 1) for array in np.meshgrid(z, [0.0, 0.3, 1.0]))
    right = COMPOSED[pair](na.ACTIVATIONS["sigmoid"].value(z), t)
    for compute in (na.gradient, na.reference.gradient):
        found = compute(neuron(pair[0], 1.0), z, t, loss=pair[1], wrt_inputs=True).inputs * len(z)
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-14)


def test_gradient_of_a_logit_keeps_its_digits() -> None:
    """A right answer far out: the urgency is e^-z, with all its digits."""
    for z in (10.0, 20.0, 37.0, 700.0):
        found = na.gradient(neuron("identity", z), [[1.0]], [[1.0]], loss="sigmoid_cross_entropy")
        assert found.biases[1] == pytest.approx(
            -math.exp(-z) / (1.0 + math.exp(-z)), rel=1e-13, abs=0
        )


@pytest.mark.parametrize("pair", COMPOSED)
@pytest.mark.parametrize("sure", [33.0, 40.0, 120.0])
def test_a_confident_mistake_is_unlearnt(pair: tuple[str, str], sure: float) -> None:
    """Each update with rate 0.5 moves a signal of one by 0.5 while it is wrong; x = 1 adds as much."""
    kl = pair[1] == "kl_divergence"
    start, target, steps = (-sure if kl else sure), float(kl), math.ceil(sure) + 5
    learnt = na.train(
        neuron(pair[0], start),
        [[1.0]],
        [[target]],
        loss=pair[1],
        optimizer=na.SGD(0.5),
        epochs=steps,
    )
    z = learnt.network.weights[0] + learnt.network.biases[1]
    assert z > 1.0 if kl else z < -1.0


@pytest.mark.parametrize("pair", COMPOSED)
def test_curvature_by_a_signal(pair: tuple[str, str]) -> None:
    """Society, reference and the exact second derivative; sums of terms of size 1 may round."""
    for z in (-745.0, -700.0, -30.0, 0.5, 27.6, 36.7, 745.0):
        s = float(na.ACTIVATIONS["sigmoid"].value(np.array(z)))
        for t in (0.3, 1.0) if z < 0 else (0.0, 0.3):
            right = s * (1 - s) * (t if pair[1] == "kl_divergence" else 1.0)
            for compute in (na.hessian_vector_product, na.reference.hessian_vector_product):
                found = compute(neuron(pair[0], z), [[1.0]], [[t]], [0.0], [0.0, 1.0], loss=pair[1])
                assert found.biases[1] == pytest.approx(right, abs=1e-14), (z, t)


def test_a_tanh_output_that_is_sure() -> None:
    """By cross_entropy at target 0 the derivative is 1 + tanh z, also where tanh is 1."""
    for z in (3.0, 6.0, 12.0, 18.0, 30.0):
        found = na.gradient(neuron("tanh", z), [[1.0]], [[0.0]], loss="cross_entropy")
        assert found.biases[1] == pytest.approx(1.0 + math.tanh(z), rel=1e-12)


def test_hidden_neurons_keep_their_own_slope() -> None:
    """Only the output before the loss takes its slope from what it sent."""
    z = 20.0
    net = na.Network(
        [na.Input("x"), na.Neuron("h", "sigmoid"), na.Neuron("y", "sigmoid")],
        [na.Synapse("x", "h", z), na.Synapse("h", "y", 1.0)],
        ["y"],
    )
    for compute in (na.gradient, na.reference.gradient):
        found = compute(net, [[1.0]], [[0.0]], loss="cross_entropy")
        h = 1.0 / (1.0 + math.exp(-z))
        by_h = 1.0 / (1.0 + math.exp(-h))
        assert found.biases[1] == pytest.approx(by_h * math.exp(-z) * h * h, rel=1e-12, abs=0.0)


def test_accuracy_of_logits() -> None:
    """A logit says yes from 0 on, not from 0.5 on."""
    x, targets = [[0.2], [-0.2]], [[1.0], [0.0]]
    net = neuron("identity", 1.0)
    how = {"optimizer": na.SGD(1e-9), "epochs": 1, "validation": (x, targets)}
    epoch = na.train(net, x, targets, loss="sigmoid_cross_entropy", **how).history[0]
    assert (epoch.accuracy, epoch.validation_accuracy) == (1.0, 1.0)
    epoch = na.train(net, x, targets, loss="squared_error", **how).history[0]
    assert (epoch.accuracy, epoch.validation_accuracy) == (0.5, 0.5)


def test_targets_of_logits_are_probabilities() -> None:
    with pytest.raises(
        na.InputError, match=r"^sigmoid_cross_entropy: targets must lie between 0 and 1, got 1\.5$"
    ):
        na.gradient(neuron("identity", 1.0), [[1.0]], [[1.5]], loss="sigmoid_cross_entropy")
