"""The local rule: what a neuron does with its mail. The one place where a gradient is made.

    forward    z = w·x + b,  a = f(z)                       send a along every outgoing synapse
    backward   u = Σ urgencies received                     v = u · f'(z), the signal's urgency
               weight urgency_i = v · x_i, bias urgency = v
               send w_i · v back along every incoming synapse
               over a batch: the mean over its examples; over positions: the sum
    learn      parameter += rate · urgency, or a local optimizer's step

The bias is written as one more weight, of a synapse from a neuron whose activation is always 1.

No trio, no clock, no log: an actor calls the rule, and so do the audit and the cluster. Derivatives
along a direction, for products with the Hessian, are in `tangent.py`; other rules are in `rules/`.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, ClassVar, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from ..network.functions import Activation
from ..support.arrays import Array, freeze
from ..support.errors import InputError, MessageError
from ..support.own_code import has_own_code
from ..support.own_names import RULE_METHODS, check_own_names
from ..support.text import quote
from .cell import Cell
from .messages import Step
from .neuron_state import (
    FLOAT,
    LOWER_RATE,
    OWN_CODE,
    NeuronState,
    all_finite,
    check_finite_state,
    own_copy,
    updated_state,
)
from .optimizers import Optimizer, has_own_class
from .sums import ORDERED, Sums, spread

NOTHING = freeze(np.empty(0))


class NeuronRule(Protocol):
    """What a neuron's rule offers to the actor that calls it, and to an audit.

    Arrays are float64 and C-contiguous, with rows in synapse order. A rule writes its results into
    arrays that it is handed; what they contain before does not matter. A row has one column per
    example, then the columns that the rule adds; all rows of a step have as many columns as the
    environment sent to the inputs. The rule holds all of its own state.

    Attributes:
        id: The neuron's id.
    """

    id: str

    def is_answered(self, step: Step) -> bool:
        """Return whether urgencies will come back in this step."""

    def steer(self, direction: Array) -> None:
        """Take the neuron's part of the direction of a tangent step, before `fire`.

        Args:
            direction: One number for each parameter. Shape (fan_in + 1,).
        """

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """Compute the neuron's activation and write it into `activation_out`.

        Args:
            step: The step that the mail belongs to.
            activations_in: Activations of the sources, then a row of ones.
                Shape (fan_in + 1, columns). An input's: what the environment sent,
                shape (1, columns).
            activation_out: Receives what is sent to all followers. Shape (columns,).
        """

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """Compute what the neuron sends to its sources, and what it commits.

        Args:
            step: The step, which is that of the last `fire`.
            urgencies_in: One row from each follower. Shape (fan_out, columns).
            urgencies_out: Receives one row for each source that listens for urgencies.
                Shape (listening sources, columns).
            commit_out: Receives the commit for the environment: the new parameters, or their
                urgencies in a step without learning. Shape (fan_in + 1,). An input's: (0,).
        """

    def get_state(self) -> tuple[Any, ...]:
        """Return all that the rule remembers, between two steps.

        The state consists of numbers, texts, arrays, tuples and `NeuronState`, none of which is
        ever changed in place.
        """

    def set_state(self, state: tuple[Any, ...]) -> None:
        """Continue from the state of another rule of the same neuron."""


class StatefulRule:
    """A rule whose state is some of its attributes.

    Attributes:
        STATE: The names of these attributes. Their values should be replaced, not changed in place.
            After a step with a loss all numbers in them must be finite.
    """

    __slots__ = ()
    STATE: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Check the names that a class of a user's own defines.

        Raises:
            InputError: A name has a meaning already; see `support/own_names.py`.
        """
        super().__init_subclass__(**arguments)
        if has_own_code(cls):
            check_own_names(cls, RULE_METHODS)
            _check_state_names(cls)

    def get_state(self) -> tuple[Any, ...]:
        """See `NeuronRule.get_state`. What a class of a user's own keeps is copied.

        Raises:
            MessageError: The rule has no attribute of a name in `STATE`.
        """
        try:
            state = tuple(getattr(self, name) for name in self.STATE)
        except AttributeError as error:
            problem = f"STATE of {type(self).__name__} names what it does not have"
            raise MessageError(f"{problem}: {error}") from error
        return own_copy(state) if has_own_code(type(self)) else state

    def set_state(self, state: tuple[Any, ...]) -> None:
        """See `NeuronRule.set_state`."""
        if has_own_code(type(self)):  # it may change its copy in place
            state = tuple(one if isinstance(one, NeuronState) else deepcopy(one) for one in state)
        for name, value in zip(self.STATE, state, strict=True):
            setattr(self, name, value)

    def steer(self, direction: Array) -> None:
        """Ignore the direction: this rule has no tangent step of its own. See `TangentRule`.

        Args:
            direction: One number for each parameter. Shape (fan_in + 1,).
        """


