"""Two societies play a game: a generator forges numbers, a discriminator checks.

The generator turns noise into numbers. The discriminator receives numbers, real
and forged ones, and says how sure it is, p, that a number is real. The forged
numbers go from the generator to the discriminator, and their urgencies go back.
Nothing else passes between the two. A generator that loses the game receives
small urgencies; how small depends on the penalty.
"""

from __future__ import annotations

from argparse import Namespace
from statistics import NormalDist
from typing import NamedTuple

import _common
import _experiment
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.support.palette import INK, KINDS

BATCH, HEAD_START, ROUNDS, EARLY = 16, 1000, 400, 50
MEAN, SPREAD = 3.0, 0.5  # of the real numbers
STUCK = 1.5  # a generator whose distance is larger counts as stuck; it starts at about 3
SHOWN = (0, 25, 50, 100, 200, 400)
# Normal noise, evenly spread, to measure with.
NOISE = np.array([NormalDist().inv_cdf((k + 0.5) / 1000) for k in range(1000)])[:, None]
# The discriminator's targets: first come the real numbers.
TARGETS = np.concatenate([np.ones((BATCH, 1)), np.zeros((BATCH, 1))])


class Penalty(NamedTuple):
    """What a generator minimises, and the urgency that follows at the discriminator's signal.

    Attributes:
        name: The penalty of p, also the name of its loss.
        factor: The size of the urgency behind the sigmoid, as a formula of p.
    """

    name: str
    factor: str


# The last two are minus the discriminator's penalty for a forged number: a minimax game.
PENALTIES = [
    Penalty("-log p", "1-p"),
    Penalty("(1-p)^2", "2p(1-p)^2"),
    Penalty("log(1-p)", "p"),
    Penalty("-p^2", "2p^2(1-p)"),
]
TINY = 1e-12
na.add_loss(
    "-log p",
    lambda p, t: -np.log(np.maximum(p, TINY)).sum(axis=1),
    lambda p, t: -1 / np.maximum(p, TINY),
)
na.add_loss("(1-p)^2", lambda p, t: ((1 - p) ** 2).sum(axis=1), lambda p, t: -2 * (1 - p))
na.add_loss(
    "log(1-p)",
    lambda p, t: np.log(np.maximum(1 - p, TINY)).sum(axis=1),
    lambda p, t: -1 / np.maximum(1 - p, TINY),
)
na.add_loss("-p^2", lambda p, t: -(p**2).sum(axis=1), lambda p, t: -2 * p)

# The generator has no penalty of its own: it learns from the urgencies that come back. With this
# loss, whose targets are urgencies, the urgency of each output is exactly its target.
na.add_loss("linear", lambda p, t: -(t * p).sum(axis=1), lambda p, t: -t)
na.add_activation(
    "leaky", lambda z: np.where(z > 0, z, 0.2 * z), lambda z, a: np.where(z > 0, 1.0, 0.2), "he"
)


class Rules(NamedTuple):
    """How the two play.

    Attributes:
        penalty: What the generator minimises.
        head_start: Number of steps in which the discriminator learns alone.
        rounds: Number of rounds in which both learn.
        generator: The generator's optimizer.
        discriminator: The discriminator's optimizer. Its loss is the mean over real and forged
            numbers, so each of the two means counts half.
        output: The discriminator's output activation.
        loss: The discriminator's loss.
    """

    penalty: str
    head_start: int = HEAD_START
    rounds: int = ROUNDS
    generator: na.SGD | na.Adam = na.SGD(0.1)
    discriminator: na.SGD | na.Adam = na.SGD(0.2)
    output: str = "sigmoid"
    loss: str = "cross_entropy"


SQUARES = Rules(
    "squared_error", discriminator=na.SGD(0.05), output="identity", loss="squared_error"
)
ADAPTED = Rules("-p^2", generator=na.Adam(0.02))


class Game(NamedTuple):
    """What happened in one game.

    Attributes:
        distance: Distance of the forged numbers from the real ones at the end.
        urgencies: Mean size of the urgencies at the generator's output. Shape (rounds,).
        said: By round of SHOWN: the generator's numbers for NOISE. Shape (1000, 1) each.
    """

    distance: float
    urgencies: np.ndarray
    said: dict[int, np.ndarray]


def measure(seed: int, rules: Rules, log: na.Recording | None = None) -> Game:
    """Play one game; `log` records the generator."""
    return trio.run(play, seed, rules, log)


