"""Two societies play a game: a generator forges, a discriminator judges.

The generator hears noise and says numbers; the discriminator hears numbers and
says how sure it is, p, that one is real. What the generator says is what the
discriminator hears, and the urgencies of what it hears go back. Nothing else
passes between the two. Who loses the game hears little: how little, that
depends on the penalty.
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

BATCH, HEAD_START, ROUNDS, EARLY = 16, 1000, 400, 50
MEAN, SPREAD = 3.0, 0.5  # of what is real
STUCK = 1.5  # from this distance on, a generator has got nowhere: at first it is about 3 away
SHOWN = (0, 25, 50, 100, 200, 400)
NOISE = np.array([NormalDist().inv_cdf((k + 0.5) / 1000) for k in range(1000)])[
    :, None
]  # evenly spread, to measure with
WANTED = np.concatenate(
    [np.ones((BATCH, 1)), np.zeros((BATCH, 1))]
)  # of the discriminator: first come the real ones


class Penalty(NamedTuple):
    """What a generator minimises, and what is left of it behind a sigmoid: the urgency at the discriminator's signal."""

    name: str
    factor: str


# The last two are minus what the discriminator would pay for a forged number: the game is then a minimax game.
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

# The generator has no penalty of its own: somebody tells it how urgent it is that it says more. The loss that is
# linear in what it says, with these urgencies as targets, tells it just that: minus its slope is the target.
na.add_loss("told", lambda p, t: -(t * p).sum(axis=1), lambda p, t: -t)
na.add_activation(
    "leaky", lambda z: np.where(z > 0, z, 0.2 * z), lambda z, a: np.where(z > 0, 1.0, 0.2), "he"
)


class Rules(NamedTuple):
    """How the two play."""

    penalty: str
    head_start: int = HEAD_START  # steps that the discriminator learns alone
    rounds: int = ROUNDS
    generator: na.SGD | na.Adam = na.SGD(0.1)
    discriminator: na.SGD | na.Adam = na.SGD(
        0.2
    )  # the mean over real and forged ones: their two means, at half of it each
    output: str = "sigmoid"  # of the discriminator
    loss: str = "cross_entropy"  # likewise


SQUARES = Rules(
    "squared_error", discriminator=na.SGD(0.05), output="identity", loss="squared_error"
)
ADAPTED = Rules("-p^2", generator=na.Adam(0.02))


class Game(NamedTuple):
    """distance: how far what is forged is from what is real at the end.  urgencies (rounds,): their mean size at the
    generator's output.  said: what the generator made of `NOISE` after each of the rounds `SHOWN`."""

    distance: float
    urgencies: np.ndarray
    said: dict[int, np.ndarray]


def measure(seed: int, rules: Rules, log: na.Recording | None = None) -> Game:
    """One game. `log` records the generator."""
    return trio.run(play, seed, rules, log)


async def play(seed: int, rules: Rules, log: na.Recording | None) -> Game:
    rng = np.random.default_rng(seed)
    forger, judge = drawn(rng, "tanh", "identity"), drawn(rng, "leaky", rules.output)
    async with (
        na.open_simulation(forger, log=log) as generator,
        na.open_simulation(judge) as discriminator,
    ):

        async def judge_learns(forged: np.ndarray) -> None:
            """From as many real numbers as forged ones."""
            heard = np.concatenate([rng.normal(MEAN, SPREAD, forged.shape), forged])
            await discriminator.train_step(heard, WANTED, rules.loss, optimizer=rules.discriminator)

        forged = await generator.predict(rng.standard_normal((rules.head_start * BATCH + 1, 1)))
        for k in range(rules.head_start):
            await judge_learns(forged[k * BATCH : (k + 1) * BATCH])
        sizes, said = [], {0: await generator.predict(NOISE)}
        for k in range(1, rules.rounds + 1):
            noise = rng.standard_normal((BATCH, 1))
            forged = await generator.predict(noise)
            await judge_learns(forged)
            urgencies = await felt(discriminator, forged, rules.penalty)
            await generator.train_step(noise, urgencies, "told", optimizer=rules.generator)
            sizes.append(np.abs(urgencies).mean())
            if k in SHOWN:
                said[k] = await generator.predict(NOISE)
        return Game(distance(await generator.predict(NOISE)), np.array(sizes), said)


