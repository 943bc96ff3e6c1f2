"""How a network is cut between workers: which neuron is in which shard, and what that costs in messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..network.network import Network
from ..support.errors import InputError
from ..support.text import counted, format_table, shown
from ..support.validation import Indices, as_list, as_positions, as_whole_number, did_you_mean
from .balance import ENOUGH, WAKE, cut
from .cut_edges import CutEdges, find_cut_edges


class Size(NamedTuple):
    """Of a shard: how many neurons, how many synapses lead to them, and how many inputs there are besides."""

    neurons: int
    synapses: int
    inputs: int


class Partition:
    """Which shard each neuron of a network is in; made by `na.partition`, or out of places of your own.

    shard: for each neuron, inputs among them, the place of its shard, 0, 1, 2, …, in the network's order, or by id. There
        are as many shards as the greatest place says, and a neuron that is no input must be in each.

    The bits of a step are the same whatever it is; how long it takes is not. shard: (n_neurons,), read-only.
    """

    def __init__(self, network: Network, shard: Iterable[int] | Mapping[str, int]) -> None:
        if not isinstance(network, Network):
            raise InputError(f"network must be an na.Network, got {type(network).__name__}")
        places = _by_id(network, shard) if isinstance(shard, Mapping) else shard
        self._network = network
        self.shard: Indices = as_positions(
            "shard", places if isinstance(places, np.ndarray) else as_list("shard", places)
        )
        self.shard.setflags(write=False)
        if len(self.shard) != len(network.ids):
            expected = f"expected {counted(len(network.ids), 'place')}, one for each neuron, inputs among them"
            raise InputError(f"shard: {expected}, got {len(self.shard)}")
        self.shards = int(self.shard.max()) + 1
        n = int(np.count_nonzero(~network.is_input))
        if self.shards > n:
            name = network.ids[int(self.shard.argmax())]
            told = f"there are {counted(n, 'neuron')} beside the inputs, so no more shards, 0 to {n - 1}"
            raise InputError(f"shard: {told}; got {self.shards - 1} for {name!r}")
        for place, size in enumerate(self.sizes):
            if not size.neurons:
                what = "holds inputs alone" if size.inputs else "is empty"
                raise InputError(
                    f"shard {place} {what}: give it a neuron, or count the others without a gap"
                )

    @cached_property
    def sizes(self) -> tuple[Size, ...]:
        """How large each shard is."""
        net, count = self._network, self.shards
        neurons, inputs = (
            np.bincount(self.shard[kind], minlength=count) for kind in (~net.is_input, net.is_input)
        )
        synapses = np.bincount(self.shard[net.targets], minlength=count)
        return tuple(map(Size, neurons.tolist(), synapses.tolist(), inputs.tolist()))

    @property
    def crossing(self) -> int:
        """How many synapses lead from one shard to another."""
        return int(
            np.count_nonzero(self.shard[self._network.sources] != self.shard[self._network.targets])
        )

    @property
    def messages(self) -> tuple[int, int]:
        """How many messages cross per micro-batch, forward and back: an activation goes once to each other shard where
        somebody follows it (or the loss lives), and urgencies that can be added before they travel come as one. (Inputs are
        not counted: the world tells all who hear them, and only in a step `wrt_inputs` urgencies come back to them.)"""
        return self._crossings.messages

    @cached_property
    def _crossings(self) -> CutEdges:
        return find_cut_edges(self._network, self.shard, self.shards)

    def check(self, network: Network) -> None:
        """Raise `InputError` unless it is a partition of this network, whatever its parameters."""
        own = self._network
        if network is not own and not (
            own.ids == network.ids
            and own.outputs == network.outputs
            and np.array_equal(own.sources, network.sources)
            and np.array_equal(own.targets, network.targets)
        ):
            raise InputError(
                f"this is a partition of another network, {own!r}: make one of {network!r}"
            )

    def __repr__(self) -> str:
        forward, back = self.messages
        crossing = f"{counted(self.crossing, 'synapse')} between them, {counted(forward, 'message')} and {back:,} back"
        return f"<Partition: {counted(self.shards, 'shard')}; {crossing}>"

    def describe(self) -> str:
        """A table, one line a shard: its levels, how large it is, and the messages that it tells others and hears of them."""
        rows: list[tuple[str, ...]] = [
            ("shard", "levels", "inputs", "neurons", "synapses", "share", "tells", "hears")
        ]
        net, cut = self._network, self._crossings
        tells, hears = _crossing_messages(cut, self.shards)
        for place, size in enumerate(self.sizes):
            levels = net.level[self.shard == place]
            share = f"{size.synapses / len(net.weights):.1%}"
            counts = (f"{n:,}" for n in (size.inputs, size.neurons, size.synapses))
            mail = (f"{n:,}" for n in (tells[place], hears[place]))
            rows.append((str(place), f"{levels.min()} to {levels.max()}", *counts, share, *mail))
        forward, back = self.messages
        crossing = f"{self.crossing:,} of {counted(len(net.weights), 'synapse')} cross"
        crossing += f": {counted(forward, 'message')} forward, {back:,} back"
        return "\n".join([format_table(rows), crossing, f"the loss is in shard {cut.judge}"])


def partition(network: Network, shards: int) -> Partition:
    """Cut a network into so many shards, by depth and size: each is a range of levels, or of parts of levels where these
    are too large; synapses and messages are shared out so that the busiest has as little to do as may be, and of equally
    good cuts (within a tenth) that with the fewest messages is taken. The same network is always cut in the same way.
    """
    if not isinstance(network, Network):
        raise InputError(f"network must be an na.Network, got {type(network).__name__}")
    count = as_whole_number("shards", shards, 1)
    n = int(np.count_nonzero(~network.is_input))
    if count > n:
        raise InputError(
            f"shards must be at most {n:,}, the number of neurons beside the inputs, got {shown(shards)}"
        )

    def cost(shard: Indices) -> tuple[int, int]:  # the busiest's work, and all messages
        crossing = find_cut_edges(network, shard, count)
        bundle = crossing.bundle
        heard = crossing.receiver[bundle[(crossing.turn == 0) & (crossing.level[bundle] > 0)]]
        woken = np.bincount(np.append(shard[~network.is_input], heard), minlength=count)
        tells, hears = _crossing_messages(crossing, count)
        work = np.bincount(shard[network.targets], minlength=count) + WAKE * woken + tells + hears
        return int(work.max()), sum(crossing.messages)

    ways = [(*cost(shard), shard) for shard in cut(network, count)]
    least = min(work for work, _, _ in ways)
    return Partition(
        network,
        min((way for way in ways if way[0] <= ENOUGH * least), key=lambda way: way[1::-1])[2],
    )


def _crossing_messages(crossing: CutEdges, shards: int) -> tuple[Indices, Indices]:
    """How many messages each shard tells others and hears of them per micro-batch, forward and back together."""
    bundle = crossing.bundle
    back = crossing.level[bundle] > 0
    forward = back & (crossing.turn == 0)
    sender, receiver = crossing.sender[bundle], crossing.receiver[bundle]

    def count(one: Indices, other: Indices) -> Indices:
        return np.bincount(one[forward], minlength=shards) + np.bincount(
            other[back], minlength=shards
        )

    return count(sender, receiver), count(receiver, sender)


def _by_id(network: Network, shard: Mapping[str, int]) -> list[int]:
    for name in shard:
        if name not in network.position:
            raise InputError(
                f"shard: there is no neuron {shown(name)}; {did_you_mean(name, network.ids)}"
            )
    for name in network.ids:
        if name not in shard:
            raise InputError(
                f"shard: {name!r} has no place: give each neuron one, inputs among them"
            )
    return [
        as_whole_number(f"shard: the place of {name!r}", shard[name], 0) for name in network.ids
    ]
