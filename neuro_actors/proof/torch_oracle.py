"""The same gradient by PyTorch's autograd in float64. It shares no derivative with this package."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from ..network.dropout import read_dropout
from ..network.gradient import Gradient
from ..network.network import Network
from ..support.arrays import Array
from ..support.errors import InputError
from ..support.optional import import_optional
from .reference.unroll import draw_masks


def torch_gradient(
    network: Network,
    x: Array,
    targets: Array,
    loss: str = "squared_error",
    window: int | None = None,
    step: int | None = None,
) -> Gradient:
    """Compute what `reference.gradient` returns with `wrt_inputs`, by autograd, neuron by neuron.

    It needs the extra `torch`. A network with delays goes through time tick by tick.

    Args:
        network: The network.
        x: The values of the inputs. Shape (batch, *positions, n_inputs), or (batch, ticks,
            *positions, n_inputs) of a network with delays.
        targets: What the outputs should be. Shape (batch, *positions, n_outputs), likewise.
        loss: The name of a loss that is built in.
        window: As in `rules.ThroughTime`: after how many ticks derivatives are cut.
        step: The number of the step whose masks dropouts have, as in `na.reference.gradient`.

    Raises:
        InputError: PyTorch has no counterpart of the loss, an activation function or a combination.
    """
    torch = import_optional("torch", "it needs PyTorch: pip install 'neuro-actors[torch]'")

    leaves, predictions, value = _compute(torch, network, x, targets, loss, None, window, step)
    gradients = (
        gradient.numpy() for gradient in torch.autograd.grad(value, leaves, materialize_grads=True)
    )
    return Gradient(network, value.item(), predictions.detach().numpy(), *gradients)


def torch_hessian_vector_product(
    network: Network,
    x: Array,
    targets: Array,
    weights: Array,
    biases: Array,
    loss: str = "squared_error",
    step: int | None = None,
) -> Gradient:
    """Compute what `reference.hessian_vector_product` returns, by a second backward pass.

    Args:
        network: The network.
        x: The values of the inputs, as in `torch_gradient`. Shape (batch, …, n_inputs).
        targets: What the outputs should be. Shape (batch, …, n_outputs).
        weights: The direction's component for each synapse. Shape (n_synapses,).
        biases: The direction's component for each neuron. Shape (n_neurons,).
        loss: The name of a loss that is built in.
        step: The number of the step whose masks dropouts have, as in `na.reference.gradient`.

    Raises:
        InputError: PyTorch has no counterpart of the loss, an activation function or a combination.
    """
    torch = import_optional("torch", "it needs PyTorch: pip install 'neuro-actors[torch]'")

    # torch adds 1e-12 to a divisor in the second derivative of its own binary cross-entropy
    own_losses = {"cross_entropy": lambda p, t: -(t * p.log() + (1 - t) * (1 - p).log()).sum(1)}
    given = torch, network, x, targets, loss, own_losses
    (*parameters, _), predictions, value = _compute(*given, step=step)
    first = torch.autograd.grad(value, parameters, create_graph=True, materialize_grads=True)
    along = sum(
        (g * torch.tensor(v, dtype=torch.float64)).sum()
        for g, v in zip(first, (weights, biases), strict=True)
    )
    if not along.requires_grad:  # a loss that is linear in everything
        second = [torch.zeros_like(leaf) for leaf in parameters]
    else:
        second = torch.autograd.grad(along, parameters, materialize_grads=True)
    return Gradient(
        network, value.item(), predictions.detach().numpy(), *(g.numpy() for g in second)
    )


def _compute(
    torch: Any,
    network: Network,
    x: Array,
    targets: Array,
    loss: str,
    own_losses: dict[str, Any] | None = None,
    window: int | None = None,
    step: int | None = None,
) -> tuple[list[Any], Any, Any]:
    """Return the leaves (weights, biases, inputs), the predictions and the mean loss as tensors."""
    tensor: Callable[[Array], Any] = lambda array: torch.tensor(array, dtype=torch.float64)  # noqa: E731
    leaves = [tensor(network.weights), tensor(network.biases), tensor(x)]
    for leaf in leaves:
        leaf.requires_grad_(True)
    batch, ticks = len(x), x.shape[1] if network.delays else 1
    rows = leaves[2].reshape(batch, ticks, -1, len(network.inputs))
    masks = draw_masks(network, batch, (ticks,) if network.delays else (), step)
    known: dict[tuple[int, int], Any] = {}  # by tick and neuron: (batch, positions)
    signals: dict[tuple[int, int], Any] = {}  # of neurons, the same

    def value(t: int, k: int) -> Any:
        if (t, k) not in known:
            known[t, k] = compute_at(t, k)
        return known[t, k]

    def compute_at(t: int, k: int) -> Any:
        if k in network.delays:
            of, later = network.delays[k]
            if not 0 <= t - later < ticks:
                return torch.zeros((batch, int(network.n_positions[k])), dtype=torch.float64)
            is_cut = window is not None and t // window != (t - later) // window
            return value(t - later, of).detach() if is_cut else value(t - later, of)
        if network.is_input[k]:
            return rows[:, t, :, network.inputs.index(network.ids[k])]
        sources = set(network.sources[network.incoming.of(k)].tolist())
        values = {source: value(t, source) for source in sources}
        if k not in network.interneurons:
            signals[t, k] = _signal(torch, network, k, values, *leaves[:2])
            return _activation(torch, network.activations[k])(signals[t, k])
        said = _interneuron(torch, network, k, values)
        return said * tensor(masks[t, k]) if (t, k) in masks else said

    if all(later > 0 for _, later in network.delays.values()):  # tick after tick: less deep
        for t, k in product(range(ticks), np.argsort(network.level, kind="stable").tolist()):
            value(t, k)
    outputs = network.output_positions.tolist()
    # (batch, ticks, positions, n_outputs)
    predictions = torch.stack(
        [torch.stack([value(t, k) for k in outputs], dim=2) for t in range(ticks)], dim=1
    )
    compute = (own_losses or {}).get(loss) or _loss(torch, loss)
    by_row = predictions.reshape(-1, len(outputs))
    if loss == "cross_entropy" and {network.activations[k] for k in outputs} == {"sigmoid"}:
        # of a probability near 1 the logit says more, and torch's own loss is cut off at 1e-12
        by_tick = [torch.stack([signals[t, k] for k in outputs], dim=2) for t in range(ticks)]
        by_row = torch.stack(by_tick, dim=1).reshape(-1, len(outputs))
        compute = lambda z, t: (torch.logaddexp(z, torch.zeros_like(z)) - t * z).sum(1)  # noqa: E731
    wanted = tensor(targets).reshape(-1, len(outputs))
    counts = ~wanted.isnan().all(1)
    losses = torch.zeros(len(wanted), dtype=torch.float64)
    losses = losses.masked_scatter(counts, compute(by_row[counts], wanted[counts]))
    return leaves, predictions.reshape(targets.shape), losses.reshape(batch, -1).sum(1).mean()


def _signal(
    torch: Any, network: Network, k: int, values: dict[int, Any], weights: Any, biases: Any
) -> Any:
    """Return the signal of a neuron at all of its positions."""
    incoming = network.incoming.of(k)
    sources = [values[source] for source in network.sources[incoming].tolist()]
    return torch.stack(sources, dim=2) @ weights[incoming] + biases[k]


def _interneuron(torch: Any, network: Network, k: int, values: dict[int, Any]) -> Any:
    """Return the activation of an interneuron at all of its positions."""
    sources = [values[source] for source in network.sources[network.incoming.of(k)].tolist()]
    node = network.interneurons[k]
    # a dropout repeats; what has a step multiplies by its mask
    name = "sum" if read_dropout(node.combination) else node.combination
    combine, nothing = _combination(torch, name)
    if node.field is None:
        return combine(sources)
    terms = []
    for positions in node.field.positions.T:  # one of those that are heard from each position
        exists = torch.tensor(positions >= 0)
        at = torch.tensor(np.maximum(positions, 0))
        terms.append([torch.where(exists, s.index_select(1, at), nothing) for s in sources])
    return combine([term for of_source in zip(*terms, strict=True) for term in of_source])


def _combination(torch: Any, name: str) -> tuple[Any, float]:
    """Return a function of a list of tensors, and what stands for one that is not heard."""

    def product(terms: list[Any]) -> Any:
        value = terms[0]
        for term in terms[1:]:
            value = value * term
        return value

    table = {
        "sum": (lambda terms: torch.stack(terms).sum(0), 0.0),
        "product": (product, 1.0),
        # amax would share the slope out where several are the greatest; this takes the first
        "max": (lambda terms: torch.stack(terms).max(0).values, -np.inf),
        "logsumexp": (lambda terms: torch.logsumexp(torch.stack(terms), 0), -np.inf),
    }
    found: tuple[Any, float] = _look_up(table, name)
    return found


def _activation(torch: Any, name: str) -> Any:
    f = torch.nn.functional
    table = {
        "identity": lambda z: z,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": f.leaky_relu,
        # torch's own softplus is cut off at 20
        "softplus": lambda z: torch.logaddexp(z, torch.zeros_like(z)),
        "elu": f.elu,
        "gelu": f.gelu,
        "sin": torch.sin,
        "silu": f.silu,
        "softsign": f.softsign,
        "hardtanh": f.hardtanh,
        # torch's own has 1/6 as a float32 in its slope, and no curvature
        "hardsigmoid": lambda z: f.relu6(z + 3.0) / 6.0,
        "exp": torch.exp,
        "log": torch.log,
        "square": torch.square,
        "sqrt": torch.sqrt,
        "rsqrt": torch.rsqrt,
        "reciprocal": torch.reciprocal,
    }
    return _look_up(table, name)


def _loss(torch: Any, name: str) -> Any:
    f = torch.nn.functional
    table = {
        "squared_error": lambda p, t: ((p - t) ** 2).sum(1),
        "absolute_error": lambda p, t: (p - t).abs().sum(1),
        "huber": lambda p, t: f.huber_loss(p, t, reduction="none").sum(1),
        "cross_entropy": lambda p, t: f.binary_cross_entropy(p, t, reduction="none").sum(1),
        "sigmoid_cross_entropy": lambda p, t: f.binary_cross_entropy_with_logits(
            p, t, reduction="none"
        ).sum(1),
        "softmax_cross_entropy": lambda p, t: f.cross_entropy(p, t, reduction="none"),
        "kl_divergence": lambda p, t: f.kl_div(p.log(), t, reduction="none").sum(1),
    }
    return _look_up(table, name)


def _look_up(table: dict[str, Any], name: str) -> Any:
    if name not in table:
        raise InputError(f"{name!r} has no counterpart in the PyTorch oracle")
    return table[name]
