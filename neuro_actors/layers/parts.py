"""What builders are made of: a row of neurons, a row of interneurons."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..network.elements import Interneuron, Neuron, Synapse
from ..network.field import Field
from ..network.function_names import AnyActivation, AnyCombination
from ..support.errors import NetworkError
from ..support.text import quote
from .layer import Layer

Weight = float | None


def neurons(
    name: str,
    sources: Sequence[Layer],
    hears: Sequence[Sequence[tuple[str, Weight]]],
    activation: AnyActivation = "identity",
    *,
    bias: float | None = 0.0,
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
        bias: Their bias at the beginning. None: it is 0, and stays 0.
        frozen: Whether nothing in them learns.
        learns: Whether weights that are given learn too. Otherwise only those that are drawn do.
        kind: Which builder made it.
        label: Makes the id of the k-th neuron. None: the name, a point, k.
    """
    ids = _ids(name, len(hears), label)
    fixed = frozen or bias is None
    return Layer(
        name,
        ids,
        sources[0].grid,
        tuple(sources),
        tuple(Neuron(id, activation, bias or 0.0, fixed) for id in ids),
        tuple(
            Synapse(source, id, weight, frozen or (weight is not None and not learns))
            for id, ends in zip(ids, hears, strict=True)
            for source, weight in ends
        ),
        kind,
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
        NetworkError: An interneuron would hear one id twice.
    """
    for ends in hears:
        if len(set(ends)) < len(ends):
            twice = next(id for k, id in enumerate(ends) if id in ends[:k])
            advice = "let one of the two be a copy, such as na.layers.combine(x, 'sum')"
            raise NetworkError(f"{name}: {quote(twice)} meets itself: {advice}")
    ids = _ids(name, len(hears), label)
    fields = [field] * len(ids) if field is None or isinstance(field, Field) else list(field)
    grid = sources[0].grid if fields[0] is None else fields[0].grid
    return Layer(
        name,
        ids,
        grid,
        tuple(sources),
        tuple(
            Interneuron(id, combination, its_field)
            for id, its_field in zip(ids, fields, strict=True)
        ),
        tuple(Synapse(source, id) for id, ends in zip(ids, hears, strict=True) for source in ends),
        kind,
    )


def numbered(name: str) -> Callable[[int], str]:
    """Return a label: the name, and the number behind it."""
    return lambda k: f"{name}{k}"


def only(name: str) -> Callable[[int], str]:
    """Return a label: the name itself, for a layer of one."""
    return lambda k: name


def _ids(name: str, n: int, label: Callable[[int], str] | None) -> tuple[str, ...]:
    return tuple(f"{name}.{k}" if label is None else label(k) for k in range(n))
