"""Inputs, and layers in which each position stays by itself: dense, embedding, sums, products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..network.elements import Input, Interneuron, Neuron, Synapse
from ..network.field import NOWHERE, Field, GridLike, as_grid, count_positions
from ..network.function_names import AnyActivation, AnyCombination
from ..support.errors import NetworkError
from ..support.hints import explains_arguments
from ..support.scalars import as_whole_number
from ..support.text import quote
from .layer import Layer, as_layer, check_features, check_grids, choose_name, show_layer
from .parts import interneurons, neurons


@explains_arguments
def inputs(features: int, positions: GridLike = (), name: str = "x") -> Layer:
    """Return a layer of inputs, called x0, x1, ….

    Args:
        features: How many there are.
        positions: The grid of positions at which they live, such as (28, 28); (): one position.
        name: Their name.

    Raises:
        NetworkError: The grid is no grid, or the name no text.
        InputError: `features` is no whole number from 1 on.
    """
    n = as_whole_number("inputs: features", features, 1)
    grid = () if isinstance(positions, tuple) and not positions else as_grid("inputs", positions)
    name = choose_name("x", name)
    ids = tuple(f"{name}{k}" for k in range(n))
    return Layer(name, ids, grid, (), tuple(Input(id, grid) for id in ids), (), "inputs")


@explains_arguments
def dense(
    x: Layer,
    features: int,
    activation: AnyActivation = "identity",
    *,
    bias: bool = True,
    name: str | None = None,
) -> Layer:
    """Return a layer in which each neuron hears all features of another one, where it lives.

    At several positions its weights are the same at each: over tokens this is a "linear" layer,
    over pixels a convolution of 1 × 1.

    Args:
        x: The other layer.
        features: How many neurons there are.
        activation: Their activation function.
        bias: Whether they have a bias. If not, it is 0 and frozen.
        name: The name of the layer. None: dense1, dense2, ….

    Raises:
        NetworkError: x is no layer.
        InputError: `features` is no whole number from 1 on.
    """
    n = as_whole_number("dense: features", features, 1)
    name = choose_name("dense", name, as_layer("dense", x))
    hears = [[(id, None) for id in x.ids]] * n
    return neurons(name, [x], hears, activation, bias=0.0 if bias else None, kind="dense")


@explains_arguments
def embedding(x: Layer, features: int, *, name: str | None = None) -> Layer:
    """Return the embedding of one-hot inputs: a dense layer without biases.

    A token is one input for each word of the vocabulary: 1 for its word, 0 for all others. So the
    weight of a synapse from a word to a feature is the word's number in that feature.

    Args:
        x: The words: one feature for each, 1 or 0.
        features: How many numbers a word has.
        name: The name of the layer. None: embedding1, embedding2, ….

    Raises:
        NetworkError: x is no layer.
        InputError: `features` is no whole number from 1 on.
    """
    n = as_whole_number("embedding: features", features, 1)
    name = choose_name("embedding", name, as_layer("embedding", x))
    hears = [[(id, None) for id in x.ids]] * n
    return neurons(name, [x], hears, bias=None, kind="embedding")


@explains_arguments
def positions(x: Layer, *, name: str | None = None) -> Layer:
    """Return one feature for each position of a layer: 1 there, 0 at all others.

    What hears them knows where it is. Beside words they make an embedding of words and positions:
    `embedding(concatenate(x, positions(x)), 8)`.

    A neuron says 0 everywhere. The k-th interneuron multiplies what it hears of it: everywhere but
    at position k, where it hears nothing, and the product of nothing is 1.

    Args:
        x: The layer.
        name: The name of the new one. None: positions1, ….

    Raises:
        NetworkError: x is no layer, or lives at one position.
    """
    name = choose_name("positions", name, as_layer("positions", x))
    n = count_positions(x.grid)
    if n == 1:
        raise NetworkError(f"positions: there is one position alone, got {show_layer(x)}")
    zero = f"{name}.zero"
    here = np.arange(n)
    fields = [
        Field(x.grid, x.grid, np.where(here == k, NOWHERE, here), f"all but {k}") for k in range(n)
    ]
    ids = tuple(f"{name}.{k}" for k in range(n))
    return Layer(
        name,
        ids,
        x.grid,
        (x,),
        (
            Neuron(zero, frozen=True),
            *(Interneuron(id, "product", at) for id, at in zip(ids, fields, strict=True)),
        ),
        (Synapse(x.ids[0], zero, 0.0, frozen=True), *(Synapse(zero, id) for id in ids)),
        "positions",
    )


@explains_arguments
def concatenate(*layers: Layer) -> Layer:
    """Return a layer that has the features of several, one after the other. It adds no neuron.

    Args:
        layers: The layers, which live at the same positions.

    Raises:
        NetworkError: They do not, or there are none.
    """
    _some("concatenate", layers)
    check_grids("concatenate", *layers)
    ids = tuple(id for layer in layers for id in layer.ids)
    if len(set(ids)) < len(ids):
        twice = next(id for k, id in enumerate(ids) if id in ids[:k])
        raise NetworkError(
            f"concatenate: the feature {quote(twice)} occurs twice in "
            f"{', '.join(map(str, layers))}: write name='another name' in one of them"
        )
    return Layer(" and ".join(layer.name for layer in layers), ids, layers[0].grid, layers)


@explains_arguments
def add(*layers: Layer, name: str | None = None) -> Layer:
    """Return the sum of layers, feature by feature.

    Args:
        layers: The layers, with as many features at the same positions.
        name: The name of the sum. None: add1, add2, ….

    Raises:
        NetworkError: They differ, or there are none.
    """
    _some("add", layers)
    check_features("add", *layers)
    name = choose_name("add", name, *layers)
    hears = list(zip(*(layer.ids for layer in layers), strict=True))
    return interneurons(name, "sum", layers, hears, kind="add")


@explains_arguments
def residual(
    x: Layer, branch: Layer | Callable[[Layer], Layer], *, name: str | None = None
) -> Layer:
    """Return x plus what a branch makes of it (He et al. 2016).

    Args:
        x: The layer.
        branch: A layer, or what makes it from x, as `lambda h: na.layers.dense(h, 8)`. It has as
            many features as x.
        name: The name of the sum. None: residual1, residual2, ….

    Raises:
        NetworkError: The branch has other features, or lives at other positions.
    """
    as_layer("residual", x)
    if not isinstance(branch, Layer) and callable(branch):
        branch = branch(x)
    other = as_layer("residual", branch)
    check_features("residual", x, other)
    name = choose_name("residual", name, x, other)
    hears = list(zip(x.ids, other.ids, strict=True))
    return interneurons(name, "sum", [x, other], hears, kind="residual")


@explains_arguments
def multiply(x: Layer, gate: Layer, *, name: str | None = None) -> Layer:
    """Return the products of two layers, feature by feature: a gate.

    Args:
        x: The layer.
        gate: Another one, with as many features, or with one, which then goes to all.
        name: The name of the product. None: multiply1, multiply2, ….

    Raises:
        NetworkError: They do not fit.
    """
    as_layer("multiply", x)
    as_layer("multiply", gate)
    check_grids("multiply", x, gate)
    if len(gate) != 1:
        check_features("multiply", x, gate)
    name = choose_name("multiply", name, x, gate)
    gates = gate.ids * len(x) if len(gate) == 1 else gate.ids
    hears = list(zip(x.ids, gates, strict=True))
    return interneurons(name, "product", [x, gate], hears, kind="multiply")


@explains_arguments
def combine(
    x: Layer, combination: AnyCombination, field: Field | None = None, *, name: str | None = None
) -> Layer:
    """Return a layer in which an interneuron hears each feature, perhaps at other positions.

    Args:
        x: The layer.
        combination: How what is heard of a feature is combined, as "sum" or "max".
        field: Which positions are heard at each; see `na.field`. None: the same one.
        name: The name of the layer. None: combine1, combine2, ….

    Raises:
        NetworkError: The field is no field, or not one of x's positions.
    """
    name = choose_name("combine", name, as_layer("combine", x))
    if field is not None and not isinstance(field, Field):
        problem = f"field must be a field, such as na.field.window(…), got {quote(field)}"
        raise NetworkError(f"combine: {problem}")
    if field is not None and field.sources != x.grid:
        raise NetworkError(f"combine: {field!r} does not hear the positions of {show_layer(x)}")
    return interneurons(name, combination, [x], [[id] for id in x.ids], field, kind="combine")


def _some(what: str, layers: tuple[Layer, ...]) -> None:
    if not layers:
        raise NetworkError(f"{what}: expected layers, got none")
    for layer in layers:
        as_layer(what, layer)
