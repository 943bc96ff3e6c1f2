"""A society learns to tell two spirals apart: a figure and a page of its stages.

On which of the two spirals is a point? No straight line and no single neuron
can tell. While the society learns, one step in ten is recorded. The figure and
the page are made from that log: it contains the parameters of each recorded
step, and every message of it.
"""

from __future__ import annotations

import webbrowser
from argparse import ArgumentParser, Namespace
from pathlib import Path

import _common
import _french
import numpy as np

import neuro_actors as na
from neuro_actors.support.files import whole_file
from neuro_actors.support.palette import DIVERGING, INK, NEGATIVE, PAPER, POSITIVE, sign_colour
from neuro_actors.support.text import format_loss
from neuro_actors.viewer.page import render_page
from neuro_actors.viewer.page_data import collect_page_data

POINTS, TURNS = 96, 1.5
BATCH, EVERY = 32, 10
TRAINING = _common.Training(epochs=120, rate=0.03, hidden=(12, 8), quick=10)
STAGES = (0, 0.1, 0.2, 0.3, 1)  # shares of the steps
REACH, DOTS = 3.5, 141  # the plane is drawn from -REACH to REACH, with DOTS dots a side


def spirals(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return points, shape (2 * POINTS, 2), and their arms, 0 or 1, shape (2 * POINTS, 1)."""
    along = np.sqrt(np.linspace(0.03, 1, POINTS))  # the square root spreads them evenly
    angle = 2 * np.pi * TURNS * along
    arm = 3 * np.column_stack([along * np.cos(angle), along * np.sin(angle)])
    points = np.concatenate([arm, -arm]) + rng.normal(0, 0.06, (2 * POINTS, 2))
    return points, np.repeat([[0.0], [1.0]], POINTS, axis=0)


def main(arguments: Namespace) -> None:
    say = _french.language_of(arguments)
    epochs, rate, hidden, _ = arguments.training
    file = arguments.out / "watch_it_learn.arrows"
    recording = arguments.log or na.Recording(file, every=arguments.log_every, overwrite=True)
    rng = np.random.default_rng(arguments.seed)
    x, arm = spirals(rng)
    net = na.Network.layered([2, *hidden, 1], output_activation="sigmoid", seed=arguments.seed)
    steps = epochs * -(-len(x) // BATCH)

    print(
        say(
            """WATCH IT LEARN

Two spirals with {points} points each. A society of {size}
learns for {steps} steps. Each neuron sees only its own messages.
""",
            points=POINTS,
            size=_common.describe_size(net, say),
            steps=steps,
        )
    )
    na.train(
        net,
        x,
        arm,
        loss="cross_entropy",
        optimizer=na.Adam(na.CosineDecay(rate, steps)),
        epochs=epochs,
        batch_size=BATCH,
        seed=arguments.seed,
        log=recording,
    )

    log = na.open_log(recording.path)
    recorded = [info.number for info in log.steps if info.only is None]
    learnt = [(0, log.network), *((step, log.network_at(step)) for step in recorded)]
    megabytes = Path(log.path).stat().st_size / 1e6
    line = "Steps recorded: {n}; {megabytes:.1f} MB in {file}\n"
    print(say(line, n=len(recorded), megabytes=megabytes, file=log.path))
    print(say("  after step   loss of all points   right"))
    losses = []

    def nearest(share: float) -> int:
        return min(range(len(learnt)), key=lambda k: abs(learnt[k][0] - share * steps))

    stages = sorted({nearest(share) for share in STAGES})
    for k, (step, network) in enumerate(learnt):
        p = na.predict(network, x)
        losses.append(np.mean(na.LOSSES["cross_entropy"].value(p, arm)))
        if k in stages:
            loss, right = say.number(format_loss(losses[-1])), np.mean((p >= 0.5) == arm)
            print(say("  {step:10} {loss:>20} {right:7.0%}", step=step, loss=loss, right=right))
    draw(
        [learnt[k] for k in stages],
        [step for step, _ in learnt],
        losses,
        x,
        arm[:, 0],
        arguments.out,
        say,
    )
    write_page(log, arguments, say)


def write_page(log, arguments: Namespace, say: _french.Say) -> None:
    """Write the page; `neuro-actors view` does the same."""
    file = arguments.out / "watch_it_learn.html"
    with whole_file(file, force=True) as html:
        html.write(render_page(collect_page_data(log, max_mb=8.0)).encode())
    print(say("A page that plays it message by message: {file}", file=file))
    if arguments.open:
        webbrowser.open(file.resolve().as_uri())


def draw(
    stages,
    steps: list[int],
    losses: list[float],
    x: np.ndarray,
    arm: np.ndarray,
    folder: Path,
    say: _french.Say,
) -> None:
    """Draw the society's answer for each point of the plane, the loss, and every neuron.

    Args:
        stages: Pairs (step, network).
        steps: The recorded steps.
        losses: The loss after each of them.
        x: The points. Shape (n, 2).
        arm: The spiral of each point, 0 or 1. Shape (n,).
        folder: Where to write the figure.
        say: Translates what is written in it.
    """
    plt = _common.import_pyplot(say)
    if plt is None:
        return
    from matplotlib.colors import LinearSegmentedColormap

    side = np.linspace(-REACH, REACH, DOTS)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    colours = LinearSegmentedColormap.from_list("arms", DIVERGING)

    figure = plt.figure(figsize=(11, 6.6), layout="constrained")
    figure.suptitle(say("A society learns which spiral a point is on"), fontsize=15)
    above, below = figure.subfigures(2, 1, height_ratios=[1, 1.5])
    for axis, (step, network) in zip(
        above.subplots(1, len(stages), squeeze=False).flat, stages, strict=True
    ):
        p = na.predict(network, plane)[:, 0].reshape(DOTS, DOTS)
        axis.imshow(
            p,
            colours,
            vmin=0,
            vmax=1,
            extent=2 * (-REACH, REACH),
            origin="lower",
            interpolation="bilinear",
        )
        axis.contour(side, side, p, [0.5], colors=INK, linewidths=0.8)
        for which, colour, marker in ((0, NEGATIVE, "o"), (1, POSITIVE, "s")):
            axis.scatter(
                *x[arm == which].T, s=9, c=colour, marker=marker, edgecolors=PAPER, linewidths=0.4
            )
        axis.set(xticks=[], yticks=[])
        when = say("after step {step}", step=step) if step else say("before learning")
        axis.set_title(when, fontsize=11)

    left, right = below.subplots(1, 2, width_ratios=[1, 1.5])
    left.plot(steps, losses, color=INK, linewidth=1.6)
    dots = [(step, losses[steps.index(step)]) for step, _ in stages]
    left.scatter(*zip(*dots, strict=True), s=36, color=INK, zorder=3)
    left.yaxis.set_major_formatter(lambda loss, _: say.number(f"{loss:.1f}"))
    left.set(xlabel=say("step"), ylim=(0, 1.05 * max(losses)))
    left.set_title(say("loss of all points; dots: the stages above"), fontsize=11)
    left.spines[["top", "right"]].set_visible(False)
    left.grid(alpha=0.3)
    draw_society(right, stages[-1][1], plane, colours, say)
    _common.save_figure(figure, folder, "watch_it_learn.png", say)


def draw_society(axis, network: na.Network, plane: np.ndarray, colours, say: _french.Say) -> None:
    """Draw each neuron as a small map of its activation over the plane, and the synapses."""
    from matplotlib.collections import LineCollection

    n_inputs, n = len(network.inputs), len(network.ids)
    # A network in which all neurons are outputs predicts the activations of all.
    all_outputs = na.Network(network.neurons, network.synapses, network.ids[n_inputs:])
    said = na.predict(all_outputs, plane)
    maps = np.concatenate([plane / REACH, said[:, :-1], 2 * said[:, -1:] - 1], axis=1)
    maps = maps.T.reshape(n, DOTS, DOTS)
    widest = np.bincount(network.level).max()
    x, y, half = np.empty(n), 1.8 * network.level, np.full(n, 0.4)
    for level in range(network.depth + 1):
        here = np.flatnonzero(network.level == level)
        x[here] = (np.arange(len(here)) - (len(here) - 1) / 2) * widest / max(len(here), 8)
    half[-1], y[-1] = 0.7, y[-1] + 0.2
    strength = np.minimum(np.abs(network.weights) / np.quantile(np.abs(network.weights), 0.9), 1)
    ends = np.stack(
        [
            np.column_stack([x, y + half])[network.sources],
            np.column_stack([x, y - half])[network.targets],
        ],
        axis=1,
    )
    lines = LineCollection(ends, linewidths=0.3 + 1.2 * strength, alpha=0.55)
    lines.set_color([sign_colour(weight) for weight in network.weights])
    axis.add_collection(lines)
    for k in range(n):
        box = (x[k] - half[k], x[k] + half[k], y[k] - half[k], y[k] + half[k])
        axis.imshow(
            maps[k],
            colours,
            vmin=-1,
            vmax=1,
            extent=box,
            origin="lower",
            interpolation="bilinear",
            zorder=2,
        )
        axis.plot(
            [box[0], box[1], box[1], box[0], box[0]],
            [box[2], box[2], box[3], box[3], box[2]],
            "k",
            lw=0.5,
        )
    axis.set(xlim=(-widest / 2 - 0.2, widest / 2 + 0.2), ylim=(-0.6, y[-1] + 0.9))
    axis.set_aspect("equal")
    axis.axis("off")
    title = "and each neuron's activation at the end, from the two inputs up"
    axis.set_title(say(title), fontsize=11)
    for left, text in (
        (-widest / 2, "blue: large activation\norange: small activation"),
        (1.8, "blue synapse: excitatory\norange synapse: inhibitory"),
    ):
        axis.text(left, -0.1, say(text), fontsize=9, va="center", linespacing=1.5)


def add_arguments(parser: ArgumentParser) -> None:
    """Add --open."""
    parser.add_argument("--open", action="store_true", help="show the page in a browser")


if __name__ == "__main__":
    _common.run(
        main,
        __doc__,
        quick=True,
        out="figure, page and log go",
        every=EVERY,
        french=True,
        training=lambda _: TRAINING,
        more=add_arguments,
    )
