"""All messages of a society in one table: what goes from where to where, and when.

A new kind of message is one row of `ROUTES`. Made from the table are the addresses of memory
channels, the number of messages that were sent, the records of a step, the rows of a log, what an
audit expects, the acknowledgements of unreliable channels, and what the viewer shows of faults.

The law:

1. A row of the table stands for a block of routes: one for each synapse, input, neuron or output.
   A route carries at most one message in a step.
2. A member sends its messages at three moments. BEGIN: the environment begins the step. FIRE: the
   member has received the activations, and sends its own. RESPOND: it has received the urgencies,
   if there are any, and sends the last messages of the step. The loss node sends when it responds.
3. A message that is sent when its sender responds goes to an input in a step `wrt_inputs` only.
4. Routes are counted block after block, and within a block in the network's order. A member that
   sends to several others, or receives from several, does so in the order of the routes.
5. Messages with one content share a row of a step's record, and of a log: the activation of a
   neuron, which goes to all its followers, the loss node and the environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

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
from ..support.arrays import Array, Indices
from .step_record import Progress, RecordedRows, StepRecord


class Over(Enum):
    """What a block of routes has one route for."""

    SYNAPSES = "synapse"
    INPUTS = "input"
    NEURONS = "neuron that is no input"
    OUTPUTS = "output"
    SOCIETY = "society"


class End(Enum):
    """A member at the end of a route."""

    SOURCE = "the synapse's source"
    TARGET = "the synapse's target"
    ITSELF = "the input, neuron or output that the route is for"
    LOSS_NODE = "the loss node"
    ENVIRONMENT = "the environment"


class Moment(Enum):
    """When a member sends a message; see law 2."""

    BEGIN = "begin"
    FIRE = "fire"
    RESPOND = "respond"


class Steps(Enum):
    """In which steps a message is sent."""

    ALL = "all"
    WITH_LOSS = "with a loss"
    WRT_INPUTS = "wrt_inputs"
    TANGENT = "tangent"


class Size(Enum):
    """How many numbers a message holds, for each position that it is about."""

    COLUMNS = "one per example, and those that the rule adds"
    EXAMPLES = "one per example"
    PARAMETERS = "one per incoming synapse of the neuron, and one for its bias"


class StepKind(NamedTuple):
    """What decides which messages a step has.

    Attributes:
        with_loss: Whether a loss is computed.
        wrt_inputs: Whether urgencies reach the inputs.
        tangent: Whether neurons receive a direction.
    """

    with_loss: bool
    wrt_inputs: bool
    tangent: bool

    @classmethod
    def of(cls, step: Step) -> StepKind:
        """Return the kind of a step."""
        return cls(step.loss is not None, step.wrt_inputs, step.tangent)

    def has(self, steps: Steps) -> bool:
        """Return whether messages that are sent in `steps` are sent in a step of this kind."""
        return (
            steps is Steps.ALL
            or (steps is Steps.WITH_LOSS and self.with_loss)
            or (steps is Steps.WRT_INPUTS and self.with_loss and self.wrt_inputs)
            or (steps is Steps.TANGENT and self.tangent)
        )


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """One row of the table.

    Attributes:
        name: Name of the block of routes.
        kind: What the messages are about. Logs store it.
        over: What there is a route for.
        sender, receiver: The members at its ends.
        moment: When the sender sends.
        steps: In which steps it does.
        phase: By which phase of `na.Recording(phases=...)` the messages are recorded.
        size: How many numbers a message holds.
        answered_by: Name of the block whose message answers, and so acknowledges, a message of
            this one. "": unreliable channels have the receiver ask for it.
        row: Name of the block of rows that records the messages. "": a row for each message.
            Otherwise all messages that one member sends in blocks of this name are equal, and
            share one row.
        synapse: The ends that the message names, `Message.source` and `Message.target`. None:
            sender and receiver.
        replayed: Whether an audit can compute the message anew. One that it cannot is sealed, as
            those of the environment are.
    """

    name: str
    kind: MessageKind
    over: Over
    sender: End
    receiver: End
    moment: Moment
    steps: Steps
    phase: str
    size: Size = Size.COLUMNS
    answered_by: str = ""
    row: str = ""
    synapse: tuple[End, End] | None = None
    replayed: bool = True

    @property
    def sealed(self) -> bool:
        """Whether a log's digest chain covers the messages, for no replay can prove them."""
        return self.sender is End.ENVIRONMENT or not self.replayed


