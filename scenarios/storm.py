"""Cats learnt in a storm: three letters in ten are lost, some come twice or
garbled, neurons die; and the society learns the same, to the last bit.

Every neuron keeps what it has committed, repeats itself where no answer comes,
and says the same when it says it again. Both runs are seen in the figure: what
was sent when, what was lost, who died.
"""

from __future__ import annotations

import time
from argparse import Namespace
from typing import NamedTuple

import _common
import cats
import numpy as np

import neuro_actors as na
from neuro_actors.channels.routes import Routes
from neuro_actors.channels.unreliable.faults import FaultEvent

HIDDEN, EPOCHS, BATCH = 4, 4, 64
OPTIMIZER = na.SGD(0.1, momentum=0.9)
WEATHER = {"drop": 0.3, "duplicate": 0.1, "reorder": 0.1, "corrupt": 0.05, "crash": 0.05}
BLUE, ORANGE, RED = "#0072b2", "#e69f00", "#c1272d"
DEATH = "$\\dagger$"


class Watched(na.Unreliable):
    """Weather in which somebody notes each frame that is sent: when, who sent it, in which step."""

    def __call__(self, network: na.Network, recorder):
        channels, lines = super().__call__(network, recorder), Routes(network)
        object.__setattr__(self, "sent", sent := [])
        post = channels.post.post

        def noted(letter) -> None:
            sender = (lines.receiver if letter.asks else lines.sender)[letter.line]
            sent.append((channels.post.now(), int(sender), letter.number))
            post(letter)

        channels.post.post = noted
        return channels


class Run(NamedTuple):
    """One run. sent: of each frame when, which member, in which step."""

    result: na.TrainingResult
    log: object
    sent: np.ndarray
    seconds: float

    def count(self, what: str) -> int:
        return sum(d.what == what for d in self.log.disturbances)


def story(arguments: Namespace) -> None:
    recording = _common.whole_log(arguments, "storm.arrows")
    animals = _common.animals()
    train, test = cats.split(animals, arguments.seed)
    pixels = _common.Pixels.fitted(animals.pictures[train], pool=7)
    x, x_test = pixels(animals.pictures[train]), pixels(animals.pictures[test])
    is_cat, is_cat_test = (
        (animals.classes[rows] == cats.CAT)[:, None].astype(float) for rows in (train, test)
    )
    net = na.Network.layered(
        [x.shape[1], HIDDEN, 1], output_activation="sigmoid", seed=arguments.seed
    )
    epochs = 1 if arguments.quick else EPOCHS

    def learn(channels, log=None) -> na.TrainingResult:
        return na.train(
            net, x, is_cat, loss="cross_entropy", optimizer=OPTIMIZER, epochs=epochs, batch_size=BATCH, seed=arguments.seed,
            channels=channels, log=log,
        )  # fmt: skip

    def watched(log: na.Recording, **weather: float) -> Run:
        channels, started = Watched(seed=arguments.seed, **weather), time.perf_counter()
        result = learn(channels, log)
        return Run(
            result, na.open_log(log.path), np.array(channels.sent), time.perf_counter() - started
        )

    print("CATS IN A STORM\n")
    print(
        f"{len(train):,} pictures, averaged over squares of 7 x 7: {x.shape[1]} inputs. Small, for a storm"
    )
    print("multiplies the messages.")
    print(f"A society of {_common.size(net)}.\n")
    print("The storm: of the letters 30 % are lost, 10 % come twice, 10 % late, 5 %")
    print("garbled; each member dies in one step of twenty, and begins again from what it")
    print("had committed.\n")
    plain = learn("memory")
    calm = watched(na.Recording(arguments.out / "storm_calm.arrows", overwrite=True))
    storm = watched(recording, **WEATHER)

    report(calm, storm)
    print("\nFrames carry more than messages: towards an input, where there is nothing to")
    print("feel, an empty answer tells that the letter came.")
    print("\nThe parameters that were learnt, as digests (SHA-256):\n")
    for name, result in (
        ("plain channels", plain),
        ("calm weather", calm.result),
        ("storm", storm.result),
    ):
        print(f"  {name:15} {result.network.digest()[:48]}…")
    digests = {run.network.digest() for run in (plain, calm.result, storm.result)}
    messages = calm.log.messages(), storm.log.messages()
    print(f"\nThe same bits: {'yes' if len(digests) == 1 else 'NO'}.")
    print(
        f"The same message log, message by message: {'yes' if messages[0].equals(messages[1]) else 'NO'}."
    )
    right = (na.predict(storm.result.network, x_test)[:, 0] >= 0.5) == (is_cat_test[:, 0] == 1)
    print(f"Accuracy on {len(test)} pictures never seen: {right.mean():.3f}\n")
    print(f"neuro-actors log show {recording.path} --step {closer(storm)}")
    print(f"neuro-actors view {recording.path} --open")
    draw(net, calm, storm, arguments)


def report(calm: Run, storm: Run) -> None:
    print(f"  {'':32}{'calm':>12}{'storm':>12}")
    rows = [("messages that were to be told", calm.result.messages, storm.result.messages)]
    rows.append(("frames that were sent for that", len(calm.sent), len(storm.sent)))
    for what, name in (
        ("repeated", "said again"), ("asked", "questions for an answer"), ("lost", "lost"), ("doubled", "came twice"),
        ("late", "held back"), ("garbled", "garbled"), ("overflowed", "lost for want of room"), ("died", "deaths"),
    ):  # fmt: skip
        rows.append((f"{'  ' * (what != 'died')}{name}", calm.count(what), storm.count(what)))
    for name, before, after in rows:
        print(f"  {name:32}{before:12,}{after:12,}")
    for name, before, after in (
        ("virtual time", calm.sent[-1, 0], storm.sent[-1, 0]),
        ("time", calm.seconds, storm.seconds),
    ):
        print(f"  {name:32}{before:10.1f} s{after:10.1f} s")


