"""What layers came from, collected: as a network, or as one layer."""

from __future__ import annotations

from collections.abc import Sequence

from ..network.network import Network
from ..support.errors import NetworkError
from ..support.text import quote
from .builder import builder
from .layer import Layer, as_layer, walk_back


@builder
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
        raise NetworkError("expected a layer, such as na.layers.dense(x, 1)")
    layers = walk_back([as_layer(layer) for layer in outputs])
    named: dict[str, Layer] = {}
    for layer in layers:
        if layer.nodes and named.setdefault(layer.name, layer) is not layer:
            advice = "write name='another name' in one of them"
            if layer.kind in ("add", "multiply"):
                advice = f"write na.layers.{layer.kind}(…, name='another name') for one of them"
            advice += f"; the second is {layer}"
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
