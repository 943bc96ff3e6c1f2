"""Finds the members whose messages do not follow from the formulas that the page prints.

They lived by another rule than backpropagation, or the log was changed. The page prints no formula
of theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..network import functions
from ..network.masks import skip_masked

if TYPE_CHECKING:
    from collections.abc import Set

    from ..log.steps import RecordedStep
    from ..network.network import Network
    from ..support.arrays import Array
    from .step_values import StepNumbers

NEAR = 1e-9  # relative; another machine's functions differ by far less


def find_contradictions(
    network: Network, step: RecordedStep, numbers: StepNumbers, unknown: Set[str], losses: Set[str]
) -> list[int]:
    """Return the members that contradict the formulas.

    Args:
        network: The network with the parameters that the step began with.
        step: The step.
        numbers: Its numbers.
        unknown: Names of activation functions that are other ones here than in the run.
        losses: Names of the losses that are the same here as in the run.

    Returns:
        Positions of neurons, and that of the loss node behind them, from the least on.
    """
    odd = np.zeros(len(network.ids) + 1, dtype=bool)
    kinds = np.array(network.activations)
    with np.errstate(all="ignore"):
        for name in set(network.activations) & set(functions.ACTIVATIONS) - set(unknown):
            here = np.flatnonzero((kinds == name) & ~network.is_input)
            expected = functions.activation(name).value(numbers.signals[here].copy())
            odd[here[_differ(expected, numbers.activations[here]).any(axis=1)]] = True
        v = numbers.signal_urgencies[network.targets]
        sent = _differ(network.weights[:, None] * v, step.urgencies).any(axis=1)
        odd[network.targets[sent]] = True
        if step.info.mode == "gradient":
            odd[:-1] |= _odd_commits(network, step, numbers)
        loss = step.info.loss
        if loss is not None and loss in losses and loss in functions.LOSSES:
            p, t = step.predictions.T.copy(), step.targets.T.copy()
            known = skip_masked(functions.loss(loss), t)
            odd[-1] = _differ(-known.slope(p, t).T, step.blame).any()
            if len(step.losses) == len(p):
                odd[-1] |= _differ(known.value(p, t), step.losses).any()
    return np.flatnonzero(odd).tolist()


def _odd_commits(network: Network, step: RecordedStep, numbers: StepNumbers) -> NDArray[np.bool_]:
    """Whether each neuron's commit differs from the means that its mail gives."""
    number, count = step.info.micro_batch or (1, 1)
    odd = np.zeros(len(network.ids), dtype=bool)
    if number == count > 1:  # the commit is that of the whole batch
        return odd
    v, x = numbers.signal_urgencies, numbers.activations
    products = x[network.sources] * v[network.targets]
    means, sizes = products.mean(axis=1), np.abs(products).mean(axis=1)
    odd[network.targets[np.abs(means - step.weights) > NEAR * sizes]] = True
    odd |= np.abs(v.mean(axis=1) - step.biases) > NEAR * np.abs(v).mean(axis=1)
    return odd


def _differ(expected: Array, found: Array) -> NDArray[np.bool_]:
    """Whether numbers differ by more than rounding; NaN, which is not known, differs from none."""
    most = np.maximum(np.abs(expected), np.abs(found))
    apart: NDArray[np.bool_] = np.abs(expected - found) > NEAR * most + 1e-300
    return apart
