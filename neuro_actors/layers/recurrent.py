"""Recurrent layers: what they hear of themselves is what they said one tick before.

Each feature has a delay, called "… before". A network with one of these layers lives under
`na.rules.ThroughTime`, and its data are (batch, ticks, *positions, features).

PyTorch's layers have two biases for each gate, which are added. A neuron has one. It starts at
their sum and has the gradient of each; with both of them learning, PyTorch's sum goes twice as far
in a step of SGD. There they run forward in time alone, and so do these: a second direction would
have to begin at the last tick, and a society hears one tick after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..network.elements import Delay
from ..network.function_names import AnyActivation
from ..support.scalars import as_whole_number
from .layer import Layer, as_layer, choose_name, join
from .parts import Weight, interneurons, neurons, numbered


def rnn(
    x: Layer, features: int, activation: AnyActivation = "tanh", *, name: str | None = None
) -> Layer:
    """Return a layer of neurons that also hear what all of them said before (Elman 1990).

    As PyTorch's `RNN`: h = tanh(W x + U h_before + b).

    Args:
        x: A layer.
        features: How many neurons there are.
        activation: Their activation function.
        name: The name of the layer. None: rnn1, rnn2, ….

    Raises:
        NetworkError: x is no layer.
        InputError: `features` is no whole number from 1 on.
    """
    n = as_whole_number("rnn: features", features, 1)
    name = choose_name("rnn", name, as_layer("rnn", x))
    before = _delays(name, n, x)
    last = neurons(name, [x, before], _all(x, before, n), activation)
    return join(name, "rnn", last, [x])


def gru(x: Layer, features: int, *, name: str | None = None) -> Layer:
    """Return gated recurrent units (Cho et al. 2014), in PyTorch's form.

        reset  r = σ(W x + U h_before + b)
        update z = σ(W x + U h_before + b)
        new    n = tanh(W x + b + r · (U h_before + b'))
        h = n + z · (h_before - n)

    Args:
        x: A layer.
        features: How many units there are.
        name: The name of the layer. None: gru1, gru2, ….

    Raises:
        NetworkError: x is no layer.
        InputError: `features` is no whole number from 1 on.
    """
    n = as_whole_number("gru: features", features, 1)
    name = choose_name("gru", name, as_layer("gru", x))
    before = _delays(name, n, x)
    reset, update = (
        neurons(f"{name}.{gate}", [x, before], _all(x, before, n), "sigmoid",
                label=numbered(f"{name}.{gate}"))
        for gate in ("reset", "update")
    )  # fmt: skip
    past = neurons(
        f"{name}.past", [before], [[(id, None) for id in before.ids]] * n,
        label=numbered(f"{name}.past"),
    )  # fmt: skip
    left = _products(f"{name}.left", reset, past)
    hears = [[*((id, None) for id in x.ids), (left.ids[k], 1.0)] for k in range(n)]
    new = neurons(f"{name}.new", [x, left], hears, "tanh", label=numbered(f"{name}.new"))
    change = neurons(
        f"{name}.change", [before, new],
        [[(b, 1.0), (h, -1.0)] for b, h in zip(before.ids, new.ids, strict=True)], bias=None,
        label=numbered(f"{name}.change"),
    )  # fmt: skip
    keep = _products(f"{name}.keep", update, change)
    last = interneurons(name, "sum", [new, keep], list(zip(new.ids, keep.ids, strict=True)))
    return join(name, "gru", last, [x])


def lstm(x: Layer, features: int, *, name: str | None = None) -> Layer:
    """Return units with a long short-term memory (Hochreiter, Schmidhuber 1997; Gers et al. 2000).

    As PyTorch's `LSTM`:

        input i, forget f, output o = σ(W x + U h_before + b) each
        cell g = tanh(W x + U h_before + b)
        memory c = f · c_before + i · g
        h = o · tanh(c)

    Args:
        x: A layer.
        features: How many units there are.
        name: The name of the layer. None: lstm1, lstm2, ….

    Raises:
        NetworkError: x is no layer.
        InputError: `features` is no whole number from 1 on.
    """
    n = as_whole_number("lstm: features", features, 1)
    name = choose_name("lstm", name, as_layer("lstm", x))
    before = _delays(name, n, x)
    gates = {
        gate: neurons(
            f"{name}.{gate}", [x, before], _all(x, before, n), f, label=numbered(f"{name}.{gate}")
        )
        for gate, f in (
            ("input", "sigmoid"), ("forget", "sigmoid"), ("cell", "tanh"), ("output", "sigmoid")
        )
    }  # fmt: skip
    memory_ids = [f"{name}.memory{k}" for k in range(n)]
    memory_before = Layer(
        f"{name}.memory before", tuple(f"{id} before" for id in memory_ids), x.grid, (x,),
        tuple(Delay(f"{id} before", id) for id in memory_ids),
    )  # fmt: skip
    left = _products(f"{name}.left", gates["forget"], memory_before)
    added = _products(f"{name}.added", gates["input"], gates["cell"])
    memory = interneurons(
        f"{name}.memory", "sum", [left, added], list(zip(left.ids, added.ids, strict=True)),
        label=memory_ids.__getitem__,
    )  # fmt: skip
    said = neurons(
        f"{name}.said", [memory], [[(id, 1.0)] for id in memory.ids], "tanh", bias=None,
        label=numbered(f"{name}.said"),
    )  # fmt: skip
    hears = list(zip(gates["output"].ids, said.ids, strict=True))
    last = interneurons(name, "product", [gates["output"], said], hears)
    return join(name, "lstm", last, [x])


def _delays(name: str, n: int, x: Layer) -> Layer:
    ids = [f"{name}.{k}" for k in range(n)]
    nodes = tuple(Delay(f"{id} before", id) for id in ids)
    return Layer(f"{name} before", tuple(node.id for node in nodes), x.grid, (x,), nodes)


def _all(x: Layer, before: Layer, n: int) -> Sequence[Sequence[tuple[str, Weight]]]:
    return [[(id, None) for id in (*x.ids, *before.ids)]] * n


def _products(name: str, one: Layer, other: Layer) -> Layer:
    hears = list(zip(one.ids, other.ids, strict=True))
    return interneurons(name, "product", [one, other], hears, label=numbered(name))
