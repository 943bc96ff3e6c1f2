"""How far rounding can bring two machines apart in what a neuron learns, step after step.

Parameters are exact before each step, because the log contains them. The error of an optimizer's
state is carried on.
"""

from __future__ import annotations

import numpy as np

from ...neuron.neuron_state import NeuronState
from ...neuron.optimizers import SGD, Adam, CosineDecay, Optimizer, rate_of
from ...support.arrays import Array
from ..reference.rounding import EPS

TINY = float(np.finfo(np.float64).tiny)  # the error of numbers too small for all their bits


class LearningBounds:
    """Bounds of the errors of new parameters, for all neurons of a network.

    Args:
        n: The number of neurons.
    """

    def __init__(self, n: int) -> None:
        # the optimizer of each neuron's last update, and the errors of the state that it left
        self._states: list[tuple[Optimizer | None, tuple[Array, ...]]] = [(None, ())] * n

    def learn(
        self, k: int, before: NeuronState, optimizer: Optimizer, urgencies: Array, error: Array
    ) -> Array:
        """Bound the error of the new parameters, and keep the optimizer's for the next step.

        Args:
            k: The position of the neuron.
            before: What the neuron has before it learns.
            optimizer: The step's optimizer, one of the package's own.
            urgencies: The mean urgencies of the parameters. Shape (fan_in + 1,).
            error: Bounds of their errors, of the same shape.

        Returns:
            The bounds, of the same shape.
        """
        known, errors = self._states[k]
        continues = before.optimizer is not None and before.optimizer == optimizer
        if continues:
            state, count = before.optimizer_state, before.updates + 1
        else:
            state, count = optimizer.start(len(urgencies)), 1
        if not continues or known is None or len(errors) != len(state):
            errors = tuple(np.zeros_like(values) for values in state)
        parameters = before.parameters
        assert isinstance(optimizer, (SGD, Adam))
        if optimizer.weight_decay:
            decay = optimizer.weight_decay * parameters
            rounding = 2 * EPS * (np.abs(urgencies) + 2 * np.abs(decay))
            error = np.where(error > 0, error + rounding, 0.0)
            urgencies = urgencies - decay
        rate = rate_of(optimizer.learning_rate, count)
        learn = _descend if isinstance(optimizer, SGD) else _adam
        moved, moved_error, errors = learn(optimizer, urgencies, error, state, errors, count)
        self._states[k] = optimizer, errors
        bound = np.asarray(
            rate * (moved_error + 16 * EPS * np.abs(moved))
            + _cosine_error(optimizer) * np.abs(moved)
            + 2 * EPS * np.abs(parameters + rate * moved)
            + TINY
        )
        # powers and cosines, in schedules and in Adam, are the C library's
        plain = isinstance(optimizer, SGD) and not callable(optimizer.learning_rate)
        return np.where(moved_error > 0, bound, 0.0) if plain else bound


def _cosine_error(optimizer: SGD | Adam) -> float:
    """Bound what a learning rate errs because a cosine near -1 cancels in it."""
    rate = optimizer.learning_rate
    return 2 * EPS * abs(rate.start - rate.end) if isinstance(rate, CosineDecay) else 0.0


# The move at learning rate 1, its error, and the errors of the optimizer's state.
_Move = tuple[Array, Array, tuple[Array, ...]]


def _descend(
    optimizer: SGD | Adam,
    urgencies: Array,
    error: Array,
    state: tuple[Array, ...],
    errors: tuple[Array, ...],
    count: int,
) -> _Move:
    """Bound a move of gradient descent, with momentum or without."""
    assert isinstance(optimizer, SGD)
    if not optimizer.momentum:
        return urgencies, error, ()
    carried = optimizer.momentum * state[0]
    rounding = 3 * EPS * (np.abs(carried) + np.abs(urgencies))
    inexact = (errors[0] > 0) | (error > 0)
    error = np.where(inexact, optimizer.momentum * errors[0] + error + rounding, 0.0)
    return carried + urgencies, error, (error,)


def _adam(
    optimizer: SGD | Adam,
    urgencies: Array,
    error: Array,
    state: tuple[Array, ...],
    errors: tuple[Array, ...],
    count: int,
) -> _Move:
    """Bound a move of Adam, whose two means and their errors are carried on."""
    assert isinstance(optimizer, Adam)
    b, c = optimizer.beta1, optimizer.beta2
    mean = b * state[0] + (1 - b) * urgencies
    square = c * state[1] + (1 - c) * urgencies * urgencies
    mean_error = (
        b * errors[0]
        + (1 - b) * error
        + 4 * EPS * (b * np.abs(state[0]) + (1 - b) * np.abs(urgencies))
    )
    square_error = (
        c * errors[1] + (1 - c) * (2 * np.abs(urgencies) * error + error * error) + 4 * EPS * square
    )
    scale = np.sqrt(1 - c**count)
    low, here, high = (
        np.sqrt(np.maximum(s, 0.0)) / scale + optimizer.epsilon
        for s in (square - square_error, square, square + square_error)
    )
    corrected = 1 - b**count
    moved = mean / here
    corners = [
        np.abs((mean + side * mean_error) / divisor - moved)
        for side in (-1, 1)
        for divisor in (low, high)
    ]
    moved_error = np.max(corners, axis=0)
    # a power may differ by its last bit, of which much is left where it is nearly 1
    powers = sum(base**count / (1 - base**count) for base in (b, c))
    moved_error = np.where(np.isnan(moved_error), np.inf, moved_error)
    moved_error += (8 + 2 * powers) * EPS * np.abs(moved)
    return moved / corrected, moved_error / corrected, (mean_error, square_error)
