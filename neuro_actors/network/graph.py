"""Directed graphs as arrays: synapses grouped by neuron, levels, and the path of a cycle.

The nodes are numbered from 0 on; an edge is a source and a target. Nothing here knows of neurons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..support.arrays import Indices


@dataclass(frozen=True, slots=True)
class Groups:
    """Synapses grouped by one of their ends, each group in the order of the synapses.

    Attributes:
        order: The synapses, group after group. Shape (n_synapses,).
        start: Where the group of each node begins in `order`; the last entry is the end. Shape
            (n_nodes + 1,).
    """

    order: Indices
    start: Indices

    @classmethod
    def by(cls, ends: Indices, n_nodes: int) -> Groups:
        """Group synapses by one of their ends.

        Args:
            ends: The node at that end of each synapse. Shape (n_synapses,).
            n_nodes: The number of nodes.
        """
        start = np.zeros(n_nodes + 1, dtype=np.intp)
        np.cumsum(np.bincount(ends, minlength=n_nodes), out=start[1:])
        return cls(np.argsort(ends, kind="stable"), start)

    def of(self, node: int) -> Indices:
        """Return the synapses of one node, shape (n,).

        Args:
            node: The number of the node.
        """
        return self.order[self.start[node] : self.start[node + 1]]

    @property
    def sizes(self) -> Indices:
        """How many synapses each node has at that end. Shape (n_nodes,)."""
        return np.diff(self.start)


def levels(targets: Indices, outgoing: Groups, n_nodes: int) -> Indices:
    """Return the number of edges on the longest path to each node.

    Args:
        targets: The target of each edge. Shape (n_edges,).
        outgoing: The edges grouped by their source.
        n_nodes: The number of nodes.

    Returns:
        The level of each node, -1 for a node on or after a cycle. Shape (n_nodes,).
    """
    level = np.full(n_nodes, -1, dtype=np.intp)
    missing = np.bincount(targets, minlength=n_nodes)
    front = np.flatnonzero(missing == 0)
    depth = 0
    while len(front):
        level[front] = depth
        lengths = outgoing.sizes[front]
        # the positions in `outgoing.order` of all edges that leave the front, group after group
        offsets = outgoing.start[front] - np.cumsum(lengths) + lengths
        where = np.repeat(offsets, lengths) + np.arange(lengths.sum())
        reached, count = np.unique(targets[outgoing.order[where]], return_counts=True)
        missing[reached] -= count
        front = reached[missing[reached] == 0]
        depth += 1
    return level


def find_cycle(sources: Indices, targets: Indices, level: Indices) -> list[int]:
    """Return the nodes along one cycle, with the first one again at the end.

    Args:
        sources: The source of each edge. Shape (n_edges,).
        targets: The target of each edge. Shape (n_edges,).
        level: What `levels` returned; at least one entry is -1. Shape (n_nodes,).
    """
    inside = (level[sources] < 0) & (level[targets] < 0)
    before = dict(zip(targets[inside].tolist(), sources[inside].tolist(), strict=True))
    node = next(iter(before))
    walked: dict[int, int] = {}
    path: list[int] = []
    while node not in walked:  # backwards: each of these nodes has one of them before it
        walked[node] = len(path)
        path.append(node)
        node = before[node]
    return [node, *reversed(path[walked[node] :])]
