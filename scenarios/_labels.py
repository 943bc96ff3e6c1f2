"""Shared by the experiments about labels: a small society, its training, and numbers with ±."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import trio

import neuro_actors as na

SIZES, BATCH = (49, 8, 1), 32


def make_society(rng: np.random.Generator, sizes: Sequence[int] = SIZES) -> na.Network:
    """Return tanh neurons and a sigmoid output; weights of variance 1 / fan-in, biases 0."""
    weights = [rng.normal(0, n_in**-0.5, (n_out, n_in)) for n_in, n_out in pairwise(sizes)]
    biases = [np.zeros(n) for n in sizes[1:]]
    return na.Network.from_matrices(weights, biases, ["tanh"] * (len(sizes) - 2) + ["sigmoid"])


def train_society(
    network: na.Network,
    x: np.ndarray,
    labels: np.ndarray,
    loss: str,
    rate: float,
    steps: int,
    rng: np.random.Generator,
    log: na.Recording | None = None,
) -> na.Network:
    """Train for `steps` steps, each with a new random batch, and return the trained network.

    Args:
        network: The network to start from.
        x: The pictures. Shape (n, n_inputs).
        labels: Their labels. Shape (n,).
        loss: Name of the loss.
        rate: Learning rate.
        steps: Number of steps.
        rng: Draws the batches.
        log: Records the messages; None: no log.
    """
    optimizer = na.SGD(rate, momentum=0.9)

    async def run() -> na.Network:
        async with na.open_simulation(network, log=log) as simulation:
            for _ in range(steps):
                chosen = rng.choice(len(x), BATCH, replace=False)
                await simulation.train_step(
                    x[chosen], labels[chosen, None], loss, optimizer=optimizer
                )
            return await simulation.network()

    return trio.run(run)


def draw_votes(rng: np.random.Generator, shares: np.ndarray, each: int = 1) -> np.ndarray:
    """Return, for each picture, the share of `each` people who vote yes. Shape (n,).

    Args:
        rng: Draws the votes.
        shares: The probability of a yes. Shape (n,).
        each: Number of people who vote on a picture.
    """
    return rng.binomial(each, shares) / each


def format_spread(values: Sequence[float]) -> str:
    """Return "mean ± standard deviation"; of a single value, only the value."""
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values):.3f}" if len(values) > 1 else "")
