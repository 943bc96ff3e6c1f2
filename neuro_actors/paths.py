"""Sums over all paths through a network: how many there are, what they sum to, and the greatest one by one.

A path leads from a start to one of the ends, along synapses. Its value, for each example, is the product of what it
starts with, along each synapse of the weight and the slope of the neuron that it leads to, and of what it ends with.
That sum is the chain rule, written out; message by message a society computes it without a single path.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import numpy as np

from .arrays import Array
from .network import Network

MOST_STEPS = 200_000  # of a search; then it says that it has not seen everything


class Found(NamedTuple):
    """A path, from the start to its end, and what it is worth, (batch,)."""

    nodes: tuple[int, ...]
    values: Array


class Paths:
    """All paths from `start`.

    slopes: (n_neurons, batch), f'(z) of each neuron.  first: (batch,), what each path starts with.
    ends: for each node where a path may end, what it ends with, (batch,).

    total: (batch,), the sum of all paths.  number: how many.  cut_off: whether a search was given up.
    """

    def __init__(self, network: Network, slopes: Array, start: int, first: Array, ends: dict[int, Array]) -> None:
        self._network, self._slopes, self._start, self._first, self._ends = network, slopes, start, first, ends
        self.cut_off = False
        self._greatest: dict[int, Array] = {}  # from each node on, the greatest absolute product of any path, (batch,)
        sums: dict[int, Array] = {}
        numbers: dict[int, int] = {}
        nothing = np.zeros(len(first))
        for k in reachable(network, start):  # followers first
            sums[k] = ends.get(k, nothing)
            self._greatest[k], numbers[k] = np.abs(sums[k]), int(k in ends)
            outgoing = network.outgoing.of(k)
            for target, weight in zip(network.targets[outgoing].tolist(), network.weights[outgoing].tolist(), strict=True):
                factor = weight * slopes[target]
                sums[k] = sums[k] + factor * sums[target]
                self._greatest[k] = np.maximum(self._greatest[k], np.abs(factor) * self._greatest[target])
                numbers[k] += numbers[target]
        self.total: Array = first * sums[start]
        self.number = numbers[start]

    def greatest(self) -> Iterator[Found]:
        """Path after path by the absolute value of its mean over the examples, those worth nothing left out.

        Best first (Hart, Nilsson, Raphael 1968): what has been walked, times the greatest that may follow for each
        example, is never less than what comes of it; so the first that is whole is the greatest of all.
        """
        network, tick = self._network, count()
        entries = [self._entry((self._start,), self._first, next(tick))]
        for _ in range(MOST_STEPS):
            if not entries:
                return
            _, _, nodes, values, whole = heapq.heappop(entries)
            if whole:
                yield Found(nodes, values)
                continue
            here = nodes[-1]
            if here in self._ends:
                ended = values * self._ends[here]
                if ended.any():
                    heapq.heappush(entries, (-abs(float(ended.mean())), next(tick), nodes, ended, True))
            outgoing = network.outgoing.of(here)
            for target, weight in zip(network.targets[outgoing].tolist(), network.weights[outgoing].tolist(), strict=True):
                entry = self._entry((*nodes, target), values * (weight * self._slopes[target]), next(tick))
                if entry[0]:
                    heapq.heappush(entries, entry)
        self.cut_off = bool(entries)

    def _entry(self, nodes: tuple[int, ...], values: Array, tick: int) -> tuple[float, int, tuple[int, ...], Array, bool]:
        return -float(np.mean(np.abs(values) * self._greatest[nodes[-1]])), tick, nodes, values, False


def reachable(network: Network, start: int) -> list[int]:
    """All nodes that paths from `start` lead through, itself among them, each after its followers."""
    seen, waiting = {start}, [start]
    while waiting:
        k = waiting.pop()
        for target in network.targets[network.outgoing.of(k)].tolist():
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return sorted(seen, key=lambda k: -int(network.level[k]))
