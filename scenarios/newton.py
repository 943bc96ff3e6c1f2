"""Newton's method in a society: by messages, without a centre.

Each neuron has its own part of every vector that conjugate gradients need. A
message with two numbers for each example brings it its part of the Hessian's
product with a direction. Sums over all parameters go up a tree of messages, one
synapse for each neuron, and the environment receives a few scalars. Does it
save messages, and where does it lead?
"""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple

import _common
import _experiment
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.support.palette import KINDS, MUTED, PAPER
from neuro_actors.support.text import format_loss

SMALL = 1e-8  # a run ends when the norm of the gradient is smaller
WHOLE = na.SGD(1.0)  # takes a Newton step without scaling it
L2 = (1e-2, 1e-3, 1e-4)  # of the logistic regression; by default the first two
RATES = (8.0, 4.0, 2.0, 1.0)  # at rate 12, seeds 0 and 1 never arrive with L2 .01
CURVE_L2 = 1e-3  # of the small network
CURVE_RATES, CURVE_STEPS = (0.1, 0.05), 800  # of its gradient descent
DAMPING = 0.3
BARE, LONGEST, DESCENT = 60, 300, 20_000  # largest numbers of steps
GREEN, PURPLE, WINE, GOLD = KINDS[:4]


class Task(NamedTuple):
    """What to learn: the minimum of mean loss + l2/2 · Σ parameter²."""

    network: na.Network
    x: np.ndarray
    targets: np.ndarray
    loss: str
    l2: float


class Track(NamedTuple):
    """What was measured in one run, at its start and after each step (descent: every few steps).

    Attributes:
        steps: Number of steps.
        norms: Norm of the gradient. Shape (n_measured,).
        objectives: Mean loss and L2 term. Shape (n_measured,).
        messages: Number of messages so far. Shape (n_measured,).
        rounds: Number of rounds, by the round's name.
        network: The network at the end.
    """

    steps: int
    norms: np.ndarray
    objectives: np.ndarray
    messages: np.ndarray
    rounds: Counter[str]
    network: na.Network

    @property
    def reached(self) -> bool:
        """Whether the gradient became small."""
        return bool(self.norms[-1] <= SMALL)

    @property
    def work(self) -> int:
        """The work in gradients. A product counts twice: its messages are twice as long."""
        return sum(self.rounds.values()) + self.rounds["product"]


@dataclass(frozen=True, slots=True)
class Counted(na.rules.NewtonCG):
    """The same rule, which counts its rounds in `rounds_of`."""

    rounds_of: Counter | None = None

    def rounds(
        self, network: na.Network, x: np.ndarray
    ) -> Generator[na.rules.Round, na.rules.Answer, None]:
        """See `NewtonCG.rounds`."""
        asked = na.rules.NewtonCG.rounds(self, network, x)
        round = next(asked)
        while True:
            self.rounds_of[round.name] += 1
            try:
                round = asked.send((yield round))
            except StopIteration:
                return


def cancer(seed: int, l2: float) -> Task:
    """Return the breast cancer task: 400 of 569 rows, 30 inputs, one neuron, all parameters 0."""
    try:
        from sklearn.datasets import load_breast_cancer
    except ImportError:
        raise na.InputError(
            "the data are in scikit-learn, which is missing: pip install scikit-learn"
        ) from None
    data = load_breast_cancer()
    rows = np.random.default_rng(seed).permutation(len(data.data))[:400]
    x = data.data[rows]
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    net = na.Network.from_matrices([np.zeros((1, 30))], [np.zeros(1)], ["sigmoid"])
    return Task(net, x, data.target[rows, None].astype(float), "cross_entropy", l2)


def curve(seed: int) -> Task:
    """Return the task sin 2x: 60 points, 6 hidden neurons."""
    x = np.linspace(-2, 2, 60)[:, None]
    return Task(
        na.Network.layered([1, 6, 1], seed=seed), x, np.sin(2 * x), "squared_error", CURVE_L2
    )


