"""One cat, message by message.

A small society sees a picture of a cat and says "cat" with p = 0.6. The right
answer is 1. The scenario prints every message that follows, and shows how each
neuron finds out by itself what to change.
"""

from __future__ import annotations

from argparse import Namespace

import _common
import _french
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


def show_slope(slope: float, say: _french.Say) -> None:
    """Print the urgencies of a neuron whose signal is 0.6, for one slope of its function there."""
    na.add_activation(
        f"slope {slope:g}", lambda z: 0.6 + slope * (z - 0.6), lambda z, a: 0.0 * z + slope
    )
    cat, fur = say("cat"), say("fur")
    neurons = [na.Input(fur), na.Neuron(cat, f"slope {slope:g}", bias=0.1)]
    net = na.Network(neurons, [na.Synapse(fur, cat, 0.5)], [cat])
    gradient, messages, _ = trio.run(ask_or_teach, net, [1.0])
    print(
        say(
            "  slope {slope:3g}:  p = {p:.2g}, penalty {penalty:.2f}, urgency {urgency:.1f}  ->  "
            "signal's urgency {signal:.1f}",
            slope=slope,
            p=gradient.predictions[0, 0],
            penalty=gradient.loss,
            urgency=messages["urgency", "loss", cat][0],
            signal=-gradient.biases[1] + 0.0,  # the bias's urgency is the signal's
        )
    )


def make_family(say: _french.Say) -> na.Network:
    """Return a small network: `eyes` has two followers, and one synapse is inhibitory."""
    neurons = [
        na.Input(say("fur")),
        na.Input(say("tail")),
        na.Neuron(say("eyes")),
        na.Neuron(say("face")),
        na.Neuron(say("body")),
        na.Neuron(say("cat")),
    ]
    synapses = [
        na.Synapse(say("fur"), say("eyes"), 0.5),
        na.Synapse(say("tail"), say("eyes"), 1.0),
        na.Synapse(say("eyes"), say("face"), 1.5),
        na.Synapse(say("eyes"), say("body"), -0.5),
        na.Synapse(say("face"), say("cat"), 0.75),
        na.Synapse(say("body"), say("cat"), 0.25),
    ]
    return na.Network(neurons, synapses, [say("cat")])


def main(arguments: Namespace) -> None:
    say = _french.language_of(arguments)
    print(
        say("""ONE CAT

The society says 'cat' with p = 0.6. It is a cat: the target is 1.
The penalty is (1 - p)². The urgency of p says how much the penalty falls
for each unit by which p rises: 2 (1 - p).

p comes from the signal, through the activation function. The urgency of the
signal is the urgency of p times the slope of that function. So a steep
function gives a larger urgency, and a flat one gives none.
""")
    )
    for slope in (1.0, 2.5, 0.0):
        show_slope(slope, say)

    net, picture = make_family(say), [1.0, 0.1]
    bias = 0.6 - na.predict(net, [picture])[0, 0]
    net = net.with_parameters(net.weights, [0, 0, 0, 0, 0, bias])  # so that it says 0.6 too
    gradient, messages, _ = trio.run(ask_or_teach, net, picture, arguments.log)
    names = {name: name for name in (*net.ids, "loss", "environment")}
    if say.french:  # the neurons are called so in the log, too; the other two are not
        names |= {"loss": "perte", "environment": "environnement"}

    print(
        say("""
A SMALL FAMILY

  fur  --+0.5--> eyes --+1.5--> face --+0.75--> cat
  tail --+1.0--> eyes --(-0.5)-> body --+0.25--> cat

Activations go forward. Each neuron receives those of its sources, and sends its
own to its followers:
""")
    )
    for (kind, sender, receiver), values in messages.items():
        if kind == "activation" and sender != "environment":
            line = "  {sender:5} told {receiver:12} activation {value:+.3f}"
            print(say(line, sender=names[sender], receiver=names[receiver], value=values[0]))
    print(
        say("""
fur is large (1.0), tail is small (0.1).

Urgencies go back. Each neuron adds up those that it receives. All slopes are 1
here, so it sends each source the sum times the weight of their synapse:
""")
    )
    for (kind, sender, receiver), values in messages.items():
        if kind == "urgency":
            line = "  {sender:5} told {receiver:5} urgency {value:+.3f}"
            print(say(line, sender=names[sender], receiver=names[receiver], value=values[0]))
    face, body = (messages["urgency", say(name), say("eyes")][0] for name in ("face", "body"))
    fur, tail = -gradient.weights[:2]
    print(
        say(
            """
face -> cat is excitatory (+0.75): face should rise, as cat should.
eyes -> body is inhibitory (-0.5): because of body, eyes should fall.
eyes has two followers and adds up: {face:+.3f} {body:+.3f} = {total:+.3f}

From this sum, eyes computes the urgencies of its own bias and weights:

  its bias                  {total:+.3f}        (the sum itself)
  weight of fur -> eyes     {total:+.3f} x 1.0 = {fur:+.3f}   a large activation
  weight of tail -> eyes    {total:+.3f} x 0.1 = {tail:+.3f}   a small one""",
            face=face,
            body=body,
            total=-gradient.biases[2],
            fur=fur,
            tail=tail,
        )
    )

    _, _, wiser = trio.run(ask_or_teach, net, picture, None, na.SGD(0.05))
    before, after = gradient.predictions[0, 0], na.predict(wiser, [picture])[0, 0]
    print(
        say("""
ONE STEP OF LEARNING

Each neuron adds a twentieth of its urgencies to its weights and its bias:
""")
    )
    for old, new in zip(net.synapses, wiser.synapses, strict=True):
        line = "  {source:4} -> {target:4}  {old:+.3f} becomes {new:+.3f}"
        print(say(line, source=old.source, target=old.target, old=old.weight, new=new.weight))
    print(
        say(
            """
p was {before:.3f}, now it is {after:.3f}: closer to 1.
No neuron has seen more than its own messages.""",
            before=before,
            after=after,
        )
    )
    if arguments.log:
        print(say("\nThe messages of the family's first gradient:"))
        print(f"neuro-actors log show {arguments.log.path}")


if __name__ == "__main__":
    _common.run(main, __doc__, french=True)
