"""How far rounding alone can bring two machines apart that replay one neuron from the same mail.

It is a running error analysis, as in `reference.bound`, of a single neuron. The activations and
urgencies that it received, and the parameters that it had, are exact: the log contains them. So:

1. Its signal z is exact where both machines add alike (`adds_equally`), or where the sum has no
   rounding at all (`is_exact_sum`). Else it errs by at most n · eps / (1 - n · eps) · Σ|w · x|.
2. At an exact argument a function has one value and one slope, also at a kink. They differ between
   machines by what the function's own evaluation errs: by nothing, where it uses only +, -, *, /,
   roots and comparisons, as relu does (`Activation.rounding`).
3. Where z is not exact, f and f' are evaluated on both sides of it. If there is a kink between
   them, the activation that the neuron sent tells on which side of the kink its signal was
   (`settle`): one z must explain both. Only where it tells nothing, both slopes are possible.
4. What is computed from exact numbers by +, -, *, / and roots alone is exact. The error of an
   optimizer's state is carried on from step to step (`learning_bounds.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ...network import functions
from ...network.masks import skip_masked
from ...network.own_functions import is_own
from ...neuron.interneuron_rule import InterneuronRule
from ...neuron.local_rule import InputRule, LocalRule
from ...neuron.loss_node import LossNode
from ...neuron.messages import Step
from ...support.arrays import Array, Indices, freeze
from ..reference.rounding import EPS, gamma
from .exact_sums import is_exact_sum
from .interneuron_bounds import bound_activation, bound_urgencies, terms_of
from .learning_bounds import TINY, LearningBounds

# numpy allows its functions 4 eps, and a difference doubles that; here it is doubled once more
OWN_ERROR = 16.0  # in eps, of a function of which nothing is known; of 1, where it is less
# A user's function may carry the errors of its parts on. So it may move as it does between two
# neighbouring arguments; but a jump there is no rounding.
MOST_CARRIED = 1024.0  # in eps
JUMP = 1e-6  # of the slope: a change between two neighbouring numbers that is a kink


class RoundingBounds:
    """Bounds of the rounding errors of what rules send, step after step.

    Ask for a bound before the rule itself computes: the rule's state changes then.

    Args:
        rules: The rule of each neuron.
        adds_equally: Whether sums are known to have equal bits on both machines.
    """

    def __init__(
        self,
        rules: Sequence[LocalRule | InterneuronRule | InputRule],
        *,
        adds_equally: bool = False,
    ) -> None:
        self._rules = rules
        self._adds_equally = adds_equally
        self._learning = LearningBounds(len(rules))
        # of the neuron that fired last: its signal there lies between these two
        self._low = self._high = np.empty(0)
        self._sent: Array | None = None  # its activation, once that is known

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
        if isinstance(rule, InterneuronRule):
            self._sent = None
            bound_out[...] = bound_activation(rule, terms_of(rule, activations_in))
            return
        parameters = rule.state.parameters
        z = rule.sums.weighted_sum(parameters, activations_in)
        error = self._sum_error(parameters, activations_in)
        self._low, self._high, self._sent = z - 2.0 * error, z + 2.0 * error, None
        bound_out[...] = self._variation(rule.function.value, rule.function.rounding, z)

    def settle(self, k: int, step: Step, sent: Array) -> None:
        """Let a neuron respond as one that has sent this activation.

        Its slope is taken at the activation that it sent, which is exact. Where its signal is not
        exact and there is a kink within the signal's error, the activation tells the side.

        Args:
            k: The position of the neuron. Its rule has fired, and gets another signal.
            step: The step.
            sent: The activation that it has sent. Shape (batch,).
        """
        rule = self._rules[k]
        if isinstance(rule, InterneuronRule):
            self._sent = rule.activation = freeze(sent.copy())
            return
        if isinstance(rule, InputRule) or len(sent) != len(rule.signal):
            return
        self._sent = rule.activation = freeze(sent.copy())
        function, z = rule.function.before(step.loss), rule.signal
        low, high = self._low, self._high
        here = np.flatnonzero(_jump(*(self._slope(function, end) for end in (low, high))))
        if not len(here):
            return
        low, high, at, sent = low[here], high[here], z[here], sent[here]
        left, right = _bracket_jump(lambda z: self._slope(function, z, here), low, high)
        own, value = _own_error(function.rounding, sent), function.value
        is_kink = _jump(*(self._slope(function, end, here) for end in (left, right)))
        on_left = _is_between(sent, value(low), value(left), own)
        on_right = _is_between(sent, value(right), value(high), own)
        only_left, only_right = is_kink & on_left & ~on_right, is_kink & on_right & ~on_left
        self._high[here] = np.where(only_left, left, high)
        self._low[here] = np.where(only_right, right, low)
        at = np.where(only_left, np.minimum(at, left), at)
        settled = z.copy()
        settled[here] = np.where(only_right, np.maximum(at, right), at)
        rule.signal = freeze(settled)

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
        urgency = rule.sums.sum_of_rows(urgencies_in)
        error = self._sum_error(np.ones(len(urgencies_in)), urgencies_in)
        if isinstance(rule, InputRule):
            urgencies_bound[0] = error
            return
        if isinstance(rule, InterneuronRule):
            if len(urgencies_bound):
                terms = terms_of(rule, activations_in)
                found = bound_urgencies(rule, terms, urgency, error, self._sent)
                listens = rule.listening is not None and not step.wrt_inputs
                urgencies_bound[...] = found[rule.listening] if listens else found
            return
        slope, slope_error = self._slope_and_error(rule.function.before(step.loss), rule.signal)
        v = urgency * slope
        inexact = (error > 0) | (slope_error > 0)
        v_error = np.where(
            inexact,
            error * (np.abs(slope) + slope_error)
            + np.abs(urgency) * slope_error
            + 2 * EPS * np.abs(v)
            + TINY,
            0.0,
        )
        v_size = np.abs(v) + v_error
        weights = np.abs(rule.state.parameters[:-1])
        if rule.listening is not None and not step.wrt_inputs:
            weights = weights[rule.listening]
        if len(urgencies_bound):
            product_error = np.multiply.outer(weights, v_error + 2 * EPS * v_size) + TINY
            urgencies_bound[...] = np.where(inexact, product_error, 0.0)
        mean_error = self._mean_error(activations_in, v_error, v_size, rule.positions)
        if step.optimizer is None:
            commit_bound[...] = mean_error
        else:
            mean = np.empty(len(activations_in))
            rule.sums.mean_products(activations_in, v, mean, rule.positions)
            commit_bound[...] = self._learning.learn(
                k, rule.state, step.optimizer, mean, mean_error
            )
            if rule.frozen is not None:
                commit_bound[rule.frozen] = 0.0

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
        p, t = predictions.T.copy(), targets.T.copy()
        known = functions.loss(str(step.loss))
        loss = skip_masked(known, t)
        has_exact_parts, n = loss.rounding == 0.0, p.shape[1]
        urgencies = np.zeros_like(targets)
        if not has_exact_parts:
            urgencies = _loss_variation(lambda q: loss.slope(q, t), p, t).T
        if has_exact_parts and (self._adds_equally or n == 1):
            losses = np.zeros(len(p))
        elif has_exact_parts and not is_own(known):  # no term of such a loss is negative
            losses = gamma(n + 2) * np.abs(loss.value(p, t))
        else:
            losses = _loss_variation(lambda q: loss.value(q, t)[:, None], p, t)[:, 0]
        if rule.positions > 1:
            sizes = np.abs(loss.value(p, t)) + losses
            added, sizes = (one.reshape(-1, rule.positions).sum(axis=1) for one in (losses, sizes))
            losses = np.where(added > 0, added + gamma(rule.positions + 2) * sizes, 0.0)
        return losses, urgencies if step.wrt_inputs else urgencies[~rule.from_input]

    # --- sums and functions -----------------------------------------------------------------------

    def _sum_error(self, weights: Array, rows: Array) -> Array:
        """Bound the error of Σ weights[i] · rows[i]. Shape (batch,)."""
        if self._adds_equally or not len(rows):
            return np.zeros(rows.shape[1])
        sizes = np.abs(weights) @ np.abs(rows)
        error = gamma(len(weights) + 2) * sizes + TINY
        return np.where(is_exact_sum(weights, rows), 0.0, error)

    def _mean_error(self, rows: Array, v_error: Array, v_size: Array, positions: int = 1) -> Array:
        """Bound the error of the mean over the examples of Σ rows · v, over their positions.

        Shape (n_rows,).
        """
        n, sizes = len(v_error), np.abs(rows)
        if not v_error.any() and (self._adds_equally or n == 1):
            return np.zeros(len(rows))
        error: Array = sizes @ v_error + gamma(n + 2) * (sizes @ v_size)
        return error / (n // positions) + TINY

    def _variation(self, f: Callable[[Array], Array], rounding: float | None, z: Array) -> Array:
        """Bound how far f(z) may be from what it is there."""
        here = f(z)
        moved = np.maximum(np.abs(f(self._low) - here), np.abs(f(self._high) - here))
        return moved + _own_error(rounding, here) + _carried(f, rounding, z, here)

    def _slope(
        self, function: functions.Activation, z: Array, where: Indices | None = None
    ) -> Array:
        """Return f'(z), beside the activation that the neuron sent, if that is known."""
        if self._sent is None:
            return function.slope(z, function.value(z))
        return function.slope(z, self._sent if where is None else self._sent[where])

    def _slope_and_error(self, function: functions.Activation, z: Array) -> tuple[Array, Array]:
        """Return f'(z), and a bound of how far it may be from what it is there."""

        def at(z: Array) -> Array:
            return self._slope(function, z)

        here, rounding = at(z), function.rounding
        moved = np.maximum(np.abs(at(self._low) - here), np.abs(at(self._high) - here))
        # without the activation that was sent, the slope has its error too
        own = _own_error(rounding if rounding == 0.0 or self._sent is not None else None, here)
        return here, moved + own + _carried(at, rounding, z, here)


