"""Where to cut a network: a few good partitions, each of neurons that follow each other in depth.

Neurons are put in an order: level after level, and within a level those first whose synapses come
last among the synapses from their sources. A shard is a range of that order, so that activations go
from shard to shard one way alone. Where a level is cut, the shard after the cut has the first
followers of the sources before it: their urgencies can be added there, and come back as one message
for each source (`cut_edges.py`, law 3). An input is in the first of the shards that need it.

The work of a shard is counted in synapses: one for each synapse; `WAKE` for each member that is
woken, a neuron, an interneuron or the proxy of a source; and one for each message that the shard
sends or receives across the cut. At several positions a synapse or a message counts as many times:
it has so many numbers. The work of a range is nearly known without the other ranges. So the best
cuts are found by dynamic programming over some hundred candidates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network.network import Network
from ..support.arrays import Indices

MAX_CANDIDATES = (
    400  # places to cut at, of each kind, unless there are more than half as many shards
)
# The work of waking a member, in synapses. Measured: 400 at batch 1, 50 to 100 at batch 32; so it
# is
# about this where shards are worth while.
WAKE = 25
# How much more work the busiest shard may have than it must, for the sake of fewer messages.
ENOUGH = 1.1


def cut(network: Network, shards: int) -> list[Indices]:
    """Return some ways to cut a network: for each the shard of each neuron. Shape (n_neurons,).

    Args:
        network: The network.
        shards: How many shards.
    """
    order, load = _order(network)
    n, many = len(order), max(min(8 * shards, MAX_CANDIDATES), 2 * shards)
    levels = np.append(np.flatnonzero(np.diff(network.level[order], prepend=-1)), n)
    if len(levels) > many:
        levels = levels[np.linspace(0, len(levels) - 1, many).astype(np.intp)]
    evenly = np.linspace(0, n, min(n, many) + 1).astype(np.intp)
    total = np.append(0, np.cumsum(load))
    by_load = np.searchsorted(total, np.linspace(0, total[-1], many + 1))
    found = []
    for places in (levels, np.unique(np.concatenate([levels, evenly, by_load]))):
        if len(places) > shards:
            work, cross = _costs(network, order, total, places)
            for tolerance in (1.0, ENOUGH):
                bounds = places[_best(work, cross, shards, tolerance)]
                found.append(
                    _assigned(
                        network, order, np.searchsorted(bounds[1:-1], np.arange(n), side="right")
                    )
                )
    return found


def _order(network: Network) -> tuple[Indices, Indices]:
    """Neurons without inputs in the order above, and the work of each by itself."""
    fans = network.incoming.sizes
    along = np.bincount(
        network.targets, weights=np.arange(len(network.targets)), minlength=len(fans)
    )
    order = np.lexsort((-along / np.maximum(fans, 1), network.level))
    order = order[~network.is_input[order]]
    return order, fans[order] * network.n_positions[order] + WAKE


def _assigned(network: Network, order: Indices, part: Indices) -> Indices:
    """Return the shard of every neuron. `part` is the shard of the neurons in the order.

    An input is in the lowest shard among its followers, or in the last shard if it has none.
    """
    placed = np.full(len(network.ids), part[-1])
    placed[order] = part
    from_input = network.is_input[network.sources]
    np.minimum.at(placed, network.sources[from_input], placed[network.targets[from_input]])
    return placed


def _costs(
    network: Network, order: Indices, total: Indices, places: Indices
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the work of each range between two candidates, and its part due to earlier sources."""
    n = len(places) - 1
    piece = _assigned(
        network, order, np.searchsorted(places[1:-1], np.arange(len(order)), side="right")
    )
    pairs, count = np.unique(network.sources * n + piece[network.targets], return_counts=True)
    # for each source the pieces of its followers, in order, and in `count` how many are there
    source, into = np.divmod(pairs, n)
    begin, answered = piece[source], (~network.is_input[source]).astype(np.int64)
    wide = answered * network.n_positions[source]  # numbers of a message that crosses
    outgoing, head = network.outgoing, np.full(len(piece), -1)  # the piece of the first follower
    followed = np.flatnonzero(outgoing.sizes)
    head[followed] = piece[network.targets[outgoing.order[outgoing.start[followed]]]]
    lead, rows = head[source], count * wide

    cross = np.zeros((n + 1, n + 1), dtype=np.int64)
    for c in range(1, n):
        later = (into >= c) & (begin < c)
        first = later & ~(np.append(False, later[:-1]) & (np.diff(source, prepend=-1) == 0))
        # in a range that ends after this piece, compared with one that ends before it
        more = np.zeros(n, dtype=np.int64)
        np.add.at(more, into[first], WAKE * answered[first] + wide[first])
        apart = later & ((lead < c) | (into < lead))
        np.add.at(more, into[apart], rows[apart])
        # up to where the first follower is in the range: then they can be added to its urgency
        added = apart & (lead >= c)
        np.subtract.at(more, lead[added], rows[added])
        together = first & (lead >= c)
        np.add.at(more, lead[together], wide[together])
        cross[c, 1:] = np.cumsum(more)
    last = np.flatnonzero(np.diff(source, append=len(piece)))
    sends = np.zeros((n, n + 1), dtype=np.int64)
    np.add.at(sends, (begin[last], into[last]), 2 * wide[last])
    # sources in a piece with followers there or later, then those of all pieces before
    sends = np.cumsum(sends[:, ::-1], axis=1)[:, ::-1]
    sends = np.concatenate([np.zeros((1, n + 1), dtype=np.int64), np.cumsum(sends, axis=0)])
    c, d = np.mgrid[: n + 1, : n + 1]
    return total[places][d] - total[places][c] + cross + sends[d, d] - sends[c, d], cross


def _best(
    work: NDArray[np.int64], cross: NDArray[np.int64], shards: int, tolerance: float
) -> Indices:
    """Return the candidates to cut at.

    The work of the busiest shard is at most `tolerance` times the least possible. Of the cuts for
    which that holds, this is the one with the fewest messages.
    """
    n = len(work)
    ahead = np.triu(np.ones((n, n), dtype=bool), 1)
    far = np.iinfo(np.int64).max // 4
    least = np.where(np.arange(n) == 0, 0, far)
    for _ in range(shards):
        least = np.where(ahead, np.maximum(least[:, None], work), far).min(axis=0)
    allowed = np.where(ahead & (work <= least[-1] * tolerance), cross, far)
    cost, back = np.where(np.arange(n) == 0, 0, far), []
    for _ in range(shards):
        sums = np.minimum(cost[:, None] + allowed, far)
        back.append(sums.argmin(axis=0))
        cost = sums.min(axis=0)
    bounds = [n - 1]
    for came in reversed(back):
        bounds.append(int(came[bounds[-1]]))
    return np.array(bounds[::-1])
