"""Comparisons bit for bit: of two gradients, and of all that a society of an engine computes."""

from __future__ import annotations

import numpy as np
import trio

import neuro_actors as na


def same_bits(a: na.Gradient, b: na.Gradient) -> bool:
    """Return whether two gradients are equal in every bit."""
    pairs = [(a.predictions, b.predictions), (a.weights, b.weights), (a.biases, b.biases)]
    if (a.inputs is None) != (b.inputs is None):
        return False
    if a.inputs is not None and b.inputs is not None:
        pairs.append((a.inputs, b.inputs))
    return a.loss == b.loss and all(np.array_equal(p, q) for p, q in pairs)


def everything(
    case, channels: str, sums: str = "ordered"
) -> tuple[np.ndarray, na.Gradient, na.Gradient, str, str]:
    """Return all that a society of this engine computes, in steps of all kinds and sizes."""

    async def ask():
        async with na.open_simulation(case.network, channels, sums=sums) as simulation:
            predictions = await simulation.predict(case.x)
            gradient = await simulation.gradient(case.x, case.targets, case.loss, wrt_inputs=True)
            await simulation.train_step(
                case.x, case.targets, case.loss, optimizer=na.SGD(0.01, momentum=0.9)
            )
            once = (await simulation.network()).digest()
            one = await simulation.gradient(case.x[:1], case.targets[:1], case.loss)
            await simulation.train_step(
                case.x, case.targets, case.loss, optimizer=na.SGD(0.01, momentum=0.9)
            )
            return predictions, gradient, one, once, (await simulation.network()).digest()

    return trio.run(ask)
