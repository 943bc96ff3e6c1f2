"""The claim in one command: random societies against the reference, finite differences and PyTorch.

All differences are in units of what rounding alone can do (`reference.bound`). So the limit is 1,
whatever the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from ..channels.interface import ChannelsFactory
from ..network import functions
from ..network.activations import BUILT_IN
from ..network.elements import Input, Neuron, Synapse
from ..network.gradient import Gradient
from ..network.network import Network
from ..neuron.optimizers import SGD
from ..simulation.blocking import run
from ..simulation.opening import open_simulation
from ..support.errors import NeuroActorsError
from ..support.validation import Array
from . import reference

RATE, MOMENTUM = 0.05, 0.9
SAMPLE = 4  # parameters whose gradient is also taken by finite differences


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one case.

    Attributes:
        seed: The seed that the case was drawn from.
        case: The case.
        messages: How many messages the society sent.
        differences: The largest difference of each comparison, by its name, in units of the bound.
        failure: The text of the error, if the society failed.
    """

    seed: int
    case: Case
    messages: int
    differences: dict[str, float]
    failure: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the society did not fail, and no difference is larger than the bound."""
        return self.failure is None and all(
            difference <= 1.0 for difference in self.differences.values()
        )


def verify(
    networks: int = 100,
    seed: int = 0,
    *,
    channels: str | ChannelsFactory = "bundled",
    torch: bool | None = None,
) -> Iterator[Verdict]:
    """Compare random societies with everything they can be compared with.

    The cases are drawn from `seed`, `seed` + 1 and so on, so each can be drawn again alone.

    Args:
        networks: The number of cases.
        seed: The seed of the first case.
        channels: What carries the messages, as in `neuro_actors.open_simulation`.
        torch: Whether to compare with PyTorch too. None: if it is installed.

    Yields:
        A verdict for each case.
    """
    with_torch = find_spec("torch") is not None if torch is None else torch
    for k in range(seed, seed + networks):
        yield verify_case(k, draw_case(k), channels, with_torch)


def verify_case(
    seed: int, case: Case, channels: str | ChannelsFactory = "bundled", with_torch: bool = False
) -> Verdict:
    """Compare one society with everything it can be compared with.

    Args:
        seed: The seed that the case was drawn from; a direction and a sample are drawn from it too.
        case: The network, the batch and the loss.
        channels: What carries the messages, as in `neuro_actors.open_simulation`.
        with_torch: Whether to compare with PyTorch too.
    """
    network, x, t, loss = case.network, case.x, case.targets, case.loss
    optimizer, rng = SGD(RATE, MOMENTUM), np.random.default_rng(seed)
    direction = rng.standard_normal(len(network.weights)), rng.standard_normal(len(network.ids))

    async def society() -> tuple[Array, Gradient, Gradient, Network, Network, int]:
        async with open_simulation(network, channels) as simulation:
            predictions = await simulation.predict(x)
            gradient = await simulation.gradient(x, t, loss, wrt_inputs=seed % 2 == 0)
            product = await simulation.hessian_vector_product(x, t, *direction, loss)
            await simulation.train_step(x, t, loss, optimizer=optimizer)
            once = await simulation.network()
            await simulation.train_step(x, t, loss, optimizer=optimizer)
            return (
                predictions,
                gradient,
                product,
                once,
                await simulation.network(),
                simulation.statistics().messages,
            )

    try:
        predictions, gradient, product, once, twice, messages = run(society, channels)
    except NeuroActorsError as error:
        return Verdict(seed, case, 0, {}, str(error))
    expected, bound = reference.with_bound(
        network, x, t, loss, wrt_inputs=gradient.inputs is not None
    )
    curved = reference.hessian_vector_product(network, x, t, *direction, loss)
    curved_bound = reference.hessian_vector_bound(network, x, t, *direction, loss)
    later, later_bound = reference.with_bound(once, x, t, loss)
    differences = {
        "predictions": max(
            _units(found, expected.predictions, bound.predictions)
            for found in (predictions, gradient.predictions)
        ),
        "loss": _difference(gradient, expected, bound, "loss"),
        "gradient": max(
            _difference(gradient, expected, bound, name) for name in ("weights", "biases", "inputs")
        ),
        "product": max(
            _difference(product, curved, curved_bound, name)
            for name in ("weights", "biases", "predictions", "loss")
        ),
        "learning": max(
            _learning_difference(
                name, (network, once, twice), (expected, later), (bound, later_bound)
            )
            for name in ("weights", "biases")
        ),
        "finite differences": _finite_differences(
            case, gradient, bound, np.random.default_rng(seed)
        ),
    }
    if with_torch:
        differences["PyTorch"] = _torch_difference(case, gradient, bound)
        differences["PyTorch's product"] = _torch_product_difference(
            case, direction, product, curved_bound
        )
    return Verdict(seed, case, messages, differences)


# --- comparisons ----------------------------------------------------------------------------------


def _units(one: Array | float, other: Array | float, bound: Array | float) -> float:
    """Return the largest |one - other| in units of the bound; infinity for what is no number."""
    apart, limit = np.abs(np.subtract(one, other)), np.maximum(bound, np.finfo(np.float64).tiny)
    return float(np.max(np.where(np.isfinite(apart), apart / limit, np.inf), initial=0.0))


def _difference(one: Gradient, other: Gradient, bound: Gradient, name: str) -> float:
    a, b, limit = getattr(one, name), getattr(other, name), getattr(bound, name)
    return 0.0 if a is None else _units(a, b, limit)


def _learning_difference(
    name: str,
    networks: tuple[Network, Network, Network],
    gradients: tuple[Gradient, Gradient],
    bounds: tuple[Gradient, Gradient],
) -> float:
    """Compare two steps of momentum descent with steps computed from the reference's gradients."""
    before, once, twice = (getattr(network, name) for network in networks)
    (g1, e1), (g2, e2) = (
        (getattr(g, name), getattr(b, name)) for g, b in zip(gradients, bounds, strict=True)
    )
    rounding = 4 * reference.EPS
    first = _units(
        once, before - RATE * g1, RATE * e1 + rounding * (np.abs(before) + RATE * np.abs(g1))
    )
    velocity, error = MOMENTUM * g1 + g2, MOMENTUM * e1 + e2
    sizes = np.abs(once) + RATE * (MOMENTUM * np.abs(g1) + np.abs(g2))
    return max(first, _units(twice, once - RATE * velocity, RATE * error + rounding * sizes))


