"""All routes of a society: along which anything can be said, who says it to whom, and in which order they are counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network.elements import ENVIRONMENT, LOSS_NODE
from ..network.network import Network
from ..neuron.messages import (
    ACTIVATION,
    COMMIT,
    LOSS,
    TANGENT,
    TARGET,
    URGENCY,
    MessageKind,
    Step,
)
from ..support.validation import Indices
from .step_record import Progress

KINDS = tuple(MessageKind)


class Routes:
    """The routes of a network's society, counted in blocks; within a block in the network's order.

    A member is a number: a neuron's place in the network, then the loss, then the environment. For each route:
    kind: its place in `KINDS`;  source, target: the ends of the synapse that it goes along;  sender, receiver;
    optional: True where something is said in a step `wrt_inputs` only.

    Each block is a slice: told (the environment to inputs), forward (a synapse each), loss_done (outputs to the loss),
    shown (outputs to the environment), wanted (targets, the environment to the loss), lost (the loss to the
    environment), backward (a synapse each), blamed (the loss to outputs), felt (inputs to the environment), committed
    (neurons to the environment), steered (tangents, the environment to neurons). Whoever speaks to several or hears
    several does so in the order of the routes.
    """

    def __init__(self, network: Network) -> None:
        n = len(network.ids)
        self.members = (*network.ids, LOSS_NODE, ENVIRONMENT)
        loss, world = np.array([n]), np.array([n + 1])
        inputs, neurons = np.flatnonzero(network.is_input), np.flatnonzero(~network.is_input)
        outputs = network.output_positions
        blocks: list[tuple[str, MessageKind, Indices, Indices]] = [
            ("inputs", ACTIVATION, world, inputs),
            ("forward", ACTIVATION, network.sources, network.targets),
            ("to_loss", ACTIVATION, outputs, loss),
            ("to_environment", ACTIVATION, outputs, world),
            ("targets", TARGET, outputs, loss),
            ("losses", LOSS, loss, world),
            ("backward", URGENCY, network.sources, network.targets),
            ("loss_to_outputs", URGENCY, outputs, loss),
            ("input_urgencies", URGENCY, world, inputs),
            ("commits", COMMIT, neurons, world),
            ("directions", TANGENT, world, neurons),
        ]
        sizes = [max(len(source), len(target)) for _, _, source, target in blocks]
        ends = np.cumsum([0, *sizes]).tolist()
        for (name, *_), start, end in zip(blocks, ends, ends[1:], strict=False):
            setattr(self, name, slice(start, end))
        kinds = [KINDS.index(kind) for _, kind, _, _ in blocks]
        self.kind: NDArray[np.int8] = np.repeat(np.array(kinds, dtype=np.int8), sizes)
        self.source = _concatenate([source for _, _, source, _ in blocks], sizes)
        self.target = _concatenate([target for _, _, _, target in blocks], sizes)
        backwards = self.kind == KINDS.index(URGENCY)
        self.sender = np.where(backwards, self.target, self.source)
        self.sender[self.targets] = n + 1
        self.receiver = np.where(backwards, self.source, self.target)
        self.optional: NDArray[np.bool_] = backwards & np.isin(self.receiver, inputs)
        self.optional[self.input_urgencies] = True

    inputs: slice
    forward: slice
    to_loss: slice
    to_environment: slice
    targets: slice
    losses: slice
    backward: slice
    loss_to_outputs: slice
    input_urgencies: slice
    commits: slice
    directions: slice

    def __len__(self) -> int:
        return len(self.kind)


def count_messages(network: Network, step: Step, progress: Progress) -> int:
    """How many messages have been sent in a step that has come so far."""
    sent, finished, loss_done = progress.sent_activation, progress.finished, progress.loss_done
    outputs = network.output_positions
    count = (
        len(network.inputs)
        + int(network.outgoing.sizes[sent].sum())
        + 2 * int(sent[outputs].sum())
        + loss_done
    )
    if step.loss is None:
        return count
    listens = ~network.is_input | step.wrt_inputs
    back = int((finished[network.targets] & listens[network.sources]).sum()) + loss_done * int(
        listens[outputs].sum()
    )
    directions = step.tangent * int((~network.is_input).sum())
    return (
        count + directions + len(outputs) + back + int(finished.sum())
    )  # the targets; and who is done has told the environment so


def _concatenate(parts: list[Indices], sizes: list[int]) -> Indices:
    return np.concatenate(
        [np.broadcast_to(part, size) for part, size in zip(parts, sizes, strict=True)]
    )
