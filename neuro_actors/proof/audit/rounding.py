"""How far apart rounding alone can bring two machines that replay one neuron from one and the same mail.

A running error analysis, as in `reference.bound`, of a single neuron: what it heard, and the parameters that it held, are
exact, for the log says them. So its signal errs by at most n · eps / (1 - n · eps) · Σ|w · x|; how far that moves f, f' or
a loss is found by evaluating them on both sides; and what an optimiser keeps carries its error on from step to step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...network import functions
from ...neuron.local_rule import InputRule, LocalRule
from ...neuron.loss_node import LossNode
from ...neuron.messages import Step
from ...neuron.optimizers import SGD, Adam, Optimizer, Rate
from ...support.validation import Array

EPS = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float64).tiny)  # what numbers too small for all their bits lose


class Margins:
    """For each rule how far what it says may lie from what it said. To be asked before the rule itself, which changes."""

    def __init__(self, rules: Sequence[LocalRule | InputRule]) -> None:
        self._rules = rules
        self._states: list[tuple[Optimizer | None, tuple[Array, ...]]] = [(None, ())] * len(rules)
        self._signal = self._signal_error = np.empty(0)  # of the neuron that fired last

    def fire(self, k: int, heard: Array, activation: Array) -> None:
        """Into `activation` how far its activation may be off."""
        rule = self._rules[k]
        if isinstance(rule, InputRule):
            activation[...] = 0.0
            return
        parameters = rule.state.parameters
        self._signal = rule.sums.weighted_sum(parameters, heard)
        self._signal_error = _gamma(len(parameters) + 2) * (np.abs(parameters) @ np.abs(heard))
        activation[...] = _moves(rule.function.value, self._signal, self._signal_error) + TINY

    def respond(
        self, k: int, step: Step, heard: Array, urgencies: Array, back: Array, commit: Array
    ) -> None:
        """Into `back` and `commit` how far these may be off."""
        rule = self._rules[k]
        urgency, sizes = urgencies.sum(axis=0), np.abs(urgencies).sum(axis=0)
        error = _gamma(len(urgencies) + 2) * sizes
        if isinstance(rule, InputRule):
            back[0] = error + TINY
            return
        z, function = self._signal, rule.function
        steep = _slope_of(function)(z)
        steep_error = _moves(_slope_of(function), z, self._signal_error)
        v = urgency * steep
        v_error = (
            error * (np.abs(steep) + steep_error)
            + np.abs(urgency) * steep_error
            + 2 * EPS * np.abs(v)
            + TINY
        )
        v_size = np.abs(v) + v_error
        weights = np.abs(rule.state.parameters[:-1])
        if rule.listening is not None and not step.wrt_inputs:
            weights = weights[rule.listening]
        back[...] = np.multiply.outer(weights, v_error + 2 * EPS * v_size) + TINY
        batch, sizes = len(v), np.abs(heard)
        wanted_error = (sizes @ v_error + _gamma(batch + 2) * (sizes @ v_size)) / batch + TINY
        if step.optimizer is None:
            commit[...] = wanted_error
        else:
            commit[...] = self._learn(k, rule, step.optimizer, heard @ v / batch, wanted_error)

    def judge(
        self, rule: LossNode, step: Step, predictions: Array, targets: Array
    ) -> tuple[Array, Array]:
        """How far each example's loss may be off, (batch,), and the urgencies of the outputs that listen."""
        loss = functions.loss(str(step.loss))
        p, t = predictions.T.copy(), targets.T.copy()
        losses = _loss_moves(lambda q: loss.value(q, t)[:, None], p, t)[:, 0]
        urgencies = _loss_moves(lambda q: loss.slope(q, t), p, t).T
        return losses, urgencies if step.wrt_inputs else urgencies[~rule.from_input]

    def _learn(
        self, k: int, rule: LocalRule, optimizer: Optimizer, wanted: Array, error: Array
    ) -> Array:
        """How far the new parameters may be off; and, for the next step, what the optimiser keeps."""
        before, (known, errors) = rule.state, self._states[k]
        continues = before.optimizer is not None and before.optimizer == optimizer
        state, count = (
            (before.optimizer_state, before.updates + 1)
            if continues
            else (optimizer.start(len(wanted)), 1)
        )
        if not continues or known is None or len(errors) != len(state):
            errors = tuple(np.zeros_like(kept) for kept in state)
        parameters = before.parameters
        assert isinstance(optimizer, (SGD, Adam))
        if optimizer.weight_decay:
            decay = optimizer.weight_decay * parameters
            error = error + 2 * EPS * (np.abs(wanted) + 2 * np.abs(decay))
            wanted = wanted - decay
        rate = _rate(optimizer.learning_rate, count)
        learn = _descend if isinstance(optimizer, SGD) else _adam
        moved, apart, errors = learn(optimizer, wanted, error, state, errors, count)
        self._states[k] = optimizer, errors
        return np.asarray(
            rate * (apart + 16 * EPS * np.abs(moved))
            + 2 * EPS * np.abs(parameters + rate * moved)
            + TINY
        )


