"""Why does this weight want to change? Its urgency, taken apart path by path.

Nobody in the society sees a path: each neuron only adds up the urgencies that
reach it, and passes them on. But the log holds what all of them said, and from
it the sum can be taken apart again: which way did the wish come, and what made
it larger or smaller on its way? Then the weight is changed a little, and the
loss falls by as much as was said.
"""

from __future__ import annotations

from argparse import Namespace

import _common
import numpy as np
import trio

import neuro_actors as na

STEPS, SOURCE, TARGET = 10, "whiskers", "face"


def society(seed: int) -> na.Network:
    """`face` is heard by three, so that a wish may come back to it by three ways."""
    neurons = [na.Input(name) for name in ("fur", "whiskers", "tail", "voice")]
    neurons += [na.Neuron(name, "tanh") for name in ("face", "body", "mood", "look")] + [
        na.Neuron("cat", "sigmoid")
    ]
    heard = {
        "face": ["fur", "whiskers"], "body": ["fur", "tail"], "mood": ["face", "voice"], "look": ["face", "body"],
        "cat": ["face", "mood", "look"],
    }  # fmt: skip
    synapses = [
        na.Synapse(source, target) for target, sources in heard.items() for source in sources
    ]
    return na.Network(neurons, synapses, ["cat"], seed=seed)


async def live(
    net: na.Network, x, is_cat, stranger, recording: na.Recording
) -> tuple[na.Network, na.Gradient]:
    """Learn from many animals, then be asked about one."""
    async with na.open_simulation(net, log=recording) as simulation:
        for _ in range(STEPS):
            await simulation.train_step(x, is_cat, loss="cross_entropy", optimizer=na.SGD(0.5))
        gradient = await simulation.gradient(stranger, [[1.0]], loss="cross_entropy")
        return await simulation.network(), gradient


def walk(path, source: str) -> None:
    """One path, from the loss back to the weight: each factor, and what has come of the wish so far."""
    so_far = 1.0
    for factor in reversed(path.factors):
        so_far *= factor.value
        at = path.nodes.index(factor.neuron) if factor.kind == "weight" else 0
        told = {
            "urgency": f"the loss tells {factor.neuron} its urgency",
            "slope": f"how steep {factor.neuron} is there",
            "weight": f"the weight of {path.nodes[at - 1]} -> {factor.neuron}",
            "said": f"what {source} said",
        }[factor.kind]
        print(f"  {told:36} {factor.value:+9.4f}   so far {so_far:+9.5f}")


def changed(network: na.Network, by: float) -> na.Network:
    """The society with this one weight changed."""
    weights = network.weights.copy()
    weights[[(s.source, s.target) == (SOURCE, TARGET) for s in network.synapses]] += by
    return network.with_parameters(weights, network.biases)


def story(arguments: Namespace) -> None:
    recording = _common.whole_log(arguments, "why_this_weight.arrows")
    rng = np.random.default_rng(arguments.seed)
    x = rng.standard_normal((32, 4))
    is_cat = (x @ [[0.5], [1.0], [0.5], [0.2]] > 0).astype(float)
    stranger = [[-0.5, 0.8, 0.3, -0.4]]
    network, gradient = trio.run(live, society(arguments.seed), x, is_cat, stranger, recording)

    print("WHY THIS WEIGHT?\n")
    print(f"A society of {_common.size(network)} has learnt for {STEPS} steps what")
    print("a cat is. Now it sees another one: little fur, long whiskers, a tail, a low")
    print(
        f"voice. It says 'cat' with p = {gradient.predictions[0, 0]:.3f}; the loss is {gradient.loss:.4f}.\n"
    )
    print("face hears fur and whiskers, and is itself heard by mood, by look and by cat.")
    print(f"Its weight for {SOURCE} wants to change. Why? Out of the log:\n")
    trace = na.trace(recording.path, weight=(SOURCE, TARGET), step=STEPS + 1)
    print(trace)

    print("\nTHE GREATEST, STEP BY STEP\n")
    print("From the loss back to the weight; each neuron multiplies, and passes on:\n")
    walk(trace.paths[0], SOURCE)
    more, less = (sum(way * path.value > 0 for path in trace.paths) for way in (1, -1))
    print(
        f"\nThe other ways are walked likewise. By {more} of the {trace.number} comes the wish for a larger"
    )
    print(f"weight, by {less} that for a smaller one; face adds them up, and never knows.")

    print("\nDOES IT HELP?\n")
    print(f"The urgency {trace.total:+.5f} says: per unit of this weight the loss falls by so")
    print("much. So the weight is changed a little that way, and at last against it; all")
    print("else stays, and the society is asked again:\n")
    print("  weight by   loss falls by   urgency x change   apart")
    way = np.sign(trace.total)
    for by in (0.1 * way, 0.01 * way, 0.001 * way, -0.001 * way):
        loss = na.gradient(changed(network, by), stranger, [[1.0]], loss="cross_entropy").loss
        fall, promised = gradient.loss - loss, trace.total * by
        print(
            f"  {by:+9g} {fall:+15.3e} {promised:+18.3e} {abs(fall - promised) / abs(promised):7.2%}"
        )
    print("\nThe smaller the change, the better the promise is kept: an urgency is a slope.")
    print("\nAny other weight:\n")
    print(f'  neuro-actors log trace {recording.path} --weight "fur->body"')


if __name__ == "__main__":
    _common.run(story, __doc__, out="the log goes")
