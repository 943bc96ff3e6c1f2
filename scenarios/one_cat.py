"""One cat, message by message.

A small society sees a picture of a cat and says "cat" with p = 0.6. The right
answer is 1. The scenario prints every message that follows, and shows how each
neuron finds out by itself what to change.
"""

from __future__ import annotations

from argparse import Namespace

import _common
import trio

import neuro_actors as na
from neuro_actors.channels.memory import Memory
from neuro_actors.channels.routes import read_messages


class Overheard(Memory):
    """An engine that collects every message, as (kind, sender, receiver): values."""

    def __init__(self, network: na.Network, recorder=None) -> None:
        self._network, self._recorder, self.messages = network, recorder, {}
        super().__init__(network, self)

    def record(self, step, record) -> None:
        for message in read_messages(self._network, step, record):
            self.messages[message.kind, message.sender, message.receiver] = message.values
        if self._recorder is not None:
            self._recorder.record(step, record)


async def ask_or_teach(
    network: na.Network,
    picture: list[float],
    log: na.Recording | None = None,
    optimizer: na.SGD | None = None,
):
    """Ask a society for one gradient, or with an optimizer let it learn for one step.

    Returns what it answered, its messages, and the network afterwards.
    """
    engines: list[Overheard] = []

    def engine(net: na.Network, recorder) -> Overheard:
        engines.append(Overheard(net, recorder))
        return engines[0]

    async with na.open_simulation(network, channels=engine, log=log) as simulation:
        if optimizer is None:
            result = await simulation.gradient([picture], [[1.0]])
        else:
            result = await simulation.train_step([picture], [[1.0]], optimizer=optimizer)
        # Neurons send when they are ready, in no fixed order. Here: from the inputs on, and back.
        position = {name: k for k, name in enumerate((*network.ids, "loss"))}

        def order(key: tuple[str, str, str]) -> int:
            kind, sender, _ = key
            if kind == "activation":
                return position.get(sender, -1)
            return -position.get(sender, len(position))

        found = engines[0].messages
        messages = {key: found[key] for key in sorted(found, key=order)}
        return result, messages, await simulation.network()


def show_slope(slope: float) -> None:
    """Print the urgencies of a neuron whose signal is 0.6, for one slope of its function there."""
    na.add_activation(
        f"slope {slope:g}", lambda z: 0.6 + slope * (z - 0.6), lambda z, a: 0.0 * z + slope
    )
    cat = na.Neuron("cat", f"slope {slope:g}", bias=0.1)
    net = na.Network([na.Input("fur"), cat], [na.Synapse("fur", "cat", 0.5)], ["cat"])
    gradient, messages, _ = trio.run(ask_or_teach, net, [1.0])
    p, urgency = gradient.predictions[0, 0], messages["urgency", "loss", "cat"][0]
    signal = -gradient.biases[1]  # the bias's urgency is the signal's
    at_p = f"p = {p:.2g}, penalty {gradient.loss:.2f}, urgency {urgency:.1f}"
    print(f"  slope {slope:3g}:  {at_p}  ->  signal's urgency {signal + 0.0:.1f}")


def make_family() -> na.Network:
    """Return a small network: `eyes` has two followers, and one synapse is inhibitory."""
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


def main(arguments: Namespace) -> None:
    print("ONE CAT\n")
    print("The society says 'cat' with p = 0.6. It is a cat: the target is 1.")
    print("The penalty is (1 - p)². The urgency of p says how much the penalty falls")
    print("for each unit by which p rises: 2 (1 - p).\n")
    print("p comes from the signal, through the activation function. The urgency of the")
    print("signal is the urgency of p times the slope of that function. So a steep")
    print("function gives a larger urgency, and a flat one gives none.\n")
    for slope in (1.0, 2.5, 0.0):
        show_slope(slope)

    net, picture = make_family(), [1.0, 0.1]
    bias = 0.6 - na.predict(net, [picture])[0, 0]
    net = net.with_parameters(net.weights, [0, 0, 0, 0, 0, bias])  # so that it says 0.6 too
    gradient, messages, _ = trio.run(ask_or_teach, net, picture, arguments.log)

    print("\nA SMALL FAMILY\n")
    print("  fur  --+0.5--> eyes --+1.5--> face --+0.75--> cat")
    print("  tail --+1.0--> eyes --(-0.5)-> body --+0.25--> cat\n")
    print("Activations go forward. Each neuron receives those of its sources, and sends its")
    print("own to its followers:\n")
    for (kind, sender, receiver), values in messages.items():
        if kind == "activation" and sender != "environment":
            print(f"  {sender:5} told {receiver:12} activation {values[0]:+.3f}")
    print("\nfur is large (1.0), tail is small (0.1).\n")
    print("Urgencies go back. Each neuron adds up those that it receives. All slopes are 1")
    print("here, so it sends each source the sum times the weight of their synapse:\n")
    for (kind, sender, receiver), values in messages.items():
        if kind == "urgency":
            print(f"  {sender:5} told {receiver:5} urgency {values[0]:+.3f}")
    face, body = (messages["urgency", name, "eyes"][0] for name in ("face", "body"))
    total = -gradient.biases[2]
    print("\nface -> cat is excitatory (+0.75): face should rise, as cat should.")
    print("eyes -> body is inhibitory (-0.5): because of body, eyes should fall.")
    print(f"eyes has two followers and adds up: {face:+.3f} {body:+.3f} = {total:+.3f}\n")
    print("From this sum, eyes computes the urgencies of its own bias and weights:\n")
    fur, tail = -gradient.weights[:2]
    print(f"  its bias                  {total:+.3f}        (the sum itself)")
    print(f"  weight of fur -> eyes     {total:+.3f} x 1.0 = {fur:+.3f}   a large activation")
    print(f"  weight of tail -> eyes    {total:+.3f} x 0.1 = {tail:+.3f}   a small one")

    _, _, wiser = trio.run(ask_or_teach, net, picture, None, na.SGD(0.05))
    before, after = gradient.predictions[0, 0], na.predict(wiser, [picture])[0, 0]
    print("\nONE STEP OF LEARNING\n")
    print("Each neuron adds a twentieth of its urgencies to its weights and its bias:\n")
    for old, new in zip(net.synapses, wiser.synapses, strict=True):
        print(f"  {old.source:4} -> {old.target:4}  {old.weight:+.3f} becomes {new.weight:+.3f}")
    print(f"\np was {before:.3f}, now it is {after:.3f}: closer to 1.")
    print("No neuron has seen more than its own messages.")
    if arguments.log:
        print("\nThe messages of the family's first gradient:")
        print(f"neuro-actors log show {arguments.log.path}")


if __name__ == "__main__":
    _common.run(main, __doc__)
