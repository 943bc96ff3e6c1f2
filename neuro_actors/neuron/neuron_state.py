"""What a neuron remembers from step to step, and how an optimizer changes it.

A state is replaced, never changed in place: snapshots, checkpoints and replicas share its arrays.
A rule or an optimizer of a user's own may change what it is handed, and use again what it has
returned. So both are copied there. The package's own make new arrays each time.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable
from copy import deepcopy
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from .. import kernel
from ..support.arrays import Array, freeze
from ..support.errors import MessageError
from ..support.text import quote
from .messages import Step
from .optimizers import Optimizer, OptimizerState, has_own_class

FLOAT = np.dtype(np.float64)


class NeuronState(NamedTuple):
    """All that a neuron remembers from step to step. Replaced as a whole, never changed in place.

    Attributes:
        parameters: The weight of each incoming synapse in synapse order, then the bias.
            Shape (fan_in + 1,).
        optimizer: The optimizer that `optimizer_state` belongs to. None before the first update.
        optimizer_state: What the optimizer remembers of this neuron's updates.
        updates: How many updates were made under this optimizer.
    """

    parameters: Array
    optimizer: Optimizer | None = None
    optimizer_state: OptimizerState = ()
    updates: int = 0


def updated_state(state: NeuronState, optimizer: Optimizer, wanted: Array) -> NeuronState:
    """Return the state after an update. Under another optimizer than before it starts afresh.

    Args:
        state: The state before.
        optimizer: Makes the update.
        wanted: The urgencies of the parameters. Shape (fan_in + 1,), read-only.

    Raises:
        MessageError: An optimizer of a user's own returned something else than parameters and a
            state.
    """
    if state.optimizer is not optimizer and state.optimizer != optimizer:
        state = NeuronState(state.parameters, optimizer, optimizer.start(len(wanted)))
    count, before = state.updates + 1, state.optimizer_state
    if has_own_class(optimizer):
        # it may change what it is handed, and use what it returns for the next neuron
        after = own_copy(optimizer.update(state.parameters, wanted, own_copy(before), count))
        parameters, optimizer_state = _as_update(after, optimizer, wanted.shape)
    else:
        parameters, optimizer_state = optimizer.update(state.parameters, wanted, before, count)
    return NeuronState(parameters, optimizer, optimizer_state, count)


def _as_update(
    found: object, optimizer: Optimizer, shape: tuple[int, ...]
) -> tuple[Array, OptimizerState]:
    """Return what `Optimizer.update` must return; refuse anything else."""
    match found:
        case (np.ndarray() as parameters, tuple() as state):
            return parameters, state
    problem = f"the optimizer {quote(optimizer)} returned {quote(found)} from update"
    advice = f"new parameters, an array of shape {shape}, and the new state, a tuple"
    raise MessageError(f"{problem}: return {advice}")


def own_copy(value: Any) -> Any:
    """Copy what a user's code returned, as far as it could be changed from there.

    Args:
        value: Numbers, texts, arrays and tuples; other objects are copied as a whole.

    Returns:
        The same, with read-only arrays of its own.

    Raises:
        MessageError: An array has masked numbers.
    """
    if isinstance(value, np.ndarray):
        if np.ma.is_masked(value):  # the copy would have what lies under the mask
            problem = f"expected numbers, but some are masked: {quote(value)}"
            raise MessageError(f"{problem}: fill them in")
        is_own = value.base is None and not value.flags.writeable
        return value if is_own else freeze(np.array(value))
    if isinstance(value, NeuronState):
        return value  # which is made of copies
    if isinstance(value, tuple):
        parts = map(own_copy, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value if isinstance(value, (int, float, str, type(None))) else deepcopy(value)


LOWER_RATE = "; a smaller learning rate often helps"
# What is received is finite. So this ends the error of a rule of a user's own.
OWN_CODE = (
    ": look for a division by 0, or the like, in the rule's own code; if the weights grew from "
    "step to step, a smaller learning rate helps"
)


def all_finite_in_python(values: Array) -> bool:
    """Return whether all values are finite.

    Args:
        values: The values. Shape (n,).
    """
    # A sum of squares is finite if all values are; if it is not, one value may just be large.
    return isfinite(values.item() if values.size == 1 else values.dot(values)) or bool(
        np.isfinite(values).all()
    )


all_finite: Callable[[Array], bool] = (
    kernel.calls.all_finite if kernel.in_use else all_finite_in_python
)


def check_finite_state(
    id: str, what: str, state: object, step: Step, advice: str = LOWER_RATE
) -> None:
    """Check that all numbers in a state are finite; what is infinite once stays so for ever.

    Args:
        id: The id of the neuron.
        what: What has the state.
        state: Numbers, texts and arrays, and tuples, lists and dicts of them.
        step: The step after which the neuron would have this state.
        advice: The end of the text of the error.

    Raises:
        MessageError: A number is not finite.
    """
    if isinstance(state, (tuple, list, dict)):
        for part in state.values() if isinstance(state, dict) else state:
            check_finite_state(id, what, part, step, advice)
        return
    if isinstance(state, np.ndarray) and state.dtype == FLOAT:
        is_finite = all_finite(state.ravel())
    elif isinstance(state, (np.ndarray, np.generic)):
        is_finite = state.dtype.kind not in "fc" or bool(np.isfinite(state).all())
    else:
        is_finite = not isinstance(state, (float, complex)) or cmath.isfinite(state)
    if not is_finite:
        problem = f"would not be finite{advice}"
        raise MessageError(f"{id!r}: {what} in step {step.number} {problem}")
