"""Who else computes the gradient of a layered network: small honest programs, each checked to give the same one.

A rival is an async context manager with a `step`, one forward and backward pass, and a `gradient`, the last step's
∂loss/∂weights, (n_synapses,). All work in float64, on tanh or relu layers with an identity output and squared error.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...network.network import Network
from ...simulation.opening import open_simulation
from ...support.validation import Array


@dataclass(frozen=True, slots=True)
class Work:
    """What all of them do: layers of `sizes`, `batch` examples at once."""

    sizes: tuple[int, ...]
    batch: int
    activation: str = "tanh"

    def network(self) -> Network:
        return Network.layered(self.sizes, self.activation, seed=0)

    def examples(self) -> tuple[Array, Array]:
        rng = np.random.default_rng(0)
        return rng.standard_normal((self.batch, self.sizes[0])), rng.standard_normal(
            (self.batch, self.sizes[-1])
        )

    def __str__(self) -> str:
        return "-".join(map(str, self.sizes)) + (
            "" if self.activation == "tanh" else f" {self.activation}"
        )


class Rival:
    """The base of all: does nothing."""

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
        """Whatever is to be done once."""

    async def step(self) -> None:
        """One step."""
        raise NotImplementedError

    def gradient(self) -> Array | None:
        """∂loss/∂weights as of the last step, in the network's order; None where there is none to compare."""
        return None


class Society(Rival):
    """This package, with one of its engines."""

    channels, sums, log = "bundled", "ordered", None
    name = "bundled"

    async def start(self) -> None:
        society = open_simulation(self.network, self.channels, self.log, sums=self.sums)
        self.simulation = await self.exits.enter_async_context(society)

    async def step(self) -> None:
        self.last = await self.simulation.gradient(self.x, self.targets)

    def gradient(self) -> Array | None:
        return self.last.weights


class Blas(Society):
    name, sums = "bundled, blas", "blas"


class MemoryChannels(Society):
    name, channels = "memory", "memory"


class Matrices(Rival):
    """numpy matrices, as one writes them."""

    name = "numpy matrices"

    async def start(self) -> None:
        self.weights, self.biases = self.network.to_matrices()

    async def step(self) -> None:
        weights, relu = self.weights, self.work.activation == "relu"
        activations = [self.x]
        for k, (w, b) in enumerate(zip(weights, self.biases, strict=True)):
            z = activations[-1] @ w.T + b
            hidden = k < len(weights) - 1
            activations.append((np.maximum(z, 0.0) if relu else np.tanh(z)) if hidden else z)
        apart = activations[-1] - self.targets
        self.loss = float((apart * apart).sum(axis=1).mean())
        d = 2.0 * apart / len(self.x)
        self.found = []
        for k in reversed(range(len(weights))):
            self.found.append((d.T @ activations[k], d.sum(axis=0)))
            if k:
                a = activations[k]
                d = (d @ weights[k]) * ((a > 0) if relu else 1.0 - a * a)

    def gradient(self) -> Array | None:
        return np.concatenate([w.ravel() for w, _ in reversed(self.found)])


class Torch(Rival):
    """PyTorch, eager, on one thread."""

    name = "PyTorch eager"

    async def start(self) -> None:
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
        return np.concatenate([tensor.numpy().ravel() for tensor in self.found[::2]])


class Micrograd(Rival):
    """micrograd: an object for each number. Batch 1 and relu, which is what it has."""

    name = "micrograd"

    async def start(self) -> None:
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
        return np.array([w.grad for layer in self.layers for row, _ in layer for w in row])
