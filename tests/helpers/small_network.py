"""One small network with a batch of seven examples, and the drawn networks that are small."""

from __future__ import annotations

import numpy as np

import neuro_actors as na

_RNG = np.random.default_rng(0)
NET = na.Network.layered([3, 4, 2], output_activation="sigmoid", seed=1)
X, TARGETS = _RNG.standard_normal((7, 3)), _RNG.random((7, 2))
# seeds of `draw_case` whose networks have at most 26 neurons, layered and wild
SMALL = [2, 3, 4, 9, 10, 11, 16, 17, 24, 29, 31, 33]
