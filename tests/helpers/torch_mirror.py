"""The same architecture in PyTorch: its parameters in a network of layers, and what comes of them compared.

Two computations of one gradient differ by rounding alone. Each number is a sum of products; what a sum errs is a share
of its terms, so it is measured beside the greatest number of its tensor: CLOSE of it. Measured: at most 5 of the 32 eps.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import neuro_actors as na
from neuro_actors.proof.reference.step_mail import greatest_use

CLOSE = 32 * 2.0**-52


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

    def use(self, found: na.Gradient, bound: na.Gradient, values: dict[str, Any]) -> float:
        """The greatest difference from PyTorch's gradients, as a share of what rounding alone can do.

        Args:
            found: A gradient.
            bound: How far two computations of it may lie apart.
            values: PyTorch's gradients, by the names of the parameters.
        """
        most = 0.0
        for parameter, where, entries, is_weight in self.parts:
            ours = (found.weights if is_weight else found.biases)[where.ravel()]
            limit = (bound.weights if is_weight else bound.biases)[where.ravel()]
            theirs = values[parameter].ravel()[entries.ravel()]
            most = max(most, greatest_use(ours, theirs, limit))
        return most

    def _entries(self, parameter: str, rows: Any) -> np.ndarray:
        shape = dict(self.module.named_parameters())[parameter].shape
        return np.arange(int(np.prod(shape))).reshape(shape)[rows]


def compute(case: Any, module: Any, given: Any) -> tuple[Any, Any]:
    """PyTorch's predictions and mean loss of a case.

    Args:
        case: See `torch_architectures.Case`.
        module: The module.
        given: The inputs, a tensor.
    """
    import torch

    said, wanted = case.forward(module, given), torch.tensor(case.targets)
    if case.loss == "squared_error":
        return said, ((said - wanted) ** 2).sum() / len(given)
    return said, -(wanted * torch.log_softmax(said, dim=-1)).sum() / len(given)


@dataclass(frozen=True)
class Apart:
    """How far a society's predictions and gradients are from PyTorch's.

    Attributes:
        share: The greatest difference, as a share of the greatest number of its tensor.
        of_bound: The greatest difference, as a share of what rounding alone can do to that number.
    """

    share: float
    of_bound: float


def compare_gradients(case: Any) -> Apart:
    """Compare loss, predictions and all gradients with PyTorch's, and both with the reference's."""
    import torch

    network = case.mirror.load()
    given = network, case.x, case.targets, case.loss
    found = na.gradient(*given, wrt_inputs=True)
    module, x = deepcopy(case.mirror.module), torch.tensor(case.x, requires_grad=True)
    said, value = compute(case, module, x)
    value.backward()
    values = {name: p.grad.numpy() for name, p in module.named_parameters() if p.grad is not None}
    expected, bound = na.reference.with_bound(*given, wrt_inputs=True)
    shares = [case.mirror.apart(found.weights, found.biases, values)]
    uses = [case.mirror.use(gradient, bound, values) for gradient in (found, expected)]
    theirs = {"loss": np.array(value.item()), "predictions": said.detach().numpy(), "inputs": x.grad.numpy()}  # fmt: skip
    for name, numbers in theirs.items():
        ours, right, limit = (np.asarray(getattr(g, name)) for g in (found, expected, bound))
        assert ours.shape == numbers.shape
        shares.append(float(np.abs(ours - numbers).max() / np.abs(numbers).max()))
        uses += [greatest_use(ours, numbers, limit), greatest_use(right, numbers, limit)]
    uses += [greatest_use(getattr(found, n), getattr(expected, n), getattr(bound, n)) for n in ("weights", "biases")]  # fmt: skip
    return Apart(max(shares), max(uses))


def check_case(case: Any, steps: int = 3) -> None:
    """Compare gradients, gradients of inputs, and some steps of SGD and Adam; engines bit for bit.

    Args:
        case: See `torch_architectures.Case`.
        steps: How many steps.
    """
    import torch

    torch.set_num_threads(1)
    network = case.mirror.load()
    found, other = (
        na.gradient(network, case.x, case.targets, case.loss, channels=channels, wrt_inputs=True)
        for channels in ("bundled", "memory")
    )
    for name in ("weights", "biases", "inputs", "predictions"):
        assert np.array_equal(getattr(found, name), getattr(other, name)), name
    apart = compare_gradients(case)
    assert apart.share <= CLOSE
    assert apart.of_bound <= 1.0
    optimizers = (
        (na.SGD(0.02, momentum=0.9), lambda p: torch.optim.SGD(p, 0.02, momentum=0.9)),
        # near 0 Adam's step is g / epsilon: an epsilon of 0.01 keeps what g errs in bounds
        (na.Adam(0.02, epsilon=0.01), lambda p: torch.optim.Adam(p, 0.02, eps=0.01)),
    )
    for ours, theirs in optimizers:
        result = na.train(
            network, case.x, case.targets, case.loss, optimizer=ours, epochs=steps,
            batch_size=len(case.x),
        ).network  # fmt: skip
        learning = deepcopy(case.mirror.module)
        optimizer = theirs(list(learning.parameters()))
        for _ in range(steps):
            optimizer.zero_grad()
            compute(case, learning, torch.tensor(case.x))[1].backward()
            for name, rows in case.frozen:
                dict(learning.named_parameters())[name].grad[rows] = 0.0
            optimizer.step()
        values = {name: p.detach().numpy() for name, p in learning.named_parameters()}
        assert not np.array_equal(result.weights, network.weights)
        assert case.mirror.apart(result.weights, result.biases, values) <= 8 * CLOSE, ours