_SYNAPSES, _INPUTS, _NEURONS, _OUTPUTS, _SOCIETY = Over
_SOURCE, _TARGET, _ITSELF, _LOSS_NODE, _ENVIRONMENT = End
_BEGIN, _FIRE, _RESPOND = Moment
_ALL, _WITH_LOSS, _WRT_INPUTS, _TANGENT = Steps
_COLUMNS, _EXAMPLES, _PARAMETERS = Size

ROUTES: tuple[RouteSpec, ...] = (
    RouteSpec("inputs", ACTIVATION, _INPUTS, _ENVIRONMENT, _ITSELF, _BEGIN, _ALL, "forward",
              answered_by="input_urgencies"),
    RouteSpec("forward", ACTIVATION, _SYNAPSES, _SOURCE, _TARGET, _FIRE, _ALL, "forward",
              answered_by="backward", row="activations"),
    RouteSpec("to_loss", ACTIVATION, _OUTPUTS, _ITSELF, _LOSS_NODE, _FIRE, _ALL, "forward",
              answered_by="loss_to_outputs", row="activations"),
    RouteSpec("to_environment", ACTIVATION, _OUTPUTS, _ITSELF, _ENVIRONMENT, _FIRE, _ALL, "forward",
              row="activations"),
    RouteSpec("targets", TARGET, _OUTPUTS, _ENVIRONMENT, _LOSS_NODE, _BEGIN, _WITH_LOSS, "loss",
              _EXAMPLES, answered_by="losses", synapse=(_ITSELF, _LOSS_NODE)),
    RouteSpec("losses", LOSS, _SOCIETY, _LOSS_NODE, _ENVIRONMENT, _RESPOND, _ALL, "loss",
              _EXAMPLES),
    RouteSpec("backward", URGENCY, _SYNAPSES, _TARGET, _SOURCE, _RESPOND, _WITH_LOSS, "backward",
              synapse=(_SOURCE, _TARGET)),
    RouteSpec("loss_to_outputs", URGENCY, _OUTPUTS, _LOSS_NODE, _ITSELF, _RESPOND, _WITH_LOSS,
              "backward", synapse=(_ITSELF, _LOSS_NODE)),
    RouteSpec("input_urgencies", URGENCY, _INPUTS, _ITSELF, _ENVIRONMENT, _RESPOND, _WRT_INPUTS,
              "backward", synapse=(_ENVIRONMENT, _ITSELF)),
    RouteSpec("commits", COMMIT, _NEURONS, _ITSELF, _ENVIRONMENT, _RESPOND, _WITH_LOSS, "commit",
              _PARAMETERS),
    RouteSpec("directions", TANGENT, _NEURONS, _ENVIRONMENT, _ITSELF, _BEGIN, _TANGENT, "forward",
              _PARAMETERS, answered_by="commits"),
)  # fmt: skip


def message_kinds(phase: str | None = None) -> tuple[MessageKind, ...]:
    """Return the kinds of messages of a phase, or of all phases, in the order of the table."""
    return tuple(dict.fromkeys(spec.kind for spec in ROUTES if phase in (None, spec.phase)))


def ends_of(kind: str, source: str, target: str) -> tuple[str, str]:
    """Return the sender and the receiver of a message.

    Args:
        kind: The kind of message, one of the table's.
        source: The source that the message names.
        target: The target that the message names.
    """
    spec = next(spec for spec in ROUTES if spec.kind == kind)
    named = dict(zip(spec.synapse or (spec.sender, spec.receiver), (source, target), strict=True))
    known = {End.LOSS_NODE: LOSS_NODE, End.ENVIRONMENT: ENVIRONMENT} | named
    return known[spec.sender], known[spec.receiver]


