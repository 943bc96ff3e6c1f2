"""Which penalty? The square, the plain difference and the cross-entropy,
where people do not agree on what is a cat.

Each picture's label is one vote. Societies of 49 inputs and 9 neurons learn
from such labels under each of the three losses: do they say how often people
would vote cat (the mean), or what most of them would (the median)? And one
neuron says what a penalty has become when it has passed the sigmoid.
"""

from __future__ import annotations

from argparse import Namespace
from typing import NamedTuple

import _common
import _experiment
import numpy as np
import trio
from _labels import learn, society, spread, votes

import neuro_actors as na

CAT, TRAIN, TEST, STEPS = 2, 600, 150, 600  # so many cats, and as many others
RATES = {"absolute_error": 0.1, "squared_error": 0.05, "cross_entropy": 0.02}
SHORT = {
    "absolute_error": "plain difference",
    "squared_error": "square",
    "cross_entropy": "cross-entropy",
}
VOTES = (
    (0.8, 0.2),
    (0.35, 0.05),
    (1.0, 0.0),
)  # how probable the vote "cat" is, for a cat and for another animal


class Learnt(NamedTuple):
    """What a society says of pictures never seen: p, the true share of votes for cat, and whether it is one."""

    p: np.ndarray
    share: np.ndarray
    cat: np.ndarray

    @property
    def calibration_error(self) -> float:
        """How far p is from the true share, in the mean over ten bins of p."""
        bins = np.minimum((self.p * 10).astype(int), 9)
        off = [abs(np.sum(self.p[bins == k] - self.share[bins == k])) for k in range(10)]
        return float(np.sum(off) / len(self.p))

    @property
    def p_on_cats(self) -> float:
        return float(self.p[self.cat].mean())

    @property
    def order(self) -> float:
        """Of pairs of a cat and another animal, the share in which the cat has the higher p (AUC)."""
        apart = self.p[self.cat][:, None] - self.p[~self.cat]
        return float(np.mean((apart > 0) + 0.5 * (apart == 0)))

    @property
    def accuracy(self) -> float:
        return float(np.mean((self.p >= 0.5) == self.cat))


def measure(seed: int, for_cat: float, for_other: float) -> dict[str, Learnt]:
    """Societies that begin alike and see the same votes in the same order, one under each loss."""
    animals, rng = _common.animals(), np.random.default_rng(seed)
    is_cat = animals.classes == CAT
    cats, others = (
        rng.permutation(np.flatnonzero(side))[: TRAIN + TEST] for side in (is_cat, ~is_cat)
    )
    train, test = (
        np.concatenate([cats[:TRAIN], others[:TRAIN]]),
        np.concatenate([cats[TRAIN:], others[TRAIN:]]),
    )
    pixels = _common.Pixels.fitted(animals.pictures[train], pool=4)
    x, x_test = pixels(animals.pictures[train]), pixels(animals.pictures[test])
    share = np.where(is_cat, for_cat, for_other)
    labels, newborn = votes(rng, share[train]), society(rng)
    learnt = {}
    for loss, rate in RATES.items():
        grown = learn(newborn, x, labels, loss, rate, STEPS, np.random.default_rng(seed))
        learnt[loss] = Learnt(na.predict(grown, x_test)[:, 0], share[test], is_cat[test])
    return learnt


class Urgency(NamedTuple):
    """A penalty, and the urgencies that it comes to at the activation and, behind the sigmoid, at the signal."""

    penalty: np.ndarray
    activation: np.ndarray
    signal: np.ndarray


def at_one_neuron(p: np.ndarray, recording: na.Recording) -> dict[str, Urgency]:
    """One neuron says p of a cat: the target is 1. What the loss tells it, and what it makes of that, from the log.

    Its synapse has weight 1, so what it tells its input is the urgency of its signal, times 1.
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
    told = na.open_log(recording.path)
    return {
        loss: Urgency(step.losses, step.blame[0], step.urgencies[0])
        for loss, step in zip(RATES, told, strict=True)
    }


P = np.linspace(0.05, 0.95, 19)


def factor(values: np.ndarray, before: float = 0.5, after: float = 0.1) -> float:
    """By what a cat's penalty, or urgency, grows as p goes wrong."""
    return float(values[np.abs(P - after).argmin()] / values[np.abs(P - before).argmin()])


def holds(opposed: dict[str, Learnt], rare: dict[str, Learnt]) -> bool:
    """Of one seed, at .8/.2 and at .35/.05. Of cats that .35 would call so, the median vote is 0 and the mean .35: which of
    the two is p nearer to? And at .8/.2 the plain difference is off by more than a tenth more than the square."""
    middle = VOTES[1][0] / 2
    medians, means = (
        rare["absolute_error"].p_on_cats < middle,
        rare["squared_error"].p_on_cats > middle,
    )
    gap = opposed["absolute_error"].calibration_error - opposed["squared_error"].calibration_error
    return medians and means and gap > 0.1


