"""The elements of a network: inputs, neurons and synapses as users name them, and the checks that each must pass alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar, overload

import numpy as np

from .arrays import Array, Indices, did_you_mean
from .errors import NetworkError

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
    return f"{source!r} -> {target!r}"


def positions(ids: Sequence[str]) -> dict[str, int]:
    """Where each id stands; raises `NetworkError` for an id that is no name, reserved, or there twice."""
    position: dict[str, int] = {}
    for k, name in enumerate(ids):
        if not isinstance(name, str) or not name or len(name) > 128 or not name.isprintable():
            shown = repr(name) if len(repr(name)) < 60 else repr(name)[:60] + "…"
            raise NetworkError(f"neuron {k}: an id is 1 to 128 printable characters, got {shown}")
        if name in (LOSS, ENVIRONMENT):
            raise NetworkError(f"neuron {k}: the id {name!r} is reserved, every society has such a member: choose another")
        if name in position:
            raise NetworkError(f"neuron id {name!r} stands there twice: ids must differ")
        position[name] = k
    return position


def output_places(outputs: Sequence[str], position: dict[str, int]) -> Indices:
    """Where the outputs stand; raises `NetworkError` for a name that is not there."""
    for name in outputs:
        if not isinstance(name, str) or name not in position:
            raise NetworkError(f"output {name!r} is no neuron of the network; {did_you_mean(name, list(position))}")
    return np.array([position[name] for name in outputs], dtype=np.intp)


def parameters(what: str, values: list[float], owners: Sequence[str]) -> Array:
    try:
        raw = np.asarray(values)
    except ValueError:  # sequences among them
        raw = np.empty(0, dtype=object)
    if len(values) and (raw.shape != (len(values),) or raw.dtype.kind not in "iuf" or not np.isfinite(raw).all()):
        for value, owner in zip(values, owners, strict=True):
            if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
                raise NetworkError(f"{what} of {owner}: expected a finite number, got {value!r}")
    return np.array(values, dtype=np.float64)