def shares_row(kind: str, sender: str) -> bool:
    """Return whether all messages of this kind that a member sends share one row of a log."""
    by_environment = sender == ENVIRONMENT
    return any(
        bool(spec.row)
        for spec in ROUTES
        if spec.kind == kind and (spec.sender is End.ENVIRONMENT) == by_environment
    )


def receivers_of(network: Network, kind: str, sender: str) -> list[str]:
    """Return the members that receive what a member sends in messages that share one row.

    Args:
        network: The network.
        kind: The kind of message.
        sender: The name of the member.
    """
    members = (*network.ids, LOSS_NODE, ENVIRONMENT)
    k = members.index(sender)
    blocks = [RouteBlock(network, spec) for spec in ROUTES if spec.kind == kind and spec.row]
    return [members[r] for b in blocks for r in b.receiver[b.sender == k].tolist()]


class RouteBlock:
    """The routes of one row of the table, in one network.

    A member is a number: a neuron's place in the network, then the loss node, then the environment.

    Attributes:
        spec: The row of the table.
        sender, receiver: Members, one for each route. Shape (size,), perhaps one value broadcast.
        source, target: The members that the messages name. Shape (size,).
    """

    def __init__(self, network: Network, spec: RouteSpec) -> None:
        self.spec = spec
        self._network = network
        self.sender, self.receiver = self._members(spec.sender), self._members(spec.receiver)
        ends = spec.synapse or (spec.sender, spec.receiver)
        self.source, self.target = (self._members(end) for end in ends)

    def __len__(self) -> int:
        return len(self.sender)

    def _items(self) -> Indices:
        network, over = self._network, self.spec.over
        if over is Over.INPUTS:
            return np.flatnonzero(network.is_input)
        if over is Over.NEURONS:
            return np.flatnonzero(~network.is_input)
        if over is Over.OUTPUTS:
            return network.output_positions
        return np.zeros(1 if over is Over.SOCIETY else len(network.weights), dtype=np.intp)

    def _members(self, end: End) -> Indices:
        if end is End.SOURCE:
            return self._network.sources
        if end is End.TARGET:
            return self._network.targets
        items = self._items()
        if end is End.ITSELF:
            return items
        number = len(self._network.ids) + (end is End.ENVIRONMENT)
        return np.broadcast_to(np.array(number), len(items))

    @property
    def n_positions(self) -> Indices:
        """How many positions a message is about: its numbers are one for each, times its size.

        Those of the source, for messages along a synapse. Shape (size,).
        """
        of_neurons = self._network.n_positions
        if self.spec.over is Over.SYNAPSES:
            return of_neurons[self._network.sources]
        if self.spec.over is Over.SOCIETY or self.spec.size is Size.PARAMETERS:
            return np.ones(len(self), dtype=np.intp)
        return of_neurons[self._items()]

    @property
    def n_parameters(self) -> Indices:
        """How many numbers a message of the size PARAMETERS holds, otherwise 0. Shape (size,)."""
        if self.spec.size is not Size.PARAMETERS:
            return np.zeros(len(self), dtype=np.intp)
        return self._network.n_parameters[self._items()]

    def is_used(self, kind: StepKind) -> bool | NDArray[np.bool_]:
        """Return which routes carry a message in a step of this kind: all, none, or an array.

        Returns:
            True, False, or a mask of the routes. Shape (size,).
        """
        spec, is_input = self.spec, self._network.is_input
        if not kind.has(spec.steps) or spec.moment is not Moment.RESPOND or kind.wrt_inputs:
            return kind.has(spec.steps)
        if spec.receiver not in (End.SOURCE, End.TARGET, End.ITSELF):
            return True
        return ~is_input[self.receiver]  # law 3

    def is_sent(self, progress: Progress | None) -> bool | NDArray[np.bool_]:
        """Return which routes have carried their message when a step has come so far.

        Args:
            progress: How far it has come. None: to its end.

        Returns:
            True, or a mask of the routes. Shape (size,).
        """
        return _has_sent(self.spec.moment, self.sender, progress)

    def count(self, kind: StepKind, progress: Progress | None) -> int:
        """Return how many messages the routes have carried in a step that has come so far."""
        used, sent = self.is_used(kind), self.is_sent(progress)
        if isinstance(used, bool) and isinstance(sent, bool):
            return len(self) * (used and sent)
        return int(np.count_nonzero(used & sent))


