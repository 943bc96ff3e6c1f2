"""Shards of a network as societies beside each other in one trio loop, linked by functions: what the tests drive."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial

import numpy as np
import trio

import neuro_actors as na
from neuro_actors.channels.choose_channels import choose_channels
from neuro_actors.cluster.proxies import ShardRule
from neuro_actors.cluster.shard import Shard, shards
from neuro_actors.cluster.shard_channels import ShardChannels
from neuro_actors.network.parameter_order import ParameterOrder
from neuro_actors.neuron.messages import Step
from neuro_actors.neuron.sums import ORDERED
from neuro_actors.rules import Backpropagation
from neuro_actors.society.society import run_society


class Links:
    """What crosses goes at once, or after a while of its own: then bundles overtake each other."""

    def __init__(self, delays: np.random.Generator | None = None) -> None:
        self.delays = delays
        self.ends: dict[tuple[int, str], ShardChannels] = {}
        self.sent: list[
            tuple[int, int, str, int, np.ndarray]
        ] = []  # shard, bundle, direction, number, values
        self.nursery: trio.Nursery

    def send(
        self, place: int, bundle: int, direction: str, number: int, values: np.ndarray
    ) -> None:
        self.sent.append((place, bundle, direction, number, values))
        deliver = partial(self.ends[bundle, direction].deliver, bundle, direction, number, values)
        if self.delays is None:
            deliver()
        else:
            self.nursery.start_soon(self._later, int(self.delays.integers(0, 40)), deliver)

    async def _later(self, rounds: int, deliver) -> None:
        for _ in range(rounds):
            await trio.lowlevel.checkpoint()
        deliver()


class Spread:
    """All shards, driven as one society."""

    def __init__(
        self, network: na.Network, parts: tuple[Shard, ...], make: str, links: Links
    ) -> None:
        self.network, self.parts, self.links, self.number = network, parts, links, 0
        self.parameters = ParameterOrder(network)
        self.channels = [
            ShardChannels(
                choose_channels(make)(part.network, None), part, partial(links.send, part.number)
            )
            for part in parts
        ]
        for part, channels in zip(parts, self.channels, strict=True):
            links.ends |= {(b.number, "forward"): channels for b in part.bundles_in} | {
                (b.number, "back"): channels for b in part.bundles_out
            }

    async def step(
        self, x, targets=None, loss=None, optimizer=None, wrt_inputs=False, round="", direction=None
    ):
        """What came of one step: predictions, losses, commits, urgencies of the inputs, as a port of one process has them."""
        self.number += 1
        step = Step(self.number, loss, optimizer, wrt_inputs, direction is not None, round)
        x = np.ascontiguousarray(x.T)
        for part, channels in zip(self.parts, self.channels, strict=True):
            wanted = (
                np.ascontiguousarray(targets.T) if targets is not None and part.n_outputs else None
            )
            along = None if direction is None else part.own_part(direction)
            channels.environment.begin(step, np.ascontiguousarray(x[part.inputs]), wanted, along)
        async with trio.open_nursery() as nursery:
            for channels in self.channels:
                nursery.start_soon(channels.environment.wait_end)
        n_commits = int(self.network.n_parameters.sum())
        commits, felt = np.full(n_commits, np.nan), np.full(x.shape, np.nan)
        said, losses = [], []
        for part, channels in zip(self.parts, self.channels, strict=True):
            port = channels.environment
            said.append(port.predictions.copy())
            losses.append(port.losses)
            if loss is not None:
                part.put(port.commits, commits)
                assert np.array_equal(part.own_part(commits), port.commits)
            if wrt_inputs:
                felt[part.inputs[: part.n_inputs]] = port.input_urgencies
        return np.concatenate(said), np.concatenate(losses), commits, felt

    async def gradient(self, x, targets, loss, wrt_inputs=False) -> na.Gradient:
        said, losses, commits, felt = await self.step(x, targets, loss, wrt_inputs=wrt_inputs)
        weights, biases = self.parameters.by_element(commits, negated=True)
        inputs = -felt.T / len(losses) if wrt_inputs else None
        mean = float(np.add.accumulate(losses)[-1] / len(losses))
        return na.Gradient(self.network, mean, said.T, weights, biases, inputs)


@asynccontextmanager
async def spread(
    network: na.Network, shard, make: str = "bundled", delays=None, travels=False, rule=None
):
    """The society of a network that lives in shards; travels: they are sent as data first."""
    parts = shards(network, na.Partition(network, shard))
    if travels:
        parts = tuple(Shard.from_arrays(*part.to_arrays()) for part in parts)
    links = Links(delays)
    living = Spread(network, parts, make, links)
    async with trio.open_nursery() as nursery:
        links.nursery = nursery
        for part, channels in zip(parts, living.channels, strict=True):
            members = ShardRule(rule or Backpropagation(), part)
            nursery.start_soon(run_society, part.network, channels, members, ORDERED, lambda: False)
        try:
            yield living
        finally:
            for channels in living.channels:
                channels.stop()
    for channels in living.channels:
        channels.close()


def drawn_shards(rng: np.random.Generator, network: na.Network, count: int) -> np.ndarray:
    """Any assignment, however foolish; a neuron that is no input in each."""
    shard = rng.integers(0, count, len(network.ids))
    neurons = rng.permutation(np.flatnonzero(~network.is_input))
    shard[neurons[:count]] = np.arange(count)
    return shard
