"""Which penalty? Square, plain difference and cross-entropy, for doubtful labels.

People do not agree on what is a cat, and the label of each picture is the vote
of one person. Societies of 49 inputs and 9 neurons learn from such labels, one
society for each loss. Does it learn how many people vote for cat (the mean), or
what most people vote for (the median)? Then a single neuron shows what a
sigmoid makes of each penalty.
"""

from __future__ import annotations

from argparse import Namespace
from typing import NamedTuple

import _common
import _experiment
import numpy as np
import trio
from _labels import draw_votes, format_spread, make_society, train_society

import neuro_actors as na
from neuro_actors.datasets.silhouettes import load_pictures
from neuro_actors.support.palette import FAINT, INK, KINDS

CAT, TRAIN, TEST, STEPS = 2, 600, 150, 600  # TRAIN cats and as many others; likewise TEST
RATES = {"absolute_error": 0.1, "squared_error": 0.05, "cross_entropy": 0.02}
SHORT = {
    "absolute_error": "plain difference",
    "squared_error": "square",
    "cross_entropy": "cross-entropy",
}
# The probability of the vote "cat", for a cat and for another animal.
VOTES = ((0.8, 0.2), (0.35, 0.05), (1.0, 0.0))


class Answers(NamedTuple):
    """What a society says of the test pictures. All arrays have shape (2 * TEST,).

    Attributes:
        p: Its answers.
        share: The true share of votes for cat.
        cat: Whether it is a cat.
    """

    p: np.ndarray
    share: np.ndarray
    cat: np.ndarray

    @property
    def calibration_error(self) -> float:
        """Difference of p and the true share, averaged over ten bins of p."""
        bins = np.minimum((self.p * 10).astype(int), 9)
        off = [abs(np.sum(self.p[bins == k] - self.share[bins == k])) for k in range(10)]
        return float(np.sum(off) / len(self.p))

    @property
    def p_on_cats(self) -> float:
        """Mean of p over the cats."""
        return float(self.p[self.cat].mean())

    @property
    def order(self) -> float:
        """Share of the pairs (cat, other animal) in which the cat has the higher p (AUC)."""
        apart = self.p[self.cat][:, None] - self.p[~self.cat]
        return float(np.mean((apart > 0) + 0.5 * (apart == 0)))

    @property
    def accuracy(self) -> float:
        """Share of the right decisions, cat from p = 0.5 on."""
        return float(np.mean((self.p >= 0.5) == self.cat))


def measure(seed: int, for_cat: float, for_other: float) -> dict[str, Answers]:
    """Train one society for each loss, from the same start and with the same votes."""
    animals, rng = load_pictures(), np.random.default_rng(seed)
    is_cat = animals.classes == CAT
    cats, others = (
        rng.permutation(np.flatnonzero(side))[: TRAIN + TEST] for side in (is_cat, ~is_cat)
    )
    train = np.concatenate([cats[:TRAIN], others[:TRAIN]])
    test = np.concatenate([cats[TRAIN:], others[TRAIN:]])
    pixels = _common.Pixels.fit(animals.greys[train], pool=4)
    x, x_test = pixels(animals.greys[train]), pixels(animals.greys[test])
    share = np.where(is_cat, for_cat, for_other)
    labels, untrained = draw_votes(rng, share[train]), make_society(rng)
    answers = {}
    for loss, rate in RATES.items():
        batches = np.random.default_rng(seed)
        trained = train_society(untrained, x, labels, loss, rate, STEPS, batches)
        answers[loss] = Answers(na.predict(trained, x_test)[:, 0], share[test], is_cat[test])
    return answers


class Urgency(NamedTuple):
    """A penalty, and the urgencies of the activation and of the signal. Shape (n,) each."""

    penalty: np.ndarray
    activation: np.ndarray
    signal: np.ndarray


