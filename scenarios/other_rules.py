"""Other local rules than backpropagation, on handwritten digits.

Each neuron does something else with its messages: feedback by random numbers,
the whole error for every neuron, values that relax, or noise and one reward.
How large is the angle to the true gradient, and does the society learn?
"""

from __future__ import annotations

from argparse import Namespace
from itertools import count, pairwise
from typing import NamedTuple

import _common
import _experiment
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.simulation.history import accuracy
from neuro_actors.simulation.plan import batches
from neuro_actors.support.palette import INK, KINDS, MUTED

HIDDEN, BATCH, PROBE = 32, 32, 256  # PROBE examples are used to measure the angle
STEPS, QUICK_STEPS, RECORDED = 600, 200, 20
RATE, NOISY_RATE = 0.5, 0.02  # with RATE, weight perturbation learns nothing
LOSS = "softmax_cross_entropy"
SIZES = (2, 5, 10, 20)  # numbers of hidden neurons for the part about weight perturbation
DRAWS = 200  # of its noise
START, END, RATIO = (70, 110), 45, (0.7, 1.35)  # the limits for the finding

BACKPROPAGATION, FEEDBACK, DIRECT = "backpropagation", "feedback alignment", "direct feedback"
CODING, NOISE, DEEPER = "predictive coding", "weight perturbation", "feedback, 2 hidden"
GREEN, PURPLE, WINE, GOLD, GREY = KINDS
COLOURS = {
    BACKPROPAGATION: (INK, "-", "o"),
    FEEDBACK: (GREEN, "-", "s"),
    DIRECT: (PURPLE, "--", "^"),
    CODING: (WINE, "-.", "D"),
    NOISE: (GREY, ":", "v"),
    DEEPER: (GOLD, "--", "x"),
}


class Run(NamedTuple):
    """What was measured in one society.

    Attributes:
        steps: The steps at which it was measured.
        angles: Angle of the hidden weights' urgencies to the true ones, in degrees.
        accuracies: Accuracy on the test pictures.
    """

    steps: list[int]
    angles: list[float]
    accuracies: list[float]


class Digits(NamedTuple):
    """Pictures and their one-hot classes; a fifth is for the test.

    Attributes:
        x: Training pictures, from 0 to 1. Shape (n, 64).
        targets: Their classes. Shape (n, 10).
        x_test: Test pictures. Shape (n_test, 64).
        targets_test: Their classes. Shape (n_test, 10).
    """

    x: np.ndarray
    targets: np.ndarray
    x_test: np.ndarray
    targets_test: np.ndarray


def load_digits(seed: int) -> Digits:
    """Return scikit-learn's 1,797 pictures of 8 x 8 pixels, split at random."""
    from sklearn import datasets

    data = datasets.load_digits()
    order = np.random.default_rng(seed).permutation(len(data.data))
    x, targets = data.data[order] / 16, np.eye(10)[data.target[order]]
    cut = len(x) * 4 // 5
    return Digits(x[:cut], targets[:cut], x[cut:], targets[cut:])


def make_network(seed: int, *sizes: int) -> na.Network:
    """Return tanh neurons and identity outputs; weights are N(0, 1 / fan-in), biases 0."""
    rng = np.random.default_rng(seed)
    pairs = list(pairwise(sizes))
    weights = [rng.standard_normal((n_out, n_in)) / np.sqrt(n_in) for n_in, n_out in pairs]
    names = ["tanh"] * (len(pairs) - 1) + ["identity"]
    return na.Network.from_matrices(weights, [np.zeros(n_out) for _, n_out in pairs], names)


def make_rule(name: str, seed: int) -> na.rules.Rule:
    """Return the rule of that name."""
    return {
        BACKPROPAGATION: na.rules.Backpropagation(),
        FEEDBACK: na.rules.FeedbackAlignment(seed),
        DIRECT: na.rules.DirectFeedbackAlignment(seed),
        CODING: na.rules.PredictiveCoding(relaxations=6, rate=0.5),
        NOISE: na.rules.WeightPerturbation(seed=seed),
        DEEPER: na.rules.FeedbackAlignment(seed),
    }[name]


