"""One shard of a network: an ordinary network of its own neurons, and of a few that stand in for what is elsewhere.

Its neurons come first, in the whole network's order and under their ids; each hears as many sources, in the same order, and
has its followers in the same order, so nobody notices. Then come:

- For each input elsewhere that somebody here hears: one that is told the same by the world, an input of the same id.
- `wire`, an input that is told nothing, from which the next hang, for what they say comes from elsewhere.
- For each other source elsewhere that somebody here follows: one that says what it says, and whose followers are those here.
- For each turn of the rows that come back to sources here: one that follows all of them who have a row in that turn, in its
  place among their followers. The first turn's hears what is to be told elsewhere.

The outputs are, where the loss lives, those of the whole network in their order, and everywhere those who follow sources
here. What crosses, and why no bit changes, is in `find_cut_edges.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..network.elements import ENVIRONMENT, LOSS_NODE
from ..network.network import Network
from ..support.errors import InputError
from ..support.validation import Array, Indices
from .cut_edges import CutEdges, find_cut_edges
from .partition import Partition


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """What crosses between two shards at one level, as both of them know it.

    number: among all bundles of the cut.  sender, receiver: the shards that activations come from and go to.
    level: of its sources; those of level 0 are inputs, which hear urgencies only in a step `wrt_inputs`.
    first: where in the shard's network the first of those stands who stand in for it; the others follow.
    owner: (n_rows,), of each row that comes back the source's place among the bundle's.
    cuts: (n_turns + 1,), where each turn's rows begin.
    added: (n_sources,), how many urgencies the first row of each is the sum of.
    """

    number: int
    sender: int
    receiver: int
    level: int
    first: int
    owner: Indices
    cuts: Indices
    added: Indices

    @property
    def n_sources(self) -> int:
        return len(self.added)

    @property
    def n_rows(self) -> int:
        return len(self.owner)

    def rows(self) -> list[Indices]:
        """For each source its rows, the first turn's first."""
        ends = np.cumsum(np.bincount(self.owner, minlength=self.n_sources))[:-1]
        return np.split(np.argsort(self.owner, kind="stable"), ends)


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """A shard, and all that it knows of the whole.

    place: which of how many, `shards`.  network: see above.
    members: where its own neurons stand in the whole network.
    inputs: which rows of the whole's x its inputs are told; the first `n_inputs` are its own, the others those from elsewhere.
    n_outputs: of the whole network, where the loss lives, else 0.
    synapses: of each synapse of its network, which of the whole's it is; -1 where it leads to or from a stand-in. (That
        from one who stands in for a source is the source's own.)
    runs: (n_runs, 2), from where to where its neurons' commits lie within the whole's, one run after another.
    hears, tells: the bundles that come from elsewhere, and that go elsewhere.
    """

    place: int
    shards: int
    network: Network
    members: Indices
    inputs: Indices
    n_inputs: int
    n_outputs: int
    synapses: Indices
    runs: Indices
    hears: tuple[Bundle, ...]
    tells: tuple[Bundle, ...]

    @property
    def n_commits(self) -> int:
        """How many numbers its own neurons commit together."""
        return int((self.runs[:, 1] - self.runs[:, 0]).sum())

    def own_part(self, commits: Array) -> Array:
        """What its own neurons hold, out of all that lies as the whole network's commits do."""
        return np.concatenate([commits[start:end] for start, end in self.runs.tolist()])

    def put(self, own: Array, commits: Array) -> None:
        """The other way: what its own neurons hold, into its places within the whole's."""
        read = 0
        for start, end in self.runs.tolist():
            commits[start:end] = own[read : read + end - start]
            read += end - start

    def to_arrays(self) -> tuple[dict[str, Any], list[Array | Indices]]:
        """All of it as data: what can be written as JSON, and arrays."""
        net = self.network
        bundles = self.hears + self.tells
        about: dict[str, Any] = {
            "place": self.place,
            "shards": self.shards,
            "n_inputs": self.n_inputs,
            "n_outputs": self.n_outputs,
            "ids": list(net.ids),
            "activations": list(net.activations),
            "hears": len(self.hears),
            "bundles": [[b.number, b.sender, b.receiver, b.level, b.first] for b in bundles],
        }
        arrays: list[Array | Indices] = [
            net.sources,
            net.targets,
            net.weights,
            net.biases,
            net.output_positions,
        ]
        arrays += [self.members, self.inputs, self.synapses, self.runs]
        for bundle in bundles:
            arrays += [bundle.owner, bundle.cuts, bundle.added]
        return about, arrays

    @classmethod
    def from_arrays(cls, about: dict[str, Any], arrays: Sequence[Any]) -> Shard:
        """What `to_arrays` has made; raises `InputError` for what it has not."""
        try:
            (sources, targets, weights, biases, outputs, members, inputs, synapses, runs), rest = (
                arrays[:9],
                arrays[9:],
            )
            bundles = tuple(
                Bundle(*b, *rest[3 * k : 3 * k + 3]) for k, b in enumerate(about["bundles"])
            )
            network = Network.from_arrays(
                sources,
                targets,
                weights,
                biases=biases,
                activations=about["activations"],
                outputs=outputs,
                ids=about["ids"],
            )
            hears, tells = bundles[: about["hears"]], bundles[about["hears"] :]
            counts = about["n_inputs"], about["n_outputs"]
            return cls(
                about["place"],
                about["shards"],
                network,
                members,
                inputs,
                *counts,
                synapses,
                runs,
                hears,
                tells,
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError(f"this is no shard: {error}") from None


def shards(network: Network, partition: Partition) -> tuple[Shard, ...]:
    """The network's shards."""
    partition.check(network)
    cut = find_cut_edges(network, partition.shard, partition.shards)
    return tuple(_shard(network, partition, cut, place) for place in range(partition.shards))


def _shard(network: Network, partition: Partition, cut: CutEdges, place: int) -> Shard:
    n = len(network.ids)
    mine = partition.shard == place
    members = np.flatnonzero(mine)
    names = _Names([*network.ids, LOSS_NODE, ENVIRONMENT])
    ids = [network.ids[k] for k in members.tolist()]
    where = np.full(n, -1)
    where[members] = np.arange(len(members))

    bundle_of = cut.bundle
    heard = cut.source[
        (cut.receiver[bundle_of] == place) & (cut.turn == 0)
    ]  # bundle after bundle: inputs before others
    told = heard[network.is_input[heard]]
    wire = len(members) + len(told)
    where[told] = np.arange(len(members), wire)
    ids += [network.ids[k] for k in told.tolist()]
    others = heard[len(told) :]
    where[others] = wire + 1 + np.arange(len(others))
    if len(others):
        ids.append(names.new("wire"))
        ids += [
            names.new(f"{network.ids[k][:96]} of shard {partition.shard[k]}")
            for k in others.tolist()
        ]

    rows_out = np.flatnonzero(cut.sender[bundle_of] == place)
    begins = (np.diff(bundle_of[rows_out], prepend=-1) != 0) | (
        np.diff(cut.turn[rows_out], prepend=-1) != 0
    )
    follower = len(ids) + np.cumsum(begins) - 1
    n_followers = int(np.count_nonzero(begins))
    for row in rows_out[begins].tolist():
        level, receiver, turn = (
            cut.level[bundle_of[row]],
            cut.receiver[bundle_of[row]],
            int(cut.turn[row]),
        )
        ids.append(
            names.new(f"shard {receiver}, for level {level}" + f", turn {turn + 1}" * (turn > 0))
        )

    own = np.flatnonzero(mine[network.targets])
    order = np.argsort(np.concatenate([own, cut.key[rows_out]]))
    sources = np.concatenate([where[network.sources[own]], where[cut.source[rows_out]]])[order]
    targets = np.concatenate([where[network.targets[own]], follower])[order]
    synapses = np.concatenate([own, np.full(len(rows_out), -1)])[order]
    weights = np.where(synapses >= 0, network.weights[synapses], 0.0)
    outputs = where[network.output_positions] if place == cut.judge else np.empty(0, dtype=np.intp)
    hanging = len(others)
    part = Network.from_arrays(
        np.concatenate([sources, np.full(hanging, wire)]),
        np.concatenate([targets, where[others]]),
        np.concatenate([weights, np.zeros(hanging)]),
        biases=np.concatenate([network.biases[members], np.zeros(len(ids) - len(members))]),
        activations=[
            *(network.activations[k] for k in members.tolist()),
            *["identity"] * (len(ids) - len(members)),
        ],
        outputs=np.concatenate([outputs, len(ids) - n_followers + np.arange(n_followers)]),
        ids=ids,
    )
    return Shard(
        place=place,
        shards=partition.shards,
        network=part,
        members=members,
        inputs=np.append(
            np.flatnonzero(mine[network.is_input]),
            np.searchsorted(np.flatnonzero(network.is_input), told),
        ),
        n_inputs=int(np.count_nonzero(mine & network.is_input)),
        n_outputs=len(outputs),
        synapses=np.concatenate([synapses, np.full(hanging, -1)]),
        runs=_runs(network, members),
        hears=_bundles(cut, np.flatnonzero(cut.receiver == place), len(members), by_turn=False),
        tells=_bundles(
            cut, np.flatnonzero(cut.sender == place), len(ids) - n_followers, by_turn=True
        ),
    )


def _bundles(cut: CutEdges, chosen: Indices, first: int, by_turn: bool) -> tuple[Bundle, ...]:
    """These bundles, whose stand-ins begin at `first`: one a turn, or else one a source."""
    made: list[Bundle] = []
    for b in chosen.tolist():
        if not by_turn and cut.level[b] > 0 and (not made or made[-1].level == 0):
            first += 1  # the wire
        rows = slice(cut.start[b], cut.start[b + 1])
        turn, source = cut.turn[rows], cut.source[rows]
        cuts = np.append(np.flatnonzero(np.diff(turn, prepend=-1)), len(turn))
        known = source[: cuts[1]]
        order = np.argsort(known)
        owner = order[np.searchsorted(known, source, sorter=order)]
        ends = int(cut.sender[b]), int(cut.receiver[b]), int(cut.level[b])
        made.append(Bundle(b, *ends, first, owner, cuts, cut.added[rows][: cuts[1]]))
        first += len(cuts) - 1 if by_turn else len(known)
    return tuple(made)


def _runs(network: Network, members: Indices) -> Indices:
    sizes = np.where(network.is_input, 0, network.incoming.sizes + 1)
    ends = np.cumsum(sizes)
    kept = members[sizes[members] > 0]
    start, end = ends[kept] - sizes[kept], ends[kept]
    breaks = np.flatnonzero(start[1:] != end[:-1]) + 1
    return np.stack([start[np.append(0, breaks)], end[np.append(breaks - 1, len(end) - 1)]], axis=1)


class _Names:
    """Ids that nobody has yet."""

    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = set(taken)
        self._next = 2

    def new(self, wanted: str) -> str:
        name = wanted
        while name in self._taken:
            name, self._next = f"{wanted} ({self._next})", self._next + 1
        self._taken.add(name)
        return name