def closer(run: Run) -> int:
    """The step whose letters are drawn one by one: of those in which somebody died, the one with the fewest frames."""
    frames = np.bincount(run.sent[:, 2].astype(int))
    deadly = {d.step for d in run.log.disturbances if d.what == "died"} or {1}
    return min(sorted(deadly), key=lambda step: frames[step])


def sender(d: FaultEvent, places: dict[str, int]) -> int:
    """Who sent what was disturbed; of a death, who died."""
    if d.what == "died":
        return places[d.source]
    back = (d.kind == "urgency") != d.question
    name = d.target if back else "environment" if d.kind == "target" else d.source
    return places[name]


def draw(net: na.Network, calm: Run, storm: Run, arguments: Namespace) -> None:
    plt = _common.pyplot()
    if plt is None:
        return
    members = Routes(net).members
    figure = plt.figure(figsize=(12, 9.5), layout="constrained")
    figure.suptitle(
        "Cats learnt in calm weather and in a storm: other traffic, the same bits", fontsize=14
    )
    places = [["calm step", "storm step"], ["calm", "storm"], ["loss", "loss"]]
    axes = figure.subplot_mosaic(places, height_ratios=[1.7, 1, 0.9])
    for name, run in (("calm", calm), ("storm", storm)):
        one_step(axes[f"{name} step"], run, closer(storm), members, name)
        traffic(axes[name], run, name)
    axes["loss"].set_title("the same losses, later: each step when it was done", fontsize=11)
    for name, run, colour, line in (("calm", calm, BLUE, "-"), ("storm", storm, RED, "--")):
        ends = [run.sent[run.sent[:, 2] == info.number, 0].max() for info in run.log.steps]
        axes["loss"].plot(
            ends, [step.loss for step in run.log], line, color=colour, marker=".", label=name
        )
    axes["loss"].set_xscale("log")
    axes["loss"].set_xlabel("virtual seconds")
    axes["loss"].set_ylabel("loss")
    axes["loss"].grid(alpha=0.3)
    axes["loss"].legend(frameon=False)
    _common.save(figure, arguments.out, "storm.png")


def one_step(axis, run: Run, step: int, members: tuple[str, ...], name: str) -> None:
    """Each frame of one step: when, and who sent it; the world at the top, then the inputs, the neurons, the loss."""
    places = {member: k for k, member in enumerate(members)}
    height = {member: 0 if member == "environment" else 1 + k for k, member in enumerate(members)}
    row = np.array([height[member] for member in members])
    sent = run.sent[run.sent[:, 2] == step]
    start = sent[:, 0].min()
    axis.plot(
        sent[:, 0] - start,
        row[sent[:, 1].astype(int)],
        "o",
        color=BLUE,
        ms=4,
        alpha=0.55,
        mew=0,
        label="sent",
    )
    befell = [d for d in run.log.disturbances if d.step == step and d.time >= start]
    for whats, mark, colour, size, label in (
        (("lost", "garbled", "overflowed"), "x", RED, 6, "lost or garbled"), (("died",), DEATH, "black", 9, "died"),
    ):  # fmt: skip
        here = [d for d in befell if d.what in whats]
        if here:
            times, rows = [d.time - start for d in here], [row[sender(d, places)] for d in here]
            axis.plot(times, rows, marker=mark, color=colour, ms=size, ls="", label=label)
    axis.set_yticks(row, members, fontsize=8)
    axis.invert_yaxis()
    axis.grid(alpha=0.25)
    axis.set_title(f"{name}: the letters of step {step}, by who sent them", fontsize=11)
    axis.set_xlabel("virtual seconds since the step began")
    axis.legend(loc="lower right", fontsize=8)


def traffic(axis, run: Run, name: str) -> None:
    """Frames a second over the whole run; of them again, and lost; deaths above."""
    end = float(run.sent[-1, 0])
    bins = np.linspace(0.0, end, 81)
    width = bins[1]
    again = [d.time for d in run.log.disturbances if d.what in ("repeated", "asked")]
    lost = [d.time for d in run.log.disturbances if d.what in ("lost", "garbled", "overflowed")]
    died = [d.time for d in run.log.disturbances if d.what == "died"]
    layers = [
        (run.sent[:, 0], BLUE, "sent for the first time"),
        (again, ORANGE, "sent again"),
        (lost, RED, "lost or garbled"),
    ]
    most = 0.0
    for times, colour, label in layers:
        heights = np.histogram(times, bins)[0] / width
        most = max(most, heights.max())
        if len(times):
            axis.bar(bins[:-1], heights, width, align="edge", color=colour, label=label)
    if died:
        axis.plot(
            died,
            np.full(len(died), 1.1 * most),
            marker=DEATH,
            color="black",
            ms=7,
            ls="",
            label="somebody died",
        )
    axis.set_ylim(0, 1.4 * most)
    axis.set_xlim(0, end)
    axis.set_title(
        f"{name}: {len(run.sent):,} frames in {end:,.0f} virtual seconds, {len(run.log)} steps",
        fontsize=11,
    )
    axis.set_xlabel("virtual seconds")
    axis.set_ylabel("frames a second")
    axis.legend(
        loc="upper center", ncols=4, fontsize=8, frameon=False, columnspacing=1.2, handletextpad=0.4
    )


if __name__ == "__main__":
    _common.run(story, __doc__, quick=True, out="the figure and logs go")
