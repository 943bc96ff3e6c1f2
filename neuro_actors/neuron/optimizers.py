"""Local optimizers: how a neuron turns the urgencies of its parameters into a step of its own.

An optimizer is a description, compared by value, that has no state. Each neuron holds the state, a
tuple of arrays that `update` receives and returns. All of it is elementwise: a neuron's update
depends on its own parameters alone. A centre with all parameters in one vector would make the same
updates, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from ..network.functions import LOSSES
from ..support.arrays import Array
from ..support.errors import InputError
from ..support.hints import explains_fields, hint_for_value
from ..support.scalars import as_number, as_setting, got
from ..support.signal_exceptions import passes_handler_exceptions
from ..support.text import quote

OptimizerState: TypeAlias = tuple[Array, ...]


class Optimizer(Protocol):
    """What an optimizer must offer. It must be equal to another one that does the same."""

    def start(self, n_parameters: int) -> OptimizerState:
        """Return the state before the first update.

        Args:
            n_parameters: The number of the neuron's parameters.
        """

    def update(
        self, parameters: Array, urgencies: Array, state: OptimizerState, count: int
    ) -> tuple[Array, OptimizerState]:
        """Return new parameters and a new state. No array is changed in place.

        Args:
            parameters: The weights in synapse order, then the bias. Shape (fan_in + 1,).
            urgencies: How much the loss falls per unit of increase of each parameter.
                Shape (fan_in + 1,).
            state: The state before.
            count: The number of the update, 1 in the first one.

        Returns:
            The new parameters, of shape (fan_in + 1,), and the new state. All numbers in both must
            be finite. Of an optimizer of your own both are copied, so it may use a buffer again.
        """


def check_optimizer(optimizer: object) -> None:
    """Check that an object is an optimizer.

    Raises:
        InputError: It is none, or its schedule gives another rate when it is asked again.
    """
    if isinstance(optimizer, type) or not (
        hasattr(optimizer, "start") and hasattr(optimizer, "update")
    ):
        is_loss = isinstance(optimizer, str) and optimizer in LOSSES
        hint = f"write loss={optimizer!r}" if is_loss else hint_for_value(optimizer)
        raise InputError(
            f"optimizer must be such as na.SGD(0.1) or na.Adam(), got {quote(optimizer)}"
            f"{hint and ': ' + hint}"
        )
    if isinstance(optimizer, (SGD, Adam)) and callable(optimizer.learning_rate):
        _check_schedule(optimizer.learning_rate)


@passes_handler_exceptions
def _check_schedule(schedule: Callable[[int], float]) -> None:
    """Check that a schedule gives the same rate when it is asked again, as each neuron asks it.

    One that counts its calls, or draws, would give each neuron a rate of its own. One that fails is
    named where it is used.

    Raises:
        InputError: It gives another rate.
    """
    if isinstance(schedule, (StepDecay, CosineDecay)):
        return
    rates: list[object] = []
    with suppress(Exception):
        rates = [schedule(1), schedule(1)]
    numbers = {as_number(rate) for rate in rates}
    if len(numbers) == 2 and not any(map(math.isnan, numbers)):
        problem = (
            f"the schedule {quote(schedule)} gave {rates[0]!r} for update 1, then {rates[1]!r}"
        )
        raise InputError(
            f"{problem}: each neuron asks it, so it must depend on the update's number alone"
        )


Rate: TypeAlias = float | Callable[[int], float]


@explains_fields
@dataclass(frozen=True, slots=True)
class SGD:
    """Gradient descent: velocity = momentum · velocity + urgency, parameter += rate · velocity.

    As in `torch.optim.SGD`, which calls minus the urgency gradient, decay concerns biases too.

    Attributes:
        learning_rate: Positive, or a schedule: a function of the update's number (1, 2, …), such
            as `StepDecay`, that returns a finite number of at least 0. A lambda is equal to itself
            alone: if it is made anew for each step, it is another optimizer each time, which starts
            afresh.
        momentum: At least 0, and less than 1 (Polyak 1964).
        weight_decay: λ subtracts λ · parameter from each urgency.
    """

    learning_rate: Rate
    momentum: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _refuse_decimal_comma(self.learning_rate, self.momentum)
        _convert_rate(self)
        _convert(self, "momentum", 0.0, 1.0)
        _convert(self, "weight_decay", 0.0)

    def start(self, n_parameters: int) -> OptimizerState:
        """See `Optimizer.start`."""
        return (np.zeros(n_parameters),) if self.momentum else ()

    def update(
        self, parameters: Array, urgencies: Array, state: OptimizerState, count: int
    ) -> tuple[Array, OptimizerState]:
        """See `Optimizer.update`."""
        if self.weight_decay:
            urgencies = urgencies - self.weight_decay * parameters
        if self.momentum:
            urgencies = self.momentum * state[0] + urgencies
            state = (urgencies,)
        return parameters + rate_of(self.learning_rate, count) * urgencies, state


@explains_fields
@dataclass(frozen=True, slots=True)
class Adam:
    """Adam (Kingma, Ba 2015, algorithm 1), with the defaults of that paper.

    Attributes:
        learning_rate: Positive, or a schedule; see `SGD`.
        beta1: Decay of the mean of the urgencies.
        beta2: Decay of the mean of their squares.
        epsilon: Added to the root of that mean.
        weight_decay: λ subtracts λ · parameter from each urgency, as in torch's Adam.
    """

    learning_rate: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _convert_rate(self)
        _convert(self, "beta1", 0.0, 1.0)
        _convert(self, "beta2", 0.0, 1.0)
        _convert(self, "epsilon", 0.0)
        _convert(self, "weight_decay", 0.0)

    def start(self, n_parameters: int) -> OptimizerState:
        """See `Optimizer.start`."""
        return np.zeros(n_parameters), np.zeros(n_parameters)

    def update(
        self, parameters: Array, urgencies: Array, state: OptimizerState, count: int
    ) -> tuple[Array, OptimizerState]:
        """See `Optimizer.update`."""
        if self.weight_decay:
            urgencies = urgencies - self.weight_decay * parameters
        mean = self.beta1 * state[0] + (1.0 - self.beta1) * urgencies
        square = self.beta2 * state[1] + (1.0 - self.beta2) * urgencies * urgencies
        rate = rate_of(self.learning_rate, count) / (1.0 - self.beta1**count)
        spread = np.sqrt(square) / math.sqrt(1.0 - self.beta2**count) + self.epsilon
        return parameters + rate * (mean / spread), (mean, square)


def has_own_class(optimizer: Optimizer) -> bool:
    """Return whether an optimizer is of a user's own class; its schedule may be, all the same."""
    return type(optimizer) not in (SGD, Adam)


