"""A thousand neurons wired at random, and the gradient is still exact.

There are no layers. A neuron has a few sources, mostly near ones, sometimes far
ones. A few hubs have very many followers. The local rule is the same for all.
"""

from __future__ import annotations

from argparse import Namespace
from collections import Counter

import _common
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.support.palette import KINDS, MUTED, PAPER

INPUTS, HUBS = 12, 8


def wire_at_random(size: int, rng: np.random.Generator) -> na.Network:
    """Return a random network of `size` neurons.

    Each neuron has 2 to 6 near sources, and sometimes a far one. Each hub is, in addition, a
    source of a tenth of the neurons after it.
    """
    ids = [f"x{k}" for k in range(INPUTS)] + [f"n{k}" for k in range(size)]
    hubs = set(np.linspace(INPUTS, INPUTS + 0.8 * size, HUBS).astype(int).tolist())
    synapses: set[tuple[int, int]] = set()
    for k in range(INPUTS, len(ids)):
        fan_in = int(rng.integers(2, 7))
        near = rng.integers(max(0, k - 60), k, fan_in)
        far = rng.integers(0, k, 1 if rng.random() < 0.2 else 0)
        from_hubs = [hub for hub in hubs if hub < k and rng.random() < 0.1]
        synapses |= {(int(source), k) for source in (*near, *far, *from_hubs)}
    fan_out = Counter(source for source, _ in synapses)
    synapses |= {(k, INPUTS + k) for k in range(INPUTS) if not fan_out[k]}
    neurons = [na.Input(name) for name in ids[:INPUTS]]
    neurons += [
        na.Neuron(name, str(rng.choice(["tanh", "sigmoid", "sin", "elu"]))) for name in ids[INPUTS:]
    ]
    outputs = [name for k, name in enumerate(ids) if not fan_out[k] and k >= INPUTS]
    edges = [na.Synapse(ids[a], ids[b]) for a, b in sorted(synapses)]
    return na.Network(neurons, edges, outputs, seed=int(rng.integers(2**31)))


def main(arguments: Namespace) -> None:
    rng = np.random.default_rng(arguments.seed)
    net = wire_at_random(150 if arguments.quick else 1000, rng)
    x = rng.standard_normal((16, len(net.inputs)))
    targets = rng.standard_normal((16, len(net.outputs)))
    fan_out = net.outgoing.sizes
    skips = net.level[net.targets] - net.level[net.sources]
    hub = int(fan_out.argmax())

    print("WIRED AT RANDOM\n")
    print(f"{len(net.ids) - INPUTS:,} neurons, {len(net.synapses):,} synapses.")
    print(f"The longest path has {net.depth} synapses.")
    print(f"The largest hub, {net.ids[hub]}, has {fan_out[hub]} followers.")
    print(f"{np.mean(skips > 1):.0%} of the synapses skip levels, one of them {skips.max() - 1}.\n")

    async def ask() -> tuple[na.Gradient, int]:
        async with na.open_simulation(net, log=arguments.log) as simulation:
            return await simulation.gradient(x, targets), simulation.statistics().messages

    gradient, messages = trio.run(ask)
    expected, bound = na.reference.with_bound(net, x, targets)
    difference = np.abs(gradient.weights - expected.weights)
    units = _common.in_rounding_units(gradient, expected, bound)
    print(f"The gradient for 16 examples, by {messages:,} messages, beside that by matrices:\n")
    print(f"  largest entry        {np.abs(expected.weights).max():.3g}")
    print(f"  largest difference   {difference.max():.3g}")
    print(f"  in units of the rounding bound (1 is the limit): {units:.3g}")
    draw(net, gradient, arguments)


def choose_heights(net: na.Network) -> np.ndarray:
    """Return the height at which to draw each neuron. Shape (n_neurons,).

    A neuron is drawn near its sources and followers; the neurons of near levels are spread
    evenly.
    """
    height = np.random.default_rng(0).random(len(net.ids))
    for _ in range(30):
        total, count = height.copy(), np.ones(len(height))
        for one, other in ((net.sources, net.targets), (net.targets, net.sources)):
            np.add.at(total, one, height[other])
            np.add.at(count, one, 1)
        pulled, height = total / count, np.empty(len(height))
        for level in range(net.depth + 1):
            here, around = (np.flatnonzero(abs(net.level - level) <= reach) for reach in (0, 2))
            rank = np.searchsorted(np.sort(pulled[around]), pulled[here])
            height[here] = (rank + 0.5) / len(around)
    return height


def draw(net: na.Network, gradient: na.Gradient, arguments: Namespace) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    from matplotlib.collections import LineCollection

    points = np.column_stack([net.level, choose_heights(net)])
    figure, axis = plt.subplots(figsize=(11, 6), layout="constrained")
    urgency = np.abs(gradient.weights)
    strength = urgency / max(np.quantile(urgency, 0.98), 1e-300)
    order = np.argsort(strength)
    lines = LineCollection(
        np.stack([points[net.sources], points[net.targets]], axis=1)[order],
        linewidths=0.25 + 1.1 * np.minimum(strength[order], 1),
        colors=plt.get_cmap("Greys")(0.3 + 0.7 * np.minimum(strength[order], 1)),
        alpha=0.45,
    )
    axis.add_collection(lines)
    size = 9 + 1.5 * net.outgoing.sizes
    outputs = np.isin(net.ids, net.outputs)
    for mask, marker, colour, label in (
        (~net.is_input & ~outputs, "o", MUTED, "neuron (larger: more followers)"),
        (net.is_input, "s", KINDS[0], "input"),
        (outputs, "D", KINDS[1], "output"),
    ):
        least = 9 if marker == "o" else 24
        sizes = np.maximum(size[mask], least)
        axis.scatter(
            *points[mask].T,
            s=sizes,
            marker=marker,
            c=colour,
            zorder=3,
            linewidths=0.4,
            edgecolors=PAPER,
        )
        axis.scatter([], [], s=30, marker=marker, c=colour, label=label)
    axis.set(xlabel="level: synapses on the longest path from an input", yticks=[])
    axis.set_title(
        f"{len(net.ids) - INPUTS:,} neurons wired at random; darker: larger urgency of the weight",
        fontsize=12,
    )
    axis.spines[["left", "right", "top"]].set_visible(False)
    axis.margins(0.02)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncol=3, frameon=False)
    _common.save_figure(figure, arguments.out, "wiring.png")


if __name__ == "__main__":
    _common.run(main, __doc__, quick=True, out="the figure goes")