def story(arguments: Namespace) -> None:
    recording = _common.whole_log(arguments, "which_penalty.arrows")
    _experiment.ask(
        "Which penalty?",
        "people vote on whether a picture shows a cat. What does a society learn to say under each penalty: how often they "
        "would say so, or what most of them would?",
        f"{2 * TRAIN:,} pictures, half of them cats, one vote on each; 49 inputs, 8 neurons, one that says p; {STEPS} steps "
        f"under each loss. {2 * TEST} other pictures to be tested with. {len(arguments.seeds)} seed(s).",
    )
    urgencies = at_one_neuron(P, recording)
    print("One neuron with a sigmoid is shown a cat. As p falls from .5 to .1, times\n")
    rows = [
        [SHORT[loss], *(f"{factor(values):.2f}" for values in u)] for loss, u in urgencies.items()
    ]
    _experiment.table(["", "penalty", "urgency of p", "of the signal"], rows)
    print(f"\nEvery message of that neuron: neuro-actors log show {recording.path}\n")

    by_votes = from_votes(arguments.seeds)
    conclude(*by_votes)
    draw(urgencies, by_votes[1], arguments)


def from_votes(seeds: list[int]) -> list[list[dict[str, Learnt]]]:
    """For each of VOTES what was learnt under all seeds; and the tables."""
    n = len(seeds)
    results = _experiment.over(
        "learning from votes", measure, [(seed, *shares) for shares in VOTES for seed in seeds]
    )
    by_votes = [results[k * n : (k + 1) * n] for k in range(len(VOTES))]
    measures = {"calibration error": "calibration_error", "mean p on cats": "p_on_cats",
                "cats before others": "order", "accuracy": "accuracy"}  # fmt: skip
    for (for_cat, for_other), runs in zip(VOTES, by_votes, strict=True):
        print(
            f'{for_cat:.0%} vote "cat" for a cat, {for_other:.0%} for another animal; mean ± sd over {n} seed(s)\n'
        )
        rows = [
            [name, *(spread([getattr(run[loss], m) for run in runs]) for loss in RATES)]
            for name, m in measures.items()
        ]
        _experiment.table(["", *SHORT.values()], rows)
        print()
    return by_votes


def conclude(
    opposed: list[dict[str, Learnt]], rare: list[dict[str, Learnt]], sure: list[dict[str, Learnt]]
) -> None:
    n = len(rare)
    held = sum(holds(*pair) for pair in zip(opposed, rare, strict=True))
    plain, square = (
        np.mean([run[loss].p_on_cats for run in rare])
        for loss in ("absolute_error", "squared_error")
    )
    claim = (
        "the square learns the mean vote, the plain difference the majority's verdict: of cats that 35 % call so, one says "
        f"{square:.2f}, the other {plain:.2f}"
    )
    apart = [run["squared_error"].accuracy - run["absolute_error"].accuracy for run in sure]
    noisy = [run["squared_error"].accuracy - run["absolute_error"].accuracy for run in opposed]
    _experiment.conclude(
        f"{claim} (so in {held} of {n} seeds)."
        if held > 0.8 * n
        else f"this run does not show that {claim}: so in {held} of {n} seeds only.",
        "that the square is the more accurate. Square minus plain difference, in accuracy: "
        f"{spread(apart)} without doubtful votes, {spread(noisy)} where a fifth of the labels are wrong. Nor that a steeper "
        "penalty urges more: through the sigmoid, see above.",
    )


COLOURS = {"absolute_error": "#d55e00", "squared_error": "#0072b2", "cross_entropy": "#009e73"}
DASHES = {"absolute_error": "--", "squared_error": "-", "cross_entropy": "-."}


def draw(
    urgencies: dict[str, Urgency], rare: list[dict[str, Learnt]], arguments: Namespace
) -> None:
    plt = _common.pyplot()
    if plt is None:
        return
    figure = plt.figure(figsize=(9, 4.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.1])
    left.suptitle("One neuron is shown a cat and says p", fontsize=12)
    right.suptitle(
        '35 % vote "cat" for a cat, 5 % for another animal:\nwhat societies learn to say',
        fontsize=12,
    )
    told, passed = left.subplots(2, 1, sharex=True)
    for axis, name in ((told, "activation"), (passed, "signal")):
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
    told.set(ylabel="urgency of p", ylim=(0, 6))
    told.set_title("what the loss tells it", fontsize=10)
    told.legend(frameon=False)
    passed.set(ylabel="urgency of the signal", ylim=(0, 1), xlabel="p (right would be 1)")
    passed.set_title("what the sigmoid leaves of it: times p (1 − p)", fontsize=10)

    bins = np.linspace(0, 1, 41)
    for axis, loss in zip(right.subplots(3, 1, sharex=True), SHORT, strict=True):
        p, cat = (
            np.concatenate([getattr(run[loss], name) for run in rare]) for name in ("p", "cat")
        )
        line = {"histtype": "step", "color": COLOURS[loss], "lw": 1.8}
        for of, name, style in ((~cat, "other animals", {"color": "#bbbbbb"}), (cat, "cats", line)):
            axis.hist(p[of], bins, weights=np.full(of.sum(), 100 / of.sum()), label=name, **style)
        for share in VOTES[1]:
            axis.axvline(share, color="black", ls=":", lw=1.4)
        axis.set_title(SHORT[loss], fontsize=10)
        axis.set_ylabel("% of them")
        axis.legend(frameon=False, loc="right", fontsize=9)
    axis.set_xlabel("p on pictures never seen (dotted: the true shares)")
    _common.save(figure, arguments.out, "which_penalty.png")


if __name__ == "__main__":
    _experiment.run(story, __doc__, _experiment.Seeds(quick=1, usual=5, full=16))
