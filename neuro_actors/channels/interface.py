"""What carries mail: the protocols of channels and ports. Users may write channels of their own.

A channels factory is called with the network and, where a log is written, with a `Recorder`. The
channels that it returns give every member of the society its port: each neuron and input, the loss
node, and the environment.

A port holds arrays. `receive` waits until all mail of one kind has arrived; then the port's arrays
of that kind hold it. Beside them lie arrays to fill in, and `send` sends these. All of them stay
valid until the next `receive` of the same kind.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from ..network.network import Network
from ..neuron.messages import MessageKind, Step
from ..support.arrays import Array
from ..support.errors import InputError
from ..support.own_names import check_port
from ..support.text import format_count
from .step_record import StepRecord
from .unreliable.faults import FaultEvent


class PortBase(Protocol):
    """What the ports of neurons and of the loss node have in common.

    Attributes:
        node: The member's name.
        number: The number of the step that the member is in: the step of the last activations, or
            the one whose activations it waits for.
    """

    node: str

    @property
    def number(self) -> int:
        """The number of the step that the member is in."""

    async def receive(self, kind: MessageKind) -> Step | None:
        """Wait until all mail of this kind has arrived.

        What the environment sends to a member comes with the step's activations: the targets to
        the loss node, and in a tangent step its part of the direction to a neuron.

        Returns:
            The step that the mail belongs to, or None if no more mail will come.
        """

    def send(self, kind: MessageKind, step: Step) -> None:
        """Send the arrays of this kind that were filled in. Never waits."""


class MailByKind(Protocol):
    """What ports of this package have beside: the mail of any kind that the table of routes has.

    Attributes:
        received: What was received last, by kind. Shape (senders, columns) each.
        out: What to fill in, by kind. Shape (columns,), or (receivers, columns) where each receiver
            gets its own row.
    """

    @property
    def received(self) -> dict[MessageKind, Array]:
        """What was received last, by kind. Shape (senders, columns) each."""

    @property
    def out(self) -> dict[MessageKind, Array]:
        """What to fill in, by kind. Shape (columns,), or (receivers, columns), each."""


class NeuronPort(PortBase, Protocol):
    """All that a neuron holds of the society: its own mail, and a way to its direct neighbours.

    Arrays are float64. Received arrays are C-contiguous, with rows in synapse order whatever the
    order of arrival. A row has one column per example, then the columns that the rule adds. All
    rows of a step have as many columns as the environment sent to the inputs.

    Attributes:
        activations_in: Received: activations of the sources, then a row of ones.
            Shape (fan_in + 1, columns). An input's: what the environment sent, shape (1, columns).
        activation_out: To fill in: the activation for every follower. Shape (columns,).
        urgencies_in: Received: one row from each follower, the loss node's row last.
            Shape (fan_out, columns).
        urgencies_out: To fill in: one row for each source that listens for urgencies.
            Shape (listening sources, columns).
        commit_out: To fill in: the commit for the environment. Shape (fan_in + 1,).
        direction: Received with the activations of a tangent step: the neuron's part of the
            direction. Shape (fan_in + 1,).
    """

    activations_in: Array
    activation_out: Array
    urgencies_in: Array
    urgencies_out: Array
    commit_out: Array
    direction: Array


class LossPort(PortBase, Protocol):
    """What the loss node holds of the society.

    Attributes:
        activations_in: Received: activations of the outputs. Shape (n_outputs, columns).
        targets: Received: the targets of the outputs. Shape (n_outputs, batch).
        urgencies_out: To fill in: one row for each output that listens for urgencies.
            Shape (listening outputs, columns).
        losses: To set: the loss of each example, for the environment. Shape (batch,), or (0,) in
            a step that only predicts.
    """

    activations_in: Array
    targets: Array
    urgencies_out: Array
    losses: Array


class StepOutputs(Protocol):
    """What the environment has received when a step has ended.

    Attributes:
        predictions: Activations of the outputs. Shape (n_outputs, columns).
        losses: The loss of each example. Shape (batch,).
        commits: The commits of all neurons, one after another in the network's order.
            Shape (n_synapses + n_neurons - n_inputs,).
        input_urgencies: Urgencies of the inputs in a step `wrt_inputs`. Shape (n_inputs, columns).
    """

    predictions: Array
    losses: Array
    commits: Array
    input_urgencies: Array


class EnvironmentPort(StepOutputs, Protocol):
    """What the environment holds: it begins a step, and receives the step's outputs."""

    def begin(
        self, step: Step, x: Array, targets: Array | None, direction: Array | None = None
    ) -> None:
        """Begin a step: send to inputs, loss node and neurons. Never waits.

        Args:
            step: The step.
            x: For each input its row. Shape (n_inputs, columns).
            targets: For the loss node. Shape (n_outputs, batch). None in a step without a loss.
            direction: In a tangent step the parts of all neurons, laid out as commits are.
                Shape (n_synapses + n_neurons - n_inputs,).
        """

    async def wait_end(self) -> None:
        """Wait until everything that answers the step has arrived.

        A cancelled call loses nothing, and may be called again.
        """


@dataclass(frozen=True, slots=True)
class Waiting:
    """Which member waits for which others.

    Attributes:
        node: The member that waits.
        kind: The kind of mail that it waits for.
        step: The number of the step.
        missing: The members whose message has not arrived.
    """

    node: str
    kind: MessageKind
    step: int
    missing: tuple[str, ...]

    def __str__(self) -> str:
        names = ", ".join(self.missing[:5]) + (
            f" and {len(self.missing) - 5} more" if len(self.missing) > 5 else ""
        )
        return f"{self.node} waits for the {self.kind} of {names}"


