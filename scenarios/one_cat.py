"""One cat, told message by message.

A society sees a picture of a cat and says "cat" with p = 0.6. It should have
said 1. What everybody then tells whom, and how each neuron finds out by itself
what to change: the example of the video that this package grew from.
"""

from __future__ import annotations

from argparse import Namespace

import _common
import trio

import neuro_actors as na
from neuro_actors.channels.memory import Memory
from neuro_actors.channels.routes import KINDS, Routes


class Overheard(Memory):
    """An engine that keeps every message, as (kind, sender, receiver): values."""

    def __init__(self, network: na.Network, recorder=None) -> None:
        self._lines, self._recorder, self.told = Routes(network), recorder, {}
        super().__init__(network, self)

    def message(self, step, line: int, values) -> None:
        lines = self._lines
        names = (lines.members[lines.sender[line]], lines.members[lines.receiver[line]])
        self.told[KINDS[lines.kind[line]], *names] = values
        if self._recorder is not None:
            self._recorder.message(step, line, values)


async def listen(
    network: na.Network,
    picture: list[float],
    log: na.Recording | None = None,
    optimizer: na.SGD | None = None,
):
    """Ask a society for one gradient, or let it learn once. Returns that, what was said, and the network afterwards."""
    engines: list[Overheard] = []

    def engine(net: na.Network, recorder) -> Overheard:
        engines.append(Overheard(net, recorder))
        return engines[0]

    async with na.open_simulation(network, channels=engine, log=log) as simulation:
        if optimizer is None:
            result = await simulation.gradient([picture], [[1.0]])
        else:
            result = await simulation.train_step([picture], [[1.0]], optimizer=optimizer)
        # Neurons speak when they are ready, in no fixed order: told here from the inputs on, and back.
        place = {name: k for k, name in enumerate((*network.ids, "loss"))}

        def order(key: tuple[str, str, str]) -> int:
            kind, sender, _ = key
            return place.get(sender, -1) if kind == "activation" else -place.get(sender, len(place))

        told = engines[0].told
        return (
            result,
            {key: told[key] for key in sorted(told, key=order)},
            await simulation.network(),
        )


def at_the_output(slope: float) -> None:
    """One neuron whose signal is 0.6 and whose activation function has that slope there."""
    na.add_activation(
        f"slope {slope:g}", lambda z: 0.6 + slope * (z - 0.6), lambda z, a: 0.0 * z + slope
    )
    cat = na.Neuron("cat", f"slope {slope:g}", bias=0.1)
    net = na.Network([na.Input("fur"), cat], [na.Synapse("fur", "cat", 0.5)], ["cat"])
    gradient, told, _ = trio.run(listen, net, [1.0])
    p, urgency = gradient.predictions[0, 0], told["urgency", "loss", "cat"][0]
    signal = -gradient.biases[1]  # the bias's urgency is the signal's
    at_p = f"p = {p:.2g}, penalty {gradient.loss:.2f}, urgency {urgency:.1f}"
    print(f"  slope {slope:3g}:  {at_p}  ->  signal's urgency {signal + 0.0:.1f}")


def family() -> na.Network:
    """fur is loud, tail nearly silent; `eyes` is heard by two neurons; one synapse inhibits."""
    neurons = [
        na.Input("fur"),
        na.Input("tail"),
        na.Neuron("eyes"),
        na.Neuron("face"),
        na.Neuron("body"),
        na.Neuron("cat"),
    ]
    synapses = [
        na.Synapse("fur", "eyes", 0.5),
        na.Synapse("tail", "eyes", 1.0),
        na.Synapse("eyes", "face", 1.5),
        na.Synapse("eyes", "body", -0.5),
        na.Synapse("face", "cat", 0.75),
        na.Synapse("body", "cat", 0.25),
    ]
    return na.Network(neurons, synapses, ["cat"])


def story(arguments: Namespace) -> None:
    print("ONE CAT\n")
    print("The society says 'cat' with p = 0.6. It is a cat: the target is 1.")
    print("The penalty is (1 - p)². The urgency of p is how much the penalty falls")
    print("per unit by which p rises: 2 (1 - p).\n")
    print("What this asks of the signal, before the activation function, depends on")
    print("the function's slope: a steep one passes more of it on, a flat one nothing.\n")
    for slope in (1.0, 2.5, 0.0):
        at_the_output(slope)

    net, picture = family(), [1.0, 0.1]
    bias = 0.6 - na.predict(net, [picture])[0, 0]
    net = net.with_parameters(net.weights, [0, 0, 0, 0, 0, bias])  # so that it, too, says 0.6
    gradient, told, _ = trio.run(listen, net, picture, arguments.log)

    print("\nA SMALL FAMILY\n")
    print("  fur  --+0.5--> eyes --+1.5--> face --+0.75--> cat")
    print("  tail --+1.0--> eyes --(-0.5)-> body --+0.25--> cat\n")
    print("Activations go forward. Each neuron hears its sources and tells its followers:\n")
    for (kind, sender, receiver), values in told.items():
        if kind == "activation" and sender != "environment":
            print(f"  {sender:5} told {receiver:12} activation {values[0]:+.3f}")
    print("\nfur is loud (1.0), tail nearly silent (0.1).\n")
    print("Urgencies come back. Each neuron adds up those that reach it, and sends")
    print("each source its own, times the weight of the synapse between them:\n")
    for (kind, sender, receiver), values in told.items():
        if kind == "urgency":
            print(f"  {sender:5} told {receiver:5} urgency {values[0]:+.3f}")
    face, body = (told["urgency", name, "eyes"][0] for name in ("face", "body"))
    total = -gradient.biases[2]
    print("\nface -> cat is excitatory (+0.75): face is urged upwards, like cat itself.")
    print("eyes -> body is inhibitory (-0.5): through it, eyes is urged downwards.")
    print(
        f"eyes has two followers and sums what they say: {face:+.3f} {body:+.3f} = {total:+.3f}\n"
    )
    print("What eyes makes of that, for what is its own:\n")
    wants = dict(zip(("fur", "tail"), -gradient.weights[:2], strict=True))
    print(f"  its bias                  {total:+.3f}        (the urgency itself)")
    print(
        f"  weight of fur -> eyes     {total:+.3f} x 1.0 = {wants['fur']:+.3f}   the loud one matters"
    )
    print(
        f"  weight of tail -> eyes    {total:+.3f} x 0.1 = {wants['tail']:+.3f}   the silent one hardly"
    )

    _, _, wiser = trio.run(listen, net, picture, None, na.SGD(0.05))
    before, after = gradient.predictions[0, 0], na.predict(wiser, [picture])[0, 0]
    print("\nONE STEP OF LEARNING\n")
    print("Each neuron adds a twentieth of its urgencies to its weights and its bias:\n")
    for old, new in zip(net.synapses, wiser.synapses, strict=True):
        print(f"  {old.source:4} -> {old.target:4}  {old.weight:+.3f} becomes {new.weight:+.3f}")
    print(f"\np was {before:.3f}, now it is {after:.3f}: closer to 1. Nobody oversaw it.")
    if arguments.log:
        print(
            f"\nEvery message of the family's first look: neuro-actors log show {arguments.log.path}"
        )


if __name__ == "__main__":
    _common.run(story, __doc__)
