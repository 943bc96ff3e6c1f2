"""Newton's method in a society: curvature by mail, and no centre that sees it.

Each neuron holds its own part of every vector that conjugate gradients need,
and hears the Hessian's product with the direction out of two numbers a
message. The sums that concern all go up a tree of messages, one synapse a
neuron, and the world hears a few scalars. Is it worth the mail, and where does
it lead?
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

SMALL = 1e-8  # the norm of the gradient at which a run ends
WHOLE = na.SGD(1.0)  # a Newton step as it is
L2 = (1e-2, 1e-3, 1e-4)  # of the logistic regression; by default the first two
RATES = (8.0, 4.0, 2.0, 1.0)  # at 12 seeds 0 and 1 never arrive at L2 .01
CURVE_L2, CURVE_RATES, CURVE_STEPS = (
    1e-3,
    (0.1, 0.05),
    800,
)  # of the small network: L2, and of descent rates and steps
DAMPING = 0.3
BARE, LONGEST, DESCENT = 60, 300, 20_000  # steps at most
BLUE, RED, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"


class Task(NamedTuple):
    """What is to be learnt: the mean loss + l2/2 · Σ parameter² is to be made least."""

    network: na.Network
    x: np.ndarray
    targets: np.ndarray
    loss: str
    l2: float


class Track(NamedTuple):
    """What came of one run, at its start and after each of its steps (of descent, every few).

    norms: of the gradient.  objectives: mean loss and L2 term.  messages: so far.  rounds: how many, by name.
    network: at the end.
    """

    steps: int
    norms: np.ndarray
    objectives: np.ndarray
    messages: np.ndarray
    rounds: Counter[str]
    network: na.Network

    @property
    def reached(self) -> bool:
        return bool(self.norms[-1] <= SMALL)

    @property
    def work(self) -> int:
        """In gradients: a product with the Hessian counts twice, for its messages are twice as long."""
        return sum(self.rounds.values()) + self.rounds["product"]


@dataclass(frozen=True, slots=True)
class Counted(na.rules.NewtonCG):
    """The same rule, and its rounds are counted."""

    rounds_of: Counter | None = None

    def rounds(
        self, network: na.Network, x: np.ndarray
    ) -> Generator[na.rules.Round, na.rules.Answer, None]:
        asked = na.rules.NewtonCG.rounds(self, network, x)
        round = next(asked)
        while True:
            self.rounds_of[round.name] += 1
            try:
                round = asked.send((yield round))
            except StopIteration:
                return


def cancer(seed: int, l2: float) -> Task:
    """Which tumours are benign: 400 of 569 rows, 30 standardised measures, one neuron with 31 parameters, all 0."""
    try:
        from sklearn.datasets import load_breast_cancer
    except ImportError:
        raise na.InputError("the data come with scikit-learn: pip install scikit-learn") from None
    data = load_breast_cancer()
    rows = np.random.default_rng(seed).permutation(len(data.data))[:400]
    x = data.data[rows]
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    net = na.Network.from_matrices([np.zeros((1, 30))], [np.zeros(1)], ["sigmoid"])
    return Task(net, x, data.target[rows, None].astype(float), "cross_entropy", l2)


def curve(seed: int) -> Task:
    """sin 2x at 60 points, for 6 hidden neurons."""
    x = np.linspace(-2, 2, 60)[:, None]
    return Task(
        na.Network.layered([1, 6, 1], seed=seed), x, np.sin(2 * x), "squared_error", CURVE_L2
    )


def follow(
    task: Task,
    optimizer: na.SGD,
    rule: na.rules.Rule | None = None,
    *,
    most: int,
    every: int = 1,
    log: na.Recording | None = None,
) -> Track:
    """Steps until the gradient is small, `most` are made, or a neuron gives up because its numbers are not finite."""
    track = [(*slope(task, task.network), 0)]

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
                track.append((*slope(task, network), simulation.statistics().messages))
        return steps, network

    steps, network = trio.run(society)
    norms, objectives, messages = np.array(track).T
    rounds = rule.rounds_of if isinstance(rule, Counted) else Counter(gradient=steps)
    return Track(steps, norms, objectives, messages, rounds, network)


def slope(task: Task, network: na.Network) -> tuple[float, float]:
    """How long the gradient is, and the objective; measured by matrices, beside the society."""
    found = na.reference.gradient(network, task.x, task.targets, task.loss)
    w, g = (
        flat(network, network.weights, network.biases),
        flat(network, found.weights, found.biases),
    )
    return float(np.linalg.norm(g + task.l2 * w)), found.loss + task.l2 / 2 * float(w @ w)


def flat(network: na.Network, weights: np.ndarray, biases: np.ndarray) -> np.ndarray:
    return np.append(weights, biases[~network.is_input])


def newton(task: Task, *, most: int = 100, **settings: float) -> Track:
    """By local messages."""
    return follow(task, WHOLE, Counted(l2=task.l2, **settings, rounds_of=Counter()), most=most)


def descent(task: Task, rates: tuple[float, ...], most: int) -> Track:
    """Gradient descent at the best of some fixed rates: the first to arrive, or else the one that comes lowest. None goes on
    longer than another one took to arrive."""
    tracks: list[Track] = []
    for rate in rates:
        tracks.append(follow(task, na.SGD(rate, weight_decay=task.l2), most=most, every=20))
        most = tracks[-1].steps if tracks[-1].reached else most
    return min(
        tracks,
        key=lambda track: (
            not track.reached,
            track.steps if track.reached else track.objectives[-1],
        ),
    )


def hessian(task: Task, network: na.Network) -> np.ndarray:
    """All of it, as many products as there are parameters, by messages; and put together in one place."""
    synapses, neurons = len(network.weights), np.flatnonzero(~network.is_input)

    async def society() -> np.ndarray:
        columns = []
        async with na.open_simulation(network) as simulation:
            for k in range(synapses + len(neurons)):
                weights, biases = np.zeros(synapses), np.zeros(len(network.ids))
                (weights if k < synapses else biases)[
                    k if k < synapses else neurons[k - synapses]
                ] = 1.0
                found = await simulation.hessian_vector_product(
                    task.x, task.targets, weights, biases, task.loss
                )
                columns.append(flat(network, found.weights, found.biases))
        return np.array(columns)

    return trio.run(society) + task.l2 * np.eye(synapses + len(neurons))


def lowest(task: Task, network: na.Network) -> float:
    """The Hessian's lowest eigenvalue: below 0, the place is no minimum."""
    return float(np.linalg.eigvalsh(hessian(task, network))[0])


