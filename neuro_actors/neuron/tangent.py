"""The local rule's tangent step: derivatives along a direction, out of local messages alone.

In a tangent step (Pearlmutter 1994) each neuron holds its part w' of a direction, and each message
carries, behind its numbers, their derivatives along it, here with a dash:

    forward    z' = w'·x + b' + w·x',  a' = f'(z) z'
    backward   v' = u' · f'(z) + u · f''(z) z'
               weight urgency'_i = v' · x_i + v · x'_i, bias urgency' = v'
               send w_i · v and w'_i · v + w_i · v' back

So the Hessian times the direction appears as gradients do, out of local sums.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network.functions import Activation
from ..support.arrays import Array
from .local_rule import NOTHING, LocalRule
from .messages import Step
from .neuron_state import FLOAT, all_finite
from .sums import ORDERED, Sums, spread


class TangentRule(LocalRule):
    """The local rule, which also takes part in tangent steps.

    Attributes:
        direction: The neuron's part of the direction. Shape (fan_in + 1,).
        source_tangents: Derivatives of what it received, between `fire` and `respond`.
            Shape (fan_in, batch).
        signal_tangent: Derivative of its signal, between `fire` and `respond`. Shape (batch,).
    """

    __slots__ = ("direction", "signal_tangent", "source_tangents")

    def __init__(
        self,
        id: str,
        function: Activation,
        parameters: Array,
        from_input: NDArray[np.bool_],
        sums: Sums = ORDERED,
    ) -> None:
        """Make the rule of a neuron that has not learned yet.

        Args:
            id: The neuron's id.
            function: The neuron's activation function, which must have a curvature.
            parameters: The weights in synapse order, then the bias. Shape (fan_in + 1,).
            from_input: True where the source is an input. Shape (fan_in,).
            sums: The sums by which the rule adds.
        """
        super().__init__(id, function, parameters, from_input, sums)
        self.direction = self.source_tangents = self.signal_tangent = NOTHING

    def steer(self, direction: Array) -> None:
        """See `NeuronRule.steer`."""
        self.direction = direction

    # The base class is named, not found by super(): this is the path of every step, and super()
    # would make an object each time.

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """See `NeuronRule.fire`. In a tangent step a row holds 2 * batch columns."""
        if step.tangent:
            self.fire_tangent(step, activations_in, activation_out)
        else:
            LocalRule.fire(self, step, activations_in, activation_out)

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """See `NeuronRule.respond`. In a tangent step a row holds 2 * batch columns."""
        if step.tangent:
            if self.fired is not step:
                self.refuse_response(step)
            self.respond_tangent(step, urgencies_in, urgencies_out, commit_out)
        else:
            LocalRule.respond(self, step, urgencies_in, urgencies_out, commit_out)

    def fire_tangent(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """Compute the activation, and its derivative along the direction.

        Args:
            step: The step that the mail belongs to.
            activations_in: Activations of the sources, then a row of ones; behind them the
                derivatives of the activations. Shape (fan_in + 1, 2 * batch). The second half of
                the row of ones is not read.
            activation_out: Receives the activation, then its derivative. Shape (2 * batch,).

        Raises:
            MessageError: The activation or its derivative has a wrong shape, or is not finite.
        """
        sums, parameters, batch = self.sums, self.state.parameters, activations_in.shape[1] // 2
        values = np.ascontiguousarray(activations_in[:, :batch])
        tangents = np.ascontiguousarray(activations_in[:-1, batch:])
        signal = sums.weighted_sum(parameters, values)
        signal.setflags(write=False)
        activation = self.function.value(signal)
        signal_tangent = sums.weighted_sum(self.direction, values) + sums.weighted_sum(
            parameters[:-1], tangents
        )
        slope = self.function.before(step.loss).slope(signal, activation)
        tangent = slope * signal_tangent
        for what, numbers in (("activation", activation), ("tangent", tangent)):
            if (
                numbers.shape != signal.shape
                or numbers.dtype is not FLOAT
                or not all_finite(numbers)
            ):
                self.refuse(what, numbers, signal.shape, step)
        self.fired, self.activations_in = step, values
        self.signal, self.activation = signal, activation
        self.source_tangents, self.signal_tangent = tangents, signal_tangent
        activation_out[:batch], activation_out[batch:] = activation, tangent

    def respond_tangent(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """Compute the urgencies for the sources, and the derivatives of all urgencies.

        Args:
            step: The step, which must be that of the last `fire_tangent`.
            urgencies_in: One row from each follower: its urgencies, then their derivatives.
                Shape (fan_out, 2 * batch).
            urgencies_out: Receives one such row for each source that listens.
                Shape (listening sources, 2 * batch).
            commit_out: Receives the derivatives of the parameters' urgencies. Shape (fan_in + 1,).

        Raises:
            MessageError: A derivative has a wrong shape, or is not finite.
        """
        function, signal, batch = self.function.before(step.loss), self.signal, len(self.signal)
        assert function.curvature is not None
        total, tangents = self.sums.sum_of_rows(urgencies_in), self.source_tangents
        slope = function.slope(signal, self.activation)
        curvature = function.curvature(signal, self.activation)
        signal_urgency = total[:batch] * slope
        urgency_tangent = total[batch:] * slope + total[:batch] * curvature * self.signal_tangent
        if urgency_tangent.shape != signal.shape or urgency_tangent.dtype is not FLOAT:
            self.refuse("tangent", urgency_tangent, signal.shape, step)
        if len(urgencies_out):
            weights = self.listener_weights(self.state.parameters, step)
            directions = self.listener_weights(self.direction, step)
            product = np.empty((len(urgencies_out), batch))
            spread(weights, signal_urgency, urgencies_out[:, :batch])
            spread(directions, signal_urgency, urgencies_out[:, batch:])
            spread(weights, urgency_tangent, product)
            urgencies_out[:, batch:] += product
        others = np.empty(len(tangents))
        several = () if self.positions == 1 else (self.positions,)
        self.sums.mean_products(self.activations_in, urgency_tangent, commit_out, *several)
        self.sums.mean_products(tangents, signal_urgency, others, *several)
        commit_out[:-1] += others
        for numbers in (commit_out, urgencies_out.ravel()):
            if not all_finite(numbers):
                self.refuse("tangent", numbers, numbers.shape, step)
        self.fired, self.activations_in = None, NOTHING
        self.signal = self.activation = NOTHING
        self.source_tangents = self.signal_tangent = NOTHING
