"""Paths through a network: how many there are, what they amount to together, and which are the greatest.

A path goes from a neuron along synapses to an end, an output. Along it every synapse contributes its weight, and every
neuron that it enters the slope of its activation function. For one example a path's product is all of that, times what
it begins with (say, an activation and a slope) and what it ends with (say, the urgency of an output). For a batch it is
worth the mean of its products.

There may be more paths than anyone can count; sums over all of them are found level by level, for what comes after a
neuron does not depend on how one got there. No I/O here, and nothing of logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import functions
from ..network.graph import Groups
from ..network.network import Network
from ..neuron.sums import Sums
from ..support.validation import Array, Indices

AT_ONCE = 2**22  # numbers in one array, at most, or one synapse's
MOST_BEGUN = 200_000  # paths, in a search; then it says that it has not seen everything
MOST_NUMBERS = 2**24  # in what they have come to
ENDED = -1  # in the place of a neuron


def downstream_of(network: Network, start: int) -> NDArray[np.bool_]:
    """(n_neurons,): the neuron itself, and all that a path leads to from it."""
    found = np.zeros(len(network.ids), dtype=bool)
    found[start] = True
    by_level = Groups.by(network.level[network.targets], network.depth + 1)
    for level in range(int(network.level[start]) + 1, network.depth + 1):
        here = by_level.of(level)
        found[network.targets[here[found[network.sources[here]]]]] = True
    return found


def slopes(network: Network, activations: Array, where: NDArray[np.bool_], sums: Sums) -> Array:
    """f'(z) of the neurons `where`, no inputs, (n_neurons, batch), each by the sum that it makes itself; else NaN."""
    found = np.full(activations.shape, np.nan)
    for k in np.flatnonzero(where).tolist():
        incoming = network.incoming.of(k)
        heard = np.ones((len(incoming) + 1, activations.shape[1]))
        heard[:-1] = activations[network.sources[incoming]]
        signal = sums.weighted_sum(np.append(network.weights[incoming], network.biases[k]), heard)
        found[k] = functions.activation(network.activations[k]).slope(signal, activations[k])
    return found


def influence(network: Network, start: int, slopes: Array) -> Array:
    """∂(each neuron's activation)/∂(that of `start`), (n_neurons, batch): the sum over all paths, forwards."""
    found = np.zeros(slopes.shape)
    found[start] = 1.0
    inside = downstream_of(network, start)
    for level in range(int(network.level[start]) + 1, network.depth + 1):
        here = np.flatnonzero(inside & (network.level == level))
        for nodes, starts, synapses in _fans(network.incoming, here, slopes.shape[1]):
            heard = network.weights[synapses, None] * found[network.sources[synapses]]
            found[nodes] = np.add.reduceat(heard, starts) * slopes[nodes]
    return found


