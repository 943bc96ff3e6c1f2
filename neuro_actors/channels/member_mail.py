"""One member's mail: what ports have in common that receive message by message. No trio, no clock.

A port gets its messages in its own way: memory channels from a trio memory channel, unreliable
channels from frames. Then both put them into the same inboxes, and show them in the same arrays.
Which inboxes a member has, and where it sends, follows from the table of routes alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import product, repeat
from typing import Any, Generic, NamedTuple, TypeVar

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
    Message,
    MessageKind,
    Step,
)
from ..support.arrays import Array, Indices, freeze
from ..support.errors import MessageError
from .interface import Waiting
from .routes import Moment, Over, Routes, RouteSpec, Size, StepKind

NOTHING = freeze(np.empty(0))

Address = TypeVar("Address")  # whatever a port needs to send along a route

# the arrays of `NeuronPort` and `LossPort`, as attributes, which are faster to reach than a dict's
RECEIVED_AS = {ACTIVATION: "activations_in", URGENCY: "urgencies_in", TARGET: "targets"}
SENT_FROM = {
    ACTIVATION: "activation_out",
    URGENCY: "urgencies_out",
    COMMIT: "commit_out",
    LOSS: "losses",
}


def received_as(kind: MessageKind) -> str:
    """Return the name of the array of a port that holds the mail of a kind."""
    return RECEIVED_AS.get(kind, f"{kind}_in")


def sent_from(kind: MessageKind) -> str:
    """Return the name of the array of a port that is sent in messages of a kind."""
    return SENT_FROM.get(kind, f"{kind}_out")


def _received(kind: MessageKind) -> Any:
    """Return a property: the mail of a kind."""
    return property(lambda port: port.received.get(kind, NOTHING))


def _received_from_one(kind: MessageKind) -> Any:
    """Return a property: the mail of a kind that has one sender."""
    return property(lambda port: port.received.get(kind, (NOTHING,))[0])


def _first_row(array: str) -> Any:
    """Return a property: the only row of another array."""
    return property(lambda port: getattr(port, array)[0])


class OutputArrays:
    """The arrays of the environment's port, by kind, and under the names of `StepOutputs`.

    Attributes:
        received: What the last step came to. Shape (senders, columns) each, commits flat.
    """

    predictions = _received(ACTIVATION)
    losses = _received_from_one(LOSS)
    commits = _received(COMMIT)
    input_urgencies = _received(URGENCY)

    def __init__(self) -> None:
        self.received: dict[MessageKind, Array] = {}


class Outgoing(Generic[Address]):
    """The messages of one kind that a member sends.

    Args:
        spec: Their row in the table of routes.
        length: How many numbers a message holds. None: one for each column and position.
        positions: How many positions a message is about.

    Attributes:
        spec: As above.
        positions: As above.
        array: The name of the port's array that is sent.
        is_shared: Whether one row goes to all receivers. Otherwise each gets a row of its own.
        addresses: Where the messages go, in the order of the routes. Inputs receive no urgencies.
        addresses_wrt_inputs: Where they go in a step `wrt_inputs`: inputs receive urgencies too.
    """

    __slots__ = (
        "_length",
        "addresses",
        "addresses_wrt_inputs",
        "array",
        "is_shared",
        "positions",
        "spec",
    )

    def __init__(self, spec: RouteSpec, length: int | None, positions: int) -> None:
        self.spec, self.positions = spec, positions
        self.array = sent_from(spec.kind)
        self.is_shared = bool(spec.row) or spec.size is not Size.COLUMNS
        self._length = length
        self.addresses: list[Address] = []
        self.addresses_wrt_inputs: list[Address] = []

    def receivers(self, step: Step) -> list[Address]:
        """Return where the messages of a step go."""
        return self.addresses_wrt_inputs if step.wrt_inputs else self.addresses

    def lay_out(self, step: Step, columns: int) -> Array:
        """Return an array to fill in.

        Args:
            step: The step.
            columns: How many columns each position has.

        Returns:
            Shape (numbers,) if it is shared, or (receivers, numbers).
        """
        length = columns * self.positions if self._length is None else self._length
        return np.empty(length if self.is_shared else (len(self.receivers(step)), length))

    def rows(self, port: PortArrays[Address]) -> Iterable[Array]:
        """Return what is sent, from the array of a port, which becomes read-only.

        Returns:
            A row for each of the `receivers`, or one row again and again. Each of shape (columns,).
        """
        rows = freeze(getattr(port, self.array))
        return repeat(rows) if self.is_shared else rows


class Wait(NamedTuple, Generic[Address]):
    """What belongs to a kind of mail, computed once. A member waits for activations or urgencies.

    Attributes:
        inbox: Where it arrives.
        positions: How many positions its messages are about.
        array: The name of the port's array that shows it.
        opened: The inboxes that open for it, and of how many positions their messages hold one
            number per column; 0 if they hold others.
        sent_after: What the member sends when all of it has arrived.
        accompanying: The other kinds of mail that come with it, by the `StepKind` of the step. In
            the package's own table these are targets and directions, which come with activations.
    """

    inbox: Inbox
    positions: int
    array: str
    opened: tuple[tuple[Inbox, int], ...]
    sent_after: tuple[Outgoing[Address], ...]
    accompanying: dict[tuple[bool, bool, bool], tuple[MessageKind, ...]]


class MemberMail(Generic[Address]):
    """The inboxes of one member, one for each kind that it receives, and where it sends.

    Attributes:
        node: The member's name.
        inboxes: By kind.
        positions: How many positions the mail of a kind is about.
        specs: A row of the table of routes, by kind of mail.
        outgoing: What it sends, by kind.
        awaited: The kinds of mail that it waits for.
        waits: What belongs to each kind of mail.
    """

    __slots__ = ("awaited", "inboxes", "node", "outgoing", "positions", "specs", "waits")

    def __init__(self, node: str) -> None:
        self.node = node
        self.inboxes: dict[MessageKind, Inbox] = {}
        self.positions: dict[MessageKind, int] = {}
        self.specs: dict[MessageKind, RouteSpec] = {}
        self.outgoing: dict[MessageKind, Outgoing[Address]] = {}
        self.awaited: tuple[MessageKind, ...] = ()
        self.waits: dict[MessageKind, Wait[Address]] = {}

    def plan_waits(self) -> None:
        """Compute what belongs to each kind of mail, when all routes are known. Called once."""
        self.waits = {kind: self._plan_wait(kind) for kind in self.inboxes}

    def open(self, kind: MessageKind, number: int, numbers: int = 0) -> None:
        """Open the inboxes for mail of a step, before it is received.

        Activations begin a step. For them all inboxes open but those of messages that are sent by
        responding members, as urgencies are: these come after the activation that they answer.

        Args:
            kind: The kind of mail that is to be received now.
            number: The step's number.
            numbers: Before urgencies, how many numbers the activations had that were received.
        """
        columns = numbers and numbers // self.waits[ACTIVATION].positions
        for inbox, positions in self.waits[kind].opened:
            inbox.open(number, columns * positions or None)

    def accept_all(self, messages: Sequence[Message]) -> None:
        """Put messages into the inboxes of their kinds, in their order.

        Args:
            messages: The messages. At least one.

        Raises:
            MessageError: One of them must not be accepted. Those before it are in their places.
        """
        inbox = self.inboxes.get(messages[0].kind)
        if len(messages) > 1 and inbox is not None and inbox.accept_all(messages):
            return
        for message in messages:
            inbox = self.inboxes.get(message.kind)
            if inbox is None:
                problem = f"{self.node!r} cannot accept {message}: it has no synapse for it"
                raise MessageError(problem)
            inbox.accept(message)

    def take(
        self, kind: MessageKind, port: PortArrays[Address]
    ) -> tuple[Step, tuple[MessageKind, ...]]:
        """Show the mail of a kind, all of which has arrived, in the arrays of a port.

        Beside it, this lays out the arrays that the member fills in next.

        Returns:
            The step that the mail belongs to, and the kinds of mail that come with it in this step.
            See `coming_with`.
        """
        wait = self.waits[kind]
        step, values = wait.inbox.take()
        setattr(port, wait.array, values)
        columns = values.shape[1] // wait.positions
        for outgoing in wait.sent_after:
            setattr(port, outgoing.array, outgoing.lay_out(step, columns))
        return step, self.coming_with(kind, step)

    def coming_with(self, kind: MessageKind, step: Step) -> tuple[MessageKind, ...]:
        """Return the kinds of mail that come with activations, or with urgencies, in a step.

        With activations comes what the environment sends when it begins the step, and what sources
        send when they fire; with urgencies, what followers send when they respond.
        """
        # a `StepKind` is a tuple; to make one here, in every phase, would take as long as the rest
        return self.waits[kind].accompanying[step.loss is not None, step.wrt_inputs, step.tangent]

    def _plan_wait(self, kind: MessageKind) -> Wait[Address]:
        inbox, positions, array = self.inboxes[kind], self.positions[kind], received_as(kind)
        if kind not in (ACTIVATION, URGENCY):
            return Wait(inbox, positions, array, (), (), _by_step_kind((), False))
        together = {
            other: spec
            for other, spec in self.specs.items()
            if (spec.moment is Moment.RESPOND) == (kind == URGENCY)
        }
        others = tuple(spec for other, spec in together.items() if other != kind)
        is_input = self.specs[ACTIVATION].over is Over.INPUTS
        return Wait(
            inbox,
            positions,
            array,
            tuple(
                (self.inboxes[it], self.positions[it] if spec.size is Size.COLUMNS else 0)
                for it, spec in together.items()
            ),
            tuple(sent for sent in self.outgoing.values() if self._is_sent_after(kind, sent.spec)),
            _by_step_kind(others, kind == URGENCY and is_input),  # law 3 of the table
        )

    def _is_sent_after(self, kind: MessageKind, spec: RouteSpec) -> bool:
        """The loss node receives no urgencies: it responds to activations."""
        responds = spec.moment is Moment.RESPOND and URGENCY in self.inboxes
        return kind == (URGENCY if responds else ACTIVATION)

    def receivers(self, kind: MessageKind, step: Step) -> list[Address]:
        """Return the addresses that messages of a kind go to in a step."""
        return self.outgoing[kind].receivers(step) if kind in self.outgoing else []

    def rows(self, kind: MessageKind, port: PortArrays[Address]) -> Iterable[Array]:
        """Return what the member sends, from its port's arrays. Each row has shape (columns,)."""
        return self.outgoing[kind].rows(port) if kind in self.outgoing else ()

    def waiting(self) -> Iterator[Waiting]:
        """Yield what is missing, kind by kind."""
        for kind in self.awaited:
            inbox = self.inboxes[kind]
            if inbox.expects is not None and not inbox.complete:
                yield Waiting(self.node, kind, inbox.expects, inbox.missing)


