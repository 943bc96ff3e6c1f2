"""A saddle of the loss, and what gets a society off it.

A network with two inputs, four hidden neurons and one output answers: are the
two inputs different? It starts at a saddle: all urgencies cancel exactly, so no
parameter changes, although the loss falls in some directions. Which kind of
learning finds them? Then random starts: how many of them end well, and where do
the others end?
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import _common
import _experiment
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.support.palette import INK, KINDS, MUTED, PAPER

SEEDS = _experiment.Seeds(quick=4, usual=40, full=400)
SADDLES = 20  # at most so many seeds start from a saddle too
# Patterns that differ only in sign are neighbours: so their urgencies cancel exactly in every sum.
X = np.array([[-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [1.0, -1.0]])
TARGETS = np.array([[0.0], [0.0], [1.0], [1.0]])
LOSS = "cross_entropy"
# Below these losses a society has left the saddle (there it is ln 2 = 0.693), or solved the task.
LEFT, SOLVED = 0.6, 0.1
PATIENCE, NOISE = 1000, 1e-6
HIDDEN, STEPS, LATER = (2, 3, 4, 8), 150, 450
# The loss with two patterns right, and 0.5 for the other two.
PLATEAU = np.log(2) / 2
SHOWN, REACH = 160, 2.6  # in the figure: number of steps, and extent of the slice
GREEN, PURPLE, WINE = KINDS[:3]


@dataclass(frozen=True)
class Shaken(na.rules.Rule):
    """Backpropagation in which a neuron adds noise of its own to the urgencies of its parameters.

    Attributes:
        size: Standard deviation of the noise.
        seed: Seed of the noise; each neuron has a stream of its own.
    """

    size: float
    seed: int

    def neuron(self, network: na.Network, k: int, sums: Any) -> na.rules.NeuronRule:
        """See `Rule.neuron`."""
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(k,)))

        def mean_products(rows, values, out) -> None:
            sums.mean_products(rows, values, out)
            out += self.size * rng.standard_normal(len(out))

        return super().neuron(network, k, sums._replace(mean_products=mean_products))


def make_network(hidden: np.ndarray, output: np.ndarray) -> na.Network:
    """Return a network without biases.

    Args:
        hidden: The weights of n hidden neurons. Shape (n, 2).
        output: The weights of the output. Shape (n,).
    """
    return na.Network.from_matrices(
        [hidden, output[None]], [np.zeros(len(hidden)), np.zeros(1)], ["tanh", "sigmoid"]
    )


def make_saddle(seed: int) -> na.Network:
    """Return random hidden neurons, and an output whose weights are all 0."""
    return make_network(np.random.default_rng(seed).standard_normal((4, 2)), np.zeros(4))


def make_start(seed: int, hidden: int) -> na.Network:
    """Return a random start with so many hidden neurons."""
    rng = np.random.default_rng([seed, hidden])
    return make_network(rng.standard_normal((hidden, 2)), rng.standard_normal(hidden))


def join(network: na.Network) -> np.ndarray:
    """Return all parameters as one array: the weights, then the biases. Shape (n_parameters,)."""
    return np.concatenate([network.weights, network.biases[~network.is_input]])


def split(network: na.Network, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Undo `join`: return weights (n_synapses,) and biases (n_neurons,) of an array."""
    n, biases = len(network.weights), np.zeros(len(network.ids))
    biases[~network.is_input] = direction[n:]
    return direction[:n], biases


def hessian_operator(net: na.Network, x: np.ndarray, targets: np.ndarray, loss: str) -> Any:
    """Return the Hessian as a scipy `LinearOperator`.

    It is never computed. The society multiplies it by any direction.

    Args:
        net: The network.
        x: The examples. Shape (batch, n_inputs).
        targets: Their targets. Shape (batch, n_outputs).
        loss: Name of the loss.
    """
    try:
        from scipy.sparse.linalg import LinearOperator
    except ImportError:
        raise na.InputError("this experiment needs scipy: pip install scipy") from None

    def product(direction: np.ndarray) -> np.ndarray:
        found = na.hessian_vector_product(
            net, x, targets, *split(net, direction.ravel()), loss=loss
        )
        return np.concatenate([found.weights, found.biases[~net.is_input]])

    n = len(join(net))
    return LinearOperator((n, n), matvec=product, dtype=float)