def _has_sent(
    moment: Moment, sender: Indices, progress: Progress | None
) -> bool | NDArray[np.bool_]:
    if progress is None or moment is Moment.BEGIN:
        return True
    done = progress.sent_activation if moment is Moment.FIRE else progress.finished
    return np.append(done, [progress.loss_done, True])[sender]


def route_blocks(network: Network) -> tuple[RouteBlock, ...]:
    """Return the routes of a network's society, a block for each row of the table."""
    return tuple(RouteBlock(network, spec) for spec in ROUTES)


def count_messages(
    blocks: Sequence[RouteBlock], step: Step, progress: Progress | None = None
) -> int:
    """Return how many messages have been sent in a step.

    Args:
        blocks: The routes, see `route_blocks`.
        step: The step.
        progress: How far the step has come. None: to its end.
    """
    kind = StepKind.of(step)
    return sum(block.count(kind, progress) for block in blocks)


class RowBlock:
    """Rows of a record or a log: one for each message that can differ from all others in a step.

    Attributes:
        name: Its name, `RouteSpec.row` or else that of the block of routes.
        spec: A row of the table that it holds messages of. All of them have the same kind, size,
            moment and phase.
        sender: Members, one for each row. Shape (n_rows,).
        receiver: Members, one for each row. Shape (n_rows,). None where several share a row.
        n_messages: How many messages each row stands for. Shape (n_rows,).
        n_parameters: How many numbers a row of the size PARAMETERS holds. Shape (n_rows,).
        n_positions: How many positions a row is about: it holds its size times so many numbers.
            Shape (n_rows,).
        routes: The blocks of routes whose messages the rows hold, with the row of each route.
    """

    def __init__(self, name: str, blocks: Sequence[RouteBlock], n_members: int) -> None:
        self.name, self.spec = name, blocks[0].spec
        if not self.spec.row:
            (block,) = blocks
            self.sender = block.sender
            self.receiver: Indices | None = block.receiver
            rows = [np.arange(len(block))]
        else:
            sends = np.zeros(n_members, dtype=bool)
            for block in blocks:
                sends[block.sender] = True
            self.sender, self.receiver = np.flatnonzero(sends), None
            rows = [np.searchsorted(self.sender, block.sender) for block in blocks]
        self.routes = tuple(zip(blocks, rows, strict=True))
        self.n_messages: Indices = np.bincount(np.concatenate(rows), minlength=len(self.sender))
        self.n_parameters: Indices = np.zeros(len(self.sender), dtype=np.intp)
        self.n_parameters[np.concatenate(rows)] = np.concatenate(
            [block.n_parameters for block in blocks]
        )
        self.n_positions: Indices = np.ones(len(self.sender), dtype=np.intp)
        self.n_positions[np.concatenate(rows)] = np.concatenate(
            [block.n_positions for block in blocks]
        )

    def __len__(self) -> int:
        return len(self.sender)

    @property
    def positions(self) -> int | None:
        """How many positions each row is about; None if not all are about as many."""
        known = self.n_positions
        return int(known[0]) if len(known) and (known == known[0]).all() else None

    def is_used(self, kind: StepKind) -> NDArray[np.bool_]:
        """Return which rows there are in a step of this kind. Shape (n_rows,)."""
        used = np.zeros(len(self), dtype=bool)
        for block, rows in self.routes:
            used[rows[np.broadcast_to(block.is_used(kind), len(rows))]] = True
        return used

    def is_sent(self, progress: Progress | None) -> NDArray[np.bool_]:
        """Return which rows have been sent when a step has come so far. Shape (n_rows,)."""
        sent: NDArray[np.bool_] = np.zeros(len(self), dtype=bool)
        sent[:] = _has_sent(self.spec.moment, self.sender, progress)
        return sent


def row_blocks(network: Network) -> tuple[RowBlock, ...]:
    """Return the rows of a step of this network's society, in the order of the table."""
    blocks: dict[str, list[RouteBlock]] = {}
    for block in route_blocks(network):
        blocks.setdefault(block.spec.row or block.spec.name, []).append(block)
    return tuple(RowBlock(name, held, len(network.ids) + 2) for name, held in blocks.items())


