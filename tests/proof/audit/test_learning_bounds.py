"""What two C libraries may make of one update: the last bit of a cosine or of a power counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.neuron import optimizers
from neuro_actors.neuron.neuron_state import NeuronState
from neuro_actors.proof.audit.learning_bounds import LearningBounds

MEAN = np.array([1.0, -0.5])
EXACT = np.zeros(2)


def after(optimizer: Any, updates: int) -> NeuronState:
    """A neuron that begins with 0, so that what it learns is the move alone."""
    return NeuronState(np.zeros(2), optimizer, optimizer.start(2), updates)


@pytest.mark.parametrize("updates", [10, 50, 90, 99])
def test_a_cosine_that_has_nearly_cancelled(updates: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sgd = na.SGD(na.CosineDecay(0.5, 100))
    before = after(sgd, updates)
    bound = LearningBounds(1).learn(0, before, sgd, MEAN, EXACT)
    here, _ = sgd.update(before.parameters, MEAN, (), updates + 1)
    cosine = math.cos
    monkeypatch.setattr(optimizers.math, "cos", lambda x: float(np.nextafter(cosine(x), 2.0)))
    there, _ = sgd.update(before.parameters, MEAN, (), updates + 1)
    assert updates < 99 or (there != here).all()
    assert (np.abs(there - here) <= bound).all()
    assert (bound < 1e-14 * np.abs(here) + 1e-15).all()


@pytest.mark.parametrize("updates", [1, 2, 5, 30, 3000])
def test_a_power_that_is_nearly_1(updates: int) -> None:
    adam = na.Adam(0.01)
    before = after(adam, updates)
    bound = LearningBounds(1).learn(0, before, adam, MEAN, EXACT)
    here, _ = adam.update(before.parameters, MEAN, before.optimizer_state, updates + 1)
    powers = 0.9 ** (updates + 1), 0.999 ** (updates + 1)
    for side in (0.0, 1.0):
        b, c = (float(np.nextafter(power, side)) for power in powers)
        spread = np.sqrt(0.001 * MEAN * MEAN) / math.sqrt(1 - c) + adam.epsilon
        there = 0.01 / (1 - b) * (0.1 * MEAN / spread)
        assert (np.abs(there - here) <= bound).all()
    assert (bound < 2e-12 * np.abs(here)).all()


@pytest.mark.parametrize(
    "optimizer",
    [
        na.SGD(0.5, momentum=0.9),
        na.SGD(0.5, momentum=0.9, weight_decay=0.3),
        na.Adam(0.5, weight_decay=0.3),
    ],
    ids=["SGD", "SGD with decay", "Adam with decay"],
)
def test_the_error_of_a_state_is_carried_on(optimizer: Any) -> None:
    """Two machines whose first means differ learn the second mean from the same parameters."""
    first, second, error = np.array([0.5, -0.25]), np.array([0.125, 0.75]), np.array([1e-9, 2e-9])
    bounds, before = LearningBounds(1), NeuronState(np.array([2.0, -3.0]))
    bounds.learn(0, before, optimizer, first, error)
    states = [
        optimizer.update(before.parameters, mean, optimizer.start(2), 1)
        for mean in (first, first + error, first - error)
    ]
    parameters, state = states[0]
    here = NeuronState(parameters, optimizer, state, 1)
    bound = bounds.learn(0, here, optimizer, second, EXACT)
    should, *others = (optimizer.update(parameters, second, state, 2)[0] for _, state in states)
    apart = np.max([np.abs(other - should) for other in others], axis=0)
    assert (apart > 0).all()
    assert (apart <= bound).all()
    assert (bound < 5 * apart + 1e-14).all()
