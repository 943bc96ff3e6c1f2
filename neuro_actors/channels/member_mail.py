"""One member's mail: what ports have in common that receive message by message. No trio, no clock.

A port gets its messages in its own way: memory channels from a trio memory channel, unreliable
channels from frames. Then both put them into the same inboxes, and show them in the same arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Generic, Protocol, TypeVar

import numpy as np

from ..network.network import Network
from ..neuron.inbox import Inbox
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
from ..support.validation import Array, Indices, frozen
from .interface import StepOutputs, Waiting
from .routes import KINDS, Routes

NOTHING = frozen(np.empty(0))

Address = TypeVar("Address")  # whatever a port needs to send along a route


class MailArrays(Protocol):
    """The arrays of a port: those of `NeuronPort` and of `LossPort`.

    Attributes:
        activations_in: See `NeuronPort`. Shape (fan_in + 1, columns).
        activation_out: See `NeuronPort`. Shape (columns,).
        urgencies_in: See `NeuronPort`. Shape (fan_out, columns).
        urgencies_out: See `NeuronPort`. Shape (listening sources, columns).
        commit_out: See `NeuronPort`. Shape (fan_in + 1,).
        direction: See `NeuronPort`. Shape (fan_in + 1,).
        targets: See `LossPort`. Shape (n_outputs, batch).
        losses: See `LossPort`. Shape (batch,).
    """

    activations_in: Array
    activation_out: Array
    urgencies_in: Array
    urgencies_out: Array
    commit_out: Array
    direction: Array
    targets: Array
    losses: Array


class MemberMail(Generic[Address]):
    """The inboxes of one member, one for each kind that it receives, and where it sends.

    Attributes:
        node: The member's name.
        inboxes: By kind.
        addresses: Where messages of each kind go, in the order of the routes.
        listening: Of the addresses of urgencies those that are used in each step with a loss. The
            others are inputs, which receive urgencies in a step `wrt_inputs` only.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        self.inboxes: dict[MessageKind, Inbox] = {}
        self.addresses: dict[MessageKind, list[Address]] = {kind: [] for kind in KINDS}
        self.listening: list[Address] = []

    def open(self, kind: MessageKind, number: int, columns: int = 0) -> None:
        """Open the inboxes for mail of a step, before it is received.

        Activations begin a step, so all inboxes open for them, but that of urgencies: an urgency
        comes after the activation that it answers.

        Args:
            kind: The kind of mail that is to be received now.
            number: The step's number.
            columns: Of urgencies, how many columns they have.
        """
        if kind == ACTIVATION:
            for inbox in self.inboxes.values():
                if inbox.kind != URGENCY:
                    inbox.open(number)
        elif kind == URGENCY:
            self.inboxes[URGENCY].open(number, columns)

    def take(self, kind: MessageKind, port: MailArrays) -> Step:
        """Show the mail of a kind, all of which has arrived, in the arrays of a port.

        Beside it, this lays out the arrays that the member fills in next.

        Returns:
            The step that the mail belongs to.
        """
        step, values = self.inboxes[kind].take()
        if kind == TARGET:
            port.targets = values
        elif kind == TANGENT:
            port.direction = values[0]
        elif kind == URGENCY:
            port.urgencies_in = values
            port.urgencies_out = self._empty_urgencies(step, values)
            port.commit_out = np.empty(len(port.activations_in) if self.addresses[COMMIT] else 0)
        else:
            port.activations_in = values
            port.activation_out = np.empty(values.shape[1])
            if TARGET in self.inboxes:  # the loss node's: it responds to activations
                port.urgencies_out = self._empty_urgencies(step, values)
        return step

    def with_activations(self, step: Step) -> Iterator[MessageKind]:
        """Yield the kinds of mail that come with a step's activations, from the environment."""
        if step.loss is not None and TARGET in self.inboxes:
            yield TARGET
        if step.tangent and TANGENT in self.inboxes:
            yield TANGENT

    def _empty_urgencies(self, step: Step, values: Array) -> Array:
        return np.empty((len(self.receivers(URGENCY, step)), values.shape[1]))

    def receivers(self, kind: MessageKind, step: Step) -> list[Address]:
        """Return the addresses that messages of a kind go to in a step."""
        if kind == URGENCY and not step.wrt_inputs:
            return self.listening
        return self.addresses[kind]

    def rows(self, kind: MessageKind, port: MailArrays) -> Iterable[Array]:
        """Return what the member sends, from the arrays of its port, which become read-only.

        Returns:
            A row for each of the `receivers`, or one row again and again. Each of shape (columns,).
        """
        if kind == URGENCY:
            return frozen(port.urgencies_out)
        if kind == ACTIVATION:
            return repeat(frozen(port.activation_out))
        return repeat(frozen(port.commit_out if kind == COMMIT else port.losses))

    def waiting(self) -> Iterator[Waiting]:
        """Yield what is missing, kind by kind."""
        for kind, inbox in self.inboxes.items():
            # that of tangents is open in each step, and used in few
            if inbox.expects is not None and not inbox.complete and kind != TANGENT:
                yield Waiting(self.node, kind, inbox.expects, inbox.missing)


