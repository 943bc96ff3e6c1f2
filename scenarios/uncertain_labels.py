"""Uncertain labels: how many votes is a soft label worth?

The pictures are blends of a cat and a horse. A society learns from soft labels
("0.7 cat"), others learn from single votes ("cat"). Then a control, in which
the truth can be learnt exactly. And two losses, the divergence from the labels
and the cross-entropy, which lead to the same urgencies.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import NamedTuple

import _common
import _experiment
import numpy as np
from _labels import draw_votes, format_spread, make_society, train_society

import neuro_actors as na
from neuro_actors.datasets.silhouettes import load_pictures
from neuro_actors.support.palette import INK, KINDS

CAT, HORSE = 2, 7  # classes
APART, TEST = 200, 400  # animals of each class for the test only, and blends made of them
GAIN, RATE, STEPS = 1.5, 0.02, 400
PICTURES = 200
VOTED = (200, 400, 800, 1600, 3200)  # pictures with one vote each
EACH = 8
# Pictures, and votes for each of them; 0 votes: a soft label.
TEACHINGS = ((PICTURES, 0), *((n, 1) for n in VOTED), (PICTURES, EACH))
TAUGHT = (25, 50, 100, 200, 400, 800)  # examples that the control learns from


class Blends(NamedTuple):
    """Blends as inputs, shape (n, 49), and the share of cat in each, shape (n,)."""

    x: np.ndarray
    cat: np.ndarray


def make_blends(seed: int, n: int) -> tuple[Blends, Blends, np.ndarray, np.random.Generator]:
    """Make blends to learn from, and others, of different animals, for the test.

    Returns the training blends, the test blends, the training blends as pictures (n, 28, 28),
    and the generator for everything that is drawn later.
    """
    animals, rng = load_pictures(), np.random.default_rng(seed)
    cats, horses = (
        animals.greys[rng.permutation(np.flatnonzero(animals.classes == k))] for k in (CAT, HORSE)
    )

    def blend(cats: np.ndarray, horses: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        cat = rng.uniform(size=n)
        some_cats = cats[rng.integers(len(cats), size=n)]
        some_horses = horses[rng.integers(len(horses), size=n)]
        share = cat[:, None, None]
        return share * some_cats + (1 - share) * some_horses, cat

    test, cat_test = blend(cats[:APART], horses[:APART], TEST)
    train, cat = blend(cats[APART:], horses[APART:], n)
    pixels = _common.Pixels.fit(train, pool=4)
    return Blends(GAIN * pixels(train), cat), Blends(GAIN * pixels(test), cat_test), train, rng


class Answers(NamedTuple):
    """The share of cat in each test blend, and the society's answer. Shape (n,) each."""

    cat: np.ndarray
    p: np.ndarray

    @property
    def error(self) -> float:
        """Root of the mean squared error of p."""
        return float(np.sqrt(np.mean((self.p - self.cat) ** 2)))


def measure(seed: int, n: int, each: int, log: na.Recording | None = None) -> Answers:
    """Learn from n pictures with `each` votes for each, or with soft labels if `each` is 0.

    All societies of a seed start from the same parameters.
    """
    train, test, _, rng = make_blends(seed, n)
    labels = draw_votes(rng, train.cat, each) if each else train.cat
    untrained, batches = make_society(np.random.default_rng(seed)), np.random.default_rng(seed)
    trained = train_society(untrained, train.x, labels, "cross_entropy", RATE, STEPS, batches, log)
    return Answers(test.cat, na.predict(trained, test.x)[:, 0])


def control(seed: int, n: int, each: int) -> Answers:
    """Let one neuron learn from another one, with the same inputs: it can become equal.

    The teacher's answer is the soft label, or the probability of a vote.
    """
    rng = np.random.default_rng(seed)
    teacher = make_society(rng, (5, 1))
    pupil = na.Network.from_matrices([np.zeros((1, 5))], [np.zeros(1)], ["sigmoid"])
    teacher = teacher.with_parameters(5**0.5 * teacher.weights, teacher.biases)  # standard normal
    test, x = rng.normal(size=(1000, 5)), rng.normal(size=(n, 5))
    says = na.predict(teacher, x)
    labels = draw_votes(rng, says, each) if each else says
    optimizer = na.SGD(0.5, momentum=0.9)
    pupil = na.train(
        pupil, x, labels, "cross_entropy", optimizer=optimizer, epochs=STEPS, batch_size=n
    ).network
    return Answers(na.predict(teacher, test)[:, 0], na.predict(pupil, test)[:, 0])


class Comparison(NamedTuple):
    """Cross-entropy and divergence of the same society on the same soft labels.

    Attributes:
        cross_entropy: The mean loss.
        divergence: The mean loss.
        entropy: The entropy of the labels.
        equal: Whether the urgencies of all parameters are equal bit for bit.
        apart: The largest difference of two of them.
        units: The same in units of the rounding bound.
    """

    cross_entropy: float
    divergence: float
    entropy: float
    equal: bool
    apart: float
    units: float