_Learnt = tuple[
    Array, Array, tuple[Array, ...]
]  # the way at rate 1, its error, and the errors of what is kept


def _descend(
    optimizer: SGD | Adam,
    wanted: Array,
    error: Array,
    state: tuple[Array, ...],
    errors: tuple[Array, ...],
    count: int,
) -> _Learnt:
    assert isinstance(optimizer, SGD)
    if not optimizer.momentum:
        return wanted, error, ()
    kept = optimizer.momentum * state[0]
    error = optimizer.momentum * errors[0] + error + 3 * EPS * (np.abs(kept) + np.abs(wanted))
    return kept + wanted, error, (error,)


def _adam(
    optimizer: SGD | Adam,
    wanted: Array,
    error: Array,
    state: tuple[Array, ...],
    errors: tuple[Array, ...],
    count: int,
) -> _Learnt:
    assert isinstance(optimizer, Adam)
    b, c = optimizer.beta1, optimizer.beta2
    mean, square = b * state[0] + (1 - b) * wanted, c * state[1] + (1 - c) * wanted * wanted
    mean_error = (
        b * errors[0]
        + (1 - b) * error
        + 4 * EPS * (b * np.abs(state[0]) + (1 - b) * np.abs(wanted))
    )
    square_error = (
        c * errors[1] + (1 - c) * (2 * np.abs(wanted) * error + error * error) + 4 * EPS * square
    )
    scale = np.sqrt(1 - c**count)
    low, here, high = (
        np.sqrt(np.maximum(s, 0.0)) / scale + optimizer.epsilon
        for s in (square - square_error, square, square + square_error)
    )
    corrected = 1 - b**count
    moved = mean / here
    corners = [
        np.abs((mean + side * mean_error) / spread - moved)
        for side in (-1, 1)
        for spread in (low, high)
    ]
    apart = np.max(corners, axis=0)
    apart = np.where(np.isnan(apart), np.inf, apart) + 8 * EPS * np.abs(moved)
    return moved / corrected, apart / corrected, (mean_error, square_error)


def _rate(rate: Rate, count: int) -> float:
    return rate(count) if callable(rate) else rate


def _gamma(n: int) -> float:
    """n · eps / (1 - n · eps), the relative error of a sum of n products."""
    return n * EPS / (1.0 - n * EPS)


def _slope_of(function: functions.Activation) -> Callable[[Array], Array]:
    return lambda z: function.slope(z, function.value(z))


def _moves(f: Callable[[Array], Array], z: Array, error: Array) -> Array:
    """How far f moves where its argument moves by up to `error`, and what its own evaluation errs (a few eps)."""
    reach = 2.0 * error + np.spacing(np.abs(z))
    here = f(z)
    moved = np.maximum(np.abs(f(z + reach) - here), np.abs(f(z - reach) - here))
    return moved + 16 * EPS * np.maximum(
        np.abs(here), 1.0
    )  # numpy allows its functions 4, and 1 - a² doubles that


def _loss_moves(f: Callable[[Array], Array], p: Array, t: Array) -> Array:
    """The same for a function of all predictions of an example, which are exact: what its own evaluation errs."""
    here = f(p)
    sizes = np.abs(here) + (np.abs(p) + np.abs(t)).max(axis=1, keepdims=True)
    total = (16 + p.shape[1]) * EPS * sizes
    for k in range(p.shape[1]):
        reach = np.zeros_like(p)
        reach[:, k] = np.spacing(np.abs(p[:, k]))
        total = total + np.maximum(np.abs(f(p + reach) - here), np.abs(f(p - reach) - here))
    return np.asarray(total) + TINY
