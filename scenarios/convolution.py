"""The ten animals again, by a small convolutional society.

A neuron of the first layer hears a window of 5 x 5 pixels, and lives at 14 x 14
places: what it has learnt about one place it knows at all others. It is one
neuron with 25 weights, and 196 activations for a picture. The greatest of each
2 x 2 goes on, to neurons with windows of 3 x 3.

Beside it two dense societies learn, in which each neuron hears all pixels: that
of animals.py, and one with as many parameters as the convolutional one. The
scenario prints how much better it is, its filters, and what they see.
"""

from __future__ import annotations

import time
from argparse import Namespace
from typing import NamedTuple

import _common
import _french
import animals
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.datasets.silhouettes import SIDE, Pictures, load_pictures
from neuro_actors.support.palette import DIVERGING

L = na.layers
KERNEL, STRIDE, BATCH, LOSS = 5, 2, 128, "softmax_cross_entropy"
MAPS, POOLED = SIDE // STRIDE, SIDE // STRIDE // 2  # the sides of maps, before and after pooling
TRAINING = _common.Training(epochs=8, rate=0.015, hidden=(6, 8), quick=1)
FILTER_SIGNS = ("==", "--", " .", "++", "##")  # from negative weights to positive ones
GREYS = " .:+*#"


class Split(NamedTuple):
    """Pictures to learn from, or for the test.

    Attributes:
        greys: Their pixels, from 0 (white) to 1 (black). Shape (n, SIDE, SIDE).
        targets: 1 for the animal, 0 for all others. Shape (n, 10).
    """

    greys: np.ndarray
    targets: np.ndarray