def find_extreme_eigenvalues(net: na.Network) -> tuple[np.ndarray, np.ndarray]:
    """Return the Hessian's lowest and highest eigenvalue, by Lanczos' method.

    Returns:
        The eigenvalues, shape (2,), and their directions, shape (n_parameters, 2).
    """
    operator = hessian_operator(net, X, TARGETS, LOSS)
    from scipy.sparse.linalg import eigsh

    n = operator.shape[0]
    return eigsh(operator, k=2, which="BE", v0=np.random.default_rng(0).standard_normal(n))


class Path(NamedTuple):
    """How a society learnt from a saddle.

    Attributes:
        losses: Loss of all patterns, before the first step and after each. Shape (steps + 1,).
        points: The parameters at the same times, if they were asked for.
            Shape (steps + 1, n_parameters).
    """

    losses: np.ndarray
    points: np.ndarray

    @property
    def left(self) -> int | None:
        """Number of steps after which it had left the saddle; None if it never did."""
        below = np.flatnonzero(self.losses < LEFT)
        return int(below[0]) if len(below) else None


def mean_loss(p: np.ndarray) -> float:
    """Return the mean loss of the answers p to the four patterns. Shape (4, 1)."""
    p = np.clip(p, 1e-15, 1 - 1e-15)
    return float(-np.mean(TARGETS * np.log(p) + (1 - TARGETS) * np.log(1 - p)))


def choose_patterns(how: str, seed: int) -> Iterator[list[int]]:
    """Yield the patterns of each step: a random one if `how` is "single", else all."""
    rng = np.random.default_rng([seed, 1])
    while True:
        yield [int(rng.integers(4))] if how == "single" else [0, 1, 2, 3]


def learn(
    net: na.Network,
    how: str,
    seed: int,
    steps: int,
    traced: bool = False,
    log: na.Recording | None = None,
) -> Path:
    """Let a society learn until it has left the saddle, but for at most `steps` steps.

    Args:
        net: The start.
        how: One of WAYS: "full", "single" or "noise".
        seed: Seed of the patterns or of the noise.
        steps: Largest number of steps.
        traced: Do all steps, and note the parameters after each.
        log: Records the messages; None: no log.
    """
    rule = Shaken(NOISE, seed) if how == "noise" else None

    async def run() -> Path:
        losses, points = [], []
        async with na.open_simulation(net, log=log, rule=rule) as simulation:
            for seen in choose_patterns(how, seed):
                losses.append(mean_loss(await simulation.predict(X)))
                if traced:
                    points.append(join(await simulation.network()))
                if len(losses) > steps or (losses[-1] < LEFT and not traced):
                    break
                await simulation.train_step(X[seen], TARGETS[seen], LOSS, optimizer=na.SGD(1.0))
        return Path(np.array(losses), np.array(points))

    return trio.run(run)


class Saddle(NamedTuple):
    """What was measured at one saddle.

    Attributes:
        gradient: Largest absolute value in the gradient.
        down: Number of eigenvalues of the Hessian below 0.
        up: Number of eigenvalues above 0.
        lowest: The lowest eigenvalue.
        left: By way of learning: after how many steps it had left, or None.
    """

    gradient: float
    down: int
    up: int
    lowest: float
    left: dict[str, int | None]


def measure(seed: int) -> Saddle:
    """Measure a saddle, and let a society leave it in each of WAYS."""
    net = make_saddle(seed)
    gradient = na.gradient(net, X, TARGETS, LOSS)
    operator = hessian_operator(net, X, TARGETS, LOSS)
    hessian = operator @ np.eye(operator.shape[0])
    eigenvalues = np.linalg.eigvalsh(hessian)
    left = {how: learn(net, how, seed, PATIENCE).left for how in ("full", "single", "noise")}
    largest = float(max(np.abs(gradient.weights).max(), np.abs(gradient.biases).max()))
    down, up = (int(np.sum(sign * eigenvalues > 1e-9)) for sign in (-1, 1))
    return Saddle(largest, down, up, float(eigenvalues[0]), left)