@explains_fields
@dataclass(frozen=True, slots=True)
class StepDecay:
    """A schedule: `start`, multiplied by `factor` after each `every` updates."""

    start: float
    every: int
    factor: float = 0.5

    def __post_init__(self) -> None:
        _convert_start(self)
        _convert_count(self, "every")
        _convert(self, "factor", 0.0)

    def __call__(self, count: int) -> float:
        """Return the learning rate of an update; they count from 1."""
        return self.start * self.factor ** ((count - 1) // self.every)


@explains_fields
@dataclass(frozen=True, slots=True)
class CosineDecay:
    """A schedule: half a cosine from `start` to `end`.

    Update 1 has the rate `start`, update `steps` + 1 and all later ones have `end`. So the rate
    falls after each of the first `steps` updates, as in torch's CosineAnnealingLR.
    """

    start: float
    steps: int
    end: float = 0.0

    def __post_init__(self) -> None:
        _convert_start(self)
        _convert_count(self, "steps")
        _convert(self, "end", 0.0)

    def __call__(self, count: int) -> float:
        """Return the learning rate of an update; they count from 1."""
        done = min((count - 1) / self.steps, 1.0)
        return self.end + (self.start - self.end) * 0.5 * (1.0 + math.cos(math.pi * done))


def rate_of(rate: Rate, count: int) -> float:
    """Return the learning rate of an update, converted to a float.

    Args:
        rate: The rate, or a schedule.
        count: The number of the update, 1 in the first one.

    Raises:
        InputError: The schedule returned something else than a finite number of at least 0.
    """
    if not callable(rate):
        return rate
    found = as_number(value := rate(count))
    if not 0 <= found < math.inf:
        problem = f"the schedule returned {got(value)} for update {count}"
        raise InputError(f"{problem}: a learning rate is a finite number of at least 0")
    return found


# What is kept are floats and ints: a number of numpy would bring the precision of its own type, and
# two optimizers that are equal would make other bits.


def _refuse_decimal_comma(rate: Rate, momentum: float) -> None:
    # `SGD(0,5)` has two arguments: many languages write 0.5 with a comma.
    if type(rate) is int and type(momentum) is int and rate >= 0 and momentum > 0:
        problem = f"SGD: the learning rate is {rate} and momentum is {momentum}"
        raise InputError(f"{problem}: did you mean {rate}.{momentum}? Write decimals with a point")


def _convert_rate(owner: SGD | Adam) -> None:
    rate = owner.learning_rate
    if callable(rate) and not isinstance(rate, type):
        return
    if not 0 < as_number(rate) < math.inf:
        raise InputError(
            f"{type(owner).__name__}: the learning rate must be a positive number or a schedule, "
            f"got {got(rate)}"
        )
    object.__setattr__(owner, "learning_rate", as_setting(rate))


def _convert_start(owner: StepDecay | CosineDecay) -> None:
    if not 0 < as_number(owner.start) < math.inf:
        problem = f"start must be a positive number, got {got(owner.start)}"
        raise InputError(f"{type(owner).__name__}: {problem}")
    object.__setattr__(owner, "start", as_setting(owner.start))


def _convert_count(owner: StepDecay | CosineDecay, name: str) -> None:
    value = getattr(owner, name)
    _convert(owner, name, 1)
    count = as_number(value)
    if not count.is_integer():
        problem = f"{name} must be a whole number, got {quote(value)}"
        raise InputError(f"{type(owner).__name__}: {problem}")
    object.__setattr__(owner, name, int(count))


def _convert(
    owner: SGD | Adam | StepDecay | CosineDecay, name: str, least: float, below: float = math.inf
) -> None:
    value = getattr(owner, name)
    if not least <= as_number(value) < below:
        limit = "" if below == math.inf else f" and below {below:g}"
        problem = f"{name} must be at least {least:g}{limit}, got {got(value)}"
        raise InputError(f"{type(owner).__name__}: {problem}")
    object.__setattr__(owner, name, as_setting(value))