async def play(seed: int, rules: Rules, log: na.Recording | None) -> Game:
    """See `measure`."""
    rng = np.random.default_rng(seed)
    forger, checker = (
        draw_network(rng, "tanh", "identity"),
        draw_network(rng, "leaky", rules.output),
    )
    async with (
        na.open_simulation(forger, log=log) as generator,
        na.open_simulation(checker) as discriminator,
    ):

        async def teach_discriminator(forged: np.ndarray) -> None:
            """Let it learn from the forged numbers (BATCH, 1) and as many real ones."""
            numbers = np.concatenate([rng.normal(MEAN, SPREAD, forged.shape), forged])
            await discriminator.train_step(
                numbers, TARGETS, rules.loss, optimizer=rules.discriminator
            )

        forged = await generator.predict(rng.standard_normal((rules.head_start * BATCH + 1, 1)))
        for k in range(rules.head_start):
            await teach_discriminator(forged[k * BATCH : (k + 1) * BATCH])
        sizes, said = [], {0: await generator.predict(NOISE)}
        for k in range(1, rules.rounds + 1):
            noise = rng.standard_normal((BATCH, 1))
            forged = await generator.predict(noise)
            await teach_discriminator(forged)
            urgencies = await ask_urgencies(discriminator, forged, rules.penalty)
            await generator.train_step(noise, urgencies, "linear", optimizer=rules.generator)
            sizes.append(np.abs(urgencies).mean())
            if k in SHOWN:
                said[k] = await generator.predict(NOISE)
        return Game(distance(await generator.predict(NOISE)), np.array(sizes), said)


def draw_network(rng: np.random.Generator, hidden: str, output: str) -> na.Network:
    """Return a network 1-8-1; its weights are N(0, 1 / fan-in), its biases 0."""
    weights = [rng.standard_normal((8, 1)), rng.standard_normal((1, 8)) / np.sqrt(8)]
    return na.Network.from_matrices(weights, [np.zeros(8), np.zeros(1)], [hidden, output])


async def ask_urgencies(
    discriminator: na.Simulation, forged: np.ndarray, penalty: str
) -> np.ndarray:
    """Return the urgency of each forged number; the discriminator does not learn.

    Args:
        discriminator: The discriminator.
        forged: The numbers. Shape (batch, 1).
        penalty: What the generator minimises.

    Returns:
        The urgencies. Shape (batch, 1).
    """
    gradient = await discriminator.gradient(forged, np.ones_like(forged), penalty, wrt_inputs=True)
    return -gradient.inputs * len(forged)  # the gradient is of the mean over the batch


def distance(said: np.ndarray) -> float:
    """Return the Wasserstein distance (of order 1) of forged numbers from the real ones.

    Args:
        said: The generator's numbers for NOISE. Shape (1000, 1).
    """
    return float(np.abs(np.sort(said, axis=0) - (MEAN + SPREAD * NOISE)).mean())


Results = dict[Rules, list[Game]]


def measure_all(seeds: list[int], controls: bool) -> Results:
    """Play every game of the experiment with every seed."""
    games = [Rules(p.name, head_start) for p in PENALTIES for head_start in (HEAD_START, 0)]
    games += [SQUARES, ADAPTED] * controls
    played = _experiment.run_all(
        "games", measure, [(seed, rules) for rules in games for seed in seeds]
    )
    return {rules: played[k * len(seeds) : (k + 1) * len(seeds)] for k, rules in enumerate(games)}


def distances(games: list[Game]) -> np.ndarray:
    """Return the distance at the end of each game. Shape (n_games,)."""
    return np.array([game.distance for game in games])


def early_urgency(games: list[Game]) -> float:
    """Return the mean size of the urgencies in the first EARLY rounds."""
    return float(np.mean([game.urgencies[:EARLY] for game in games]))


def finding(results: Results) -> str:
    """Return in one sentence what these results show, if they show it."""
    behind = {p.name: float(np.median(distances(results[Rules(p.name)]))) for p in PENALTIES}
    level = max(float(np.median(distances(results[Rules(p.name, 0)]))) for p in PENALTIES)
    urgencies = {p.name: early_urgency(results[Rules(p.name)]) for p in PENALTIES}
    starved, others = behind.pop("-p^2"), max(behind.values())
    ratio = urgencies["-log p"] / urgencies["-p^2"]
    if starved > 2 and others < 1 and level < 1 and ratio > 5:
        return (
            "in the minimax game the square behind a sigmoid starves a losing generator: its "
            f"urgencies are {ratio:.0f} times smaller than with -log p, and the median game ends "
            f"at a distance of {starved:.2f} instead of at most {others:.2f}; without a head "
            f"start, no penalty's median is above {level:.2f}."
        )
    return (
        "not shown by this run: after the head start the minimax square ends at a median "
        f"distance of {starved:.2f} (above 2 was expected), the others at most at {others:.2f}; "
        f"without a head start all end at most at {level:.2f} (below 1), and the urgencies with "
        f"-log p are {ratio:.1f} times as large (above 5)."
    )


def not_so(results: Results) -> str:
    """Return what does not follow, and what the controls say about it."""
    general = "that the square is wrong for such games, or that p says how good a generator is."
    if SQUARES not in results:
        return general
    square, adapted = (count_stuck(results[rules]) for rules in (SQUARES, ADAPTED))
    return (
        f"{general} With a linear output instead of the sigmoid, and squares on both sides, "
        f"{square} got stuck; with -p^2 and Adam, which divides urgencies by their size, {adapted}."
    )


