"""A society learns cats in a storm, and learns the same bits as without it.

In the storm three messages in ten are lost, others arrive twice, late or
garbled, and neurons crash. A neuron that crashes restarts from what it has
committed. A message without an answer is sent again, with the same content.
The figure shows both runs: what was sent when, what was lost, what crashed.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import _common
import numpy as np

import neuro_actors as na
from neuro_actors.channels.routes import Routes
from neuro_actors.channels.unreliable.faults import FaultEvent
from neuro_actors.channels.unreliable.transport import Transport
from neuro_actors.support.palette import INK, KINDS

BATCH = 64
TRAINING = _common.Training(epochs=4, rate=0.1, hidden=(4,), quick=1)
STORM = {"drop": 0.3, "duplicate": 0.1, "reorder": 0.1, "corrupt": 0.05, "crash": 0.05}
GREEN, PURPLE, WINE, GOLD = KINDS[:4]
CRASH = "$\\dagger$"


@contextmanager
def collect_frames(network: na.Network) -> Iterator[list[tuple[float, int, int]]]:
    """Collect every frame that is sent meanwhile, as (time, member that sends it, step)."""
    sent, routes, send = [], Routes(network), Transport.send

    def note_and_send(transport: Transport, frame) -> None:
        sender = (routes.receiver if frame.asks else routes.sender)[frame.route]
        sent.append((transport.now(), int(sender), frame.number))
        send(transport, frame)

    Transport.send = note_and_send
    try:
        yield sent
    finally:
        Transport.send = send


class Run(NamedTuple):
    """One run.

    Attributes:
        result: What was learnt.
        log: The message log.
        sent: For each frame: time, member, step. Shape (n_frames, 3).
        seconds: How long the run took.
    """

    result: na.TrainingResult
    log: object
    sent: np.ndarray
    seconds: float

    def count(self, what: str) -> int:
        return sum(d.what == what for d in self.log.disturbances)


def main(arguments: Namespace) -> None:
    epochs, rate, hidden, _ = arguments.training
    recording = _common.full_recording(arguments, "storm.arrows")
    x, is_cat, x_test, is_cat_test = _common.load_cats(4, arguments.seed)
    net = na.Network.layered(
        [x.shape[1], *hidden, 1], output_activation="sigmoid", seed=arguments.seed
    )

    def learn(channels, log=None) -> na.TrainingResult:
        return na.train(
            net,
            x,
            is_cat,
            loss="cross_entropy",
            optimizer=na.SGD(rate, momentum=0.9),
            epochs=epochs,
            batch_size=BATCH,
            seed=arguments.seed,
            channels=channels,
            log=log,
        )

    def watch(log: na.Recording, **faults: float) -> Run:
        channels, started = na.Unreliable(seed=arguments.seed, **faults), time.perf_counter()
        with collect_frames(net) as sent:
            result = learn(channels, log)
        seconds = time.perf_counter() - started
        return Run(result, na.open_log(log.path), np.array(sent), seconds)

    print("CATS IN A STORM\n")
    print(f"{len(x):,} pictures, averaged over squares of 7 x 7 pixels: {x.shape[1]} inputs. The")
    print("pictures are small because a storm multiplies the messages.")
    print(f"A society of {_common.describe_size(net)}.\n")
    print("The storm: 30 % of the messages are lost, 10 % arrive twice, 10 % late, and 5 %")
    print("garbled. Each member crashes in one step of twenty, and restarts from what it")
    print("has committed.\n")
    plain = learn("memory")
    calm = watch(na.Recording(arguments.out / "storm_calm.arrows", overwrite=True))
    storm = watch(recording, **STORM)

    print_counts(calm, storm)
    print("\nThere are more frames than messages: an input receives no urgencies, so its")
    print("followers answer each of its activations with an empty frame.")
    print("\nDigests (SHA-256) of all parameters after learning:\n")
    for name, result in (
        ("plain channels", plain),
        ("calm", calm.result),
        ("storm", storm.result),
    ):
        print(f"  {name:15} {result.network.digest()[:48]}…")
    digests = {run.network.digest() for run in (plain, calm.result, storm.result)}
    messages = calm.log.messages(), storm.log.messages()
    print(f"\nThe same bits: {'yes' if len(digests) == 1 else 'NO'}.")
    same = "yes" if messages[0].equals(messages[1]) else "NO"
    print(f"The same message log, message by message: {same}.")
    right = (na.predict(storm.result.network, x_test)[:, 0] >= 0.5) == (is_cat_test[:, 0] == 1)
    print(f"Accuracy on {len(x_test)} new pictures: {right.mean():.3f}\n")
    print(f"neuro-actors log show {recording.path} --step {choose_step(storm)}")
    print(f"neuro-actors view {recording.path} --open")
    draw(net, calm, storm, arguments)


def print_counts(calm: Run, storm: Run) -> None:
    """Print what happened in both runs, side by side."""
    print(f"  {'':32}{'calm':>12}{'storm':>12}")
    rows = [("messages of the society", calm.result.messages, storm.result.messages)]
    rows.append(("frames sent for them", len(calm.sent), len(storm.sent)))
    for what, name in (
        ("repeated", "sent again"),
        ("asked", "questions for an answer"),
        ("lost", "lost"),
        ("doubled", "arrived twice"),
        ("late", "held back"),
        ("garbled", "garbled"),
        ("overflowed", "lost at a full mailbox"),
        ("died", "crashes"),
    ):
        rows.append((f"{'  ' * (what != 'died')}{name}", calm.count(what), storm.count(what)))
    for name, before, after in rows:
        print(f"  {name:32}{before:12,}{after:12,}")
    for name, before, after in (
        ("virtual time", calm.sent[-1, 0], storm.sent[-1, 0]),
        ("time", calm.seconds, storm.seconds),
    ):
        print(f"  {name:32}{before:10.1f} s{after:10.1f} s")


def choose_step(run: Run) -> int:
    """Return the step to draw: of all steps with a crash, the one with the fewest frames."""
    frames = np.bincount(run.sent[:, 2].astype(int))
    with_crash = {event.step for event in run.log.disturbances if event.what == "died"} or {1}
    return min(sorted(with_crash), key=lambda step: frames[step])


def member_of(event: FaultEvent, positions: dict[str, int]) -> int:
    """Return the member whose frame a fault hit, or which crashed."""
    if event.what == "died":
        return positions[event.source]
    back = (event.kind == "urgency") != event.question
    name = event.target if back else "environment" if event.kind == "target" else event.source
    return positions[name]


def draw(net: na.Network, calm: Run, storm: Run, arguments: Namespace) -> None:
    plt = _common.import_pyplot()
    if plt is None:
        return
    members = Routes(net).members
    figure = plt.figure(figsize=(12, 9.5), layout="constrained")
    figure.suptitle(
        "Cats learnt without faults and in a storm: other traffic, the same bits", fontsize=14
    )
    panels = [["calm step", "storm step"], ["calm", "storm"], ["loss", "loss"]]
    axes = figure.subplot_mosaic(panels, height_ratios=[1.7, 1, 0.9])
    for name, run in (("calm", calm), ("storm", storm)):
        draw_step(axes[f"{name} step"], run, choose_step(storm), members, name)
        draw_traffic(axes[name], run, name)
    axes["loss"].set_title("the same losses, but later", fontsize=11)
    for name, run, colour, line in (("calm", calm, GREEN, "-"), ("storm", storm, PURPLE, "--")):
        ends = [run.sent[run.sent[:, 2] == info.number, 0].max() for info in run.log.steps]
        axes["loss"].plot(
            ends, [step.loss for step in run.log], line, color=colour, marker=".", label=name
        )
    axes["loss"].set_xscale("log")
    axes["loss"].set_xlabel("virtual seconds")
    axes["loss"].set_ylabel("loss")
    axes["loss"].grid(alpha=0.3)
    axes["loss"].legend(frameon=False)
    _common.save_figure(figure, arguments.out, "storm.png")


def draw_step(axis, run: Run, step: int, members: tuple[str, ...], name: str) -> None:
    """Draw each frame of one step, by time and by the member that sent it.

    The environment is at the top; the inputs, the neurons and the loss node follow.
    """
    positions = {member: k for k, member in enumerate(members)}
    height = {member: 0 if member == "environment" else 1 + k for k, member in enumerate(members)}
    row = np.array([height[member] for member in members])
    sent = run.sent[run.sent[:, 2] == step]
    start = sent[:, 0].min()
    axis.plot(
        sent[:, 0] - start,
        row[sent[:, 1].astype(int)],
        "o",
        color=GREEN,
        ms=4,
        alpha=0.55,
        mew=0,
        label="sent",
    )
    faults = [event for event in run.log.disturbances if event.step == step and event.time >= start]
    for whats, mark, colour, size, label in (
        (("lost", "garbled", "overflowed"), "x", WINE, 6, "lost or garbled"),
        (("died",), CRASH, INK, 9, "crashed"),
    ):
        here = [event for event in faults if event.what in whats]
        if here:
            times = [event.time - start for event in here]
            rows = [row[member_of(event, positions)] for event in here]
            axis.plot(times, rows, marker=mark, color=colour, ms=size, ls="", label=label)
    axis.set_yticks(row, members, fontsize=8)
    axis.invert_yaxis()
    axis.grid(alpha=0.25)
    axis.set_title(f"{name}: the frames of step {step}, by sender", fontsize=11)
    axis.set_xlabel("virtual seconds since the step began")
    axis.legend(loc="lower right", fontsize=8)


def draw_traffic(axis, run: Run, name: str) -> None:
    """Draw frames per second over the whole run, those sent again or lost, and the crashes."""
    end = float(run.sent[-1, 0])
    bins = np.linspace(0.0, end, 81)
    width = bins[1]
    times_of = {event.what: [] for event in run.log.disturbances}
    for event in run.log.disturbances:
        times_of[event.what].append(event.time)
    again, lost, crashed = (
        [time for what in whats for time in times_of.get(what, [])]
        for whats in (("repeated", "asked"), ("lost", "garbled", "overflowed"), ("died",))
    )
    layers = [
        (run.sent[:, 0], GREEN, "sent for the first time"),
        (again, GOLD, "sent again"),
        (lost, WINE, "lost or garbled"),
    ]
    most = 0.0
    for times, colour, label in layers:
        heights = np.histogram(times, bins)[0] / width
        most = max(most, heights.max())
        if len(times):
            axis.bar(bins[:-1], heights, width, align="edge", color=colour, label=label)
    if crashed:
        axis.plot(
            crashed,
            np.full(len(crashed), 1.1 * most),
            marker=CRASH,
            color=INK,
            ms=7,
            ls="",
            label="a member crashed",
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
        loc="upper center",
        ncols=4,
        fontsize=8,
        frameon=False,
        columnspacing=1.0,
        handletextpad=0.4,
        handlelength=1.0,
    )


if __name__ == "__main__":
    _common.run(
        main, __doc__, quick=True, out="the figure and logs go", training=lambda _: TRAINING
    )
