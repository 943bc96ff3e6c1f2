"""All lines of a society: along which anything can be said, who says it to whom, and in which order they are counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network.elements import ENVIRONMENT, LOSS
from ..network.network import Network
from ..neuron.messages import Kind, Step
from ..support.validation import Indices
from .step_record import Unfinished

KINDS: tuple[Kind, ...] = ("activation", "target", "loss", "urgency", "commit", "tangent")


class Lines:
    """The lines of a network's society, counted in blocks; within a block in the network's order.

    A member is a number: a neuron's place in the network, then the loss, then the environment. For each line:
    kind: its place in `KINDS`;  source, target: the ends of the synapse that it goes along;  sender, receiver;
    optional: True where something is said in a step `wrt_inputs` only.

    Each block is a slice: told (the environment to inputs), forward (a synapse each), judged (outputs to the loss),
    shown (outputs to the environment), wanted (targets, the environment to the loss), lost (the loss to the
    environment), backward (a synapse each), blamed (the loss to outputs), felt (inputs to the environment), committed
    (neurons to the environment), steered (tangents, the environment to neurons). Whoever speaks to several or hears
    several does so in the order of the lines.
    """

    def __init__(self, network: Network) -> None:
        n = len(network.ids)
        self.members = (*network.ids, LOSS, ENVIRONMENT)
        loss, world = np.array([n]), np.array([n + 1])
        inputs, neurons = np.flatnonzero(network.is_input), np.flatnonzero(~network.is_input)
        outputs = network.output_positions
        blocks: list[tuple[str, Kind, Indices, Indices]] = [
            ("told", "activation", world, inputs),
            ("forward", "activation", network.sources, network.targets),
            ("judged", "activation", outputs, loss),
            ("shown", "activation", outputs, world),
            ("wanted", "target", outputs, loss),
            ("lost", "loss", loss, world),
            ("backward", "urgency", network.sources, network.targets),
            ("blamed", "urgency", outputs, loss),
            ("felt", "urgency", world, inputs),
            ("committed", "commit", neurons, world),
            ("steered", "tangent", world, neurons),
        ]
        sizes = [max(len(source), len(target)) for _, _, source, target in blocks]
        ends = np.cumsum([0, *sizes]).tolist()
        for (name, *_), start, end in zip(blocks, ends, ends[1:], strict=False):
            setattr(self, name, slice(start, end))
        kinds = [KINDS.index(kind) for _, kind, _, _ in blocks]
        self.kind: NDArray[np.int8] = np.repeat(np.array(kinds, dtype=np.int8), sizes)
        self.source = _joined([source for _, _, source, _ in blocks], sizes)
        self.target = _joined([target for _, _, _, target in blocks], sizes)
        backwards = self.kind == KINDS.index("urgency")
        self.sender = np.where(backwards, self.target, self.source)
        self.sender[self.wanted] = n + 1
        self.receiver = np.where(backwards, self.source, self.target)
        self.optional: NDArray[np.bool_] = backwards & np.isin(self.receiver, inputs)
        self.optional[self.felt] = True

    told: slice
    forward: slice
    judged: slice
    shown: slice
    wanted: slice
    lost: slice
    backward: slice
    blamed: slice
    felt: slice
    committed: slice
    steered: slice

    def __len__(self) -> int:
        return len(self.kind)


def sent(network: Network, step: Step, so_far: Unfinished) -> int:
    """How many messages have been sent in a step that has come so far."""
    spoken, done, judged = so_far.spoken, so_far.done, so_far.judged
    outputs = network.output_positions
    count = (
        len(network.inputs)
        + int(network.outgoing.sizes[spoken].sum())
        + 2 * int(spoken[outputs].sum())
        + judged
    )
    if step.loss is None:
        return count
    listens = ~network.is_input | step.wrt_inputs
    back = int((done[network.targets] & listens[network.sources]).sum()) + judged * int(
        listens[outputs].sum()
    )
    steered = step.tangent * int((~network.is_input).sum())
    return (
        count + steered + len(outputs) + back + int(done.sum())
    )  # the targets; and who is done has told the environment so


def _joined(parts: list[Indices], sizes: list[int]) -> Indices:
    return np.concatenate(
        [np.broadcast_to(part, size) for part, size in zip(parts, sizes, strict=True)]
    )
