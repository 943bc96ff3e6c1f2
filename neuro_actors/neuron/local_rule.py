"""The local rule: what arrived -> what to send. The one place where a gradient is made. No trio, no clock, no log.

    forward    z = w·x + b,  a = f(z)                       send a along every outgoing synapse
    backward   u = Σ urgencies received                     v = u · f'(z), the signal's urgency
               weight urgency_i = v · x_i, bias urgency = v send w_i · v back along every incoming synapse
               over a batch: the mean over its examples
    learn      parameter += rate · urgency, or a local optimiser's step

The bias is written as one more weight, of a synapse from a neuron that always says 1.

In a tangent step (Pearlmutter 1994) each neuron holds its part w' of a direction, and each message carries, behind its
numbers, their derivatives along it, here with a dash:

    forward    z' = w'·x + b' + w·x',  a' = f'(z) z'
    backward   v' = u' · f'(z) + u · f''(z) z'              weight urgency'_i = v' · x_i + v · x'_i, bias urgency' = v'
                                                            send w_i · v and w'_i · v + w_i · v' back

So the Hessian times the direction appears as gradients do, out of local sums.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..network.functions import Activation
from ..support.errors import MessageError
from ..support.validation import Array, frozen
from .messages import Step
from .optimizers import Optimizer, OptimizerState
from .sums import ORDERED, Sums, spread

FLOAT = np.dtype(np.float64)
NOTHING = frozen(np.empty(0))


class NeuronState(NamedTuple):
    """All that a neuron keeps from step to step. Replaced as a whole, never changed in place."""

    parameters: Array  # (fan_in + 1,): the weight of each incoming synapse, then the bias
    optimizer: Optimizer | None = None  # the description that `optimizer_state` belongs to
    optimizer_state: OptimizerState = ()
    updates: int = 0  # made under it


class NeuronRule(Protocol):
    """What a neuron does with its mail. An actor drives it, and so does an audit; other rules are in `rules/`.

    id: the neuron's.  Mail and sheets are C-contiguous, rows in synapse order; what a rule has to say it writes into
    sheets that it is handed: float64 arrays, whose values do not matter before. A row has as many columns as the world
    has told the inputs, which under most rules is one an example. All it keeps, it keeps itself.
    """

    id: str

    def is_answered(self, step: Step) -> bool:
        """Whether urgencies will come back in this step."""

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """Write what all followers are told, (columns,). heard: (fan_in + 1, columns), the sources' activations, then a
        row of ones; an input's is what the world told it, (1, columns)."""

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """Write what each listening source is told, (listening, columns), and what the world is told, (fan_in + 1,): new
        parameters, or in a step without learning their urgencies. urgencies: (fan_out, columns), a row a follower."""

    def get_state(self) -> tuple[Any, ...]:
        """All that it keeps from step to step, between two of them: numbers, arrays and `Memory`, which nobody changes."""

    def set_state(self, state: tuple[Any, ...]) -> None:
        """Go on, as a new rule of the same neuron, from that state."""


class StatefulRule:
    """KEPT: the names of what a rule keeps from step to step. It must be replaced, never changed in place."""

    __slots__ = ()
    STATE: ClassVar[tuple[str, ...]] = ()

    def get_state(self) -> tuple[Any, ...]:
        """See `NeuronRule`."""
        return tuple(getattr(self, name) for name in self.STATE)

    def set_state(self, state: tuple[Any, ...]) -> None:
        """See `NeuronRule`."""
        for name, value in zip(self.STATE, state, strict=True):
            setattr(self, name, value)