class LocalRule(StatefulRule, Cell):
    """The rule of one neuron, as at the head of this file.

    The rule knows the neuron's id, activation function and parameters, and which of its sources are
    inputs. Between `fire` and `respond` it holds the step, what it received and its signal.

    Attributes:
        id: The neuron's id.
        function: The neuron's activation function. Its slope in a step is that of
            `function.before(step.loss)`: an output's may depend on the loss.
        sums: The sums by which the rule adds.
        state: All that the neuron remembers from step to step.
        listening: Positions of the sources that listen for urgencies in a step that is not
            `wrt_inputs`. Shape (listening sources,). None if all sources listen.
        positions: How many positions the neuron lives at. It has a column for each of them and each
            example, example after example, and one set of parameters for all.
        frozen: True for parameters that never change. Shape (fan_in + 1,). None: all learn.
        fired: The step between `fire` and `respond`, else None.
        activations_in: What the neuron received in that step. Shape (fan_in + 1, batch).
        signal: The neuron's signal z in that step. Shape (batch,).
        activation: The neuron's activation f(z) in that step. Shape (batch,).
    """

    __slots__ = ()
    STATE: ClassVar[tuple[str, ...]] = ("state",)

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
            function: The neuron's activation function.
            parameters: The weights in synapse order, then the bias. Shape (fan_in + 1,).
            from_input: True where the source is an input. Shape (fan_in,).
            sums: The sums by which the rule adds.
        """
        self.id = id
        self.function = function
        self.sums = sums
        self.listening = np.flatnonzero(~from_input) if from_input.any() else None
        self.state = NeuronState(freeze(parameters))
        self.positions = 1
        self.frozen: NDArray[np.bool_] | None = None
        self.fired: Step | None = None
        self.activations_in = self.signal = self.activation = NOTHING

    def is_answered(self, step: Step) -> bool:
        """See `NeuronRule.is_answered`."""
        return step.loss is not None

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """Compute the neuron's activation and write it into `activation_out`.

        Args:
            step: The step that the mail belongs to.
            activations_in: Activations of the sources in synapse order, then a row of ones.
                Shape (fan_in + 1, batch), C-contiguous.
            activation_out: Receives the neuron's activation. Shape (batch,).

        Raises:
            MessageError: The activation function returned a wrong shape, or a number that is not
                finite.
        """
        signal = self.sums.weighted_sum(self.state.parameters, activations_in)
        signal.setflags(write=False)  # a user's function must not change it
        values = self.function.value(signal)
        if values.shape != signal.shape or values.dtype is not FLOAT or not all_finite(values):
            refuse_nan(self.id, "activation", values, signal, step)
            self.refuse("activation", values, signal.shape, step)
        if step.loss is not None:
            self.fired, self.activations_in = step, activations_in
            self.signal, self.activation = signal, values
        activation_out[...] = values

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """Compute the urgencies for the sources and those of the parameters, and learn from these.

        Args:
            step: The step, which must be that of the last `fire`.
            urgencies_in: One row from each follower, in synapse order. Shape (fan_out, batch).
            urgencies_out: Receives one row for each source that listens for urgencies.
                Shape (listening sources, batch), or (0, batch) if no row is wanted.
            commit_out: Receives the new parameters, or in a step without learning their urgencies.
                Shape (fan_in + 1,).

        Raises:
            MessageError: The neuron has not fired in this step, or a number would not be finite.
                The rule's state has not changed then.
        """
        state, sums, signal = self.state, self.sums, self.signal
        activations_in = self.activations_in
        if self.fired is not step:
            self.refuse_response(step)
        slope = self.function.before(step.loss).slope(signal, self.activation)
        signal_urgency = sums.sum_of_rows(urgencies_in) * slope
        if signal_urgency.shape != signal.shape or signal_urgency.dtype is not FLOAT:
            self.refuse("urgency", signal_urgency, signal.shape, step)
        if urgencies_out.size:
            spread(self.listener_weights(state.parameters, step), signal_urgency, urgencies_out)
            if not all_finite(flat := urgencies_out.ravel()):
                refuse_nan(self.id, "slope", slope, signal, step)
                self.refuse("urgency", flat, flat.shape, step)
        wanted = commit_out if step.optimizer is None else np.empty(len(commit_out))
        if self.positions == 1:
            sums.mean_products(activations_in, signal_urgency, wanted)
        else:
            sums.mean_products(activations_in, signal_urgency, wanted, self.positions)
        self.conclude(step, wanted, commit_out)

    def conclude(self, step: Step, wanted: Array, commit_out: Array) -> None:
        """End the step: learn from the urgencies of the parameters.

        Args:
            step: The step. Without an optimizer the neuron does not learn.
            wanted: The urgencies of the parameters. Shape (fan_in + 1,).
            commit_out: Receives the new parameters. Shape (fan_in + 1,). In a step without learning
                it must hold `wanted` already.

        Raises:
            MessageError: `wanted` or the new parameters are not finite. The rule's state has not
                changed then.
        """
        state, optimizer = self.state, step.optimizer
        if not all_finite(wanted):
            if self.signal.size:
                slope = self.function.before(step.loss).slope(self.signal, self.activation)
                refuse_nan(self.id, "slope", slope, self.signal, step)
            self.refuse("urgency", wanted, wanted.shape, step)
        if optimizer is not None:
            state = self.learn(optimizer, wanted, step)
            commit_out[...] = state.parameters
        # Only now, with everything computed, does the neuron change.
        self.state, self.fired = state, None
        self.activations_in = self.signal = self.activation = NOTHING

    def learn(self, optimizer: Optimizer, wanted: Array, step: Step) -> NeuronState:
        """Return the state after an update. The rule itself does not change.

        Args:
            optimizer: Makes the update.
            wanted: The urgencies of the parameters. Shape (fan_in + 1,).
            step: The step, for error messages.

        Raises:
            MessageError: The optimizer returned parameters of a wrong shape, or not finite ones,
                or its own state would not be finite.
        """
        state = updated_state(self.state, optimizer, freeze(wanted))
        parameters = state.parameters
        if self.frozen is not None and parameters.shape == wanted.shape:
            parameters = np.where(self.frozen, self.state.parameters, parameters)
            state = state._replace(parameters=parameters)
        if (
            parameters.shape != wanted.shape
            or parameters.dtype is not FLOAT
            or not all_finite(parameters)
        ):
            self.refuse("parameters", parameters, wanted.shape, step)
        freeze(parameters)
        memory = state.optimizer_state
        # of the package's optimizers the last array alone can overflow where parameters do not
        if has_own_class(optimizer) or (memory and not all_finite(memory[-1])):
            check_finite_state(self.id, "the state of its optimizer", memory, step)
        return state

    def listener_weights(self, parameters: Array, step: Step) -> Array:
        """Return the weights of the synapses whose sources listen for urgencies in this step.

        Args:
            parameters: The weights in synapse order, then the bias. Shape (fan_in + 1,).
            step: The step.

        Returns:
            Those weights. Shape (listening sources,).
        """
        weights = parameters[:-1]
        return weights if self.listening is None or step.wrt_inputs else weights[self.listening]

    def refuse(self, what: str, values: Array, shape: tuple[int, ...], step: Step) -> None:
        """Raise an error under this neuron's name if values are not as they must be.

        Args:
            what: What the values are.
            values: The values. Any shape.
            shape: The shape that was expected.
            step: The step in which they were computed.

        Raises:
            MessageError: The values have another shape or dtype, or are not finite.
        """
        advice = OWN_CODE if has_own_code(type(self)) else LOWER_RATE
        refuse(self.id, what, values, shape, step, advice)

    def refuse_response(self, step: Step) -> NoReturn:
        """Raise the error of a response without an activation.

        Raises:
            MessageError: Always.
        """
        refuse_response(self.id, step)


def refuse(
    id: str,
    what: str,
    values: Array,
    shape: tuple[int, ...],
    step: Step,
    advice: str = LOWER_RATE,
) -> None:
    """Raise an error under a neuron's name if values are not as they must be.

    Such values come from a user's function, or from a divergence. They must not spread.

    Args:
        id: The neuron's id.
        what: What the values are.
        values: The values. Any shape.
        shape: The shape that was expected.
        step: The step in which they were computed.
        advice: The end of the text of the error, if they are not finite.

    Raises:
        MessageError: The values have another shape or dtype, or are not finite.
    """
    if values.shape != shape or values.dtype != FLOAT:
        got = f"float64 of shape {shape} was expected, got {values.dtype} of shape {values.shape}"
        raise MessageError(f"{id!r}: for its {what} in step {step.number}, {got}")
    if not all_finite(values):
        problem = f"would not be finite{advice}"
        raise MessageError(f"{id!r}: its {what} in step {step.number} {problem}")


def refuse_nan(id: str, what: str, values: Array, given: Array, step: Step) -> None:
    """Raise an error if a function made a NaN of finite numbers: no learning rate helps there.

    Args:
        id: The id of the neuron or the interneuron.
        what: What the values are.
        values: What its function returned. Shape (columns,).
        given: What it was called with: signals, shape (columns,), or terms, shape (n, columns).
        step: The step.

    Raises:
        MessageError: There is such a NaN.
    """
    if values.shape == given.shape[-1:] and values.dtype == FLOAT:
        rows = np.atleast_2d(given)
        made = np.flatnonzero(np.isnan(values) & np.isfinite(rows).all(axis=0))
        if made.size:
            some = rows[:, made[0]]
            source = f"the signal {some[0]:.6g}" if given.ndim == 1 else quote(some.tolist())
            problem = f"its function makes nan of {source}"
            raise MessageError(
                f"{id!r}: its {what} in step {step.number} would not be finite: {problem}"
            )


def refuse_response(id: str, step: Step) -> NoReturn:
    """Raise the error of a response without an activation.

    Args:
        id: The neuron's id.
        step: The step.

    Raises:
        MessageError: Always.
    """
    problem = "it has not fired in that step"
    raise MessageError(f"{id!r} cannot respond in step {step.number}: {problem}")


def _check_state_names(kind: type[StatefulRule]) -> None:
    """Refuse a class whose `STATE` is no tuple of names, or leaves out the parameters."""
    names, example = kind.STATE, 'STATE = ("state", "trace")'
    problem = ""
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        problem = f"names its state by {names!r}: write a tuple of names, such as {example}"
    elif len(set(names)) < len(names):
        problem = f"names an attribute twice in STATE, {names!r}: take another name for your own"
    elif (
        issubclass(kind, LocalRule)
        and kind.get_state is StatefulRule.get_state
        and not set(LocalRule.STATE) <= set(names)
    ):
        problem = f"leaves 'state' out of STATE, which has the parameters: write {example}"
    if problem:
        raise InputError(f"the class {kind.__qualname__} {problem}")


class InputRule(StatefulRule):
    """The rule of an input: it repeats what the environment sends, and adds up its urgencies."""

    __slots__ = ("id", "sums")

    def __init__(self, id: str, sums: Sums = ORDERED) -> None:
        """Make the rule of an input.

        Args:
            id: The input's id.
            sums: The sums by which the rule adds.
        """
        self.id = id
        self.sums = sums

    def is_answered(self, step: Step) -> bool:
        """See `NeuronRule.is_answered`."""
        return step.loss is not None and step.wrt_inputs

    def fire(self, step: Step, activations_in: Array, activation_out: Array) -> None:
        """Repeat what the environment sent. See `NeuronRule.fire`.

        Args:
            step: The step that the mail belongs to.
            activations_in: What the environment sent. Shape (1, columns).
            activation_out: Receives the same numbers. Shape (columns,).
        """
        activation_out[...] = activations_in[0]

    def respond(
        self, step: Step, urgencies_in: Array, urgencies_out: Array, commit_out: Array
    ) -> None:
        """Write the sum of the urgencies, for the environment.

        Args:
            step: The step.
            urgencies_in: One row from each follower. Shape (fan_out, columns).
            urgencies_out: Receives their sum. Shape (1, columns).
            commit_out: Empty: an input has no parameters. Shape (0,).

        Raises:
            MessageError: The sum is not finite.
        """
        urgencies_out[0] = self.sums.sum_of_rows(urgencies_in)
        if not all_finite(urgencies_out[0]):
            problem = "would not be finite"
            raise MessageError(f"{self.id!r}: its urgency in step {step.number} {problem}")
