"""The same gradient by PyTorch's autograd in float64. It shares no derivative with this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..network.gradient import Gradient
from ..network.network import Network
from ..support.arrays import Array
from ..support.errors import InputError
from ..support.optional import import_optional


def torch_gradient(
    network: Network, x: Array, targets: Array, loss: str = "squared_error"
) -> Gradient:
    """Compute what `reference.gradient` returns with `wrt_inputs`, by autograd, neuron by neuron.

    It needs the extra `torch`.

    Args:
        network: The network.
        x: The values of the inputs. Shape (batch, n_inputs).
        targets: What the outputs should be. Shape (batch, n_outputs).
        loss: The name of a loss that is built in.

    Raises:
        InputError: PyTorch has no counterpart of the loss or of an activation function.
    """
    torch = import_optional("torch", "it needs PyTorch: pip install 'neuro-actors[torch]'")

    leaves, predictions, value = _compute(torch, network, x, targets, loss)
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
    """Compute what `reference.hessian_vector_product` returns, by a second backward pass.

    Args:
        network: The network.
        x: The values of the inputs. Shape (batch, n_inputs).
        targets: What the outputs should be. Shape (batch, n_outputs).
        weights: The direction's component for each synapse. Shape (n_synapses,).
        biases: The direction's component for each neuron. Shape (n_neurons,).
        loss: The name of a loss that is built in.

    Raises:
        InputError: PyTorch has no counterpart of the loss or of an activation function.
    """
    torch = import_optional("torch", "it needs PyTorch: pip install 'neuro-actors[torch]'")

    # torch adds 1e-12 to a divisor in the second derivative of its own binary cross-entropy
    own_losses = {"cross_entropy": lambda p, t: -(t * p.log() + (1 - t) * (1 - p).log()).sum(1)}
    (*parameters, _), predictions, value = _compute(torch, network, x, targets, loss, own_losses)
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


def _compute(
    torch: Any,
    network: Network,
    x: Array,
    targets: Array,
    loss: str,
    own_losses: dict[str, Any] | None = None,
) -> tuple[list[Any], Any, Any]:
    """Return the leaves (weights, biases, inputs), the predictions and the mean loss as tensors."""
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
            sources = network.sources[incoming].tolist()
            activations_in = torch.stack([values[source] for source in sources], dim=1)
            signal = activations_in @ weights[incoming] + biases[k]
            values[k] = _activation(torch, network.activations[k])(signal)
    predictions = torch.stack([values[k] for k in network.output_positions.tolist()], dim=1)
    value = ((own_losses or {}).get(loss) or _loss(torch, loss))(
        predictions, tensor(targets)
    ).mean()
    return leaves, predictions, value


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
        "hardsigmoid": f.hardsigmoid,
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
