"""All ten animals: a society with ten outputs and one softmax over them.

Each probability depends on all ten outputs. Still no output knows another one:
the loss is a member of its own, which receives all ten activations and sends
each output its urgency.
"""

from __future__ import annotations

import time
from argparse import Namespace

import _common
import numpy as np

import neuro_actors as na
from neuro_actors.datasets.silhouettes import load_pictures
from neuro_actors.support.palette import INK, PAPER, SERIES

BATCH = 64
TRAINING = _common.Training(epochs=25, rate=0.006, hidden=(64,), quick=2)


def main(arguments: Namespace) -> None:
    epochs, rate, hidden, _ = arguments.training
    animals = load_pictures()
    names = animals.names
    rng = np.random.default_rng(arguments.seed)
    order = rng.permutation(len(animals.classes))  # each picture is there once
    test, train = np.split(order, [len(order) // 5])
    if arguments.quick:
        train = train[:1000]
    pixels = _common.Pixels.fit(animals.greys[train], pool=4)
    x, x_test = pixels(animals.greys[train]), pixels(animals.greys[test])
    classes, truth = animals.classes[train], animals.classes[test]
    net = na.Network.layered(
        [x.shape[1], *hidden, len(names)], activation="relu", seed=arguments.seed
    )
    steps = epochs * -(-len(train) // BATCH)

    print("TEN ANIMALS\n")
    print(f"{len(train):,} pictures to learn from, {len(test):,} for the test.")
    print(f"A society of {_common.describe_size(net)}.\n")
    started = time.perf_counter()
    result = na.train(
        net,
        x,
        np.eye(len(names))[classes],
        loss="softmax_cross_entropy",
        optimizer=na.Adam(na.CosineDecay(rate, steps), weight_decay=0.001),
        epochs=epochs,
        batch_size=BATCH,
        seed=arguments.seed,
        validation=(x_test, np.eye(len(names))[truth]),
        log=arguments.log,
    )
    seconds = time.perf_counter() - started
    for epoch in sorted({1, 2, 5, 10, 20, epochs}):
        if epoch <= epochs:
            print(f"  {result.history[epoch - 1]}".replace("validation ", "test "))
    speed = result.messages / seconds
    print(f"\n{result.messages:,} messages in {seconds:.1f} s ({speed:,.0f} per second).\n")

    said = na.predict(result.network, x_test).argmax(axis=1)
    confusion = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(confusion, (truth, said), 1)
    print(f"Accuracy on new pictures: {np.mean(said == truth):.3f}\n")
    print("  animal     pictures   right   most often taken for")
    for k, name in enumerate(names):
        others = confusion[k] * (np.arange(len(names)) != k)
        taken = f"{names[others.argmax()]} ({others.max()})" if others.any() else "-"
        share = confusion[k, k] / max(confusion[k].sum(), 1)
        print(f"  {name:10} {confusion[k].sum():8} {share:7.2f}   {taken}")
    draw(confusion, names, result, arguments)


def draw(
    confusion: np.ndarray, names: list[str], result: na.TrainingResult, arguments: Namespace
) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    figure, (curve, table) = plt.subplots(
        1, 2, figsize=(11, 5), layout="constrained", width_ratios=[1, 1.3]
    )
    epochs = [epoch.epoch for epoch in result.history]
    curve.plot(epochs, [e.accuracy for e in result.history], color=SERIES[0], label="training")
    curve.plot(
        epochs, [e.validation_accuracy for e in result.history], "--", color=SERIES[1], label="test"
    )
    curve.set(xlabel="epoch", ylabel="accuracy", title="learning")
    curve.grid(alpha=0.3)
    curve.legend(frameon=False)
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    table.imshow(share, cmap="Greys", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(confusion):
        if value:
            colour = PAPER if share[row, column] > 0.5 else INK
            table.text(column, row, value, ha="center", va="center", fontsize=8, color=colour)
    table.set_xticks(range(len(names)), names, rotation=45, ha="right")
    table.set_yticks(range(len(names)), names)
    table.set(xlabel="what the society said", ylabel="what it is", title="test pictures")
    _common.save_figure(figure, arguments.out, "animals.png")


if __name__ == "__main__":
    _common.run(main, __doc__, quick=True, out="the figure goes", training=lambda _: TRAINING)