class Regression(NamedTuple):
    """The logistic regression under both."""

    newton: Track
    descent: Track

    @property
    def saved(self) -> float:
        """How many times as many messages descent takes."""
        return float(self.descent.messages[-1] / self.newton.messages[-1])


class Curve(NamedTuple):
    """The small network under each of `WAYS`. start: the lowest eigenvalue there; ends: likewise."""

    tracks: list[Track]
    start: float
    ends: list[float]


WAYS = ("Newton, bare", "Newton-CG", "Newton-CG, damped", "descent")
COLOURS = (PINK, BLUE, GREEN, RED)


def regression(seed: int, l2: float, rates: tuple[float, ...] = RATES) -> Regression:
    task = cancer(seed, l2)
    return Regression(newton(task), descent(task, rates, DESCENT))


def small_network(seed: int, steps: int = CURVE_STEPS) -> Curve:
    task = curve(seed)
    tracks = [
        newton(task, most=BARE, guarded=False),
        newton(task, most=LONGEST),
        newton(task, most=LONGEST, damping=DAMPING),
        descent(task, CURVE_RATES, steps),
    ]
    return Curve(
        tracks, lowest(task, task.network), [lowest(task, track.network) for track in tracks]
    )


def orders(track: Track) -> np.ndarray:
    """Of the iterations from a norm below .01 on: to which power of it the next norm is equal. 1.5: each iteration adds half
    as many right digits as there are."""
    small = np.flatnonzero(track.norms[:-1] < 0.01)
    return np.log(track.norms[small + 1]) / np.log(track.norms[small])


def one(case: str, seed: int, setting: float) -> Regression | Curve:
    """One run of the two kinds, so that all of them can run at once."""
    return regression(seed, setting) if case == "regression" else small_network(seed, int(setting))