def compare(seed: int) -> Comparison:
    """Compare the urgencies under both losses.

    The divergence needs two outputs, p and 1 - p: two sigmoid neurons with the same source, one
    with weight 1 and the other with weight -1. Under the cross-entropy the first of them is the
    only output. The urgencies of all parameters before the outputs are compared.
    """
    train, _, _, _ = make_blends(seed, PICTURES)
    weights, biases = make_society(np.random.default_rng(seed)).to_matrices()
    cat, labels = train.cat[:, None], np.stack([train.cat, 1 - train.cat], axis=1)
    found = []
    for loss, last, targets in (
        ("cross_entropy", [[1.0]], cat),
        ("kl_divergence", [[1.0], [-1.0]], labels),
    ):
        names = ["tanh", "identity", "sigmoid"]
        net = na.Network.from_matrices([*weights, last], [*biases, np.zeros(len(last))], names)
        gradient = na.gradient(net, train.x, targets, loss=loss)
        _, bound = na.reference.with_bound(net, train.x, targets, loss=loss)
        found.append((gradient.loss, _without_last_layer(gradient), _without_last_layer(bound)))
    (crossed, ours, bound), (divergence, theirs, other_bound) = found
    entropy = -np.mean(np.sum(labels * np.log(labels), axis=1))
    apart = np.abs(ours - theirs)
    return Comparison(
        crossed,
        divergence,
        float(entropy),
        np.array_equal(ours, theirs),
        float(apart.max()),
        float(np.max(apart / (bound + other_bound))),
    )


def _without_last_layer(gradient: na.Gradient) -> np.ndarray:
    """Return the entries of all parameters but those of the last layer."""
    weights, biases = gradient.to_matrices()
    return np.concatenate([np.ravel(values) for values in (*weights[:-1], *biases[:-1])])


def worth(soft: float, voted: Sequence[float]) -> float | None:
    """Return how many votes, each on its own picture, lead to the error of one soft label.

    Between two of the sizes VOTED, the error is interpolated linearly in the size's logarithm.

    Args:
        soft: The error with soft labels.
        voted: The error for each of the sizes VOTED.

    Returns:
        The number of votes; None if it lies outside of the sizes.
    """
    if not min(voted) < soft < max(voted):
        return None
    order = np.argsort(voted)
    return float(np.exp(np.interp(soft, np.array(voted)[order], np.log(VOTED)[order])) / PICTURES)


def main(arguments: Namespace) -> None:
    _experiment.print_question(
        "Uncertain labels",
        "pictures are blends of a cat and a horse. A soft label says how much cat there is. A "
        "vote says cat or horse. How many votes is a soft label worth?",
        f"a society of 49 inputs, 8 neurons and one output p; cross-entropy, {STEPS} steps with "
        "32 examples each. A vote is cat with the probability that the soft label says. The test "
        f"uses {TEST} blends of other animals. Its error is the root of the mean squared "
        f"difference of p and the truth. {len(arguments.seeds)} seed(s).",
    )
    answers = learn_from_blends(arguments)
    controls = learn_from_neuron(arguments.seeds)
    print_comparison(compare(arguments.seeds[0]))
    conclude({how: [run.error for run in runs] for how, runs in answers.items()})
    draw(answers, controls, arguments)


def learn_from_blends(arguments: Namespace) -> dict[tuple[int, int], list[Answers]]:
    """Run each of TEACHINGS with all seeds, print the table, and return the answers."""
    first = (arguments.seeds[0], *TEACHINGS[0])
    cases = [(seed, *how) for how in TEACHINGS for seed in arguments.seeds]
    logged = [(*case, arguments.log if case == first else None) for case in cases]
    answers = _group(cases, _experiment.run_all("learning from blends", measure, logged))
    rows = [
        [
            _name(each),
            f"{n:,}",
            f"{n * each:,}" if each else "-",
            format_spread([run.error for run in runs]),
        ]
        for (n, each), runs in answers.items()
    ]
    _experiment.print_table(["labels", "pictures", "votes", "error of p"], rows)
    if arguments.log:
        print(f"\nAll messages of the society with soft labels, seed {first[0]}:")
        print(f"neuro-actors log show {arguments.log.path}")
    return answers


def learn_from_neuron(seeds: Sequence[int]) -> dict[tuple[int, int], list[Answers]]:
    """Run the control with soft labels and with votes, and print the table."""
    cases = [(seed, n, each) for n in TAUGHT for each in (0, 1) for seed in seeds]
    controls = _group(cases, _experiment.run_all("learning from one neuron", control, cases))
    print("\nThe control: one neuron with 5 inputs learns from another, and can become equal.\n")
    soft, voted = ({n: [run.error for run in controls[n, each]] for n in TAUGHT} for each in (0, 1))
    rows = [[f"{n:,}", f"{np.mean(soft[n]):.1e}", format_spread(voted[n])] for n in TAUGHT]
    _experiment.print_table(["examples", "soft labels", "one vote each"], rows)
    return controls


