"""Rivals that are societies themselves, or parts of one: plain asyncio, Pykka, trio's channels, the rules without mail."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import trio

from ...network import functions
from ...neuron.local_rule import LocalRule
from ...neuron.messages import Step
from ...support.validation import Array
from .rivals import Rival


class AsyncioActors(Rival):
    """The same society in plain asyncio: a task and a Queue each, an object a message; floats where the batch is one."""

    name = "asyncio.Queue actors"

    async def start(self) -> None:
        import asyncio

        self.loop = asyncio.new_event_loop()
        network, one = self.network, self.work.batch == 1
        tanh: Callable[[Any], Any] = math.tanh if one else np.tanh
        relu: Callable[[Any], Any] = (
            (lambda z: max(z, 0.0)) if one else (lambda z: np.maximum(z, 0.0))
        )
        queues: list[Any] = [asyncio.Queue() for _ in network.ids]
        said, world = (
            asyncio.Queue[Any](),
            asyncio.Queue[Any](),
        )  # what outputs said; what neurons committed
        self.queues, self.said, self.world = queues, said, world
        outputs = {name: i for i, name in enumerate(network.outputs)}
        weights, sources, targets = (
            network.weights.tolist(),
            network.sources.tolist(),
            network.targets.tolist(),
        )
        rank_in, rank_out = np.empty(len(weights), dtype=int), np.empty(len(weights), dtype=int)
        for k in range(len(network.ids)):
            rank_in[network.incoming.of(k)] = np.arange(len(network.incoming.of(k)))
            rank_out[network.outgoing.of(k)] = np.arange(len(network.outgoing.of(k)))

        async def neuron(k: int) -> None:
            incoming, outgoing = network.incoming.of(k).tolist(), network.outgoing.of(k).tolist()
            w, bias = [weights[s] for s in incoming], float(network.biases[k])
            followers = [(queues[targets[s]], int(rank_in[s])) for s in outgoing]
            tell = [
                (queues[sources[s]], int(rank_out[s]), weights[s])
                for s in incoming
                if not network.is_input[sources[s]]
            ]
            mail, output, is_input = (
                queues[k],
                outputs.get(network.ids[k]),
                bool(network.is_input[k]),
            )
            hidden = output is None
            while True:
                heard: list[Any] = [None] * max(len(incoming), 1)
                for _ in heard:
                    place, value = await mail.get()
                    heard[place] = value
                if is_input:
                    for queue, place in followers:
                        queue.put_nowait((place, heard[0]))
                    continue
                z = bias
                for weight, value in zip(w, heard, strict=True):
                    z = z + weight * value
                a = (relu(z) if self.work.activation == "relu" else tanh(z)) if hidden else z
                for queue, place in followers:
                    queue.put_nowait((place, a))
                if output is not None:
                    said.put_nowait((output, a))
                urgencies: list[Any] = [None] * (len(outgoing) + (output is not None))
                for _ in urgencies:
                    place, value = await mail.get()
                    urgencies[place] = value
                u = sum(urgencies)
                v = u * ((1.0 if z > 0 else 0.0) if one else z > 0) if self.work.activation == "relu" and hidden else (
                    u * (1.0 - a * a) if hidden else u
                )  # fmt: skip
                for queue, place, weight in tell:
                    queue.put_nowait((place, weight * v))
                scale = 1.0 / self.work.batch
                wanted = (
                    [v * x for x in heard] if one else [float((v * x).sum()) * scale for x in heard]
                )
                world.put_nowait((k, wanted))

        self.tasks = [self.loop.create_task(neuron(k)) for k in range(len(network.ids))]
        self.exits.callback(self._stop)

    async def step(self) -> None:
        self.loop.run_until_complete(self._step())

    async def _step(self) -> None:
        network, one = self.network, self.work.batch == 1
        columns: Any = self.x[0].tolist() if one else list(self.x.T)
        wanted: Any = self.targets[0].tolist() if one else list(self.targets.T)
        for k, value in zip(np.flatnonzero(network.is_input).tolist(), columns, strict=True):
            self.queues[k].put_nowait((0, value))
        places = network.output_positions.tolist()
        for _ in places:
            i, p = await self.said.get()
            self.queues[places[i]].put_nowait((0, -2.0 * (p - wanted[i])))
        self.found = {}
        for _ in range(len(network.ids) - len(network.inputs)):
            k, urgencies = await self.world.get()
            self.found[k] = urgencies

    def gradient(self) -> Array | None:
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
    """No calculation: as many objects as the society's messages through a memory channel, by `send_nowait` and
    `receive_nowait`."""

    name = "bare trio channels"

    async def start(self) -> None:
        self.count = self.counted()
        self.send, self.receive = trio.open_memory_channel[int](self.count)
        self.exits.callback(self.send.close)
        self.exits.callback(self.receive.close)

    async def step(self) -> None:
        send, receive = self.send.send_nowait, self.receive.receive_nowait
        for k in range(self.count):
            send(k)
        for _ in range(self.count):
            receive()

    def counted(self) -> int:
        """Messages of a gradient step."""
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
    """No mail: each neuron's rule, on arrays that lie there already."""

    name = "the rules alone"

    async def start(self) -> None:
        network, batch = self.network, self.work.batch
        self.lives: list[tuple[LocalRule, Array, Array, Array, Array, Array]] = []
        rng = np.random.default_rng(0)
        for k in np.flatnonzero(~network.is_input).tolist():
            incoming, fan_out = network.incoming.of(k), max(len(network.outgoing.of(k)), 1)
            from_input = network.is_input[network.sources[incoming]]
            parameters = np.append(network.weights[incoming], network.biases[k])
            rule = LocalRule(
                network.ids[k], functions.activation(network.activations[k]), parameters, from_input
            )
            heard, urgencies = (
                rng.standard_normal((len(parameters), batch)),
                rng.standard_normal((fan_out, batch)),
            )
            back = np.empty((np.count_nonzero(~from_input), batch))
            self.lives.append(
                (rule, heard, np.empty(batch), urgencies, back, np.empty(len(parameters)))
            )

    async def step(self) -> None:
        step = Step(1, "squared_error")
        for rule, heard, activation, urgencies, back, commit in self.lives:
            rule.fire(step, heard, activation)
            rule.respond(step, urgencies, back, commit)


