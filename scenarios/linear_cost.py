"""What a gradient costs, counted: messages, and multiplications in the neurons.

No clock. Each time that a neuron weighs what it heard or hands it on, the
multiplications are counted while they are made. So are all messages. How do
they grow with the number of parameters, and how do those of other ways?
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest.mock import patch

import _common
import _experiment
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.neuron import local_rule as neuron
from neuro_actors.neuron import sums

SEEDS = _experiment.Seeds(quick=1, usual=2, full=3)
SIZES = [[2, 3, 1], [3, 4, 2], [4, 6, 4, 1], [8, 8, 2], [10, 12, 3], [16, 14, 8, 4], [24, 20, 10]]
QUICK = 4  # nets of a quick run
NEAR = 1e-5  # how far a parameter is nudged
BLUE, ORANGE, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"


class Count(NamedTuple):
    """What was done for something: messages sent, and multiplications; nearly each goes with an addition."""

    messages: int
    products: int


class Tally:
    """Counts multiplications while neurons make them; messages are added by who knows how many were sent."""

    def __init__(self) -> None:
        self.messages = self.products = 0

    def taken(self) -> Count:
        """What was counted since the last time."""
        count = Count(self.messages, self.products)
        self.messages = self.products = 0
        return count

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Within this block each of the sums that neurons use counts what it multiplies, and then does its work."""
        ordered, spread = sums.ORDERED, neuron.spread

        def weighted_sum(weights, rows):
            self.products += rows.size
            return ordered.weighted_sum(weights, rows)

        def mean_products(rows, values, out):
            self.products += rows.size
            return ordered.mean_products(rows, values, out)

        def handed_on(weights, values, out):
            self.products += len(weights) * len(values)
            return spread(weights, values, out)

        counted = ordered._replace(weighted_sum=weighted_sum, mean_products=mean_products)
        with patch.dict(sums.SUMS, ordered=counted), patch.object(neuron, "spread", handed_on):
            yield


class Shape(NamedTuple):
    """A network's size: parameters, synapses, those from inputs, neurons, inputs, outputs."""

    parameters: int
    synapses: int
    first: int
    neurons: int
    inputs: int
    outputs: int

    @classmethod
    def of(cls, net: na.Network) -> Shape:
        n = int(np.sum(~net.is_input))
        first = int(net.is_input[net.sources].sum())
        return cls(
            len(net.weights) + n, len(net.weights), first, n, len(net.inputs), len(net.outputs)
        )


def expected(shape: Shape) -> dict[str, Count]:
    """How often, by formulas: P parameters, E synapses, F of them from inputs, N neurons, I inputs, O outputs; one example.

    Each synapse carries an activation forward, and an urgency back unless its source is an input. To that come what the
    world tells the inputs and the loss, what outputs tell these two, what the loss tells, and what neurons report.
    """
    p, e, f, n, i, o = shape
    forward = Count(i + e + 2 * o + 1, p)
    gradient = Count(i + e + 2 * o + 1 + o + o + (e - f) + n, p + p + (e - f))
    product = Count(gradient.messages + n, (2 * p + e) + (p + e) + 3 * (e - f))
    return {
        "gradient": gradient,
        "differences": Count((p + 1) * forward.messages, (p + 1) * forward.products),
        "central": Count(2 * p * forward.messages, 2 * p * forward.products),
        "product": product,
        "hessian": Count(p * product.messages, p * product.products),
    }


class Cost(NamedTuple):
    """What was counted for one network, by what was asked for; and how far central differences are from the gradient, in
    its largest value."""

    shape: Shape
    counts: dict[str, Count]
    error: float


