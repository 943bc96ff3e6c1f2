"""What carries mail. An engine is a class behind one small interface; users may hand over their own.

An engine is called with the network and, where a log is kept, with its `Recorder`. It then gives each member of the
society its port: each neuron and input, the loss, and the environment, which is the world's.

A port is a desk. `wait` lets one wait until the mail of one kind is there; then it lies on the desk in arrays, and beside
it lie sheets to fill in, which `send` sends. All of it is there until the next `wait` for the same kind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from ..network.network import Network
from ..neuron.messages import Kind, Step
from ..support.validation import Array
from .step_record import StepRecord


class Desk(Protocol):
    """What every member's port has."""

    node: str

    async def wait(self, kind: Kind) -> Step | None:
        """Wait until all mail of that kind is there; the step that it is of, or None if no more mail will come."""

    def send(self, kind: Kind, step: Step) -> None:
        """Send the sheet of that kind. Never waits."""


class Port(Desk, Protocol):
    """All that a neuron holds of the society: its own mail, and a way to its direct neighbours.

    Mail, C-contiguous, in synapse order whatever the order of arrival:
    heard: (fan_in + 1, columns), the activations of its sources, then a row of ones (an input: (1, columns), the world's).
    urgencies: (fan_out, columns), one from each follower, the loss behind all others.

    Sheets, float64, to be filled in:
    activation: (columns,), for every follower.
    back: (listening sources, columns), a row for each.
    commit: (fan_in + 1,), for the environment.

    In a tangent step also mail: direction, (fan_in + 1,), its part of the direction. Columns are one an example, and behind
    them those that the rule adds; all rows of a step have as many as the world told the inputs.
    """

    heard: Array
    activation: Array
    urgencies: Array
    back: Array
    commit: Array
    direction: Array


class LossPort(Desk, Protocol):
    """What the loss holds.

    heard: (n_outputs, columns), what the outputs said.  targets: (n_outputs, batch), what they should have said.
    back: (listening outputs, columns), a sheet for their urgencies.  losses: (batch,), what it has made for the world.
    """

    heard: Array
    targets: Array
    back: Array
    losses: Array


class Heard(Protocol):
    """What the world has heard of a step.

    predictions: (n_outputs, columns).  losses: (batch,).  urgencies: (n_inputs, columns), of a step `wrt_inputs`.
    commits: what the neurons committed, one after another in the network's order, (n_synapses + n_neurons - n_inputs,).
    """

    predictions: Array
    losses: Array
    commits: Array
    urgencies: Array


class EnvironmentPort(Heard, Protocol):
    """What the world holds: it begins a step, and hears what came of it."""

    def begin(
        self, step: Step, x: Array, targets: Array | None, direction: Array | None = None
    ) -> None:
        """Tell each input its row of x, (n_inputs, columns), the loss the targets, (n_outputs, batch), and in a tangent
        step each neuron its part of the direction, which lies there as commits do. Never waits."""

    async def end(self) -> None:
        """Wait until everything that answers the step is there. Cancelled, it has lost nothing and may be called again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who waits for whom, and since which step."""

    node: str
    kind: Kind
    step: int
    missing: tuple[str, ...]

    def __str__(self) -> str:
        names = ", ".join(self.missing[:5]) + (
            f" and {len(self.missing) - 5} more" if len(self.missing) > 5 else ""
        )
        return f"{self.node} waits for the {self.kind} of {names}"


@dataclass(frozen=True, slots=True)
class Statistics:
    """What an engine has carried.

    messages: how many were sent.  mailboxes: for each member, how full its mailbox ever was, and how full it may be; of
        several lanes, in each of which it has one, that which was fullest.
    disturbances: of `na.Unreliable`: how often what has happened, and what came of it; else None.
    """

    messages: int
    mailboxes: dict[str, tuple[int, int]]
    disturbances: dict[str, int] | None = None


class Channels(Protocol):
    """What an engine must offer, and no more."""

    @property
    def environment(self) -> EnvironmentPort:
        """The world's port."""

    @property
    def loss(self) -> LossPort:
        """The loss's port."""

    def port(self, k: int) -> Port:
        """The port of the network's k-th neuron."""

    def resume(self, number: int, stride: int = 1) -> None:
        """Called before anybody waits, where a run goes on after that step, or where not every step goes along here: the
        next is step number + stride, then each so much later. (An engine without `stride` can't be one of several lanes.)
        Else the first is step 1, then each one later."""

    def waiting(self) -> Iterator[Waiting]:
        """Who waits for whom, now."""

    def statistics(self) -> Statistics:
        """What has been carried so far."""

    def stop(self) -> None:
        """No more mail will come: whoever waits for some, or will, is told None."""

    def close(self) -> None:
        """Called once, when no member is left."""


@runtime_checkable
class Supervising(Protocol):
    """What channels offer besides, whose members may die and be born again."""

    async def supervise(
        self,
        member: int,
        birth: Callable[[], Any],
        life: Callable[[Any, Any, int], Awaitable[None]],
    ) -> None:
        """Live the member's life: `life(rule, port, number)`, from the end of that step, with a rule from `birth`; after
        its death again, from what it had committed. members: the neurons in the network's order, then the loss."""

    async def carry(self) -> None:
        """Carry the mail, until the channels are stopped."""


class Recorder(Protocol):
    """What hears every message. An engine tells it of each as it is sent, or of a whole step's when it is over."""

    def message(self, step: Step, line: int, values: Array) -> None:
        """One of them, sent along this line (see `routes.py`)."""

    def messages(self, step: Step, said: StepRecord) -> None:
        """All of a step, or of as much of it as there was."""


Engine: TypeAlias = Callable[[Network, Recorder | None], Channels]