def separate_equals(seed: int, how: str) -> float:
    """Return how far apart two hidden neurons are after 100 steps that started as equals.

    The output's weights for both are equal too.
    """
    rng = np.random.default_rng([seed, 2])
    net = make_network(np.tile(rng.standard_normal(2), (2, 1)), np.full(2, rng.standard_normal()))
    last = learn(net, how, seed, 100, traced=True).points[-1]
    return float(np.abs(last[:2] - last[2:4]).max())


class End(NamedTuple):
    """Where a start led to.

    Attributes:
        steps: Number of steps until the task was solved, or None.
        excess: If it was not solved: loss minus PLATEAU after STEPS and after LATER steps.
        growth: If it was not solved: by which factor the norm of all parameters grew in between.
    """

    steps: int | None
    excess: tuple[float, float] | None = None
    growth: float | None = None


def run_start(seed: int, hidden: int) -> End:
    """Learn from a random start: all patterns at once, with momentum."""

    async def run() -> End:
        norms, excess = [], []
        async with na.open_simulation(make_start(seed, hidden)) as simulation:
            for step in range(1, LATER + 1):
                result = await simulation.train_step(
                    X, TARGETS, LOSS, optimizer=na.SGD(1.0, momentum=0.9)
                )
                if step <= STEPS and result.loss < SOLVED:
                    return End(step - 1)
                if step in (STEPS, LATER):
                    norms.append(np.linalg.norm(join(await simulation.network())))
                    excess.append(result.loss - PLATEAU)
        return End(None, tuple(excess), float(norms[1] / norms[0]))

    return trio.run(run)


def compute_slice(
    net: na.Network, directions: np.ndarray, across: np.ndarray, along: np.ndarray
) -> np.ndarray:
    """Return the loss on a plane through the network's parameters.

    Args:
        net: The network.
        directions: The two directions of the plane. Shape (n_parameters, 2).
        across: Distances along the second direction. Shape (n_across,).
        along: Distances along the first direction. Shape (n_along,).

    Returns:
        The losses, each from a society with these parameters. Shape (n_along, n_across).
    """

    async def losses() -> np.ndarray:
        found = np.empty((len(along), len(across)))
        for i, a in enumerate(along):
            for j, b in enumerate(across):
                moved = net.with_parameters(*split(net, join(net) + directions @ [a, b]))
                async with na.open_simulation(moved) as simulation:
                    found[i, j] = mean_loss(await simulation.predict(X))
        return found

    return trio.run(losses)


WAYS = {
    "full": "all four patterns at once",
    "single": "a single pattern",
    "noise": "all four, noise of 1e-6",
}
NOT_SO = """that noise breaks every symmetry. Two hidden neurons with equal parameters, for which
the output has equal weights, stay equal, in whichever order the patterns come; only noise of their
own separates them. Nor that a real society meets a gradient of exactly 0: here the start was made
so. Nor that a start which fails ends in a local minimum: its loss still falls, ever more slowly,
while its weights grow. For the squared error, Sprinkhuizen-Kuyper and Boers (1999) show that with
two hidden neurons there is a way down from everywhere."""