# --- functions ------------------------------------------------------------------------------------


def _own_error(rounding: float | None, values: Array) -> Array:
    """Bound what the evaluation of a function errs at an exact argument."""
    if rounding is None:
        return np.asarray(OWN_ERROR * EPS * np.maximum(np.abs(values), 1.0))
    return np.asarray(rounding * EPS * np.abs(values) + (TINY if rounding else 0.0))


def _carried(f: Callable[[Array], Array], rounding: float | None, z: Array, here: Array) -> Array:
    """Bound how far a function of which nothing is known carries the errors of its own parts."""
    if rounding is not None:
        return np.zeros_like(here)
    up, down = f(np.nextafter(z, np.inf)), f(np.nextafter(z, -np.inf))
    moved = np.maximum(np.abs(up - here), np.abs(down - here))
    return np.minimum(moved, MOST_CARRIED * EPS * np.maximum(np.abs(here), 1.0))


def _loss_variation(f: Callable[[Array], Array], p: Array, t: Array) -> Array:
    """Bound what a function of all predictions of an example itself errs; they are exact."""
    here = f(p)
    sizes = np.abs(here) + (np.abs(p) + np.abs(t)).max(axis=1, keepdims=True)
    total = (16 + p.shape[1]) * EPS * sizes
    for k in range(p.shape[1]):
        up, down = p.copy(), p.copy()
        up[:, k], down[:, k] = np.nextafter(p[:, k], np.inf), np.nextafter(p[:, k], -np.inf)
        moved = np.maximum(np.abs(f(up) - here), np.abs(f(down) - here))
        total = total + np.minimum(moved, MOST_CARRIED * EPS * sizes)
    return np.asarray(total) + TINY