class EnvironmentMail(MemberMail[Address]):
    """The mail of the environment: what begins a step, and what the step comes to.

    Attributes:
        ends: Where each neuron's part of commits and directions ends, without the last.
            Shape (n_neurons - n_inputs - 1,).
    """

    ends: Indices

    def kinds(self, step: Step) -> tuple[MessageKind, ...]:
        """Return the kinds of mail that the environment receives in a step."""
        if step.loss is None:
            return (ACTIVATION, LOSS)
        return (ACTIVATION, LOSS, COMMIT, *((URGENCY,) if step.wrt_inputs else ()))

    def begin(self, step: Step, batch: int, columns: int) -> None:
        """Open the inboxes for a step.

        Args:
            step: The step.
            batch: How many losses there are.
            columns: How many columns the rows have that were sent to the inputs.
        """
        sizes = {LOSS: batch, COMMIT: None}
        for kind in self.kinds(step):
            self.inboxes[kind].open(step.number, sizes.get(kind, columns))

    def rows_to_begin(
        self, x: Array, targets: Array | None, direction: Array | None
    ) -> Iterator[tuple[MessageKind, Iterable[Array]]]:
        """Yield what begins a step, kind by kind; a row for each address.

        Args:
            x: See `EnvironmentPort.begin`. Shape (n_inputs, columns).
            targets: See `EnvironmentPort.begin`. Shape (n_outputs, batch).
            direction: See `EnvironmentPort.begin`.
                Shape (n_synapses + n_neurons - n_inputs,).
        """
        yield ACTIVATION, x
        if targets is not None:
            yield TARGET, targets
        if direction is not None:
            yield TANGENT, np.split(direction, self.ends)

    def take_outputs(self, step: Step, port: StepOutputs) -> None:
        """Show what the step came to, all of which has arrived, in the arrays of a port."""
        values = {kind: self.inboxes[kind].take()[1] for kind in self.kinds(step)}
        port.predictions, port.losses = values[ACTIVATION], values[LOSS][0]
        port.commits = values.get(COMMIT, NOTHING)
        port.input_urgencies = values.get(URGENCY, NOTHING)


def make_mail(
    network: Network, routes: Routes, addresses: Sequence[Address]
) -> tuple[list[MemberMail[Address]], EnvironmentMail[Address]]:
    """Make the mail of all members.

    Args:
        network: The network.
        routes: Its routes.
        addresses: For each route what its sender needs to send along it.

    Returns:
        The mail of the neurons and of the loss node, and that of the environment.
    """
    members, loss_node = routes.members, len(network.ids)
    environment: EnvironmentMail[Address] = EnvironmentMail(members[-1])
    environment.ends = np.cumsum(network.incoming.sizes[~network.is_input] + 1)[:-1]
    mails = [*(MemberMail[Address](name) for name in members[:-1]), environment]
    senders: dict[tuple[int, MessageKind], list[str]] = {}
    ends = (routes.kind, routes.sender, routes.receiver, routes.source, routes.optional)
    rows = zip(*(end.tolist() for end in ends), strict=True)
    for address, (code, sender, receiver, source, optional) in zip(addresses, rows, strict=True):
        kind = KINDS[code]
        mails[sender].addresses[kind].append(address)
        if kind == URGENCY and not optional:
            mails[sender].listening.append(address)
        senders.setdefault((receiver, kind), []).append(
            members[source if kind == TARGET else sender]
        )
    for (receiver, kind), names in senders.items():
        has_ones = kind == ACTIVATION and receiver < loss_node and not network.is_input[receiver]
        inbox = Inbox(members[receiver], kind, names, extra=has_ones)
        mails[receiver].inboxes[kind] = inbox
    return mails[:-1], environment
