"""Small networks that are not plain: interneurons, frozen parameters, positions, delays; and runs of them."""

from __future__ import annotations

from typing import Any

import numpy as np

import neuro_actors as na
from neuro_actors.network import field
from neuro_actors.simulation import blocking

X, N, G, S = na.Input, na.Neuron, na.Interneuron, na.Synapse


def gated() -> na.Network:
    """All combinations, at one position; some parameters are frozen; an interneuron is an output."""
    neurons = [
        X("a"), X("b"), N("h", "tanh", 0.1), N("g", "sigmoid", 0.2, frozen=True), G("p", "product"), G("s", "sum"),
        G("m", "max"), G("l", "logsumexp"), N("y"), N("z"),
    ]  # fmt: skip
    ends = "ah bh ag bg hp gp ps hs as sm bm ml hl ly py gz mz"
    synapses = [S(*pair, frozen=pair == "bh") for pair in ends.split()]
    return na.Network(neurons, synapses, ["y", "z", "l"], seed=3)


def pictures() -> na.Network:
    """Neurons at 16 positions and at 4: a shift, a pooling, and a product."""
    neurons = [
        X("x", (4, 4)), X("w", (4, 4)), N("c", "tanh", 0.1), G("shifted", "sum", field.shift((4, 4), (0, 1))),
        N("d", "relu", 0.1), G("pool", "max", field.window((4, 4), (2, 2), stride=2)), N("e", "tanh", 0.2),
        G("prod", "product"), N("y"),
    ]  # fmt: skip
    ends = [
        ("x", "c"), ("w", "c"), ("c", "shifted"), ("x", "shifted"), ("shifted", "d"), ("c", "d"), ("d", "pool"),
        ("c", "pool"), ("pool", "e"), ("e", "prod"), ("pool", "prod"), ("e", "y"), ("prod", "y"),
    ]  # fmt: skip
    return na.Network(neurons, [S(*pair) for pair in ends], ["y", "prod"], seed=3)


def recurrent() -> na.Network:
    """A gated unit that hears itself a tick later, and its output two ticks later."""
    neurons = [
        X("x"), na.Delay("before", "h"), na.Delay("long", "y", ticks=2), N("a", "tanh", 0.1), N("g", "sigmoid"),
        G("h", "product"), N("y"),
    ]  # fmt: skip
    ends = [
        ("x", "a"),
        ("before", "a"),
        ("x", "g"),
        ("long", "g"),
        ("a", "h"),
        ("g", "h"),
        ("h", "y"),
    ]
    return na.Network(neurons, [S(*pair) for pair in ends], ["y"], seed=1)


def recurrent_pictures() -> na.Network:
    """A delay at three positions."""
    shifted = G("h", "sum", field.shift(3, 1))
    neurons = [X("x", 3), na.Delay("before", "h"), N("a", "tanh", 0.1), shifted, N("y")]
    ends = [("x", "a"), ("before", "a"), ("a", "h"), ("h", "y")]
    return na.Network(neurons, [S(*pair) for pair in ends], ["y"], seed=1)


def leaving_out() -> na.Network:
    """Dropout at four positions, on both ways to the output; and behind a field."""
    neurons = [
        X("x", 4), X("w", 4), N("h", "tanh", 0.1), G("left", "dropout 0.3"), N("c", "tanh", 0.2),
        G("shifted", "sum", field.shift(4, 1)), G("again", "dropout 0.5, seed 2"), N("y"),
    ]  # fmt: skip
    ends = [
        ("x", "h"), ("w", "h"), ("h", "left"), ("left", "c"), ("w", "c"), ("c", "shifted"), ("left", "shifted"),
        ("shifted", "again"), ("again", "y"), ("c", "y"),
    ]  # fmt: skip
    return na.Network(neurons, [S(*pair) for pair in ends], ["y"], seed=5)


def recurrent_leaving_out() -> na.Network:
    """A neuron that hears itself a tick later, through a dropout, at two positions."""
    neurons = [
        X("x", 2),
        na.Delay("before", "left"),
        N("a", "tanh", 0.1),
        G("left", "dropout 0.4"),
        N("y"),
    ]
    ends = [("x", "a"), ("before", "a"), ("a", "left"), ("left", "y")]
    return na.Network(neurons, [S(*pair) for pair in ends], ["y"], seed=1)


NETWORKS = {"gated": gated, "pictures": pictures}
IN_TIME = {"recurrent": recurrent, "recurrent pictures": recurrent_pictures}


def examples(network: na.Network, batch: int = 3, ticks: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    axes = (batch, ticks) if network.delays else (batch,)
    x = rng.standard_normal((*axes, *network.input_grid, len(network.inputs)))
    return x, rng.standard_normal((*axes, *network.output_grid, len(network.outputs)))


def record(
    path: Any,
    network: na.Network,
    channels: Any = "bundled",
    batch: int = 3,
    data: tuple[np.ndarray, np.ndarray] | None = None,
    **more: Any,
) -> na.Network:
    """Predict, ask for a gradient down to the inputs, learn three times; return the network."""
    x, targets = examples(network, batch) if data is None else data

    async def society() -> na.Network:
        async with na.open_simulation(network, channels, log=path, **more) as simulation:
            await simulation.predict(x)
            await simulation.gradient(x, targets, wrt_inputs=True)
            for _ in range(3):
                await simulation.train_step(x, targets, optimizer=na.SGD(0.1, momentum=0.5))
            return await simulation.network()

    return blocking.run(society, channels)  # in virtual time, where channels lose messages
