"""A society learns, by messages alone, to tell cats from other animals.

Silhouettes of 28 x 28 pixels are averaged over squares of 4 x 4 pixels: 49
inputs. 16 neurons receive them all. One neuron receives what these 16 send, and
says how sure it is that the animal is a cat. Each of the 66 members is a task
of its own, and none of them knows the whole network.

What the last neuron says is a logit: 0 is "I do not know", and its sigmoid is
p, the probability of a cat. The loss `sigmoid_cross_entropy` takes logits: so
it corrects a confident mistake, however confident it is.
"""

from __future__ import annotations

import time
from argparse import Namespace

import _common
import numpy as np

import neuro_actors as na

CAT = 2
HIDDEN, EPOCHS, BATCH = 16, 40, 32
LOSS = "sigmoid_cross_entropy"
OPTIMIZER = na.SGD(0.02, momentum=0.9, weight_decay=0.001)


def split(animals: _common.Animals, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the training and of the test pictures.

    They are all cats and as many others; a quarter of each is for the test. Each picture is
    there once, so none is on both sides.
    """
    rng = np.random.default_rng(seed)
    cats = rng.permutation(np.flatnonzero(animals.classes == CAT))
    others = rng.permutation(np.flatnonzero(animals.classes != CAT))[: len(cats)]
    cut = len(cats) * 3 // 4
    return np.concatenate([cats[:cut], others[:cut]]), np.concatenate([cats[cut:], others[cut:]])


def compare_with_matrices(network: na.Network, x: np.ndarray, targets: np.ndarray) -> float:
    """Return how far a gradient is from the reference, in units of the rounding bound."""
    gradient = na.gradient(network, x, targets, loss=LOSS)
    expected, bound = na.reference.with_bound(network, x, targets, loss=LOSS)
    return _common.in_rounding_units(gradient, expected, bound)


def main(arguments: Namespace) -> None:
    animals = _common.load_animals()
    train, test = split(animals, arguments.seed)
    pixels = _common.Pixels.fit(animals.pictures[train], pool=4)
    x, x_test = pixels(animals.pictures[train]), pixels(animals.pictures[test])
    is_cat, is_cat_test = (
        (animals.classes[rows] == CAT)[:, None].astype(float) for rows in (train, test)
    )
    net = na.Network.layered([x.shape[1], HIDDEN, 1], seed=arguments.seed)
    epochs = 3 if arguments.quick else EPOCHS

    print("CATS\n")
    print(
        f"{len(train):,} pictures to learn from, {len(test)} for the test; half of them are cats."
    )
    print(f"A society of {_common.describe_size(net)}.\n")

    before = compare_with_matrices(net, x[:BATCH], is_cat[:BATCH])
    started = time.perf_counter()
    result = na.train(
        net,
        x,
        is_cat,
        loss=LOSS,
        optimizer=OPTIMIZER,
        epochs=epochs,
        batch_size=BATCH,
        seed=arguments.seed,
        validation=(x_test, is_cat_test),
        log=arguments.log,
    )
    seconds = time.perf_counter() - started
    after = compare_with_matrices(result.network, x[:BATCH], is_cat[:BATCH])
    for epoch in sorted({1, 2, 5, 10, 20, epochs}):
        if epoch <= epochs:
            print(f"  {result.history[epoch - 1]}".replace("validation ", "test "))
    speed = result.messages / seconds
    print(f"\n{result.messages:,} messages in {seconds:.1f} s ({speed:,.0f} per second).")
    print("The gradient of one step, compared with matrices, in units of the rounding bound")
    print(f"(1 is the limit): before learning {before:.2g}, after {after:.2g}\n")

    p = na.ACTIVATIONS["sigmoid"].value(na.predict(result.network, x_test)[:, 0])
    truth = is_cat_test[:, 0] == 1
    print_report(p, truth)
    draw(result, animals.pictures[test], p, truth, arguments)


def print_report(p: np.ndarray, truth: np.ndarray) -> None:
    """Print accuracy, confusion table and calibration for the test pictures."""
    said = p >= 0.5
    print(f"Accuracy on new pictures: {np.mean(said == truth):.3f}\n")
    print("               said cat   said other")
    for name, rows in (("cat", truth), ("other", ~truth)):
        print(f"  is {name:9} {np.sum(said & rows):8} {np.sum(~said & rows):12}")
    print("\nCalibration: when the society says p, how often is the picture a cat?\n")
    print("  said p        pictures   mean p   are cats")
    for low in np.arange(0, 1, 0.2):
        here = (p >= low) & (p < low + 0.2 + (low > 0.7))
        if here.any():
            means = f"{p[here].mean():8.2f} {truth[here].mean():10.2f}"
            print(f"  {low:.1f} to {low + 0.2:.1f} {here.sum():11} {means}")


def draw(
    result: na.TrainingResult,
    pictures: np.ndarray,
    p: np.ndarray,
    truth: np.ndarray,
    arguments: Namespace,
) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    rng = np.random.default_rng(arguments.seed)
    right = (p >= 0.5) == truth
    wrong = np.flatnonzero(~right)[np.argsort(-np.abs(p[~right] - 0.5))][:8]
    cats, others = (rng.permutation(np.flatnonzero(right & side))[:4] for side in (truth, ~truth))
    rows = [
        ("right answers, some of them", rng.permutation(np.concatenate([cats, others]))),
        ("wrong answers, the worst of them", wrong),
    ]

    figure = plt.figure(figsize=(11, 5.4), layout="constrained")
    figure.suptitle("A society learns to see cats; p: how sure it is that a new picture is one")
    left, side = figure.subfigures(1, 2, width_ratios=[1, 1.6])
    epochs = [epoch.epoch for epoch in result.history]
    above, below = left.subplots(2, 1, sharex=True)
    for axis, name in ((above, "loss"), (below, "accuracy")):
        axis.plot(
            epochs, [getattr(e, name) for e in result.history], color="#0072b2", label="training"
        )
        axis.plot(
            epochs,
            [getattr(e, f"validation_{name}") for e in result.history],
            "--",
            color="#d55e00",
            label="test",
        )
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
    above.set_title("learning", fontsize=11)
    above.legend(frameon=False)
    below.set_xlabel("epoch")
    blocks = side.subfigures(2, 1)
    for block, (title, chosen) in zip(blocks, rows, strict=True):
        block.suptitle(title, fontsize=11)
        for axis, k in zip(block.subplots(2, 4).flat, [*chosen, *[None] * 8], strict=False):
            axis.axis("off")
            if k is not None:
                axis.imshow(pictures[k], cmap="gray_r")
                axis.set_title(f"{'a cat' if truth[k] else 'no cat'}, p = {p[k]:.2f}", fontsize=9)
    _common.save_figure(figure, arguments.out, "cats.png")


if __name__ == "__main__":
    _common.run(main, __doc__, quick=True, out="the figure goes")
