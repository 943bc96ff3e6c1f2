"""Dropout: in each step that has a loss, some of what a layer says is left out."""

from __future__ import annotations

from ..network.dropout import show_dropout
from ..support.hints import explains_arguments
from .layer import Layer, as_layer, choose_name
from .parts import interneurons


@explains_arguments
def dropout(x: Layer, rate: float, *, seed: int = 0, name: str | None = None) -> Layer:
    """Return a layer that says 0 in place of some of what it hears (Srivastava et al. 2014).

    What it leaves, it multiplies by 1 / (1 - rate). In predictions it leaves out nothing. See
    `network/dropout.py`.

    Args:
        x: A layer.
        rate: The share that is left out, from 0 on and below 1.
        seed: The seed of what is left out. Each interneuron draws by itself, in each step anew.
        name: The name of the layer. None: dropout1, ….

    Raises:
        NetworkError: x is no layer, or `rate` no such number.
        InputError: `seed` is no whole number from 0 on.
    """
    name = choose_name("dropout", name, as_layer("dropout", x))
    known = show_dropout(rate, seed)
    return interneurons(name, known, [x], [[id] for id in x.ids], kind="dropout")
