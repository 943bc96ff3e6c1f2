"""Draws networks of all shapes and depths, each with a batch and a loss that suits it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..network.elements import Input, Neuron, Synapse
from ..network.function_names import ActivationName
from ..network.network import Network
from ..support.arrays import Array

DEEPEST = 200  # levels of a network
# Functions of any signal. A new one in this list would draw other cases by all seeds.
DRAWN: tuple[ActivationName, ...] = (
    "identity",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "softplus",
    "elu",
    "gelu",
    "sin",
)


@dataclass(frozen=True, slots=True)
class Case:
    """A network with a batch and a loss.

    Attributes:
        network: The network.
        x: The values of the inputs. Shape (batch, n_inputs).
        targets: What the outputs should be. Shape (batch, n_outputs).
        loss: The name of the loss.
    """

    network: Network
    x: Array
    targets: Array
    loss: str


def draw_case(seed: int, neurons: int = 200, examples: int = 64) -> Case:
    """Draw a network, layered or of any shape, with a batch and a loss that suits it.

    Args:
        seed: The seed. The same seed and limits draw the same case.
        neurons: The largest number of neurons that are no inputs.
        examples: The largest number of examples.
    """
    rng = np.random.default_rng(seed)
    loss = str(rng.choice(list(TARGETS)))
    size = int(np.exp(rng.uniform(0, np.log(neurons + 0.99))))
    names: list[str] = list(DRAWN)
    output_activations = ["sigmoid"] if loss in ("cross_entropy", "kl_divergence") else names
    inputs = min(30, neurons + 1)
    draw = _layered if rng.random() < 0.4 else _any_graph
    if neurons >= DEEPEST and np.random.default_rng([seed, 1]).random() < 0.1:
        draw = _deep  # by another stream, so that the other cases stay what they are
    network = draw(rng, size, names, output_activations, inputs)
    if loss == "softmax_cross_entropy" and len(network.outputs) == 1:
        loss = "squared_error"  # a softmax of one number is 1, and all urgencies would be 0
    biases = np.where(network.is_input, 0.0, 0.5 * rng.standard_normal(len(network.ids)))
    network = network.with_parameters(network.weights, biases)
    batch = 1 if rng.random() < 0.2 else int(rng.integers(2, examples + 1))
    x = rng.standard_normal((batch, len(network.inputs)))
    return Case(network, x, TARGETS[loss](rng, (batch, len(network.outputs))), loss)


def _layered(
    rng: np.random.Generator,
    size: int,
    names: list[str],
    output_activations: list[str],
    inputs: int = 30,
) -> Network:
    depth = int(rng.integers(1, min(size, 5) + 1))
    cuts = np.sort(rng.permutation(np.arange(1, size))[: depth - 1])
    sizes = [int(rng.integers(1, inputs)), *np.diff([0, *cuts, size]).tolist()]
    return _of_layers(rng, sizes, names, output_activations)


def _deep(
    rng: np.random.Generator,
    size: int,
    names: list[str],
    output_activations: list[str],
    inputs: int = 30,
) -> Network:
    """Draw a layered network of 5 to 200 levels, the deeper the narrower."""
    depth = int(np.exp(rng.uniform(np.log(5), np.log(DEEPEST + 0.99))))
    width = int(rng.integers(1, DEEPEST // depth + 1))
    sizes = [int(rng.integers(1, inputs)), *[width] * (depth - 1), int(rng.integers(1, width + 1))]
    return _of_layers(rng, sizes, names, output_activations)


def _of_layers(
    rng: np.random.Generator, sizes: list[int], names: list[str], output_activations: list[str]
) -> Network:
    return Network.layered(
        sizes, str(rng.choice(names)), str(rng.choice(output_activations)), int(rng.integers(2**31))
    )


def _any_graph(
    rng: np.random.Generator,
    size: int,
    names: list[str],
    output_activations: list[str],
    inputs: int = 30,
) -> Network:
    """Draw a graph: each neuron has some of the earlier ones, near or far, as sources.

    Neurons without a follower are outputs, and so are some others.
    """
    n_inputs = int(rng.integers(1, min(10, inputs)))
    synapses: list[tuple[int, int]] = []
    for k in range(n_inputs, n_inputs + size):
        reach = k if rng.random() < 0.3 else min(k, 12)
        near = np.arange(k - reach, k)
        for source in rng.choice(near, min(reach, int(rng.integers(1, 9))), replace=False):
            synapses.append((int(source), k))
    used = {source for source, _ in synapses}
    neurons = range(n_inputs, n_inputs + size)
    synapses += [
        (k, int(rng.integers(n_inputs, n_inputs + size))) for k in range(n_inputs) if k not in used
    ]
    outputs = [k for k in neurons if k not in used or rng.random() < 0.1]
    nodes: list[Input | Neuron] = [Input(f"n{k}") for k in range(n_inputs)]
    for k in neurons:
        known = output_activations if k in outputs else names
        nodes.append(Neuron(f"n{k}", str(rng.choice(known))))
    order, edges = rng.permutation(len(nodes)), rng.permutation(len(synapses))
    return Network(
        [nodes[k] for k in order],
        [Synapse(f"n{synapses[k][0]}", f"n{synapses[k][1]}") for k in edges],
        [f"n{k}" for k in rng.permutation(outputs)],
        int(rng.integers(2**31)),
    )


def _any_numbers(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.standard_normal(shape)


def _between_0_and_1(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.random(shape)


def _class_probabilities(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.dirichlet(np.ones(shape[1]), shape[0])


TARGETS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Array]] = {
    "squared_error": _any_numbers,
    "absolute_error": _any_numbers,
    "huber": _any_numbers,
    "cross_entropy": _between_0_and_1,
    "softmax_cross_entropy": _class_probabilities,
    "kl_divergence": _between_0_and_1,
    "sigmoid_cross_entropy": _between_0_and_1,
}