def drawn(rng: np.random.Generator, hidden: str, output: str) -> na.Network:
    """1-8-1; weights N(0, 1 / fan-in), biases 0."""
    weights = [rng.standard_normal((8, 1)), rng.standard_normal((1, 8)) / np.sqrt(8)]
    return na.Network.from_matrices(weights, [np.zeros(8), np.zeros(1)], [hidden, output])


async def felt(discriminator: na.Simulation, forged: np.ndarray, penalty: str) -> np.ndarray:
    """The urgency of each forged number, (batch, 1); the discriminator does not learn by it."""
    gradient = await discriminator.gradient(forged, np.ones_like(forged), penalty, wrt_inputs=True)
    return -gradient.inputs * len(forged)  # that is of the mean; to each example its own


def distance(said: np.ndarray) -> float:
    """The Wasserstein distance (of order 1) of what was made of `NOISE` from what is real."""
    return float(np.abs(np.sort(said, axis=0) - (MEAN + SPREAD * NOISE)).mean())


Results = dict[Rules, list[Game]]


def measure_all(seeds: list[int], controls: bool) -> Results:
    """Every game of the experiment, with every seed."""
    games = [Rules(p.name, head_start) for p in PENALTIES for head_start in (HEAD_START, 0)] + [
        SQUARES,
        ADAPTED,
    ] * controls
    played = _experiment.run_all(
        "games", measure, [(seed, rules) for rules in games for seed in seeds]
    )
    return {rules: played[k * len(seeds) : (k + 1) * len(seeds)] for k, rules in enumerate(games)}


def ends(games: list[Game]) -> np.ndarray:
    return np.array([game.distance for game in games])


def early(games: list[Game]) -> float:
    """The mean size of the urgencies in the first rounds."""
    return float(np.mean([game.urgencies[:EARLY] for game in games]))


def finding(results: Results) -> str:
    """In one sentence what these results show, if they do."""
    behind = {p.name: float(np.median(ends(results[Rules(p.name)]))) for p in PENALTIES}
    level = max(float(np.median(ends(results[Rules(p.name, 0)]))) for p in PENALTIES)
    heard = {p.name: early(results[Rules(p.name)]) for p in PENALTIES}
    starved, others = behind.pop("-p^2"), max(behind.values())
    ratio = heard["-log p"] / heard["-p^2"]
    if starved > 2 and others < 1 and level < 1 and ratio > 5:
        return (
            f"in the minimax game the square behind a sigmoid starves a losing generator: it hears {ratio:.0f} times less"
            f" than by -log p, and the median game ends {starved:.2f} away, not at most {others:.2f}; started level, no"
            f" penalty's median is above {level:.2f}."
        )
    return (
        f"not shown by this run, for after the head start the minimax square ends {starved:.2f} away in the median (above"
        f" 2 was expected), the others at most {others:.2f}, started level all at most {level:.2f} (below 1), and the"
        f" urgencies by -log p are {ratio:.1f} times as large (above 5)."
    )


def not_so(results: Results) -> str:
    """What does not follow, with what the controls say of it."""
    general = (
        "that the square is a bad idea for such games, or that p tells how good a generator is."
    )
    if SQUARES not in results:
        return general
    square, adapted = (stuck(results[rules]) for rules in (SQUARES, ADAPTED))
    return (
        f"{general} With a linear output instead of the sigmoid, and squares on both sides, {square} got stuck; and by -p^2"
        f" with Adam, which divides urgencies by their size, {adapted}."
    )


def main(arguments: Namespace) -> None:
    _experiment.print_question(
        "adversaries",
        "two societies play against each other; what does the one that is losing hear?",
        f"real numbers from N(3, 0.5), a generator 1-8-1 that forges them out of noise, a discriminator 1-8-1 that learns"
        f" by cross-entropy to tell which are real. The generator learns by what goes back to it: {ROUNDS} rounds of"
        f" {BATCH} numbers, by four penalties of p, the discriminator's word for what is forged. The discriminator has a"
        f" head start of {HEAD_START:,} steps, or none.",
    )
    results = measure_all(arguments.seeds, controls=not arguments.quick)
    told(results)
    _experiment.print_finding(finding(results), not_so(results))
    if arguments.log is not None:
        measure(arguments.seeds[0], Rules("-p^2"), arguments.log)
        print(
            f"Log: the generator by -p^2 after the head start, seed {arguments.seeds[0]}; its targets are"
        )
        print("what the discriminator told it.")
    draw(results, arguments)


