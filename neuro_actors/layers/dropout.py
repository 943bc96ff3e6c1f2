"""Dropout: in each step that has a loss, some of what a layer says is left out."""

from __future__ import annotations

from ..network.dropout import show_dropout
from ..support.errors import NetworkError
from ..support.scalars import as_number, as_whole_number, got
from .builder import builder
from .layer import Layer, as_layer, choose_name, interneurons


@builder
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
    name = choose_name("dropout", name, as_layer(x))
    known = show_dropout(as_rate("rate", rate), as_whole_number("seed", seed, 0))
    return interneurons(name, known, [x], [[id] for id in x.ids], kind="dropout")


def as_rate(what: str, rate: float) -> float:
    """Convert the share that a layer leaves out; 0 leaves out nothing.

    Args:
        what: What it is, for the text of an error.
        rate: The share, from 0 on and below 1.

    Raises:
        NetworkError: It is no such number.
    """
    if not 0.0 <= as_number(rate) < 1.0:
        raise NetworkError(f"{what} must be a number from 0 on and below 1, got {got(rate)}")
    return as_number(rate)
