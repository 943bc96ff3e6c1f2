"""Why does this weight want to change? Its urgency, path by path.

No neuron sees a path: each one only adds up the urgencies that it receives, and
passes the sum on. But the log contains all messages, and from it the sum can be
taken apart: along which paths does the urgency come, and which factors made it
larger or smaller? Then the weight is changed a little, and the loss falls by as
much as the urgency says.
"""

from __future__ import annotations

from argparse import Namespace

import _common
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.support.text import format_loss

STEPS, SOURCE, TARGET = 10, "whiskers", "face"


def make_society(seed: int) -> na.Network:
    """Return a network in which `face` has three followers, so an urgency has three paths."""
    neurons = [na.Input(name) for name in ("fur", "whiskers", "tail", "voice")]
    neurons += [na.Neuron(name, "tanh") for name in ("face", "body", "mood", "look")]
    neurons.append(na.Neuron("cat", "sigmoid"))
    sources_of = {
        "face": ["fur", "whiskers"],
        "body": ["fur", "tail"],
        "mood": ["face", "voice"],
        "look": ["face", "body"],
        "cat": ["face", "mood", "look"],
    }
    synapses = [
        na.Synapse(source, target) for target, sources in sources_of.items() for source in sources
    ]
    return na.Network(neurons, synapses, ["cat"], seed=seed)


async def learn_and_ask(
    net: na.Network, x, is_cat, stranger, recording: na.Recording
) -> tuple[na.Network, na.Gradient]:
    """Let the society learn from many animals, then ask it for the gradient of one."""
    async with na.open_simulation(net, log=recording) as simulation:
        for _ in range(STEPS):
            await simulation.train_step(x, is_cat, loss="cross_entropy", optimizer=na.SGD(0.5))
        gradient = await simulation.gradient(stranger, [[1.0]], loss="cross_entropy")
        return await simulation.network(), gradient


def print_path(path, source: str) -> None:
    """Print the factors of one path, from the loss back to the weight, and their product."""
    product = 1.0
    for factor in reversed(path.factors):
        product *= factor.value
        at = path.nodes.index(factor.neuron) if factor.kind == "weight" else 0
        text = {
            "urgency": f"the loss sends {factor.neuron} its urgency",
            "slope": f"the slope of {factor.neuron}",
            "weight": f"the weight of {path.nodes[at - 1]} -> {factor.neuron}",
            "said": f"the activation of {source}",
        }[factor.kind]
        print(f"  {text:36} {factor.value:+9.4f}   so far {product:+9.5f}")


def change_weight(network: na.Network, by: float) -> na.Network:
    """Return the network with this one weight changed."""
    weights = network.weights.copy()
    weights[[(s.source, s.target) == (SOURCE, TARGET) for s in network.synapses]] += by
    return network.with_parameters(weights, network.biases)


def main(arguments: Namespace) -> None:
    recording = _common.full_recording(arguments, "why_this_weight.arrows")
    rng = np.random.default_rng(arguments.seed)
    x = rng.standard_normal((32, 4))
    is_cat = (x @ [[0.5], [1.0], [0.5], [0.2]] > 0).astype(float)
    stranger = [[-0.5, 0.8, 0.3, -0.4]]
    network, gradient = trio.run(
        learn_and_ask, make_society(arguments.seed), x, is_cat, stranger, recording
    )

    print("WHY THIS WEIGHT?\n")
    p = gradient.predictions[0, 0]
    print(f"A society of {_common.describe_size(network)} has learnt for {STEPS} steps what")
    print("a cat is. Now it sees another cat: little fur, long whiskers, a tail, a low")
    print(f"voice. It says 'cat' with p = {p:.3f}; the loss is {format_loss(gradient.loss)}.\n")
    print("face has the sources fur and whiskers, and the followers mood, look and cat.")
    print(f"Its weight for {SOURCE} wants to change. Why? From the log:\n")
    trace = na.trace(recording.path, weight=(SOURCE, TARGET), step=STEPS + 1)
    print(trace)

    print("\nTHE LARGEST PATH, FACTOR BY FACTOR\n")
    print("From the loss back to the weight. Each neuron multiplies and passes on:\n")
    print_path(trace.paths[0], SOURCE)
    more, less = (sum(sign * path.value > 0 for path in trace.paths) for sign in (1, -1))
    print(
        f"\nThe same for the other paths. Of all {trace.number} paths, {more} say that the weight"
    )
    print(f"should rise, and {less} that it should fall. face knows only the sum.")

    print("\nDOES IT HELP?\n")
    print(f"The urgency {trace.total:+.5f} says how much the loss falls for each unit by which")
    print("this weight rises. So the weight is changed a little in that direction, and at")
    print("last against it. Nothing else changes, and the society is asked again:\n")
    print("  weight by   loss falls by   urgency x change   error")
    sign = np.sign(trace.total)
    for by in (0.1 * sign, 0.01 * sign, 0.001 * sign, -0.001 * sign):
        loss = na.gradient(change_weight(network, by), stranger, [[1.0]], loss="cross_entropy").loss
        fall, predicted = gradient.loss - loss, trace.total * by
        error = abs(fall - predicted) / abs(predicted)
        print(f"  {by:+9g} {fall:+15.3e} {predicted:+18.3e} {error:7.2%}")
    print("\nThe smaller the change, the smaller the error: an urgency is a slope.")
    print("\nAny other weight:\n")
    print(f'  neuro-actors log trace {recording.path} --weight "fur->body"')


if __name__ == "__main__":
    _common.run(main, __doc__, out="the log goes")