def main(arguments: Namespace) -> None:
    _experiment.print_question(
        "Landscape",
        "what gets a society off a saddle, where the gradient is 0 although the loss falls in some "
        "directions? And how many random starts end well?",
        f"""the task: are two inputs different? Hidden neurons with tanh, one output; cross-entropy;
        rate 1. From a saddle: four hidden neurons, at most {PATIENCE:,} steps. From random starts:
        {STEPS} steps with momentum 0.9.""",
    )
    seeds = arguments.seeds
    saddles = _experiment.run_all("saddles", measure, [(seed,) for seed in seeds[:SADDLES]])
    cases = [(seed, hidden) for hidden in HIDDEN for seed in seeds]
    found = dict(zip(cases, _experiment.run_all("starts", run_start, cases), strict=True))
    ended = {hidden: [found[seed, hidden] for seed in seeds] for hidden in HIDDEN}

    print("FROM A SADDLE\n")
    lowest = [one.lowest for one in saddles]
    down, up = (list_different([getattr(s, name) for s in saddles]) for name in ("down", "up"))
    print(f"{len(saddles)} saddles; the Hessian by its products with directions:\n")
    print(f"  largest value in the gradient       {max(one.gradient for one in saddles)!r}")
    print(f"  directions that curve down, and up  {down}, {up} of 17")
    print(f"  the lowest eigenvalue               {np.mean(lowest):.3f} ± {np.std(lowest):.3f}\n")
    rows = []
    for how, name in WAYS.items():
        left = [one.left[how] for one in saddles]
        steps = [steps for steps in left if steps is not None]
        rows.append(
            [
                name,
                f"{len(steps)} of {len(left)}",
                f"{np.median(steps):.0f}" if steps else "-",
                str(max(steps, default="-")),
            ]
        )
    _experiment.print_table(["in each step", "left", "median steps", "most"], rows)

    print("\nFROM RANDOM STARTS\n")
    rows = []
    for hidden, those in ended.items():
        stuck = [one for one in those if one.steps is None]
        near = sum(abs(one.excess[0]) < 0.01 for one in stuck)
        rows.append([str(hidden), f"{1 - len(stuck) / len(those):.1%}", str(len(stuck)), str(near)])
    _experiment.print_table(
        ["hidden neurons", f"solved, of {len(seeds)}", "not", "of these at ln 2 / 2"], rows
    )
    stuck = [one for those in ended.values() for one in those if one.steps is None]
    if stuck:
        first, last = np.median([one.excess for one in stuck], axis=0)
        still = sum(one.excess[1] < one.excess[0] and one.growth > 1 for one in stuck)
        print(f"\n{len(stuck)} starts have not solved it. {still} of these still get better, while")
        print(
            f"their parameters grow. The loss minus ln 2 / 2 = {PLATEAU:.5f} (medians): {first:.5f}"
        )
        print(f"after {STEPS} steps, {last:.5f} after {LATER} steps.")

    seed = seeds[0]
    print("\nDistance between two identical hidden neurons after 100 steps:\n")
    for how in ("single", "noise"):
        print(f"  {WAYS[how]:26} {separate_equals(seed, how):.1g}")
    _experiment.print_finding(finding(saddles, ended), NOT_SO)
    path = learn(make_saddle(seed), "single", seed, SHOWN, traced=True, log=arguments.log)
    if arguments.log:
        print(
            f"The log is of the society that leaves the saddle of seed {seed} by single patterns:"
        )
        print(arguments.log.path)
    draw(seed, path, ended, arguments)


def finding(saddles: list[Saddle], ended: dict[int, list[End]]) -> str:
    """Return in one sentence what these figures show."""
    of = len(saddles)
    left = {how: sum(one.left[how] is not None for one in saddles) for how in WAYS}
    shares = {
        hidden: np.mean([one.steps is not None for one in those]) for hidden, those in ended.items()
    }
    counts = f"""with all four patterns at once, {left["full"]} of {of} societies left the saddle,
        with single patterns {left["single"]}, with noise of 1e-6 {left["noise"]}; of the random
        starts, {shares[2]:.1%} were solved with 2 hidden neurons, {shares[8]:.1%} with 8."""
    as_expected = left["full"] == 0 and left["single"] == left["noise"] == of
    if as_expected and shares[2] <= 0.8 and shares[8] >= 0.95:
        return (
            "the exact gradient does not leave a point where it is 0, and any disturbance does; "
            f"and more neurons fail less often: {counts}"
        )
    return f"the figures of this run do not show it clearly: {counts}"


def list_different(numbers: list[int]) -> str:
    """Return the different numbers as text, such as "4 or 5"."""
    return " or ".join(map(str, sorted(set(numbers))))