@cache
def _by_step_kind(
    specs: tuple[RouteSpec, ...], wrt_inputs_only: bool
) -> dict[tuple[bool, bool, bool], tuple[MessageKind, ...]]:
    """Return which of these messages there are in a step, by its `StepKind`."""
    kinds = [StepKind(*flags) for flags in product((False, True), repeat=3)]
    return {
        kind: tuple(spec.kind for spec in specs if kind.has(spec.steps))
        if kind.wrt_inputs or not wrt_inputs_only
        else ()
        for kind in kinds
    }


class PortArrays(Generic[Address]):
    """The arrays of a port, under the names of `NeuronPort` and `LossPort`.

    Those of other kinds of messages are named after the kind: see `received_as`, `sent_from`.

    Args:
        mail: The member's inboxes and addresses.

    Attributes:
        activations_in: See `NeuronPort` and `LossPort`. Shape (fan_in + 1, columns), or
            (n_outputs, columns).
        activation_out: See `NeuronPort`. Shape (columns,).
        urgencies_in: See `NeuronPort`. Shape (fan_out, columns).
        urgencies_out: See `NeuronPort` and `LossPort`. Shape (listening sources, columns).
        commit_out: See `NeuronPort`. Shape (fan_in + 1,).
        targets: See `LossPort`. Shape (n_outputs, batch).
        losses: See `LossPort`. Shape (batch,).
        tangent_in: A neuron's part of the direction. Shape (1, fan_in + 1).
        direction: The row of `tangent_in`. Shape (fan_in + 1,).
    """

    activations_in: Array = NOTHING
    activation_out: Array = NOTHING
    urgencies_in: Array = NOTHING
    urgencies_out: Array = NOTHING
    commit_out: Array = NOTHING
    targets: Array = NOTHING
    losses: Array = NOTHING
    tangent_in: Array = freeze(np.empty((1, 0)))
    direction = _first_row("tangent_in")

    def __init__(self, mail: MemberMail[Address]) -> None:
        self._mail = mail

    @property
    def received(self) -> dict[MessageKind, Array]:
        """The mail that was received last, by kind. Shape (senders, columns) each.

        The senders are in the order of the routes.
        """
        names = {kind: received_as(kind) for kind in self._mail.inboxes}
        return {kind: getattr(self, name) for kind, name in names.items() if hasattr(self, name)}

    @property
    def out(self) -> dict[MessageKind, Array]:
        """What to fill in, by kind. Shape (columns,), or (receivers, columns) if not shared."""
        names = {kind: sent_from(kind) for kind in self._mail.outgoing}
        return {kind: getattr(self, name) for kind, name in names.items() if hasattr(self, name)}


