"""Directed graphs as arrays: grouping synapses by neuron, levels, and the path of a cycle. Nothing of neurons here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..support.validation import Indices


@dataclass(frozen=True, slots=True)
class Groups:
    """Synapses grouped by one of their ends, each group in the order of the synapses."""

    order: Indices  # the synapses, group after group
    start: Indices  # where each node's group begins in `order`; one more than there are nodes

    @classmethod
    def by(cls, ends: Indices, n_nodes: int) -> Groups:
        start = np.zeros(n_nodes + 1, dtype=np.intp)
        np.cumsum(np.bincount(ends, minlength=n_nodes), out=start[1:])
        return cls(np.argsort(ends, kind="stable"), start)

    def of(self, node: int) -> Indices:
        """The synapses of one node."""
        return self.order[self.start[node] : self.start[node + 1]]

    @property
    def sizes(self) -> Indices:
        return np.diff(self.start)


def levels(targets: Indices, outgoing: Groups, n_nodes: int) -> Indices:
    """For each node the number of synapses on the longest path to it; -1 for nodes on or behind a cycle."""
    level = np.full(n_nodes, -1, dtype=np.intp)
    missing = np.bincount(targets, minlength=n_nodes)
    front = np.flatnonzero(missing == 0)
    depth = 0
    while len(front):
        level[front] = depth
        lengths = outgoing.sizes[front]
        places = np.repeat(
            outgoing.start[front] - np.cumsum(lengths) + lengths, lengths
        ) + np.arange(lengths.sum())
        reached, count = np.unique(targets[outgoing.order[places]], return_counts=True)
        missing[reached] -= count
        front = reached[missing[reached] == 0]
        depth += 1
    return level


def cycle(sources: Indices, targets: Indices, level: Indices) -> list[int]:
    """The nodes along one cycle among those that `levels` left at -1, the first one again at the end."""
    inside = (level[sources] < 0) & (level[targets] < 0)
    before = dict(zip(targets[inside].tolist(), sources[inside].tolist(), strict=True))
    node = next(iter(before))
    walked: dict[int, int] = {}
    path: list[int] = []
    while node not in walked:  # backwards: every node left has a node left before it
        walked[node] = len(path)
        path.append(node)
        node = before[node]
    return [node, *reversed(path[walked[node] :])]
