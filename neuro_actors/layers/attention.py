"""Attention: each query hears the values of all keys, each as much as it matches the query.

It lives at pairs of positions (query, key). In one head, with d numbers for each query and key:

    query3, key3, value3     of each position
    query3 of pairs          the query of each pair, and so on: interneurons with a field
    match3                   query3 · key3
    score                    Σ match_i / √d
    total                    ln Σ e^score, over the pairs of each query
    weight                   e^(score - total): a softmax that cannot overflow
    heard3                   weight · value3
    3                        Σ heard3, over the pairs of each query

With `causal` there are no pairs whose key is behind the query: no mask is needed. Scores, totals
and weights are frozen. What learns are the four dense layers: query, key, value and the last.
"""

from __future__ import annotations

from ..network import field
from ..network.field import Field
from ..support.errors import NetworkError
from ..support.scalars import as_whole_number
from ..support.validation import as_flag
from .builder import builder
from .collect import join
from .dense import dense
from .dropout import as_rate
from .dropout import dropout as drop
from .layer import Layer, as_layer, choose_name, interneurons, show_layer
from .parts import neurons, numbered, only


@builder
def attention(
    x: Layer,
    heads: int = 1,
    *,
    causal: bool = False,
    source: Layer | None = None,
    dropout: float = 0.0,
    name: str | None = None,
) -> Layer:
    """Return attention with several heads, as PyTorch's `MultiheadAttention`.

    Args:
        x: The layer of the queries, at a grid of one axis: of tokens.
        heads: How many heads there are. Each has its share of the features.
        causal: Whether a query hears no later key.
        source: The layer of the keys and values. None: x.
        dropout: The share of the weights that a step with a loss leaves out.
        name: The name of the layer. None: attention1, ….

    Raises:
        NetworkError: A layer does not live at one axis, or heads do not divide the features.
        InputError: A number is not as it must be.
    """
    keys = x if source is None else source
    n = check_heads(heads, x, keys)
    causal = as_flag("causal", causal)
    if causal and keys.grid != x.grid:
        raise NetworkError(
            f"causal: expected one key for each query, got {show_layer(x)}, and {show_layer(keys)}"
        )
    dropout = as_rate("dropout", dropout)
    name = choose_name("attention", name, x, keys)
    last = attend(name, name, x, keys, n, causal, dropout)
    return join(name, "attention", last, [x] if keys is x else [x, keys])


def check_heads(heads: int, *layers: Layer) -> int:
    """Check that attention is possible between layers.

    Args:
        heads: How many heads there are.
        layers: The layer of the queries, then others.

    Returns:
        The number of heads.

    Raises:
        NetworkError: A layer is none, or does not live at one axis; or heads do not divide the
            features.
        InputError: `heads` is no whole number from 1 on.
    """
    n = as_whole_number("heads", heads, 1)
    for layer in layers:
        if len(as_layer(layer).grid) != 1:
            advice = "attention is between positions along one axis, as tokens are"
            raise NetworkError(f"{advice}, but there is {show_layer(layer)}")
    if len(layers[0]) % n:
        raise NetworkError(f"{n} heads must divide the features of {show_layer(layers[0])}")
    return n


def attend(
    name: str, out: str, x: Layer, keys: Layer, heads: int, causal: bool, dropout: float
) -> Layer:
    """Return attention whose arguments have been checked; see `attention`.

    Args:
        name: What the names of the heads begin with.
        out: The name of the layer behind the heads.
        x: The layer of the queries.
        keys: The layer of the keys and values.
        heads: How many heads there are.
        causal: Whether a query hears no later key.
        dropout: The share of the weights that is left out.
    """
    size = len(x) // heads
    fields = field.pairs(x.grid[0], keys.grid[0], causal)
    found = [_head(f"{name}.head{k}", x, keys, size, fields, dropout) for k in range(heads)]
    return dense(join(f"{name}.heads", "", found, [x, keys]), len(x), name=out)


def _head(
    name: str, x: Layer, keys: Layer, size: int, fields: tuple[Field, Field], dropout: float
) -> Layer:
    by_query, by_key = fields
    back = by_query.transpose(f"pairs of {by_query.name}")
    query, key, value = (
        neurons(
            f"{name}.{what}", [layer], [[(id, None) for id in layer.ids]] * size,
            label=numbered(f"{name}.{what}"),
        )
        for what, layer in (("query", x), ("key", keys), ("value", keys))
    )  # fmt: skip
    queries, its_keys, values = (
        _of_pairs(layer, at) for layer, at in ((query, by_query), (key, by_key), (value, by_key))
    )
    match = interneurons(
        f"{name}.match", "product", [queries, its_keys],
        list(zip(queries.ids, its_keys.ids, strict=True)), label=numbered(f"{name}.match"),
    )  # fmt: skip
    score = neurons(
        f"{name}.score", [match], [[(id, size**-0.5) for id in match.ids]], bias=None,
        label=only(f"{name}.score"),
    )  # fmt: skip
    total = interneurons(
        f"{name}.total", "logsumexp", [score], [score.ids], back, label=only(f"{name}.total")
    )
    totals = _of_pairs(total, by_query)
    weight = neurons(
        f"{name}.weight", [score, totals], [[(score.ids[0], 1.0), (totals.ids[0], -1.0)]], "exp",
        bias=None, label=only(f"{name}.weight"),
    )  # fmt: skip
    if dropout:
        weight = drop(weight, dropout, name=f"{name}.weight left")
    parts = interneurons(
        f"{name}.heard", "product", [weight, values], [[weight.ids[0], id] for id in values.ids],
        label=numbered(f"{name}.heard"),
    )  # fmt: skip
    return interneurons(name, "sum", [parts], [[id] for id in parts.ids], back)


def _of_pairs(layer: Layer, at: Field) -> Layer:
    return interneurons(
        f"{layer.name} of pairs", "sum", [layer], [[id] for id in layer.ids], at,
        label=lambda k: f"{layer.ids[k]} of pairs",
    )  # fmt: skip
