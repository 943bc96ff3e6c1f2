"""The same gradient by PyTorch's autograd in float64: an oracle that shares no derivative with this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..network.gradient import Gradient
from ..network.network import Network
from ..support.errors import InputError
from ..support.validation import Array


def torch_gradient(
    network: Network, x: Array, targets: Array, loss: str = "squared_error"
) -> Gradient:
    """What `reference.gradient` returns with `wrt_inputs`, found by autograd, neuron by neuron. Needs the extra `torch`."""
    import torch

    leaves, predictions, value = _computed(torch, network, x, targets, loss)
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
) -> Gradient:
    """What `reference.hessian_vector_product` returns, found by double backward."""
    import torch

    # torch adds 1e-12 to a divisor in the second derivative of its own binary cross-entropy: here it is spelt out
    spelt = {"cross_entropy": lambda p, t: -(t * p.log() + (1 - t) * (1 - p).log()).sum(1)}
    (*parameters, _), predictions, value = _computed(torch, network, x, targets, loss, spelt)
    first = torch.autograd.grad(value, parameters, create_graph=True)
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


def _computed(
    torch: Any,
    network: Network,
    x: Array,
    targets: Array,
    loss: str,
    spelt: dict[str, Any] | None = None,
) -> tuple[list[Any], Any, Any]:
    """The leaves (weights, biases, inputs), the predictions and the mean loss, as autograd holds them."""
    tensor: Callable[[Array], Any] = lambda array: torch.tensor(array, dtype=torch.float64)  # noqa: E731
    leaves = weights, biases, rows = [tensor(network.weights), tensor(network.biases), tensor(x)]
    for leaf in leaves:
        leaf.requires_grad_(True)
    values: dict[int, Any] = {
        int(k): rows[:, i] for i, k in enumerate(np.flatnonzero(network.is_input))
    }
    for k in np.argsort(network.level, kind="stable").tolist():
        if not network.is_input[k]:
            incoming = network.incoming.of(k)
            heard = torch.stack(
                [values[source] for source in network.sources[incoming].tolist()], dim=1
            )
            values[k] = _activation(torch, network.activations[k])(
                heard @ weights[incoming] + biases[k]
            )
    predictions = torch.stack([values[k] for k in network.output_positions.tolist()], dim=1)
    value = ((spelt or {}).get(loss) or _loss(torch, loss))(predictions, tensor(targets)).mean()
    return leaves, predictions, value


def _activation(torch: Any, name: str) -> Any:
    f = torch.nn.functional
    table = {
        "identity": lambda z: z,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": f.leaky_relu,
        "softplus": lambda z: torch.logaddexp(
            z, torch.zeros_like(z)
        ),  # torch's own is cut off at 20
        "elu": f.elu,
        "gelu": f.gelu,
        "sin": torch.sin,
    }
    return _known(table, name)


def _loss(torch: Any, name: str) -> Any:
    f = torch.nn.functional
    table = {
        "squared_error": lambda p, t: ((p - t) ** 2).sum(1),
        "absolute_error": lambda p, t: (p - t).abs().sum(1),
        "huber": lambda p, t: f.huber_loss(p, t, reduction="none").sum(1),
        "cross_entropy": lambda p, t: f.binary_cross_entropy(p, t, reduction="none").sum(1),
        "softmax_cross_entropy": lambda p, t: f.cross_entropy(p, t, reduction="none"),
        "kl_divergence": lambda p, t: f.kl_div(p.log(), t, reduction="none").sum(1),
    }
    return _known(table, name)


def _known(table: dict[str, Any], name: str) -> Any:
    if name not in table:
        raise InputError(f"{name!r} has no counterpart in the PyTorch oracle")
    return table[name]