def split(pictures: Pictures, arguments: Namespace) -> tuple[Split, Split]:
    """Return the pictures to learn from and those for the test, as animals.py has them."""
    order = np.random.default_rng(arguments.seed).permutation(len(pictures.classes))
    test, train = np.split(order, [len(order) // 5])
    if arguments.quick:
        train, test = train[:512], test[:256]
    targets = np.eye(len(pictures.names))[pictures.classes]
    return Split(pictures.greys[train], targets[train]), Split(pictures.greys[test], targets[test])


def make_network(features: tuple[int, ...], classes: int, seed: int) -> na.Network:
    """Return a convolutional network; features: of its convolutions, each but the first 3 x 3."""
    h = L.inputs(1, positions=(SIDE, SIDE), name="pixel")
    h = L.conv2d(h, features[0], KERNEL, "relu", stride=STRIDE, padding=KERNEL // 2, name="conv1")
    h = L.max_pool(h, 2, name="pool1")
    for k, n in enumerate(features[1:], 2):
        h = L.conv2d(h, n, 3, "relu", name=f"conv{k}")
    return L.network(L.dense(L.flatten(h, name="flat"), classes, name="animal"), seed=seed)


def learn(
    net: na.Network,
    x: np.ndarray,
    targets: np.ndarray,
    batch: int,
    epochs: int,
    optimizer: na.Adam,
    arguments: Namespace,
    log: na.Recording | None = None,
) -> na.TrainingResult:
    """Let a society learn the animals."""
    return na.train(
        net, x, targets, loss=LOSS, optimizer=optimizer, epochs=epochs, batch_size=batch,
        seed=arguments.seed, log=log,
    )  # fmt: skip


def learn_dense(
    train: Split, test: Split, pool: int, hidden: int, arguments: Namespace
) -> tuple[na.Network, float]:
    """Let a dense society learn as that of animals.py does. Return it, and its accuracy."""
    epochs = animals.TRAINING.quick if arguments.quick else animals.TRAINING.epochs
    pixels = _common.Pixels.fit(train.greys, pool)
    x, classes = pixels(train.greys), train.targets.shape[1]
    net = na.Network.layered([x.shape[1], hidden, classes], activation="relu", seed=arguments.seed)
    steps = epochs * -(-len(x) // animals.BATCH)
    optimizer = na.Adam(na.CosineDecay(animals.TRAINING.rate, steps), weight_decay=0.001)
    result = learn(net, x, train.targets, animals.BATCH, epochs, optimizer, arguments)
    return net, measure_accuracy(result.network, pixels(test.greys), test.targets)


def measure_accuracy(network: na.Network, x: np.ndarray, targets: np.ndarray) -> float:
    """Return the share of pictures whose animal has the greatest output."""
    said = na.predict(network, x).argmax(axis=1)
    return float(np.mean(said == targets.argmax(axis=1)))


def main(arguments: Namespace) -> None:
    say = _french.language_of(arguments)
    epochs, rate, features, _ = arguments.training
    pictures = load_pictures()
    train, test = split(pictures, arguments)
    x, x_test = train.greys[..., None], test.greys[..., None]
    net = make_network(features, len(pictures.names), arguments.seed)
    print(
        say(
            """ONE NEURON, MANY PLACES

{train:,} pictures of {side} x {side} pixels to learn from, {test:,} for the test.

  society                        actors   parameters   right on new ones""",
            train=len(x),
            side=SIDE,
            test=len(x_test),
        )
    )

    def show(name: str, network: na.Network, accuracy: float) -> None:
        print(
            say(
                "  {name:30} {actors:6} {parameters:12,} {accuracy:19.3f}",
                name=name,
                actors=len(network.ids),
                parameters=_common.count_parameters(network),
                accuracy=accuracy,
            )
        )

    started = time.perf_counter()
    steps = epochs * -(-len(x) // BATCH)
    optimizer = na.Adam(na.CosineDecay(rate, steps))
    result = learn(net, x, train.targets, BATCH, epochs, optimizer, arguments, arguments.log)
    seconds = time.perf_counter() - started
    right = measure_accuracy(result.network, x_test, test.targets)
    usual = animals.TRAINING.hidden[0]
    # of 14 x 14 pixels a hidden neuron has 196 weights, a bias, and a weight in each output
    alike = round(_common.count_parameters(net) / (MAPS**2 + 1 + len(pictures.names)))
    small, small_right = learn_dense(train, test, STRIDE, alike, arguments)
    dense, dense_right = learn_dense(train, test, 4, usual, arguments)
    show(say("dense, 14 x 14 pixels"), small, small_right)
    show(say("dense, 7 x 7, as animals.py"), dense, dense_right)
    show(say("convolutional"), result.network, right)
    print(
        say(
            """
Better than the dense ones by {small:+.3f} and {dense:+.3f}.
{messages:,} messages in {seconds:.0f} s ({speed:,.0f} per second).
""",
            small=right - small_right,
            dense=right - dense_right,
            messages=result.messages,
            seconds=seconds,
            speed=result.messages / seconds,
        )
    )
    show_filters(result.network, features[0], say)
    show_maps(result.network, features[0], test, pictures.names, arguments)
    if arguments.log:
        print(say("\nWatch it learn:"))
        print(f"neuro-actors view {arguments.log.path} --open")


def filters_of(network: na.Network, n: int) -> np.ndarray:
    """Return the weights of the first layer. Shape (n, KERNEL, KERNEL)."""
    index = {id: k for k, id in enumerate(network.ids)}
    return np.stack([
        network.weights[network.incoming.of(index[f"conv1.{k}"])].reshape(KERNEL, KERNEL)
        for k in range(n)
    ])  # fmt: skip


def show_filters(network: na.Network, n: int, say: _french.Say) -> None:
    """Print the weights of the first layer, six neurons beside one another."""
    print(
        say(
            """FILTERS

The {n} neurons of the first layer, each with its {taps} weights. ## and ++: what is
dark there makes it say more. == and --: less.
""",
            n=n,
            taps=KERNEL**2,
        )
    )
    weights = filters_of(network, n)
    levels = np.digitize(
        weights / np.abs(weights).max(axis=(1, 2), keepdims=True), [-0.5, -0.15, 0.15, 0.5]
    )
    pictures = [["".join(FILTER_SIGNS[v] for v in row) for row in one] for one in levels]
    print_beside([f"conv1.{k}" for k in range(n)], pictures, 6)


def show_maps(
    network: na.Network, n: int, test: Split, names: tuple[str, ...], arguments: Namespace
) -> None:
    """Print and draw what the first layer says about a cat."""
    say = _french.language_of(arguments)
    chosen = int(np.flatnonzero(test.targets[:, names.index("cat")])[0])
    grey, target = test.greys[chosen], test.targets[chosen]
    file = arguments.out / "convolution.arrows"
    trio.run(_common.record_gradient, network, grey[None, ..., None], target[None], LOSS, file)
    said = _common.Said(file)
    maps = np.stack([said(f"conv1.{k}").reshape(MAPS, MAPS) for k in range(n)])
    pooled = np.stack([said(f"pool1.{k}").reshape(POOLED, POOLED) for k in range(n)])
    print(
        say(
            """
FEATURE MAPS

A cat of the test, and below it what each of these neurons says about it: a
number for each place; of 2 x 2 places the greatest. The darker, the more.
"""
        )
    )
    shades = grey.reshape(MAPS, STRIDE, MAPS, STRIDE).mean(axis=(1, 3))
    print_beside([], [shade(shades, 1.0)], 1)
    print()
    print_beside([f"pool1.{k}" for k in range(n)], [shade(one, pooled.max()) for one in pooled], 3)
    draw(grey, maps, filters_of(network, n), arguments)
    print(say("\nAll messages about this picture:"))
    print(f"neuro-actors log show {file}")


def shade(numbers: np.ndarray, greatest: float) -> list[str]:
    """Return rows of numbers as rows of characters, two for each number."""
    scale = numbers / greatest if greatest > 0 else numbers
    levels = np.clip((scale * len(GREYS)).astype(int), 0, len(GREYS) - 1)
    return ["".join(2 * GREYS[v] for v in row) for row in levels]


def print_beside(titles: list[str], pictures: list[list[str]], columns: int) -> None:
    """Print pictures beside one another, each with its title above it."""
    width = len(pictures[0][0]) + 3
    for start in range(0, len(pictures), columns):
        if titles:
            print("  " + "".join(f"{t:{width}}" for t in titles[start : start + columns]).rstrip())
        for rows in zip(*pictures[start : start + columns], strict=True):
            print("  " + "".join(f"{row:{width}}" for row in rows).rstrip())
        if titles and start + columns < len(pictures):
            print()


def draw(grey: np.ndarray, maps: np.ndarray, filters: np.ndarray, arguments: Namespace) -> None:
    """Draw a picture, the filters, and the feature maps."""
    say = _french.language_of(arguments)
    plt = _common.import_pyplot(say)
    if plt is None:
        return
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("filters", DIVERGING)
    n = len(maps)
    figure, axes = plt.subplots(2, n + 1, figsize=(1.7 * (n + 1), 4), layout="constrained")
    figure.suptitle(say("Filters (blue: positive weights, orange: negative), and what they say"))
    for axis in axes.flat:
        axis.axis("off")
    axes[1, 0].imshow(grey, cmap="gray_r", vmin=0, vmax=1)
    axes[1, 0].set_title(say("a picture"), fontsize=10)
    for k in range(n):
        reach = np.abs(filters[k]).max()
        axes[0, k + 1].imshow(filters[k], cmap=colours, vmin=-reach, vmax=reach)
        axes[0, k + 1].set_title(f"conv1.{k}", fontsize=10)
        axes[1, k + 1].imshow(maps[k], cmap="gray_r", vmin=0, vmax=maps.max())
    _common.save_figure(figure, arguments.out, "convolution.png", say)


if __name__ == "__main__":
    _common.run(
        main,
        __doc__,
        quick=True,
        out="the figure and the log of one picture go",
        every=20,
        training=lambda _: TRAINING,
        french=True,
    )