def run_task(
    task: Task,
    optimizer: na.SGD,
    rule: na.rules.Rule | None = None,
    *,
    most: int,
    every: int = 1,
    log: na.Recording | None = None,
) -> Track:
    """Learn until the gradient is small.

    A run also ends after `most` steps, or when a number is no longer finite.

    Args:
        task: What to learn.
        optimizer: The neurons' optimizer.
        rule: The neurons' rule; None is backpropagation.
        most: Largest number of steps.
        every: Measure after so many steps.
        log: Records the messages; None: no log.
    """
    track = [(*measure(task, task.network), 0)]

    async def society() -> tuple[int, na.Network]:
        steps, network = 0, task.network
        async with na.open_simulation(task.network, rule=rule, log=log) as simulation:
            while track[-1][0] > SMALL and steps < most:
                try:
                    for _ in range(every):
                        await simulation.train_step(
                            task.x, task.targets, task.loss, optimizer=optimizer
                        )
                except na.SimulationError:
                    break
                steps, network = steps + every, await simulation.network()
                track.append((*measure(task, network), simulation.statistics().messages))
        return steps, network

    steps, network = trio.run(society)
    norms, objectives, messages = np.array(track).T
    rounds = rule.rounds_of if isinstance(rule, Counted) else Counter(gradient=steps)
    return Track(steps, norms, objectives, messages, rounds, network)


def measure(task: Task, network: na.Network) -> tuple[float, float]:
    """Return the norm of the gradient, and the objective; computed by matrices."""
    found = na.reference.gradient(network, task.x, task.targets, task.loss)
    w = flatten(network, network.weights, network.biases)
    g = flatten(network, found.weights, found.biases)
    return float(np.linalg.norm(g + task.l2 * w)), found.loss + task.l2 / 2 * float(w @ w)


