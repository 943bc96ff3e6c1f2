"""What does a gradient cost? Its messages and multiplications are counted.

No clock is used. The sums in which a neuron multiplies are replaced by sums
that count their multiplications, and all messages are counted too. How do both
grow with the number of parameters, for a gradient and for other methods?
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
from neuro_actors.neuron import local_rule, sums, tangent
from neuro_actors.support.palette import KINDS

SEEDS = _experiment.Seeds(quick=1, usual=2, full=3)
SIZES = [[2, 3, 1], [3, 4, 2], [4, 6, 4, 1], [8, 8, 2], [10, 12, 3], [16, 14, 8, 4], [24, 20, 10]]
QUICK = 4  # number of networks of a quick run
NUDGE = 1e-5  # how much a parameter is changed for a difference
GREEN, PURPLE, WINE, GOLD = KINDS[:4]


class Count(NamedTuple):
    """Numbers of messages and of multiplications; nearly every one goes with an addition."""

    messages: int
    products: int


class Counter:
    """Counts multiplications while neurons make them; the caller adds the messages."""

    def __init__(self) -> None:
        self.messages = self.products = 0

    def take(self) -> Count:
        """Return what was counted since the last call."""
        count = Count(self.messages, self.products)
        self.messages = self.products = 0
        return count

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Within this block, the sums that neurons use count what they multiply."""
        ordered, spread = sums.ORDERED, sums.spread

        def weighted_sum(weights, rows):
            self.products += rows.size
            return ordered.weighted_sum(weights, rows)

        def mean_products(rows, values, out):
            self.products += rows.size
            return ordered.mean_products(rows, values, out)

        def count_and_spread(weights, values, out):
            self.products += len(weights) * len(values)
            return spread(weights, values, out)

        counted = ordered._replace(weighted_sum=weighted_sum, mean_products=mean_products)
        with (
            patch.object(sums, "SUMS", {**sums.SUMS, "ordered": counted}),
            patch.object(local_rule, "spread", count_and_spread),
            patch.object(tangent, "spread", count_and_spread),
        ):
            yield


class Shape(NamedTuple):
    """A network's size.

    Attributes:
        parameters: Number of parameters.
        synapses: Number of synapses.
        first: Number of synapses from inputs.
        neurons: Number of neurons.
        inputs: Number of inputs.
        outputs: Number of outputs.
    """

    parameters: int
    synapses: int
    first: int
    neurons: int
    inputs: int
    outputs: int

    @classmethod
    def of(cls, net: na.Network) -> Shape:
        """Return the size of a network."""
        n = int(np.sum(~net.is_input))
        first = int(net.is_input[net.sources].sum())
        synapses = len(net.weights)
        return cls(synapses + n, synapses, first, n, len(net.inputs), len(net.outputs))