def ask_one_neuron(p: np.ndarray, recording: na.Recording) -> dict[str, Urgency]:
    """Return, from a log, the urgencies of a neuron that says p of a cat, for each loss.

    The neuron's synapse has weight 1, so its urgency to the input is the urgency of its signal.

    Args:
        p: What the neuron says; the target is 1. Shape (n,).
        recording: Where the log goes.
    """
    neuron = na.Network(
        [na.Input("x"), na.Neuron("cat", "sigmoid")], [na.Synapse("x", "cat", 1.0)], ["cat"]
    )
    signal = np.log(p / (1 - p))[:, None]

    async def ask() -> None:
        async with na.open_simulation(neuron, log=recording) as simulation:
            for loss in RATES:
                await simulation.gradient(signal, np.ones_like(signal), loss, wrt_inputs=True)

    trio.run(ask)
    log = na.open_log(recording.path)
    return {
        loss: Urgency(step.losses, step.blame[0], step.urgencies[0])
        for loss, step in zip(RATES, log, strict=True)
    }


P = np.linspace(0.05, 0.95, 19)


def factor(values: np.ndarray, before: float = 0.5, after: float = 0.1) -> float:
    """Return the factor by which a penalty or urgency grows from p = `before` to `after`."""
    return float(values[np.abs(P - after).argmin()] / values[np.abs(P - before).argmin()])


def holds(opposed: dict[str, Answers], rare: dict[str, Answers]) -> bool:
    """Whether the claim holds for one seed.

    If 35 % vote cat for a cat, the median vote is 0 and the mean is .35. The plain difference
    must lead nearer to the median, and the square nearer to the mean. And for the votes .8 and
    .2, the calibration error of the plain difference must be larger by more than 0.1.

    Args:
        opposed: The answers for the votes .8 and .2.
        rare: The answers for the votes .35 and .05.
    """
    middle = VOTES[1][0] / 2
    medians = rare["absolute_error"].p_on_cats < middle
    means = rare["squared_error"].p_on_cats > middle
    gap = opposed["absolute_error"].calibration_error - opposed["squared_error"].calibration_error
    return medians and means and gap > 0.1


def main(arguments: Namespace) -> None:
    recording = _common.full_recording(arguments, "which_penalty.arrows")
    _experiment.print_question(
        "Which penalty?",
        "people vote on whether a picture shows a cat. What does a society learn under each "
        "penalty: how many people vote for cat, or what most people vote for?",
        f"{2 * TRAIN:,} pictures, half of them cats, with one vote each; 49 inputs, 8 neurons, "
        f"one output p; {STEPS} steps for each loss. Tested with {2 * TEST} other pictures. "
        f"{len(arguments.seeds)} seed(s).",
    )
    urgencies = ask_one_neuron(P, recording)
    print("One neuron with a sigmoid sees a cat. When p falls from .5 to .1, they grow by\n")
    rows = [
        [SHORT[loss], *(f"{factor(values):.2f}" for values in u)] for loss, u in urgencies.items()
    ]
    _experiment.print_table(["", "penalty", "urgency of p", "of the signal"], rows)
    print(f"\nEvery message of that neuron: neuro-actors log show {recording.path}\n")

    by_votes = learn_from_votes(arguments.seeds)
    conclude(*by_votes)
    draw(urgencies, by_votes[1], arguments)


def learn_from_votes(seeds: list[int]) -> list[list[dict[str, Answers]]]:
    """Train for each of VOTES with all seeds, print the tables, and return the answers."""
    n = len(seeds)
    results = _experiment.run_all(
        "learning from votes", measure, [(seed, *shares) for shares in VOTES for seed in seeds]
    )
    by_votes = [results[k * n : (k + 1) * n] for k in range(len(VOTES))]
    measures = {
        "calibration error": "calibration_error",
        "mean p on cats": "p_on_cats",
        "cats before others": "order",
        "accuracy": "accuracy",
    }
    for (for_cat, for_other), runs in zip(VOTES, by_votes, strict=True):
        shares = f'{for_cat:.0%} vote "cat" for a cat, {for_other:.0%} for another animal'
        print(f"{shares}; mean ± sd over {n} seed(s)\n")
        rows = [
            [name, *(format_spread([getattr(run[loss], m) for run in runs]) for loss in RATES)]
            for name, m in measures.items()
        ]
        _experiment.print_table(["", *SHORT.values()], rows)
        print()
    return by_votes