class LocalRule(StatefulRule):
    """One neuron's rule. It knows its id, activation function, parameters, and which of its sources are inputs.

    parameters: (fan_in + 1,), the weights in synapse order, then the bias.
    from_input: (fan_in,), True where the source is an input, which hears urgencies only in a step `wrt_inputs`.
    sums: by which calls it adds; see `sums.py`.

    What it has to say it writes into sheets that it is handed: float64 arrays, whose values do not matter before.
    """

    __slots__ = ("activation", "activations_in", "direction", "fired", "function", "id", "listening", "signal", "state", "sums",
                 "tangents")  # fmt: skip
    STATE: ClassVar[tuple[str, ...]] = ("state",)

    def __init__(
        self,
        id: str,
        function: Activation,
        parameters: Array,
        from_input: NDArray[np.bool_],
        sums: Sums = ORDERED,
    ) -> None:
        self.id = id
        self.function = function
        self.sums = sums
        self.listening = (
            np.flatnonzero(~from_input) if from_input.any() else None
        )  # None: all of them
        self.state = NeuronState(frozen(parameters))
        # between its activation and the urgencies that answer it: the step, what it heard, its signal and activation
        self.fired: Step | None = None
        self.activations_in = self.signal = self.activation = NOTHING
        # of a tangent step: the neuron's part of the direction; and the derivatives of what it heard, and of its signal
        self.direction = NOTHING
        self.tangents: tuple[Array, Array] = (NOTHING, NOTHING)

    def is_answered(self, step: Step) -> bool:
        """Whether urgencies will come back in this step."""
        return step.loss is not None

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """Write the neuron's activation, (batch,).

        heard: (fan_in + 1, batch), C-contiguous: the sources' activations in synapse order, then a row of ones.
        """
        if step.tangent:
            self._fire_with_tangent(step, activations_in, activation_out)
            return
        signal = self.sums.weighted_sum(self.state.parameters, activations_in)
        signal.setflags(write=False)  # a user's function must not change it
        values = self.function.value(signal)
        if values.shape != signal.shape or values.dtype is not FLOAT or not _all_finite(values):
            self._refuse("activation", values, signal.shape, step)
        if step.loss is not None:
            self.fired, self.activations_in = step, activations_in
            self.signal, self.activation = signal, values
        activation_out[...] = values

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """Write what the neuron tells its sources, (listening sources, batch), and what it makes of its parameters,
        (fan_in + 1,): the new ones, or in a step without learning their urgencies.

        urgencies: (fan_out, batch): one row from each follower, in synapse order.
        Raises `MessageError`, and has not changed, if it has not fired in this step.
        """
        state, sums, signal, activations_in = (
            self.state,
            self.sums,
            self.signal,
            self.activations_in,
        )
        if self.fired is not step:
            raise MessageError(
                f"{self.id!r} cannot respond in step {step.number}: it has not fired in that step"
            )
        if step.tangent:
            self._respond_with_tangent(step, urgencies_in, urgencies_out, commit_out)
            return
        signal_urgency = sums.sum_of_rows(urgencies_in) * self.function.slope(
            signal, self.activation
        )
        if signal_urgency.shape != signal.shape or signal_urgency.dtype is not FLOAT:
            self._refuse("urgency", signal_urgency, signal.shape, step)
        if len(urgencies_out):
            spread(self._towards_listeners(state.parameters, step), signal_urgency, urgencies_out)
        wanted = commit_out if step.optimizer is None else np.empty(len(commit_out))
        sums.mean_products(activations_in, signal_urgency, wanted)
        self.conclude(step, wanted, commit_out)

    def conclude(self, step: Step, wanted: Array, commit_out: Array) -> None:
        """The step's end: what the parameters' urgencies, `wanted`, come to. In a step without learning `commit` is them."""
        state, optimizer = self.state, step.optimizer
        if not _all_finite(wanted):  # its last is the signal's: what goes back is checked too
            self._refuse("urgency", wanted, wanted.shape, step)
        if optimizer is not None:
            state = self._learnt(optimizer, wanted, step)
            commit_out[...] = state.parameters
        # Only now, with everything computed, does the neuron change.
        self.state, self.fired = state, None
        self.activations_in = self.signal = self.activation = NOTHING

    def _learnt(self, optimizer: Optimizer, wanted: Array, step: Step) -> NeuronState:
        """What the neuron will keep, where its parameters want this much; it has not changed yet."""
        state = _learn(self.state, optimizer, frozen(wanted))
        parameters = state.parameters
        if (
            parameters.shape != wanted.shape
            or parameters.dtype is not FLOAT
            or not _all_finite(parameters)
        ):
            self._refuse("parameters", parameters, wanted.shape, step)
        frozen(parameters)
        return state

    def _towards_listeners(self, parameters: Array, step: Step) -> Array:
        """The weights of the synapses from those who hear urgencies in this step."""
        weights = parameters[:-1]
        return weights if self.listening is None or step.wrt_inputs else weights[self.listening]

    def _fire_with_tangent(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        sums, parameters, batch = self.sums, self.state.parameters, activations_in.shape[1] // 2
        values, tangents = (
            np.ascontiguousarray(activations_in[:, :batch]),
            np.ascontiguousarray(activations_in[:-1, batch:]),
        )
        signal = frozen(sums.weighted_sum(parameters, values))
        said = self.function.value(signal)
        signal_tangent = sums.weighted_sum(self.direction, values) + sums.weighted_sum(
            parameters[:-1], tangents
        )
        told = self.function.slope(signal, said) * signal_tangent
        for what, numbers in (("activation", said), ("tangent", told)):
            if (
                numbers.shape != signal.shape
                or numbers.dtype is not FLOAT
                or not _all_finite(numbers)
            ):
                self._refuse(what, numbers, signal.shape, step)
        self.fired, self.activations_in, self.signal, self.activation = step, values, signal, said
        self.tangents = tangents, signal_tangent
        activation_out[:batch], activation_out[batch:] = said, told

    def _respond_with_tangent(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        function, signal, batch = self.function, self.signal, len(self.signal)
        assert function.curvature is not None
        (tangents, signal_tangent), total = self.tangents, self.sums.sum_of_rows(urgencies_in)
        slope, curvature = (
            function.slope(signal, self.activation),
            function.curvature(signal, self.activation),
        )
        signal_urgency = total[:batch] * slope
        urgency_tangent = total[batch:] * slope + total[:batch] * curvature * signal_tangent
        if urgency_tangent.shape != signal.shape or urgency_tangent.dtype is not FLOAT:
            self._refuse("tangent", urgency_tangent, signal.shape, step)
        if len(urgencies_out):
            weights, more = (
                self._towards_listeners(p, step) for p in (self.state.parameters, self.direction)
            )
            product = np.empty((len(urgencies_out), batch))
            spread(weights, signal_urgency, urgencies_out[:, :batch])
            spread(more, signal_urgency, urgencies_out[:, batch:])
            spread(weights, urgency_tangent, product)
            urgencies_out[:, batch:] += product
        others = np.empty(len(tangents))
        self.sums.mean_products(self.activations_in, urgency_tangent, commit_out)
        self.sums.mean_products(tangents, signal_urgency, others)
        commit_out[:-1] += others
        for numbers in (commit_out, urgencies_out.ravel()):
            if not _all_finite(numbers):
                self._refuse("tangent", numbers, numbers.shape, step)
        self.fired, self.activations_in, self.signal, self.activation = (
            None,
            NOTHING,
            NOTHING,
            NOTHING,
        )
        self.tangents = NOTHING, NOTHING

    def _refuse(self, what: str, values: Array, shape: tuple[int, ...], step: Step) -> None:
        """What comes of a user's function or of a divergence stops here, under this neuron's name."""
        if values.shape != shape or values.dtype != FLOAT:
            got = (
                f"float64 of shape {shape} was expected, got {values.dtype} of shape {values.shape}"
            )
            raise MessageError(f"{self.id!r}: for its {what} in step {step.number}, {got}")
        if not _all_finite(values):
            raise MessageError(
                f"{self.id!r}: its {what} in step {step.number} would not be finite; a smaller learning rate often helps"
            )


class InputRule(StatefulRule):
    """An input's rule: repeat what the world says; tell the world the sum of the urgencies."""

    __slots__ = ("id", "sums")

    def __init__(self, id: str, sums: Sums = ORDERED) -> None:
        self.id = id
        self.sums = sums

    def is_answered(self, step: Step) -> bool:
        return step.loss is not None and step.wrt_inputs

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """Write the row of `heard`, (1, batch)."""
        activation_out[...] = activations_in[0]

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """Write the sum of urgencies (fan_out, batch) as `back`, (1, batch)."""
        urgencies_out[0] = self.sums.sum_of_rows(urgencies_in)
        if not _all_finite(urgencies_out[0]):
            raise MessageError(
                f"{self.id!r}: its urgency in step {step.number} would not be finite"
            )


def _all_finite(values: Array) -> bool:
    """A sum of squares is finite if all are; if it is not, one may just be large."""
    return isfinite(values.item() if len(values) == 1 else values.dot(values)) or bool(
        np.isfinite(values).all()
    )


def _learn(state: NeuronState, optimizer: Optimizer, wanted: Array) -> NeuronState:
    if state.optimizer is not optimizer and state.optimizer != optimizer:
        state = NeuronState(state.parameters, optimizer, optimizer.start(len(wanted)))
    count = state.updates + 1
    parameters, optimizer_state = optimizer.update(
        state.parameters, wanted, state.optimizer_state, count
    )
    return NeuronState(parameters, optimizer, optimizer_state, count)
