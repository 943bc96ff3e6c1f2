"""A layer: some neurons with one grid of positions, and the layers that it came from.

A builder takes layers and returns a new one. Nothing is changed: a layer is a value, and knows all
that it is made from. `network` walks back from the last layers and collects what they have.

`h + x` and `h * x` are builders too, and so they are here, with the interneurons that they make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NoReturn

import numpy as np

from ..network.elements import Delay, Input, Interneuron, Neuron, Synapse
from ..network.field import Field, Grid, show_grid
from ..network.function_names import AnyCombination
from ..network.graph_checks import check_combinations
from ..network.positions import check_field
from ..support.errors import NetworkError
from ..support.text import format_count, quote
from .builder import builder

LONGEST_NAME = 40  # that + and * make of the names of two layers
_LIKE = {"+": ("add", "multiply"), "×": ("multiply",)}  # which need no brackets beside a sign


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Layer:
    """What a builder of `na.layers` returns: features at a grid of positions.

    `h + x` is the sum of two layers, feature by feature, and `h * gate` their product: see
    `na.layers.add` and `na.layers.multiply`. A slice is a layer, too: `h[:4]` has the first four
    features of h.

    Attributes:
        name: The name of the layer. The ids of its neurons begin with it.
        ids: The id of the neuron of each feature.
        grid: The grid of positions at which the features live; () is one position.
        sources: The layers that it came from.
        nodes: The neurons that the layer adds to the network.
        synapses: The synapses that it adds.
        kind: Which builder made it, "" if it is a part of a larger layer.

    Examples:
        >>> x = na.layers.inputs(3, positions=(28, 28))
        >>> h = na.layers.conv2d(x, 8, kernel=3, padding=1, activation="relu")
        >>> h
        <Layer conv1: 8 features at 28 × 28>
        >>> h + na.layers.conv2d(h, 8, kernel=3, padding=1)
        <Layer conv1 + conv2: 8 features at 28 × 28>
    """

    name: str
    ids: tuple[str, ...]
    grid: Grid
    sources: tuple[Layer, ...] = ()
    nodes: tuple[Input | Neuron | Interneuron | Delay, ...] = field(default=())
    synapses: tuple[Synapse, ...] = field(default=())
    kind: str = ""
    __array_ufunc__: ClassVar[None] = None  # an array beside + or * asks the layer

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, features: slice) -> Layer:
        if not isinstance(features, slice):
            raise NetworkError(f"a layer takes a slice, such as h[:4], got {quote(features)}")
        chosen = self.ids[features]
        if not chosen:
            raise NetworkError(f"{self} has no features {quote(features)}")
        where = range(len(self))[features]
        name = f"{self.name} {where[0]} to {where[-1]}" + f" by {where.step}" * (where.step != 1)
        return Layer(name, chosen, self.grid, (self,))

    def __add__(self, other: Layer) -> Layer:
        if not isinstance(other, Layer):
            _refuse("h + x", other, f"na.layers.scale(h, plus={_shown(other)})")
        return add(self, other, name=_name_from("+", self, other))

    def __mul__(self, other: Layer) -> Layer:
        if not isinstance(other, Layer):
            _refuse("h * x", other, f"na.layers.scale(h, {_shown(other)})")
        many, gate = (other, self) if len(self) == 1 else (self, other)
        return multiply(many, gate, name=_name_from("×", self, other))

    def __sub__(self, other: Layer) -> Layer:
        if isinstance(other, Layer):
            raise NetworkError("h - x: write h + na.layers.scale(x, -1)")
        _refuse("h - x", other, f"na.layers.scale(h, plus=-{_shown(other)})")

    def __rsub__(self, other: object) -> NoReturn:
        _refuse("x - h", other, f"na.layers.scale(h, -1, plus={_shown(other)})")

    __radd__, __rmul__ = __add__, __mul__

    def __repr__(self) -> str:
        return f"<Layer {show_layer(self)}>"


def _refuse(what: str, other: object, advice: str) -> NoReturn:
    """Refuse what is no layer beside a sign; numbers are told where they may stand."""
    problem = f"{what}: both must be layers, got {quote(other)}"
    is_number = isinstance(other, (int, float, np.number, np.ndarray, list, tuple))
    raise NetworkError(f"{problem}: for numbers write {advice}" if is_number else problem)


def _shown(other: object) -> str:
    number = other.item() if isinstance(other, np.number) else other
    return quote(number) if isinstance(number, (int, float)) else "numbers"


def _name_from(sign: str, one: Layer, other: Layer) -> str | None:
    """Return a name for what two layers make, such as "x + h1"; None if it would be long."""
    parts = (
        layer.name if layer.kind in _LIKE[sign] or " " not in layer.name else f"({layer.name})"
        for layer in (one, other)
    )
    name = f" {sign} ".join(parts)
    return name if len(name) <= LONGEST_NAME else None


def show_layer(layer: Layer) -> str:
    """Return a layer for a text: `conv1: 8 features at 28 × 28`."""
    return f"{layer.name}: {format_count(len(layer), 'feature')} at {show_grid(layer.grid)}"


def as_layer(layer: object) -> Layer:
    """Check that a builder was handed a layer.

    Args:
        layer: What it was handed.

    Raises:
        NetworkError: It is no layer.
    """
    if not isinstance(layer, Layer):
        problem = f"expected a layer, such as na.layers.inputs(3) returns, got {quote(layer)}"
        raise NetworkError(problem)
    return layer


def walk_back(layers: Iterable[Layer]) -> list[Layer]:
    """Return some layers and all that they came from, each once, sources first.

    Args:
        layers: The last layers.
    """
    found: dict[int, Layer] = {}
    open_layers = [(layer, False) for layer in reversed(list(layers))]
    while open_layers:
        layer, is_done = open_layers.pop()
        if id(layer) in found:
            continue
        if is_done:
            found[id(layer)] = layer
        else:
            open_layers.append((layer, True))
            open_layers += [(source, False) for source in reversed(layer.sources)]
    return list(found.values())


def choose_name(kind: str, name: str | None, *sources: Layer) -> str:
    """Return the name of a new layer: its own, or such as "conv2".

    Args:
        kind: What its name begins with if it has none of its own. The number behind it says the
            how many-th of its kind it is on the way from the inputs.
        name: Its own name, or None.
        sources: The layers that it comes from.

    Raises:
        NetworkError: The name is no text, or one that no id can begin with.
    """
    if name is None:
        return f"{kind}{1 + sum(layer.kind == kind for layer in walk_back(sources))}"
    if not isinstance(name, str) or not 0 < len(name) <= 100 or not name.isprintable():
        raise NetworkError(
            "name: expected the name of a layer, 1 to 100 printable characters such as 'conv1', "
            f"got {quote(name)}"
        )
    return name


def check_grids(*layers: Layer) -> None:
    """Check that layers which meet live at the same positions.

    Args:
        layers: The layers.

    Raises:
        NetworkError: Two live at different positions, or one is no layer.
    """
    for layer in layers:
        if as_layer(layer).grid != layers[0].grid:
            raise NetworkError(
                "layers that meet must live at the same positions; here are "
                f"{show_layer(layers[0])}, and {show_layer(layer)}"
            )


def check_features(*layers: Layer) -> None:
    """Check that layers which meet have as many features, at the same positions.

    Args:
        layers: The layers.

    Raises:
        NetworkError: Two differ, or one is no layer.
    """
    check_grids(*layers)
    for layer in layers:
        if len(layer) != len(layers[0]):
            raise NetworkError(
                "layers that meet must have the same number of features; here are "
                f"{show_layer(layers[0])}, and {show_layer(layer)}"
            )


def interneurons(
    name: str,
    combination: AnyCombination,
    sources: Sequence[Layer],
    hears: Sequence[Sequence[str]],
    field: Field | Sequence[Field] | None = None,
    *,
    kind: str = "",
    label: Callable[[int], str] | None = None,
) -> Layer:
    """Return a layer of interneurons.

    Args:
        name: Its name.
        combination: How they combine what they hear.
        sources: The layers that they hear; all live at the same positions.
        hears: For each interneuron the ids that it hears.
        field: The receptive field of all of them, or of each. None: their own position.
        kind: Which builder made it.
        label: Makes the id of the k-th interneuron. None: the name, a point, k.

    Raises:
        NetworkError: An interneuron would hear one id twice; the combination is unknown, or cannot
            do with a field that hears nothing at some positions.
    """
    for ends in hears:
        if len(set(ends)) < len(ends):
            twice = next(id for k, id in enumerate(ends) if id in ends[:k])
            advice = "let one of the two be a copy, such as na.layers.combine(x, 'sum')"
            raise NetworkError(f"{quote(twice)} meets itself: {advice}")
    ids = make_ids(name, len(hears), label)
    fields = [field] * len(ids) if field is None or isinstance(field, Field) else list(field)
    nodes = tuple(map(Interneuron, ids, [combination] * len(ids), fields))
    check_combinations(dict(enumerate(nodes)), np.array([len(ends) for ends in hears]))
    for node in nodes:
        check_field(node.id, node)
    return Layer(
        name,
        ids,
        sources[0].grid if fields[0] is None else fields[0].grid,
        tuple(sources),
        nodes,
        tuple(Synapse(source, id) for id, ends in zip(ids, hears, strict=True) for source in ends),
        kind,
    )


def make_ids(name: str, n: int, label: Callable[[int], str] | None) -> tuple[str, ...]:
    """Return the ids of a row of neurons.

    Args:
        name: The name of their layer.
        n: How many there are.
        label: Makes the id of the k-th. None: the name, a point, k.
    """
    return tuple(f"{name}.{k}" if label is None else label(k) for k in range(n))


@builder
def add(*layers: Layer, name: str | None = None) -> Layer:
    """Return the sum of layers, feature by feature. `h + x` is the sum of two.

    Args:
        layers: The layers, with as many features at the same positions.
        name: The name of the sum. None: add1, add2, ….

    Raises:
        NetworkError: They differ, or there are none.
    """
    if not layers:
        raise NetworkError("expected layers, got none")
    check_features(*layers)
    name = choose_name("add", name, *layers)
    hears = list(zip(*(layer.ids for layer in layers), strict=True))
    return interneurons(name, "sum", layers, hears, kind="add")


@builder
def multiply(x: Layer, gate: Layer, *, name: str | None = None) -> Layer:
    """Return the products of two layers, feature by feature: a gate. `h * gate` is the same.

    Args:
        x: The layer.
        gate: Another one, with as many features, or with one, which then goes to all.
        name: The name of the product. None: multiply1, multiply2, ….

    Raises:
        NetworkError: They do not fit.
    """
    check_grids(x, gate)
    if len(gate) != 1:
        check_features(x, gate)
    name = choose_name("multiply", name, x, gate)
    gates = gate.ids * len(x) if len(gate) == 1 else gate.ids
    hears = list(zip(x.ids, gates, strict=True))
    return interneurons(name, "product", [x, gate], hears, kind="multiply")