def told(results: Results) -> None:
    """The tables: the penalties, and what else was tried."""
    rows = []
    for p in PENALTIES:
        behind, level = results[Rules(p.name)], results[Rules(p.name, 0)]
        rows.append(
            [
                p.name,
                p.factor,
                f"{early(behind):.3f}",
                spread(ends(behind)),
                stuck(behind),
                spread(ends(level)),
            ]
        )
    print(f"Distance at the end (Wasserstein; 3 at first; stuck: above {STUCK}), and the mean")
    print(f"size of the urgencies that the generator hears in the first {EARLY} rounds:\n")
    print("                       after the head start                        without")
    _experiment.print_table(
        ["penalty", "at signal", "|urgency|", "distance", "stuck", "distance"], rows
    )
    if SQUARES in results:
        print("\nAfter the head start, too:\n")
        others = [("square, no sigmoid", SQUARES), ("-p^2, by Adam", ADAPTED)]
        rows = [
            [name, f"{early(results[r]):.3f}", spread(ends(results[r])), stuck(results[r])]
            for name, r in others
        ]
        _experiment.print_table(["", "|urgency|", "distance", "stuck"], rows)


def spread(values: np.ndarray) -> str:
    """Mean and standard deviation."""
    return (
        f"{values.mean():.3f} ± {values.std(ddof=1):.3f}" if len(values) > 1 else f"{values[0]:.3f}"
    )


def stuck(games: list[Game]) -> str:
    return f"{np.sum(ends(games) > STUCK)} of {len(games)}"


COLOURS, DASHES = ["#0072b2", "#009e73", "#e69f00", "#d55e00"], ["-", "--", "-.", ":"]


def draw(results: Results, arguments: Namespace) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    figure = plt.figure(figsize=(11, 5.6), layout="constrained")
    figure.suptitle(
        "A generator that starts behind: what it forges (filled), what is real (line), and what it hears"
    )
    left, right = figure.subfigures(1, 2, width_ratios=[2.1, 1])
    strip = left.subplots(len(PENALTIES), len(SHOWN), sharex=True, sharey=True)
    bins = np.linspace(-2.5, 6.5, 46)
    real = np.exp(-(((bins - MEAN) / SPREAD) ** 2) / 2) / (SPREAD * np.sqrt(2 * np.pi))
    heard = right.subplots()
    for row, p, colour, dash in zip(strip, PENALTIES, COLOURS, DASHES, strict=True):
        games = results[Rules(p.name)]
        for axis, k in zip(row, SHOWN, strict=True):
            axis.hist(games[0].said[k][:, 0], bins=bins, density=True, color=colour, alpha=0.75)
            axis.plot(bins, real, color="black", linewidth=1)
            axis.set(ylim=(0, 1.6), yticks=[], xticks=[0, 3])
            axis.spines[["top", "left", "right"]].set_visible(False)
        row[0].set_ylabel(p.name, fontsize=11)
        sizes = np.mean([game.urgencies for game in games], axis=0)
        blocks = sizes.reshape(-1, 10).mean(axis=1)
        heard.plot(
            np.arange(len(blocks)) * 10 + 5, blocks, dash, color=colour, linewidth=2, label=p.name
        )
    for axis, k in zip(strip[0], SHOWN, strict=True):
        axis.set_title(f"round {k}", fontsize=10)
    left.supxlabel("what is said", fontsize=10)
    heard.set(
        yscale="log", xlabel="round", ylabel=f"mean |urgency| heard ({len(arguments.seeds)} seeds)"
    )
    heard.grid(alpha=0.3)
    heard.legend(frameon=False, title="the generator minimises")
    _common.save_figure(figure, arguments.out, "adversaries.png")


SEEDS = _experiment.Seeds(quick=1, usual=5, full=20)

if __name__ == "__main__":
    _experiment.run(main, __doc__, SEEDS)
