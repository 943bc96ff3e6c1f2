"""The local rule: what arrived -> what to send. The one place where a gradient is made. No trio, no clock, no log.

    forward    z = w·x + b,  a = f(z)                       send a along every outgoing synapse
    backward   u = Σ urgencies received                     v = u · f'(z), the signal's urgency
               weight urgency_i = v · x_i, bias urgency = v send w_i · v back along every incoming synapse
               over a batch: the mean over its examples
    learn      parameter += rate · urgency, or a local optimiser's step

The bias is written as one more weight, of a synapse from a neuron that always says 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import sums
from .arrays import Array, frozen
from .errors import MessageError
from .functions import Activation
from .learning import Optimizer, State
from .messages import Step


class Memory(NamedTuple):
    """All that a neuron keeps from step to step. Replaced as a whole, never changed in place."""

    parameters: Array  # (fan_in + 1,): the weight of each incoming synapse, then the bias
    optimizer: Optimizer | None = None  # the description that `state` belongs to
    state: State = ()
    updates: int = 0  # made under it


class Fired(NamedTuple):
    """What a neuron keeps between its activation and the urgencies that answer it."""

    step: Step
    heard: Array  # (fan_in + 1, batch)
    signal: Array  # (batch,)
    activation: Array  # (batch,)


class Answer(NamedTuple):
    """What a neuron makes of the urgencies that reached it."""

    urgencies: Array  # (listening sources, batch), to be sent back
    commit: Array | None  # (fan_in + 1,): its new parameters, or in a step without learning their urgencies


class LocalRule:
    """One neuron's rule. It knows its id, activation function, parameters, and which of its sources are inputs.

    parameters: (fan_in + 1,), the weights in synapse order, then the bias.
    from_input: (fan_in,), True where the source is an input, which hears urgencies only in a step `wrt_inputs`.
    """

    __slots__ = ("fired", "function", "id", "listening", "memory")

    def __init__(self, id: str, function: Activation, parameters: Array, from_input: NDArray[np.bool_]) -> None:
        self.id = id
        self.function = function
        self.listening = np.flatnonzero(~from_input) if from_input.any() else None  # None: all of them
        self.memory = Memory(frozen(parameters))
        self.fired: Fired | None = None

    def is_answered(self, step: Step) -> bool:
        """Whether urgencies will come back in this step."""
        return step.loss is not None

    def fire(self, step: Step, heard: Array) -> Array:
        """The neuron's activation, (batch,), read-only.

        heard: (fan_in + 1, batch), C-contiguous: the sources' activations in synapse order, then a row of ones.
        """
        signal = frozen(sums.weighted_sum(self.memory.parameters, heard))  # a user's function must not change it
        activation = self._checked("activation", self.function.value(signal), signal.shape, step)
        if self.is_answered(step):
            self.fired = Fired(step, heard, signal, activation)
        return activation

    def respond(self, step: Step, urgencies: Array) -> Answer:
        """What the neuron tells its sources, and what it makes of its parameters.

        urgencies: (fan_out, batch), C-contiguous: one row from each follower, in synapse order.
        Raises `MessageError`, changing nothing, if it has not fired in this step.
        """
        fired = self.fired
        if fired is None or fired.step is not step:
            raise MessageError(f"{self.id!r} cannot respond in step {step.number}: it has not fired in that step")
        urgency = sums.sum_of_rows(urgencies)
        slope = self.function.slope(fired.signal, fired.activation)
        signal_urgency = self._checked("urgency", urgency * slope, urgency.shape, step)
        wanted = frozen(sums.mean_products(fired.heard, signal_urgency))
        memory = self.memory
        weights = memory.parameters[:-1]
        if self.listening is not None and not step.wrt_inputs:
            weights = weights[self.listening]
        back = np.multiply.outer(weights, signal_urgency)
        commit = wanted
        if step.optimizer is not None:
            memory = _learn(memory, step.optimizer, wanted)
            commit = self._checked("parameters", memory.parameters, wanted.shape, step)
        # Only now, with everything computed, does the neuron change.
        self.memory, self.fired = memory, None
        return Answer(frozen(back), commit)

    def _checked(self, what: str, values: Array, shape: tuple[int, ...], step: Step) -> Array:
        """The values, read-only. What comes of a user's function or of a divergence stops here, under this neuron's name."""
        if values.shape != shape or values.dtype != np.float64:
            got = f"float64 of shape {shape} was expected, got {values.dtype} of shape {values.shape}"
            raise MessageError(f"{self.id!r}: for its {what} in step {step.number}, {got}")
        if not np.isfinite(values).all():
            raise MessageError(
                f"{self.id!r}: its {what} in step {step.number} would not be finite; a smaller learning rate often helps"
            )
        return frozen(values)


class InputRule:
    """An input's rule: repeat what the world says; tell the world the sum of the urgencies."""

    __slots__ = ("id",)

    def __init__(self, id: str) -> None:
        self.id = id

    def is_answered(self, step: Step) -> bool:
        return step.loss is not None and step.wrt_inputs

    def fire(self, step: Step, heard: Array) -> Array:
        """The row of `heard`, (1, batch)."""
        return np.asarray(frozen(heard)[0])

    def respond(self, step: Step, urgencies: Array) -> Answer:
        """The sum of urgencies (fan_out, batch), as (1, batch)."""
        return Answer(frozen(sums.sum_of_rows(urgencies)[None, :]), None)


def _learn(memory: Memory, optimizer: Optimizer, wanted: Array) -> Memory:
    if memory.optimizer != optimizer:
        memory = Memory(memory.parameters, optimizer, optimizer.start(len(wanted)))
    count = memory.updates + 1
    parameters, state = optimizer.update(memory.parameters, wanted, memory.state, count)
    return Memory(parameters, optimizer, state, count)