def expected(shape: Shape) -> dict[str, Count]:
    """Return all counts by formulas, for one example.

    P parameters, E synapses, F of them from inputs, N neurons, I inputs, O outputs. Each synapse
    carries an activation forward, and an urgency back unless its source is an input. The other
    messages go from the environment to the inputs and the loss node, from the outputs to these
    two, from the loss node to the outputs, and from the neurons to the environment.
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
    """What was counted for one network.

    Attributes:
        shape: The network's size.
        counts: The counts of each of METHODS.
        error: Largest error of the central differences, relative to the largest gradient value.
    """

    shape: Shape
    counts: dict[str, Count]
    error: float


def measure(net: na.Network, seed: int, log: na.Recording | None = None) -> Cost:
    """Compute the gradient with each of METHODS, for one example and the squared error.

    The log is of the gradient.
    """
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((1, len(net.inputs)))
    targets = rng.standard_normal((1, len(net.outputs)))
    shape, counter = Shape.of(net), Counter()
    unit = np.eye(shape.parameters)

    async def gradient() -> np.ndarray:
        async with na.open_simulation(net, log=log) as society:
            found = await society.gradient(x, targets)
            counter.messages += society.statistics().messages
        return np.concatenate([found.weights, found.biases[~net.is_input]])

    async def loss(nudge: np.ndarray) -> float:
        weights, biases = split(net, nudge)
        nudged = net.with_parameters(net.weights + weights, net.biases + biases)
        async with na.open_simulation(nudged) as society:
            predictions = await society.predict(x)
            counter.messages += society.statistics().messages
        return float(np.sum((predictions - targets) ** 2))

    async def differences() -> np.ndarray:
        here = await loss(0 * unit[0])
        return np.array([(await loss(NUDGE * one) - here) / NUDGE for one in unit])

    async def central() -> np.ndarray:
        return np.array(
            [(await loss(NUDGE * one) - await loss(-NUDGE * one)) / (2 * NUDGE) for one in unit]
        )

    async def products(directions: np.ndarray) -> None:
        async with na.open_simulation(net) as society:
            for direction in directions:
                await society.hessian_vector_product(x, targets, *split(net, direction))
            counter.messages += society.statistics().messages

    counts, found = {}, {}
    with counter.counting():
        for what, work in {
            "gradient": gradient,
            "differences": differences,
            "central": central,
        }.items():
            found[what], counts[what] = trio.run(work), counter.take()
        for what, directions in {"product": unit[:1], "hessian": unit}.items():
            trio.run(products, directions)
            counts[what] = counter.take()
    exact = found["gradient"]
    return Cost(shape, counts, float(np.abs(found["central"] - exact).max() / np.abs(exact).max()))


def split(net: na.Network, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split one value for each parameter into those of the weights and those of the biases."""
    biases = np.zeros(len(net.ids))
    biases[~net.is_input] = values[len(net.weights) :]
    return values[: len(net.weights)], biases


def measure_layered(sizes: list[int], seed: int) -> Cost:
    """Call `measure` for a layered network."""
    return measure(na.Network.layered(sizes, seed=seed), seed)


def power(costs: list[Cost], what: str, which: str) -> float:
    """Return the power of the number of parameters with which a count grows.

    It is the slope of a line through the logarithms.

    Args:
        costs: Networks of different sizes.
        what: One of METHODS.
        which: "messages" or "products".
    """
    x = np.log([cost.shape.parameters for cost in costs])
    return float(np.polyfit(x, np.log([getattr(cost.counts[what], which) for cost in costs]), 1)[0])


METHODS = ["gradient", "differences", "central", "product", "hessian"]
NOT_SO = """that the time is linear: messages may be sent at the same time or one after another,
and tasks have a cost of their own (see the benchmarks). Nor that training is cheap: the cost is
multiplied by the number of examples and of steps. Not counted are additions without a
multiplication, and what a neuron does once in a step, such as its activation function."""