def main(arguments: Namespace) -> None:
    _experiment.print_question(
        "Newton's method by mail",
        "Conjugate gradients need products with the Hessian, and sums over all parameters. Can a society do it whose members "
        "see their own mail alone? Does it save messages? And where does it lead if curvature is negative?",
        "Logistic regression on the breast cancer data, 31 parameters, 400 rows, from 0 to a gradient of norm 1e-8: Newton-CG "
        "against gradient descent at the best of four fixed rates. Then a network 1-6-1 that learns sin 2x, where the Hessian "
        "has negative eigenvalues.",
    )
    seeds = arguments.seeds
    levels = L2 if arguments.full else L2[:1] if arguments.quick else L2[:2]
    steps = 100 if arguments.quick else CURVE_STEPS
    cases = [("regression", seed, l2) for l2 in levels for seed in seeds] + [
        ("curve", seed, steps) for seed in seeds
    ]
    done = _experiment.run_all("newton", one, cases)
    runs = {l2: done[k * len(seeds) : (k + 1) * len(seeds)] for k, l2 in enumerate(levels)}
    curves = done[len(levels) * len(seeds) :]
    report(runs, curves)
    if arguments.log is not None:
        task = curve(seeds[0])
        follow(task, WHOLE, na.rules.NewtonCG(l2=task.l2), most=5, log=arguments.log)
        print(f"\nThe log holds the first 5 iterations of Newton-CG on sin 2x, seed {seeds[0]}.")
    draw(runs, curves, arguments)
    conclude(runs, curves)


def spread(values: list[float], form: str = ",.0f") -> str:
    """Mean and standard deviation."""
    return f"{np.mean(values):{form}} ± {np.std(values):{form}}"


def report(runs: dict[float, list[Regression]], curves: list[Curve]) -> None:
    count = len(curves)
    print(
        f"Logistic regression, mean ± sd of {count} seed(s); work: a gradient is 1, a product 2.\n"
    )
    rows = []
    for l2, pairs in runs.items():
        for name, tracks in (
            ("Newton-CG", [p.newton for p in pairs]),
            ("descent", [p.descent for p in pairs]),
        ):
            products = spread([t.rounds["product"] for t in tracks]) if name == "Newton-CG" else "-"
            cells = [spread([t.steps for t in tracks]), products, spread([t.work for t in tracks])]
            rows.append([f"L2 {l2:g} {name}", *cells, spread([t.messages[-1] for t in tracks])])
    _experiment.print_table(["", "steps", "products", "work", "messages"], rows)
    print("\nIn one place, a full Hessian would take 31 products a step. Conjugate gradients:")
    for l2, pairs in runs.items():
        tracks = [p.newton for p in pairs]
        a_step = spread([t.rounds["product"] / t.steps for t in tracks], ".1f")
        last = spread([orders(t)[-1] for t in tracks], ".2f")
        print(f"  L2 {l2:g}: {a_step}; in the last step the norm falls to its power {last}")
    print(
        f"\nsin 2x; the Hessian's lowest eigenvalue is {spread([c.start for c in curves], '.2f')} at the start."
    )
    print("It ends at a minimum if the gradient is 0 (1e-8) and that eigenvalue positive.\n")
    rows = []
    for k, name in enumerate(WAYS):
        ends = [kind(c, k) for c in curves]
        tracks = [c.tracks[k] for c in curves]
        cells = [f"{ends.count(what)}/{count}" for what in ("minimum", "saddle", "on the way")]
        loss = f"{np.median([t.objectives[-1] for t in tracks]):.4f}"
        rows.append([name, *cells, loss, spread([t.messages[-1] for t in tracks])])
    _experiment.print_table(["", "minimum", "saddle", "neither", "objective*", "messages"], rows)
    print("  * the median, at the end")


def kind(run: Curve, way: int) -> str:
    """Where that way led."""
    return (
        "on the way"
        if not run.tracks[way].reached
        else "minimum"
        if run.ends[way] > 0
        else "saddle"
    )


