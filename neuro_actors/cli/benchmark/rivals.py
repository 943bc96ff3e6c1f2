"""Other programs that compute the gradient of a layered network, written as one would write them.

Each one is checked to give the same gradient. A rival is an async context manager with a `step`,
one forward and backward pass, and a `gradient`, which that step has found. All compute in
float64, on tanh or relu layers with an identity output, for the squared error.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...network.network import Network
from ...simulation.opening import open_simulation
from ...support.arrays import Array


@dataclass(frozen=True, slots=True)
class Work:
    """The gradient that all rivals compute.

    Attributes:
        sizes: Number of neurons of each layer, the inputs first.
        batch: Number of examples.
        activation: "tanh" or "relu", of the hidden layers.
    """

    sizes: tuple[int, ...]
    batch: int
    activation: str = "tanh"

    def network(self) -> Network:
        """Return the network, the same each time."""
        return Network.layered(self.sizes, self.activation, seed=0)

    def examples(self) -> tuple[Array, Array]:
        """Return examples (batch, n_inputs) and targets (batch, n_outputs), the same each time."""
        rng = np.random.default_rng(0)
        x = rng.standard_normal((self.batch, self.sizes[0]))
        return x, rng.standard_normal((self.batch, self.sizes[-1]))

    def __str__(self) -> str:
        layers = "-".join(map(str, self.sizes))
        return layers if self.activation == "tanh" else f"{layers} {self.activation}"


class Rival:
    """Base of all rivals.

    Attributes:
        name: Its name in the tables.
        work: What it computes.
        network: The network of `work`.
        x: The examples. Shape (batch, n_inputs).
        targets: Their targets. Shape (batch, n_outputs).
        exits: What is to be closed at the end.
    """

    name = ""

    def __init__(self, work: Work) -> None:
        self.work, self.network = work, work.network()
        self.x, self.targets = work.examples()
        self.exits = AsyncExitStack()

    async def __aenter__(self) -> Any:
        await self.start()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.exits.aclose()

    async def start(self) -> None:
        """Prepare everything that is not to be timed.

        Raises:
            ImportError: A package that the rival needs is not installed.
        """

    async def step(self) -> None:
        """Compute the gradient once."""
        raise NotImplementedError

    def gradient(self) -> Array | None:
        """Return the gradient that the last step found.

        Returns:
            ∂loss/∂weights, in the order of `network.synapses`. Shape (n_synapses,). None if the
            rival computes no gradient.
        """
        return None


class Society(Rival):
    """This package, with its engine "bundled".

    Attributes:
        channels: The engine.
        sums: "ordered" or "blas".
        log: A file for the messages, or None.
    """

    channels, sums, log = "bundled", "ordered", None
    name = "bundled"

    async def start(self) -> None:
        """See `Rival.start`."""
        society = open_simulation(self.network, self.channels, self.log, sums=self.sums)
        self.simulation = await self.exits.enter_async_context(society)

    async def step(self) -> None:
        """See `Rival.step`."""
        self.last = await self.simulation.gradient(self.x, self.targets)

    def gradient(self) -> Array | None:
        """See `Rival.gradient`."""
        return self.last.weights


class Blas(Society):
    """This package, with its engine "bundled" and the sums of the BLAS library."""

    name, sums = "bundled, blas", "blas"


class MemoryChannels(Society):
    """This package, with its engine "memory"."""

    name, channels = "memory", "memory"


class Matrices(Rival):
    """Matrices in numpy."""

    name = "numpy matrices"

    async def start(self) -> None:
        """See `Rival.start`."""
        self.weights, self.biases = self.network.to_matrices()

    async def step(self) -> None:
        """See `Rival.step`."""
        weights, relu = self.weights, self.work.activation == "relu"
        activations = [self.x]
        for k, (w, b) in enumerate(zip(weights, self.biases, strict=True)):
            z = activations[-1] @ w.T + b
            hidden = k < len(weights) - 1
            activations.append((np.maximum(z, 0.0) if relu else np.tanh(z)) if hidden else z)
        difference = activations[-1] - self.targets
        self.loss = float((difference * difference).sum(axis=1).mean())
        d = 2.0 * difference / len(self.x)
        self.found = []
        for k in reversed(range(len(weights))):
            self.found.append((d.T @ activations[k], d.sum(axis=0)))
            if k:
                a = activations[k]
                d = (d @ weights[k]) * ((a > 0) if relu else 1.0 - a * a)

    def gradient(self) -> Array | None:
        """See `Rival.gradient`."""
        return np.concatenate([w.ravel() for w, _ in reversed(self.found)])


class Torch(Rival):
    """PyTorch in eager mode, on one thread."""

    name = "PyTorch eager"

    async def start(self) -> None:
        """See `Rival.start`."""
        import torch

        torch.set_num_threads(1)
        self.torch: Any = torch
        weights, biases = self.network.to_matrices()
        self.layers = [
            (torch.tensor(w, requires_grad=True), torch.tensor(b, requires_grad=True))
            for w, b in zip(weights, biases, strict=True)
        ]
        self.t = torch.tensor(self.x), torch.tensor(self.targets)

    async def step(self) -> None:
        """See `Rival.step`."""
        torch, (a, targets) = self.torch, self.t
        for k, (w, b) in enumerate(self.layers):
            a = torch.nn.functional.linear(a, w, b)
            if k < len(self.layers) - 1:
                a = torch.relu(a) if self.work.activation == "relu" else torch.tanh(a)
        loss = ((a - targets) ** 2).sum(dim=1).mean()
        self.found = torch.autograd.grad(
            loss, [tensor for layer in self.layers for tensor in layer]
        )

    def gradient(self) -> Array | None:
        """See `Rival.gradient`."""
        return np.concatenate([tensor.numpy().ravel() for tensor in self.found[::2]])


class Micrograd(Rival):
    """micrograd, which has an object for each number. It can do batch 1 and relu only."""

    name = "micrograd"

    async def start(self) -> None:
        """See `Rival.start`."""
        from micrograd.engine import Value

        self.value: Any = Value
        weights, biases = self.network.to_matrices()
        self.layers = [
            [
                ([Value(v) for v in row], Value(bias))
                for row, bias in zip(w.tolist(), b.tolist(), strict=True)
            ]
            for w, b in zip(weights, biases, strict=True)
        ]

    async def step(self) -> None:
        """See `Rival.step`."""
        for layer in self.layers:
            for row, bias in layer:
                for parameter in (*row, bias):
                    parameter.grad = 0
        a = [self.value(v) for v in self.x[0].tolist()]
        for k, layer in enumerate(self.layers):
            signals = [
                sum((w * x for w, x in zip(row, a, strict=True)), bias) for row, bias in layer
            ]
            a = [z.relu() for z in signals] if k < len(self.layers) - 1 else signals
        loss = sum((p - t) ** 2 for p, t in zip(a, self.targets[0].tolist(), strict=True))
        loss.backward()

    def gradient(self) -> Array | None:
        """See `Rival.gradient`."""
        return np.array([w.grad for layer in self.layers for row, _ in layer for w in row])
