"""Partitions: which neuron is in which shard, and what that costs in messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..network.cell import make_cell
from ..network.network import Network
from ..support.arrays import Indices, as_positions
from ..support.errors import InputError
from ..support.hints import describe_no_network, explains_arguments, explains_fields
from ..support.labelled_arrays import check_order
from ..support.scalars import as_whole_number
from ..support.text import did_you_mean, format_count, format_table, quote
from ..support.validation import as_list
from .balance import ENOUGH, WAKE, cut
from .cut_edges import CutEdges, find_cut_edges


class Size(NamedTuple):
    """How large a shard is.

    Attributes:
        neurons: How many neurons it has, without inputs.
        synapses: How many synapses lead to them.
        inputs: How many inputs it has.
    """

    neurons: int
    synapses: int
    inputs: int


@explains_fields
class Partition:
    """Which shard each neuron of a network is in.

    `na.partition` makes a good one. The bits of a step are the same for every partition, but not
    its duration.

    Args:
        network: The network.
        shard: For each neuron, inputs among them, the number of its shard: in the network's order,
            or by id. The numbers are 0, 1, 2, … without a gap, and each shard has a neuron that is
            no input.

    Attributes:
        shard: For each neuron, inputs among them, the number of its shard. Shape (n_neurons,),
            read-only.
        shards: How many shards there are.

    Raises:
        InputError: These are not the shards of this network's neurons.
    """

    def __init__(self, network: Network, shard: Iterable[int] | Mapping[str, int]) -> None:
        if not isinstance(network, Network):
            raise InputError(describe_no_network(network))
        numbers = _by_id(network, shard) if isinstance(shard, Mapping) else shard
        check_order("shard", shard, network.ids)
        self._network = network
        self.shard: Indices = as_positions(
            "shard", numbers if isinstance(numbers, np.ndarray) else as_list("shard", numbers)
        )
        self.shard.setflags(write=False)
        if len(self.shard) != len(network.ids):
            expected = f"expected {format_count(len(network.ids), 'place')}, one for each neuron"
            raise InputError(f"shard: {expected}, inputs among them, got {len(self.shard)}")
        self.shards = int(self.shard.max()) + 1
        n = int(np.count_nonzero(~network.is_input))
        if self.shards > n:
            name = network.ids[int(self.shard.argmax())]
            problem = f"there are {format_count(n, 'neuron')} beside the inputs"
            problem += f", so no more shards, 0 to {n - 1}"
            raise InputError(f"shard: {problem}; got {self.shards - 1} for {name!r}")
        for number, size in enumerate(self.sizes):
            if not size.neurons:
                what = "holds inputs alone" if size.inputs else "is empty"
                raise InputError(
                    f"shard {number} {what}: give it a neuron, or count the others without a gap"
                )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._network, self.shard)

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
        net = self._network
        return int(np.count_nonzero(self.shard[net.sources] != self.shard[net.targets]))

    @property
    def messages(self) -> tuple[int, int]:
        """How many messages cross the cut in each micro-batch, forward and back.

        An activation goes once to each other shard that has a follower, or the loss node. Urgencies
        that can be added before they travel come back as one message. Inputs are not counted: the
        environment sends their activations to each shard that needs them, and their urgencies come
        back only in a step `wrt_inputs`.
        """
        return self._cut_edges.messages

    @cached_property
    def _cut_edges(self) -> CutEdges:
        network = self._network
        if network.delays:
            return self.of_cell(make_cell(network))._cut_edges
        return find_cut_edges(network, self.shard, self.shards)

    def check(self, network: Network) -> None:
        """Check that this is a partition of a network, whatever the network's parameters are.

        Raises:
            InputError: It is the partition of another network.
        """
        own = self._network
        if network is not own and not (
            own.ids == network.ids
            and own.outputs == network.outputs
            and np.array_equal(own.sources, network.sources)
            and np.array_equal(own.targets, network.targets)
            and own.interneurons == network.interneurons
            and own.delays == network.delays
            and own.grids == network.grids
            and np.array_equal(own.grid, network.grid)
        ):
            raise InputError(
                f"this is a partition of another network, {own!r}: make one of {network!r}"
            )

    def of_cell(self, cell: Network) -> Partition:
        """Return the partition of a network's cell: see `network/cell.py`.

        What a delay will repeat it hears in the shard that says it.

        Args:
            cell: The cell of the network that was cut. One without delays is the network itself.
        """
        if not cell.delayed:
            return self
        hears = cell.sources[-len(cell.delayed) :]
        return Partition(cell, np.append(self.shard, self.shard[hears]))

    def __repr__(self) -> str:
        forward, back = self.messages
        crossing = f"{format_count(self.crossing, 'synapse')} between them"
        mail = f"{format_count(forward, 'message')} and {back:,} back"
        return f"<Partition: {format_count(self.shards, 'shard')}; {crossing}, {mail}>"

    def describe(self) -> str:
        """Return a table with a line for each shard.

        A line says the shard's levels, how large it is, and how many messages it sends to other
        shards and receives from them in each micro-batch.
        """
        rows: list[tuple[str, ...]] = [
            ("shard", "levels", "inputs", "neurons", "synapses", "share", "sends", "receives")
        ]
        net, cut = self._network, self._cut_edges
        sends, receives = _messages_by_shard(cut, self.shards)
        for number, size in enumerate(self.sizes):
            levels = net.level[self.shard == number]
            share = f"{size.synapses / len(net.weights):.1%}"
            counts = (f"{n:,}" for n in (size.inputs, size.neurons, size.synapses))
            mail = (f"{n:,}" for n in (sends[number], receives[number]))
            rows.append((str(number), f"{levels.min()} to {levels.max()}", *counts, share, *mail))
        forward, back = self.messages
        crossing = f"{self.crossing:,} of {format_count(len(net.weights), 'synapse')} cross"
        crossing += f": {format_count(forward, 'message')} forward, {back:,} back"
        return "\n".join([format_table(rows), crossing, f"the loss is in shard {cut.loss_shard}"])


@explains_arguments
def partition(network: Network, shards: int) -> Partition:
    """Cut a network into shards, by depth and size.

    Each shard is a range of levels, or of parts of levels where these are too large. Synapses and
    messages are divided so that the busiest shard has as little work as possible. Of cuts that are
    equally good, within a tenth, the one with the fewest messages is taken. The same network is
    always cut in the same way.

    Args:
        network: The network.
        shards: How many shards: from 1 to the number of neurons beside the inputs.

    Returns:
        The partition: give it to `na.Ray(partition=…)`, or print its `describe()`.

    Raises:
        InputError: The network or the number of shards cannot be used.
    """
    if not isinstance(network, Network):
        raise InputError(describe_no_network(network))
    count = as_whole_number("shards", shards, 1)
    n = int(np.count_nonzero(~network.is_input))
    if count > n:
        limit = f"shards must be at most {n:,}, the number of neurons beside the inputs"
        raise InputError(f"{limit}, got {quote(shards)}")
    ways = [(*_cost(network, shard, count), shard) for shard in cut(network, count)]
    least = min(work for work, _, _ in ways)
    good = (way for way in ways if way[0] <= ENOUGH * least)
    return Partition(network, min(good, key=lambda way: way[1::-1])[2])


def _cost(network: Network, shard: Indices, shards: int) -> tuple[int, int]:
    """The work of the busiest shard (see `balance.py`), and how many messages cross."""
    edges = find_cut_edges(network, shard, shards)
    bundle = edges.bundle
    proxies = edges.receiver[bundle[(edges.turn == 0) & (edges.level[bundle] > 0)]]
    woken = np.bincount(np.append(shard[~network.is_input], proxies), minlength=shards)
    wide = network.n_positions
    sends, receives = _messages_by_shard(edges, shards, wide)
    synapses = np.bincount(shard[network.targets], wide[network.targets], shards).astype(np.intp)
    work = synapses + WAKE * woken + sends + receives
    return int(work.max()), sum(edges.messages)


def _messages_by_shard(
    edges: CutEdges, shards: int, wide: Indices | None = None
) -> tuple[Indices, Indices]:
    """How many messages each shard sends, and receives, in a micro-batch, both ways together.

    Args:
        edges: What crosses.
        shards: How many shards there are.
        wide: How often a message of each neuron counts. None: once. Shape (n_neurons,).
    """
    times = np.ones(len(edges.source), dtype=np.intp) if wide is None else wide[edges.source]
    bundle = edges.bundle
    back = edges.level[bundle] > 0
    forward = back & (edges.turn == 0)
    sender, receiver = edges.sender[bundle], edges.receiver[bundle]

    def count(one: Indices, other: Indices) -> Indices:
        there = np.bincount(one[forward], times[forward], shards)
        return (there + np.bincount(other[back], times[back], shards)).astype(np.intp)

    return count(sender, receiver), count(receiver, sender)


def _by_id(network: Network, shard: Mapping[str, int]) -> list[int]:
    for name in shard:
        if name not in network.position:
            raise InputError(
                f"shard: there is no neuron {quote(name)}; {did_you_mean(name, network.ids)}"
            )
    for name in network.ids:
        if name not in shard:
            raise InputError(
                f"shard: {name!r} has no place: give each neuron one, inputs among them"
            )
    return [
        as_whole_number(f"shard: the place of {name!r}", shard[name], 0) for name in network.ids
    ]