def _jump(one: Array, other: Array) -> NDArray[np.bool_]:
    size = np.maximum(np.maximum(np.abs(one), np.abs(other)), 1.0)
    return np.asarray(np.abs(one - other) > JUMP * size)


def _is_between(values: Array, one: Array, other: Array, slack: Array) -> NDArray[np.bool_]:
    low, high = np.minimum(one, other) - slack, np.maximum(one, other) + slack
    return np.asarray((low <= values) & (values <= high))


def _bracket_jump(f: Callable[[Array], Array], low: Array, high: Array) -> tuple[Array, Array]:
    """Find, between two arguments, the neighbouring numbers between which f changes most.

    Args:
        f: The function; it has at most one jump there.
        low: The lower arguments. Shape (n,).
        high: The higher arguments. Shape (n,).

    Returns:
        The lower and the higher neighbours. Shape (n,) each.
    """
    a, b = _rank(low), _rank(high)
    for _ in range(66):
        middle = (a >> 1) + (b >> 1) + (a & b & 1)  # a + b and b - a may overflow
        at_a, at_middle, at_b = (f(_of_rank(rank)) for rank in (a, middle, b))
        first = np.abs(at_middle - at_a) >= np.abs(at_b - at_middle)
        near = a + 1 >= b
        a, b = np.where(first | near, a, middle), np.where(first & ~near, middle, b)
    return _of_rank(a), _of_rank(b)


def _rank(values: Array) -> NDArray[np.int64]:
    """Return the position of each number among all numbers; 0 has the position 0."""
    bits = (values + 0.0).view(np.int64)
    return np.where(bits < 0, -(bits & np.int64(2**63 - 1)), bits)


def _of_rank(ranks: NDArray[np.int64]) -> Array:
    values = np.abs(ranks).view(np.float64)
    return np.where(ranks < 0, -values, values)
