"""One shard of a network: a network of its own neurons, and of proxies for other shards.

The shard's own neurons come first, in the whole network's order and under their ids. Each has as
many sources and as many followers as in the whole network, in the same order. So a neuron cannot
tell the difference. After them come:

- For each input of another shard that has a follower here: an input of the same id. The environment
  sends both the same activation.
- `elsewhere`: an input that receives nothing of use. The proxies below need an incoming synapse,
  but their activations come from other shards.
- For each other source of another shard that has a follower here: a proxy of the source. It repeats
  the source's activation, and its followers are those here.
- For each bundle of sources here, and for each turn of the rows that come back to them: one proxy
  of their followers. It takes, among the followers of each source that has a row in that turn, the
  place of the remote follower whose urgency is in that row. The proxy of the first turn also
  receives the activations that are to be sent away.

The outputs are, where the loss node lives, those of the whole network in their order, and in each
shard the proxies of followers. What crosses the cut, and why no bit changes, is in `cut_edges.py`.

Proxies that are no inputs are interneurons: they have no parameters. The proxy of a source lives
where the source does, and a proxy of followers where the outputs do. A field says so; no number
goes along it, as their rules (`proxies.py`) do not combine what they receive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..network.dropout import read_dropout
from ..network.elements import ENVIRONMENT, LOSS_NODE, Interneuron
from ..network.elements_json import elements_to_json, make_network
from ..network.field import Field, Grid, count_positions, show_grid
from ..network.network import Network
from ..support.arrays import Array, Indices
from ..support.errors import InputError
from .cut_edges import CutEdges, find_cut_edges
from .partition import Partition


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """What crosses between two shards at one level and grid, as one of the two knows it.

    Attributes:
        number: Its number among all bundles of the cut.
        sender: The shard that activations come from.
        receiver: The shard that activations go to.
        level: The level of its sources. Those of level 0 are inputs, whose urgencies are wanted
            only in a step `wrt_inputs`.
        first: Position of its first proxy in the shard's network; the others follow.
        owner: For each row that comes back its source, as a number within the bundle. Shape
            (n_rows,).
        turn_starts: Where the rows of each turn begin, and their end. Shape (n_turns + 1,).
        added: How many urgencies are added in the first row of each source. Shape (n_sources,).
    """

    number: int
    sender: int
    receiver: int
    level: int
    first: int
    owner: Indices
    turn_starts: Indices
    added: Indices

    @property
    def n_sources(self) -> int:
        """How many sources it has."""
        return len(self.added)

    @property
    def n_rows(self) -> int:
        """How many rows come back."""
        return len(self.owner)

    @property
    def n_turns(self) -> int:
        """In how many turns they come."""
        return len(self.turn_starts) - 1

    def rows(self) -> list[Indices]:
        """Return the rows of each source, that of the first turn first. Shape (its rows,) each."""
        ends = np.cumsum(np.bincount(self.owner, minlength=self.n_sources))[:-1]
        return np.split(np.argsort(self.owner, kind="stable"), ends)


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """A shard, and all that it knows of the whole network.

    Attributes:
        number: Its number, from 0 on.
        shards: How many shards there are.
        network: Its own neurons, then the proxies. Its `is_output` says which neurons are outputs
            of the whole network: their slope may depend on the loss.
        members: Positions of its own neurons in the whole network, inputs among them. Shape
            (n_members,).
        inputs: For each of its inputs the row of the whole network's x. Its own inputs come first,
            then those of other shards. Shape (inputs,).
        n_inputs: How many inputs are its own.
        n_outputs: How many outputs the whole network has, where the loss node lives, otherwise 0.
        n_handed: How many of these, the last ones, are heard by delays.
        synapses: For each synapse of its network the whole network's synapse; -1 for a synapse to
            or from a proxy. (One from the proxy of a source is the source's own.) Shape
            (n_synapses,).
        runs: From where to where its neurons' commits lie within those of the whole network, run
            after run. Shape (n_runs, 2).
        bundles_in: The bundles that come from other shards.
        bundles_out: The bundles that go to other shards.
    """

    number: int
    shards: int
    network: Network
    members: Indices
    inputs: Indices
    n_inputs: int
    n_outputs: int
    n_handed: int
    synapses: Indices
    runs: Indices
    bundles_in: tuple[Bundle, ...]
    bundles_out: tuple[Bundle, ...]

    @property
    def n_commits(self) -> int:
        """How many numbers its own neurons commit together."""
        return int((self.runs[:, 1] - self.runs[:, 0]).sum())

    @property
    def combinations(self) -> list[str]:
        """The combinations of its own interneurons, sorted: proxies do not combine."""
        nodes = self.network.interneurons.items()
        names = {node.combination for k, node in nodes if k < len(self.members)}
        return sorted(name for name in names if read_dropout(name) is None)

    def own_part(self, commits: Array) -> Array:
        """Return what belongs to its own neurons. Shape (n_commits,).

        Args:
            commits: Numbers of all neurons of the whole network, one neuron after another.
                Shape (n_parameters,).
        """
        parts = [commits[start:end] for start, end in self.runs.tolist()]
        return np.concatenate(parts) if parts else np.empty(0)

    def put(self, own: Array, commits_out: Array) -> None:
        """Do the inverse of `own_part`.

        Args:
            own: Numbers of its own neurons, one neuron after another. Shape (n_commits,).
            commits_out: Receives them among the numbers of all neurons. Shape (n_parameters,).
        """
        read = 0
        for start, end in self.runs.tolist():
            commits_out[start:end] = own[read : read + end - start]
            read += end - start

    def to_arrays(self) -> tuple[dict[str, Any], list[Array | Indices]]:
        """Return the shard as data: JSON, and arrays of shapes (n,) and (n, 2)."""
        net = self.network
        bundles = self.bundles_in + self.bundles_out
        about: dict[str, Any] = {
            "number": self.number,
            "shards": self.shards,
            "n_inputs": self.n_inputs,
            "n_outputs": self.n_outputs,
            "n_handed": self.n_handed,
            "elements": elements_to_json(net),
            "ids": list(net.ids),
            "activations": list(net.activations),
            "bundles_in": len(self.bundles_in),
            "bundles": [[b.number, b.sender, b.receiver, b.level, b.first] for b in bundles],
        }
        arrays: list[Array | Indices] = [
            net.sources,
            net.targets,
            net.weights,
            net.biases,
            net.output_positions,
            np.flatnonzero(net.is_output),
        ]
        arrays += [self.members, self.inputs, self.synapses, self.runs]
        for bundle in bundles:
            arrays += [bundle.owner, bundle.turn_starts, bundle.added]
        return about, arrays

    @classmethod
    def from_arrays(cls, about: dict[str, Any], arrays: Sequence[Any]) -> Shard:
        """Return the shard that `to_arrays` has turned into data.

        Args:
            about: JSON.
            arrays: Arrays.

        Raises:
            InputError: These are not the data of a shard.
        """
        try:
            sources, targets, weights, biases, outputs, ends = arrays[:6]
            members, inputs, synapses, runs = arrays[6:10]
            rest, ids = arrays[10:], about["ids"]
            bundles = tuple(
                Bundle(*b, *rest[3 * k : 3 * k + 3]) for k, b in enumerate(about["bundles"])
            )
            return cls(
                number=about["number"],
                shards=about["shards"],
                network=_with_outputs(
                    make_network(
                        about["elements"],
                        ids,
                        np.bincount(targets, minlength=len(ids)) == 0,
                        weights,
                        biases,
                        activations=tuple(about["activations"]),
                        sources=sources,
                        targets=targets,
                        output_positions=outputs,
                    ),
                    ends,
                ),
                members=members,
                inputs=inputs,
                n_inputs=about["n_inputs"],
                n_outputs=about["n_outputs"],
                n_handed=about["n_handed"],
                synapses=synapses,
                runs=runs,
                bundles_in=bundles[: about["bundles_in"]],
                bundles_out=bundles[about["bundles_in"] :],
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError(f"this is no shard: {error}") from None


def shards(network: Network, partition: Partition) -> tuple[Shard, ...]:
    """Return the shards of a network.

    Args:
        network: The network.
        partition: Where it is cut.

    Raises:
        InputError: It is the partition of another network.
    """
    partition.check(network)
    cut = find_cut_edges(network, partition.shard, partition.shards)
    return tuple(_shard(network, partition, cut, number) for number in range(partition.shards))


def _shard(network: Network, partition: Partition, cut: CutEdges, number: int) -> Shard:
    n = len(network.ids)
    mine = partition.shard == number
    members = np.flatnonzero(mine)
    names = _Names([*network.ids, LOSS_NODE, ENVIRONMENT])
    grid, door = [network.grids[k] for k in network.grid.tolist()], network.input_grid
    interneurons = {
        here: network.interneurons[k]
        for here, k in enumerate(members.tolist())
        if k in network.interneurons
    }
    ids = [network.ids[k] for k in members.tolist()]
    # of each neuron of the whole network its position here, or its proxy's
    position = np.full(n, -1)
    position[members] = np.arange(len(members))

    bundle_of = cut.bundle
    # sources of other shards, bundle after bundle: inputs before others
    remote = cut.source[(cut.receiver[bundle_of] == number) & (cut.turn == 0)]
    remote_inputs = remote[network.is_input[remote]]
    elsewhere = len(members) + len(remote_inputs)
    position[remote_inputs] = np.arange(len(members), elsewhere)
    ids += [network.ids[k] for k in remote_inputs.tolist()]
    others = remote[len(remote_inputs) :]
    position[others] = elsewhere + 1 + np.arange(len(others))
    if len(others):
        ids.append(names.new("elsewhere"))
        for k in others.tolist():
            id = names.new(f"{network.ids[k][:96]} of shard {partition.shard[k]}")
            interneurons[len(ids)] = Interneuron(id, "sum", _door(door, grid[k]))
            ids.append(id)

    rows_out = np.flatnonzero(cut.sender[bundle_of] == number)
    begins = (np.diff(bundle_of[rows_out], prepend=-1) != 0) | (
        np.diff(cut.turn[rows_out], prepend=-1) != 0
    )
    follower = len(ids) + np.cumsum(begins) - 1
    n_followers = int(np.count_nonzero(begins))
    for row in rows_out[begins].tolist():
        level, receiver = cut.level[bundle_of[row]], cut.receiver[bundle_of[row]]
        turn, its_grid = int(cut.turn[row]), grid[cut.source[row]]
        where = f" at {show_grid(its_grid)}" if its_grid else ""
        id = names.new(
            f"shard {receiver}, for level {level}{where}" + f", turn {turn + 1}" * (turn > 0)
        )
        interneurons[len(ids)] = Interneuron(id, "sum", _door(its_grid, network.output_grid))
        ids.append(id)

    own = np.flatnonzero(mine[network.targets])
    order = np.argsort(np.concatenate([own, cut.key[rows_out]]))
    sources = np.concatenate([network.sources[own], cut.source[rows_out]])
    sources = position[sources][order]
    targets = np.concatenate([position[network.targets[own]], follower])[order]
    synapses = np.concatenate([own, np.full(len(rows_out), -1)])[order]
    is_own = synapses >= 0
    has_loss = number == cut.loss_shard
    outputs = position[network.output_positions] if has_loss else np.empty(0, dtype=np.intp)
    n_proxies = len(ids) - len(members)
    extra = np.full(len(others), elsewhere)
    targets = np.concatenate([targets, position[others]])
    is_input = np.bincount(targets, minlength=len(ids)) == 0
    none = np.zeros(n_proxies, dtype=bool)
    part = Network.__new__(Network)
    part._set(
        ids=tuple(ids),
        is_input=is_input,
        activations=(
            *(network.activations[k] for k in members.tolist()),
            *["identity"] * n_proxies,
        ),
        interneurons=interneurons,
        input_grids=dict.fromkeys(np.flatnonzero(is_input).tolist(), door) if door else {},
        frozen_weights=np.append(is_own & network.frozen_weights[synapses], extra < 0),
        frozen_biases=np.append(network.frozen_biases[members], none),
        biases=np.append(network.biases[members], np.zeros(n_proxies)),
        sources=np.concatenate([sources, extra]),
        targets=targets,
        weights=np.append(np.where(is_own, network.weights[synapses], 1.0), np.ones(len(others))),
        output_positions=np.append(outputs, len(ids) - n_followers + np.arange(n_followers)),
    )
    is_end = np.append(network.is_output[members], none)
    into, out = np.flatnonzero(cut.receiver == number), np.flatnonzero(cut.sender == number)
    return Shard(
        number=number,
        shards=partition.shards,
        network=_with_outputs(part, np.flatnonzero(is_end)),
        members=members,
        inputs=np.append(
            np.flatnonzero(mine[network.is_input]),
            np.searchsorted(np.flatnonzero(network.is_input), remote_inputs),
        ),
        n_inputs=int(np.count_nonzero(mine & network.is_input)),
        n_outputs=len(outputs),
        n_handed=len(network.delayed) if has_loss else 0,
        synapses=np.concatenate([synapses, np.full(len(others), -1)]),
        runs=_runs(network, members),
        bundles_in=_bundles(cut, into, len(members), by_turn=False),
        bundles_out=_bundles(cut, out, len(ids) - n_followers, by_turn=True),
    )


def _with_outputs(network: Network, ends: Indices) -> Network:
    """Let a shard's neurons know whether they are outputs of the whole network."""
    network.is_output = np.isin(np.arange(len(network.ids)), ends)
    return network


def _door(sources: Grid, grid: Grid) -> Field | None:
    """Return a field from one grid to another; None if they are the same."""
    if sources == grid:
        return None
    return Field(sources, grid, np.zeros(count_positions(grid), dtype=np.intp), "proxy")


def _bundles(cut: CutEdges, chosen: Indices, first: int, by_turn: bool) -> tuple[Bundle, ...]:
    """Make bundles whose proxies begin at `first`: one for each turn, or one for each source."""
    made: list[Bundle] = []
    for b in chosen.tolist():
        if not by_turn and cut.level[b] > 0 and (not made or made[-1].level == 0):
            first += 1  # `elsewhere`
        rows = slice(cut.start[b], cut.start[b + 1])
        turn, source = cut.turn[rows], cut.source[rows]
        starts = np.append(np.flatnonzero(np.diff(turn, prepend=-1)), len(turn))
        known = source[: starts[1]]
        order = np.argsort(known)
        owner = order[np.searchsorted(known, source, sorter=order)]
        ends = int(cut.sender[b]), int(cut.receiver[b]), int(cut.level[b])
        made.append(Bundle(b, *ends, first, owner, starts, cut.added[rows][: starts[1]]))
        first += len(starts) - 1 if by_turn else len(known)
    return tuple(made)


def _runs(network: Network, members: Indices) -> Indices:
    sizes = network.n_parameters
    ends = np.cumsum(sizes)
    neurons = members[sizes[members] > 0]
    if not len(neurons):
        return np.empty((0, 2), dtype=np.intp)
    start, end = ends[neurons] - sizes[neurons], ends[neurons]
    breaks = np.flatnonzero(start[1:] != end[:-1]) + 1
    return np.stack([start[np.append(0, breaks)], end[np.append(breaks - 1, len(end) - 1)]], axis=1)


class _Names:
    """Ids that no member has yet."""

    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = set(taken)
        self._next = 2

    def new(self, wanted: str) -> str:
        name = wanted
        while name in self._taken:
            name, self._next = f"{wanted} ({self._next})", self._next + 1
        self._taken.add(name)
        return name
