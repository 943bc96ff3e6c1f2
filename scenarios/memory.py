"""Societies that must remember: a sign, then noise, then a question.

In the first tick they receive a sign, + or -. Then there is noise. In the last
tick they receive a question: which sign was it? To learn that, the urgency of
the answer has to go back through all ticks, to the neurons that saw the sign.

Three societies try it, in the same number of steps: a plain recurrent one; one
of gated units (GRU); and the same one, whose gates are open at first, so that
it keeps what it has. The scenario prints how large the urgency is that arrives
at each tick.

With the seeds 0 to 3 the open one learns it each time, the plain one once, the
one whose gates are half open never.
"""

from __future__ import annotations

from argparse import Namespace
from typing import NamedTuple

import _common
import _french
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.support.palette import MUTED, NEGATIVE, POSITIVE, SERIES

L = na.layers
TICKS, SEQUENCES, TESTS, BATCH = 20, 1280, 500, 64
TRAINING = _common.Training(epochs=8, rate=0.02, hidden=(4,), quick=1)
OPEN = 3.0  # the bias of a gate that lets 95 % of what there was pass: 1 / (1 + e^-3)
LEAST = 1e-6  # what is below it has no bar
NAMES = ("plain", "gated", "gated, open")


class Sequences(NamedTuple):
    """Sequences and what is to be said.

    Attributes:
        x: The sign in the first tick, noise behind it, the question. Shape (n, TICKS, 3).
        targets: The sign in the last tick, 0 before. Shape (n, TICKS, 1).
        signs: 1 or -1. Shape (n,).
    """

    x: np.ndarray
    targets: np.ndarray
    signs: np.ndarray

    @classmethod
    def draw(cls, n: int, rng: np.random.Generator) -> Sequences:
        """Draw n of them."""
        x, targets = np.zeros((n, TICKS, 3)), np.zeros((n, TICKS, 1))
        signs = rng.choice([-1.0, 1.0], n)
        x[:, 0, 0] = targets[:, -1, 0] = signs
        x[:, 1:-1, 1] = rng.choice([-1.0, 1.0], (n, TICKS - 2))
        x[:, -1, 2] = 1.0
        return cls(x, targets, signs)


def make_network(name: str, hidden: tuple[int, ...], seed: int) -> na.Network:
    """Return one of the three societies, with a recurrent layer for each number."""
    h = L.inputs(3)
    for k, n in enumerate(hidden, 1):
        h = (L.rnn if name == "plain" else L.gru)(h, n, name=f"h{k}")
    net = L.network(L.dense(h, 1, name="answer"), seed=seed)
    if name != "gated, open":
        return net
    is_gate = np.array([".update" in id for id in net.ids])
    return net.with_parameters(net.weights, np.where(is_gate, OPEN, net.biases))


def is_right(network: na.Network, test: Sequences) -> float:
    """Return how many of the answers have the right sign."""
    said = na.predict(network, test.x)[:, -1, 0]
    return float(np.mean(said * test.signs > 0))


class Recorded(NamedTuple):
    """What a log of one gradient says, tick by tick.

    Attributes:
        urgencies: How large the urgency is that comes back to what recurrent neurons said at each
            tick, from all later ones: the root of its mean square, as a share of that at the last
            but one. Shape (TICKS - 1,).
        activations: What each neuron said. Shape (TICKS, n_neurons, n).
        ids: The ids of the neurons.
    """

    urgencies: np.ndarray
    activations: np.ndarray
    ids: tuple[str, ...]


def record_gradient(network: na.Network, test: Sequences, recording: na.Recording) -> Recorded:
    """Ask a society for the gradient of its answer to the question alone, and read the messages."""
    # an answer that is right has no urgency: so targets are what it says, but for the last one
    targets = na.predict(network, test.x).copy()
    targets[:, -1] = test.targets[:, -1]

    async def ask() -> None:
        rule = na.rules.ThroughTime(TICKS)
        async with na.open_simulation(network, rule=rule, log=recording) as simulation:
            await simulation.gradient(test.x, targets)

    trio.run(ask)
    log = na.open_log(recording.path)
    inputs = np.array(log.network.inputs)
    is_delay = np.array([id.endswith(" before") for id in inputs])
    forward = [step for step in log if step.info.mode == "predict"]
    back = [step for step in log if step.info.mode == "gradient"][::-1]  # from the first tick on
    sizes = np.array([np.sqrt(np.mean(step.felt[is_delay] ** 2)) for step in back[1:]])
    said = np.stack([step.activations for step in forward])
    return Recorded(sizes / sizes[-1], said, log.network.ids)


