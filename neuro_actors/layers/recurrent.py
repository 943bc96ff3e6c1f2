"""Recurrent layers: what they hear of themselves is what they said one tick before.

Each feature has a delay, called "… before". A network with one of these layers lives under
`na.rules.ThroughTime`, and its data are (batch, ticks, *positions, features).

With `reverse=True` a layer goes from the last tick to the first one: its delays, called "… after",
hear what it says one tick later. Both directions together are two layers:

    na.layers.concatenate(na.layers.gru(x, 8), na.layers.gru(x, 8, reverse=True))

PyTorch's layers have two biases for each gate, which are added. A neuron has one. It starts at
their sum and has the gradient of each; with both of them learning, PyTorch's sum goes twice as far
in a step of SGD.
"""

from __future__ import annotations

from ..network.elements import Delay
from ..network.function_names import AnyActivation
from ..support.scalars import as_whole_number
from ..support.validation import as_flag
from .builder import builder
from .collect import join
from .layer import Layer, as_layer, choose_name, interneurons
from .parts import Weight, neurons, numbered


@builder
def rnn(
    x: Layer,
    features: int,
    activation: AnyActivation = "tanh",
    *,
    name: str | None = None,
    reverse: bool = False,
) -> Layer:
    """Return a layer of neurons that also hear what all of them said before (Elman 1990).

    As PyTorch's `RNN`: h = tanh(W x + U h_before + b).

    Args:
        x: A layer.
        features: How many neurons there are.
        activation: Their activation function.
        name: The name of the layer. None: rnn1, rnn2, …, or reverse_rnn1, ….
        reverse: Whether it goes from the last tick to the first one.

    Raises:
        NetworkError: x is no layer.
        InputError: `features` is no whole number from 1 on, or `reverse` is no truth value.
    """
    units = _Units("rnn", x, features, name, reverse)
    before = units.before()
    return units.join(neurons(units.name, [x, before], units.hear_all(x, before), activation))


@builder
def gru(x: Layer, features: int, *, name: str | None = None, reverse: bool = False) -> Layer:
    """Return gated recurrent units (Cho et al. 2014), in PyTorch's form.

        reset  r = σ(W x + U h_before + b)
        update z = σ(W x + U h_before + b)
        new    n = tanh(W x + b + r · (U h_before + b'))
        h = n + z · (h_before - n)

    Args:
        x: A layer.
        features: How many units there are.
        name: The name of the layer. None: gru1, gru2, …, or reverse_gru1, ….
        reverse: Whether it goes from the last tick to the first one.

    Raises:
        NetworkError: x is no layer.
        InputError: `features` is no whole number from 1 on, or `reverse` is no truth value.
    """
    units = _Units("gru", x, features, name, reverse)
    before = units.before()
    reset = units.neurons("reset", [x, before], "sigmoid")
    update = units.neurons("update", [x, before], "sigmoid")
    left = units.products("left", reset, units.neurons("past", [before]))
    new = units.neurons("new", [x], "tanh", plus={left: 1.0})
    change = units.neurons("change", [], plus={before: 1.0, new: -1.0})
    return units.join(units.sums("", new, units.products("keep", update, change)))


@builder
def lstm(x: Layer, features: int, *, name: str | None = None, reverse: bool = False) -> Layer:
    """Return units with a long short-term memory (Hochreiter, Schmidhuber 1997; Gers et al. 2000).

    As PyTorch's `LSTM`:

        input i, forget f, output o = σ(W x + U h_before + b) each
        cell g = tanh(W x + U h_before + b)
        memory c = f · c_before + i · g
        h = o · tanh(c)

    Args:
        x: A layer.
        features: How many units there are.
        name: The name of the layer. None: lstm1, lstm2, …, or reverse_lstm1, ….
        reverse: Whether it goes from the last tick to the first one.

    Raises:
        NetworkError: x is no layer.
        InputError: `features` is no whole number from 1 on, or `reverse` is no truth value.
    """
    units = _Units("lstm", x, features, name, reverse)
    sources = [x, units.before()]
    entry, forget = (units.neurons(gate, sources, "sigmoid") for gate in ("input", "forget"))
    cell = units.neurons("cell", sources, "tanh")
    output = units.neurons("output", sources, "sigmoid")
    left = units.products("left", forget, units.before("memory"))
    memory = units.sums("memory", left, units.products("added", entry, cell))
    said = units.neurons("said", [], "tanh", plus={memory: 1.0})
    return units.join(units.products("", output, said))


class _Units:
    """The units of a recurrent layer while it is made: rows of parts, one part of each unit.

    A part is called by a word, such as "reset" in "gru1.reset0"; the last one has none.
    """

    def __init__(self, kind: str, x: Layer, features: int, name: str | None, reverse: bool) -> None:
        self.x = as_layer(x)
        self.n = as_whole_number("features", features, 1)
        self.reverse = as_flag("reverse", reverse)
        self.kind = f"reverse_{kind}" if reverse else kind
        self.name = choose_name(self.kind, name, x)

    def before(self, part: str = "") -> Layer:
        """Return what the units' parts said one tick before; after, if time is reversed."""
        when, ticks = ("after", -1) if self.reverse else ("before", 1)
        of = self._ids(part)
        nodes = tuple(Delay(f"{id} {when}", id, ticks) for id in of)
        name = f"{self._name(part)} {when}"
        return Layer(name, tuple(node.id for node in nodes), self.x.grid, (self.x,), nodes)

    def neurons(
        self,
        part: str,
        sources: list[Layer],
        activation: AnyActivation = "identity",
        plus: dict[Layer, float] | None = None,
    ) -> Layer:
        """Return neurons that hear all of some layers, and, with a fixed weight, their own unit's.

        Without the former they have no bias.
        """
        own = plus or {}
        hears = [
            [*ends, *((layer.ids[k], weight) for layer, weight in own.items())]
            for k, ends in enumerate(self.hear_all(*sources))
        ]
        return neurons(
            self._name(part), [*sources, *own], hears, activation,
            bias=0.0 if sources else None, label=numbered(self._name(part)),
        )  # fmt: skip

    def products(self, part: str, *layers: Layer) -> Layer:
        """Return the products of each unit's own."""
        return self._combine("product", part, layers)

    def sums(self, part: str, *layers: Layer) -> Layer:
        """Return the sums of each unit's own."""
        return self._combine("sum", part, layers)

    def join(self, last: Layer) -> Layer:
        """Return all parts as one layer, whose features are the last ones."""
        return join(self.name, self.kind, last, [self.x])

    def hear_all(self, *layers: Layer) -> list[list[tuple[str, Weight]]]:
        """Return what each unit hears of some layers: everything, by weights that are drawn."""
        return [[(id, None) for layer in layers for id in layer.ids] for _ in range(self.n)]

    def _combine(self, how: str, part: str, layers: tuple[Layer, ...]) -> Layer:
        hears = list(zip(*(layer.ids for layer in layers), strict=True))
        return interneurons(self._name(part), how, layers, hears, label=self._ids(part).__getitem__)

    def _name(self, part: str) -> str:
        return f"{self.name}.{part}" if part else self.name

    def _ids(self, part: str) -> list[str]:
        return [f"{self.name}.{part}{k}" for k in range(self.n)]