def flatten(network: na.Network, weights: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """Return weights (n_synapses,) and biases (n_neurons,) as one array, without inputs' biases."""
    return np.append(weights, biases[~network.is_input])


def run_newton(task: Task, *, most: int = 100, **settings: float) -> Track:
    """Learn with Newton-CG."""
    return run_task(task, WHOLE, Counted(l2=task.l2, **settings, rounds_of=Counter()), most=most)


def run_descent(task: Task, rates: tuple[float, ...], most: int) -> Track:
    """Learn by gradient descent, at the best of some fixed rates.

    The best rate is the one that arrives with the fewest steps, or else the one with the lowest
    objective. No run takes more steps than another one took to arrive.
    """
    tracks: list[Track] = []
    for rate in rates:
        tracks.append(run_task(task, na.SGD(rate, weight_decay=task.l2), most=most, every=20))
        most = tracks[-1].steps if tracks[-1].reached else most
    return min(
        tracks,
        key=lambda track: (
            not track.reached,
            track.steps if track.reached else track.objectives[-1],
        ),
    )


def compute_hessian(task: Task, network: na.Network) -> np.ndarray:
    """Return the Hessian, column by column, each one a product by messages.

    Returns:
        Shape (n_parameters, n_parameters).
    """
    synapses, neurons = len(network.weights), np.flatnonzero(~network.is_input)

    async def society() -> np.ndarray:
        columns = []
        async with na.open_simulation(network) as simulation:
            for k in range(synapses + len(neurons)):
                weights, biases = np.zeros(synapses), np.zeros(len(network.ids))
                if k < synapses:
                    weights[k] = 1.0
                else:
                    biases[neurons[k - synapses]] = 1.0
                found = await simulation.hessian_vector_product(
                    task.x, task.targets, weights, biases, task.loss
                )
                columns.append(flatten(network, found.weights, found.biases))
        return np.array(columns)

    return trio.run(society) + task.l2 * np.eye(synapses + len(neurons))


def lowest_eigenvalue(task: Task, network: na.Network) -> float:
    """Return the Hessian's lowest eigenvalue; if it is below 0, the network is at no minimum."""
    return float(np.linalg.eigvalsh(compute_hessian(task, network))[0])


class Regression(NamedTuple):
    """The logistic regression with both methods."""

    newton: Track
    descent: Track

    @property
    def saved(self) -> float:
        """How many times as many messages descent needs."""
        return float(self.descent.messages[-1] / self.newton.messages[-1])


class Curve(NamedTuple):
    """The small network with each of METHODS.

    Attributes:
        tracks: One for each method.
        start: The Hessian's lowest eigenvalue at the start.
        ends: The same at the end of each track.
    """

    tracks: list[Track]
    start: float
    ends: list[float]


METHODS = ("Newton, bare", "Newton-CG", "Newton-CG, damped", "descent")
COLOURS = (GOLD, GREEN, PURPLE, WINE)


def run_regression(seed: int, l2: float, rates: tuple[float, ...] = RATES) -> Regression:
    """Run the logistic regression with both methods."""
    task = cancer(seed, l2)
    return Regression(run_newton(task), run_descent(task, rates, DESCENT))


def run_small_network(seed: int, steps: int = CURVE_STEPS) -> Curve:
    """Run the small network with each of METHODS; descent takes `steps` steps at most."""
    task = curve(seed)
    tracks = [
        run_newton(task, most=BARE, guarded=False),
        run_newton(task, most=LONGEST),
        run_newton(task, most=LONGEST, damping=DAMPING),
        run_descent(task, CURVE_RATES, steps),
    ]
    ends = [lowest_eigenvalue(task, track.network) for track in tracks]
    return Curve(tracks, lowest_eigenvalue(task, task.network), ends)


def orders(track: Track) -> np.ndarray:
    """Return the order of convergence of each iteration that starts from a norm below .01.

    The order is q if the norm after the iteration is the norm before it, to the power q. With
    1.5, each iteration adds half as many right digits as there are.
    """
    small = np.flatnonzero(track.norms[:-1] < 0.01)
    return np.log(track.norms[small + 1]) / np.log(track.norms[small])


def run_case(case: str, seed: int, setting: float) -> Regression | Curve:
    """Run one of the two kinds, so that all runs can go to processes."""
    if case == "regression":
        return run_regression(seed, setting)
    return run_small_network(seed, int(setting))


def main(arguments: Namespace) -> None:
    _experiment.print_question(
        "Newton's method by messages",
        "conjugate gradients need products with the Hessian, and sums over all parameters. Can a "
        "society do it, in which each neuron sees only its own messages? Does it save messages? "
        "And where does it lead if the curvature is negative?",
        "logistic regression on the breast cancer data, 31 parameters, 400 rows, from 0 to a "
        "gradient of norm 1e-8: Newton-CG, and gradient descent at the best of four fixed rates. "
        "Then a network 1-6-1 that learns sin 2x, where the Hessian has negative eigenvalues.",
    )
    seeds = arguments.seeds
    levels = L2 if arguments.full else L2[:1] if arguments.quick else L2[:2]
    steps = 100 if arguments.quick else CURVE_STEPS
    cases = [("regression", seed, l2) for l2 in levels for seed in seeds] + [
        ("curve", seed, steps) for seed in seeds
    ]
    done = _experiment.run_all("newton", run_case, cases)
    runs = {l2: done[k * len(seeds) : (k + 1) * len(seeds)] for k, l2 in enumerate(levels)}
    curves = done[len(levels) * len(seeds) :]
    print_tables(runs, curves)
    if arguments.log is not None:
        task = curve(seeds[0])
        run_task(task, WHOLE, na.rules.NewtonCG(l2=task.l2), most=5, log=arguments.log)
        print(f"\nThe log contains the first 5 iterations of Newton-CG on sin 2x, seed {seeds[0]}.")
    draw(runs, curves, arguments)
    conclude(runs, curves)


def format_spread(values: list[float], form: str = ",.0f") -> str:
    """Return mean and standard deviation as text."""
    return f"{np.mean(values):{form}} ± {np.std(values):{form}}"


def print_tables(runs: dict[float, list[Regression]], curves: list[Curve]) -> None:
    """Print the tables of both tasks."""
    count = len(curves)
    print(f"Logistic regression, mean ± sd of {count} seed(s); work: a gradient is 1, a product 2.")
    print()
    rows = []
    for l2, pairs in runs.items():
        for name, tracks in (
            ("Newton-CG", [p.newton for p in pairs]),
            ("descent", [p.descent for p in pairs]),
        ):
            products = (
                format_spread([t.rounds["product"] for t in tracks]) if name == "Newton-CG" else "-"
            )
            cells = [
                format_spread([t.steps for t in tracks]),
                products,
                format_spread([t.work for t in tracks]),
            ]
            rows.append(
                [f"L2 {l2:g} {name}", *cells, format_spread([t.messages[-1] for t in tracks])]
            )
    _experiment.print_table(["", "steps", "products", "work", "messages"], rows)
    print("\nA full Hessian would take 31 products for each step. Conjugate gradients take:")
    for l2, pairs in runs.items():
        tracks = [p.newton for p in pairs]
        per_step = format_spread([t.rounds["product"] / t.steps for t in tracks], ".1f")
        last = format_spread([orders(t)[-1] for t in tracks], ".2f")
        print(f"  L2 {l2:g}: {per_step}; in the last step the norm falls to its power {last}")
    start = format_spread([c.start for c in curves], ".2f")
    print(f"\nsin 2x; the Hessian's lowest eigenvalue is {start} at the start.")
    print("A run is at a minimum if its gradient is 0 (1e-8) and that eigenvalue positive.\n")
    rows = []
    for k, name in enumerate(METHODS):
        ends = [classify_end(c, k) for c in curves]
        tracks = [c.tracks[k] for c in curves]
        cells = [f"{ends.count(what)}/{count}" for what in ("minimum", "saddle", "on the way")]
        loss = format_loss(np.median([t.objectives[-1] for t in tracks]))
        rows.append([name, *cells, loss, format_spread([t.messages[-1] for t in tracks])])
    _experiment.print_table(["", "minimum", "saddle", "neither", "objective*", "messages"], rows)
    print("  * median at the end")


def classify_end(run: Curve, method: int) -> str:
    """Return where a method ended: "minimum", "saddle" or "on the way"."""
    if not run.tracks[method].reached:
        return "on the way"
    return "minimum" if run.ends[method] > 0 else "saddle"


def conclude(runs: dict[float, list[Regression]], curves: list[Curve]) -> None:
    """Print the finding."""
    saved = {l2: float(np.mean([p.saved for p in pairs])) for l2, pairs in runs.items()}
    arrived = all(p.newton.reached and p.descent.reached for pairs in runs.values() for p in pairs)
    times = ", ".join(f"{value:.1f} (L2 {l2:g})" for l2, value in saved.items())
    grows = all(a < b for a, b in zip(list(saved.values()), list(saved.values())[1:], strict=False))
    guarded, bare = ([classify_end(c, k) for c in curves].count("minimum") for k in (1, 0))
    if arrived and grows and min(saved.values()) > 1 and guarded == len(curves) > bare:
        finding = (
            "only scalars go up a tree of messages, and Newton-CG arrives with fewer messages than "
            f"descent at the best of four rates, which takes {times} times as many. It needs its "
            f"guard: without it, a minimum of the small network was reached from {bare} of "
            f"{len(curves)} starts, and with it from {guarded}."
        )
    else:
        finding = (
            "this run does not show that Newton-CG saves messages and needs its guard: descent "
            f"took {times} times as many, and minima were reached from {guarded} of {len(curves)} "
            f"starts with the guard and {bare} without."
        )
    _experiment.print_finding(
        finding,
        "that Newton-CG is the better choice if the valley is round or the rate is well tuned: at "
        "L2 0.01 it saves little. Nor that damping helps: here the guard alone does as well. And "
        "all of it is in full batches; with noise in the gradient the last digits, for which "
        "Newton is best, are of no use.",
    )


def draw(runs: dict[float, list[Regression]], curves: list[Curve], arguments: Namespace) -> None:
    """Draw the figure."""
    plt = _common.import_pyplot()
    if plt is None:
        return
    figure, ((race, tail), (valley, fit)) = plt.subplots(
        2, 2, figsize=(9.2, 6.8), layout="constrained"
    )
    for (l2, pairs), dash, mark, fill in zip(
        runs.items(), ("-", "--", ":"), "os^", (GREEN, PAPER, PAPER), strict=False
    ):
        first = pairs[0]
        newton_norms, descent_norms = first.newton.norms[1:], first.descent.norms[1:]
        label = f"L2 {l2:g}"
        race.plot(
            first.newton.messages[1:],
            newton_norms,
            dash + mark,
            ms=4,
            mfc=fill,
            color=GREEN,
            label=f"Newton-CG, {label}",
        )
        race.plot(
            first.descent.messages[1:], descent_norms, dash, color=WINE, label=f"descent, {label}"
        )
        before, after = (
            np.concatenate([p.newton.norms[part] for p in pairs])
            for part in (slice(-1), slice(1, None))
        )
        tail.plot(before, after, mark, ms=4, color=GREEN, mfc=fill, label=label)
    race.set(
        xscale="log",
        yscale="log",
        xlabel="messages so far",
        ylabel="norm of the gradient",
        ylim=(1e-10, 100),
    )
    race.set_title("Logistic regression: the flatter, the more is saved", fontsize=11)
    scale = np.logspace(-6, 0, 2)
    for power, dash in ((1.0, "-"), (1.5, "--"), (2.0, ":")):
        tail.plot(scale, scale**power, dash, color=MUTED, lw=1, label=f"power {power:g}")
    tail.set(xscale="log", yscale="log", xlabel="norm before an iteration", ylabel="norm after it")
    tail.set(xlim=(1e-6, 3), ylim=(1e-13, 3))
    tail.set_title("At the end it raises the norm to the power 1.5", fontsize=11)
    shown = curves[0]
    for name, track, colour, dash in zip(
        METHODS, shown.tracks, COLOURS, (":", "-", "--", "-."), strict=True
    ):
        valley.plot(
            np.maximum(track.messages, 20), track.objectives, dash, color=colour, label=name
        )
    valley.set(xscale="log", yscale="log", xlabel="messages so far", ylabel="loss and L2 term")
    valley.set_title("sin 2x, one start: the bare method climbs and stays", fontsize=11)
    task = curve(arguments.seeds[0])
    fit.plot(task.x, task.targets, ".", color=MUTED, ms=4, zorder=3, label="sin 2x")
    for k in (0, 1):
        fit.plot(
            task.x,
            na.predict(shown.tracks[k].network, task.x),
            "-:"[1 - k],
            lw=2,
            color=COLOURS[k],
            label=METHODS[k],
        )
    fit.set(xlabel="x", ylabel="prediction")
    fit.set_title("Predictions at the end", fontsize=11)
    for axis in (race, tail, valley, fit):
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=8.5)
    fit.legend(frameon=False, fontsize=8.5, loc=(0.52, 0.04))
    race.legend(frameon=False, fontsize=8.5, loc="upper right")
    _common.save_figure(figure, arguments.out, "newton.png")


if __name__ == "__main__":
    _experiment.run(main, __doc__, _experiment.Seeds(quick=1, usual=3, full=10))
