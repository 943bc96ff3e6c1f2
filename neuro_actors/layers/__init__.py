"""Layers by name, which compose into a network: `import neuro_actors as na; na.layers.…`.

    x = na.layers.inputs(1, positions=(12, 12))
    h = na.layers.conv2d(x, 4, kernel=3, activation="relu", name="conv1")
    h = na.layers.max_pool(h, 2)
    y = na.layers.dense(na.layers.flatten(h), 10, name="y")
    net = na.layers.network(y, seed=0)

Each builder takes layers and returns a new one; so do `h + x` and `h * gate`. A layer is a value,
and nothing is hidden in it: it has neurons, interneurons and synapses, with telling names
("block1.head0.query3"). Weights are drawn as the network draws them. A layer of your own is a
function of these.

Files:

    builder.py          what makes a function a builder: its errors begin with its name
    layer.py            `Layer`: what a layer is; add, multiply, and the interneurons of all
    collect.py          `network`: how a network is collected
    parts.py            a row of neurons
    dense.py            inputs, dense, embedding, positions, concatenate, residual, scale, combine
    convolution.py      conv2d, max_pool, mean_pool, flatten, at
    normalization.py    layer_norm, softmax
    dropout.py          dropout
    attention.py        attention
    recurrent.py        rnn, gru, lstm
    transformer.py      transformer_block
"""

import typing as _typing

from ..support.hints import missing_attribute as _missing_attribute
from .attention import attention
from .collect import network
from .convolution import at, conv2d, flatten, max_pool, mean_pool
from .dense import combine, concatenate, dense, embedding, inputs, positions, residual, scale
from .dropout import dropout
from .layer import Layer, add, multiply
from .normalization import layer_norm, softmax
from .recurrent import gru, lstm, rnn
from .transformer import transformer_block

__all__ = [
    "Layer",
    "add",
    "at",
    "attention",
    "combine",
    "concatenate",
    "conv2d",
    "dense",
    "dropout",
    "embedding",
    "flatten",
    "gru",
    "inputs",
    "layer_norm",
    "lstm",
    "max_pool",
    "mean_pool",
    "multiply",
    "network",
    "positions",
    "residual",
    "rnn",
    "scale",
    "softmax",
    "transformer_block",
]


if not _typing.TYPE_CHECKING:  # a type checker refuses unknown names by itself

    def __getattr__(name: str) -> object:
        problem = f"module {__name__!r} has no attribute {name!r}"
        raise _missing_attribute(__name__, name, problem, __all__)
