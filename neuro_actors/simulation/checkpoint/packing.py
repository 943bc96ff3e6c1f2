"""What all members keep, in a few flat arrays, one a type of number; and back, to the same bits.

Of each member a form says how what it keeps is built: ["memory", …], ["tuple", …], ["array", type, shape], ["int"]. Members
of one form share it, so a million of them are a few forms, the number of its form for each, and their numbers end to end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...neuron.local_rule import Memory
from ...neuron.optimizers import Optimizer
from ...rules.remembering import Kept
from ...support.errors import CheckpointError
from ...support.validation import frozen

TYPES = (
    "float64",
    "float32",
    "float16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint64",
    "uint32",
    "uint16",
    "uint8",
    "bool",
)
SCALARS: dict[str, tuple[type[Any], str]] = {
    "bool": (bool, "bool"),
    "int": (int, "int64"),
    "float": (float, "float64"),
}


class Packed:
    """forms: as JSON may hold them.  form: (n_members,), which is whose.  numbers: one flat array for each type."""

    def __init__(
        self, forms: list[Any], form: NDArray[np.int32], numbers: dict[str, NDArray[Any]]
    ) -> None:
        self.forms, self.form, self.numbers = forms, form, numbers


def packed(ids: Sequence[str], kept: Iterable[Kept], optimizer: Optimizer) -> Packed:
    """optimizer: the run's. Raises `CheckpointError`, which names the neuron, for what cannot be packed."""
    forms: dict[Any, int] = {}
    leaves: dict[str, list[NDArray[Any]]] = {}
    form = np.empty(len(ids), dtype=np.int32)
    for k, (name, held) in enumerate(zip(ids, kept, strict=True)):
        try:
            form[k] = forms.setdefault(_form(held, leaves, optimizer), len(forms))
        except (TypeError, OverflowError) as error:
            can = "numbers, texts, arrays of numbers, tuples of these, and Memory"
            raise CheckpointError(
                f"{name!r} keeps {error}, which no checkpoint can hold: it holds {can}"
            ) from None
    return Packed(
        list(forms),
        form,
        {name: np.concatenate([part.ravel() for part in parts]) for name, parts in leaves.items()},
    )


def _form(
    value: Any, leaves: dict[str, list[NDArray[Any]]], optimizer: Optimizer
) -> tuple[Any, ...]:
    if isinstance(value, Memory):
        if value.optimizer is not None and value.optimizer != optimizer:
            raise TypeError(f"a state of {value.optimizer!r}, not of {optimizer!r}")
        parts = (value.parameters, value.state, value.updates)
        return (
            "memory",
            value.optimizer is not None,
            *[_form(part, leaves, optimizer) for part in parts],
        )
    if type(value) is tuple:
        return ("tuple", *[_form(part, leaves, optimizer) for part in value])
    if value is None or type(value) is str:
        return ("plain", value)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.name in TYPES:
        leaves.setdefault(value.dtype.name, []).append(np.asarray(value))
        return (
            "array" if isinstance(value, np.ndarray) else "number",
            value.dtype.name,
            value.shape,
        )
    for name, (kind, type_name) in SCALARS.items():
        if type(value) is kind:
            leaves.setdefault(type_name, []).append(np.array(value, dtype=type_name))
            return (name,)
    raise TypeError(f"{type(value).__name__} {str(value)[:40]!r}")


def unpacked(
    forms: Sequence[Any],
    form: NDArray[np.int32],
    numbers: dict[str, NDArray[Any]],
    optimizer: Optimizer,
) -> list[Kept]:
    """What each member kept. Each array is one of its own, as it was: where an array lies may matter to a BLAS."""
    read = dict.fromkeys(numbers, 0)

    def taken(name: str, shape: Sequence[int]) -> NDArray[Any]:
        start = read[name]
        read[name] = end = start + prod(shape)
        return numbers[name][start:end].reshape(shape).copy()

    def value(form: Sequence[Any]) -> Any:
        kind, *more = form
        if kind == "memory":
            parameters, state, updates = (value(part) for part in more[1:])
            return Memory(parameters, optimizer if more[0] else None, state, updates)
        if kind == "tuple":
            return tuple([value(part) for part in more])
        if kind == "plain":
            return more[0]
        if kind == "array":
            return frozen(taken(*more))
        if kind == "number":
            return taken(*more)[()]
        of, name = SCALARS[kind]
        return of(taken(name, ()))

    kept = [value(forms[which]) for which in form.tolist()]
    if any(read[name] != len(flat) for name, flat in numbers.items()):
        raise ValueError("there are numbers that nobody kept")
    return kept
