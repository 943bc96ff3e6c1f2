"""Uncertain labels: what is a soft label worth, counted in votes?

Blends of a cat and a horse, of which nobody can say what they are. A society
learns from labels that say so ("0.7 cat"), others from single votes ("cat").
Then a case where the truth can be learnt exactly; and the divergence from the
labels, which leads to the same urgencies as the cross-entropy.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import NamedTuple

import _common
import _experiment
import numpy as np
from _labels import learn, society, spread, votes

import neuro_actors as na

CAT, HORSE, APART, TEST = (
    2,
    7,
    200,
    400,
)  # so many animals of each kind make the blends to be tested with
LOUDER, RATE, STEPS = 1.5, 0.02, 400
PICTURES = 200
VOTED = (200, 400, 800, 1600, 3200)  # pictures with one vote each
EACH = 8
TEACHINGS = (
    (PICTURES, 0),
    *((n, 1) for n in VOTED),
    (PICTURES, EACH),
)  # pictures, votes on each; 0: a soft label
TAUGHT = (25, 50, 100, 200, 400, 800)  # examples that the control learns from


class Blends(NamedTuple):
    """Pictures, as the society sees them, and how much cat is in each."""

    x: np.ndarray
    cat: np.ndarray


def blended(seed: int, n: int) -> tuple[Blends, Blends, np.ndarray, np.random.Generator]:
    """Blends to learn from and to be tested with, of different animals; the former as pictures; and what draws the rest."""
    animals, rng = _common.animals(), np.random.default_rng(seed)
    cats, horses = (
        animals.pictures[rng.permutation(np.flatnonzero(animals.classes == k))]
        for k in (CAT, HORSE)
    )

    def blend(cats: np.ndarray, horses: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        cat = rng.uniform(size=n)
        some_cats, some_horses = (
            cats[rng.integers(len(cats), size=n)],
            horses[rng.integers(len(horses), size=n)],
        )
        return cat[:, None, None] * some_cats + (1 - cat[:, None, None]) * some_horses, cat

    test, cat_test = blend(cats[:APART], horses[:APART], TEST)
    train, cat = blend(cats[APART:], horses[APART:], n)
    pixels = _common.Pixels.fitted(train, pool=4)
    return Blends(LOUDER * pixels(train), cat), Blends(LOUDER * pixels(test), cat_test), train, rng


class Judged(NamedTuple):
    """What is to be said of blends never seen, and what is said."""

    cat: np.ndarray
    p: np.ndarray

    @property
    def error(self) -> float:
        """The root of the mean square of what p is off."""
        return float(np.sqrt(np.mean((self.p - self.cat) ** 2)))


def measure(seed: int, n: int, each: int, log: na.Recording | None = None) -> Judged:
    """Learn from n pictures with so many votes on each, or (0) with soft labels. Of a seed all begin alike."""
    train, test, _, rng = blended(seed, n)
    labels = votes(rng, train.cat, each) if each else train.cat
    newborn = society(np.random.default_rng(seed))
    grown = learn(
        newborn, train.x, labels, "cross_entropy", RATE, STEPS, np.random.default_rng(seed), log
    )
    return Judged(test.cat, na.predict(grown, test.x)[:, 0])


def control(seed: int, n: int, each: int) -> Judged:
    """One neuron learns from another, which draws its votes with the probability that it says: it can become its equal."""
    rng = np.random.default_rng(seed)
    teacher, newborn = (
        society(rng, (5, 1)),
        na.Network.from_matrices([np.zeros((1, 5))], [np.zeros(1)], ["sigmoid"]),
    )
    teacher = teacher.with_parameters(5**0.5 * teacher.weights, teacher.biases)  # standard normal
    test, x = rng.normal(size=(1000, 5)), rng.normal(size=(n, 5))
    says = na.predict(teacher, x)
    labels = votes(rng, says, each) if each else says
    optimizer = na.SGD(0.5, momentum=0.9)
    grown = na.train(
        newborn, x, labels, "cross_entropy", optimizer=optimizer, epochs=STEPS, batch_size=n
    ).network
    return Judged(na.predict(teacher, test)[:, 0], na.predict(grown, test)[:, 0])


class Compared(NamedTuple):
    """Cross-entropy and divergence of the same society on the same soft labels."""

    cross_entropy: float
    divergence: float
    entropy: float  # of the labels
    equal: bool  # all urgencies of the society's parameters, to the last bit
    apart: float  # the largest difference of two of them
    units: float  # the same, in units of what rounding may do


def compare(seed: int) -> Compared:
    """The divergence needs two outputs, p and 1 - p: two neurons with a sigmoid that hear the same signal, once with
    weight 1 and once with weight -1. Under the cross-entropy the first of them is the only output. Compared are the
    urgencies of all that is before them."""
    train, _, _, _ = blended(seed, PICTURES)
    newborn = society(np.random.default_rng(seed))
    weights, biases = newborn.to_matrices()
    cat, labels = train.cat[:, None], np.stack([train.cat, 1 - train.cat], axis=1)
    found = []
    for loss, faces, targets in (
        ("cross_entropy", [[1.0]], cat),
        ("kl_divergence", [[1.0], [-1.0]], labels),
    ):
        names = ["tanh", "identity", "sigmoid"]
        net = na.Network.from_matrices([*weights, faces], [*biases, np.zeros(len(faces))], names)
        gradient = na.gradient(net, train.x, targets, loss=loss)
        _, bound = na.reference.with_bound(net, train.x, targets, loss=loss)
        found.append((gradient.loss, _before(gradient), _before(bound)))
    (crossed, ours, bound), (divergence, theirs, bound_too) = found
    entropy = -np.mean(np.sum(labels * np.log(labels), axis=1))
    apart = np.abs(ours - theirs)
    return Compared(
        crossed, divergence, float(entropy), np.array_equal(ours, theirs), float(apart.max()),
        float(np.max(apart / (bound + bound_too))),
    )  # fmt: skip


def _before(gradient: na.Gradient) -> np.ndarray:
    """All parameters but those of the last layer."""
    weights, biases = gradient.to_matrices()
    return np.concatenate([np.ravel(values) for values in (*weights[:-1], *biases[:-1])])


def worth(soft: float, voted: Sequence[float]) -> float | None:
    """How many pictures with one vote each lead to the error that one picture with a soft label leads to; None where
    that lies beyond what was tried. Between two sizes: along a straight line, the size on a logarithmic scale."""
    if not min(voted) < soft < max(voted):
        return None
    order = np.argsort(voted)
    return float(np.exp(np.interp(soft, np.array(voted)[order], np.log(VOTED)[order])) / PICTURES)


def story(arguments: Namespace) -> None:
    _experiment.ask(
        "Uncertain labels",
        "blends of a cat and a horse are neither. What is a label worth that says how much cat there is, counted in votes "
        "of people who each say cat or horse?",
        f"a society of 49 inputs, 8 neurons and one that says p; cross-entropy, {STEPS} steps, a batch of 32 each. A vote is "
        f"cat with the probability of the soft label. {TEST} blends of other animals to be tested with: how far is p from "
        f"the truth, in the root of the mean square? {len(arguments.seeds)} seed(s).",
    )
    judged = from_blends(arguments)
    taught = from_a_neuron(arguments.seeds)
    told(compare(arguments.seeds[0]))
    conclude({how: [run.error for run in runs] for how, runs in judged.items()})
    draw(judged, taught, arguments)


def from_blends(arguments: Namespace) -> dict[tuple[int, int], list[Judged]]:
    """All teachings, each under all seeds; and the table."""
    first = (arguments.seeds[0], *TEACHINGS[0])
    cases = [(seed, *how) for how in TEACHINGS for seed in arguments.seeds]
    logged = [(*case, arguments.log if case == first else None) for case in cases]
    judged = _grouped(cases, _experiment.over("learning from blends", measure, logged))
    rows = [
        [
            _name(each),
            f"{n:,}",
            f"{n * each:,}" if each else "-",
            spread([run.error for run in runs]),
        ]
        for (n, each), runs in judged.items()
    ]
    _experiment.table(["labels", "pictures", "votes", "error of p"], rows)
    if arguments.log:
        print(f"\nEvery message of the society with soft labels, seed {first[0]}:")
        print(f"neuro-actors log show {arguments.log.path}")
    return judged


def from_a_neuron(seeds: Sequence[int]) -> dict[tuple[int, int], list[Judged]]:
    """The control, with soft labels and with votes, under all seeds; and the table."""
    cases = [(seed, n, each) for n in TAUGHT for each in (0, 1) for seed in seeds]
    taught = _grouped(cases, _experiment.over("learning from one neuron", control, cases))
    print(
        "\nThe control: one neuron learns from another that has 5 inputs, and can become\nits equal.\n"
    )
    soft, voted = ({n: [run.error for run in taught[n, each]] for n in TAUGHT} for each in (0, 1))
    rows = [[f"{n:,}", f"{np.mean(soft[n]):.1e}", spread(voted[n])] for n in TAUGHT]
    _experiment.table(["examples", "soft labels", "one vote each"], rows)
    return taught


def told(both: Compared) -> None:
    """Divergence and cross-entropy, beside each other."""
    apart = both.cross_entropy - both.divergence
    how = (
        "the same to the last bit"
        if both.equal
        else "the same within rounding"
        if both.units < 1
        else "not the same"
    )
    print(f"\nOne society, the same {PICTURES} soft labels, two losses:\n")
    print(
        f"  cross-entropy {both.cross_entropy:.6f} - divergence {both.divergence:.6f} = {apart:.6f}"
    )
    print(f"  entropy of the labels                            {both.entropy:.6f}")
    print(f"  urgencies of all parameters: {how}")
    print(f"  (at most {both.apart:.1e} apart, {both.units:.1e} of what rounding may do)")


def conclude(errors: dict[tuple[int, int], list[float]]) -> None:
    soft, hard = errors[PICTURES, 0], errors[PICTURES, 1]
    means = [float(np.mean(errors[n, 1])) for n in VOTED]
    in_votes = worth(float(np.mean(soft)), means)
    better = sum(h > s for h, s in zip(hard, soft, strict=True))
    won = f"on the same {PICTURES} pictures it teaches more than one vote in {better} of {len(soft)} seeds"
    _experiment.conclude(
        f"one soft label teaches as much as about {in_votes:.0f} votes, each on a picture of its own; {won}."
        if in_votes is not None and better > 0.8 * len(soft)
        else f"this run does not say what a soft label is worth: {won}, and its error of {np.mean(soft):.3f} is to be found "
        f"between {min(means):.3f} and {max(means):.3f}.",
        f"that {EACH} votes on each of the {PICTURES} pictures are as good: their error is {spread(errors[PICTURES, EACH])}. "
        "Nor that real soft labels are worth as much: these are the exact truth, which no group of people knows. Nor that a "
        "few always suffice, as in the control: there the pupil can become what the teacher is.",
    )


def _grouped(
    cases: Sequence[tuple[int, int, int]], runs: Sequence[Judged]
) -> dict[tuple[int, int], list[Judged]]:
    """By how many pictures and votes on each: the runs of all seeds."""
    groups: dict[tuple[int, int], list[Judged]] = {}
    for (_, n, each), run in zip(cases, runs, strict=True):
        groups.setdefault((n, each), []).append(run)
    return groups


def _name(each: int) -> str:
    return f"{each} votes each" if each > 1 else "one vote each" if each else "soft"


COLOUR = {0: "#0072b2", 1: "#d55e00", EACH: "#009e73"}
MARK = {0: "o", 1: "x", EACH: "s"}


def draw(
    judged: dict[tuple[int, int], list[Judged]],
    taught: dict[tuple[int, int], list[Judged]],
    arguments: Namespace,
) -> None:
    plt = _common.pyplot()
    if plt is None:
        return
    seed = arguments.seeds[0]
    figure = plt.figure(figsize=(7.8, 4.8), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1, 2.1])
    train, _, pictures, rng = blended(seed, PICTURES)
    voted = votes(rng, train.cat)
    above.suptitle("Blends of a cat and a horse: the soft label, and a vote", fontsize=12)
    for axis, share in zip(above.subplots(1, 6), np.linspace(0.02, 0.98, 6), strict=True):
        k = int(np.abs(train.cat - share).argmin())
        axis.imshow(pictures[k], cmap="gray_r")
        axis.set_title(
            f"{train.cat[k]:.2f} cat\nvote: {'cat' if voted[k] else 'horse'}", fontsize=9
        )
        axis.axis("off")

    scatter, curve, exact = below.subplots(1, 3)
    for each in (1, 0):
        some = Judged(
            *(values[: TEST // 3] for values in judged[PICTURES, each][0])
        )  # all would hide one another
        name = f"taught by {PICTURES} {'votes' if each else 'soft labels'}"
        scatter.plot(some.cat, some.p, MARK[each], ms=3, color=COLOUR[each], label=name)
    scatter.plot([0, 1], [0, 1], ":", color="black", lw=1.2)
    scatter.set(
        xlabel="how much cat there is", ylabel="p", ylim=(-0.03, 1.35), yticks=np.linspace(0, 1, 6)
    )
    scatter.set_title(f"two societies, seed {seed}")

    errors = {how: [run.error for run in runs] for how, runs in judged.items()}
    for each, line in ((1, "--"), (EACH, ""), (0, "")):
        sizes = [n for n, votes_each in errors if votes_each == each]
        means, sds = (np.array([of(errors[n, each]) for n in sizes]) for of in (np.mean, np.std))
        curve.errorbar(
            sizes,
            means,
            sds,
            fmt=MARK[each] + line,
            ms=5,
            color=COLOUR[each],
            capsize=3,
            label=_name(each),
        )
    curve.axhline(np.mean(errors[PICTURES, 0]), color=COLOUR[0], lw=0.8, ls=":")
    curve.set(xlabel="pictures", ylabel="error of p", title="what a label is worth")

    for each, line in ((1, "--"), (0, "-")):
        means = [np.mean([run.error for run in taught[n, each]]) for n in TAUGHT]
        exact.plot(TAUGHT, means, MARK[each] + line, ms=5, color=COLOUR[each], label=_name(each))
    exact.set(xlabel="examples", ylabel="error of p", yscale="log", title="the control")

    for axis, sizes in ((curve, VOTED), (exact, TAUGHT)):
        axis.set_xscale("log", base=2)
        axis.set_xticks(sizes, [f"{n:,}" for n in sizes])
    for axis, place in ((scatter, "upper left"), (curve, "upper right"), (exact, "center right")):
        axis.legend(loc=place, fontsize=8)
        axis.title.set_fontsize(11)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
    _common.save(figure, arguments.out, "uncertain_labels.png")


if __name__ == "__main__":
    _experiment.run(story, __doc__, _experiment.Seeds(quick=1, usual=8, full=20))
