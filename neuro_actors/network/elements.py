"""The elements of a network: inputs, neurons and synapses as users name them, and the checks that each must pass alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike

from ..support.errors import InputError, NetworkError
from ..support.text import shown
from ..support.validation import Array, Indices, as_floats, as_list, did_you_mean, number

LONGEST = 300  # of what may name a synapse: two ids, an arrow and some room
LOSS, ENVIRONMENT = "loss", "environment"  # the two members of every society that are no neurons


@dataclass(frozen=True, slots=True)
class Input:
    """A neuron that repeats what the world tells it. It has no incoming synapse and nothing to learn."""

    id: str
    activation: ClassVar[str] = "identity"
    bias: ClassVar[float] = 0.0


@dataclass(frozen=True, slots=True)
class Neuron:
    """A node with a bias and an activation function; it owns the weights of its incoming synapses."""

    id: str
    activation: str = "identity"
    bias: float = 0.0


@dataclass(frozen=True, slots=True)
class Synapse:
    """A directed edge; excitatory where the weight is positive, inhibitory where negative. Without one, it is drawn."""

    source: str
    target: str
    weight: float | None = None


_T = TypeVar("_T")


class Views(Sequence[_T], Generic[_T]):
    """A sequence whose items are made when they are looked at."""

    __slots__ = ("_length", "_make")

    def __init__(self, length: int, make: Callable[[int], _T]) -> None:
        self._length, self._make = length, make

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[_T]: ...
    def __getitem__(self, index: int | slice) -> _T | Sequence[_T]:
        where = range(self._length)[index]
        return self._make(where) if isinstance(where, int) else tuple(self._make(i) for i in where)

    def __iter__(self) -> Iterator[_T]:
        return map(self._make, range(self._length))

    def __repr__(self) -> str:
        more = ", …" if self._length > 3 else ""
        return f"<{self._length:,}: {', '.join(map(repr, self[:3]))}{more}>"


def arrow(source: object, target: object) -> str:
    return f"{shown(source)} -> {shown(target)}"


def positions(ids: Sequence[str]) -> dict[str, int]:
    """Where each id stands; raises `NetworkError` for an id that is no name, reserved, or there twice."""
    position: dict[str, int] = {}
    for k, name in enumerate(ids):
        if not isinstance(name, str) or not name or len(name) > 128 or not name.isprintable():
            raise NetworkError(
                f"neuron {k}: an id is 1 to 128 printable characters, got {shown(name)}"
            )
        if name in (LOSS, ENVIRONMENT):
            raise NetworkError(
                f"neuron {k}: the id {name!r} is reserved, every society has such a member: choose another"
            )
        if name in position:
            raise NetworkError(f"neuron id {name!r} stands there twice: ids must differ")
        position[name] = k
    return position


def output_places(outputs: Sequence[str], position: dict[str, int]) -> Indices:
    """Where the outputs stand; raises `NetworkError` for a name that is not there."""
    for name in outputs:
        if not isinstance(name, str) or name not in position:
            raise NetworkError(
                f"output {shown(name)} is no neuron of the network; {did_you_mean(name, list(position))}"
            )
    return np.array([position[name] for name in outputs], dtype=np.intp)


def listed(what: str, values: Iterable[Any]) -> list[Any]:
    """As a list; raises `NetworkError` for what is none."""
    try:
        return as_list(what, values)
    except InputError as error:
        raise NetworkError(str(error)) from None


def vector(what: str, values: ArrayLike, n: int) -> Array:
    """As float64, (n,); raises `NetworkError` for another shape, `InputError` unless all are finite numbers."""
    array = as_floats(what, values)
    if array.shape != (n,):
        raise NetworkError(f"{what}: expected shape ({n},), got {array.shape}")
    return array


def parameters(what: str, values: list[float], owners: Sequence[str]) -> Array:
    if set(map(type, values)) - {float}:
        for value, owner in zip(values, owners, strict=True):
            if math.isnan(number(value)):
                raise NetworkError(
                    f"{what} of {owner}: expected a finite number, got {shown(value)}"
                )
    array = np.array(values, dtype=np.float64)
    for k in np.flatnonzero(~np.isfinite(array)).tolist():
        raise NetworkError(f"{what} of {owners[k]}: expected a finite number, got {array[k]}")
    return array
