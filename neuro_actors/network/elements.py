"""Inputs, neurons, interneurons and synapses as users write them, and the checks of each alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike

from ..support.arrays import MAX_POSITION, Array, Indices
from ..support.errors import InputError, NetworkError
from ..support.hints import explains_fields
from ..support.labelled_arrays import as_floats, check_order
from ..support.scalars import as_number, as_whole_number, got
from ..support.text import did_you_mean, quote
from .field import Field, GridLike
from .function_names import AnyActivation, AnyCombination

MAX_SYNAPSE_NAME = 300  # characters in the name of a synapse: two ids, an arrow and some room
LOSS_NODE, ENVIRONMENT = (
    "loss",
    "environment",
)  # the two members of every society that are no neurons


@explains_fields
@dataclass(frozen=True, slots=True)
class Input:
    """A neuron that repeats the values that the environment sends to it.

    It has no incoming synapse, no bias and nothing to learn.

    Attributes:
        id: Its name in the network: 1 to 128 printable characters.
        positions: The grid of positions at which it lives, such as (28, 28) for the pixels of a
            picture, or 5 for five tokens. (): one position. All inputs have the same.
    """

    id: str
    positions: GridLike = ()
    activation: ClassVar[str] = "identity"
    bias: ClassVar[float] = 0.0


@explains_fields
@dataclass(frozen=True, slots=True)
class Neuron:
    """A node with a bias and an activation function; it owns the weights of its incoming synapses.

    Attributes:
        id: Its name in the network: 1 to 128 printable characters.
        activation: The name of its activation function, a key of `na.ACTIVATIONS`.
        bias: The constant that is added to its signal.
        frozen: Whether the bias never changes: no optimizer moves it.
    """

    id: str
    activation: AnyActivation = "identity"
    bias: float = 0.0
    frozen: bool = False


@explains_fields
@dataclass(frozen=True, slots=True)
class Interneuron:
    """A node without parameters, which combines what it receives: a gate, a pooling, a softmax.

    Its incoming synapses have no weight of their own: each is 1, and frozen.

    Attributes:
        id: Its name in the network: 1 to 128 printable characters.
        combination: The name of its combination, a key of `na.COMBINATIONS`; or a dropout such as
            "dropout 0.1" or "dropout 0.1, seed 3", which has one source; see `network/dropout.py`.
        field: Which positions of its sources it hears at each of its own; see `na.field`. None: the
            same one.
    """

    id: str
    combination: AnyCombination
    field: Field | None = None
    activation: ClassVar[str] = "identity"
    bias: ClassVar[float] = 0.0
    frozen: ClassVar[bool] = False


@explains_fields
@dataclass(frozen=True, slots=True)
class Delay:
    """A node that repeats what a neuron said some ticks before; with it a network has a memory.

    It has no incoming synapse, no bias and nothing to learn. Where there is no such tick, it
    says 0. A network with delays lives under `na.rules.ThroughTime`.

    Attributes:
        id: Its name in the network: 1 to 128 printable characters.
        of: The id of the neuron that it repeats. It lives at the same positions.
        ticks: How many ticks later it repeats it. A negative number: how many ticks earlier, so
            that a sequence is heard from its end.
    """

    id: str
    of: str
    ticks: int = 1
    activation: ClassVar[str] = "identity"
    bias: ClassVar[float] = 0.0


@explains_fields
@dataclass(frozen=True, slots=True)
class Synapse:
    """A directed edge from one neuron to another, with a weight.

    Attributes:
        source: The id of the neuron that sends activations along the synapse.
        target: The id of the neuron that receives them. It owns the weight.
        weight: Positive for an excitatory synapse, negative for an inhibitory one. None: the
            network draws a weight.
        frozen: Whether the weight never changes: no optimizer moves it.
    """

    source: str
    target: str
    weight: float | None = None
    frozen: bool = False


_T = TypeVar("_T")


class LazySequence(Sequence[_T], Generic[_T]):
    """A read-only sequence that makes an item each time the item is looked at.

    Args:
        length: The number of items.
        make: Returns the item at a position from 0 to `length` - 1.
    """

    __slots__ = ("_length", "_make")

    def __init__(self, length: int, make: Callable[[int], _T]) -> None:
        self._length, self._make = length, make

    def __len__(self) -> int:
        return self._length

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._length, self._make)

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
    """Return a synapse's name for a text: `'a' -> 'b'`.

    Args:
        source: The id of the source.
        target: The id of the target.
    """
    return f"{quote(source)} -> {quote(target)}"


def check_types(nodes: Sequence[object], edges: Sequence[object], outputs: object) -> None:
    """Check that a network is described by objects of the right types.

    Args:
        nodes: They must be `Input`, `Neuron`, `Interneuron` and `Delay` objects.
        edges: They must be `Synapse` objects.
        outputs: It must be a list of ids, not one string.

    Raises:
        NetworkError: One of them is something else.
    """
    for node in nodes:
        if not isinstance(node, (Input, Neuron, Interneuron, Delay)):
            kinds = "na.Input, na.Neuron, na.Interneuron or na.Delay"
            hint = ": for layers write na.Network.layered([2, 8, 1])" * isinstance(node, int)
            raise NetworkError(f"neurons must be {kinds} objects, got {quote(node)}{hint}")
        if isinstance(node, (Neuron, Interneuron)):
            _check_frozen(node, "neuron", quote(node.id))
        if isinstance(node, Interneuron) and not isinstance(node.field, (Field, type(None))):
            problem = f"must be a field, such as na.field.window(…), got {quote(node.field)}"
            raise NetworkError(f"interneuron {quote(node.id)}: field {problem}")
    for edge in edges:
        if not isinstance(edge, Synapse):
            raise NetworkError(f"synapses must be na.Synapse objects, got {quote(edge)}")
        _check_frozen(edge, "synapse", arrow(edge.source, edge.target))
    if isinstance(outputs, str):
        raise NetworkError(
            f"outputs must be a list of ids, got the string {quote(outputs)}: "
            f"write [{quote(outputs)}]"
        )


def _check_frozen(element: Neuron | Interneuron | Synapse, what: str, name: str) -> None:
    if type(element.frozen) is not bool:
        problem = f"must be True or False, got {quote(element.frozen)}"
        raise NetworkError(f"{what} {name}: frozen {problem}")


def positions(ids: Sequence[str]) -> dict[str, int]:
    """Return the position of each id in the list.

    Args:
        ids: The ids of all neurons.

    Raises:
        NetworkError: An id is not 1 to 128 printable characters, is reserved, or occurs twice.
    """
    position: dict[str, int] = {}
    for k, name in enumerate(ids):
        if not isinstance(name, str) or not name or len(name) > 128 or not name.isprintable():
            raise NetworkError(
                f"neuron {k}: an id is 1 to 128 printable characters, got {quote(name)}"
            )
        if name in (LOSS_NODE, ENVIRONMENT):
            raise NetworkError(
                f"neuron {k}: the id {name!r} is reserved, every society has such a member: "
                "choose another"
            )
        if name in position:
            raise NetworkError(f"neuron id {name!r} occurs twice: ids must differ")
        position[name] = k
    return position


def synapse_ends(
    edges: Sequence[Synapse], position: dict[str, int]
) -> tuple[list[tuple[str, str]], Indices, Indices]:
    """Find the ends of all synapses among the neurons.

    Args:
        edges: The synapses.
        position: The position of each neuron by its id.

    Returns:
        The pairs of ids, and the positions of the sources and of the targets, two arrays of shape
        (n_synapses,).

    Raises:
        NetworkError: A source or a target is no neuron of the network.
    """
    ends = [(edge.source, edge.target) for edge in edges]
    for pair in ends:
        for end in pair:
            if not isinstance(end, str) or end not in position:
                known = did_you_mean(end, list(position))
                raise NetworkError(
                    f"synapse {arrow(*pair)}: there is no neuron {quote(end)}; {known}"
                )
    sources = np.array([position[source] for source, _ in ends], dtype=np.intp)
    targets = np.array([position[target] for _, target in ends], dtype=np.intp)
    return ends, sources, targets


def as_ticks(what: str, value: object) -> int:
    """Convert a number of ticks: how much later a delay repeats; earlier, if it is negative.

    Args:
        what: What it is, for the text of an error.
        value: A whole number other than 0.

    Raises:
        InputError: It is none.
    """
    ticks = as_whole_number(what, value, -MAX_POSITION, MAX_POSITION)
    if not ticks:
        raise InputError(f"{what} must not be 0: a delay repeats what was said in another tick")
    return ticks


def delay_sources(
    delays: Mapping[int, Delay], position: Mapping[str, int]
) -> dict[int, tuple[int, int]]:
    """Find what each delay repeats.

    Args:
        delays: The delays by position.
        position: The position of each neuron by its id.

    Returns:
        By the position of each delay that of the neuron, and the number of ticks.

    Raises:
        NetworkError: There is no such neuron, it is a delay itself, or the number of ticks is none.
    """
    found = {}
    for k, node in delays.items():
        if not isinstance(node.of, str) or node.of not in position:
            known = did_you_mean(node.of, list(position))
            raise NetworkError(
                f"delay {quote(node.id)}: there is no neuron {quote(node.of)}; {known}"
            )
        of = position[node.of]
        if of in delays:
            other = delays[of]
            advice = f"write na.Delay({quote(node.id)}, of={quote(other.of)}, ticks=…)"
            raise NetworkError(f"delay {quote(node.id)}: {quote(node.of)} is a delay too: {advice}")
        found[k] = of, as_ticks(f"delay {quote(node.id)}: ticks", node.ticks)
    return found


def output_positions(outputs: Sequence[str], position: dict[str, int]) -> Indices:
    """Find the outputs among the neurons.

    Args:
        outputs: The ids of the outputs.
        position: The position of each neuron by its id.

    Returns:
        The positions of the outputs, shape (n_outputs,).

    Raises:
        NetworkError: An output is no neuron of the network.
    """
    for name in outputs:
        if not isinstance(name, str) or name not in position:
            known = did_you_mean(name, list(position))
            raise NetworkError(f"output {quote(name)} is no neuron of the network; {known}")
    return np.array([position[name] for name in outputs], dtype=np.intp)


def as_vector(what: str, values: ArrayLike, owners: Sequence[object]) -> Array:
    """Convert values to a float64 array with a number for each owner.

    Args:
        what: What the values are, for the text of an error.
        values: Numbers. Shape (n,).
        owners: What the values belong to, n in their order: ids, or counts from 0 on.

    Returns:
        A new array of shape (n,).

    Raises:
        NetworkError: The shape is another one.
        InputError: A value is no finite number, or labels are in another order than the owners.
    """
    array = as_floats(what, values)
    if array.shape != (len(owners),):
        raise NetworkError(f"{what}: expected shape ({len(owners)},), got {array.shape}")
    check_order(what, values, owners)
    return array


def as_parameters(what: str, values: Sequence[float], owners: Sequence[str]) -> Array:
    """Convert parameters, which were given one by one, to a float64 array.

    Args:
        what: What each value is, "bias" or "weight", for the text of an error.
        values: One parameter for each owner.
        owners: The name of the neuron or synapse that has the parameter.

    Returns:
        A new array of shape (len(owners),).

    Raises:
        NetworkError: A value is no finite number.
    """
    if set(map(type, values)) - {float}:
        for value, owner in zip(values, owners, strict=True):
            if math.isnan(as_number(value)):
                raise NetworkError(f"{what} of {owner}: expected a finite number, got {got(value)}")
        values = [as_number(value) for value in values]
    array = np.array(values, dtype=np.float64)
    for k in np.flatnonzero(~np.isfinite(array)).tolist():
        raise NetworkError(f"{what} of {owners[k]}: expected a finite number, got {array[k]}")
    return array
