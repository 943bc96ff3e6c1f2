"""Deep networks with a batch, and gradients that are altered: what a proof must tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

import neuro_actors as na
from neuro_actors.proof.mail import MailRecorder, recorded
from neuro_actors.proof.random_cases import Case
from neuro_actors.proof.reference.step_mail import Mail
from neuro_actors.simulation.blocking import run


def deep_case(
    activation: str,
    depth: int,
    width: int,
    seed: int = 0,
    batch: int = 3,
    loss: str = "squared_error",
    output: str = "identity",
) -> Case:
    """Draw a layered network of this depth, with biases, so that relu does not fall silent."""
    net = na.Network.layered([4, *[width] * (depth - 1), 2], activation, output, seed)
    rng = np.random.default_rng(seed)
    biases = np.where(net.is_input, 0.0, 0.3 * rng.standard_normal(len(net.ids)))
    net = net.with_parameters(net.weights, biases)
    x, targets = rng.standard_normal((batch, 4)), rng.random((batch, 2))
    return Case(net, x, targets, loss)


def skipping_case(depth: int = 30, width: int = 3, seed: int = 0, batch: int = 3) -> Case:
    """Draw a deep network whose neurons also hear some that are far before them."""
    rng = np.random.default_rng(seed)
    levels = [[f"x{k}" for k in range(4)]]
    levels += [[f"h{n}.{k}" for k in range(width)] for n in range(1, depth)] + [["y0", "y1"]]
    synapses = []
    for n, names in enumerate(levels[1:], 1):
        for name in names:
            far = [
                levels[k][int(rng.integers(len(levels[k])))] for k in range(max(0, n - 9), n - 1, 3)
            ]
            sources = [*levels[n - 1], *far]
            for k in rng.permutation(len(sources)):
                weight = rng.standard_normal() / np.sqrt(len(sources))
                synapses.append(na.Synapse(sources[k], name, weight))
    nodes = [na.Input(name) for name in levels[0]]
    nodes += [
        na.Neuron(name, "identity" if name[0] == "y" else "tanh", bias=0.3 * rng.standard_normal())
        for names in levels[1:]
        for name in names
    ]
    net = na.Network(nodes, [synapses[k] for k in rng.permutation(len(synapses))], ["y0", "y1"])
    x, targets = rng.standard_normal((batch, 4)), rng.standard_normal((batch, 2))
    return Case(net, x, targets, "squared_error")


def mail_of(case: Case, wrt_inputs: bool = True, channels: str = "bundled") -> Mail:
    """All messages of one gradient's step."""
    recorder = MailRecorder(case.network)

    async def society() -> None:
        async with na.open_simulation(case.network, recorded(channels, recorder)) as simulation:
            await simulation.gradient(case.x, case.targets, case.loss, wrt_inputs)

    run(society, channels)
    ((_, mail),) = recorder.steps
    return mail


def is_within(found: na.Gradient, expected: na.Gradient, bound: na.Gradient) -> bool:
    return all(
        bool((np.abs(getattr(found, name) - getattr(expected, name)) <= getattr(bound, name)).all())
        for name in ("weights", "biases", "predictions", "loss")
    )


def alterations(gradient: na.Gradient, seed: int = 0) -> Iterator[tuple[str, na.Gradient]]:
    """Gradients that are wrong: the sign turned, zeros, one weight off by 1e-9 of the greatest."""
    yield "the sign turned", replace(gradient, weights=-gradient.weights, biases=-gradient.biases)
    zeros = {name: np.zeros_like(getattr(gradient, name)) for name in ("weights", "biases")}
    yield "zeros", replace(gradient, **zeros)
    for name in ("weights", "biases"):
        yield f"{name} alone turned", replace(gradient, **{name: -getattr(gradient, name)})
    greatest = max(np.abs(gradient.weights).max(), np.abs(gradient.biases).max())
    for k in np.random.default_rng(seed).permutation(len(gradient.weights))[:3]:
        weights = gradient.weights.copy()
        weights[k] += 1e-9 * greatest
        yield f"weight {k} off by 1e-9 of the greatest", replace(gradient, weights=weights)
