"""All ten animals: a society with ten outputs, judged together by one softmax.

The loss is a member of its own, which hears all ten outputs and tells each its
urgency: what a probability should be depends on the others, but no output peeks
at its siblings.
"""

from __future__ import annotations

import time
from argparse import Namespace

import _common
import numpy as np

import neuro_actors as na

HIDDEN, EPOCHS, BATCH = 64, 25, 64


def story(arguments: Namespace) -> None:
    animals = _common.animals()
    names = animals.names
    rng = np.random.default_rng(arguments.seed)
    order = rng.permutation(
        len(animals.classes)
    )  # every picture is there once: none is on both sides
    test, train = np.split(order, [len(order) // 5])
    if arguments.quick:
        train = train[:1000]
    pixels = _common.Pixels.fitted(animals.pictures[train], pool=4)
    x, x_test = pixels(animals.pictures[train]), pixels(animals.pictures[test])
    classes, truth = animals.classes[train], animals.classes[test]
    net = na.Network.layered(
        [x.shape[1], HIDDEN, len(names)], activation="relu", seed=arguments.seed
    )
    epochs = 2 if arguments.quick else EPOCHS
    steps = epochs * -(-len(train) // BATCH)

    print("TEN ANIMALS\n")
    print(f"{len(train):,} pictures to learn from, {len(test):,} to be tested with.")
    print(f"A society of {_common.size(net)}.\n")
    started = time.perf_counter()
    result = na.train(
        net, x, np.eye(len(names))[classes], loss="softmax_cross_entropy",
        optimizer=na.Adam(na.CosineDecay(0.006, steps), weight_decay=0.001), epochs=epochs, batch_size=BATCH,
        seed=arguments.seed, validation=(x_test, np.eye(len(names))[truth]), log=arguments.log,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    for epoch in sorted({1, 2, 5, 10, 20, epochs}):
        if epoch <= epochs:
            print(f"  {result.history[epoch - 1]}".replace("validation ", "test "))
    print(
        f"\n{result.messages:,} messages in {seconds:.1f} s ({result.messages / seconds:,.0f} a second).\n"
    )

    said = na.predict(result.network, x_test).argmax(axis=1)
    confusion = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(confusion, (truth, said), 1)
    print(f"Accuracy on pictures never seen: {np.mean(said == truth):.3f}\n")
    print("  animal     pictures   found   most often taken for")
    for k, name in enumerate(names):
        others = confusion[k] * (np.arange(len(names)) != k)
        taken = f"{names[others.argmax()]} ({others.max()})" if others.any() else "-"
        print(
            f"  {name:10} {confusion[k].sum():8} {confusion[k, k] / max(confusion[k].sum(), 1):7.2f}   {taken}"
        )
    draw(confusion, names, result, arguments)


def draw(
    confusion: np.ndarray, names: list[str], result: na.TrainingResult, arguments: Namespace
) -> None:
    plt = _common.pyplot()
    if plt is None:
        return
    figure, (curve, table) = plt.subplots(
        1, 2, figsize=(11, 5), layout="constrained", width_ratios=[1, 1.3]
    )
    epochs = [epoch.epoch for epoch in result.history]
    curve.plot(epochs, [e.accuracy for e in result.history], color="#0072b2", label="training")
    curve.plot(
        epochs, [e.validation_accuracy for e in result.history], "--", color="#d55e00", label="test"
    )
    curve.set(xlabel="epoch", ylabel="accuracy", title="learning")
    curve.grid(alpha=0.3)
    curve.legend(frameon=False)
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    table.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(confusion):
        if value:
            colour = "white" if share[row, column] > 0.5 else "black"
            table.text(column, row, value, ha="center", va="center", fontsize=8, color=colour)
    table.set_xticks(range(len(names)), names, rotation=45, ha="right")
    table.set_yticks(range(len(names)), names)
    table.set(xlabel="what it was taken for", ylabel="what it is", title="test pictures")
    _common.save(figure, arguments.out, "animals.png")


if __name__ == "__main__":
    _common.run(story, __doc__, quick=True, out="the figure goes")