def degrees(a: np.ndarray, b: np.ndarray) -> float:
    """Return the angle of two vectors in degrees. Shape (n,) each."""
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def measure(name: str, seed: int, steps: int, log: na.Recording | None = None) -> Run:
    """Let a society learn with a rule, and measure it at some steps."""
    data = load_digits(seed)
    net = make_network(seed, 64, *[HIDDEN] * (2 if name == DEEPER else 1), 10)
    optimizer = na.SGD(NOISY_RATE if name == NOISE else RATE)
    hidden = net.level[net.targets] < net.depth
    probe = data.x[:PROBE], data.targets[:PROBE], LOSS
    measured = [n for n in (0, 10, 25, 50, *range(100, STEPS + 1, 100)) if n <= steps]
    run = Run(measured, [], [])

    async def learn() -> None:
        async with na.open_simulation(net, log=log, rule=make_rule(name, seed)) as simulation:
            chosen = (
                rows for epoch in count(1) for rows in batches(len(data.x), BATCH, seed, epoch)
            )
            for n in range(steps + 1):
                if n in measured:
                    found = await simulation.gradient(*probe)
                    now = await simulation.network()
                    true = na.reference.gradient(now, *probe)
                    run.angles.append(degrees(found.weights[hidden], true.weights[hidden]))
                    run.accuracies.append(
                        accuracy(await simulation.predict(data.x_test), data.targets_test)
                    )
                if n < steps:
                    rows = next(chosen)
                    await simulation.train_step(
                        data.x[rows], data.targets[rows], LOSS, optimizer=optimizer
                    )

    trio.run(learn)
    return run


def count_differing(seed: int, relaxations: int, steps: int = 20) -> int:
    """Return how many parameters differ from backpropagation's, in at least one bit.

    The rule is predictive coding with fixed predictions; the network has two hidden layers.

    Args:
        seed: The seed.
        relaxations: Number of relaxations in each step.
        steps: Number of steps.
    """
    data, net = load_digits(seed), make_network(seed, 64, HIDDEN, HIDDEN, 10)
    rules = (
        na.rules.Backpropagation(),
        na.rules.PredictiveCoding(relaxations, rate=1, fixed=True),
    )
    learnt = [
        na.train(
            net,
            data.x[: BATCH * steps],
            data.targets[: BATCH * steps],
            LOSS,
            optimizer=na.SGD(RATE),
            epochs=1,
            batch_size=BATCH,
            seed=seed,
            progress=False,
            rule=rule,
        ).network
        for rule in rules
    ]
    a, b = (np.concatenate([n.weights, n.biases[~n.is_input]]).view(np.int64) for n in learnt)
    return int(np.count_nonzero(a != b))


class Noise(NamedTuple):
    """How good a direction weight perturbation finds.

    Attributes:
        n: Number of parameters.
        ratio: cos² of the angle to the gradient, times n; mean over all draws of the noise.
    """

    n: int
    ratio: float


def measure_noise(seed: int, hidden: int) -> Noise:
    """Measure weight perturbation in a network with so many hidden neurons."""
    data, net = load_digits(seed), make_network(seed, 64, hidden, 10)
    batch = data.x[:BATCH], data.targets[:BATCH], LOSS

    def flatten(gradient: na.Gradient) -> np.ndarray:
        return np.concatenate([gradient.weights, gradient.biases[~net.is_input]])

    true = flatten(na.reference.gradient(net, *batch))
    squares = []

    async def ask() -> None:
        async with na.open_simulation(
            net, rule=na.rules.WeightPerturbation(seed=seed)
        ) as simulation:
            for _ in range(DRAWS):
                found = flatten(await simulation.gradient(*batch))
                squares.append((found @ true) ** 2 / (found @ found) / (true @ true))

    trio.run(ask)
    return Noise(len(true), float(np.mean(squares) * len(true)))


def format_spread(values: list[float], digits: int) -> str:
    """Return mean and standard deviation as text, with so many digits after the point."""
    deviation = np.std(values, ddof=1) if len(values) > 1 else 0
    return f"{np.mean(values):.{digits}f} ± {deviation:.{digits}f}"


def finding(runs: dict[str, list[Run]], same: list[int], noises: list[Noise]) -> str:
    """Return in one sentence what these results show, if they show it."""
    start, end = ([run.angles[k] for run in runs[FEEDBACK]] for k in (0, -1))
    ratios = [each.ratio for each in noises]
    reached = {
        name: float(np.mean([run.accuracies[-1] for run in found])) for name, found in runs.items()
    }
    held = [
        START[0] < min(start) and max(start) < START[1] and max(end) < END,
        not any(same),
        RATIO[0] < min(ratios) and max(ratios) < RATIO[1],
    ]
    if not all(held):
        parts = [
            "that random feedback turns towards the gradient",
            "that fixed predictions give its bits",
            "that one reward for all finds 1/n of it",
        ]
        missing = [part for part, holds in zip(parts, held, strict=True) if not holds]
        return f"this run does not show {' nor '.join(missing)}."
    return (
        "with feedback through fixed random numbers, the urgencies of the hidden weights are at "
        f"first unrelated to the gradient ({np.mean(start):.0f}°), turn towards it "
        f"({np.mean(end):.0f}°), and the society learns (accuracy {reached[FEEDBACK]:.3f}, with "
        f"backpropagation {reached[BACKPROPAGATION]:.3f}); predictive coding with fixed "
        "predictions is backpropagation, bit for bit; and one reward for all finds, among n "
        f"parameters, a direction whose cos² is {np.mean(ratios):.2f} / n."
    )


