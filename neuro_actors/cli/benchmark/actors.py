"""Rivals that are societies themselves, or parts of one: asyncio, Pykka, trio, the rules alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import trio

from ...network import functions
from ...neuron.local_rule import LocalRule
from ...neuron.messages import Step
from ...support.arrays import Array
from .rivals import Rival


class AsyncioActors(Rival):
    """The same society in plain asyncio: a task and a Queue for each neuron, an object a message.

    If the batch is one example, messages are floats.
    """

    name = "asyncio.Queue actors"

    async def start(self) -> None:
        """See `Rival.start`."""
        import asyncio

        self.loop = asyncio.new_event_loop()
        network, one = self.network, self.work.batch == 1
        tanh: Callable[[Any], Any] = math.tanh if one else np.tanh
        relu: Callable[[Any], Any] = (
            (lambda z: max(z, 0.0)) if one else (lambda z: np.maximum(z, 0.0))
        )
        queues: list[Any] = [asyncio.Queue() for _ in network.ids]
        predictions, commits = asyncio.Queue[Any](), asyncio.Queue[Any]()
        self.queues, self.predictions, self.commits = queues, predictions, commits
        outputs = {name: i for i, name in enumerate(network.outputs)}
        weights, sources, targets = (
            values.tolist() for values in (network.weights, network.sources, network.targets)
        )
        rank_in, rank_out = np.empty(len(weights), dtype=int), np.empty(len(weights), dtype=int)
        for k in range(len(network.ids)):
            rank_in[network.incoming.of(k)] = np.arange(len(network.incoming.of(k)))
            rank_out[network.outgoing.of(k)] = np.arange(len(network.outgoing.of(k)))

        async def neuron(k: int) -> None:
            incoming, outgoing = network.incoming.of(k).tolist(), network.outgoing.of(k).tolist()
            w, bias = [weights[s] for s in incoming], float(network.biases[k])
            followers = [(queues[targets[s]], int(rank_in[s])) for s in outgoing]
            answers = [
                (queues[sources[s]], int(rank_out[s]), weights[s])
                for s in incoming
                if not network.is_input[sources[s]]
            ]
            inbox, output = queues[k], outputs.get(network.ids[k])
            is_input, hidden = bool(network.is_input[k]), output is None
            while True:
                activations: list[Any] = [None] * max(len(incoming), 1)
                for _ in activations:
                    slot, value = await inbox.get()
                    activations[slot] = value
                if is_input:
                    for queue, slot in followers:
                        queue.put_nowait((slot, activations[0]))
                    continue
                z = bias
                for weight, value in zip(w, activations, strict=True):
                    z = z + weight * value
                a = (relu(z) if self.work.activation == "relu" else tanh(z)) if hidden else z
                for queue, slot in followers:
                    queue.put_nowait((slot, a))
                if output is not None:
                    predictions.put_nowait((output, a))
                urgencies: list[Any] = [None] * (len(outgoing) + (output is not None))
                for _ in urgencies:
                    slot, value = await inbox.get()
                    urgencies[slot] = value
                u = sum(urgencies)
                if not hidden:
                    v = u
                elif self.work.activation == "tanh":
                    v = u * (1.0 - a * a)
                else:
                    v = u * ((1.0 if z > 0 else 0.0) if one else z > 0)
                for queue, slot, weight in answers:
                    queue.put_nowait((slot, weight * v))
                if one:
                    weight_urgencies = [v * x for x in activations]
                else:
                    scale = 1.0 / self.work.batch
                    weight_urgencies = [float((v * x).sum()) * scale for x in activations]
                commits.put_nowait((k, weight_urgencies))

        self.tasks = [self.loop.create_task(neuron(k)) for k in range(len(network.ids))]
        self.exits.callback(self._stop)

    async def step(self) -> None:
        """See `Rival.step`."""
        self.loop.run_until_complete(self._step())

    async def _step(self) -> None:
        network, one = self.network, self.work.batch == 1
        columns: Any = self.x[0].tolist() if one else list(self.x.T)
        targets: Any = self.targets[0].tolist() if one else list(self.targets.T)
        for k, value in zip(np.flatnonzero(network.is_input).tolist(), columns, strict=True):
            self.queues[k].put_nowait((0, value))
        outputs = network.output_positions.tolist()
        for _ in outputs:
            i, p = await self.predictions.get()
            self.queues[outputs[i]].put_nowait((0, -2.0 * (p - targets[i])))
        self.found = {}
        for _ in range(len(network.ids) - len(network.inputs)):
            k, urgencies = await self.commits.get()
            self.found[k] = urgencies

    def gradient(self) -> Array | None:
        """See `Rival.gradient`."""
        return -np.concatenate(
            [self.found[k] for k in np.flatnonzero(~self.network.is_input).tolist()]
        )

    def _stop(self) -> None:
        import asyncio

        for task in self.tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*self.tasks, return_exceptions=True))
        self.loop.close()


class BareTrio(Rival):
    """Through one trio memory channel, as many objects as the society has messages; no computation.

    It calls `send_nowait` and `receive_nowait`, as the engine "memory" does.
    """

    name = "bare trio channels"

    async def start(self) -> None:
        """See `Rival.start`."""
        self.count = self.count_messages()
        self.send, self.receive = trio.open_memory_channel[int](self.count)
        self.exits.callback(self.send.close)
        self.exits.callback(self.receive.close)

    async def step(self) -> None:
        """See `Rival.step`."""
        send, receive = self.send.send_nowait, self.receive.receive_nowait
        for k in range(self.count):
            send(k)
        for _ in range(self.count):
            receive()

    def count_messages(self) -> int:
        """Return the number of messages of one gradient step of a society."""
        network = self.network
        backward = np.count_nonzero(~network.is_input[network.sources])
        neurons = len(network.ids) - len(network.inputs)
        return (
            len(network.inputs)
            + len(network.weights)
            + 4 * len(network.outputs)
            + 1
            + int(backward)
            + neurons
        )


class RulesAlone(Rival):
    """The local rule of each neuron on arrays that exist already; no messages."""

    name = "the rules alone"

    async def start(self) -> None:
        """See `Rival.start`."""
        network, batch = self.network, self.work.batch
        self.neurons: list[tuple[LocalRule, Array, Array, Array, Array, Array]] = []
        rng = np.random.default_rng(0)
        for k in np.flatnonzero(~network.is_input).tolist():
            incoming, fan_out = network.incoming.of(k), max(len(network.outgoing.of(k)), 1)
            from_input = network.is_input[network.sources[incoming]]
            parameters = np.append(network.weights[incoming], network.biases[k])
            rule = LocalRule(
                network.ids[k], functions.activation(network.activations[k]), parameters, from_input
            )
            activations_in = rng.standard_normal((len(parameters), batch))
            urgencies_in = rng.standard_normal((fan_out, batch))
            urgencies_out = np.empty((np.count_nonzero(~from_input), batch))
            self.neurons.append(
                (
                    rule,
                    activations_in,
                    np.empty(batch),
                    urgencies_in,
                    urgencies_out,
                    np.empty(len(parameters)),
                )
            )

    async def step(self) -> None:
        """See `Rival.step`."""
        step = Step(1, "squared_error")
        for (
            rule,
            activations_in,
            activation_out,
            urgencies_in,
            urgencies_out,
            commit_out,
        ) in self.neurons:
            rule.fire(step, activations_in, activation_out)
            rule.respond(step, urgencies_in, urgencies_out, commit_out)


class PykkaActors(Rival):
    """The same society in Pykka: each neuron is a thread with a queue, each message an object."""

    name = "Pykka actors"

    async def start(self) -> None:
        """See `Rival.start`."""
        import queue

        import pykka

        network, relu = self.network, self.work.activation == "relu"
        self.predictions, self.commits = queue.SimpleQueue[Any](), queue.SimpleQueue[Any]()
        predictions, commits = self.predictions, self.commits
        outputs = {name: i for i, name in enumerate(network.outputs)}
        value_of: Callable[[Any], Any] = (lambda z: np.maximum(z, 0.0)) if relu else np.tanh

        class Actor(pykka.ThreadingActor):  # type: ignore[misc,unused-ignore]
            def __init__(self, k: int) -> None:
                super().__init__()
                self.k, self.output = k, outputs.get(network.ids[k])
                incoming = network.incoming.of(k)
                self.w, self.bias = network.weights[incoming].tolist(), float(network.biases[k])
                self.sources = network.sources[incoming].tolist()
                self.followers = network.targets[network.outgoing.of(k)].tolist()
                self.activations_in: dict[int, Any] = {}
                self.urgencies_in: dict[int, Any] = {}

            def on_receive(self, message: tuple[str, int, Any]) -> None:
                kind, sender, value = message
                if kind == "activation":
                    self.activations_in[sender] = value
                    if len(self.activations_in) == max(len(self.sources), 1):
                        self.fire()
                else:
                    self.urgencies_in[sender] = value
                    if len(self.urgencies_in) == len(self.followers) + (self.output is not None):
                        self.respond()

            def fire(self) -> None:
                if not self.sources:
                    self.a = self.activations_in[-1]
                    self.activations_in = {}
                else:
                    self.z = self.bias + sum(
                        w * self.activations_in[s]
                        for w, s in zip(self.w, self.sources, strict=True)
                    )
                    self.a = self.z if self.output is not None else value_of(self.z)
                for follower in self.followers:
                    actors[follower].tell(("activation", self.k, self.a))
                if self.output is not None:
                    predictions.put((self.output, self.a))

            def respond(self) -> None:
                u = sum(self.urgencies_in.values())
                if self.output is not None:
                    v = u
                else:
                    v = u * ((self.z > 0) if relu else 1.0 - self.a * self.a)
                for w, source in zip(self.w, self.sources, strict=True):
                    if not network.is_input[source]:
                        actors[source].tell(("urgency", self.k, w * v))
                weight_urgencies = [
                    float(np.mean(v * self.activations_in[s])) for s in self.sources
                ]
                self.activations_in, self.urgencies_in = {}, {}
                commits.put((self.k, weight_urgencies))

        actors = self.actors = [Actor.start(k) for k in range(len(network.ids))]
        self.exits.callback(pykka.ActorRegistry.stop_all)

    async def step(self) -> None:
        """See `Rival.step`."""
        network = self.network
        for k, column in zip(np.flatnonzero(network.is_input).tolist(), self.x.T, strict=True):
            self.actors[k].tell(("activation", -1, column))
        outputs = network.output_positions.tolist()
        for _ in outputs:
            i, p = self.predictions.get()
            self.actors[outputs[i]].tell(("urgency", -1, -2.0 * (p - self.targets[:, i])))
        self.found = {}
        for _ in range(len(network.ids) - len(network.inputs)):
            k, urgencies = self.commits.get()
            self.found[k] = urgencies

    def gradient(self) -> Array | None:
        """See `Rival.gradient`."""
        return -np.concatenate(
            [self.found[k] for k in np.flatnonzero(~self.network.is_input).tolist()]
        )
