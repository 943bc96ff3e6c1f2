"""Where to cut a network: a few good ways, each of which makes shards of neurons that follow each other in depth.

Neurons are put in an order: level after level, and within a level those first that stand last among the followers of
others. A shard is a range of that order, so that activations go from shard to shard one way alone. Where a level is cut,
the shard behind the cut has the first followers of whatever is before: their urgencies can be added there, and come back as
one message a source (`find_cut_edges.py`, 3). An input is in the first of the shards that hear it.

A shard's work is counted in synapses: one for each; for each member that is woken, a neuron or one who stands in for a
source elsewhere, as many as `WAKE`; and one for each message that it sends or hears across the cut. Of a range it is nearly
known without the others; so where to cut is found by dynamic programming over some hundred places to cut at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network.network import Network
from ..support.validation import Indices

MOST = 400  # places to cut at, of each kind, unless there are more than half as many shards
WAKE = 25  # synapses; measured: 400 at batch 1, 50 to 100 at batch 32, so about this where shards are worth while
ENOUGH = (
    1.1  # how much more the busiest may have to do than it must, for the sake of fewer messages
)


def cut(network: Network, shards: int) -> list[Indices]:
    """Some ways to cut: for each the shard of each neuron."""
    order, load = _order(network)
    n, many = len(order), max(min(8 * shards, MOST), 2 * shards)
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
    """Neurons, no inputs, in the order above; and the work of each by itself."""
    fans = network.incoming.sizes
    along = np.bincount(
        network.targets, weights=np.arange(len(network.targets)), minlength=len(fans)
    )
    order = np.lexsort((-along / np.maximum(fans, 1), network.level))
    order = order[~network.is_input[order]]
    return order, fans[order] + WAKE


def _assigned(network: Network, order: Indices, part: Indices) -> Indices:
    """Of each neuron its part, where `part` is that of those in the order; an input's is the first of its followers', or
    where it has none the last."""
    placed = np.full(len(network.ids), part[-1])
    placed[order] = part
    told = network.is_input[network.sources]
    np.minimum.at(placed, network.sources[told], placed[network.targets[told]])
    return placed


def _costs(
    network: Network, order: Indices, total: Indices, places: Indices
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each range from one place to another: the work of such a shard; and that of it which is due to what is before it."""
    n = len(places) - 1
    piece = _assigned(
        network, order, np.searchsorted(places[1:-1], np.arange(len(order)), side="right")
    )
    pairs, count = np.unique(network.sources * n + piece[network.targets], return_counts=True)
    source, into = np.divmod(
        pairs, n
    )  # each source's pieces, in order, and in `count` its followers there
    begin, answered = piece[source], (~network.is_input[source]).astype(np.int64)
    outgoing, head = network.outgoing, np.full(len(piece), -1)  # the piece of the first follower
    heard_at_all = np.flatnonzero(outgoing.sizes)
    head[heard_at_all] = piece[network.targets[outgoing.order[outgoing.start[heard_at_all]]]]
    lead, rows = head[source], count * answered

    cross = np.zeros((n + 1, n + 1), dtype=np.int64)
    for c in range(1, n):
        later = (into >= c) & (begin < c)
        first = later & ~(np.append(False, later[:-1]) & (np.diff(source, prepend=-1) == 0))
        more = np.zeros(
            n, dtype=np.int64
        )  # in a range that ends behind this piece, than in one that ends before it
        np.add.at(more, into[first], (WAKE + 1) * answered[first])
        apart = later & ((lead < c) | (into < lead))
        np.add.at(more, into[apart], rows[apart])
        added = apart & (
            lead >= c
        )  # up to where the first follower is in the range: then they can be added to its own
        np.subtract.at(more, lead[added], rows[added])
        together = first & (lead >= c)
        np.add.at(more, lead[together], answered[together])
        cross[c, 1:] = np.cumsum(more)
    last = np.flatnonzero(np.diff(source, append=len(piece)))
    tells = np.zeros((n, n + 1), dtype=np.int64)
    np.add.at(tells, (begin[last], into[last]), 2 * answered[last])
    tells = np.cumsum(tells[:, ::-1], axis=1)[
        :, ::-1
    ]  # sources in a piece that are heard there or later
    told = np.concatenate(
        [np.zeros((1, n + 1), dtype=np.int64), np.cumsum(tells, axis=0)]
    )  # in all pieces before
    c, d = np.mgrid[: n + 1, : n + 1]
    return total[places][d] - total[places][c] + cross + told[d, d] - told[c, d], cross


def _best(
    work: NDArray[np.int64], cross: NDArray[np.int64], shards: int, tolerance: float
) -> Indices:
    """Which of the places to cut at: with the least work for the busiest, or at most `tolerance` times that, and then with
    the fewest messages."""
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
