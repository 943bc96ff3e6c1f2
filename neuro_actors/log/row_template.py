"""All of a step's rows but their values: which there are, in which order, and who says each to whom.

They follow from the network and from what is asked of it alone: rows stand by time, then kind, sender and receiver, in
the network's order. So equal runs write equal rows, whatever the engine, and a reader knows what must be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network.network import Network
from ..support.validation import Indices
from .recording import Recording
from .schema import CODE

NOBODY = -1  # as sender or receiver


class RowSlots:
    """A number for each thing that can be said in a step of this network: blocks, one after another.

    told: the environment to each input.  spoken: each neuron's activation, to all who hear it.  wanted: a target for
    each output.  lost: the losses.  urged: along each synapse, back.  blamed: the loss to each output.  felt: each input
    to the environment.  committed: each neuron.  steered: the environment to each neuron, its part of a direction.
    """

    def __init__(self, network: Network) -> None:
        n, loss, world = len(network.ids), len(network.ids), len(network.ids) + 1
        self.inputs, self.neurons = (
            np.flatnonzero(network.is_input),
            np.flatnonzero(~network.is_input),
        )
        outputs, everyone = network.output_positions, np.arange(n)
        forward, backward = _waves(network)
        judge = backward[loss]
        blocks: dict[str, tuple[str, Any, Any, Any]] = {  # kind, sender, receiver, time
            "inputs": ("activation", np.full(len(self.inputs), world), self.inputs, 1),
            "activations": ("activation", everyone, NOBODY, forward[everyone]),
            "targets": ("target", np.full(len(outputs), world), loss, 1),
            "losses": ("loss", np.array([loss]), world, judge),
            "backward": ("urgency", network.targets, network.sources, backward[network.targets]),
            "loss_to_outputs": ("urgency", np.full(len(outputs), loss), outputs, judge),
            "input_urgencies": ("urgency", self.inputs, world, backward[self.inputs]),
            "commits": ("commit", self.neurons, world, backward[self.neurons]),
            "directions": ("tangent", np.full(len(self.neurons), world), self.neurons, 1),
        }
        sizes = [len(np.atleast_1d(sender)) for _, sender, _, _ in blocks.values()]
        self.start: Indices = np.concatenate([[0], np.cumsum(sizes)])
        self.block = {
            name: slice(int(self.start[k]), int(self.start[k + 1])) for k, name in enumerate(blocks)
        }
        self.kind: NDArray[np.int8] = np.repeat(
            np.array([CODE[b[0]] for b in blocks.values()], dtype=np.int8), sizes
        )
        self.sender, self.receiver, self.time = (
            np.concatenate(
                [
                    np.broadcast_to(b[column], size)
                    for b, size in zip(blocks.values(), sizes, strict=True)
                ]
            )
            for column in (1, 2, 3)
        )
        self.names = tuple(blocks)
        self.fans = network.incoming.sizes[self.neurons] + 1  # how many parameters each neuron has
        self.rank = np.lexsort(
            (np.arange(len(self.kind)), self.receiver, self.sender, self.kind, self.time)
        )


class Section(NamedTuple):
    """Rows start to stop of a step, which are all of one block and time; `items` says which of the block."""

    block: str
    items: Indices
    start: int
    stop: int


class RowTemplate:
    """The rows of one kind of step, those that begin and seal it aside. All arrays (n_rows,).

    place: in `RowSlots`.  kind, sender, receiver, time: as in the schema, names as numbers, `NOBODY` for null.
    fan: of a commit, or a direction, how many numbers it holds, of any other row 0: as many as the step says.
    """

    def __init__(
        self,
        network: Network,
        slots: RowSlots,
        recording: Recording,
        *,
        judged: bool,
        wrt_inputs: bool,
        tangent: bool = False,
    ) -> None:
        kept = np.zeros(len(slots.kind), dtype=bool)
        for name in (
            "inputs",
            "activations",
            "losses",
            *(("targets", "backward", "loss_to_outputs", "commits") if judged else ()),
        ):
            kept[slots.block[name]] = True
        kept[slots.block["directions"]] = tangent
        if judged and wrt_inputs:
            kept[slots.block["input_urgencies"]] = True
        elif judged:
            back = (slots.kind == CODE["urgency"]) & (slots.receiver < len(network.ids))
            kept[back] &= ~network.is_input[slots.receiver[back]]
        if not recording.whole:
            kept &= self._asked_for(network, slots, recording)
        self.slot = slots.rank[kept[slots.rank]]
        columns = (slots.kind, slots.sender, slots.receiver, slots.time)
        self.kind, self.sender, self.receiver, self.time = (column[self.slot] for column in columns)
        fan = np.zeros(len(slots.kind), dtype=np.intp)
        fan[slots.block["commits"]] = fan[slots.block["directions"]] = slots.fans
        self.fan = fan[self.slot]
        self.of_examples = np.isin(
            self.kind, [CODE["target"], CODE["loss"]]
        )  # one number for each, whatever is added
        self.empty = (self.kind == CODE["loss"]) & (
            not judged
        )  # a step that predicts loses nothing, and says so
        self.sections = list(self._sections(slots))
        self.sealed = (  # what no replay can vouch for: what the world said; in a partial log, everything
            np.isin(
                self.slot,
                np.r_[slots.block["inputs"], slots.block["targets"], slots.block["directions"]],
            )
            if recording.whole
            else np.ones(len(self.slot), dtype=bool)
        )

    def lengths(self, batch: int, columns: int) -> Indices:
        """How many numbers each row holds; columns: in a message, those of the examples and what is added to them."""
        lengths: Indices = np.where(
            self.fan > 0, self.fan, np.where(self.of_examples, batch, columns)
        )
        lengths[self.empty] = 0
        return lengths

    def _sections(self, slots: RowSlots) -> Iterator[Section]:
        block = np.searchsorted(slots.start, self.slot, side="right") - 1
        # where the time changes too: neurons of one level often lie side by side, and are then copied in one piece
        cuts = np.flatnonzero(
            np.diff(block, prepend=-1, append=-1) | np.diff(self.time, prepend=-1, append=-1)
        ).tolist()
        for start, stop in pairwise(cuts):
            k = int(block[start])
            yield Section(slots.names[k], self.slot[start:stop] - slots.start[k], start, stop)

    @staticmethod
    def _asked_for(network: Network, slots: RowSlots, recording: Recording) -> NDArray[np.bool_]:
        """The mail of those who were chosen, said or heard, of the kinds that were."""
        chosen = np.append(
            recording.chosen(network), [False, False, False]
        )  # the loss, the environment; and NOBODY
        kept = chosen[slots.sender] | chosen[slots.receiver]
        heard = np.zeros(len(network.ids), dtype=bool)
        heard[network.sources[chosen[network.targets]]] = True
        kept[slots.block["activations"]] |= heard
        if recording.neurons is None and recording.layers is None:
            kept[:] = True
        wanted = np.array([kind in recording.kinds for kind in CODE])
        return np.asarray(kept & wanted[slots.kind])


def _waves(network: Network) -> tuple[Indices, Indices]:
    """When each member sends its activation, and its urgencies: 1 + the latest that it had heard before (Lamport)."""
    n, outputs = len(network.ids), network.output_positions
    forward = np.append(
        network.level + 2, [0, 1]
    )  # the environment speaks at 1, the inputs, at level 0, at 2
    judge = int(forward[outputs].max()) + 1
    backward = np.zeros(n + 2, dtype=np.intp)
    backward[outputs], backward[n] = judge + 1, judge
    by_level = np.argsort(-network.level[network.targets], kind="stable")
    cuts = np.flatnonzero(np.diff(network.level[network.targets][by_level])) + 1
    for synapses in np.split(by_level, cuts):  # from the last level to the first
        np.maximum.at(backward, network.sources[synapses], backward[network.targets[synapses]] + 1)
    return forward, backward
