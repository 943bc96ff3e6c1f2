"""Pack the state of all members into a few flat arrays, and unpack it, bit for bit.

A *form* describes how the state of one member is built, as nested lists:

    ["memory", has_optimizer_state, parameters, state, updates]     a neuron's `Memory`
    ["tuple", form, form, …]
    ["array", type, shape]   ["number", type, shape]                numpy's
    ["int"]   ["float"]   ["bool"]                                  Python's
    ["plain", value]                                                a text or None

Members with equal forms share one. So a million members are a few forms, an array that says
which member has which form, and all their numbers end to end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...neuron.neuron_state import NeuronState
from ...neuron.optimizers import Optimizer
from ...rules.member_registry import MemberState
from ...support.arrays import freeze
from ...support.errors import CheckpointError

TYPES = (
    *("float64", "float32", "float16"),
    *("int64", "int32", "int16", "int8"),
    *("uint64", "uint32", "uint16", "uint8", "bool"),
)
SCALARS: dict[str, tuple[type[Any], str]] = {
    "bool": (bool, "bool"),
    "int": (int, "int64"),
    "float": (float, "float64"),
}


class PackedStates(NamedTuple):
    """The packed state of all members.

    Attributes:
        forms: The different forms, as JSON can hold them.
        form: Which of them each member has. Shape (n_members,).
        numbers: By type of number: all numbers of that type, member after member.
            Shape (n_numbers_of_that_type,).
    """

    forms: list[Any]
    form: NDArray[np.int32]
    numbers: dict[str, NDArray[Any]]


def pack(ids: Sequence[str], states: Iterable[MemberState], optimizer: Optimizer) -> PackedStates:
    """Pack the state of all members.

    Args:
        ids: The members' names, for errors.
        states: The state of each member, in the same order.
        optimizer: The run's optimizer. A neuron that has a state of another one is refused.

    Returns:
        The packed state.

    Raises:
        CheckpointError: A member's state contains something that no checkpoint can hold.
    """
    forms: dict[Any, int] = {}
    leaves: dict[str, list[NDArray[Any]]] = {}
    form = np.empty(len(ids), dtype=np.int32)
    for k, (name, state) in enumerate(zip(ids, states, strict=True)):
        try:
            form[k] = forms.setdefault(_pack_value(state, leaves, optimizer), len(forms))
        except (TypeError, OverflowError) as error:
            allowed = "numbers, texts, arrays of numbers, tuples of these, and NeuronState"
            raise CheckpointError(
                f"{name!r} keeps {error}, which no checkpoint can hold: it holds {allowed}"
            ) from None
    numbers = {
        name: np.concatenate([part.ravel() for part in parts]) for name, parts in leaves.items()
    }
    return PackedStates(list(forms), form, numbers)


def _pack_value(
    value: Any, leaves: dict[str, list[NDArray[Any]]], optimizer: Optimizer
) -> tuple[Any, ...]:
    """Append the value's numbers to `leaves` and return its form."""
    if isinstance(value, NeuronState):
        if value.optimizer is not None and value.optimizer != optimizer:
            raise TypeError(f"a state of {value.optimizer!r}, not of {optimizer!r}")
        parts = (value.parameters, value.optimizer_state, value.updates)
        forms = [_pack_value(part, leaves, optimizer) for part in parts]
        return ("memory", value.optimizer is not None, *forms)
    if type(value) is tuple:
        return ("tuple", *[_pack_value(part, leaves, optimizer) for part in value])
    if value is None or type(value) is str:
        return ("plain", value)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.name in TYPES:
        leaves.setdefault(value.dtype.name, []).append(np.asarray(value))
        kind = "array" if isinstance(value, np.ndarray) else "number"
        return (kind, value.dtype.name, value.shape)
    for name, (python_type, type_name) in SCALARS.items():
        if type(value) is python_type:
            leaves.setdefault(type_name, []).append(np.array(value, dtype=type_name))
            return (name,)
    raise TypeError(f"{type(value).__name__} {str(value)[:40]!r}")


def unpack(
    forms: Sequence[Any],
    form: NDArray[np.int32],
    numbers: dict[str, NDArray[Any]],
    optimizer: Optimizer,
) -> list[MemberState]:
    """Unpack the state of all members.

    Every array is copied into memory of its own, as it was before: the alignment of an array
    may change the last bits of a BLAS.

    Args:
        forms: As in `PackedStates`.
        form: As in `PackedStates`. Shape (n_members,).
        numbers: As in `PackedStates`. Shape (n_numbers_of_that_type,).
        optimizer: The run's optimizer.

    Returns:
        The state of each member.

    Raises:
        ValueError: Numbers are left over, or missing. Other errors, such as `KeyError`, come
            from forms that `pack` did not make.
    """
    read = dict.fromkeys(numbers, 0)

    def take(name: str, shape: Sequence[int]) -> NDArray[Any]:
        start = read[name]
        read[name] = end = start + prod(shape)
        return numbers[name][start:end].reshape(shape).copy()

    def unpack_value(form: Sequence[Any]) -> Any:
        kind, *more = form
        if kind == "memory":
            parameters, state, updates = (unpack_value(part) for part in more[1:])
            return NeuronState(parameters, optimizer if more[0] else None, state, updates)
        if kind == "tuple":
            return tuple([unpack_value(part) for part in more])
        if kind == "plain":
            return more[0]
        if kind == "array":
            return freeze(take(*more))
        if kind == "number":
            return take(*more)[()]
        python_type, name = SCALARS[kind]
        return python_type(take(name, ()))

    states = [unpack_value(forms[which]) for which in form.tolist()]
    if any(read[name] != len(flat) for name, flat in numbers.items()):
        raise ValueError("it has numbers that belong to no member")
    return states