@dataclass(frozen=True, slots=True)
class Statistics:
    """What channels have carried.

    Attributes:
        messages: How many messages were sent.
        mailboxes: For each member the greatest number of messages that its mailbox ever held, and
            the mailbox's capacity. A member has one mailbox per lane; the fullest one counts.
        disturbances: Of `na.Unreliable`: how often each fault occurred, and what followed from
            the faults. None for other channels.
    """

    messages: int
    mailboxes: dict[str, tuple[int, int]]
    disturbances: dict[str, int] | None = None

    def __repr__(self) -> str:
        """Return one line, however many mailboxes there are."""
        parts = [format_count(self.messages, "message")]
        if self.mailboxes:
            held, room = max(self.mailboxes.values(), key=lambda one: one[0] / max(1, one[1]))
            parts.append(f"the fullest mailbox held {held} of {room}")
        if self.disturbances is not None:
            parts.append(
                ", ".join(f"{count:,} {name}" for name, count in self.disturbances.items())
            )
        return f"<Statistics: {'; '.join(filter(None, parts))}>"


class Channels(Protocol):
    """What channels must offer, and no more."""

    @property
    def environment(self) -> EnvironmentPort:
        """The environment's port."""

    @property
    def loss(self) -> LossPort:
        """The loss node's port."""

    def port(self, k: int) -> NeuronPort:
        """Return the port of the network's k-th neuron."""

    def resume(self, number: int, stride: int = 1) -> None:
        """Set the numbers of the steps. Called before any member waits, if it is called at all.

        Without this call the first step is step 1, and each further one is 1 later. Channels
        without `stride` cannot be one of several lanes.

        Args:
            number: The next step is step number + stride.
            stride: The distance from one step to the next.
        """

    def waiting(self) -> Iterator[Waiting]:
        """Yield which member waits for which others, now."""

    def statistics(self) -> Statistics:
        """Return what has been carried so far."""

    def stop(self) -> None:
        """End the mail: no more is sent.

        Every `receive` returns None, at the latest when the mail that has arrived was received.
        """

    def close(self) -> None:
        """Release what the channels hold. Called once, when no member is left."""

    def run_member(
        self,
        member: int | None,
        create_rule: Callable[[], Any],
        life: Callable[[Any, Any], Coroutine[Any, Any, None]],
    ) -> Coroutine[Any, Any, None]:
        """Run a member until the channels are stopped.

        Args:
            member: The neuron's position in the network, or None for the loss node.
            create_rule: Makes the member's rule. Called again if the member restarts.
            life: Runs the member: life(rule, port).
        """

    async def run(self) -> None:
        """Carry the mail until the channels are stopped, if that needs a task of its own."""


class ChannelsDefaults:
    """What channels inherit whose members do not restart, and whose mail needs no task."""

    def run_member(
        self: Channels,
        member: int | None,
        create_rule: Callable[[], Any],
        life: Callable[[Any, Any], Coroutine[Any, Any, None]],
    ) -> Coroutine[Any, Any, None]:
        """See `Channels.run_member`.

        Raises:
            SimulationError: A user's port has a name of an older version; see `check_port`.
        """
        # no coroutine of its own: a million members would each hold one more
        port = self.loss if member is None else self.port(member)
        check_port(type(port))
        return life(create_rule(), port)

    async def run(self) -> None:
        """See `Channels.run`. Returns at once."""


class CompletedChannels(ChannelsDefaults):
    """A user's channels that lack `run_member` or `run`, completed by the defaults.

    Channels that hold others, and pass to them what they do not have themselves, have no
    `run_member` of their own: that of the others would take the ports of the others.

    Attributes:
        inner: The user's channels.
    """

    def __init__(self, inner: object) -> None:
        """Complete channels.

        Args:
            inner: The user's channels, which have all other methods of `Channels`.

        Raises:
            InputError: They have ports of their own, and the members run as other channels say.
        """
        self.inner = inner
        for name in ("run_member", "run"):
            if hasattr(inner, name):  # what the user has written comes before a default
                setattr(self, name, getattr(inner, name))
        if not _has_itself(inner, "run_member"):
            found = getattr(inner, "run_member", None)
            other = type(getattr(found, "__self__", None))
            if getattr(other, "run_member", None) is ChannelsDefaults.run_member:
                del self.run_member
            elif found is not None and _has_itself(inner, "port"):
                raise InputError(
                    f"{type(inner).__name__} has ports of its own, but its members would run as "
                    f"{other.__name__} says, with other ports: give it a method run_member"
                )

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def has_own_loop(channels: object) -> bool:
    """Return whether channels have `run_member` and `run`, not only those of others inside them.

    Args:
        channels: A user's channels.
    """
    return _has_itself(channels, "run_member") and _has_itself(channels, "run")


def _has_itself(value: object, name: str) -> bool:
    return hasattr(type(value), name) or name in getattr(value, "__dict__", ())


class Recorder(Protocol):
    """What channels call with everything that is sent, such as a log's writer."""

    def record(self, step: Step, record: StepRecord) -> None:
        """Record a step, when it has ended, or when the channels are closed in the middle of it.

        Args:
            step: The step.
            record: All its messages.
        """

    def record_fault(self, event: FaultEvent) -> None:
        """Record a fault at once, when it occurs: that a message was lost, say.

        Called by channels that inject faults, see `unreliable/`.
        """


ChannelsFactory: TypeAlias = Callable[[Network, Recorder | None], Channels]
"""Makes channels for a network, which report to the recorder if there is one."""
