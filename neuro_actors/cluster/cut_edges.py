"""The edges that a partition cuts: what travels forward between shards, and what comes back.

The shard of each neuron is given. The loss node lives in the shard with the most outputs, and in
the last of several such shards. The law:

1. A bundle is all sources of one shard, one level (of the whole network) and one grid of positions
   that have a follower in one other shard. Their activations travel in one block, a row for each
   source. The urgencies that answer come back in one block, one or more rows for each source. A row
   is a whole message: it has a number for each example and each position. Activations of inputs,
   which are all of level 0, do not travel: the environment sends them to each shard that needs
   them. Their urgencies come back like those of other sources, in a step `wrt_inputs`.
2. So a shard that waits for a bundle waits for neurons of one level, none of which depends on
   another. All that these wait for is of lower levels or, for urgencies, of higher levels. By
   induction over the levels no shard waits for ever, whichever neuron is in which shard.
3. A neuron adds its urgencies one after another, in synapse order, the loss node's last. If its
   first few followers are all in one other shard, their urgencies can be added there and travel as
   one row: these are the same additions in the same order. The urgency of each other follower
   travels as a row of its own, and is added in its turn: a sum of some of them would be rounded
   otherwise.
4. The sources of a bundle are in the order of the first follower that each has in the other shard.
   The rows come in turns: the first row of every source, then the second row of those that have
   two, and so on. The rows of a turn are in synapse order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..channels import routes
from ..network.network import Network
from ..neuron.messages import MessageKind
from ..support.arrays import Indices
from ..support.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class CutEdges:
    """All bundles of a partition, one after another, and the rows of urgencies that come back.

    Attributes:
        loss_shard: The shard of the loss node.
        sender: The shard that a bundle's activations come from. Shape (n_bundles,).
        receiver: The shard that they go to. Shape (n_bundles,).
        level: The level of a bundle's sources. Shape (n_bundles,).
        start: Where the rows of a bundle begin, and the end of all rows. Shape (n_bundles + 1,).
        source: The source of a row: the row is its urgency. Shape (n_rows,).
        key: The synapse that a row comes along, or the first of those that are added in it. The
            edges from the outputs to the loss node follow after all synapses. Shape (n_rows,).
        added: How many urgencies are added in a row. Shape (n_rows,).
        turn: The turn of a row, from 0 on. Shape (n_rows,).
    """

    loss_shard: int
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
        """The bundle of each row. Shape (n_rows,)."""
        return np.repeat(np.arange(len(self.sender)), np.diff(self.start))

    @property
    def messages(self) -> tuple[int, int]:
        """How many rows travel forward, and back in a step that is not `wrt_inputs`."""
        crosses = self.level[self.bundle] > 0
        return int(np.count_nonzero(crosses & (self.turn == 0))), int(np.count_nonzero(crosses))


def check_kinds() -> None:
    """Check that all kinds of messages cross a cut.

    Raises:
        InputError: The table of routes has a kind of which a shard knows nothing. Activations and
            urgencies cross by the law above. The driver sends targets and directions to the shards,
            and receives losses and commits from them.
    """
    for spec in routes.ROUTES:
        if spec.kind not in tuple(MessageKind):
            problem = f"no {str(spec.kind)!r} crosses the cut between two shards"
            raise InputError(f"routes {spec.name!r}: {problem}: use replicas alone, or one process")


def find_cut_edges(network: Network, shard: Indices, shards: int) -> CutEdges:
    """Return all that a partition cuts.

    Args:
        network: The network.
        shard: The shard of each neuron, inputs among them, from 0 on. Shape (n_neurons,).
        shards: How many shards there are.
    """
    outputs = network.output_positions
    loss_shard = shards - 1 - int(np.argmax(np.bincount(shard[outputs], minlength=shards)[::-1]))
    sources = np.concatenate([network.sources, outputs])
    # each source's followers in synapse order, the loss node last
    order = np.argsort(sources, kind="stable")
    source = sources[order]
    of_loss = np.full(len(outputs), loss_shard)
    follower = np.concatenate([shard[network.targets], of_loss])[order]
    is_first = np.diff(source, prepend=-1) > 0
    first = np.flatnonzero(is_first)
    owner = np.cumsum(is_first) - 1
    strays = np.cumsum(follower != follower[first][owner])
    # those before which there is no follower in another shard than the first one's
    leading = strays == strays[first][owner]
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
    level, sender, grid = network.level[source], shard[source], network.grid[source]
    rows = np.lexsort((key, turn, follower, sender, grid, level))
    ends = np.stack([level, sender, follower, grid])[:, rows]
    start = np.flatnonzero(np.diff(ends, axis=1, prepend=-1).any(axis=0))
    level, sender, follower, _ = ends[:, start]
    return CutEdges(
        loss_shard=loss_shard,
        sender=sender,
        receiver=follower,
        level=level,
        start=np.append(start, len(rows)),
        source=source[rows],
        key=key[rows],
        added=added[rows],
        turn=turn[rows],
    )
