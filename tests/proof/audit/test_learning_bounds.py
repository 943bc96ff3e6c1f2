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
