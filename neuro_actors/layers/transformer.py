"""A block of a transformer (Vaswani et al. 2017): attention and two dense layers, both residual."""

from __future__ import annotations

from collections.abc import Callable

from ..network.function_names import AnyActivation
from ..network.graph_checks import check_activations
from ..support.scalars import as_whole_number
from ..support.validation import as_flag
from .attention import attend, check_heads
from .builder import builder
from .collect import join
from .dense import dense, residual
from .dropout import as_rate
from .dropout import dropout as drop
from .layer import Layer, as_layer, choose_name
from .normalization import layer_norm


@builder
def transformer_block(
    x: Layer,
    heads: int,
    hidden: int,
    activation: AnyActivation = "relu",
    *,
    causal: bool = False,
    norm_first: bool = True,
    dropout: float = 0.0,
    name: str | None = None,
) -> Layer:
    """Return a block of a transformer, as PyTorch's `TransformerEncoderLayer`.

        norm first     x = x + attention(norm1(x));  x = x + out(hidden(norm2(x)))
        norm last      x = norm1(x + attention(x));  x = norm2(x + out(hidden(x)))

    Args:
        x: A layer at a grid of one axis: of tokens.
        heads: How many heads the attention has.
        hidden: How many neurons the hidden layer has.
        activation: Their activation function, "relu" or "gelu" for PyTorch's.
        causal: Whether a token hears no later one.
        norm_first: Whether branches begin with the norm, or sums end with it (PyTorch's default).
        dropout: The share that dropout leaves out: of the attention's weights, of the hidden
            neurons, and of what each branch says.
        name: The name of the block. None: block1, block2, ….

    Raises:
        NetworkError: x does not live at one axis, or heads do not divide its features.
        InputError: A number is not as it must be.
    """
    name = choose_name("block", name, as_layer(x))
    n = as_whole_number("hidden", hidden, 1)
    heads = check_heads(heads, x)
    causal, norm_first = as_flag("causal", causal), as_flag("norm_first", norm_first)
    check_activations([f"{name}.hidden.0"], [activation])
    dropout = as_rate("dropout", dropout)

    def left(h: Layer, what: str) -> Layer:
        return drop(h, dropout, name=f"{name}.{what} left") if dropout else h

    def hear(h: Layer) -> Layer:
        found = attend(name, f"{name}.attended", h, h, heads, causal, dropout)
        return left(found, "attended")

    def think(h: Layer) -> Layer:
        hidden = left(dense(h, n, activation, name=f"{name}.hidden"), "hidden")
        return left(dense(hidden, len(x), name=f"{name}.out"), "out")

    h = _sub_block(f"{name}.", 1, x, hear, norm_first)
    return join(name, "block", _sub_block(f"{name}.", 2, h, think, norm_first), [x])


def _sub_block(
    name: str, k: int, x: Layer, branch: Callable[[Layer], Layer], norm_first: bool
) -> Layer:
    norm = f"{name}norm{k}"
    if norm_first:
        return residual(x, branch(layer_norm(x, name=norm)), name=f"{name}sum{k}")
    return layer_norm(residual(x, branch(x), name=f"{name}sum{k}"), name=norm)
