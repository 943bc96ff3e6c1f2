"""What builders are made of: a row of neurons. A row of interneurons is in `layer.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..network.elements import Neuron, Synapse
from ..network.function_names import AnyActivation
from ..network.graph_checks import check_activations
from .layer import Layer, make_ids

Weight = float | None


def neurons(
    name: str,
    sources: Sequence[Layer],
    hears: Sequence[Sequence[tuple[str, Weight]]],
    activation: AnyActivation = "identity",
    *,
    bias: float | Sequence[float] | None = 0.0,
    frozen: bool = False,
    learns: bool = False,
    kind: str = "",
    label: Callable[[int], str] | None = None,
) -> Layer:
    """Return a layer of neurons.

    Args:
        name: Its name.
        sources: The layers that they hear; all live at the same positions.
        hears: For each neuron the ids that it hears, with the weight of each. None: it is drawn.
        activation: Their activation function.
        bias: Their bias at the beginning, or that of each. None: it is 0, and stays 0.
        frozen: Whether nothing in them learns.
        learns: Whether weights that are given learn too. Otherwise only those that are drawn do.
        kind: Which builder made it.
        label: Makes the id of the k-th neuron. None: the name, a point, k.

    Raises:
        NetworkError: The activation function is unknown.
    """
    ids = make_ids(name, len(hears), label)
    check_activations(ids, [activation] * len(ids))
    biases = bias if isinstance(bias, Sequence) else [bias or 0.0] * len(ids)
    fixed = frozen or bias is None
    return Layer(
        name,
        ids,
        sources[0].grid,
        tuple(sources),
        tuple(Neuron(id, activation, b, fixed) for id, b in zip(ids, biases, strict=True)),
        tuple(
            Synapse(source, id, weight, frozen or (weight is not None and not learns))
            for id, ends in zip(ids, hears, strict=True)
            for source, weight in ends
        ),
        kind,
    )


def numbered(name: str) -> Callable[[int], str]:
    """Return a label: the name, and the number behind it."""
    return lambda k: f"{name}{k}"


def only(name: str) -> Callable[[int], str]:
    """Return a label: the name itself, for a layer of one."""
    return lambda k: name
