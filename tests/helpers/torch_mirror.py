"""The same architecture in PyTorch: its parameters in a network of layers, and what comes of them compared.

Two computations of one gradient differ by rounding alone. Each number is a sum of products; what a sum errs is a share
of its terms, so it is measured beside the greatest number of its tensor: CLOSE of it. Measured: at most 2e-15.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import neuro_actors as na

CLOSE = 256 * 2.0**-52


@dataclass
class Mirror:
    """Which synapses and biases of a network are which entries of a module's parameters.

    Args:
        network: The network.
        module: The PyTorch module, in float64.
    """

    network: na.Network
    module: Any
    parts: list[tuple[str, np.ndarray, np.ndarray, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        net = self.network
        ends = zip(net.sources.tolist(), net.targets.tolist(), strict=True)
        self.synapse = {pair: k for k, pair in enumerate(ends)}

    def weight(
        self, ids: Sequence[str], parameter: str, sources: Sequence[str] | None = None, rows: Any = slice(None)
    ) -> Mirror:  # fmt: skip
        """Name the weights of some neurons: `rows` of a parameter, one row for each of them.

        Args:
            ids: The neurons.
            parameter: The name of the parameter.
            sources: What each hears, in the order of the row. None: all that it hears.
            rows: The rows of the parameter.
        """
        net, found = self.network, []
        for name in ids:
            k = net.position[name]
            if sources is None:
                found.append(net.incoming.of(k))
            else:
                found.append([self.synapse[net.position[s], k] for s in sources])
        self.parts.append((parameter, np.array(found), self._entries(parameter, rows), True))
        return self

    def bias(self, ids: Sequence[str], parameter: str, rows: Any = slice(None)) -> Mirror:
        """Name the biases of some neurons; see `weight`."""
        found = np.array([self.network.position[name] for name in ids])
        self.parts.append((parameter, found, self._entries(parameter, rows), False))
        return self

    def dense(self, ids: Sequence[str], layer: str, rows: Any = slice(None)) -> Mirror:
        """Name weights and biases of neurons that are a `Linear` or a convolution."""
        return self.weight(ids, f"{layer}.weight", rows=rows).bias(ids, f"{layer}.bias", rows)

    def load(self) -> na.Network:
        """The network with the module's parameters; what no part names keeps its own."""
        weights, biases = np.array(self.network.weights), np.array(self.network.biases)
        values = {name: p.detach().numpy().ravel() for name, p in self.module.named_parameters()}
        for parameter, where, entries, is_weight in self.parts:
            into = weights if is_weight else biases
            into[where.ravel()] = values[parameter][entries.ravel()]
        return self.network.with_parameters(weights, biases)

    def apart(self, weights: np.ndarray, biases: np.ndarray, values: dict[str, Any]) -> float:
        """The greatest difference, as a share of the greatest number of its tensor.

        Args:
            weights: A number for each synapse.
            biases: A number for each neuron.
            values: The tensors, by the names of the parameters.
        """
        most = 0.0
        for parameter, where, entries, is_weight in self.parts:
            ours = (weights if is_weight else biases)[where.ravel()]
            theirs = values[parameter].ravel()
            gap = np.abs(ours - theirs[entries.ravel()]).max()
            most = max(most, gap / max(np.abs(theirs).max(), 1e-300))
        return float(most)

    def _entries(self, parameter: str, rows: Any) -> np.ndarray:
        shape = dict(self.module.named_parameters())[parameter].shape
        return np.arange(int(np.prod(shape))).reshape(shape)[rows]


def check_all(
    mirror: Mirror,
    forward: Callable[[Any, Any], Any],
    x: np.ndarray,
    targets: np.ndarray,
    loss: str = "squared_error",
    frozen: Sequence[tuple[str, Any]] = (),
    steps: int = 3,
    close: float = CLOSE,
) -> None:
    """Compare gradients, gradients of inputs, and some steps of SGD and Adam; engines bit for bit.

    Args:
        mirror: The network and the module.
        forward: Computes the predictions, of the shape of ours, from the module and x.
        x: The inputs, as ours.
        targets: The targets, as ours.
        loss: "squared_error" or "softmax_cross_entropy".
        frozen: Which parameters, and which rows of them, PyTorch is not to change.
        steps: How many steps.
        close: See `CLOSE`.
    """
    import torch

    torch.set_num_threads(1)
    network = mirror.load()
    found = na.gradient(network, x, targets, loss, channels="bundled", wrt_inputs=True)
    other = na.gradient(network, x, targets, loss, channels="memory", wrt_inputs=True)
    for name in ("weights", "biases", "inputs", "predictions"):
        assert np.array_equal(getattr(found, name), getattr(other, name)), name

    def compute(module: Any, given: Any) -> tuple[Any, Any]:
        said = forward(module, given)
        wanted = torch.tensor(targets)
        if loss == "squared_error":
            return said, ((said - wanted) ** 2).sum() / len(x)
        log = torch.log_softmax(said, dim=-1)
        return said, -(wanted * log).sum() / len(x)

    given = torch.tensor(x, requires_grad=True)
    module = deepcopy(mirror.module)
    said, value = compute(module, given)
    value.backward()
    assert abs(found.loss - value.item()) <= close * abs(value.item())
    for name, ours, theirs in (
        ("predictions", found.predictions, said.detach().numpy()),
        ("inputs", found.inputs, given.grad.numpy()),
    ):
        assert ours.shape == theirs.shape, name
        assert np.abs(ours - theirs).max() <= close * np.abs(theirs).max(), name
    gradients = {
        name: p.grad.numpy() for name, p in module.named_parameters() if p.grad is not None
    }
    assert mirror.apart(found.weights, found.biases, gradients) <= close

    optimizers = (
        (na.SGD(0.02, momentum=0.9), lambda p: torch.optim.SGD(p, 0.02, momentum=0.9), 8.0),
        # near 0 Adam's step is g / epsilon: an epsilon of 0.01 keeps what g errs in bounds
        (na.Adam(0.02, epsilon=0.01), lambda p: torch.optim.Adam(p, 0.02, eps=0.01), 8.0),
    )
    for ours, theirs, wide in optimizers:
        result = na.train(
            network, x, targets, loss, optimizer=ours, epochs=steps, batch_size=len(x)
        ).network
        learning = deepcopy(mirror.module)
        optimizer = theirs(list(learning.parameters()))
        for _ in range(steps):
            optimizer.zero_grad()
            compute(learning, torch.tensor(x))[1].backward()
            for name, rows in frozen:
                dict(learning.named_parameters())[name].grad[rows] = 0.0
            optimizer.step()
        values = {name: p.detach().numpy() for name, p in learning.named_parameters()}
        assert not np.array_equal(result.weights, network.weights)
        assert mirror.apart(result.weights, result.biases, values) <= wide * close, ours
