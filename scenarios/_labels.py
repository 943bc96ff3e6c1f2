"""What the experiments about labels share: a society that looks at small pictures, how it learns, how a table says it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import trio

import neuro_actors as na

SIZES, BATCH = (49, 8, 1), 32


def society(rng: np.random.Generator, sizes: Sequence[int] = SIZES) -> na.Network:
    """Neurons that say tanh, and at the end one that says p; weights of variance 1 / fan-in, no biases."""
    weights = [rng.normal(0, n_in**-0.5, (n_out, n_in)) for n_in, n_out in pairwise(sizes)]
    biases = [np.zeros(n) for n in sizes[1:]]
    return na.Network.from_matrices(weights, biases, ["tanh"] * (len(sizes) - 2) + ["sigmoid"])


def learn(
    network: na.Network,
    x: np.ndarray,
    labels: np.ndarray,
    loss: str,
    rate: float,
    steps: int,
    rng: np.random.Generator,
    log: na.Recording | None = None,
) -> na.Network:
    """What the society has become after so many steps, each with a batch drawn afresh. labels: (n,)."""
    optimizer = na.SGD(rate, momentum=0.9)

    async def live() -> na.Network:
        async with na.open_simulation(network, log=log) as simulation:
            for _ in range(steps):
                chosen = rng.choice(len(x), BATCH, replace=False)
                await simulation.train_step(
                    x[chosen], labels[chosen, None], loss, optimizer=optimizer
                )
            return await simulation.network()

    return trio.run(live)


def votes(rng: np.random.Generator, shares: np.ndarray, each: int = 1) -> np.ndarray:
    """The share of `each` people who said yes, where each says so with that probability."""
    return rng.binomial(each, shares) / each


def spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation; of one value, which has none, the value."""
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values):.3f}" if len(values) > 1 else "")