@dataclass(frozen=True, slots=True)
class SynapsePath:
    """One path: its synapses, where it ends, and its product for each example, (batch,)."""

    synapses: tuple[int, ...]
    end: int
    products: Array

    @property
    def value(self) -> float:
        """What it is worth: the mean of its products."""
        return _mean(self.products)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found.

    ways: the greatest by absolute value, in that order; paths that are worth nothing are left out.
    proved: how many of them are surely the greatest: all, unless the search was given up.
    cut_off: whether it was; then no path that is not among `ways` is greater than `rest`.
    """

    ways: tuple[SynapsePath, ...]
    proved: int
    cut_off: bool
    rest: float


class _Partial(NamedTuple):
    """A path on its way: ordered by what can become of it, then the longer one first."""

    minus_bound: float
    minus_length: int
    tie: int
    node: int  # or ENDED
    products: Array
    way: tuple[Any, ...]  # (synapse, (the one before, …)); of one that has ended, (end, way)


class Paths:
    """All paths from `start` to the ends.

    slopes: (n_neurons, batch), needed of whoever follows `start`.  ends: for each neuron where paths end what their
    product is multiplied with, (batch,).

    count: how many paths there are.  total, size: (batch,), the sum of their products, and of the products' absolute
    values, all beginning with 1.  longest: synapses of the longest way.  fan: the most ways on from one neuron.
    """

    def __init__(
        self, network: Network, start: int, slopes: Array, ends: Mapping[int, Array]
    ) -> None:
        self._network, self._start, self._slopes, self._ends = network, start, slopes, ends
        shape = slopes.shape
        sums, sizes, most = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        counts = np.zeros(len(slopes), dtype=object)  # whole numbers of any size
        inside = downstream_of(network, start)
        for node, end in ends.items():
            if inside[node]:
                sums[node], sizes[node], most[node], counts[node] = end, np.abs(end), np.abs(end), 1
        for level in range(network.depth - 1, int(network.level[start]) - 1, -1):
            here = np.flatnonzero(inside & (network.level == level))
            for nodes, starts, synapses in _fans(network.outgoing, here, shape[1]):
                to = network.targets[synapses]
                step = network.weights[synapses, None] * slopes[to]
                sums[nodes] += np.add.reduceat(step * sums[to], starts)
                np.abs(step, out=step)
                sizes[nodes] += np.add.reduceat(step * sizes[to], starts)
                most[nodes] = np.maximum(most[nodes], np.maximum.reduceat(step * most[to], starts))
                counts[nodes] += np.add.reduceat(counts[to], starts)
        self._most = most
        self.count, self.total, self.size = int(counts[start]), sums[start], sizes[start]
        self.longest = int(network.level[inside].max() - network.level[start])
        self.fan = int(network.outgoing.sizes[inside].max()) + 1

    def find_greatest(self, first: Array, most: int) -> SearchResult:
        """The `most` greatest paths, each beginning with `first`, (batch,).

        Best first: of all paths begun, the one is gone on with of which most can still become, which for each example
        is what it has come to times the greatest product of any way on. So whichever ends first is the greatest, but
        that two paths which rounding cannot tell apart may change places. After `MOST_BEGUN` paths it is given up.
        """
        work = min(MOST_BEGUN, MOST_NUMBERS // len(first) + 1)
        heap: list[_Partial] = []  # paths begun, and some that have ended
        best: list[
            float
        ] = []  # the worth of the greatest that have ended: what can only be less need not be begun
        ties = count()

        def keep(
            bound: float, length: int, node: int, products: Array, way: tuple[Any, ...]
        ) -> None:
            if bound > 0 and (len(best) < most or bound >= best[0]):
                heappush(heap, _Partial(-bound, -length, next(ties), node, products, way))
                if node == ENDED:
                    (heapreplace if len(best) == most else heappush)(best, bound)

        keep(_mean(np.abs(first) * self._most[self._start]), 0, self._start, first, ())
        ways: list[SynapsePath] = []
        while heap and len(ways) < most and work > 0:
            _, minus_length, _, node, products, way = heappop(heap)
            if node == ENDED:
                ways.append(_way(products, *way))
                continue
            if node in self._ends:
                ended = products * self._ends[node]
                keep(abs(_mean(ended)), 1 - minus_length, ENDED, ended, (node, way))
            outgoing = self._network.outgoing.of(node)
            work -= len(outgoing) + 1
            for some in _pieces(outgoing, len(first)):
                to = self._network.targets[some]
                onward = products * (self._network.weights[some, None] * self._slopes[to])
                bounds = (np.abs(onward) * self._most[to]).mean(axis=1)
                worth = np.flatnonzero(
                    (bounds > 0) & (bounds >= (best[0] if len(best) == most else 0.0))
                )
                rows = zip(
                    bounds[worth].tolist(),
                    to[worth].tolist(),
                    onward[worth],
                    some[worth].tolist(),
                    strict=True,
                )
                for bound, target, row, synapse in rows:
                    keep(bound, 1 - minus_length, target, row, (synapse, way))
        proved, cut_off, rest = len(ways), bool(heap) and len(ways) < most, 0.0
        if cut_off:  # what else has ended, though something greater may come
            spare = sorted(partial for partial in heap if partial.node == ENDED)[: most - proved]
            ways += [_way(partial.products, *partial.way) for partial in spare]
            taken = {partial.tie for partial in spare}
            rest = max(
                (-partial.minus_bound for partial in heap if partial.tie not in taken), default=0.0
            )
        ways.sort(
            key=lambda way: -abs(way.value)
        )  # those that rounding may have put into another order
        return SearchResult(tuple(ways), proved, cut_off, rest)


def _fans(groups: Groups, nodes: Indices, batch: int) -> Iterator[tuple[Indices, Indices, Indices]]:
    """As many of the nodes at a time as fit into an array of moderate size: those that have synapses in their group,
    where each one's begin among all of theirs, and these."""
    nodes = nodes[groups.sizes[nodes] > 0]
    sizes = groups.sizes[nodes]
    ends, most, first = np.cumsum(sizes), max(1, AT_ONCE // batch), 0
    while first < len(nodes):
        before = ends[first] - sizes[first]
        last = max(first + 1, int(np.searchsorted(ends, before + most, side="right")))
        some, starts = nodes[first:last], ends[first:last] - sizes[first:last] - before
        yield some, starts, np.concatenate([groups.of(k) for k in some.tolist()])
        first = last


def _pieces(synapses: Indices, batch: int) -> Iterator[Indices]:
    """As many at a time as fit into an array of moderate size."""
    size = max(1, AT_ONCE // batch)
    for k in range(0, len(synapses), size):
        yield synapses[k : k + size]


def _mean(values: Array) -> float:
    return float(values.mean())


def _way(products: Array, end: int, way: tuple[Any, ...]) -> SynapsePath:
    synapses: list[int] = []
    while way:
        synapse, way = way
        synapses.append(synapse)
    return SynapsePath(tuple(reversed(synapses)), end, products)
