"""What crosses a cut: which sources are heard elsewhere, and in which rows urgencies come back. Arrays of places alone.

The shard of each neuron is given; the loss lives in that with the most outputs, of several in the last. The law:

1. A bundle is all sources of one shard and one level (of the whole network) that somebody in another shard follows. There
   their activations come in one block, a row a source; the urgencies that answer come back in one block, some rows a source.
   What inputs say, which are all of level 0, the world tells everybody who hears it; what they are told in a step
   `wrt_inputs` comes back so.
2. So whoever waits for a bundle waits for neurons of one level alone, none of which depends on another; and all that they
   wait for is of lower levels, or, for urgencies, of higher ones. By induction over the levels nobody waits for ever,
   whichever neuron is in which shard.
3. A neuron adds its urgencies one after the other, in synapse order, the loss's last. If the first few of its followers
   are all in the same other shard, what these say can be added there and come as one row: the same additions in the same
   order. Each other follower's urgency comes as a row of its own, to be added in its place: a sum of some of them would
   be rounded otherwise.
4. Sources in a bundle are in the order of the first follower that each has there. The rows come in turns: the first of
   every source, then the second of those that have one, and so on; those of a turn again in synapse order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network.network import Network
from ..support.validation import Indices


@dataclass(frozen=True, slots=True, eq=False)
class CutEdges:
    """All of a cut's, bundle after bundle.

    judge: the shard of the loss.
    Of each bundle: sender, receiver, the shards that activations come from and go to; level; start, where its rows begin,
        and behind the last of them their end.
    Of each row: source, whose urgency it is; key, the synapse along which it comes, or the first of those that are added
        (behind all synapses are the lines from the outputs to the loss); added, how many it is the sum of; turn.
    """

    judge: int
    sender: Indices
    receiver: Indices
    level: Indices
    start: Indices
    source: Indices
    key: Indices
    added: Indices
    turn: Indices

    @property
    def bundle(self) -> Indices:
        """Of each row."""
        return np.repeat(np.arange(len(self.sender)), np.diff(self.start))

    @property
    def messages(self) -> tuple[int, int]:
        """How many rows go forward, and how many come back, where inputs hear no urgencies."""
        crosses = self.level[self.bundle] > 0
        return int(np.count_nonzero(crosses & (self.turn == 0))), int(np.count_nonzero(crosses))


def find_cut_edges(network: Network, shard: Indices, shards: int) -> CutEdges:
    """What crosses, where `shard`, (n_neurons,), is the shard of each neuron, one of 0 to shards - 1."""
    outputs = network.output_positions
    judge = shards - 1 - int(np.argmax(np.bincount(shard[outputs], minlength=shards)[::-1]))
    sources = np.concatenate([network.sources, outputs])
    order = np.argsort(
        sources, kind="stable"
    )  # each source's followers in synapse order, the loss behind
    source = sources[order]
    follower = np.concatenate([shard[network.targets], np.full(len(outputs), judge)])[order]
    is_first = np.diff(source, prepend=-1) > 0
    first = np.flatnonzero(is_first)
    owner = np.cumsum(is_first) - 1
    strays = np.cumsum(follower != follower[first][owner])
    leading = (
        strays == strays[first][owner]
    )  # those that no follower in another shard than the first one's is before
    added = np.where(is_first, np.bincount(owner[leading], minlength=len(first))[owner], 1)
    at = np.flatnonzero((follower != shard[source]) & (is_first | ~leading))
    key, source, follower, added = order[at], source[at], follower[at], added[at]
    turn = np.empty(len(at), dtype=np.intp)
    by_pair = np.lexsort((key, follower, source))
    begins = (np.diff(source[by_pair], prepend=-1) != 0) | (
        np.diff(follower[by_pair], prepend=-1) != 0
    )
    begin = np.flatnonzero(begins)
    turn[by_pair] = np.arange(len(at)) - begin[np.cumsum(begins) - 1] if len(at) else begin
    level, sender = network.level[source], shard[source]
    rows = np.lexsort((key, turn, follower, sender, level))
    ends = np.stack([level, sender, follower])[:, rows]
    start = np.flatnonzero(np.diff(ends, axis=1, prepend=-1).any(axis=0))
    level, sender, follower = ends[:, start]
    start = np.append(start, len(rows))
    return CutEdges(
        judge, sender, follower, level, start, source[rows], key[rows], added[rows], turn[rows]
    )
