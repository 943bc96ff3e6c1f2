"""How far rounding alone can bring two machines apart that replay one neuron from the same mail.

It is a running error analysis, as in `reference.bound`, of a single neuron. The activations and
urgencies that it received, and the parameters that it had, are exact: the log contains them. So its
signal errs by at most n · eps / (1 - n · eps) · Σ|w · x|. How far that moves f, f' or a loss is
found by evaluating them on both sides. The error of an optimiser's state is carried on from step to
step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...network import functions
from ...neuron.local_rule import InputRule, LocalRule
from ...neuron.loss_node import LossNode
from ...neuron.messages import Step
from ...neuron.optimizers import SGD, Adam, Optimizer, rate_of
from ...support.validation import Array
from ..reference.matrices import slope_of

EPS = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float64).tiny)  # the error of numbers too small for all their bits


class RoundingBounds:
    """Bounds of the rounding errors of what rules send, step after step.

    Ask for a bound before the rule itself computes: the rule's state changes then.

    Args:
        rules: The rule of each neuron.
    """

    def __init__(self, rules: Sequence[LocalRule | InputRule]) -> None:
        self._rules = rules
        self._states: list[tuple[Optimizer | None, tuple[Array, ...]]] = [(None, ())] * len(rules)
        self._signal = self._signal_error = np.empty(0)  # of the neuron that fired last

    def fire(self, k: int, activations_in: Array, bound_out: Array) -> None:
        """Bound the error of a neuron's activation.

        Args:
            k: The position of the neuron.
            activations_in: What it received, then a row of ones; of an input, the values that the
                environment sent. Shape (fan_in + 1, batch).
            bound_out: Receives the bound. Shape (batch,).
        """
        rule = self._rules[k]
        if isinstance(rule, InputRule):
            bound_out[...] = 0.0
            return
        parameters = rule.state.parameters
        self._signal = rule.sums.weighted_sum(parameters, activations_in)
        sizes = np.abs(parameters) @ np.abs(activations_in)
        self._signal_error = _gamma(len(parameters) + 2) * sizes
        bound_out[...] = _variation(rule.function.value, self._signal, self._signal_error) + TINY

    def respond(
        self,
        k: int,
        step: Step,
        activations_in: Array,
        urgencies_in: Array,
        urgencies_bound: Array,
        commit_bound: Array,
    ) -> None:
        """Bound the errors of the urgencies and of the commit that a neuron sends.

        Call it after `fire` for the same neuron.

        Args:
            k: The position of the neuron.
            step: The step.
            activations_in: As in `fire`. Shape (fan_in + 1, batch).
            urgencies_in: What it received from its followers. Shape (fan_out, batch).
            urgencies_bound: Receives the bound of the urgencies that it sends to its sources. Shape
                (n_listening_sources, batch).
            commit_bound: Receives the bound of its commit. Shape (fan_in + 1,).
        """
        rule = self._rules[k]
        urgency, sizes = urgencies_in.sum(axis=0), np.abs(urgencies_in).sum(axis=0)
        error = _gamma(len(urgencies_in) + 2) * sizes
        if isinstance(rule, InputRule):
            urgencies_bound[0] = error + TINY
            return
        z, slope_at = self._signal, slope_of(rule.function.before(step.loss))
        slope = slope_at(z)
        slope_error = _variation(slope_at, z, self._signal_error)
        v = urgency * slope
        v_error = (
            error * (np.abs(slope) + slope_error)
            + np.abs(urgency) * slope_error
            + 2 * EPS * np.abs(v)
            + TINY
        )
        v_size = np.abs(v) + v_error
        weights = np.abs(rule.state.parameters[:-1])
        if rule.listening is not None and not step.wrt_inputs:
            weights = weights[rule.listening]
        urgencies_bound[...] = np.multiply.outer(weights, v_error + 2 * EPS * v_size) + TINY
        batch, sizes = len(v), np.abs(activations_in)
        mean_error = (sizes @ v_error + _gamma(batch + 2) * (sizes @ v_size)) / batch + TINY
        if step.optimizer is None:
            commit_bound[...] = mean_error
        else:
            mean = activations_in @ v / batch
            commit_bound[...] = self._learn(k, rule, step.optimizer, mean, mean_error)

    def evaluate(
        self, rule: LossNode, step: Step, predictions: Array, targets: Array
    ) -> tuple[Array, Array]:
        """Bound the errors of what the loss node sends.

        Args:
            rule: The loss node.
            step: The step.
            predictions: What it received from the outputs. Shape (n_outputs, batch).
            targets: What it received from the environment. Shape (n_outputs, batch).

        Returns:
            Bounds of the losses, shape (batch,), and of the urgencies that it sends to the outputs
            that listen, shape (n_listening_outputs, batch).
        """
        loss = functions.loss(str(step.loss))
        p, t = predictions.T.copy(), targets.T.copy()
        losses = _loss_variation(lambda q: loss.value(q, t)[:, None], p, t)[:, 0]
        urgencies = _loss_variation(lambda q: loss.slope(q, t), p, t).T
        return losses, urgencies if step.wrt_inputs else urgencies[~rule.from_input]

    def _learn(
        self, k: int, rule: LocalRule, optimizer: Optimizer, urgencies: Array, error: Array
    ) -> Array:
        """Bound the error of the new parameters, and keep the optimiser's for the next step."""
        before, (known, errors) = rule.state, self._states[k]
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
            error = error + 2 * EPS * (np.abs(urgencies) + 2 * np.abs(decay))
            urgencies = urgencies - decay
        rate = rate_of(optimizer.learning_rate, count)
        learn = _descend if isinstance(optimizer, SGD) else _adam
        moved, moved_error, errors = learn(optimizer, urgencies, error, state, errors, count)
        self._states[k] = optimizer, errors
        return np.asarray(
            rate * (moved_error + 16 * EPS * np.abs(moved))
            + 2 * EPS * np.abs(parameters + rate * moved)
            + TINY
        )


# The move at learning rate 1, its error, and the errors of the optimiser's state.
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
    error = optimizer.momentum * errors[0] + error + rounding
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
    moved_error = np.where(np.isnan(moved_error), np.inf, moved_error) + 8 * EPS * np.abs(moved)
    return moved / corrected, moved_error / corrected, (mean_error, square_error)


def _gamma(n: int) -> float:
    """Return n · eps / (1 - n · eps), the relative error of a sum of n products."""
    return n * EPS / (1.0 - n * EPS)


def _variation(f: Callable[[Array], Array], z: Array, error: Array) -> Array:
    """Bound how far f(z) changes where z changes by up to `error`, and what f itself errs.

    numpy allows its functions 4 eps, and 1 - a² doubles that; here it is doubled once more.
    """
    reach = 2.0 * error + np.spacing(np.abs(z))
    here = f(z)
    moved = np.maximum(np.abs(f(z + reach) - here), np.abs(f(z - reach) - here))
    return moved + 16 * EPS * np.maximum(np.abs(here), 1.0)


def _loss_variation(f: Callable[[Array], Array], p: Array, t: Array) -> Array:
    """Bound what a function of all predictions of an example itself errs; they are exact."""
    here = f(p)
    sizes = np.abs(here) + (np.abs(p) + np.abs(t)).max(axis=1, keepdims=True)
    total = (16 + p.shape[1]) * EPS * sizes
    for k in range(p.shape[1]):
        reach = np.zeros_like(p)
        reach[:, k] = np.spacing(np.abs(p[:, k]))
        total = total + np.maximum(np.abs(f(p + reach) - here), np.abs(f(p - reach) - here))
    return np.asarray(total) + TINY
