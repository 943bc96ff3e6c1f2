"""A rival for any network: a graph with an object for each number, as micrograd has.

`Value` is such an object: a number, what it was computed from, and its derivatives by that. A
gradient is found by one walk back through all of them (Karpathy 2020). Here is no society: the
whole graph is one program's. It computes what the society does, example after example, at each
tick and position, with numbers of Python.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import neuro_actors as na


class Value:
    """A number that was computed.

    Attributes:
        data: The number.
        grad: ∂loss/∂ it, after `backward` of the loss.
    """

    __slots__ = ("_children", "_local", "data", "grad")

    def __init__(
        self, data: float, children: Sequence[Value] = (), local: Sequence[float] = ()
    ) -> None:
        self.data, self.grad = data, 0.0
        self._children, self._local = children, local

    def __add__(self, other: Value) -> Value:
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Value) -> Value:
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def times(self, number: float) -> Value:
        """Return the product with a number that does not learn."""
        return Value(self.data * number, (self,), (number,))

    def backward(self) -> None:
        """Compute ∂self/∂ each number that this one was computed from, into its `grad`."""
        order: list[Value] = []
        seen: set[int] = set()
        stack = [(self, False)]
        while stack:  # not by recursion: a graph is deeper than Python's stack
            value, is_done = stack.pop()
            if is_done:
                order.append(value)
            elif id(value) not in seen:
                seen.add(id(value))
                stack.append((value, True))
                stack += [(child, False) for child in value._children]
        self.grad = 1.0
        for value in reversed(order):
            grad = value.grad
            for child, local in zip(value._children, value._local, strict=True):
                child.grad += local * grad


def _normal_cdf(z: float) -> float:
    return 0.5 * (1.0 + math.erf(z * math.sqrt(0.5)))


def _sigmoid(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-z))


# f(z) and f'(z), of z and f(z)
FUNCTIONS: dict[str, tuple[Callable[[float], float], Callable[[float, float], float]]] = {
    "tanh": (math.tanh, lambda z, a: 1.0 - a * a),
    "sigmoid": (_sigmoid, lambda z, a: a * (1.0 - a)),
    "relu": (lambda z: max(z, 0.0), lambda z, a: float(z > 0.0)),
    "gelu": (
        lambda z: z * _normal_cdf(z),
        lambda z, a: _normal_cdf(z) + z * math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi),
    ),
    "silu": (
        lambda z: z * _sigmoid(z),
        lambda z, a: _sigmoid(z) * (1.0 + z * (1.0 - _sigmoid(z))),
    ),
    "exp": (math.exp, lambda z, a: a),
    "square": (lambda z: z * z, lambda z, a: 2.0 * z),
    "rsqrt": (lambda z: 1.0 / math.sqrt(z), lambda z, a: -0.5 * a / z),
}


def apply(name: str, z: Value) -> Value:
    """Return an activation function of a value."""
    if name == "identity":
        return z
    value, slope = FUNCTIONS[name]
    a = value(z.data)
    return Value(a, (z,), (slope(z.data, a),))


def combine(name: str, terms: Sequence[Value]) -> Value:
    """Return a combination of some values."""
    numbers = [term.data for term in terms]
    if name == "sum":
        return Value(sum(numbers), terms, (1.0,) * len(terms))
    if name == "max":
        first = numbers.index(max(numbers))
        return Value(numbers[first], (terms[first],), (1.0,))
    if name == "logsumexp":
        most = max(numbers)
        found = most + math.log(sum(math.exp(x - most) for x in numbers))
        return Value(found, terms, [math.exp(x - found) for x in numbers])
    product = terms[0] if terms else Value(1.0)
    for term in terms[1:]:
        product = product * term
    return product


class ScalarGraph:
    """A network, a batch and a loss as one graph of numbers.

    Args:
        network: The network, without delays that repeat a later tick.
        x: The inputs, as the society takes them.
        targets: The targets.
        loss: "squared_error" or "softmax_cross_entropy".
    """

    def __init__(self, network: na.Network, x: Any, targets: Any, loss: str) -> None:
        self.network, self.loss = network, loss
        batch = len(x)
        time = x.shape[1] if network.delays else 1
        self.x = x.reshape(batch, time, -1, len(network.inputs)).tolist()
        self.targets = targets.reshape(batch, time, -1, len(network.outputs)).tolist()
        self.order = [
            k for k in np.argsort(network.level, kind="stable").tolist()
            if not network.is_input[k]
        ]  # fmt: skip
        self.incoming = [network.incoming.of(k).tolist() for k in range(len(network.ids))]
        self.sources, self.frozen = network.sources.tolist(), network.frozen_weights.tolist()
        self.fields = {
            k: node.field.positions.tolist()
            for k, node in network.interneurons.items()
            if node.field is not None
        }
        self.constants = network.weights.tolist()

    def gradient(self) -> tuple[np.ndarray, np.ndarray]:
        """Return ∂loss/∂weights and ∂loss/∂biases, in the network's order; not of frozen parts."""
        network = self.network
        weights = [Value(w) for w in self.constants]
        biases = [Value(b) for b in network.biases.tolist()]
        total = Value(0.0)
        for x, targets in zip(self.x, self.targets, strict=True):
            for value in self._losses(x, targets, weights, biases):
                total = total + value
        total.times(1.0 / len(self.x)).backward()
        return np.array([w.grad for w in weights]), np.array([b.grad for b in biases])

    def _losses(
        self, x: Any, targets: Any, weights: list[Value], biases: list[Value]
    ) -> list[Value]:
        """Return the loss of each row of outputs of one example."""
        network, said, losses = self.network, [], []
        outputs = network.output_positions.tolist()
        for t, rows in enumerate(x):
            values: dict[int, list[Value]] = {
                network.position[name]: [Value(row[i]) for row in rows]
                for i, name in enumerate(network.inputs)
            }
            for k, (of, later) in network.delays.items():
                n = int(network.n_positions[k])
                values[k] = said[t - later][of] if t >= later else [Value(0.0) for _ in range(n)]
            for k in self.order:
                if k not in network.delays:
                    values[k] = self._neuron(k, values, weights, biases)
            said.append(values)
            for p, wanted in enumerate(targets[t]):
                losses.append(self._loss([values[k][p] for k in outputs], wanted))
        return losses

    def _neuron(
        self,
        k: int,
        values: dict[int, list[Value]],
        weights: list[Value],
        biases: list[Value],
    ) -> list[Value]:
        """Return what a neuron or an interneuron says, at each of its positions."""
        network, incoming = self.network, self.incoming[k]
        received = [values[self.sources[s]] for s in incoming]
        if k in network.interneurons:
            name = network.interneurons[k].combination
            if k not in self.fields:
                return [combine(name, terms) for terms in zip(*received, strict=True)]
            return [
                combine(name, [source[at] for source in received for at in there if at >= 0])
                for there in self.fields[k]
            ]
        found = []
        for there in zip(*received, strict=True):
            z = biases[k]
            for s, a in zip(incoming, there, strict=True):
                z = z + (a.times(self.constants[s]) if self.frozen[s] else weights[s] * a)
            found.append(apply(network.activations[k], z))
        return found

    def _loss(self, said: list[Value], wanted: list[float]) -> Value:
        if self.loss == "squared_error":
            parts = [apply("square", p + Value(-t)) for p, t in zip(said, wanted, strict=True)]
            return combine("sum", parts)
        right = combine("sum", [p.times(-t) for p, t in zip(said, wanted, strict=True)])
        return right + combine("logsumexp", said).times(sum(wanted))
