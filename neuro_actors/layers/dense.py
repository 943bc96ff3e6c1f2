"""Inputs, and layers in which each position stays by itself: dense, embedding, residual, scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..network.elements import Input, Interneuron, Neuron, Synapse
from ..network.field import NOWHERE, Field, GridLike, as_grid, count_positions
from ..network.function_names import AnyActivation, AnyCombination
from ..support.errors import NetworkError
from ..support.scalars import as_number, as_whole_number, got
from ..support.text import quote
from ..support.validation import as_flag
from .builder import builder
from .layer import (
    Layer,
    as_layer,
    check_features,
    check_grids,
    choose_name,
    interneurons,
    show_layer,
)
from .parts import neurons


@builder
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
    n = as_whole_number("features", features, 1)
    grid = () if isinstance(positions, tuple) and not positions else as_grid("positions", positions)
    name = choose_name("x", name)
    ids = tuple(f"{name}{k}" for k in range(n))
    return Layer(name, ids, grid, (), tuple(Input(id, grid) for id in ids), (), "inputs")


@builder
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
    n = as_whole_number("features", features, 1)
    name = choose_name("dense", name, as_layer(x))
    hears = [[(id, None) for id in x.ids]] * n
    start = 0.0 if as_flag("bias", bias) else None
    return neurons(name, [x], hears, activation, bias=start, kind="dense")


@builder
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
    n = as_whole_number("features", features, 1)
    name = choose_name("embedding", name, as_layer(x))
    hears = [[(id, None) for id in x.ids]] * n
    return neurons(name, [x], hears, bias=None, kind="embedding")


@builder
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
    name = choose_name("positions", name, as_layer(x))
    n = count_positions(x.grid)
    if n == 1:
        raise NetworkError(f"there is one position alone, got {show_layer(x)}")
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


@builder
def concatenate(*layers: Layer) -> Layer:
    """Return a layer that has the features of several, one after the other. It adds no neuron.

    Args:
        layers: The layers, which live at the same positions.

    Raises:
        NetworkError: They do not, or there are none.
    """
    if not layers:
        raise NetworkError("expected layers, got none")
    check_grids(*layers)
    ids = tuple(id for layer in layers for id in layer.ids)
    if len(set(ids)) < len(ids):
        twice = next(id for k, id in enumerate(ids) if id in ids[:k])
        raise NetworkError(
            f"the feature {quote(twice)} occurs twice in "
            f"{', '.join(map(str, layers))}: write name='another name' in one of them"
        )
    return Layer(" and ".join(layer.name for layer in layers), ids, layers[0].grid, layers)


@builder
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
    as_layer(x)
    if not isinstance(branch, Layer) and callable(branch):
        branch = branch(x)
    other = as_layer(branch)
    check_features(x, other)
    name = choose_name("residual", name, x, other)
    hears = list(zip(x.ids, other.ids, strict=True))
    return interneurons(name, "sum", [x, other], hears, kind="residual")


@builder
def scale(
    x: Layer,
    factor: float | Sequence[float] = 1.0,
    plus: float | Sequence[float] = 0.0,
    *,
    name: str | None = None,
) -> Layer:
    """Return each feature times a number plus a number, which do not learn: 1 - h, say.

    Each feature has a frozen neuron, whose weight and bias they are.

    Args:
        x: The layer.
        factor: The factor, or one for each feature.
        plus: What is added, or a number for each feature.
        name: The name of the layer. None: scale1, ….

    Raises:
        NetworkError: x is no layer, or there are other numbers than one or one for each feature.
    """
    name = choose_name("scale", name, as_layer(x))
    factors, summands = _numbers("factor", x, factor), _numbers("plus", x, plus)
    hears = [[(id, number)] for id, number in zip(x.ids, factors, strict=True)]
    return neurons(name, [x], hears, bias=summands, frozen=True, kind="scale")


@builder
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
    name = choose_name("combine", name, as_layer(x))
    if field is not None and not isinstance(field, Field):
        problem = f"field must be a field, such as na.field.window(…), got {quote(field)}"
        raise NetworkError(problem)
    if field is not None and field.sources != x.grid:
        raise NetworkError(f"{field!r} does not hear the positions of {show_layer(x)}")
    return interneurons(name, combination, [x], [[id] for id in x.ids], field, kind="combine")


def _numbers(what: str, x: Layer, given: float | Sequence[float]) -> list[float]:
    is_list = isinstance(given, (Sequence, np.ndarray)) and not isinstance(given, str)
    numbers: list[object] = [*given] if is_list else [given] * len(x)  # type: ignore[misc]
    if len(numbers) != len(x):
        problem = f"expected a number, or one for each feature of {show_layer(x)}"
        raise NetworkError(f"{what}: {problem}; got {len(numbers)}")
    for one in numbers:
        if not math.isfinite(as_number(one)):
            raise NetworkError(f"{what} must be a number, or one for each feature, got {got(one)}")
    return [as_number(one) for one in numbers]