def main(arguments: Namespace) -> None:
    say = _french.language_of(arguments)
    epochs, rate, hidden, _ = arguments.training
    rng = np.random.default_rng(arguments.seed)
    examples, test = Sequences.draw(SEQUENCES, rng), Sequences.draw(TESTS, rng)
    print(
        say(
            """REMEMBER

A sign, {noise} ticks of noise, a question. {steps} steps with {batch} sequences each.
A guess is right in 0.5 of all cases. On {tests} new sequences:

  society        actors   parameters   right before   right after    messages""",
            noise=TICKS - 2,
            steps=epochs * SEQUENCES // BATCH,
            batch=BATCH,
            tests=TESTS,
        )
    )
    before, after = {}, {}
    asked = Sequences(*(part[:64] for part in test))
    recording = _common.full_recording(arguments, "memory.arrows")
    other = na.Recording(arguments.out / "memory_other.arrows", overwrite=True)
    for name in NAMES:
        net = make_network(name, hidden, arguments.seed)
        result = na.train(
            net,
            examples.x,
            examples.targets,
            optimizer=na.Adam(rate),
            epochs=epochs,
            batch_size=BATCH,
            seed=arguments.seed,
        )
        before[name] = record_gradient(net, asked, other)
        last = recording if name == NAMES[-1] else other
        after[name] = record_gradient(result.network, asked, last)
        print(
            say(
                "  {name:13} {actors:7} {parameters:12} {first:14.3f} {last:13.3f} {messages:11,}",
                name=say(name),
                actors=len(net.ids),
                parameters=_common.count_parameters(net),
                first=is_right(net, test),
                last=is_right(result.network, test),
                messages=result.messages,
            )
        )
    show_urgencies(before, after, say)
    unit = show_unit(after[NAMES[-1]], asked.signs, say)
    draw(before, after, unit, arguments)
    print(say("\nAll messages of that society, tick by tick, in one gradient:"))
    print(f"neuro-actors log show {recording.path}")


def show_urgencies(before: dict, after: dict, say: _french.Say) -> None:
    """Print how large the urgency is that comes back to each tick."""
    print(
        say(
            """
URGENCIES GO BACK IN TIME

The urgency of the answer, as it arrives at what the society remembered at each
tick, after learning. 1: at the tick before the question. Five # fewer: about a
hundredth.
"""
        )
    )
    print(say("  tick") + " " + "".join(f"  {say(name):22}" for name in NAMES).rstrip())
    for t in range(TICKS - 2, -1, -1):
        cells = ""
        for name in NAMES:
            size = after[name].urgencies[t]
            share = 1 - np.log10(size) / np.log10(LEAST)  # of a full bar
            bar = "#" * round(16 * min(max(share, 0), 1))
            cells += f"  {show_size(size, say)} {bar:16}"
        print(f"  {t + 1:4} {cells}".rstrip())
    print(say("\nWhat arrives at tick 1, where the sign was:\n"))
    print(say("  society          before learning   after learning"))
    for name in NAMES:
        first, last = (show_size(one[name].urgencies[0], say) for one in (before, after))
        print(f"  {say(name):13} {first:>18} {last:>16}")


def show_size(size: float, say: _french.Say) -> str:
    """Return a size in five characters, such as 3e-05."""
    return f"{size:5.0e}" if size < 0.01 else say.format_field(size, "5.2f")


def show_unit(found: Recorded, signs: np.ndarray, say: _french.Say) -> np.ndarray:
    """Print what the unit that keeps the sign says from tick to tick; return that.

    Returns:
        The mean of its gate, and of what it says after + and after -. Shape (3, TICKS).
    """
    index = {id: k for k, id in enumerate(found.ids)}
    units = [id for id in found.ids if f"to {id} before" in index and ".update" not in id]
    said = np.stack([found.activations[:, index[id]] for id in units])
    plus, minus = (said[:, :, signs == sign].mean(axis=2) for sign in (1, -1))
    k = np.abs(plus - minus)[:, :-1].min(axis=1).argmax()  # it never forgets
    gate = found.activations[:, index[units[k].replace(".", ".update")]].mean(axis=1)
    print(
        say(
            """
A GATE THAT KEEPS

{unit} is a unit of the last society. Its gate says how much stays of what the
unit said a tick before; the rest is new. After learning, on average:

  tick     gate   after +   after -""",
            unit=units[k],
        )
    )
    for t in range(TICKS):
        print(
            say(
                "  {tick:4} {gate:8.2f} {plus:+9.2f} {minus:+9.2f}",
                tick=t + 1,
                gate=gate[t],
                plus=plus[k, t],
                minus=minus[k, t],
            )
        )
    print(
        say(
            """
An urgency that goes back through the unit is multiplied by its gate, once for
each tick. By the gates of ticks 2 to {last} alone: {product:.2f} of it arrives.""",
            last=TICKS - 1,
            product=np.prod(gate[1:-1]),
        )
    )
    return np.stack([gate, plus[k], minus[k]])


def draw(before: dict, after: dict, unit: np.ndarray, arguments: Namespace) -> None:
    """Draw the urgencies, and the unit that keeps the sign."""
    say = _french.language_of(arguments)
    plt = _common.import_pyplot(say)
    if plt is None:
        return
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    ticks = np.arange(1, TICKS + 1)
    for name, colour, mark in zip(NAMES, SERIES, "osD", strict=False):
        left.semilogy(ticks[:-1], before[name].urgencies, f"{mark}-", color=colour, label=say(name))
        left.semilogy(ticks[:-1], after[name].urgencies, f"{mark}:", color=colour, alpha=0.6)
    left.set(xlabel=say("tick"), title=say("the urgency of the answer; dotted: after learning"))
    left.legend(frameon=False)
    gate, plus, minus = unit
    right.plot(ticks, gate, "--", color=MUTED, label=say("its gate"))
    right.plot(ticks, plus, "o-", color=POSITIVE, label=say("it says, after +"))
    right.plot(ticks, minus, "s-", color=NEGATIVE, label=say("it says, after -"))
    right.set(xlabel=say("tick"), title=say("a unit that keeps the sign"))
    right.legend(frameon=False)
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.xaxis.get_major_locator().set_params(integer=True)
    _common.save_figure(figure, arguments.out, "memory.png", say)


if __name__ == "__main__":
    _common.run(
        main,
        __doc__,
        quick=True,
        out="the figure and the log of one gradient go",
        training=lambda _: TRAINING,
        french=True,
    )
