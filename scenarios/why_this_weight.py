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
import _french
import numpy as np
import trio

import neuro_actors as na
from neuro_actors.support.text import format_loss

STEPS, SOURCE, TARGET = 10, "whiskers", "face"


def make_society(seed: int, say: _french.Say) -> na.Network:
    """Return a network in which `face` has three followers, so an urgency has three paths."""
    neurons = [na.Input(say(name)) for name in ("fur", "whiskers", "tail", "voice")]
    neurons += [na.Neuron(say(name), "tanh") for name in ("face", "body", "mood", "look")]
    neurons.append(na.Neuron(say("cat"), "sigmoid"))
    sources_of = {
        "face": ["fur", "whiskers"],
        "body": ["fur", "tail"],
        "mood": ["face", "voice"],
        "look": ["face", "body"],
        "cat": ["face", "mood", "look"],
    }
    synapses = [
        na.Synapse(say(source), say(target))
        for target, sources in sources_of.items()
        for source in sources
    ]
    return na.Network(neurons, synapses, [say("cat")], seed=seed)


async def learn_and_ask(
    net: na.Network, x, is_cat, stranger, recording: na.Recording
) -> tuple[na.Network, na.Gradient]:
    """Let the society learn from many animals, then ask it for the gradient of one."""
    async with na.open_simulation(net, log=recording) as simulation:
        for _ in range(STEPS):
            await simulation.train_step(x, is_cat, loss="cross_entropy", optimizer=na.SGD(0.5))
        gradient = await simulation.gradient(stranger, [[1.0]], loss="cross_entropy")
        return await simulation.network(), gradient


def print_path(path, source: str, say: _french.Say) -> None:
    """Print the factors of one path, from the loss back to the weight, and their product."""
    product = 1.0
    for factor in reversed(path.factors):
        product *= factor.value
        at = path.nodes.index(factor.neuron) if factor.kind == "weight" else 0
        text = {
            "urgency": say("the loss sends {neuron} its urgency", neuron=factor.neuron),
            "slope": say("the slope of {neuron}", neuron=factor.neuron),
            "weight": say(
                "the weight of {source} -> {neuron}",
                source=path.nodes[at - 1],
                neuron=factor.neuron,
            ),
            "said": say("the activation of {source}", source=source),
        }[factor.kind]
        line = "  {text:36} {value:+9.4f}   so far {product:+9.5f}"
        print(say(line, text=text, value=factor.value, product=product))


def change_weight(network: na.Network, weight: tuple[str, str], by: float) -> na.Network:
    """Return the network with this one weight changed."""
    weights = network.weights.copy()
    weights[[(s.source, s.target) == weight for s in network.synapses]] += by
    return network.with_parameters(weights, network.biases)


def main(arguments: Namespace) -> None:
    recording = _common.full_recording(arguments, "why_this_weight.arrows")
    say = _french.language_of(arguments)
    rng = np.random.default_rng(arguments.seed)
    x = rng.standard_normal((32, 4))
    is_cat = (x @ [[0.5], [1.0], [0.5], [0.2]] > 0).astype(float)
    stranger = [[-0.5, 0.8, 0.3, -0.4]]
    network, gradient = trio.run(
        learn_and_ask, make_society(arguments.seed, say), x, is_cat, stranger, recording
    )

    print(
        say(
            """WHY THIS WEIGHT?

A society of {size} has learnt for {steps} steps what
a cat is. Now it sees another cat: little fur, long whiskers, a tail, a low
voice. It says 'cat' with p = {p:.3f}; the loss is {loss}.

face has the sources fur and whiskers, and the followers mood, look and cat.
Its weight for whiskers wants to change. Why? From the log:
""",
            size=_common.describe_size(network, say),
            steps=STEPS,
            p=gradient.predictions[0, 0],
            loss=say.number(format_loss(gradient.loss)),
        )
    )
    weight = say(SOURCE), say(TARGET)
    trace = na.trace(recording.path, weight=weight, step=STEPS + 1)
    print(trace)

    print(
        say("""
THE LARGEST PATH, FACTOR BY FACTOR

From the loss back to the weight. Each neuron multiplies and passes on:
""")
    )
    print_path(trace.paths[0], say(SOURCE), say)
    more, less = (sum(sign * path.value > 0 for path in trace.paths) for sign in (1, -1))
    print(
        say(
            """
The same for the other paths. Of all {all} paths, {more} say that the weight
should rise, and {less} that it should fall. face knows only the sum.

DOES IT HELP?

The urgency {total:+.5f} says how much the loss falls for each unit by which
this weight rises. So the weight is changed a little in that direction, and at
last against it. Nothing else changes, and the society is asked again:

  weight by   loss falls by   urgency x change   error""",
            all=trace.number,
            more=more,
            less=less,
            total=trace.total,
        )
    )
    sign = np.sign(trace.total)
    for by in (0.1 * sign, 0.01 * sign, 0.001 * sign, -0.001 * sign):
        changed = change_weight(network, weight, by)
        fall = gradient.loss - na.gradient(changed, stranger, [[1.0]], loss="cross_entropy").loss
        expected = trace.total * by
        error = abs(fall - expected) / abs(expected)
        line = "  {by:+9g} {fall:+15.3e} {expected:+18.3e} {error:7.2%}"
        print(say(line, by=by, fall=fall, expected=expected, error=error))
    print(
        say("""
The smaller the change, the smaller the error: an urgency is a slope.

Any other weight:
""")
    )
    other = f"{say('fur')}->{say('body')}"
    print(f'  neuro-actors log trace {recording.path} --weight "{other}"')


if __name__ == "__main__":
    _common.run(main, __doc__, out="the log goes", french=True)
