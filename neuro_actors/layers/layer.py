"""A layer: some neurons with one grid of positions, and the layers that it came from.

A builder takes layers and returns a new one. Nothing is changed: a layer is a value, and knows all
that it is made from. `network` walks back from the last layers and collects what they have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..network.elements import Delay, Input, Interneuron, Neuron, Synapse
from ..network.field import Grid, show_grid
from ..network.network import Network
from ..support.errors import NetworkError
from ..support.hints import explains_arguments
from ..support.text import format_count, quote


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Layer:
    """What a builder of `na.layers` returns: features at a grid of positions.

    A slice is a layer, too: `h[:4]` has the first four features of h.

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
        >>> na.layers.conv2d(x, 8, kernel=3, padding=1, activation="relu")
        <Layer conv1: 8 features at 28 × 28>
    """

    name: str
    ids: tuple[str, ...]
    grid: Grid
    sources: tuple[Layer, ...] = ()
    nodes: tuple[Input | Neuron | Interneuron | Delay, ...] = field(default=())
    synapses: tuple[Synapse, ...] = field(default=())
    kind: str = ""

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, features: slice) -> Layer:
        if not isinstance(features, slice):
            raise NetworkError(f"a layer takes a slice, such as h[:4], got {quote(features)}")
        chosen = self.ids[features]
        if not chosen:
            raise NetworkError(f"{self} has no features {quote(features)}")
        return Layer(f"{self.name}, in part", chosen, self.grid, (self,))

    def __repr__(self) -> str:
        return f"<Layer {show_layer(self)}>"


def show_layer(layer: Layer) -> str:
    """Return a layer for a text: `conv1: 8 features at 28 × 28`."""
    return f"{layer.name}: {format_count(len(layer), 'feature')} at {show_grid(layer.grid)}"


def as_layer(what: str, layer: object) -> Layer:
    """Check that a builder was handed a layer.

    Args:
        what: The builder, for the text of an error.
        layer: What it was handed.

    Raises:
        NetworkError: It is no layer.
    """
    if not isinstance(layer, Layer):
        problem = f"expected a layer, such as na.layers.inputs(3) returns, got {quote(layer)}"
        raise NetworkError(f"{what}: {problem}")
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
        NetworkError: The name is no text.
    """
    if name is None:
        return f"{kind}{1 + sum(layer.kind == kind for layer in walk_back(sources))}"
    if not isinstance(name, str) or not name:
        raise NetworkError(
            f"name: expected the name of a layer, such as 'conv1', got {quote(name)}"
        )
    return name


def check_grids(what: str, *layers: Layer) -> None:
    """Check that layers which meet live at the same positions.

    Args:
        what: The builder, for the text of an error.
        layers: The layers.

    Raises:
        NetworkError: Two live at different positions.
    """
    for layer in layers[1:]:
        if layer.grid != layers[0].grid:
            raise NetworkError(
                f"{what}: layers that meet must live at the same positions; here are "
                f"{show_layer(layers[0])}, and {show_layer(layer)}"
            )


def check_features(what: str, *layers: Layer) -> None:
    """Check that layers which meet have as many features, at the same positions.

    Args:
        what: The builder, for the text of an error.
        layers: The layers.

    Raises:
        NetworkError: Two differ.
    """
    check_grids(what, *layers)
    for layer in layers[1:]:
        if len(layer) != len(layers[0]):
            raise NetworkError(
                f"{what}: layers that meet must have the same number of features; here are "
                f"{show_layer(layers[0])}, and {show_layer(layer)}"
            )


@explains_arguments
def network(*outputs: Layer, seed: int = 0) -> Network:
    """Make a network of some last layers and of all that they came from.

    Args:
        outputs: The layers whose features are the predictions, in their order.
        seed: The seed of the weights. Each neuron draws from a stream of its own.

    Raises:
        NetworkError: Two layers have one name, or the elements are no network.

    Examples:
        >>> x = na.layers.inputs(2)
        >>> y = na.layers.dense(na.layers.dense(x, 8, "tanh"), 1)
        >>> na.layers.network(y, seed=1)
        <Network: 2 inputs, 9 neurons, 24 synapses, 1 output; depth 2, fan-in 2 to 8>
    """
    if not outputs:
        raise NetworkError("network: expected a layer, such as na.layers.dense(x, 1)")
    layers = walk_back([as_layer("network", layer) for layer in outputs])
    named: dict[str, Layer] = {}
    for layer in layers:
        if layer.nodes and named.setdefault(layer.name, layer) is not layer:
            advice = f"write name='another name' in one of them; the second is {layer}"
            raise NetworkError(f"two layers are called {quote(layer.name)}: {advice}")
    return Network(
        neurons=[node for layer in layers for node in layer.nodes],
        synapses=[synapse for layer in layers for synapse in layer.synapses],
        outputs=[name for layer in outputs for name in layer.ids],
        seed=seed,
    )


def join(name: str, kind: str, last: Layer | Sequence[Layer], sources: Sequence[Layer]) -> Layer:
    """Return one layer that consists of several.

    Args:
        name: Its name.
        kind: Which builder made it.
        last: The layers whose features it has.
        sources: The layers that it came from; what is between is its own.
    """
    ends = (last,) if isinstance(last, Layer) else tuple(last)
    known = {id(layer) for layer in walk_back(sources)}
    inner = [layer for layer in walk_back(ends) if id(layer) not in known]
    return Layer(
        name,
        tuple(id for layer in ends for id in layer.ids),
        ends[0].grid,
        tuple(sources),
        tuple(node for layer in inner for node in layer.nodes),
        tuple(synapse for layer in inner for synapse in layer.synapses),
        kind,
    )