def measure(net: na.Network, seed: int, log: na.Recording | None = None) -> Cost:
    """Ask societies for the same numbers in all ways; one example, squared error. The log is of the gradient."""
    rng = np.random.default_rng(seed)
    x, targets = (
        rng.standard_normal((1, len(net.inputs))),
        rng.standard_normal((1, len(net.outputs))),
    )
    shape, tally = Shape.of(net), Tally()
    unit = np.eye(shape.parameters)

    async def gradient() -> np.ndarray:
        async with na.open_simulation(net, log=log) as society:
            found = await society.gradient(x, targets)
            tally.messages += society.statistics().messages
        return np.concatenate([found.weights, found.biases[~net.is_input]])

    async def loss(nudge: np.ndarray) -> float:
        there = net.with_parameters(
            *(
                held + more
                for held, more in zip((net.weights, net.biases), parts(net, nudge), strict=True)
            )
        )
        async with na.open_simulation(there) as society:
            said = await society.predict(x)
            tally.messages += society.statistics().messages
        return float(np.sum((said - targets) ** 2))

    async def differences() -> np.ndarray:
        here = await loss(0 * unit[0])
        return np.array([(await loss(NEAR * one) - here) / NEAR for one in unit])

    async def central() -> np.ndarray:
        return np.array(
            [(await loss(NEAR * one) - await loss(-NEAR * one)) / (2 * NEAR) for one in unit]
        )

    async def products(directions: np.ndarray) -> None:
        async with na.open_simulation(net) as society:
            for direction in directions:
                await society.hessian_vector_product(x, targets, *parts(net, direction))
            tally.messages += society.statistics().messages

    counts, found = {}, {}
    with tally.counting():
        for what, work in {
            "gradient": gradient,
            "differences": differences,
            "central": central,
        }.items():
            found[what], counts[what] = trio.run(work), tally.taken()
        for what, directions in {"product": unit[:1], "hessian": unit}.items():
            trio.run(products, directions)
            counts[what] = tally.taken()
    exact = found["gradient"]
    return Cost(shape, counts, float(np.abs(found["central"] - exact).max() / np.abs(exact).max()))


