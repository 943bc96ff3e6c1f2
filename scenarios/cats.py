"""A society learns, by messages alone, to tell cats from other animals.

Each input receives one pixel of a silhouette: 28 x 28 pixels are 784 inputs. 16
neurons receive them all. One neuron receives what these 16 send, and says how
sure it is that the animal is a cat. Each of the 801 members is a task of its
own, and none of them knows the whole network.

What the last neuron says is a logit: 0 is "I do not know", and its sigmoid is
p, the probability of a cat. The loss `sigmoid_cross_entropy` takes logits: so
it corrects a confident mistake, however confident it is.

The society is right on 0.947 of the new pictures (seed 0; in the mean of seeds
0 to 4: 0.930). With `--size 7` a pixel is a mean over 4 x 4 pixels, and the 49
inputs are standardised: 0.932 (0.920).
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

import _common
import _french
import numpy as np

import neuro_actors as na
from neuro_actors.datasets.silhouettes import SIDE, SIZES
from neuro_actors.support.palette import SERIES
from neuro_actors.support.text import format_loss

BATCH, EVERY = 32, 20
LOSS = "sigmoid_cross_entropy"


def training(arguments: Namespace) -> _common.Training:
    """Return how the society learns: small pictures need fewer epochs, and a smaller rate."""
    if arguments.size == SIDE:
        return _common.Training(epochs=60, rate=0.05, hidden=(16,), quick=3)
    return _common.Training(epochs=40, rate=0.02, hidden=(16,), quick=3)


def optimizer(size: int, rate: float) -> na.SGD:
    return na.SGD(rate, momentum=0.9, weight_decay=0.003 if size == SIDE else 0.001)


def compare_with_matrices(network: na.Network, x: np.ndarray, targets: np.ndarray) -> float:
    """Return how far a gradient is from the reference, in units of the rounding bound."""
    gradient = na.gradient(network, x, targets, loss=LOSS)
    expected, bound = na.reference.with_bound(network, x, targets, loss=LOSS)
    return _common.in_rounding_units(gradient, expected, bound)


def main(arguments: Namespace) -> None:
    say, size = _french.language_of(arguments), arguments.size
    epochs, rate, hidden, _ = arguments.training
    x, is_cat, x_test, is_cat_test = _common.load_cats(
        size, arguments.seed, standardise=size != SIDE
    )
    net = na.Network.layered([x.shape[1], *hidden, 1], seed=arguments.seed)

    print(
        say(
            """CATS

{train:,} pictures of {size} x {size} pixels to learn from, {test} for the test;
half of them are cats. A society of {society}.
""",
            train=len(x),
            size=size,
            test=len(x_test),
            society=_common.describe_size(net, say),
        )
    )
    before = compare_with_matrices(net, x[:BATCH], is_cat[:BATCH])
    started = time.perf_counter()
    result = na.train(
        net,
        x,
        is_cat,
        loss=LOSS,
        optimizer=optimizer(size, rate),
        epochs=epochs,
        batch_size=BATCH,
        seed=arguments.seed,
        validation=(x_test, is_cat_test),
        log=arguments.log,
    )
    seconds = time.perf_counter() - started
    after = compare_with_matrices(result.network, x[:BATCH], is_cat[:BATCH])
    for epoch in sorted({1, 2, 5, 10, 20, 40, epochs}):
        if epoch <= epochs:
            print(describe_epoch(result.history[epoch - 1], say))
    print(
        say(
            """
{messages:,} messages in {seconds:.1f} s ({speed:,.0f} per second).
The gradient of one step, compared with matrices, in units of the rounding bound
(1 is the limit): before learning {before:.2g}, after {after:.2g}
""",
            messages=result.messages,
            seconds=seconds,
            speed=result.messages / seconds,
            before=before,
            after=after,
        )
    )

    p = na.ACTIVATIONS["sigmoid"].value(na.predict(result.network, x_test)[:, 0])
    truth = is_cat_test[:, 0] == 1
    print_report(p, truth, say)
    pictures = na.datasets.silhouettes(SIDE, "cat", "test", arguments.seed).x
    draw(result, pictures.reshape(-1, SIDE, SIDE), p, truth, arguments)
    if arguments.log:
        print(say("\nWatch it learn:"))
        print(f"neuro-actors view {arguments.log.path} --open")


def describe_epoch(epoch: na.Epoch, say: _french.Say) -> str:
    """Return losses and accuracies of an epoch as one line."""
    return say(
        "  epoch {epoch}: loss {loss}, accuracy {right:.3f}, "
        "test loss {test_loss}, test accuracy {test_right:.3f}",
        epoch=epoch.epoch,
        loss=say.number(format_loss(epoch.loss)),
        right=epoch.accuracy,
        test_loss=say.number(format_loss(epoch.validation_loss)),
        test_right=epoch.validation_accuracy,
    )


def print_report(p: np.ndarray, truth: np.ndarray, say: _french.Say) -> None:
    """Print accuracy, confusion table and calibration for the test pictures."""
    said = p >= 0.5
    print(
        say(
            """Accuracy on new pictures: {accuracy:.3f}

               said cat   said other
  is cat       {a:8} {b:12}
  is other     {c:8} {d:12}

