"""A landscape with a saddle, and what gets a society off it.

Two inputs, four hidden neurons, one that answers: are the two inputs different?
It starts where all urgencies cancel exactly. Nobody wants to change anything,
though it is no valley: some ways lead down. Which kind of learning finds them?
And from anywhere else: how many starts end well, and where do the others end?
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

SEEDS = _experiment.Seeds(quick=4, usual=40, full=400)
SADDLES = 20  # of the seeds, at most, that also start from a saddle
# Patterns that differ only in sign stand side by side: so what they ask for cancels exactly, however it is added.
X = np.array([[-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [1.0, -1.0]])
TARGETS = np.array([[0.0], [0.0], [1.0], [1.0]])
LOSS = "cross_entropy"
LEFT, SOLVED = (
    0.6,
    0.1,
)  # below which loss it has left the saddle (there it is ln 2 = 0.693), or solved the task
PATIENCE, NOISE = 1000, 1e-6
HIDDEN, STEPS, LATER = (2, 3, 4, 8), 150, 450
PLATEAU = (
    np.log(2) / 2
)  # two patterns right, of the other two it only knows that one is 0 and one is 1
SHOWN, REACH = 160, 2.6  # in the figure: how many steps, and how far the slice goes
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"


@dataclass(frozen=True)
class Shaken(na.rules.Rule):
    """Backpropagation by neurons with a trembling hand: to each of its urgencies a neuron adds noise of a stream of its
    own."""

    size: float
    seed: int

    def neuron(self, network: na.Network, k: int, sums: Any) -> na.rules.NeuronRule:
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(k,)))

        def shaken(rows, values, out) -> None:
            sums.mean_products(rows, values, out)
            out += self.size * rng.standard_normal(len(out))

        return super().neuron(network, k, sums._replace(mean_products=shaken))


def society(hidden: np.ndarray, output: np.ndarray) -> na.Network:
    """hidden: (n, 2), the weights of n hidden neurons; output: (n,), those of the one that answers; all biases are 0."""
    return na.Network.from_matrices(
        [hidden, output[None]], [np.zeros(len(hidden)), np.zeros(1)], ["tanh", "sigmoid"]
    )


def saddle(seed: int) -> na.Network:
    """Hidden neurons that hear, each in its own way, and an output that heeds none of them."""
    return society(np.random.default_rng(seed).standard_normal((4, 2)), np.zeros(4))


def start(seed: int, hidden: int) -> na.Network:
    """A start anywhere."""
    rng = np.random.default_rng([seed, hidden])
    return society(rng.standard_normal((hidden, 2)), rng.standard_normal(hidden))


def values(network: na.Network) -> np.ndarray:
    """All parameters as one direction: the weights, then the neurons' biases."""
    return np.concatenate([network.weights, network.biases[~network.is_input]])


