"""Cats again, by a small convolutional society.

A neuron of the first layer hears a window of 5 x 5 pixels, and lives at 14 x 14
places: what it has learnt about one place it knows at all others. It is one
neuron with 25 weights, and 196 activations for a picture. The greatest of each
2 x 2 goes on, to neurons with windows of 3 x 3.

Beside it the two dense societies of cats.py learn, in which each neuron hears
all pixels: one with about as many parameters, one with sixteen times as many.
The scenario prints how much better it is, its filters, and what they see.

In the mean of the seeds 0 to 4 it is right on 0.938 of the new pictures, the
dense ones on 0.920 and 0.930. It is the best one, or as good, with each seed.
"""

from __future__ import annotations

from argparse import Namespace

import _common
import _french
import cats
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.datasets.silhouettes import SIDE
from neuro_actors.support.palette import DIVERGING

L = na.layers
KERNEL, STRIDE, DROPOUT = 5, 2, 0.5
BATCH, LOSS = 64, "sigmoid_cross_entropy"
MAPS, POOLED = SIDE // STRIDE, SIDE // STRIDE // 2  # the sides of maps, before and after pooling
TRAINING = _common.Training(epochs=40, rate=0.01, hidden=(6, 8), quick=1)
FILTER_SIGNS = ("==", "--", " .", "++", "##")  # from negative weights to positive ones
GREYS = " .:+*#"


