"""What a batch comes to that goes through in parts: out of the same parts, each as a batch of its own."""

from __future__ import annotations

import numpy as np
import trio

import neuro_actors as na


def by_halves(terms: list[np.ndarray]) -> np.ndarray:
    """The tree, written another way: to the left stand as many terms as the greatest power of two that is not all."""
    if len(terms) == 1:
        return terms[0]
    left = 1 << (len(terms) - 1).bit_length() - 1
    return by_halves(terms[:left]) + by_halves(terms[left:])


def sizes(batch: int, count: int) -> list[int]:
    return [len(part) for part in np.array_split(np.arange(batch), min(batch, count))]


def at_the_centre(
    network, x, targets, loss, count, rule=None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights' and biases' gradients, and predictions, out of the same micro-batches, each in a society of its own. Of one
    there is no sum."""
    ends = np.cumsum(sizes(len(x), count)).tolist()
    parts = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]

    async def alone(part: slice) -> na.Gradient:
        async with na.open_simulation(network, "memory", rule=rule) as simulation:
            return await simulation.gradient(x[part], targets[part], loss)

    found = [trio.run(alone, part) for part in parts]
    if count == 1:
        return found[0].weights, found[0].biases, found[0].predictions
    sums = [
        by_halves(
            [
                (part.stop - part.start) * getattr(one, name)
                for part, one in zip(parts, found, strict=True)
            ]
        )
        / len(x)
        for name in ("weights", "biases")
    ]
    return sums[0], sums[1], np.concatenate([one.predictions for one in found])