def main(arguments: Namespace) -> None:
    seeds, steps = arguments.seeds, QUICK_STEPS if arguments.quick else STEPS
    _experiment.print_question(
        "Other rules",
        "can a society learn without backpropagation, if each neuron does something else with its "
        "messages?",
        f"digits, 64-{HIDDEN}-10, batches of {BATCH}, {steps} steps, {len(seeds)} "
        f"seed{'s' * (len(seeds) > 1)}, and five rules. The angle is that of the hidden weights' "
        "urgencies to the true ones, which matrices compute.",
    )
    cases = [
        (name, seed, steps)
        for name in sorted(COLOURS, key=lambda name: name != CODING)
        for seed in seeds
    ]
    results = _experiment.run_all("societies", measure, cases)
    runs: dict[str, list[Run]] = {name: [] for name in COLOURS}
    for (name, _, _), run in zip(cases, results, strict=True):
        runs[name].append(run)
    middle = runs[FEEDBACK][0].steps.index(100)
    rows = []
    for name, found in runs.items():
        angles = [format_spread([run.angles[k] for run in found], 1) for k in (0, middle, -1)]
        rows.append([name, *angles, format_spread([run.accuracies[-1] for run in found], 3)])
    _experiment.print_table(
        ["angle in degrees", "step 0", "step 100", f"step {steps}", "accuracy"], rows
    )

    found = _experiment.run_all(
        "bits", count_differing, [(seed, relaxations) for relaxations in (2, 1) for seed in seeds]
    )
    right, wrong = found[: len(seeds)], found[len(seeds) :]
    n = sum(a * b + b for a, b in ((64, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 10)))
    print("\n  Predictive coding with fixed predictions, two hidden layers, 20 steps:")
    print(f"  of {n:,} parameters at most {max(right)} differ from those of backpropagation with")
    print(f"  two relaxations in each step, and at least {min(wrong):,} with one.\n")

    noises = _experiment.run_all(
        "noise", measure_noise, [(seed, hidden) for hidden in SIZES for seed in seeds]
    )
    ratios: dict[int, list[float]] = {}
    for each in noises:
        ratios.setdefault(each.n, []).append(each.ratio)
    _experiment.print_table(
        ["weight perturbation", *(f"n = {n:,}" for n in ratios)],
        [["cos² · n", *(format_spread(values, 2) for values in ratios.values())]],
    )
    means = [Noise(n, float(np.mean(values))) for n, values in ratios.items()]
    _experiment.print_finding(
        finding(runs, right, means),
        "that a brain does any of this; that deeper societies align as well (two hidden layers "
        "align less); that a direction 1/n as good needs n times as many steps; or that all of it "
        "is local: direct feedback sends every neuron the whole error, and weight perturbation "
        "sends all of them one reward.",
    )
    if arguments.log is not None:
        measure(FEEDBACK, seeds[0], RECORDED, arguments.log)
        print(f"Recorded: the first {RECORDED} steps with feedback alignment, seed {seeds[0]}.")
    draw(runs, arguments)


def draw(runs: dict[str, list[Run]], arguments: Namespace) -> None:
    """Draw the figure."""
    plt = _common.import_pyplot()
    if plt is None:
        return
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 5), layout="constrained")
    figure.suptitle(
        "Five rules: the angle of the hidden weights' urgencies to the true ones, and the accuracy"
    )
    for name, found in runs.items():
        colour, line, mark = COLOURS[name]
        for axis, kind in ((left, "angles"), (right, "accuracies")):
            values = np.array([getattr(run, kind) for run in found])
            mean, low, high = values.mean(axis=0), values.min(axis=0), values.max(axis=0)
            axis.plot(
                found[0].steps,
                mean,
                line,
                color=colour,
                marker=mark,
                markersize=4.5,
                label=name,
                zorder=3,
            )
            axis.fill_between(found[0].steps, low, high, color=colour, alpha=0.12, linewidth=0)
    left.axhline(90, color=MUTED, linewidth=0.8, zorder=1)
    left.text(
        0.99,
        92,
        "90°: unrelated",
        transform=left.get_yaxis_transform(),
        ha="right",
        fontsize=9,
        color=INK,
    )
    left.set(
        title="angle to the true gradient, degrees",
        xlabel="step",
        ylim=(-3, 115),
        yticks=range(0, 106, 15),
    )
    right.set(title="accuracy on new pictures", xlabel="step", ylim=(0, 1.02))
    for axis in (left, right):
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
    )
    _common.save_figure(figure, arguments.out, "other_rules.png")


if __name__ == "__main__":
    _experiment.run(main, __doc__, _experiment.Seeds(quick=1, usual=3, full=10))