def _finite_differences(
    case: Case, gradient: Gradient, bound: Gradient, rng: np.random.Generator
) -> float:
    """Compare some derivatives with central differences of the reference's forward pass.

    The unit is a bound of the central differences' own error: rounding, and how far the first and
    second differences with h and with 2h disagree. They do where f is curved or has a kink.
    """
    network = case.network
    n_weights = len(network.weights)
    chosen = np.concatenate([np.arange(n_weights), n_weights + np.flatnonzero(~network.is_input)])
    worst, h = 0.0, 1e-4
    for k in rng.permutation(chosen)[:SAMPLE]:
        direction = np.zeros(n_weights + len(network.ids))
        direction[k] = h
        losses = []
        for far in (-2, -1, 0, 1, 2):
            parameters = np.append(network.weights, network.biases) + far * direction
            moved = network.with_parameters(*np.split(parameters, [n_weights]))
            predictions = reference.predict(moved, case.x)
            losses.append(functions.loss(case.loss).value(predictions, case.targets).mean())
        f = np.array(losses) / h
        first, first_far = (f[3] - f[1]) / 2, (f[4] - f[0]) / 4
        second, second_far = f[3] - 2 * f[2] + f[1], (f[4] - 2 * f[2] + f[0]) / 2
        slope = gradient.weights[k] if k < n_weights else gradient.biases[k - n_weights]
        unsure = 2 * abs(first - first_far) + 2 * abs(second_far - 2 * second) + 4 * bound.loss / h
        worst = max(worst, _units(slope, first, unsure))
    return worst


def _torch_difference(case: Case, gradient: Gradient, bound: Gradient) -> float:
    from .torch_oracle import torch_gradient

    other = torch_gradient(case.network, case.x, case.targets, case.loss)
    return max(
        _difference(gradient, other, bound, name)
        for name in ("predictions", "loss", "weights", "biases", "inputs")
    )


def _torch_product_difference(
    case: Case, direction: tuple[Array, Array], product: Gradient, bound: Gradient
) -> float:
    from .torch_oracle import torch_hessian_vector_product

    other = torch_hessian_vector_product(case.network, case.x, case.targets, *direction, case.loss)
    return max(_difference(product, other, bound, name) for name in ("weights", "biases"))


# --- drawing --------------------------------------------------------------------------------------


def draw_case(seed: int, neurons: int = 200, examples: int = 64) -> Case:
    """Draw a network, layered or of any shape, with a batch and a loss that suits it.

    Args:
        seed: The seed. The same seed and limits draw the same case.
        neurons: The largest number of neurons that are no inputs.
        examples: The largest number of examples.
    """
    rng = np.random.default_rng(seed)
    loss = str(rng.choice(list(_TARGETS)))
    size = int(np.exp(rng.uniform(0, np.log(neurons + 0.99))))
    names = list(BUILT_IN)
    output_activations = ["sigmoid"] if loss in ("cross_entropy", "kl_divergence") else names
    inputs = min(30, neurons + 1)
    draw = _layered if rng.random() < 0.4 else _any_graph
    network = draw(rng, size, names, output_activations, inputs)
    if loss == "softmax_cross_entropy" and len(network.outputs) == 1:
        loss = "squared_error"  # a softmax of one number is 1, and all urgencies would be 0
    biases = np.where(network.is_input, 0.0, 0.5 * rng.standard_normal(len(network.ids)))
    network = network.with_parameters(network.weights, biases)
    batch = 1 if rng.random() < 0.2 else int(rng.integers(2, examples + 1))
    x = rng.standard_normal((batch, len(network.inputs)))
    return Case(network, x, _TARGETS[loss](rng, (batch, len(network.outputs))), loss)


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


_TARGETS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Array]] = {
    "squared_error": _any_numbers,
    "absolute_error": _any_numbers,
    "huber": _any_numbers,
    "cross_entropy": _between_0_and_1,
    "softmax_cross_entropy": _class_probabilities,
    "kl_divergence": _between_0_and_1,
    "sigmoid_cross_entropy": _between_0_and_1,
}
