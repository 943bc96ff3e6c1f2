"""Predictive coding: what a hidden neuron keeps from round to round."""

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.neuron.messages import Step
from neuro_actors.neuron.sums import ORDERED
from neuro_actors.rules.predictive_coding import FIRST
from neuro_actors.support.errors import MessageError


def test_a_value_that_overflows_is_refused_where_it_is_made():
    net = na.Network.from_matrices([[[1.5e308]], [[1.0]]], [[0.0], [0.0]], ["identity"] * 2)
    rule = na.rules.PredictiveCoding(rate=1.0).neuron(net, 1, ORDERED)
    step = Step(1, "squared_error", round=FIRST)
    rule.fire(step, np.array([[1.0], [1.0]]), np.empty(1))
    with (
        np.errstate(over="ignore"),
        pytest.raises(MessageError, match=r"^'h1.0': its state in step 1 would not be finit"),
    ):
        rule.respond(step, np.array([[1e308]]), np.empty((0, 1)), np.empty(2))
