"""Rules to test with, and small layered networks."""

from __future__ import annotations

import numpy as np

import neuro_actors as na
from neuro_actors import rules

RULES = [
    rules.Backpropagation(),
    rules.FeedbackAlignment(seed=3),
    rules.DirectFeedbackAlignment(seed=3),
    rules.PredictiveCoding(relaxations=3, rate=0.25),
    rules.PredictiveCoding(relaxations=3, rate=1, fixed=True),
    rules.WeightPerturbation(sigma=0.01, seed=3),
    rules.MicroBatches(rules.FeedbackAlignment(seed=3), 3),
]


def layered(*sizes: int, seed: int = 0, batch: int = 5):
    """A net with biases, and a batch for it."""
    rng = np.random.default_rng(seed)
    net = na.Network.layered(sizes, output_activation="sigmoid", seed=seed)
    net = net.with_parameters(
        net.weights, np.where(net.is_input, 0, rng.standard_normal(len(net.ids)) / 3)
    )
    return net, rng.standard_normal((batch, sizes[0])), rng.random((batch, sizes[-1]))