class EnvironmentMail(MemberMail[Address]):
    """The mail of the environment: what begins a step, and what the step comes to.

    Attributes:
        ends: Where each neuron's part of commits and directions ends, without the last.
            Shape (n_neurons - n_inputs - 1,).
    """

    __slots__ = ("ends",)

    ends: Indices

    def count(self, x: Array, targets: Array | None) -> tuple[int, int]:
        """Return how many examples a step has, and how many columns each position has.

        Without targets there are as many examples as columns.

        Args:
            x: See `EnvironmentPort.begin`. Shape (n_inputs, columns).
            targets: See `EnvironmentPort.begin`. Shape (n_outputs, batch).
        """
        columns = x.shape[1] // self.outgoing[ACTIVATION].positions
        if targets is None:
            return columns, columns
        return targets.shape[1] // self.outgoing[TARGET].positions, columns

    def begin(self, step: Step, batch: int, columns: int) -> None:
        """Open the inboxes for a step.

        Args:
            step: The step.
            batch: How many losses there are.
            columns: How many columns each position has.
        """
        step_kind = StepKind.of(step)
        sizes = {Size.COLUMNS: columns, Size.EXAMPLES: batch, Size.PARAMETERS: None}
        self.awaited = tuple(
            [kind for kind, spec in self.specs.items() if step_kind.has(spec.steps)]
        )
        for kind in self.awaited:
            size = sizes[self.specs[kind].size]
            numbers = None if size is None else size * self.positions[kind]
            self.inboxes[kind].open(step.number, numbers)

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

    def take_outputs(self, port: OutputArrays) -> None:
        """Show what the step came to, all of which has arrived, in the arrays of a port."""
        port.received = {kind: self.inboxes[kind].take()[1] for kind in self.awaited}