class PykkaActors(Rival):
    """Pykka: an actor is a thread with a queue, an object a message."""

    name = "Pykka actors"

    async def start(self) -> None:
        import queue

        import pykka

        network, relu = self.network, self.work.activation == "relu"
        self.said, self.world = queue.SimpleQueue[Any](), queue.SimpleQueue[Any]()
        said, world, outputs = (
            self.said,
            self.world,
            {name: i for i, name in enumerate(network.outputs)},
        )
        value_of: Callable[[Any], Any] = (lambda z: np.maximum(z, 0.0)) if relu else np.tanh

        class Actor(pykka.ThreadingActor):  # type: ignore[misc,unused-ignore]
            def __init__(self, k: int) -> None:
                super().__init__()
                self.k, self.output = k, outputs.get(network.ids[k])
                incoming = network.incoming.of(k)
                self.w, self.bias = network.weights[incoming].tolist(), float(network.biases[k])
                self.sources = network.sources[incoming].tolist()
                self.followers = network.targets[network.outgoing.of(k)].tolist()
                self.heard: dict[int, Any] = {}
                self.urgencies: dict[int, Any] = {}

            def on_receive(self, message: tuple[str, int, Any]) -> None:
                kind, sender, value = message
                if kind == "activation":
                    self.heard[sender] = value
                    if len(self.heard) == max(len(self.sources), 1):
                        self.fire()
                else:
                    self.urgencies[sender] = value
                    if len(self.urgencies) == len(self.followers) + (self.output is not None):
                        self.respond()

            def fire(self) -> None:
                if not self.sources:
                    self.a = self.heard[-1]
                    self.heard = {}
                else:
                    self.z = self.bias + sum(
                        w * self.heard[s] for w, s in zip(self.w, self.sources, strict=True)
                    )
                    self.a = self.z if self.output is not None else value_of(self.z)
                for follower in self.followers:
                    actors[follower].tell(("activation", self.k, self.a))
                if self.output is not None:
                    said.put((self.output, self.a))

            def respond(self) -> None:
                u = sum(self.urgencies.values())
                slope = (
                    1.0
                    if self.output is not None
                    else (self.z > 0)
                    if relu
                    else 1.0 - self.a * self.a
                )
                v = u * slope
                for w, source in zip(self.w, self.sources, strict=True):
                    if not network.is_input[source]:
                        actors[source].tell(("urgency", self.k, w * v))
                wanted = [float(np.mean(v * self.heard[s])) for s in self.sources]
                self.heard, self.urgencies = {}, {}
                world.put((self.k, wanted))

        actors = self.actors = [Actor.start(k) for k in range(len(network.ids))]
        self.exits.callback(pykka.ActorRegistry.stop_all)

    async def step(self) -> None:
        network = self.network
        for k, column in zip(np.flatnonzero(network.is_input).tolist(), self.x.T, strict=True):
            self.actors[k].tell(("activation", -1, column))
        places = network.output_positions.tolist()
        for _ in places:
            i, p = self.said.get()
            self.actors[places[i]].tell(("urgency", -1, -2.0 * (p - self.targets[:, i])))
        self.found = {}
        for _ in range(len(network.ids) - len(network.inputs)):
            k, urgencies = self.world.get()
            self.found[k] = urgencies

    def gradient(self) -> Array | None:
        return -np.concatenate(
            [self.found[k] for k in np.flatnonzero(~self.network.is_input).tolist()]
        )
