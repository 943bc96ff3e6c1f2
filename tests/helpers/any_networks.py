"""Networks with gates, fields, positions and delays, and what they predict, computed position by position.

`predict` is a second opinion: loops over examples, ticks, positions and sources, in plain Python. It shares nothing with
the package but the description of the network.
"""

from __future__ import annotations

import math

import numpy as np

import neuro_actors as na
from neuro_actors import field as fields
from neuro_actors.network.field import count_positions

ACTIVATIONS = {
    "identity": lambda z: z,
    "tanh": math.tanh,
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "sin": math.sin,
}
COMBINATIONS = {
    "sum": sum,
    "product": math.prod,
    "max": max,
    "logsumexp": lambda values: math.log(sum(map(math.exp, values))),
}


def predict(net: na.Network, x: np.ndarray) -> np.ndarray:
    """The predictions: of each example, or of each example and tick where the network has delays."""
    sequences = x if net.delays else x[:, None]
    said = np.stack([list(_run(net, ticks)) for ticks in sequences])
    return said if net.delays else said[:, 0]


def _run(net: na.Network, ticks: np.ndarray):
    before: list[dict[int, list[float]]] = []
    order = np.argsort(net.level, kind="stable").tolist()
    for here in ticks:
        values: dict[int, list[float]] = {}
        for k in order:
            n = count_positions(net.grids[net.grid[k]])
            if k in net.delays:
                of, later = net.delays[k]
                values[k] = before[-later][of] if len(before) >= later else [0.0] * n
            elif net.is_input[k]:
                values[k] = here[..., net.inputs.index(net.ids[k])].ravel().tolist()
            else:
                values[k] = [_value(net, k, p, values) for p in range(n)]
        before.append(values)
        outputs = [values[k] for k in net.output_positions.tolist()]
        yield np.array(outputs).T.reshape(*net.output_grid, len(outputs))


def _value(net: na.Network, k: int, p: int, values: dict[int, list[float]]) -> float:
    incoming = net.incoming.of(k)
    node = net.neurons[k]
    if isinstance(node, na.Interneuron):
        places = (
            [p] if node.field is None else [q for q in node.field.positions[p].tolist() if q >= 0]
        )
        terms = [values[s][q] for s in net.sources[incoming].tolist() for q in places]
        return (
            COMBINATIONS[node.combination](terms)
            if terms
            else {"sum": 0.0, "product": 1.0}[node.combination]
        )
    z = sum(
        w * values[s][p]
        for w, s in zip(net.weights[incoming], net.sources[incoming].tolist(), strict=True)
    )
    return ACTIVATIONS[net.activations[k]](z + net.biases[k])


def draw(seed: int, delays: bool = False) -> tuple[na.Network, np.ndarray, np.ndarray]:
    """A random network of all kinds, and a batch with its targets."""
    rng = np.random.default_rng(seed)
    grid = (
        [(), (3,), (2, 3)][int(rng.integers(3))] if not delays else [(), (2,)][int(rng.integers(2))]
    )
    nodes: list = [na.Input(f"x{k}", grid) for k in range(int(rng.integers(1, 3)))]
    by_grid: dict[tuple[int, ...], list[str]] = {grid: [node.id for node in nodes]}
    n_hidden = int(rng.integers(4, 9))
    if delays:
        nodes += [
            na.Delay(f"d{k}", of=f"h{rng.integers(2)}", ticks=int(rng.integers(1, 3)))
            for k in range(2)
        ]
        by_grid[grid] += [f"d{k}" for k in range(2)]
    synapses: list[na.Synapse] = []

    def sources(known: list[str], least: int = 1) -> list[str]:
        return rng.permutation(known)[: max(least, int(rng.integers(1, 4)))].tolist()

    for k in range(n_hidden):
        here = grid if k < 2 else list(by_grid)[int(rng.integers(len(by_grid)))]
        known, name = by_grid[here], f"h{k}"
        kind = int(rng.integers(3)) if k >= 2 else 0
        if kind == 0:
            chosen = sources(known)
            nodes.append(
                na.Neuron(
                    name,
                    str(rng.choice(list(ACTIVATIONS))),
                    float(rng.normal()),
                    bool(rng.random() < 0.2),
                )
            )
            synapses += [
                na.Synapse(s, name, float(rng.normal()), bool(rng.random() < 0.2)) for s in chosen
            ]
            by_grid[here].append(name)
        else:
            field = None if kind == 1 else _draw_field(rng, here)
            nodes.append(na.Interneuron(name, _combination(rng, field), field))
            synapses += [na.Synapse(s, name) for s in sources(known)]
            by_grid.setdefault(here if field is None else field.grid, []).append(name)
    # everything reaches the outputs: each grid's members are added up, and led to one position
    ends = []
    for k, (here, known) in enumerate(by_grid.items()):
        used = {s.source for s in synapses}
        left = [name for name in known if name not in used] or known[-1:]
        nodes.append(na.Neuron(f"s{k}", "tanh", 0.1))
        synapses += [na.Synapse(name, f"s{k}", float(rng.normal())) for name in left]
        nodes.append(na.Interneuron(f"e{k}", "sum", fields.reduce(here) if here else None))
        synapses.append(na.Synapse(f"s{k}", f"e{k}"))
        ends.append(f"e{k}")
    last = fields.broadcast(grid) if delays and grid else None
    nodes += [na.Neuron("last", "sin"), na.Interneuron("y", "sum", last)]
    synapses += [na.Synapse(name, "last", float(rng.normal())) for name in ends] + [
        na.Synapse("last", "y")
    ]
    order = rng.permutation(len(synapses)).tolist()
    net = na.Network(
        [nodes[k] for k in rng.permutation(len(nodes))], [synapses[k] for k in order], ["y"]
    )
    batch, ticks = int(rng.integers(1, 4)), (4,) * delays
    x = rng.normal(size=(batch, *ticks, *grid, len(net.inputs)))
    return net, x, rng.normal(size=(batch, *ticks, *net.output_grid, 1))


def _combination(rng: np.random.Generator, field: na.field.Field | None) -> str:
    kinds = list(COMBINATIONS)
    return str(rng.choice(kinds if field is None or field.hears_everywhere else kinds[:2]))


def _draw_field(rng: np.random.Generator, grid: tuple[int, ...]) -> na.field.Field:
    if not grid:
        return fields.broadcast((2,))
    kind = int(rng.integers(5))
    if kind == 0:
        return fields.shift(grid, [int(rng.integers(-1, 2)) for _ in grid], int(rng.integers(1, 3)))
    if kind == 1:
        return fields.window(
            grid, 2, stride=1, padding=1 if min(grid) < 2 else int(rng.integers(2))
        )
    if kind == 2:
        return fields.reduce(grid, int(rng.integers(len(grid))))
    if kind == 3 and len(grid) == 1:
        return fields.pairs(grid[0], causal=bool(rng.integers(2)))[int(rng.integers(2))]
    return fields.gather(
        grid, rng.integers(-1, count_positions(grid), size=int(rng.integers(1, 5)))
    )


def draw_workers(seed: int, net: na.Network) -> dict[str, object]:
    """Settings of a cluster for a network: shards drawn neuron by neuron, or by the package, and replicas."""
    rng = np.random.default_rng(seed)
    neurons = rng.permutation(np.flatnonzero(~net.is_input))
    count = min(int(rng.integers(1, 5)), len(neurons))
    shard = rng.integers(0, count, len(net.ids))
    shard[neurons[:count]] = np.arange(count)
    part = na.Partition(net, shard) if seed % 4 else na.partition(net, count)
    return {"partition": part, "replicas": int(rng.integers(1, 4))}
