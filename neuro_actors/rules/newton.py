"""Newton's method by local messages: curvature, conjugate gradients and a line search.

No central place sees a parameter. A neuron has its own part of every vector: its parameters w, the
gradient g, the step d, and of conjugate gradients the residual r, the direction p and the image
q = (H + λ) p, which a tangent round computes (Pearlmutter 1994; `neuron/tangent.py`). A few scalars
concern all neurons. They travel in columns behind the numbers of the messages that are sent anyway:

    forward    the environment sends them to the inputs; a neuron repeats those of its first source
    backward   a neuron adds its own share to the sum of its followers' and sends the result to its
               first source, and 0 to the others. Each share goes along one synapse, so these
               synapses are trees, with inputs as their roots

    round      it sends       it receives         and then
    gradient                  r·r, w·w            |g|, the objective; r = -g, d = 0, p = 0
    product    α, β, λ        p·q, r·q, q·q, r·r  before it: d += α p, r -= α q, p = r + β p
    trial      α, t           g·d, |w + t d|²     t is halved until the objective falls enough
    accept     α, t                               neurons learn: t d takes the urgencies' place

Here "it" is the environment. r·r after a product follows from r·r - 2α r·q + α² q·q, so that a
product needs one round, not two. Inputs receive scalars alone: w · urgency would reveal w.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..network import functions
from ..network.network import Network
from ..neuron.local_rule import NOTHING, LocalRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step
from ..neuron.neuron_state import check_finite_state
from ..neuron.sums import Sums
from ..neuron.tangent import TangentRule
from ..support.arrays import Array, freeze
from ..support.errors import InputError, MessageError
from ..support.means import mean_of
from ..support.scalars import as_number, as_setting, as_whole_number, got
from ..support.validation import as_flag
from .rule import Answer, Round, Rule, own

GRADIENT, PRODUCT, TRIAL, ACCEPT = "gradient", "product", "trial", "accept"
SCALARS = 4  # columns behind the numbers
ENOUGH = 1e-4  # of the fall that the slope promises (Armijo 1966)
SMALLEST = 2.0**-30  # step length
ROUNDING = 8 * float(np.finfo(float).eps)  # of the objective: what a fall may drown in


@dataclass(frozen=True, slots=True)
class NewtonCG(Rule):
    """Truncated Newton: each step is one iteration on the mean loss + l2/2 · Σ parameter².

    The optimizer receives the Newton step in place of the urgencies: `na.SGD(1.0)` makes the whole
    step. `gradient` returns minus the step, and neurons do not learn.

    Attributes:
        l2: As `weight_decay` of the optimizers; it concerns biases too.
        damping: λ = damping · |gradient| is added to the Hessian: a Levenberg-Marquardt term that
            vanishes at the end.
        guarded: Negative curvature ends conjugate gradients, and the step is halved until the
            objective falls. False is Newton's bare method: the whole step to the point where the
            gradient would be 0.
        forcing: Conjugate gradients end when |residual| ≤ min(forcing, √|g|) |g| (Dembo, Eisenstat,
            Steihaug 1982).
        products: The largest number of products with the Hessian.
    """

    feels_inputs: ClassVar[bool] = False
    needs_plain: ClassVar[str] = "each neuron relays a few sums, and only neurons can"
    needs_all: ClassVar[str] = "the step is that of all parameters together"

    l2: float = 0.0
    damping: float = 0.0
    guarded: bool = True
    forcing: float = 0.1
    products: int = 100

    def __post_init__(self) -> None:
        for name in ("l2", "damping", "forcing"):
            value = getattr(self, name)
            if not 0 <= as_number(value) < inf:
                raise InputError(
                    f"NewtonCG: {name} must be a number of at least 0, got {got(value)}"
                )
            object.__setattr__(self, name, as_setting(value))
        object.__setattr__(self, "guarded", as_flag("NewtonCG: guarded", self.guarded))
        object.__setattr__(
            self, "products", as_whole_number("NewtonCG: products", self.products, 1)
        )

    def neuron(self, network: Network, k: int, sums: Sums) -> NewtonNeuron:
        """See `Rule.neuron`."""
        return NewtonNeuron(*own(network, k), sums, self.l2)

    def loss_node(self, network: Network) -> NewtonLoss:
        """See `Rule.loss_node`."""
        return NewtonLoss(network.is_input[network.output_positions])

    def check(self, network: Network, loss: str) -> None:
        """See `Rule.check`."""
        functions.check_curvature(network.activations, loss)
        functions.check_bends(node.combination for node in network.interneurons.values())

    def rounds(self, network: Network, x: Array) -> Generator[Round, Answer, None]:
        """Go through the rounds of one Newton step: all that the environment does.

        It adds a few scalars, and decides which round comes next.

        Args:
            network: The network.
            x: The examples of the step. Shape (n_inputs, batch).

        Yields:
            Each round.
        """
        rr, ww, *_ = _read_scalars(answer := (yield _round(x, GRADIENT)))
        start, size = self._objective(answer, ww), sqrt(rr)
        enough, damping = min(self.forcing, sqrt(size)) * size, self.damping * size
        alpha = beta = 0.0
        for k in range(self.products):
            if sqrt(rr) <= enough:
                break
            pq, rq, qq, rr = _read_scalars((yield _round(x, PRODUCT, alpha, beta, damping)))
            if sqrt(rr) <= enough or pq == 0.0 or (pq < 0.0 and self.guarded):
                alpha = 0.0 if k else 1.0  # the step so far; at first p, which is straight downhill
                break
            alpha = rr / pq
            beta = max(rr - 2.0 * alpha * rq + alpha * alpha * qq, 0.0) / rr
            rr *= beta
        length = 1.0
        while self.guarded and length > 0.0:
            slope, ww, *_ = _read_scalars(answer := (yield _round(x, TRIAL, alpha, length)))
            alpha = 0.0  # it has been heard
            if self._objective(answer, ww) <= start + ENOUGH * length * slope + ROUNDING * abs(
                start
            ):
                break
            length = length / 2.0 if length > SMALLEST else 0.0
        yield _round(x, ACCEPT, alpha, length, learns=True)

    def _objective(self, answer: Answer, squares: float) -> float:
        return float(mean_of(answer.losses)) + self.l2 / 2.0 * squares


class NewtonNeuron(TangentRule):
    """A neuron with its own part of every vector, shape (fan_in + 1,) each.

    Args:
        id: As `LocalRule`.
        function: As `LocalRule`.
        parameters: As `LocalRule`. Shape (fan_in + 1,).
        from_input: As `LocalRule`. Shape (fan_in,).
        sums: As `LocalRule`.
        l2: As `NewtonCG`.
    """

    __slots__ = ("downhill", "from_input", "image", "l2", "move", "residual", "shift", "way")
    STATE = ("state", "downhill", "residual", "image", "direction", "way", "move", "shift")

    def __init__(
        self,
        id: str,
        function: functions.Activation,
        parameters: Array,
        from_input: NDArray[np.bool_],
        sums: Sums,
        l2: float,
    ) -> None:
        super().__init__(id, function, parameters, from_input, sums)
        self.from_input, self.l2 = from_input, l2
        self.downhill = self.residual = self.image = NOTHING  # -g, r, q; `direction` is p
        self.way = self.move = NOTHING  # d, t d
        self.shift = 0.0  # what is added to the Hessian's diagonal

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """See `NeuronRule.fire`."""
        if not step.round:  # the environment asks for a prediction alone
            super().fire(step, activations_in, activation_out)
            return
        scalars = activations_in[0, -SCALARS:]
        values, said = np.ascontiguousarray(activations_in[:, :-SCALARS]), activation_out[:-SCALARS]
        activation_out[-SCALARS:] = scalars
        if step.round == GRADIENT:
            super().fire(step, values, said)
            return
        alpha, scale, damping, _ = scalars.tolist()
        self.way = self.way + alpha * self.direction
        if step.round == PRODUCT:
            self.residual = self.residual - alpha * self.image
            self.direction = self.residual + scale * self.direction
            self.shift = self.l2 + damping
            self.fire_tangent(step, values, said)
        else:
            self.move = scale * self.way
            self._moved().fire(step, values, said)
            self.fired = step

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """See `LocalRule.respond`."""
        if self.fired is not step:
            raise MessageError(
                f"{self.id!r} cannot respond in step {step.number}: it has not fired in that step"
            )
        share = self.sums.sum_of_rows(np.ascontiguousarray(urgencies_in[:, -SCALARS:]))
        asked, wanted = np.ascontiguousarray(urgencies_in[:, :-SCALARS]), np.empty(len(commit_out))
        urgencies_out[...] = commit_out[...] = 0.0
        dot, parameters = self._dot, self.state.parameters
        if step.round == GRADIENT:
            super().respond(step, asked, urgencies_out[:, :-SCALARS], wanted)
            self.downhill = self.residual = wanted - self.l2 * parameters
            self.way = self.direction = self.image = np.zeros(len(wanted))
            share[:2] += dot(self.residual, self.residual), dot(parameters, parameters)
        elif step.round == PRODUCT:
            self.respond_tangent(step, asked, urgencies_out[:, :-SCALARS], wanted)
            p, r, q = self.direction, self.residual, self.shift * self.direction - wanted
            self.image = q
            share += dot(p, q), dot(r, q), dot(q, q), dot(r, r)
        elif step.round == TRIAL:
            moved = parameters + self.move
            share[:2] += -dot(self.downhill, self.way), dot(moved, moved)
        elif step.optimizer is None:
            commit_out[...] = self.move
        else:
            self.state = self.learn(step.optimizer, self.move, step)
            commit_out[...] = self.state.parameters
        urgencies_out[self.from_input] = 0.0
        urgencies_out[0, -SCALARS:] = share
        self.fired = None
        check_finite_state(self.id, "its state", self.get_state(), step)

    def _moved(self) -> LocalRule:
        """Return the neuron as it would be after the move."""
        return LocalRule(
            self.id, self.function, self.state.parameters + self.move, self.from_input, self.sums
        )

    def _dot(self, one: Array, other: Array) -> float:
        return float(self.sums.weighted_sum(one, other[:, None])[0])


class NewtonLoss(LossNode):
    """The loss node, which has no share in any sum."""

    __slots__ = ()

    def evaluate(
        self, step: Step, predictions: Array, targets: Array, urgencies_out: Array
    ) -> Array:
        """See `LossNode.evaluate`."""
        own_step = replace(step, tangent=step.round == PRODUCT)
        urgencies_out[:, -SCALARS:] = 0.0
        return super().evaluate(
            own_step,
            np.ascontiguousarray(predictions[:, :-SCALARS]),
            targets,
            urgencies_out[:, :-SCALARS],
        )


def _round(x: Array, name: str, *scalars: float, learns: bool = False) -> Round:
    """Make a round: examples, in a product their derivatives, which are 0, then the scalars."""
    tangents = np.zeros((len(x), x.shape[1] * (name == PRODUCT)))
    behind = np.zeros((len(x), SCALARS))
    behind[:, : len(scalars)] = scalars
    return Round(
        freeze(np.concatenate([x, tangents, behind], axis=1)), name, wrt_inputs=True, learns=learns
    )


def _read_scalars(answer: Answer) -> list[float]:
    """Return the sums over the roots of all trees."""
    sums: list[float] = np.add.accumulate(answer.input_urgencies[:, -SCALARS:])[-1].tolist()
    return sums
