"""Small networks with what a plain one has not: gates, positions with fields, delays, frozen parameters."""

from __future__ import annotations

import numpy as np

import neuro_actors as na
from neuro_actors.proof.random_cases import Case


def gates(batch: int = 3, seed: int = 0) -> Case:
    """One position: each combination, one behind another, and two sources of a maximum that are equal."""
    rng = np.random.default_rng(seed)
    nodes = [na.Input(f"x{k}") for k in range(3)]
    synapses = []

    def add(node: na.Neuron | na.Interneuron, *sources: str) -> None:
        nodes.append(node)
        is_neuron = isinstance(node, na.Neuron)
        for source in sources:
            weight = float(rng.standard_normal()) if is_neuron else None
            synapses.append(na.Synapse(source, node.id, weight))

    for k, name in enumerate(["tanh", "sigmoid", "gelu"]):
        add(na.Neuron(f"h{k}", name, 0.3), "x0", "x1", "x2")
    add(na.Interneuron("product", "product"), "h0", "h1", "h2")
    add(na.Interneuron("copy", "sum"), "h1")
    add(na.Interneuron("sum", "sum"), "product", "h2", "x0")
    add(na.Interneuron("max", "max"), "h1", "copy", "h0")
    add(na.Interneuron("lse", "logsumexp"), "sum", "max", "h0")
    add(na.Neuron("y0", "tanh"), "lse", "max", "product")
    add(na.Interneuron("y1", "product"), "y0", "lse")
    network = na.Network(nodes, synapses, ["y0", "y1"])
    return Case(network, rng.standard_normal((batch, 3)), rng.random((batch, 2)), LOSS)


LOSS = "squared_error"
PICTURE = (4, 4)


def picture(batch: int = 3, seed: int = 0) -> Case:
    """A convolution of two channels, pooled, read at one position, and led back to all of them."""
    rng, field = np.random.default_rng(seed), na.field
    nodes = [na.Input("x", positions=PICTURE)]
    synapses = []
    for dy in (-1, 0, 1):
        nodes.append(na.Interneuron(f"s{dy}", "sum", field.shift(PICTURE, (dy, dy % 2))))
        synapses.append(na.Synapse("x", f"s{dy}"))
    for c, pool in enumerate(["max", "logsumexp"]):
        nodes += [
            na.Neuron(f"c{c}", "tanh", 0.1),
            na.Interneuron(f"p{c}", pool, field.window(PICTURE, 3, stride=1)),
            na.Interneuron(f"r{c}", ["sum", "product"][c], field.reduce((2, 2))),
        ]
        synapses += [na.Synapse(f"s{dy}", f"c{c}", rng.standard_normal()) for dy in (-1, 0, 1)]
        synapses += [na.Synapse(f"c{c}", f"p{c}"), na.Synapse(f"p{c}", f"r{c}")]
    nodes += [
        na.Neuron("y", "identity", 0.2),
        na.Interneuron("wide", "sum", field.broadcast(PICTURE)),
        na.Interneuron("gate", "product"),
    ]
    synapses += [na.Synapse("r0", "y", 0.7), na.Synapse("r1", "y", -0.3), na.Synapse("y", "wide")]
    synapses += [na.Synapse("wide", "gate"), na.Synapse("c0", "gate")]
    network = na.Network(nodes, synapses, ["gate"])
    x = rng.standard_normal((batch, *PICTURE, 1))
    return Case(network, x, rng.random((batch, *PICTURE, 1)), LOSS)


def memory(batch: int = 3, seed: int = 0, ticks: int = 5, grid: tuple[int, ...] = ()) -> Case:
    """A recurrent network with a gate, and delays of one and of two ticks; its first bias is frozen."""
    rng = np.random.default_rng(seed)
    nodes = [
        na.Input("x", positions=grid),
        na.Input("v", positions=grid),
        na.Delay("h before", of="h"),
        na.Delay("gate before", of="gate", ticks=2),
        na.Neuron("h", "tanh", 0.1, frozen=True),
        na.Interneuron("gate", "product"),
        na.Neuron("y", "identity"),
    ]
    synapses = [
        na.Synapse("x", "h", 0.8),
        na.Synapse("v", "h", 0.3, frozen=True),
        na.Synapse("h before", "h", -0.6),
        na.Synapse("gate before", "h", 0.4),
        na.Synapse("h", "gate"),
        na.Synapse("x", "gate"),
        na.Synapse("gate", "y", 1.1),
        na.Synapse("gate before", "y", 0.2),
    ]
    network = na.Network(nodes, synapses, ["y"])
    shape = (batch, ticks, *grid)
    return Case(network, rng.standard_normal((*shape, 2)), rng.random((*shape, 1)), LOSS)


def both_directions(batch: int = 2, seed: int = 0, ticks: int = 4) -> Case:
    """Two layers, each of a neuron that hears earlier ticks and of one that hears later ones."""
    rng = np.random.default_rng(seed)
    nodes: list = [na.Input("x")]
    ends: list[tuple[str, str]] = []
    below = ["x"]
    for layer in "ab":
        for way, later in (("forth", 1), ("back", -1)):
            name = f"{layer} {way}"
            nodes += [na.Delay(f"{name} again", name, later), na.Neuron(name, "tanh", 0.1)]
            ends += [(source, name) for source in (*below, f"{name} again")]
        below = [f"{layer} forth", f"{layer} back"]
    nodes.append(na.Neuron("y", "identity"))
    synapses = [
        na.Synapse(*pair, rng.standard_normal()) for pair in [*ends, *((b, "y") for b in below)]
    ]
    x, targets = rng.standard_normal((batch, ticks, 1)), rng.random((batch, ticks, 1))
    return Case(na.Network(nodes, synapses, ["y"]), x, targets, LOSS)


def dropouts(batch: int = 3, seed: int = 0) -> Case:
    """Dropouts at three positions and at one, behind each other."""
    L, rng = na.layers, np.random.default_rng(seed)
    h = L.dropout(L.dense(L.inputs(2, positions=3), 3, "tanh", name="h"), 0.4, name="d")
    y = L.dense(L.dropout(L.flatten(h, name="f"), 0.2, seed=5, name="e"), 2, "sigmoid", name="y")
    x, targets = rng.standard_normal((batch, 3, 2)), rng.random((batch, 2))
    return Case(L.network(y, seed=1), x, targets, LOSS)


def all_kinds() -> list[Case]:
    return [gates(), picture(), memory(), memory(batch=2, ticks=3, grid=(3,)), both_directions()]