def draw(seed: int, single: Path, ended: dict[int, list[End]], arguments: Namespace) -> None:
    """Draw the figure."""
    plt = _common.import_pyplot()
    if plt is None:
        return
    net = make_saddle(seed)
    paths = {
        "full": learn(net, "full", seed, SHOWN, traced=True),
        "single": single,
        "noise": learn(net, "noise", seed, SHOWN, traced=True),
    }
    figure = plt.figure(figsize=(11, 5.6), layout="constrained")
    figure.suptitle(
        "On a saddle the full gradient is 0: only a disturbance finds the way down",
        fontsize=14,
    )
    left, right = figure.subfigures(1, 2, width_ratios=[1.5, 1])
    draw_surface(left.add_subplot(projection="3d"), net, paths)
    above, below = right.subplots(2, 1)
    draw_losses(above, paths)
    draw_shares(below, ended)
    _common.save_figure(figure, arguments.out, "landscape.png")


def draw_surface(axis, net: na.Network, paths: dict[str, Path]) -> None:
    """Draw the loss on the plane of the two extreme eigenvalues, and the paths, projected on it."""
    _, directions = find_extreme_eigenvalues(net)
    side = np.linspace(-REACH, REACH, 31)
    heights = compute_slice(net, directions, side, side)
    plane = np.meshgrid(side, side, indexing="ij")
    axis.computed_zorder = False
    axis.plot_surface(
        *plane,
        heights,
        cmap="Greys",
        vmin=-0.5,
        vmax=2.5,
        linewidth=0,
        rstride=1,
        cstride=1,
        zorder=1,
    )
    axis.contour(*plane, heights, 16, colors=INK, linewidths=0.3, zorder=2)
    for how, colour in (("single", PURPLE), ("noise", GREEN)):
        moved = (paths[how].points - join(net)) @ directions
        inside = np.logical_and.accumulate(np.abs(moved).max(axis=1) <= REACH)
        on = [
            compute_slice(net, directions, [across], [along])[0, 0]
            for along, across in moved[inside]
        ]
        axis.plot(*moved[inside].T, np.array(on) + 0.02, color=colour, linewidth=2, zorder=4)
    axis.scatter(
        [0],
        [0],
        [mean_loss(np.full((4, 1), 0.5)) + 0.02],
        color=WINE,
        edgecolor=PAPER,
        s=70,
        zorder=5,
    )
    axis.set_xlabel("along the lowest eigenvalue", labelpad=2)
    axis.set_ylabel("along the highest", labelpad=2)
    axis.set_zlabel("loss", labelpad=2)
    axis.set(xticks=[-2, 0, 2], yticks=[-2, 0, 2], zticks=[0.5, 1, 1.5])
    axis.set_title(
        "loss on a plane through the saddle, and the paths, projected on it", fontsize=11
    )
    axis.view_init(elev=38, azim=-58)
    axis.set_box_aspect((1, 1, 0.6), zoom=0.95)


def draw_losses(axis, paths: dict[str, Path]) -> None:
    """Draw the loss over the steps of each path."""
    for (how, path), colour, dashes in zip(
        paths.items(), (WINE, PURPLE, GREEN), ("--", "-", "-."), strict=True
    ):
        axis.plot(path.losses, dashes, color=colour, linewidth=1.8, label=WAYS[how])
    axis.set(xlabel="step", xlim=(0, SHOWN), ylim=(0, 1.6), ylabel="loss")
    axis.set_title("loss of all four patterns", fontsize=11)
    axis.legend(frameon=False, fontsize=9, loc="upper right")
    axis.spines[["top", "right"]].set_visible(False)


def draw_shares(axis, ended: dict[int, list[End]]) -> None:
    """Draw how many of the random starts solve the task."""
    solved = [100 * np.mean([one.steps is not None for one in those]) for those in ended.values()]
    bars = axis.bar([str(hidden) for hidden in ended], solved, color=MUTED, width=0.6)
    axis.bar_label(bars, fmt="%.1f %%", fontsize=9)
    axis.set(xlabel="hidden neurons", ylim=(0, 115), yticks=[0, 50, 100])
    axis.set_title(f"starts that solve the task, of {len(ended[2])}, in %", fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    _experiment.run(main, __doc__, SEEDS)
