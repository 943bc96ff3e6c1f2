"""A society that never comes to rest, and what that is good for.

Small batches make urgencies noisy. So at a constant rate the parameters of a
neuron never settle: they wander. With the right rates they wander as widely as
they are uncertain. First one neuron, whose posterior is known exactly; then a
society of many neurons, whose predictions are averaged while it wanders.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import NamedTuple

import _common
import _experiment
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.neuron.optimizers import Optimizer
from neuro_actors.support.palette import FAINT, INK, KINDS

# --- one neuron ---------------------------------------------------------------

EXAMPLES, INPUTS, BATCH = 1000, 5, 50
LISTEN, SETTLE, STEPS = 400, 200, 3000
SWEEP = (0.25, 0.5, 1.0, 2.0, 4.0)

# Minus the log likelihood for noise of variance 1, without its constant.
na.add_loss("gaussian", lambda p, t: ((p - t) ** 2).sum(axis=1) / 2, lambda p, t: p - t)

State = tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True)
class GivenRates:
    """SGD with a given rate for each parameter, and the prior N(0, 1).

    Each example contributes its share of the prior.

    Attributes:
        rates: The rates of the weights and of the bias.
        examples: Number of examples.
    """

    rates: tuple[float, ...]
    examples: int = EXAMPLES

    def start(self, n_parameters: int) -> State:
        """See `Optimizer.start`."""
        return ()

    def update(
        self, parameters: np.ndarray, urgencies: np.ndarray, state: State, count: int
    ) -> tuple[np.ndarray, State]:
        """See `Optimizer.update`."""
        return parameters + np.array(self.rates) * (urgencies - parameters / self.examples), state


@dataclass(frozen=True, slots=True)
class Listener:
    """SGD whose rates are found from the urgencies themselves; the prior as in `GivenRates`.

    During the first steps the parameters stay, and the urgencies are measured. The parameters
    start at their best values, so the urgencies are pure noise. With the rate
    2 / (examples · mean square of the urgencies), a parameter wanders as widely as it is
    uncertain.

    Attributes:
        joint: Also measure how the urgencies of the neuron's parameters are correlated, and
            correct for it.
        listen: Number of steps in which the urgencies are measured.
        examples: Number of examples.
    """

    joint: bool = False
    listen: int = LISTEN
    examples: int = EXAMPLES

    def start(self, n_parameters: int) -> State:
        """See `Optimizer.start`."""
        return (np.zeros((n_parameters, n_parameters)),)

    def update(
        self, parameters: np.ndarray, urgencies: np.ndarray, state: State, count: int
    ) -> tuple[np.ndarray, State]:
        """See `Optimizer.update`."""
        urgencies = urgencies - parameters / self.examples
        (moments,) = state
        if count <= self.listen:
            products = (
                np.outer(urgencies, urgencies) if self.joint else np.diag(urgencies * urgencies)
            )
            return parameters + 0.0, (moments + products / self.listen,)
        return parameters + 2 / self.examples * np.linalg.solve(moments, urgencies), state


class Problem(NamedTuple):
    """Examples and their posterior N(mean, precision⁻¹) of the weights, then the bias.

    Attributes:
        x: The examples. Shape (EXAMPLES, INPUTS).
        targets: Their targets. Shape (EXAMPLES, 1).
        mean: Mean of the posterior. Shape (INPUTS + 1,).
        precision: Inverse of its covariance. Shape (INPUTS + 1, INPUTS + 1).
        noise: Covariance of one example's urgencies at the mean, BBᵀ in Mandt, Hoffman and Blei
            (2017). Shape (INPUTS + 1, INPUTS + 1).
    """

    x: np.ndarray
    targets: np.ndarray
    mean: np.ndarray
    precision: np.ndarray
    noise: np.ndarray

    def best_rate(self) -> float:
        """Return the best common rate of all parameters: 2SD / (N · Tr BBᵀ)."""
        return float(2 * BATCH * len(self.noise) / (EXAMPLES * np.trace(self.noise)))


def make_problem(seed: int, rotated: bool) -> Problem:
    """Draw a problem: inputs of variances from 1 to 10, prior N(0, 1), noise of variance 1.

    Args:
        seed: The seed.
        rotated: Rotate the inputs at random; otherwise their variances lie along the axes.
    """
    rng = np.random.default_rng(seed)
    variances = np.geomspace(1, 10, INPUTS)
    x = rng.standard_normal((EXAMPLES, INPUTS)) * np.sqrt(variances / variances.mean())
    turn = np.linalg.qr(rng.standard_normal((INPUTS, INPUTS)))[0]
    x = x @ turn if rotated else x
    targets = x @ rng.standard_normal(INPUTS) + rng.standard_normal(EXAMPLES)
    rows = np.column_stack([x, np.ones(EXAMPLES)])  # the bias is one more weight
    precision = rows.T @ rows + np.eye(INPUTS + 1)
    mean = np.linalg.solve(precision, rows.T @ targets)
    noise = np.cov((rows * (targets - rows @ mean)[:, None]).T)
    return Problem(x, targets[:, None], mean, precision, noise)


class Chain(NamedTuple):
    """How the parameters of one neuron wandered.

    Attributes:
        divergence: Kullback-Leibler divergence of their covariance from the posterior's.
        cloud: Every tenth step, along the widest and narrowest direction of the posterior, in
            its standard deviations. Shape (n_steps / 10, 2).
    """

    divergence: float
    cloud: np.ndarray


def measure(seed: int, pace: float | str, rotated: bool, log: na.Recording | None = None) -> Chain:
    """Let the parameters of one neuron wander.

    Args:
        seed: The seed.
        pace: A multiple of the best common rate; or "given" (each parameter has its own rate,
            from the problem), "alone" (each finds its own rate) or "joint" (see `Listener`).
        rotated: Whether the inputs are rotated.
        log: Records the messages; None: no log.
    """
    given = make_problem(seed, rotated)
    return trio.run(wander, seed, given, make_optimizer(given, pace), log)


def make_optimizer(given: Problem, pace: float | str) -> Optimizer:
    """Return the optimizer for a pace; see `measure`."""
    match pace:
        case "given":
            return GivenRates(tuple(2 * BATCH / (EXAMPLES * np.diag(given.noise))))
        case "alone" | "joint":
            return Listener(joint=pace == "joint")
    return GivenRates((pace * given.best_rate(),) * len(given.mean))


async def wander(
    seed: int, given: Problem, optimizer: Optimizer, log: na.Recording | None
) -> Chain:
    """See `measure`."""
    rng = np.random.default_rng((seed, 1))
    neuron = na.Network.from_matrices([given.mean[None, :-1]], [given.mean[-1:]], ["identity"])
    visited = []
    async with na.open_simulation(neuron, log=log) as simulation:
        for step in range(LISTEN + SETTLE + STEPS):
            drawn = rng.integers(EXAMPLES, size=BATCH)
            await simulation.train_step(
                given.x[drawn], given.targets[drawn], "gaussian", optimizer=optimizer
            )
            if step >= LISTEN + SETTLE:
                now = await simulation.network()
                visited.append(np.append(now.weights, now.biases[-1]))
    points = np.array(visited)
    values, directions = np.linalg.eigh(given.precision)
    along = (points - given.mean) @ directions[:, [0, -1]] * np.sqrt(values[[0, -1]])
    return Chain(divergence(np.cov(points.T), given.precision), along[::10])


def divergence(covariance: np.ndarray, precision: np.ndarray) -> float:
    """Return KL(N(0, covariance) ‖ N(0, precision⁻¹))."""
    ratio = covariance @ precision
    return float((np.trace(ratio) - len(ratio) - np.linalg.slogdet(ratio)[1]) / 2)


# --- many neurons -------------------------------------------------------------

HIDDEN, RATE, DECAY, SMALL, REDRAWN = 16, 1.0, 1e-4, 8, 0.2
BEFORE, BETWEEN, SOCIETIES = 400, 30, 20


class Pictures(NamedTuple):
    """Training and test pictures.

    Attributes:
        x: Training pictures. Shape (n, n_inputs).
        classes: Their classes. Shape (n,).
        x_test: Test pictures. Shape (n_test, n_inputs).
        classes_test: Their classes. Shape (n_test,).
        n_classes: Number of classes.
    """

    x: np.ndarray
    classes: np.ndarray
    x_test: np.ndarray
    classes_test: np.ndarray
    n_classes: int


def load_pictures(name: str, seed: int) -> Pictures:
    """Return "cats" and other animals, or the "digits" of scikit-learn; a quarter for the test."""
    if name == "cats":
        cats = _common.load_cats(7, seed)
        classes, classes_test = (t[:, 0].astype(int) for t in (cats.is_cat, cats.is_cat_test))
        return Pictures(cats.x, classes, cats.x_test, classes_test, 2)
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    train, test = np.split(order, [len(order) * 3 // 4])
    x, classes = (digits.data - digits.data[train].mean(axis=0)) / 8, digits.target
    return Pictures(x[train], classes[train], x[test], classes[test], 10)


class Score(NamedTuple):
    """How good predictions are.

    Attributes:
        nll: Mean of -log p of the right class.
        accuracy: Share of the right decisions.
        calibration: Difference of the largest p and the share of right decisions, averaged over
            ten bins of p.
    """

    nll: float
    accuracy: float
    calibration: float


class Averages(NamedTuple):
    """The scores of one run.

    Attributes:
        one: Mean of the scores of all states.
        averaged: Score of the predictions, averaged over all states.
        rested: Score of another society, which came to rest in as many steps.
    """

    one: Score
    averaged: Score
    rested: Score


def average(name: str, seed: int) -> Averages:
    """Let a society learn at a large rate, from labels of which a fifth are drawn at random.

    Its predictions are taken every few steps.
    """
    return trio.run(run_restless, load_pictures(name, seed), seed)


async def run_restless(data: Pictures, seed: int) -> Averages:
    """See `average`."""
    rng = np.random.default_rng((seed, 2))
    anew = rng.random(len(data.classes)) < REDRAWN
    labels = np.where(anew, rng.integers(data.n_classes, size=len(anew)), data.classes)
    targets = np.eye(data.n_classes)[labels]
    restless = na.SGD(RATE, weight_decay=DECAY)
    resting = na.SGD(na.CosineDecay(RATE, BETWEEN * SOCIETIES), weight_decay=DECAY)

    async def learn(simulation: na.Simulation, steps: int, optimizer: na.SGD) -> np.ndarray:
        """Learn for some steps, and return the predictions for the test pictures."""
        for _ in range(steps):
            drawn = rng.integers(len(targets), size=SMALL)
            await simulation.train_step(
                data.x[drawn], targets[drawn], "softmax_cross_entropy", optimizer=optimizer
            )
        return softmax(await simulation.predict(data.x_test))

    net = na.Network.layered([data.x.shape[1], HIDDEN, data.n_classes], seed=seed)
    async with na.open_simulation(net) as simulation:
        await learn(simulation, BEFORE, restless)
        midway = await simulation.network()
        predictions = [await learn(simulation, BETWEEN, restless) for _ in range(SOCIETIES)]
    async with na.open_simulation(midway) as simulation:
        rested = await learn(simulation, BETWEEN * SOCIETIES, resting)
    ones = np.mean([score(p, data.classes_test) for p in predictions], axis=0)
    return Averages(
        Score(*ones),
        score(np.mean(predictions, axis=0), data.classes_test),
        score(rested, data.classes_test),
    )


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities. Shape (n, n_classes), as that of the logits."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def score(p: np.ndarray, classes: np.ndarray) -> Score:
    """Return the score of probabilities (n, n_classes) for the right classes (n,)."""
    sure, right = p.max(axis=1), p.argmax(axis=1) == classes
    bins = np.minimum((sure * 10).astype(int), 9)
    calibration = sum(abs((sure - right)[bins == k].sum()) for k in range(10)) / len(p)
    of_right = np.maximum(p[np.arange(len(p)), classes], 1e-12)
    return Score(float(-np.log(of_right).mean()), float(right.mean()), float(calibration))


# --- the experiment -----------------------------------------------------------

Pace = tuple[float | str, bool]
PACES: list[Pace] = [(factor, False) for factor in SWEEP] + [("given", False), ("alone", False)]
PACES += [("alone", True), ("joint", True)]  # for one common rate a rotation changes nothing


class Results(NamedTuple):
    """For each pace, and for each kind of pictures: one entry for each seed."""

    chains: dict[Pace, list[Chain]]
    averages: dict[str, list[Averages]]

    def divergence(self, pace: float | str, rotated: bool = False) -> np.ndarray:
        """Return the divergences of a pace. Shape (n_seeds,)."""
        return np.array([chain.divergence for chain in self.chains[pace, rotated]])


def measure_all(seeds: Sequence[int], paces: Sequence[Pace]) -> Results:
    """Run both parts of the experiment with all seeds."""
    names = ["cats", "digits"] if find_spec("sklearn") else ["cats"]
    chains = _experiment.run_all(
        "chains", measure, [(seed, *pace) for pace in paces for seed in seeds]
    )
    averages = _experiment.run_all(
        "averages", average, [(name, seed) for name in names for seed in seeds]
    )
    n = len(seeds)
    return Results(
        {pace: chains[k * n : (k + 1) * n] for k, pace in enumerate(paces)},
        {name: averages[k * n : (k + 1) * n] for k, name in enumerate(names)},
    )


def finding(results: Results) -> str:
    """Return in one sentence what these results show, if they show it."""
    swept = {
        pace: results.divergence(pace).mean()
        for pace, rotated in results.chains
        if pace in SWEEP and not rotated
    }
    one, alone, turned, joint = (
        results.divergence(*pace).mean()
        for pace in ((1.0, False), ("alone", False), ("alone", True), ("joint", True))
    )
    gained = [
        a.averaged.accuracy - a.one.accuracy
        for averages in results.averages.values()
        for a in averages
    ]
    measured = (
        f"the best common rate ends at a divergence of {one:.2f} from the posterior, a rate that "
        f"each synapse finds by listening at {alone:.2f}, but at {turned:.2f} if the inputs are "
        f"rotated ({joint:.2f} if the neuron listens to all of its synapses jointly); averaging "
        f"the predictions of {SOCIETIES} states changes the accuracy by {min(gained):+.3f} to "
        f"{max(gained):+.3f}"
    )
    holds = (
        min(swept, key=swept.get) == 1.0
        and one > 0.5
        and alone < 0.2
        and turned > 0.35
        and joint < 0.2
        and min(gained) > 0
    )
    return f"{measured}." if holds else f"not shown by this run, in which {measured}."


def not_so(results: Results) -> str:
    """Return what does not follow."""
    pairs = [a for averages in results.averages.values() for a in averages]
    worse = sum(a.averaged.calibration > a.one.calibration for a in pairs)
    rested = sum(a.rested.accuracy < a.averaged.accuracy for a in pairs)
    return (
        f"that averages are better calibrated: in {worse} of {len(pairs)} cases they were worse. "
        "That the averaged -log p is lower proves nothing, because it must be (Jensen); this is "
        "not so for the accuracy. Nor that a large rate is good: a society that came to rest was "
        f"less accurate than the average in {rested} of {len(pairs)} cases."
    )


def main(arguments: Namespace) -> None:
    _experiment.print_question(
        "noisy posterior",
        "a society that learns from small batches at a constant rate never rests. Do its "
        "parameters wander as widely as they are uncertain?",
        f"one linear neuron with {INPUTS} inputs and a bias, {EXAMPLES:,} examples, batches of "
        f"{BATCH}, started at the maximum of its posterior. The covariance of its parameters over "
        f"{STEPS:,} steps is compared with that of the posterior. Then societies of {HIDDEN} "
        f"hidden neurons, rate {RATE:g}, batches of {SMALL}, a fifth of the labels drawn at "
        f"random: {SOCIETIES} states, {BETWEEN} steps apart, and their predictions averaged.",
    )
    paces = (
        [pace for pace in PACES if pace[0] not in (0.5, 2.0, "given")] if arguments.quick else PACES
    )
    results = measure_all(arguments.seeds, paces)
    print_tables(results)
    _experiment.print_finding(finding(results), not_so(results))
    if arguments.log is not None:
        measure(arguments.seeds[0], "alone", False, arguments.log)
        print(f"Log: the neuron that listens, inputs along the axes, seed {arguments.seeds[0]}.")
    draw(results, arguments)


WORDS = {
    "given": "a rate each, given",
    "alone": "a rate each, by listening",
    "joint": "jointly, by listening",
}


def print_tables(results: Results) -> None:
    """Print the tables of both parts."""
    rows = []
    for pace, rotated in results.chains:
        what = WORDS.get(pace) or f"one common rate, {pace:g} x the best"
        rows.append(
            [
                what,
                "rotated" if rotated else "along axes",
                format_spread(results.divergence(pace, rotated)),
            ]
        )
    _experiment.print_table(["one neuron", "inputs", "divergence"], rows)
    print("\nMany neurons, on test pictures with the right labels:\n")
    rows = []
    for name, averages in results.averages.items():
        for field, what in (
            ("one", "one state"),
            ("averaged", f"{SOCIETIES} averaged"),
            ("rested", "at rest"),
        ):
            scores = np.array([getattr(a, field) for a in averages])
            rows.append([f"{name}, {what}", *(format_spread(column) for column in scores.T)])
    _experiment.print_table(["", "-log p", "accuracy", "calibration error"], rows)
    if "digits" not in results.averages:
        print("\nThe digits are left out: they need scikit-learn (pip install scikit-learn).")


def format_spread(values: np.ndarray) -> str:
    """Return mean and standard deviation as text."""
    return (
        f"{values.mean():.3f} ± {values.std(ddof=1):.3f}" if len(values) > 1 else f"{values[0]:.3f}"
    )


GREEN, PURPLE, WINE, GOLD, GREY = KINDS


def draw(results: Results, arguments: Namespace) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    figure = plt.figure(figsize=(9.6, 6.2), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1.15, 1])
    figure.suptitle(
        "Where the parameters of a neuron wander (dots), and where they should "
        "(rings: 1 and 2 standard deviations)"
    )
    clouds = [
        ((1.0, False), GREEN, "one common rate"),
        (("alone", False), PURPLE, "each synapse its own"),
        (("alone", True), WINE, "the same, inputs rotated"),
        (("joint", True), GOLD, "rotated, listening jointly"),
    ]
    turn = np.linspace(0, 2 * np.pi, 100)
    panels = above.subplots(1, len(clouds), sharex=True, sharey=True)
    panels[0].set_ylabel("narrowest direction", fontsize=9)
    for axis, (pace, colour, title) in zip(panels, clouds, strict=True):
        axis.plot(*results.chains[pace][0].cloud.T, ".", color=colour, markersize=3)
        for radius in (1, 2):
            axis.plot(radius * np.cos(turn), radius * np.sin(turn), color=INK, linewidth=1)
        axis.set(
            xlim=(-4.5, 4.5), ylim=(-4.5, 4.5), aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2]
        )
        axis.set_xlabel("posterior's widest direction", fontsize=9)
        axis.set_title(f"{title}\ndivergence {results.divergence(*pace)[0]:.2f}", fontsize=10)
    swept, learnt = below.subplots(1, 2)
    factors = [pace for pace, rotated in results.chains if pace in SWEEP and not rotated]
    swept.plot(
        factors,
        [results.divergence(f).mean() for f in factors],
        "o-",
        color=GREEN,
        label="one common rate",
    )
    swept.axhline(
        results.divergence("alone").mean(),
        color=PURPLE,
        linestyle="--",
        label="each synapse its own",
    )
    swept.set(xscale="log", yscale="log", xticks=factors, xticklabels=[f"{f:g}" for f in factors])
    swept.minorticks_off()
    swept.set(xlabel="rate, in units of the best one by the formula", ylabel="divergence")
    swept.legend(frameon=False)
    swept.grid(alpha=0.3)
    rows = [(name, a) for name, averages in results.averages.items() for a in averages]
    for k, (_, a) in enumerate(rows):
        learnt.plot(
            [a.one.accuracy, a.averaged.accuracy], [k, k], color=FAINT, linewidth=1, zorder=0
        )
    marks = (
        ("one", "o", GREY, "one state"),
        ("averaged", "D", PURPLE, f"{SOCIETIES} averaged"),
        ("rested", "|", INK, "at rest"),
    )
    for field, mark, colour, label in marks:
        accuracies = [getattr(a, field).accuracy for _, a in rows]
        learnt.plot(
            accuracies,
            range(len(rows)),
            mark,
            color=colour,
            label=label,
            markersize=8 if mark == "|" else 6,
        )
    middle = {
        name: np.mean([k for k, row in enumerate(rows) if row[0] == name]) for name, _ in rows
    }
    learnt.set(
        yticks=list(middle.values()),
        yticklabels=list(middle),
        xlabel="accuracy (one row for each seed)",
        ylim=(len(rows) - 0.5, -0.5),
    )
    learnt.axhline(len(results.averages["cats"]) - 0.5, color=GREY, linestyle=":", linewidth=1)
    learnt.legend(
        frameon=False,
        ncols=3,
        fontsize=9,
        columnspacing=1,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
    )
    learnt.grid(alpha=0.3, axis="x")
    _common.save_figure(figure, arguments.out, "noisy_posterior.png")


SEEDS = _experiment.Seeds(quick=1, usual=4, full=12)

if __name__ == "__main__":
    _experiment.run(main, __doc__, SEEDS)