def conclude(
    opposed: list[dict[str, Answers]],
    rare: list[dict[str, Answers]],
    sure: list[dict[str, Answers]],
) -> None:
    """Print the finding from the answers for each of VOTES."""
    n = len(rare)
    held = sum(holds(*pair) for pair in zip(opposed, rare, strict=True))
    plain, square = (
        np.mean([run[loss].p_on_cats for run in rare])
        for loss in ("absolute_error", "squared_error")
    )
    claim = (
        "the square learns the mean vote, and the plain difference learns what the majority "
        "votes for: of cats for which 35 % vote cat, the square says "
        f"{square:.2f} and the plain difference {plain:.2f}"
    )
    clear = [run["squared_error"].accuracy - run["absolute_error"].accuracy for run in sure]
    noisy = [run["squared_error"].accuracy - run["absolute_error"].accuracy for run in opposed]
    _experiment.print_finding(
        f"{claim} (so in {held} of {n} seeds)."
        if held > 0.8 * n
        else f"this run does not show that {claim}: so in only {held} of {n} seeds.",
        "that the square gives a higher accuracy. Square minus plain difference, in accuracy: "
        f"{format_spread(clear)} without doubtful votes, {format_spread(noisy)} if a fifth of the "
        "labels are wrong. Nor that a steeper penalty gives a larger urgency: the sigmoid "
        "changes that, see above.",
    )


COLOURS = {"absolute_error": KINDS[2], "squared_error": KINDS[1], "cross_entropy": KINDS[0]}
DASHES = {"absolute_error": "--", "squared_error": "-", "cross_entropy": "-."}


def draw(
    urgencies: dict[str, Urgency], rare: list[dict[str, Answers]], arguments: Namespace
) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    figure = plt.figure(figsize=(9, 4.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.1])
    left.suptitle("One neuron sees a cat and says p", fontsize=12)
    right.suptitle(
        '35 % vote "cat" for a cat, 5 % for another animal:\nwhat societies learn to say',
        fontsize=12,
    )
    above, below = left.subplots(2, 1, sharex=True)
    for axis, name in ((above, "activation"), (below, "signal")):
        for loss, urgency in urgencies.items():
            axis.plot(
                P,
                getattr(urgency, name),
                DASHES[loss],
                color=COLOURS[loss],
                lw=2,
                label=SHORT[loss],
            )
        axis.grid(alpha=0.3)
    above.set(ylabel="urgency of p", ylim=(0, 6))
    above.set_title("sent by the loss", fontsize=10)
    above.legend(frameon=False)
    below.set(ylabel="urgency of the signal", ylim=(0, 1), xlabel="p (right would be 1)")
    below.set_title("after the sigmoid: times p (1 − p)", fontsize=10)

    bins = np.linspace(0, 1, 41)
    for axis, loss in zip(right.subplots(3, 1, sharex=True), SHORT, strict=True):
        p, cat = (
            np.concatenate([getattr(run[loss], name) for run in rare]) for name in ("p", "cat")
        )
        line = {"histtype": "step", "color": COLOURS[loss], "lw": 1.8}
        for of, name, style in ((~cat, "other animals", {"color": FAINT}), (cat, "cats", line)):
            axis.hist(p[of], bins, weights=np.full(of.sum(), 100 / of.sum()), label=name, **style)
        for share in VOTES[1]:
            axis.axvline(share, color=INK, ls=":", lw=1.4)
        axis.set_title(SHORT[loss], fontsize=10)
        axis.set_ylabel("% of them")
        axis.legend(frameon=False, loc="right", fontsize=9)
    axis.set_xlabel("p of new pictures (dotted: the true shares)")
    _common.save_figure(figure, arguments.out, "which_penalty.png")


if __name__ == "__main__":
    _experiment.run(main, __doc__, _experiment.Seeds(quick=1, usual=5, full=16))