def make_mail(
    network: Network, routes: Routes, addresses: Sequence[Address]
) -> tuple[list[MemberMail[Address]], EnvironmentMail[Address]]:
    """Make the mail of all members from the table of routes.

    Each route is one message, from one member to another. So it gives its sender one address, and
    an inbox of its receiver one row.

    Args:
        network: The network.
        routes: Its routes.
        addresses: For each route what its sender needs to send along it.

    Returns:
        The mail of the neurons and of the loss node, and that of the environment.
    """
    environment: EnvironmentMail[Address] = EnvironmentMail(routes.members[-1])
    environment.ends = np.cumsum(network.n_parameters[~network.is_input])[:-1]
    mails = [*(MemberMail[Address](name) for name in routes.members[:-1]), environment]
    _add_outgoing(network, routes, addresses, mails)
    _add_inboxes(network, routes, mails)
    for mail in mails:
        mail.plan_waits()
    return mails[:-1], environment


def _add_outgoing(
    network: Network,
    routes: Routes,
    addresses: Sequence[Address],
    mails: Sequence[MemberMail[Address]],
) -> None:
    """Give each member the addresses that it sends to."""
    n, n_parameters = len(network.ids), network.n_parameters.tolist()
    for spec in routes.specs:
        block = routes.block[spec.name]
        columns = (
            array[block].tolist() for array in (routes.sender, routes.optional, routes.positions)
        )
        for address, sender, optional, positions in zip(addresses[block], *columns, strict=True):
            outgoing = mails[sender].outgoing.get(spec.kind)
            if outgoing is None:
                has_parameters = spec.size is Size.PARAMETERS and sender < n
                length = n_parameters[sender] if has_parameters else None
                outgoing = mails[sender].outgoing[spec.kind] = Outgoing(spec, length, positions)
            outgoing.addresses_wrt_inputs.append(address)
            if not optional:
                outgoing.addresses.append(address)


def _add_inboxes(network: Network, routes: Routes, mails: Sequence[MemberMail[Address]]) -> None:
    """Give each member an inbox for each kind of mail that it receives."""
    senders: dict[tuple[int, MessageKind], list[str]] = {}  # of each inbox, as it knows them
    for spec in routes.specs:
        block = routes.block[spec.name]
        # an urgency belongs to a synapse, whose target has sent it
        ends = routes.target if spec.kind == URGENCY else routes.source
        columns = (array[block].tolist() for array in (routes.receiver, ends, routes.positions))
        for receiver, end, positions in zip(*columns, strict=True):
            mails[receiver].specs[spec.kind] = spec
            mails[receiver].positions[spec.kind] = positions
            senders.setdefault((receiver, spec.kind), []).append(routes.members[end])
    for (receiver, kind), names in senders.items():
        # the neuron's bias is the weight of a synapse whose activation is always one
        has_ones = (
            kind == ACTIVATION and receiver < len(network.ids) and not network.is_input[receiver]
        )
        inbox = Inbox(routes.members[receiver], kind, names, extra=has_ones)
        mails[receiver].inboxes[kind] = inbox