def main(arguments: Namespace) -> None:
    _experiment.print_question(
        "adversaries",
        "two societies play against each other. How large are the urgencies that the losing "
        "one receives?",
        "real numbers from N(3, 0.5); a generator 1-8-1 that makes numbers from noise; a "
        "discriminator 1-8-1 that learns with the cross-entropy which numbers are real. The "
        f"generator learns from the urgencies that come back: {ROUNDS} rounds of {BATCH} numbers, "
        "with four penalties of p, the discriminator's answer for a forged number. The "
        f"discriminator has a head start of {HEAD_START:,} steps, or none.",
    )
    results = measure_all(arguments.seeds, controls=not arguments.quick)
    print_tables(results)
    _experiment.print_finding(finding(results), not_so(results))
    if arguments.log is not None:
        measure(arguments.seeds[0], Rules("-p^2"), arguments.log)
        print(f"Log: the generator with -p^2 after the head start, seed {arguments.seeds[0]}. Its")
        print("targets are the discriminator's urgencies.")
    draw(results, arguments)


def print_tables(results: Results) -> None:
    """Print the table of the penalties, and that of the controls."""
    rows = []
    for p in PENALTIES:
        behind, level = results[Rules(p.name)], results[Rules(p.name, 0)]
        rows.append(
            [
                p.name,
                p.factor,
                f"{early_urgency(behind):.3f}",
                format_spread(distances(behind)),
                count_stuck(behind),
                format_spread(distances(level)),
            ]
        )
    print(f"Distance at the end (Wasserstein; 3 at first; stuck: above {STUCK}), and the mean")
    print(f"size of the urgencies that the generator receives in the first {EARLY} rounds:\n")
    print("                       after the head start                        without")
    _experiment.print_table(
        ["penalty", "at signal", "|urgency|", "distance", "stuck", "distance"], rows
    )
    if SQUARES in results:
        print("\nAlso after the head start:\n")
        others = [("square, no sigmoid", SQUARES), ("-p^2, with Adam", ADAPTED)]
        rows = [
            [
                name,
                f"{early_urgency(results[r]):.3f}",
                format_spread(distances(results[r])),
                count_stuck(results[r]),
            ]
            for name, r in others
        ]
        _experiment.print_table(["", "|urgency|", "distance", "stuck"], rows)


def format_spread(values: np.ndarray) -> str:
    """Return mean and standard deviation as text."""
    return (
        f"{values.mean():.3f} ± {values.std(ddof=1):.3f}" if len(values) > 1 else f"{values[0]:.3f}"
    )


def count_stuck(games: list[Game]) -> str:
    """Return how many of the games got stuck, as text."""
    return f"{np.sum(distances(games) > STUCK)} of {len(games)}"


COLOURS, DASHES = KINDS[:4], ["-", "--", "-.", ":"]


def draw(results: Results, arguments: Namespace) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    figure = plt.figure(figsize=(11, 5.6), layout="constrained")
    figure.suptitle(
        "A generator that starts behind: forged numbers (filled), real ones (line), its urgencies"
    )
    left, right = figure.subfigures(1, 2, width_ratios=[2.1, 1])
    strip = left.subplots(len(PENALTIES), len(SHOWN), sharex=True, sharey=True)
    bins = np.linspace(-2.5, 6.5, 46)
    real = np.exp(-(((bins - MEAN) / SPREAD) ** 2) / 2) / (SPREAD * np.sqrt(2 * np.pi))
    curves = right.subplots()
    for row, p, colour, dash in zip(strip, PENALTIES, COLOURS, DASHES, strict=True):
        games = results[Rules(p.name)]
        for axis, k in zip(row, SHOWN, strict=True):
            axis.hist(games[0].said[k][:, 0], bins=bins, density=True, color=colour, alpha=0.75)
            axis.plot(bins, real, color=INK, linewidth=1)
            axis.set(ylim=(0, 1.6), yticks=[], xticks=[0, 3])
            axis.spines[["top", "left", "right"]].set_visible(False)
        name = p.name.replace("-", "−").replace("^2", "²")
        row[0].set_ylabel(name, fontsize=11)
        sizes = np.mean([game.urgencies for game in games], axis=0)
        blocks = sizes.reshape(-1, 10).mean(axis=1)
        curves.plot(
            np.arange(len(blocks)) * 10 + 5, blocks, dash, color=colour, linewidth=2, label=name
        )
    for axis, k in zip(strip[0], SHOWN, strict=True):
        axis.set_title(f"round {k}", fontsize=10)
    left.supxlabel("numbers", fontsize=10)
    curves.set(
        yscale="log", xlabel="round", ylabel=f"mean |urgency| ({len(arguments.seeds)} seeds)"
    )
    curves.grid(alpha=0.3)
    curves.legend(frameon=False, title="the generator minimises")
    _common.save_figure(figure, arguments.out, "adversaries.png")


SEEDS = _experiment.Seeds(quick=1, usual=5, full=20)

if __name__ == "__main__":
    _experiment.run(main, __doc__, SEEDS)