def main(arguments: Namespace) -> None:
    sizes = SIZES[:QUICK] if arguments.quick else SIZES
    _experiment.print_question(
        "Linear cost",
        "how does the work for a gradient grow with the number of parameters, and how does that "
        "of other methods grow?",
        f"""{len(sizes)} layered societies, one example. Messages and the neurons' multiplications
        are counted, not timed. The gradient by urgencies; by differences of losses, with one
        parameter after another changed, in one direction or in both (central); one product of the
        Hessian with a direction; and the whole Hessian, column by column.""",
    )
    if arguments.log:
        measure(na.Network.layered(sizes[-1], seed=arguments.seed), arguments.seed, arguments.log)
    cases = [(size, seed) for seed in arguments.seeds for size in sizes]
    found = dict(
        zip(map(str, cases), _experiment.run_all("networks", measure_layered, cases), strict=True)
    )
    by_seed = [[found[str((size, seed))] for size in sizes] for seed in arguments.seeds]
    costs = by_seed[0]
    for which, title in (("products", "MULTIPLICATIONS"), ("messages", "MESSAGES")):
        print(f"{title}\n")
        rows = []
        for size, cost in zip(sizes, costs, strict=True):
            numbers = [getattr(cost.counts[what], which) for what in METHODS]
            rows.append(
                ["-".join(map(str, size)), *(f"{n:,}" for n in (cost.shape.parameters, *numbers))]
            )
        rows.append(["power of P", "", *(f"{power(costs, what, which):.2f}" for what in METHODS)])
        _experiment.print_table(["neurons", "P", *METHODS], rows)
        print()
    every = [cost for those in by_seed for cost in those]
    different = count_differing(by_seed)
    error = max(cost.error for cost in every)
    print(f"Seeds of the weights: {len(by_seed)}. Counts that differ between them: {different}.")
    print(f"Largest error of central differences: {error:.0e} of the largest value.\n")
    print("Formulas, for P parameters, E synapses, F of them from inputs, N neurons:\n")
    print("  multiplications  gradient 2 P + E - F       product 3 P + 5 E - 3 F")
    print("                   differences (P + 1) P      central 2 P P")
    print("                   hessian P times product")
    print("  messages         along synapses: E forward, E - F back")
    _experiment.print_finding(finding(by_seed), NOT_SO)
    if arguments.log:
        layers = "-".join(map(str, sizes[-1]))
        print(f"The log is of the gradient of {layers}: {arguments.log.path}")
    draw(costs, arguments)


def count_differing(by_seed: list[list[Cost]]) -> int:
    """Return the number of networks whose counts differ from those of the first seed."""
    return sum(
        cost.counts != first.counts
        for those in by_seed
        for cost, first in zip(those, by_seed[0], strict=True)
    )


def finding(by_seed: list[list[Cost]]) -> str:
    """Return in one sentence what these counts show."""
    costs = by_seed[0]
    exact = all(cost.counts == expected(cost.shape) for those in by_seed for cost in those)
    powers = {what: power(costs, what, "products") for what in METHODS}
    linear = all(
        power(costs, what, which) < 1.25
        for what in ("gradient", "product")
        for which in Count._fields
    )
    square = all(
        power(costs, what, which) > 1.75
        for what in ("differences", "hessian")
        for which in Count._fields
    )
    text = f"""the multiplications of a gradient grow with power {powers["gradient"]:.2f} of the
        number of parameters, those of a product with the Hessian with {powers["product"]:.2f}, of
        differences with {powers["differences"]:.2f}, and of the Hessian with
        {powers["hessian"]:.2f}"""
    if exact and linear and square:
        return f"{text}; all counts are exactly those of the formulas."
    return f"{text}; these are not the expected ones, or some counts are not those of the formulas."


def draw(costs: list[Cost], arguments: Namespace) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained", sharey=True)
    figure.suptitle(
        "The work for one example: a gradient is linear, differences are quadratic",
        fontsize=14,
    )
    p = np.array([cost.shape.parameters for cost in costs])
    looks = {
        "hessian": (WINE, "s", "the whole Hessian"),
        "differences": (GOLD, "^", "gradient by differences"),
        "product": (PURPLE, "D", "product with the Hessian"),
        "gradient": (GREEN, "o", "gradient by urgencies"),
    }
    for axis, which, title in zip(
        axes, Count._fields, ("messages", "multiplications"), strict=True
    ):
        for what, (colour, marker, name) in looks.items():
            counted = [getattr(cost.counts[what], which) for cost in costs]
            label = f"{name}: power {power(costs, what, which):.2f}"
            axis.loglog(
                p, counted, color=colour, marker=marker, linewidth=1.5, markersize=6, label=label
            )
        axis.set(xlabel="parameters", title=f"{title}, counted")
        axis.set_xticks([10, 20, 50, 100, 200, 500], ["10", "20", "50", "100", "200", "500"])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=9, loc="upper left")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("how many")
    _common.save_figure(figure, arguments.out, "linear_cost.png")


if __name__ == "__main__":
    _experiment.run(main, __doc__, SEEDS)
