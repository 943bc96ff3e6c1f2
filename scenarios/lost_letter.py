"""A message is lost on purpose, and the society stops.

The scenario shows the error, which says which neuron waits for which, and how
to read it. Then it shows the remedy: a new society starts from the last
committed network, repeats the step, and ends with the same bits as without the
loss.
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
    """An engine that loses one message: the activation of h1.1 in step 3."""

    def port(self, k: int):
        port = super().port(k)
        return Forgetful(port) if port.node == "h1.1" else port


class Forgetful:
    """A port like another one, except that it does not send the activation of one step."""

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
    """Learn for some steps; return the last committed network, and the number of steps done."""
    done = 0
    async with na.open_simulation(network, channels, log=log, patience=1.0) as simulation:
        try:
            for step in steps:
                await simulation.train_step(x[step], targets[step], optimizer=na.SGD(0.1))
                done += 1
        except na.SimulationError as error:
            print(f"neuro_actors.SimulationError: {error}\n")
        return await simulation.network(), done


def main(arguments: Namespace) -> None:
    rng = np.random.default_rng(arguments.seed)
    net = na.Network.layered([2, 3, 1], seed=arguments.seed)
    x, targets = rng.standard_normal((STEPS, 8, 2)), rng.standard_normal((STEPS, 8, 1))

    print("A LOST MESSAGE\n")
    print("A network with two inputs, three hidden neurons and an output learns for 5")
    print("steps. In step 3 the message with the activation of h1.1 to y0 is lost. With")
    print("patience=1.0 the simulation waits for one second, and then raises an error:\n")
    committed, done = trio.run(learn, net, range(STEPS), x, targets, Careless, arguments.log)

    print("How to read it: most members wait only because another one waits. Look for two")
    print("that wait for each other. y0 waits for the activation of h1.1. h1.1 has sent")
    print("it, and waits for the urgency of y0. So the message between these two is lost.")
    print()

    print("THE REMEDY\n")
    print(f"No step is half done: every neuron has its parameters of step {done}, and")
    print("`await simulation.network()` returns that network. A new society starts from it")
    print(f"and repeats step {done + 1}:\n")
    again, _ = trio.run(learn, committed, range(done, STEPS), x, targets)
    undisturbed, _ = trio.run(learn, net, range(STEPS), x, targets)
    print(f"  parameters after the loss      {again.digest()[:32]}…")
    print(f"  of a society without a loss    {undisturbed.digest()[:32]}…")
    print(f"\nThe same bits: {'yes' if again.digest() == undisturbed.digest() else 'NO'}.")
    print("(This is plain SGD, which has no state between steps. A momentum would start")
    print("again from zero in the new society.)")


if __name__ == "__main__":
    _common.run(main, __doc__)
