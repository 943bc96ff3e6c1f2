"""One that goes wrong on purpose: a letter is lost, and a neuron never answers.

What you see when that happens (who waits for whom), how to read it, and the
remedy: a society opened anew from what its neurons had committed does the step
again, and ends with the same bits as if nothing had happened.
"""

from __future__ import annotations

from argparse import Namespace

import _common
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.channels.memory import Memory

STEPS, LOST = 5, 3


class Careless(Memory):
    """An engine that loses one letter: what h1.1 says in step 3."""

    def port(self, k: int):
        port = super().port(k)
        return Forgetful(port) if port.node == "h1.1" else port


class Forgetful:
    """A port that is like another one, but forgets to send the activation of one step."""

    def __init__(self, port) -> None:
        self._port = port

    def __getattr__(self, name: str):
        return getattr(self._port, name)

    def send(self, kind, step) -> None:
        if not (kind == "activation" and step.number == LOST):
            self._port.send(kind, step)


async def learn(
    network: na.Network, steps: range, x, targets, channels="memory", log=None
) -> tuple[na.Network, int]:
    """Learn for some steps. Returns the network that was committed last, and how many steps that were."""
    done = 0
    async with na.open_simulation(network, channels, log=log, patience=1.0) as simulation:
        try:
            for step in steps:
                await simulation.train_step(x[step], targets[step], optimizer=na.SGD(0.1))
                done += 1
        except na.SimulationError as error:
            print(f"neuro_actors.SimulationError: {error}\n")
        return await simulation.network(), done


def story(arguments: Namespace) -> None:
    rng = np.random.default_rng(arguments.seed)
    net = na.Network.layered([2, 3, 1], seed=arguments.seed)
    x, targets = rng.standard_normal((STEPS, 8, 2)), rng.standard_normal((STEPS, 8, 1))

    print("A LOST LETTER\n")
    print("Three hidden neurons between two inputs and an output learn for 5 steps.")
    print("In step 3 the letter in which h1.1 tells y0 its activation is lost. With")
    print("patience=1.0 the simulation does not wait for ever; after a second it says:\n")
    committed, done = trio.run(learn, net, range(STEPS), x, targets, Careless, arguments.log)

    print("How to read it. Most wait only because somebody else does. Look for the two")
    print("who wait for each other, in opposite directions: y0 waits for the activation")
    print("of h1.1, and h1.1, which believes it has sent it, for the urgency of y0. The")
    print("letter between these two is lost.\n")

    print("THE REMEDY\n")
    print(f"Nothing is half done: every neuron is as it was after step {done}, and")
    print("`await simulation.network()` is that network. A new society, opened from it,")
    print(f"does step {done + 1} again and goes on:\n")
    again, _ = trio.run(learn, committed, range(done, STEPS), x, targets)
    undisturbed, _ = trio.run(learn, net, range(STEPS), x, targets)
    print(f"  parameters after the accident  {again.digest()[:32]}…")
    print(f"  of an undisturbed society      {undisturbed.digest()[:32]}…")
    print(f"\nThe same bits: {'yes' if again.digest() == undisturbed.digest() else 'NO'}.")
    print("(With plain SGD, which keeps no state between steps; a momentum would start")
    print("afresh.)")


if __name__ == "__main__":
    _common.run(story, __doc__)