def parts(net: na.Network, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A value for each parameter, as the network lists them: by synapse, and by neuron."""
    biases = np.zeros(len(net.ids))
    biases[~net.is_input] = values[len(net.weights) :]
    return values[: len(net.weights)], biases


def layered(sizes: list[int], seed: int) -> Cost:
    return measure(na.Network.layered(sizes, seed=seed), seed)


def slope(costs: list[Cost], what: str, which: str) -> float:
    """With which power of the number of parameters it grows: the slope of a line through the logarithms."""
    x = np.log([cost.shape.parameters for cost in costs])
    return float(np.polyfit(x, np.log([getattr(cost.counts[what], which) for cost in costs]), 1)[0])


WAYS = ["gradient", "differences", "central", "product", "hessian"]
NOT_SO = """that the time is linear: messages are carried at once or one after the other, and a society of tasks has costs
of its own (see the benchmarks). Nor that a step is cheap: linear is times the examples, and times the steps. Not counted
are additions without a multiplication, and what a neuron does once, such as its activation function."""


def main(arguments: Namespace) -> None:
    sizes = SIZES[:QUICK] if arguments.quick else SIZES
    _experiment.print_question(
        "Linear cost",
        "how does the work for a gradient grow with the number of parameters, and how that of other ways to it?",
        f"""{len(sizes)} layered societies, one example. Counted, not timed: messages, and multiplications that neurons
        make. The gradient by urgencies; by differences of losses, each parameter nudged by itself, or (central) both ways;
        one product of the Hessian with a direction; and the whole Hessian, column by column.""",
    )
    if arguments.log:
        measure(na.Network.layered(sizes[-1], seed=arguments.seed), arguments.seed, arguments.log)
    cases = [(size, seed) for seed in arguments.seeds for size in sizes]
    found = dict(zip(map(str, cases), _experiment.run_all("networks", layered, cases), strict=True))
    by_seed = [[found[str((size, seed))] for size in sizes] for seed in arguments.seeds]
    costs = by_seed[0]
    for which, title in (("products", "MULTIPLICATIONS"), ("messages", "MESSAGES")):
        print(f"{title}\n")
        rows = []
        for size, cost in zip(sizes, costs, strict=True):
            numbers = [getattr(cost.counts[what], which) for what in WAYS]
            rows.append(
                ["-".join(map(str, size)), *(f"{n:,}" for n in (cost.shape.parameters, *numbers))]
            )
        rows.append(["power of P", "", *(f"{slope(costs, what, which):.2f}" for what in WAYS)])
        _experiment.print_table(["neurons", "P", *WAYS], rows)
        print()
    every = [cost for those in by_seed for cost in those]
    print(
        f"Drawings of the weights: {len(by_seed)}. Counts that differ between them: {differing(by_seed)}."
    )
    print(
        f"Central differences are off by up to {max(cost.error for cost in every):.0e} of the largest value.\n"
    )
    print("By formulas, with P parameters, E synapses, F of them from inputs, N neurons:\n")
    print("  multiplications  gradient 2 P + E - F       product 3 P + 5 E - 3 F")
    print("                   differences (P + 1) P      central 2 P P")
    print("                   hessian P times product")
    print("  messages         along synapses: E forward, E - F back")
    _experiment.print_finding(finding(by_seed), NOT_SO)
    if arguments.log:
        print(
            f"The log is of the gradient of {'-'.join(map(str, sizes[-1]))}: {arguments.log.path}"
        )
    draw(costs, arguments)


def differing(by_seed: list[list[Cost]]) -> int:
    return sum(
        cost.counts != first.counts
        for those in by_seed
        for cost, first in zip(those, by_seed[0], strict=True)
    )


def finding(by_seed: list[list[Cost]]) -> str:
    """What these counts say."""
    costs = by_seed[0]
    exact = all(cost.counts == expected(cost.shape) for those in by_seed for cost in those)
    powers = {what: slope(costs, what, "products") for what in WAYS}
    linear = all(
        slope(costs, what, which) < 1.25
        for what in ("gradient", "product")
        for which in Count._fields
    )
    square = all(
        slope(costs, what, which) > 1.75
        for what in ("differences", "hessian")
        for which in Count._fields
    )
    told = f"""the multiplications of a gradient grow with power {powers["gradient"]:.2f} of the number of parameters, of a
        product with the Hessian with {powers["product"]:.2f}, of differences with {powers["differences"]:.2f}, and of the
        Hessian with {powers["hessian"]:.2f}"""
    if exact and linear and square:
        return f"{told}; all counts are those of the formulas, exactly."
    return f"{told}; these are not the expected ones, or not all counts are those of the formulas."


def draw(costs: list[Cost], arguments: Namespace) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained", sharey=True)
    figure.suptitle(
        "What neurons do for one example: a gradient is linear, differences are quadratic",
        fontsize=14,
    )
    p = np.array([cost.shape.parameters for cost in costs])
    looks = {
        "hessian": (PINK, "s", "the whole Hessian"),
        "differences": (ORANGE, "^", "gradient by differences"),
        "product": (GREEN, "D", "product with the Hessian"),
        "gradient": (BLUE, "o", "gradient by urgencies"),
    }
    for axis, which, title in zip(
        axes, Count._fields, ("messages", "multiplications"), strict=True
    ):
        for what, (colour, marker, told) in looks.items():
            counted = [getattr(cost.counts[what], which) for cost in costs]
            label = f"{told}: power {slope(costs, what, which):.2f}"
            axis.loglog(
                p, counted, color=colour, marker=marker, linewidth=1.5, markersize=6, label=label
            )
        axis.set(xlabel="parameters", title=f"{title}, counted")
        axis.set_xticks([10, 20, 50, 100, 200, 500], ["10", "20", "50", "100", "200", "500"])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=9, loc="upper left")
        axis.spines[["top", "right"]].set_visible(False)
    _common.save_figure(figure, arguments.out, "linear_cost.png")


if __name__ == "__main__":
    _experiment.run(main, __doc__, SEEDS)