def make_network(features: tuple[int, ...], seed: int) -> na.Network:
    """Return a convolutional network; features: of its convolutions, each but the first 3 x 3."""
    h = L.inputs(1, positions=(SIDE, SIDE), name="pixel")
    h = L.conv2d(h, features[0], KERNEL, "relu", stride=STRIDE, padding=KERNEL // 2, name="conv1")
    h = L.max_pool(h, 2, name="pool1")
    for k, n in enumerate(features[1:], 2):
        h = L.conv2d(h, n, 3, "relu", name=f"conv{k}")
    h = L.dropout(L.flatten(h, name="flat"), DROPOUT, name="left")
    return L.network(L.dense(h, 1, name="cat"), seed=seed)


def as_pictures(x: np.ndarray, mean: float, spread: float) -> np.ndarray:
    """Return grey values as the society receives them. Shape (n, SIDE, SIDE, 1)."""
    return (x.reshape(-1, SIDE, SIDE, 1) - mean) / spread


def learn_dense(size: int, arguments: Namespace) -> tuple[na.Network, float]:
    """Let a society learn as cats.py does with --size. Return it, and its accuracy."""
    epochs, rate, hidden, quick = cats.training(Namespace(size=size))
    data = _common.load_cats(size, arguments.seed, standardise=size != SIDE)
    net = na.Network.layered([data.x.shape[1], *hidden, 1], seed=arguments.seed)
    result = na.train(
        net,
        data.x,
        data.is_cat,
        loss=LOSS,
        optimizer=cats.optimizer(size, rate),
        epochs=quick if arguments.quick else epochs,
        batch_size=cats.BATCH,
        seed=arguments.seed,
    )
    return net, measure_accuracy(result.network, data.x_test, data.is_cat_test)


def measure_accuracy(network: na.Network, x: np.ndarray, is_cat: np.ndarray) -> float:
    """Return the share of pictures that are taken for what they are."""
    return float(np.mean((na.predict(network, x) > 0) == (is_cat == 1)))


def main(arguments: Namespace) -> None:
    say = _french.language_of(arguments)
    epochs, rate, features, _ = arguments.training
    data = _common.load_cats(SIDE, arguments.seed, standardise=False)
    mean, spread = data.x.mean(), data.x.std()
    x, x_test = as_pictures(data.x, mean, spread), as_pictures(data.x_test, mean, spread)
    net = make_network(features, arguments.seed)
    print(
        say(
            """ONE NEURON, MANY PLACES

{train:,} pictures to learn from, {test} for the test; half of them are cats.

  society                         actors   parameters   right on new ones""",
            train=len(x),
            test=len(x_test),
        )
    )

    def show(name: str, network: na.Network, accuracy: float) -> None:
        print(
            say(
                "  {name:30} {actors:7} {parameters:12,} {accuracy:19.3f}",
                name=name,
                actors=len(network.ids),
                parameters=_common.count_parameters(network),
                accuracy=accuracy,
            )
        )

    small, small_right = learn_dense(7, arguments)
    show(say("dense, 7 x 7 pixels"), small, small_right)
    large, large_right = learn_dense(SIDE, arguments)
    show(say("dense, 28 x 28 pixels"), large, large_right)
    steps = epochs * -(-len(x) // BATCH)
    result = na.train(
        net,
        x,
        data.is_cat,
        loss=LOSS,
        optimizer=na.Adam(na.CosineDecay(rate, steps)),
        epochs=epochs,
        batch_size=BATCH,
        seed=arguments.seed,
    )
    right = measure_accuracy(result.network, x_test, data.is_cat_test)
    show(say("convolutional, 28 x 28 pixels"), net, right)
    print(
        say(
            """
Better than the dense ones by {small:+.3f} and {large:+.3f}.
{messages:,} messages were sent.
""",
            small=right - small_right,
            large=right - large_right,
            messages=result.messages,
        )
    )
    chosen = int(np.flatnonzero(data.is_cat_test[:, 0])[0])
    show_filters(result.network, features[0], say)
    grey = data.x_test[chosen].reshape(SIDE, SIDE)
    show_maps(result.network, features[0], grey, x_test[chosen], arguments)


def filters_of(network: na.Network, n: int) -> np.ndarray:
    """Return the weights of the first layer. Shape (n, KERNEL, KERNEL)."""
    index = {id: k for k, id in enumerate(network.ids)}
    return np.stack([
        network.weights[network.incoming.of(index[f"conv1.{k}"])].reshape(KERNEL, KERNEL)
        for k in range(n)
    ])  # fmt: skip


def show_filters(network: na.Network, n: int, say: _french.Say) -> None:
    """Print the weights of the first layer."""
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
    print_beside([f"conv1.{k}" for k in range(n)], pictures, 3)


def show_maps(
    network: na.Network, n: int, grey: np.ndarray, x: np.ndarray, arguments: Namespace
) -> None:
    """Print and draw what the first layer says about a picture of a cat."""
    say = _french.language_of(arguments)
    recording = _common.full_recording(arguments, "convolution.arrows")
    trio.run(_common.record_gradient, network, x[None], np.ones((1, 1)), LOSS, recording)
    said = _common.Said(recording)
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
    for row in shade(shades, 1.0):
        print(f"  {row}".rstrip())
    print()
    print_beside([f"pool1.{k}" for k in range(n)], [shade(one, pooled.max()) for one in pooled], 3)
    draw(grey, maps, filters_of(network, n), arguments)
    print(say("\nAll messages about this picture:"))
    print(f"neuro-actors log show {recording.path}")


def shade(numbers: np.ndarray, greatest: float) -> list[str]:
    """Return rows of numbers as rows of characters, two for each number."""
    scale = numbers / greatest if greatest > 0 else numbers
    levels = np.clip((scale * len(GREYS)).astype(int), 0, len(GREYS) - 1)
    return ["".join(2 * GREYS[v] for v in row) for row in levels]


def print_beside(titles: list[str], pictures: list[list[str]], columns: int) -> None:
    """Print pictures beside one another, each with its title above it."""
    width = len(pictures[0][0]) + 3
    for start in range(0, len(pictures), columns):
        if start:
            print()
        print("  " + "".join(f"{t:{width}}" for t in titles[start : start + columns]).rstrip())
        for rows in zip(*pictures[start : start + columns], strict=True):
            print("  " + "".join(f"{row:{width}}" for row in rows).rstrip())


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
        training=lambda _: TRAINING,
        french=True,
    )