def print_comparison(both: Comparison) -> None:
    """Print what `compare` returned."""
    difference = both.cross_entropy - both.divergence
    how = (
        "the same to the last bit"
        if both.equal
        else "the same within rounding"
        if both.units < 1
        else "not the same"
    )
    print(f"\nOne society, the same {PICTURES} soft labels, two losses:\n")
    losses = f"cross-entropy {both.cross_entropy:.6f} - divergence {both.divergence:.6f}"
    print(f"  {losses} = {difference:.6f}")
    print(f"  entropy of the labels                            {both.entropy:.6f}")
    print(f"  urgencies of all parameters: {how}")
    print(f"  (they differ by at most {both.apart:.1e}, {both.units:.1e} of the rounding bound)")


def conclude(errors: dict[tuple[int, int], list[float]]) -> None:
    """Print the finding from the errors of each of TEACHINGS."""
    soft, hard = errors[PICTURES, 0], errors[PICTURES, 1]
    means = [float(np.mean(errors[n, 1])) for n in VOTED]
    in_votes = worth(float(np.mean(soft)), means)
    better = sum(h > s for h, s in zip(hard, soft, strict=True))
    on_same = f"on the same {PICTURES} pictures"
    won = f"{on_same} it teaches more than one vote in {better} of {len(soft)} seeds"
    many = format_spread(errors[PICTURES, EACH])
    if in_votes is not None and better > 0.8 * len(soft):
        finding = (
            f"one soft label teaches as much as about {in_votes:.0f} votes, "
            f"each on a picture of its own; {won}."
        )
    else:
        finding = (
            f"this run does not say what a soft label is worth: {won}, and its error of "
            f"{np.mean(soft):.3f} should lie between {min(means):.3f} and {max(means):.3f}."
        )
    _experiment.print_finding(
        finding,
        f"that {EACH} votes on each of the {PICTURES} pictures are as good: their error is "
        f"{many}. Nor that real soft labels are worth as much: these ones are the exact truth, "
        "which no group of people knows. Nor that a few are always enough, as in the control: "
        "there the pupil can become equal to the teacher.",
    )


def _group(
    cases: Sequence[tuple[int, int, int]], runs: Sequence[Answers]
) -> dict[tuple[int, int], list[Answers]]:
    """Group the runs of all seeds by (pictures, votes for each)."""
    groups: dict[tuple[int, int], list[Answers]] = {}
    for (_, n, each), run in zip(cases, runs, strict=True):
        groups.setdefault((n, each), []).append(run)
    return groups


def _name(each: int) -> str:
    return f"{each} votes each" if each > 1 else "one vote each" if each else "soft"


COLOUR = dict(zip((0, 1, EACH), KINDS, strict=False))
MARK = {0: "o", 1: "x", EACH: "s"}


def draw(
    answers: dict[tuple[int, int], list[Answers]],
    controls: dict[tuple[int, int], list[Answers]],
    arguments: Namespace,
) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    seed = arguments.seeds[0]
    figure = plt.figure(figsize=(7.8, 4.8), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1, 2.1])
    train, _, pictures, rng = make_blends(seed, PICTURES)
    voted = draw_votes(rng, train.cat)
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
        # A third of the points: all of them would hide one another.
        some = Answers(*(values[: TEST // 3] for values in answers[PICTURES, each][0]))
        name = f"taught by {PICTURES} {'votes' if each else 'soft labels'}"
        scatter.plot(some.cat, some.p, MARK[each], ms=3, color=COLOUR[each], label=name)
    scatter.plot([0, 1], [0, 1], ":", color=INK, lw=1.2)
    scatter.set(
        xlabel="how much cat there is", ylabel="p", ylim=(-0.03, 1.35), yticks=np.linspace(0, 1, 6)
    )
    scatter.set_title(f"two societies, seed {seed}")

    errors = {how: [run.error for run in runs] for how, runs in answers.items()}
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
        means = [np.mean([run.error for run in controls[n, each]]) for n in TAUGHT]
        exact.plot(TAUGHT, means, MARK[each] + line, ms=5, color=COLOUR[each], label=_name(each))
    exact.set(xlabel="examples", ylabel="error of p", yscale="log", title="the control")

    for axis, sizes in ((curve, VOTED), (exact, TAUGHT)):
        axis.set_xscale("log", base=2)
        axis.set_xticks(sizes, [f"{n:,}" for n in sizes])
    for axis, corner in ((scatter, "upper left"), (curve, "upper right"), (exact, "center right")):
        axis.legend(loc=corner, fontsize=8)
        axis.title.set_fontsize(11)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
    _common.save_figure(figure, arguments.out, "uncertain_labels.png")


if __name__ == "__main__":
    _experiment.run(main, __doc__, _experiment.Seeds(quick=1, usual=8, full=20))