class SentMessage(NamedTuple):
    """A message as a record has it.

    Attributes:
        kind: What it is about.
        sender: The name of the member that sent it.
        receiver: The name of the member that it was sent to.
        source: The source of the synapse that it went along.
        target: The synapse's target.
        values: What it holds. Shape (numbers,).
    """

    kind: MessageKind
    sender: str
    receiver: str
    source: str
    target: str
    values: Array


def read_messages(network: Network, step: Step, record: StepRecord) -> Iterator[SentMessage]:
    """Yield the messages that a record holds, block of rows after block of rows.

    Args:
        network: The network.
        step: The step.
        record: Its record.
    """
    kind, members = StepKind.of(step), (*network.ids, LOSS_NODE, ENVIRONMENT)
    for block in row_blocks(network):
        held = record.blocks.get(block.name)
        if held is None:
            continue
        there = block.is_used(kind)
        if record.sent is not None:
            there &= record.sent[block.name]
        values = _split(block, held)
        for routes, rows in block.routes:
            ends = (routes.sender, routes.receiver, routes.source, routes.target)
            for route in np.flatnonzero(there[rows] & routes.is_used(kind)).tolist():
                sender, receiver, source, target = (members[end[route]] for end in ends)
                row = values[rows[route]]
                yield SentMessage(routes.spec.kind, sender, receiver, source, target, row)


def _split(block: RowBlock, held: RecordedRows) -> Sequence[Array] | Array:
    if block.spec.size is Size.PARAMETERS:
        return np.split(held.values, np.cumsum(block.n_parameters)[:-1])
    if held.values.ndim == 1:
        ends = np.cumsum(block.n_positions)
        return np.split(held.values, ends[:-1] * (len(held.values) // int(ends[-1])))
    return held.values if held.places is None else held.values.take(held.places, 0, mode="clip")


class Routes:
    """All routes of a network's society in one list, for engines that make an object for each.

    Attributes:
        members: Names: the neurons in the network's order, the loss node, the environment.
        kinds: All kinds of messages.
        kind: Places in `kinds`. Shape (n_routes,), as the following arrays.
        source, target: Places in `members`, the ends that the message names.
        sender, receiver: Places in `members`.
        optional: True for a route that carries a message in a step `wrt_inputs` only.
        positions: How many positions each route's message is about.
        row: For each route the row of a step's record, counted over all `row_blocks`.
        specs: The rows of the table that they were made from.
        block: For each row of the table the slice of its routes.
        n_rows: How many rows there are.
    """

    def __init__(self, network: Network) -> None:
        self.members = (*network.ids, LOSS_NODE, ENVIRONMENT)
        self.kinds = message_kinds()
        rows = row_blocks(network)
        starts = np.cumsum([0, *map(len, rows)]).tolist()
        row_of = {
            block.spec.name: start + numbers
            for held, start in zip(rows, starts, strict=False)
            for block, numbers in held.routes
        }
        blocks = route_blocks(network)
        self.specs = tuple(block.spec for block in blocks)
        ends = np.cumsum([0, *map(len, blocks)]).tolist()
        self.block = {
            block.spec.name: slice(start, end)
            for block, (start, end) in zip(blocks, pairwise(ends), strict=True)
        }
        self.n_rows = starts[-1]
        self.row: Indices = np.concatenate([row_of[name] for name in self.block])
        kinds = [self.kinds.index(block.spec.kind) for block in blocks]
        self.kind: NDArray[np.int8] = np.repeat(np.array(kinds, np.int8), np.diff(ends))
        self.source, self.target, self.sender, self.receiver = (
            np.concatenate([getattr(block, end) for block in blocks])
            for end in ("source", "target", "sender", "receiver")
        )
        self.positions: Indices = np.concatenate([block.n_positions for block in blocks])
        without = StepKind(with_loss=True, wrt_inputs=False, tangent=True)
        self.optional = ~np.concatenate(
            [np.broadcast_to(block.is_used(without), len(block)) for block in blocks]
        )

    def __len__(self) -> int:
        return len(self.kind)
