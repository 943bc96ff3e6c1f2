"""Paths through a network: their number, their sums, and the greatest of them.

A path goes from a neuron along synapses to an output. Its product has these factors: the weight of
each synapse, the slope of each neuron that it enters, what it begins with (say, an activation and a
slope) and what it ends with (say, the urgency of the output). The value of a path over a batch is
the mean of its products.

There may be too many paths to walk. Sums over all of them are computed level by level, because what
comes after a neuron does not depend on how the path reached it. This module does no I/O and knows
no logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from ..support.arrays import Array, Indices
from ..support.means import mean_of

MOST_AT_ONCE = 2**22  # numbers in one array, or those of one synapse
MOST_STARTED = 200_000  # partial paths in a search; after that it gives up
MOST_NUMBERS = 2**24  # numbers in the products of all partial paths
LEAST = float(np.finfo(np.float64).smallest_subnormal)
ENDED = -1  # in place of a neuron's number


def downstream_of(network: Network, start: int) -> NDArray[np.bool_]:
    """Return which neurons a path from a neuron leads to, including the neuron itself.

    Args:
        network: The network.
        start: The neuron's number.

    Returns:
        A mask. Shape (n_neurons,).
    """
    found = np.zeros(len(network.ids), dtype=bool)
    found[start] = True
    by_level = Groups.by(network.level[network.targets], network.depth + 1)
    for level in range(int(network.level[start]) + 1, network.depth + 1):
        here = by_level.of(level)
        found[network.targets[here[found[network.sources[here]]]]] = True
    return found


def slopes(
    network: Network,
    activations: Array,
    where: NDArray[np.bool_],
    sums: Sums,
    loss: str | None = None,
) -> Array:
    """Compute the slopes f'(z) of neurons, with the sums that the neurons use themselves.

    Args:
        network: The network.
        activations: The activations of all neurons. Shape (n_neurons, batch).
        where: The neurons to compute; no inputs. Shape (n_neurons,).
        sums: The kind of sums that the neurons use.
        loss: The name of the loss of the step, if it has one.

    Returns:
        The slopes; NaN for the other neurons. Shape (n_neurons, batch).
    """
    found = np.full(activations.shape, np.nan)
    outputs = set(network.output_positions.tolist())
    for k in np.flatnonzero(where).tolist():
        incoming = network.incoming.of(k)
        rows = np.ones((len(incoming) + 1, activations.shape[1]))
        rows[:-1] = activations[network.sources[incoming]]
        signal = sums.weighted_sum(np.append(network.weights[incoming], network.biases[k]), rows)
        function = functions.activation(network.activations[k])
        if k in outputs:
            function = functions.output_activation(network.activations[k]).before(loss)
        found[k] = function.slope(signal, activations[k])
    return found


def influence(network: Network, start: int, slopes: Array) -> Array:
    """Compute ∂(each neuron's activation)/∂(the activation of `start`), level by level.

    Args:
        network: The network.
        start: The number of a neuron or an input.
        slopes: Slopes of the neurons downstream of `start`. Shape (n_neurons, batch).

    Returns:
        The derivatives, 0 for neurons that no path leads to. Shape (n_neurons, batch).
    """
    found = np.zeros(slopes.shape)
    found[start] = 1.0
    inside = downstream_of(network, start)
    for level in range(int(network.level[start]) + 1, network.depth + 1):
        here = np.flatnonzero(inside & (network.level == level))
        for nodes, starts, synapses in _fans(network.incoming, here, slopes.shape[1]):
            terms = network.weights[synapses, None] * found[network.sources[synapses]]
            found[nodes] = np.add.reduceat(terms, starts) * slopes[nodes]
    return found


@dataclass(frozen=True, slots=True)
class SynapsePath:
    """One path.

    Attributes:
        synapses: The numbers of its synapses, in order.
        end: The number of the neuron that it ends at.
        products: Its product for each example. Shape (batch,).
    """

    synapses: tuple[int, ...]
    end: int
    products: Array

    @property
    def value(self) -> float:
        """The mean of its products."""
        return float(mean_of(self.products))


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search for the greatest paths.

    Attributes:
        paths: The greatest paths by absolute value, in that order, without paths of value 0.
        proved: How many of them are certainly the greatest: all, unless the search was given up.
        cut_off: Whether the search was given up.
        rest: If it was given up: no path outside `paths` has a greater absolute value. Else 0.
    """

    paths: tuple[SynapsePath, ...]
    proved: int
    cut_off: bool
    rest: float


class _Partial(NamedTuple):
    """A partial path: in the heap the greatest bound comes first, then the longest path."""

    minus_bound: float
    minus_length: int
    tie: int  # so that the heap never compares arrays
    node: int  # the neuron that it has reached, or ENDED
    products: Array
    # (last synapse, (the synapse before, …)); if the path has ended: (end, that)
    way: tuple[Any, ...]


class Paths:
    """All paths from a neuron to some ends.

    Args:
        network: The network.
        start: The number of the neuron that the paths begin at.
        slopes: Slopes of the neurons downstream of `start`. Shape (n_neurons, batch).
        ends: For each neuron where paths end, the last factor of their products. Shape (batch,)
            each.

    Attributes:
        count: The number of paths.
        total: The sum of their products, each beginning with 1. Shape (batch,).
        size: The sum of the absolute values of their products. Shape (batch,).
        lost: How far `total`, and the same sum by messages, may be off because factors and terms
            are rounded to multiples of `LEAST`. 0 or nearly so for all usual numbers. Shape
            (batch,).
        longest: The number of synapses of the longest path.
        fan: The greatest number of continuations at one neuron: its synapses and an end.
    """

    def __init__(
        self, network: Network, start: int, slopes: Array, ends: Mapping[int, Array]
    ) -> None:
        self._network, self._start, self._slopes, self._ends = network, start, slopes, ends
        shape = slopes.shape
        sums, sizes, most, lost = (np.zeros(shape) for _ in range(4))
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
                # the factor `step`, the term, and the messages u · f'(z) and w · that
                each = LEAST * (sizes[to] + np.abs(network.weights[synapses, None]) + 2.0)
                lost[nodes] += np.add.reduceat(step * lost[to] + each, starts)
                most[nodes] = np.maximum(most[nodes], np.maximum.reduceat(step * most[to], starts))
                counts[nodes] += np.add.reduceat(counts[to], starts)
        self._most = most
        self.count, self.total = int(counts[start]), sums[start]
        self.size, self.lost = sizes[start], lost[start]
        self.longest = int(network.level[inside].max() - network.level[start])
        self.fan = int(network.outgoing.sizes[inside].max()) + 1

    def find_greatest(self, first: Array, most: int) -> SearchResult:
        """Find the greatest paths by absolute value.

        This is best-first search: it extends the partial path with the largest upper bound. The
        bound is the mean, over the examples, of |product so far| times the largest |product| of any
        continuation. So the path that ends first is the greatest. Two paths whose values differ by
        less than rounding may change places. After `MOST_STARTED` partial paths it gives up.

        Args:
            first: The first factor of each path's product. Shape (batch,).
            most: How many paths to find.

        Raises:
            OverflowError: The product of some first factors exceeds all floats.
        """
        work = min(MOST_STARTED, MOST_NUMBERS // len(first) + 1)
        heap: list[_Partial] = []  # partial paths, and some that have ended
        # the values of the greatest paths that have ended; paths with a smaller bound are dropped
        best: list[float] = []
        ties = count()

        def push(
            bound: float, length: int, node: int, products: Array, way: tuple[Any, ...]
        ) -> None:
            if bound > 0 and (len(best) < most or bound >= best[0]):
                heappush(heap, _Partial(-bound, -length, next(ties), node, products, way))
                if node == ENDED:
                    (heapreplace if len(best) == most else heappush)(best, bound)

        push(self._bound(first, self._start), 0, self._start, first, ())
        paths: list[SynapsePath] = []
        while heap and len(paths) < most and work > 0:
            _, minus_length, _, node, products, way = heappop(heap)
            if node == ENDED:
                paths.append(_unwind(products, *way))
                continue
            if node in self._ends:
                ended = self._end(products, node)
                push(abs(mean_of(ended)), 1 - minus_length, ENDED, ended, (node, way))
            outgoing = self._network.outgoing.of(node)
            work -= len(outgoing) + 1
            for some in _split(outgoing, len(first)):
                to = self._network.targets[some]
                onward, bounds = self._continue(products, some)
                least = best[0] if len(best) == most else 0.0
                useful = np.flatnonzero((bounds > 0) & (bounds >= least))
                rows = zip(
                    bounds[useful].tolist(),
                    to[useful].tolist(),
                    [onward[k] for k in useful.tolist()],
                    some[useful].tolist(),
                    strict=True,
                )
                for bound, target, row, synapse in rows:
                    push(bound, 1 - minus_length, target, row, (synapse, way))
        proved, cut_off, rest = len(paths), bool(heap) and len(paths) < most, 0.0
        if cut_off:  # add other paths that have ended, though greater ones may exist
            spare = sorted(partial for partial in heap if partial.node == ENDED)[: most - proved]
            paths += [_unwind(partial.products, *partial.way) for partial in spare]
            taken = {partial.tie for partial in spare}
            left = (-partial.minus_bound for partial in heap if partial.tie not in taken)
            rest = max(left, default=0.0)
        # rounding of the bounds may have put some into another order
        paths.sort(key=lambda path: -abs(path.value))
        return SearchResult(tuple(paths), proved, cut_off, rest)

    # --- what the search asks ---------------------------------------------------------------------

    def _bound(self, products: Array, node: int) -> float:
        """The greatest absolute value that a path can have which came to a node so."""
        return float(mean_of(np.abs(products) * self._most[node]))

    def _end(self, products: Array, node: int) -> Array:
        """The products of a path that ends at a node. Shape (batch,)."""
        return products * self._ends[node]

    def _continue(
        self, products: Array, synapses: Indices
    ) -> tuple[Sequence[Array] | Array, Array]:
        """The products behind each of some synapses, and the bound of each. Shape (n_synapses,)."""
        to = self._network.targets[synapses]
        onward = products * (self._network.weights[synapses, None] * self._slopes[to])
        if not np.isfinite(onward).all():
            raise OverflowError
        return onward, np.asarray(mean_of(np.abs(onward) * self._most[to], axis=1))


def _fans(groups: Groups, nodes: Indices, batch: int) -> Iterator[tuple[Indices, Indices, Indices]]:
    """Yield nodes that have synapses in their group, as many at a time as `MOST_AT_ONCE` allows.

    Each time: the nodes, where the synapses of each begin, and the synapses of all of them.
    """
    nodes = nodes[groups.sizes[nodes] > 0]
    sizes = groups.sizes[nodes]
    ends, most, first = np.cumsum(sizes), max(1, MOST_AT_ONCE // batch), 0
    while first < len(nodes):
        before = ends[first] - sizes[first]
        last = max(first + 1, int(np.searchsorted(ends, before + most, side="right")))
        some, starts = nodes[first:last], ends[first:last] - sizes[first:last] - before
        yield some, starts, np.concatenate([groups.of(k) for k in some.tolist()])
        first = last


def _split(synapses: Indices, batch: int) -> Iterator[Indices]:
    """Yield the synapses, as many at a time as `MOST_AT_ONCE` allows."""
    size = max(1, MOST_AT_ONCE // batch)
    for k in range(0, len(synapses), size):
        yield synapses[k : k + size]


def _unwind(products: Array, end: int, way: tuple[Any, ...]) -> SynapsePath:
    """The path of a nested tuple (last synapse, (the synapse before, …))."""
    synapses: list[int] = []
    while way:
        synapse, way = way
        synapses.append(synapse)
    return SynapsePath(tuple(reversed(synapses)), end, products)