def conclude(runs: dict[float, list[Regression]], curves: list[Curve]) -> None:
    saved = {l2: float(np.mean([p.saved for p in pairs])) for l2, pairs in runs.items()}
    arrived = all(p.newton.reached and p.descent.reached for pairs in runs.values() for p in pairs)
    times = ", ".join(f"{value:.1f} (L2 {l2:g})" for l2, value in saved.items())
    grows = all(a < b for a, b in zip(list(saved.values()), list(saved.values())[1:], strict=False))
    guarded, bare = ([kind(c, k) for c in curves].count("minimum") for k in (1, 0))
    if arrived and grows and min(saved.values()) > 1 and guarded == len(curves) > bare:
        finding = (
            f"With scalars alone going up a tree of messages, Newton-CG arrives with fewer messages than descent at the best "
            f"of four rates, which takes {times} times as many; and it needs its guard, for Newton's bare method "
            f"reached a minimum of the small network from {bare} of {len(curves)} starts, and with the guard from {guarded}."
        )
    else:
        finding = (
            f"This run does not show that Newton-CG saves messages and needs its guard: descent took {times} times as many, "
            f"and minima were reached from {guarded} of {len(curves)} starts with the guard and {bare} without."
        )
    _experiment.print_finding(
        finding,
        "that Newton-CG is the better choice where the valley is round or somebody tunes the rate well: at L2 0.01 it saves "
        "little. Nor that damping is what helps: here the guard alone does as well. And all of it is in full batches; with "
        "noise in the gradient the last digits, for which Newton is best, are of no use.",
    )


def draw(runs: dict[float, list[Regression]], curves: list[Curve], arguments: Namespace) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    figure, ((mail, tail), (valley, fit)) = plt.subplots(
        2, 2, figsize=(9.2, 6.8), layout="constrained"
    )
    for (l2, pairs), dash, mark, fill in zip(
        runs.items(), ("-", "--", ":"), "os^", (BLUE, "white", "white"), strict=False
    ):
        first = pairs[0]
        newton_norms, descent_norms = first.newton.norms[1:], first.descent.norms[1:]
        label = f"L2 {l2:g}"
        mail.plot(
            first.newton.messages[1:],
            newton_norms,
            dash + mark,
            ms=4,
            mfc=fill,
            color=BLUE,
            label=f"Newton-CG, {label}",
        )
        mail.plot(
            first.descent.messages[1:], descent_norms, dash, color=RED, label=f"descent, {label}"
        )
        before, after = (
            np.concatenate([p.newton.norms[part] for p in pairs])
            for part in (slice(-1), slice(1, None))
        )
        tail.plot(before, after, mark, ms=4, color=BLUE, mfc=fill, label=label)
    mail.set(
        xscale="log",
        yscale="log",
        xlabel="messages so far",
        ylabel="norm of the gradient",
        ylim=(1e-10, 100),
    )
    mail.set_title("Logistic regression: the flatter, the more is saved", fontsize=11)
    scale = np.logspace(-6, 0, 2)
    for power, dash in ((1.0, "-"), (1.5, "--"), (2.0, ":")):
        tail.plot(scale, scale**power, dash, color="0.45", lw=1, label=f"power {power:g}")
    tail.set(xscale="log", yscale="log", xlabel="norm before an iteration", ylabel="norm after it")
    tail.set(xlim=(1e-6, 3), ylim=(1e-13, 3))
    tail.set_title("At the end it raises the norm to the power 1.5", fontsize=11)
    shown = curves[0]
    for name, track, colour, dash in zip(
        WAYS, shown.tracks, COLOURS, (":", "-", "--", "-."), strict=True
    ):
        valley.plot(
            np.maximum(track.messages, 20), track.objectives, dash, color=colour, label=name
        )
    valley.set(xscale="log", yscale="log", xlabel="messages so far", ylabel="loss and L2 term")
    valley.set_title("sin 2x, one start: the bare method climbs and stays", fontsize=11)
    task = curve(arguments.seeds[0])
    fit.plot(task.x, task.targets, ".", color="0.6", ms=4, label="sin 2x")
    for k in (0, 1):
        fit.plot(
            task.x,
            na.predict(shown.tracks[k].network, task.x),
            "-:"[1 - k],
            lw=2,
            color=COLOURS[k],
            label=WAYS[k],
        )
    fit.set(xlabel="x", ylabel="what the network says")
    fit.set_title("What it has learnt there", fontsize=11)
    for axis in (mail, tail, valley, fit):
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=7.5)
    mail.legend(frameon=False, fontsize=7.5, loc="upper right")
    _common.save_figure(figure, arguments.out, "newton.png")


if __name__ == "__main__":
    _experiment.run(main, __doc__, _experiment.Seeds(quick=1, usual=3, full=10))