Calibration: when the society says p, how often is the picture a cat?

  said p        pictures   mean p   are cats""",
            accuracy=np.mean(said == truth),
            a=np.sum(said & truth),
            b=np.sum(~said & truth),
            c=np.sum(said & ~truth),
            d=np.sum(~said & ~truth),
        )
    )
    for low in np.arange(0, 1, 0.2):
        here = (p >= low) & (p < low + 0.2 + (low > 0.7))
        if here.any():
            print(
                say(
                    "  {low:.1f} to {high:.1f} {count:11} {mean:8.2f} {cats:10.2f}",
                    low=low,
                    high=low + 0.2,
                    count=here.sum(),
                    mean=p[here].mean(),
                    cats=truth[here].mean(),
                )
            )


def draw(
    result: na.TrainingResult,
    pictures: np.ndarray,
    p: np.ndarray,
    truth: np.ndarray,
    arguments: Namespace,
) -> None:
    say = _french.language_of(arguments)
    plt = _common.import_pyplot(say)
    if plt is None:
        return
    rng = np.random.default_rng(arguments.seed)
    right = (p >= 0.5) == truth
    wrong = np.flatnonzero(~right)[np.argsort(-np.abs(p[~right] - 0.5))][:8]
    cats, others = (rng.permutation(np.flatnonzero(right & side))[:4] for side in (truth, ~truth))
    rows = [
        (
            say("right answers, some of them"),
            rng.permutation(np.concatenate([cats, others])),
        ),
        (say("wrong answers, the worst of them"), wrong),
    ]

    figure = plt.figure(figsize=(11, 5.4), layout="constrained")
    figure.suptitle(
        say("A society learns to see cats; titles: the truth, and p: how sure it is of a cat")
    )
    left, side = figure.subfigures(1, 2, width_ratios=[1, 1.6])
    epochs = [epoch.epoch for epoch in result.history]
    above, below = left.subplots(2, 1, sharex=True)
    for axis, name in ((above, "loss"), (below, "accuracy")):
        axis.plot(
            epochs,
            [getattr(e, name) for e in result.history],
            color=SERIES[0],
            label=say("training"),
        )
        axis.plot(
            epochs,
            [getattr(e, f"validation_{name}") for e in result.history],
            "--",
            color=SERIES[1],
            label=say("test"),
        )
        axis.set_ylabel(say(name))
        axis.yaxis.set_major_formatter(lambda value, _: say.number(f"{value:.3g}"))
        axis.grid(alpha=0.3)
    above.set_title(say("learning"), fontsize=11)
    above.legend(frameon=False)
    below.set_xlabel(say("epoch"))
    below.xaxis.get_major_locator().set_params(integer=True)
    blocks = side.subfigures(2, 1)
    for block, (title, chosen) in zip(blocks, rows, strict=True):
        block.suptitle(title, fontsize=11)
        for axis, k in zip(block.subplots(2, 4).flat, [*chosen, *[None] * 8], strict=False):
            axis.axis("off")
            if k is not None:
                axis.imshow(pictures[k], cmap="gray_r")
                name = say("a cat") if truth[k] else say("no cat")
                axis.set_title(say("{name}, p = {p:.2f}", name=name, p=p[k]), fontsize=9)
    _common.save_figure(figure, arguments.out, "cats.png", say)


def add_arguments(parser: ArgumentParser) -> None:
    """Add --size."""
    parser.add_argument(
        "--size",
        type=int,
        choices=SIZES,
        default=SIDE,
        help=f"pixels of a picture's side (default {SIDE}); 14 and less: 40 epochs at rate 0.02",
    )


if __name__ == "__main__":
    _common.run(
        main,
        __doc__,
        quick=True,
        out="the figure goes",
        every=EVERY,
        training=training,
        french=True,
        more=add_arguments,
    )