def parts(network: na.Network, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The other way: weights and biases, as the network lists them."""
    n, biases = len(network.weights), np.zeros(len(network.ids))
    biases[~network.is_input] = direction[n:]
    return direction[:n], biases


def products(net: na.Network, x: np.ndarray, targets: np.ndarray, loss: str) -> Any:
    """The Hessian as scipy takes it: nobody has it, but the society can multiply it with any direction."""
    try:
        from scipy.sparse.linalg import LinearOperator
    except ImportError:
        raise na.InputError("this experiment needs scipy: pip install scipy") from None

    def product(direction: np.ndarray) -> np.ndarray:
        found = na.hessian_vector_product(
            net, x, targets, *parts(net, direction.ravel()), loss=loss
        )
        return np.concatenate([found.weights, found.biases[~net.is_input]])

    n = len(values(net))
    return LinearOperator((n, n), matvec=product, dtype=float)


def ends(net: na.Network) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest eigenvalue of the Hessian, and their directions in columns, by Lanczos' method."""
    operator = products(net, X, TARGETS, LOSS)
    from scipy.sparse.linalg import eigsh

    n = operator.shape[0]
    return eigsh(operator, k=2, which="BE", v0=np.random.default_rng(0).standard_normal(n))


class Path(NamedTuple):
    """Learning from a saddle. losses: of all patterns, before the first step and after each.  places: the parameters
    then, (steps + 1, n), if they were asked for."""

    losses: np.ndarray
    places: np.ndarray

    @property
    def left(self) -> int | None:
        """After how many steps it had left."""
        below = np.flatnonzero(self.losses < LEFT)
        return int(below[0]) if len(below) else None


def mean_loss(p: np.ndarray) -> float:
    """p: (4, 1), what is said of each pattern."""
    p = np.clip(p, 1e-15, 1 - 1e-15)
    return float(-np.mean(TARGETS * np.log(p) + (1 - TARGETS) * np.log(1 - p)))


def patterns(how: str, seed: int) -> Iterator[list[int]]:
    """Which patterns each step sees: all, or a single one that is drawn."""
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
    """Let a society learn until it has left, at most `steps`; or, traced, `steps` in any case. how: "full", "single" or
    "noise"."""
    rule = Shaken(NOISE, seed) if how == "noise" else None

    async def live() -> Path:
        losses, places = [], []
        async with na.open_simulation(net, log=log, rule=rule) as simulation:
            for seen in patterns(how, seed):
                losses.append(mean_loss(await simulation.predict(X)))
                if traced:
                    places.append(values(await simulation.network()))
                if len(losses) > steps or (losses[-1] < LEFT and not traced):
                    break
                await simulation.train_step(X[seen], TARGETS[seen], LOSS, optimizer=na.SGD(1.0))
        return Path(np.array(losses), np.array(places))

    return trio.run(live)


class Saddle(NamedTuple):
    """A saddle. gradient: the largest absolute value in it.  down, up: how many eigenvalues are below and above 0.
    lowest: of them.  left: after how many steps each kind of learning had left, or None."""

    gradient: float
    down: int
    up: int
    lowest: float
    left: dict[str, int | None]


def measure(seed: int) -> Saddle:
    net = saddle(seed)
    gradient = na.gradient(net, X, TARGETS, LOSS)
    operator = products(net, X, TARGETS, LOSS)
    hessian = operator @ np.eye(operator.shape[0])
    eigenvalues = np.linalg.eigvalsh(hessian)
    left = {how: learn(net, how, seed, PATIENCE).left for how in ("full", "single", "noise")}
    largest = float(max(np.abs(gradient.weights).max(), np.abs(gradient.biases).max()))
    down, up = (int(np.sum(sign * eigenvalues > 1e-9)) for sign in (-1, 1))
    return Saddle(largest, down, up, float(eigenvalues[0]), left)


def twins(seed: int, how: str) -> float:
    """How far apart two hidden neurons are after 100 steps that began as equals, the output heeding them alike."""
    rng = np.random.default_rng([seed, 2])
    net = society(np.tile(rng.standard_normal(2), (2, 1)), np.full(2, rng.standard_normal()))
    last = learn(net, how, seed, 100, traced=True).places[-1]
    return float(np.abs(last[:2] - last[2:4]).max())


class End(NamedTuple):
    """Where a start led to. steps: after how many the task was solved, or None.  Where it was not, else None: excess,
    by how much the loss is above the plateau after STEPS and after LATER steps; growth, how many times as long the
    parameters, as a whole, are then."""

    steps: int | None
    excess: tuple[float, float] | None = None
    growth: float | None = None


def end(seed: int, hidden: int) -> End:
    """A start, learning from all patterns at once, with momentum."""

    async def live() -> End:
        lengths, excess = [], []
        async with na.open_simulation(start(seed, hidden)) as simulation:
            for step in range(1, LATER + 1):
                result = await simulation.train_step(
                    X, TARGETS, LOSS, optimizer=na.SGD(1.0, momentum=0.9)
                )
                if step <= STEPS and result.loss < SOLVED:
                    return End(step - 1)
                if step in (STEPS, LATER):
                    lengths.append(np.linalg.norm(values(await simulation.network())))
                    excess.append(result.loss - PLATEAU)
        return End(None, tuple(excess), float(lengths[1] / lengths[0]))

    return trio.run(live)


def slice_through(
    net: na.Network, directions: np.ndarray, across: np.ndarray, along: np.ndarray
) -> np.ndarray:
    """The loss around a society's parameters, (len(along), len(across)), as societies say it that stand there.

    directions: (n, 2), in columns; across and along: how far to go along the second and the first.
    """

    async def losses() -> np.ndarray:
        found = np.empty((len(along), len(across)))
        for i, a in enumerate(along):
            for j, b in enumerate(across):
                there = net.with_parameters(*parts(net, values(net) + directions @ [a, b]))
                async with na.open_simulation(there) as simulation:
                    found[i, j] = mean_loss(await simulation.predict(X))
        return found

    return trio.run(losses)


WAYS = {
    "full": "all four patterns at once",
    "single": "a single pattern a step",
    "noise": "all four, noise of 1e-6",
}
NOT_SO = """that noise cures every symmetry. Two hidden neurons that are equal, and equally heeded, hear and say the same
for ever, however the patterns are drawn; only noise that each has for itself parts them. Nor that a real society meets a
gradient of exactly 0: here the start was made so. Nor that who fails lies in a pit: his loss still falls, ever more
slowly, while his weights grow. For the squared error, Sprinkhuizen-Kuyper and Boers (1999) show that with two
hidden neurons a way down leads from everywhere."""


def main(arguments: Namespace) -> None:
    _experiment.print_question(
        "Landscape",
        "what gets a society off a saddle, where the gradient is 0 though ways lead down; and how many starts end well?",
        f"""are two inputs different? Hidden neurons say tanh, one neuron answers; penalty: cross entropy; rate 1. From a
        saddle: four hidden neurons, at most {PATIENCE:,} steps. From anywhere: {STEPS} steps with momentum 0.9.""",
    )
    seeds = arguments.seeds
    saddles = _experiment.run_all("saddles", measure, [(seed,) for seed in seeds[:SADDLES]])
    cases = [(seed, hidden) for hidden in HIDDEN for seed in seeds]
    found = dict(zip(cases, _experiment.run_all("starts", end, cases), strict=True))
    ended = {hidden: [found[seed, hidden] for seed in seeds] for hidden in HIDDEN}

    print("FROM A SADDLE\n")
    lowest = [one.lowest for one in saddles]
    print(f"In {len(saddles)} saddles, by products of the Hessian with directions:\n")
    print(f"  largest value in the gradient       {max(one.gradient for one in saddles)!r}")
    print(
        f"  directions that curve down, and up  {several([s.down for s in saddles])}, {several([s.up for s in saddles])} of 17"
    )
    print(f"  the lowest eigenvalue               {np.mean(lowest):.3f} ± {np.std(lowest):.3f}\n")
    rows = []
    for how, told in WAYS.items():
        left = [one.left[how] for one in saddles]
        steps = [steps for steps in left if steps is not None]
        rows.append(
            [
                told,
                f"{len(steps)} of {len(left)}",
                f"{np.median(steps):.0f}" if steps else "-",
                str(max(steps, default="-")),
            ]
        )
    _experiment.print_table(["each step sees", "left", "median steps", "most"], rows)

    print("\nFROM ANYWHERE\n")
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
        print(
            f"\nOf the {len(stuck)} that have not solved it, {still} still get better, while their parameters"
        )
        print(f"grow: after {STEPS} steps the loss is {first:.5f} above ln 2 / 2 = {PLATEAU:.5f},")
        print(f"after {LATER} steps {last:.5f} (medians).")

    seed = seeds[0]
    apart = {how: twins(seed, how) for how in ("single", "noise")}
    print("\nTwo hidden neurons that begin as equals are apart, after 100 steps:\n")
    for how, far in apart.items():
        print(f"  {WAYS[how]:26} {far:.1g}")
    _experiment.print_finding(finding(saddles, ended), NOT_SO)
    path = learn(saddle(seed), "single", seed, SHOWN, traced=True, log=arguments.log)
    if arguments.log:
        print(
            f"The log is of the society that leaves the saddle of seed {seed} by single\npatterns: {arguments.log.path}"
        )
    draw(seed, path, ended, arguments)


def finding(saddles: list[Saddle], ended: dict[int, list[End]]) -> str:
    """What these figures say."""
    of = len(saddles)
    left = {how: sum(one.left[how] is not None for one in saddles) for how in WAYS}
    shares = {
        hidden: np.mean([one.steps is not None for one in those]) for hidden, those in ended.items()
    }
    counts = f"""all four patterns at once left the saddle in {left["full"]} of {of}, single patterns in {left["single"]}, noise
        of 1e-6 in {left["noise"]}; of all starts, {shares[2]:.1%} were solved with 2 hidden neurons, {shares[8]:.1%} with 8."""
    as_expected = left["full"] == 0 and left["single"] == left["noise"] == of
    if as_expected and shares[2] <= 0.8 and shares[8] >= 0.95:
        return f"the exact gradient stays where it is 0, and what disturbs it leads away; and more neurons fail less: {counts}"
    return f"the figures of this run do not say so clearly: {counts}"


def several(numbers: list[int]) -> str:
    return " or ".join(map(str, sorted(set(numbers))))


def draw(seed: int, single: Path, ended: dict[int, list[End]], arguments: Namespace) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    net = saddle(seed)
    paths = {
        "full": learn(net, "full", seed, SHOWN, traced=True),
        "single": single,
        "noise": learn(net, "noise", seed, SHOWN, traced=True),
    }
    figure = plt.figure(figsize=(11, 5.6), layout="constrained")
    figure.suptitle(
        "On a saddle the full gradient is 0: it takes a disturbance to find the way down",
        fontsize=14,
    )
    left, right = figure.subfigures(1, 2, width_ratios=[1.5, 1])
    surface(left.add_subplot(projection="3d"), net, paths)
    above, below = right.subplots(2, 1)
    losses(above, paths)
    shares(below, ended)
    _common.save_figure(figure, arguments.out, "landscape.png")


def surface(axis, net: na.Network, paths: dict[str, Path]) -> None:
    """The slice along the lowest and the highest eigenvalue's directions, and the shadows of the paths on it."""
    _, directions = ends(net)
    side = np.linspace(-REACH, REACH, 31)
    heights = slice_through(net, directions, side, side)
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
    axis.contour(*plane, heights, 16, colors="#555555", linewidths=0.5, zorder=2)
    for how, colour in (("single", ORANGE), ("noise", GREEN)):
        moved = (paths[how].places - values(net)) @ directions
        inside = np.logical_and.accumulate(np.abs(moved).max(axis=1) <= REACH)
        on = [
            slice_through(net, directions, [across], [along])[0, 0]
            for along, across in moved[inside]
        ]
        axis.plot(*moved[inside].T, np.array(on) + 0.02, color=colour, linewidth=2, zorder=4)
    axis.scatter(
        [0],
        [0],
        [mean_loss(np.full((4, 1), 0.5)) + 0.02],
        color=BLUE,
        edgecolor="white",
        s=70,
        zorder=5,
    )
    axis.set_xlabel("along the lowest eigenvalue", labelpad=2)
    axis.set_ylabel("along the highest", labelpad=2)
    axis.set(xticks=[-2, 0, 2], yticks=[-2, 0, 2], zticks=[0.5, 1, 1.5])
    axis.set_title(
        "loss on a slice through the saddle, and the shadows of the paths on it", fontsize=11
    )
    axis.view_init(elev=38, azim=-58)
    axis.set_box_aspect((1, 1, 0.6), zoom=0.95)


def losses(axis, paths: dict[str, Path]) -> None:
    for (how, path), colour, dashes in zip(
        paths.items(), (BLUE, ORANGE, GREEN), ("--", "-", "-."), strict=True
    ):
        axis.plot(path.losses, dashes, color=colour, linewidth=1.8, label=WAYS[how])
    axis.set(xlabel="step", xlim=(0, SHOWN), ylim=(0, 1.6), ylabel="loss")
    axis.set_title("loss of all four patterns", fontsize=11)
    axis.legend(frameon=False, fontsize=9, loc="upper right")
    axis.spines[["top", "right"]].set_visible(False)


def shares(axis, ended: dict[int, list[End]]) -> None:
    solved = [100 * np.mean([one.steps is not None for one in those]) for those in ended.values()]
    bars = axis.bar([str(hidden) for hidden in ended], solved, color=BLUE, width=0.6)
    axis.bar_label(bars, fmt="%.1f %%", fontsize=9)
    axis.set(xlabel="hidden neurons", ylim=(0, 115), yticks=[0, 50, 100])
    axis.set_title(f"starts that solve the task, of {len(ended[2])}, in %", fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    _experiment.run(main, __doc__, SEEDS)
